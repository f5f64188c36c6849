//! The changes that are being made: how far each is, and how it is stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use estate::{CancelToken, ChangeId, UserId};
use tokio::sync::watch;

/// Who makes it, and under which number.
type Key = (UserId, ChangeId);

/// The changes that are being made, by whom.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<Key, Weak<RunningOperation>>>);

/// One of them, for as long as it runs; sent again under its number meanwhile it is the same one,
/// and is stopped with it.
pub(super) struct RunningOperation {
    all: Arc<Running>,
    key: Key,
    pub(super) cancel: CancelToken,
    /// How far it is, and of how much as far as that is known.
    pub(super) done: watch::Sender<(u64, u64)>,
}

impl Running {
    fn lock_running(&self) -> MutexGuard<'_, HashMap<Key, Weak<RunningOperation>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One begins.
    pub(super) fn begin(self: &Arc<Self>, user: UserId, id: &ChangeId) -> Arc<RunningOperation> {
        let key = (user, id.clone());
        let mut kept = self.lock_running();
        if let Some(runs) = kept.get(&key).and_then(Weak::upgrade) {
            return runs;
        }
        let all = Arc::clone(self);
        let one = RunningOperation {
            all,
            key: key.clone(),
            cancel: CancelToken::new(),
            done: watch::channel((0, 0)).0,
        };
        let one = Arc::new(one);
        kept.insert(key, Arc::downgrade(&one));
        one
    }

    fn one(&self, user: UserId, id: &ChangeId) -> Option<Arc<RunningOperation>> {
        self.lock_running().get(&(user, id.clone())).and_then(Weak::upgrade)
    }

    /// Stops one, if it runs.
    pub(super) fn stop(&self, user: UserId, id: &ChangeId) -> bool {
        self.one(user, id).map(|one| one.cancel.cancel()).is_some()
    }

    /// Hears how far one is, until it ends.
    pub(super) fn watch(&self, user: UserId, id: &ChangeId) -> Option<watch::Receiver<(u64, u64)>> {
        self.one(user, id).map(|one| one.done.subscribe())
    }

    /// How far one is, if it runs.
    pub(super) fn progress_of(&self, user: UserId, id: &ChangeId) -> Option<(u64, u64)> {
        self.one(user, id).map(|one| *one.done.borrow())
    }
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        let mut kept = self.all.lock_running();
        // Another one may have begun under the number since this one was let go of.
        if kept.get(&self.key).is_some_and(|one| one.strong_count() == 0) {
            kept.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_is_sent_again_while_it_runs_is_stopped_with_the_first() {
        let (all, user, id) = (Arc::<Running>::default(), UserId(1), ChangeId("c-1".into()));
        let first = all.begin(user, &id);
        let again = all.begin(user, &id);
        first.done.send_replace((7, 9));
        assert_eq!((all.progress_of(user, &id), all.progress_of(UserId(2), &id)), (Some((7, 9)), None));
        assert!(all.stop(user, &id) && first.cancel.is_cancelled() && again.cancel.is_cancelled());
        drop(first);
        assert!(all.stop(user, &id), "the other one is still there");
        drop(again);
        assert!(!all.stop(user, &id) && all.lock_running().is_empty());
        assert!(!all.begin(user, &id).cancel.is_cancelled());
    }
}
