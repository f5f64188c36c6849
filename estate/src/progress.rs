//! Progress and cancellation of work that takes its time.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far a long piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does now.
    pub phase: &'static str,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 when that is not known.
    pub total: u64,
}

/// Hears of progress and may break, which cancels: everything is rolled back.
pub type OnProgress<'a> = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync + 'a;

/// Lets someone else stop a read.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A handle nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that a flag of someone else's stops: a signal's.
    pub fn when(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Stops the read at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
