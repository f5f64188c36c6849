//! Answers that last as long as whoever reads them: so many for each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use estate::UserId;

use super::problem::Problem;

/// When to try again where somebody has too many.
const LATER: u64 = 5;

/// How many each user has.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<UserId, usize>>);

/// One of them, for as long as it lasts.
pub(super) struct Stream(Arc<Streams>, UserId);

impl Streams {
    fn all(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, unless the user has that many.
    pub(super) fn begin(streams: &Arc<Self>, user: UserId, most: usize) -> Result<Stream, Problem> {
        let mut all = streams.all();
        let count = all.entry(user).or_default();
        if *count >= most {
            return Err(Problem::too_many(LATER));
        }
        *count += 1;
        Ok(Stream(Arc::clone(streams), user))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut all = self.0.all();
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_and_another_one_as_many() {
        let streams = Arc::default();
        let one = Streams::begin(&streams, UserId(1), 1).ok();
        assert!(one.is_some() && Streams::begin(&streams, UserId(1), 1).is_err());
        assert!(Streams::begin(&streams, UserId(2), 1).is_ok());
        drop(one);
        assert!(Streams::begin(&streams, UserId(1), 1).is_ok() && streams.all().is_empty());
    }
}
