//! What the tests of changes share: planning, making and undoing them, and looking what became of a
//! SIM.

use std::ops::ControlFlow;

use estate::{
    CancelToken, Change, ChangeId, Error, Estate, Filter, Plan, Progress, Query, Receipt, Sim, Target,
    Time,
};

/// The moment a test's filters are read at.
pub const NOW: Time = Time(1_780_000_000);

/// Every SIM that fits a filter and that this user sees.
pub fn all(local: &dyn Estate, text: &str) -> Target {
    let filter = Filter::parse(text).expect(text);
    Target::query(Query { filter, ..Query::all(local.me().account, NOW) })
}

/// What a change would do.
pub fn plan(local: &dyn Estate, change: &Change) -> Plan {
    local.plan(change, &CancelToken::new()).expect("plan")
}

/// Hears of progress and never stops anything.
pub fn go(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Makes a change.
pub fn apply(local: &dyn Estate, change: &Change) -> Result<Receipt, Error> {
    local.apply(&ChangeId::new(), change, &go)
}

/// Takes one back.
pub fn undo(local: &dyn Estate, change: &ChangeId) -> Result<Receipt, Error> {
    apply(local, &Change::Undo { change: change.clone() })
}

/// The SIM whose number ends in two digits.
pub fn sim(local: &dyn Estate, n: u8) -> Sim {
    local.sim_by_iccid(&format!("89001010000000000{n}"), &CancelToken::new()).expect("sim")
}
