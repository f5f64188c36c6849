//! What lies over the screen: a stack, the top one gets input first and returns what it wants.

pub mod alerts;
pub mod builder;
pub mod chooser;
pub mod columns;
pub mod confirm;
pub mod export;
pub mod form;
pub mod levels;
pub mod line;
pub mod link;
pub mod list;
pub mod lists;
pub mod pages;
pub mod probe;
pub mod prompt;
pub mod response;
pub mod sim;
pub mod spending;
pub mod support;

pub use alerts::AlertsPane;
pub use builder::Builder;
pub use chooser::{Choosable, Chooser};
pub use columns::ColumnsPane;
pub use confirm::Confirm;
pub use form::{Form, FormKind};
pub use levels::LevelsPane;
pub use list::{HistoryPane, ResultPane};
pub use lists::{NumbersPane, SavedPane};
pub use prompt::{Prompt, PromptKind};
pub use response::{DialogResponse, MenuChoice, SavedWish};
pub use sim::SimPane;
pub use spending::SpendingPane;
pub use support::SupportPane;

use super::term::Key;

/// One thing over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// A list to choose from: menus, pickers, palette, help.
    Choose(Chooser),
    /// A planned change waiting for a yes.
    Confirm(Box<Confirm>),
    /// A change under way.
    Running,
    /// What a change did.
    Result(Box<ResultPane>),
    /// One line of text.
    Prompt(Prompt),
    /// The log of changes.
    History(HistoryPane),
    /// What was said so far, scrolled by so many lines.
    Messages(usize),
    /// The Filter Builder.
    Builder(Box<Builder>),
    /// The column chooser.
    Columns(ColumnsPane),
    /// The saved filters.
    Saved(SavedPane),
    /// The numbers of a list.
    Numbers(NumbersPane),
    /// The cap editor.
    Levels(Box<LevelsPane>),
    /// Fields to be filled in.
    Form(Box<Form>),
    /// What needs attention.
    Alerts(AlertsPane),
    /// What the estate has used.
    Spending(SpendingPane),
    /// The details of one SIM.
    Sim(Box<SimPane>),
    /// Help and Support.
    Support(Box<SupportPane>),
    /// What a network said of a SIM.
    Probe(Box<probe::ProbePane>),
    /// A link that was made.
    Link(Box<link::LinkPane>),
    /// A file being written.
    Exporting,
}

impl Overlay {
    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match self {
            Self::Choose(chooser) => chooser.key(key),
            Self::Confirm(confirm) => confirm.key(key),
            Self::Running => list::running_key(key),
            Self::Result(result) => result.key(key),
            Self::Prompt(prompt) => prompt.key(key),
            Self::History(history) => history.key(key),
            Self::Messages(top) => list::scroll_key(key, top),
            Self::Builder(builder) => builder.key(key),
            Self::Columns(columns) => columns.key(key),
            Self::Saved(saved) => saved.key(key),
            Self::Numbers(numbers) => numbers.key(key),
            Self::Levels(levels) => levels.key(key),
            Self::Form(form) => form.key(key),
            Self::Alerts(alerts) => alerts.key(key),
            Self::Spending(spending) => spending.key(key),
            Self::Sim(sim) => sim.key(key),
            Self::Support(support) => support.key(key),
            Self::Probe(probe) => probe.key(key),
            Self::Link(link) => link.key(key),
            Self::Exporting => match list::running_key(key) {
                DialogResponse::Cancel => DialogResponse::CancelExport,
                other => other,
            },
        }
    }

    /// Takes pasted text: only lines of text want it, and it never confirms.
    pub fn paste(&mut self, text: &str) -> DialogResponse {
        match self {
            Self::Choose(chooser) => chooser.paste(&estate::text::clean(text)),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Builder(builder) => return builder.paste(text),
            Self::Levels(levels) => levels.paste(text),
            Self::Form(form) => form.paste(text),
            _ => {}
        }
        DialogResponse::Stay
    }
}
