//! What is said to the person: one line at a time, and all of it to read again.

use std::time::Duration;

use estate::Error;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know; goes with the next key.
    Info,
    /// Something failed; stays until Esc.
    Error,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How much it matters.
    pub weight: Severity,
    /// The sentence.
    pub text: String,
}

/// A refusal, or a filter that was entered and is not answered, after which letters are ignored.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The reason shown.
    pub reason: String,
    /// Letters are ignored until then.
    pub until: Duration,
    /// The letters ignored so far.
    pub ignored: String,
    /// True while the rows of an entered filter are awaited: they may end it.
    pub awaits_rows: bool,
}

impl Refusal {
    /// The reason with the letters that were ignored.
    pub fn note(&self) -> String {
        format!("{} · ignored: {}", self.reason, self.ignored)
    }
}

/// Everything that was said, and what is shown now.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    /// All of it, oldest first.
    pub all: Vec<Message>,
    /// What is shown.
    pub shown: Option<usize>,
    /// The last refusal, while letters are ignored after it.
    pub refusal: Option<Refusal>,
    /// When the filter line was last entered, while its rows are awaited.
    pub entered_at: Option<Duration>,
}

/// Older messages than that are forgotten.
const KEPT: usize = 500;

impl Messages {
    /// Says something good to know.
    pub fn say(&mut self, text: impl Into<String>) {
        self.push(Severity::Info, &text.into());
    }

    /// Replaces the message on the screen, or says it where there is none.
    pub fn amend(&mut self, text: &str) {
        match self.shown.and_then(|at| self.all.get_mut(at)) {
            Some(message) => message.text = estate::text::clean(text).into_owned(),
            None => self.say(text),
        }
    }

    /// Says what went wrong, with the way out.
    pub fn fail(&mut self, error: &Error) {
        let hint = error.hint().map(|h| format!(" - {h}")).unwrap_or_default();
        self.push(Severity::Error, &format!("{error}{hint}"));
    }

    fn push(&mut self, weight: Severity, text: &str) {
        if self.all.len() == KEPT {
            self.all.remove(0);
        }
        self.all.push(Message { weight, text: estate::text::clean(text).into_owned() });
        self.shown = Some(self.all.len() - 1);
    }

    /// The message on the screen.
    pub fn current(&self) -> Option<&Message> {
        self.shown.and_then(|at| self.all.get(at))
    }

    /// A key was pressed: what is only good to know goes.
    pub fn pass(&mut self) {
        if self.current().is_some_and(|m| m.weight == Severity::Info) {
            self.shown = None;
        }
    }

    /// Takes the message away; true when there was one.
    pub fn dismiss(&mut self) -> bool {
        self.shown.take().is_some()
    }
}
