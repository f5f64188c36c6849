//! Status words: what a portal calls the state of a SIM, in our terms.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::import::header_name::plain;
use crate::sim::{Gate, Lifecycle, Status};

/// State that a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub lifecycle: Lifecycle,
    pub suspended: bool,
    pub managed: bool,
    pub gate: Gate,
}

impl State {
    /// Returns our word for it.
    pub fn word(self) -> &'static str {
        Status::of(self.lifecycle, self.suspended, self.gate, self.managed).word()
    }
}

const fn state(lifecycle: Lifecycle, suspended: bool) -> State {
    State { lifecycle, suspended, managed: true, gate: Gate::Ok }
}

const ACTIVE: State = state(Lifecycle::Active, false);
const SUSPENDED: State = state(Lifecycle::Active, true);
const INACTIVE: State = state(Lifecycle::Inactive, false);
const PENDING: State = state(Lifecycle::ActivationPending, false);
const TERMINATED: State = state(Lifecycle::Terminated, false);

/// Words that mean the same wherever they are used.
const WORDS: [(&str, State); 68] = [
    ("active", ACTIVE),
    ("activated", ACTIVE),
    ("enabled", ACTIVE),
    ("live", ACTIVE),
    ("activa", ACTIVE),
    ("activo", ACTIVE),
    ("aktiv", ACTIVE),
    ("actif", ACTIVE),
    ("attiva", ACTIVE),
    ("attivo", ACTIVE),
    ("ativa", ACTIVE),
    ("ativo", ACTIVE),
    ("bloqueada", SUSPENDED),
    ("bloqueado", SUSPENDED),
    ("suspensa", SUSPENDED),
    ("suspenso", SUSPENDED),
    ("inativa", INACTIVE),
    ("inativo", INACTIVE),
    ("alerted", State { gate: Gate::Alerted, ..ACTIVE }),
    ("blocked", State { gate: Gate::Blocked, ..ACTIVE }),
    ("unmanaged", State { managed: false, ..ACTIVE }),
    ("suspended", SUSPENDED),
    ("suspend", SUSPENDED),
    ("deactivated", SUSPENDED),
    ("disabled", SUSPENDED),
    ("standby", SUSPENDED),
    ("paused", SUSPENDED),
    ("barred", SUSPENDED),
    ("suspendida", SUSPENDED),
    ("suspendido", SUSPENDED),
    ("desactivada", SUSPENDED),
    ("desactivado", SUSPENDED),
    ("gesperrt", SUSPENDED),
    ("deaktiviert", SUSPENDED),
    ("suspendu", SUSPENDED),
    ("suspendue", SUSPENDED),
    ("sospesa", SUSPENDED),
    ("sospeso", SUSPENDED),
    ("inactive", INACTIVE),
    ("inventory", INACTIVE),
    ("ready", INACTIVE),
    ("testready", INACTIVE),
    ("activationready", INACTIVE),
    ("test", INACTIVE),
    ("new", INACTIVE),
    ("issued", INACTIVE),
    ("preactive", INACTIVE),
    ("inactiva", INACTIVE),
    ("inactivo", INACTIVE),
    ("inaktiv", INACTIVE),
    ("inactif", INACTIVE),
    ("inattiva", INACTIVE),
    ("inattivo", INACTIVE),
    ("activationpending", PENDING),
    ("pending", PENDING),
    ("pendingactivation", PENDING),
    ("activating", PENDING),
    ("terminated", TERMINATED),
    ("retired", TERMINATED),
    ("cancelled", TERMINATED),
    ("canceled", TERMINATED),
    ("deleted", TERMINATED),
    ("expired", TERMINATED),
    ("baja", TERMINATED),
    ("gekundigt", TERMINATED),
    ("resilie", TERMINATED),
    ("resiliee", TERMINATED),
    ("cessata", TERMINATED),
];

/// Words that say on or off of many things, not only of a SIM.
const SWITCHES: [&str; 8] =
    ["active", "inactive", "enabled", "disabled", "activated", "deactivated", "blocked", "new"];

/// True if a cell holds a status word, and one that is said of hardly anything but a SIM.
pub(super) fn classify(cell: &str) -> (bool, bool) {
    let word = plain(cell);
    let known = WORDS.iter().any(|(known, _)| *known == word);
    (known, known && !SWITCHES.contains(&word.as_str()))
}

/// Status words of one file, with those that a portal and the options add.
#[derive(Debug, Clone)]
pub(crate) struct Words(HashMap<String, State>);

impl Words {
    /// Collects the words; later ones replace earlier ones.
    pub fn new<'a>(more: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Self> {
        let mut words: HashMap<String, State> =
            WORDS.iter().map(|(word, state)| ((*word).to_owned(), *state)).collect();
        for (word, ours) in more {
            words.insert(plain(word), parse_ours(ours, "map-status")?);
        }
        Ok(Self(words))
    }

    /// Returns the state that a cell stands for.
    pub fn get(&self, cell: &str) -> Option<State> {
        self.0.get(&plain(cell)).copied()
    }
}

/// Parses one of our own status words.
pub(super) fn parse_ours(word: &str, option: &'static str) -> Result<State> {
    let status = Status::from_word(word.trim()).ok_or_else(|| {
        let words = Status::ALL.map(Status::word).join(", ");
        Error::invalid(option, format!("no status is called {word}; there are {words}"))
    })?;
    Ok(match status {
        Status::Active => ACTIVE,
        Status::Alerted => State { gate: Gate::Alerted, ..ACTIVE },
        Status::Blocked => State { gate: Gate::Blocked, ..ACTIVE },
        Status::Suspended => SUSPENDED,
        Status::Inactive => INACTIVE,
        Status::ActivationPending => PENDING,
        Status::Terminated => TERMINATED,
        Status::Unmanaged => State { managed: false, ..ACTIVE },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_without_case_and_punctuation() {
        let more =
            [("Active.Live".to_owned(), "active".to_owned()), ("Live".to_owned(), "inactive".to_owned())];
        let words = Words::new(more.iter().map(|(a, b)| (a, b))).expect("words");
        assert_eq!(words.get("ACTIVE.LIVE"), Some(ACTIVE));
        assert_eq!(words.get("pre-active"), Some(INACTIVE));
        assert_eq!(words.get("live"), Some(INACTIVE), "replaced");
        assert_eq!(words.get("Hibernating"), None);
        assert_eq!(
            (classify("Retired"), classify("Enabled"), classify("TX")),
            ((true, true), (true, false), (false, false))
        );
        assert!(parse_ours("sleeping", "map-status").is_err());
    }
}
