//! What simdeck makes of this machine, for people and for whoever helps them: without names,
//! numbers and addresses.

use std::io::IsTerminal;
use std::path::Path;

use estate::Estate;

use crate::config::{self, Config};
use crate::folders;
use crate::tui::keymap::Keymap;
use crate::tui::term::Capabilities;

/// One thing and what was found.
pub type Fact = (&'static str, String);

/// Returns the state of the billing periods in words.
pub fn periods(estate: &dyn Estate) -> String {
    match estate.rollover_status() {
        Ok(status) => status.message().unwrap_or_else(|| "closed up to the running one".to_owned()),
        Err(error) => error.to_string(),
    }
}

/// Returns the facts; `opened` is how the store opened, `periods` the state of its billing periods.
pub fn facts(config: &Config, store: &Path, opened: &str, periods: &str) -> Vec<Fact> {
    let terminal = Capabilities::of_env();
    let var = |name: &str| std::env::var(name).unwrap_or_else(|_| "not set".into());
    let keymap = Keymap::load(config).map_or_else(|e| e.to_string(), |_| "sound".into());
    let settings = config::load().map_or_else(|e| e.to_string(), |_| "sound".into());
    let word = |yes, there: &str, not: &str| if yes { there.to_owned() } else { not.to_owned() };
    let facts = vec![
        ("simdeck", env!("CARGO_PKG_VERSION").to_owned()),
        ("estate", format!("{} ({opened})", store.display())),
        ("billing periods", periods.to_owned()),
        ("configuration", format!("{} ({settings})", folders::config_dir().display())),
        ("keymap", keymap),
        (
            "mail",
            word(config.mail.is_some(), "configured", "not configured: the screen alone tells of alerts"),
        ),
        ("TERM", var("TERM")),
        ("multiplexer", terminal.multiplexer().to_owned()),
        ("over SSH", word(terminal.ssh, "yes", "no")),
        ("colours", terminal.colours().to_owned()),
        ("line drawing", word(terminal.ascii, "ASCII only", "Unicode")),
        ("clipboard", terminal.clipboard().to_owned()),
        ("Shift+click", terminal.shift_click().to_owned()),
        ("standard output", word(std::io::stdout().is_terminal(), "a terminal", "not a terminal")),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("log", crate::files::log_file().display().to_string()),
    ];
    // Variables, paths and errors are text from elsewhere.
    facts.into_iter().map(|(what, found)| (what, estate::text::clean(&found).into_owned())).collect()
}

/// The same as a text that can be sent to whoever helps: folders below the home folder are `~`,
/// names of users and machines, addresses and long numbers are taken out.
pub fn bundle(facts: &[Fact]) -> String {
    let mut text = String::from("simdeck support bundle\n\n");
    for (what, found) in facts {
        text.push_str(&format!("{what:>16}  {}\n", redact(found)));
    }
    text
}

/// A text without what tells whose machine this is.
pub fn redact(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, instead) in [("HOME", "~"), ("USER", "user"), ("LOGNAME", "user"), ("HOSTNAME", "host")] {
        if let Ok(value) = std::env::var(name)
            && value.len() > 2
        {
            text = text.replace(&value, instead);
        }
    }
    let hidden = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.contains('@') {
            "(address)".to_owned()
        } else if digits > 8 {
            "(number)".to_owned()
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(hidden).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_names_nobody() {
        let facts = [("store", "/srv/a.db (user ann@x.example, SIM 8900101000000000043)".to_owned())];
        let text = bundle(&facts);
        assert!(text.contains("/srv/a.db (user (address) SIM (number)"), "{text}");
        let home = std::env::var("HOME").unwrap_or_default();
        if home.len() > 2 {
            assert_eq!(redact(&format!("{home}/estate.db")), "~/estate.db");
        }
    }
}
