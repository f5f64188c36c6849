//! The changes that are being made: how far each is, and how it is stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use estate::{Cancel, ChangeId, UserId};
use tokio::sync::watch;

/// The changes that are being made, by whom.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<(UserId, ChangeId), Live>>);

/// How one of them is stopped, and how far it is.
type Live = (Cancel, watch::Receiver<u64>);

/// One of them, for as long as it runs.
pub(super) struct One {
    all: Arc<Running>,
    key: (UserId, ChangeId),
    pub(super) cancel: Cancel,
    pub(super) done: watch::Sender<u64>,
}

impl Running {
    fn kept(&self) -> MutexGuard<'_, HashMap<(UserId, ChangeId), Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One begins.
    pub(super) fn begin(self: &Arc<Self>, user: UserId, id: &ChangeId) -> One {
        let (key, cancel) = ((user, id.clone()), Cancel::new());
        let (done, heard) = watch::channel(0);
        self.kept().insert(key.clone(), (cancel.clone(), heard));
        One { all: Arc::clone(self), key, cancel, done }
    }

    /// Stops one, if it runs.
    pub(super) fn stop(&self, user: UserId, id: &ChangeId) -> bool {
        let kept = self.kept();
        kept.get(&(user, id.clone())).map(|(cancel, _)| cancel.cancel()).is_some()
    }

    /// Hears how far one is, until it ends.
    pub(super) fn watch(&self, user: UserId, id: &ChangeId) -> Option<watch::Receiver<u64>> {
        self.kept().get(&(user, id.clone())).map(|(_, done)| done.clone())
    }

    /// How far one is, if it runs.
    pub(super) fn done(&self, user: UserId, id: &ChangeId) -> Option<u64> {
        self.watch(user, id).map(|done| *done.borrow())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.all.kept().remove(&self.key);
    }
}
