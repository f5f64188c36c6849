//! Keys to actions. The shipped files are the defaults, read by the same parser as the user's own.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::action::{Action, Place};
use super::term::{Code, Key};
use crate::config::Config;
use crate::failure::Failure;
use crate::folders::config_dir;

const SHIPPED: [(&str, &str); 2] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
];

type Section = BTreeMap<Spanned<String>, Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    everywhere: Section,
    table: Section,
    tree: Section,
}

/// Where keys are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// In both panes.
    Everywhere,
    /// In the SIM table.
    Table,
    /// In the account tree.
    Tree,
}

#[derive(Debug, Clone)]
struct Binding {
    pane: Pane,
    keys: Vec<Key>,
    /// As written.
    text: String,
    /// `None` takes the key away.
    action: Option<Action>,
    /// The file and line.
    source: String,
    shipped: bool,
}

/// What the keys pressed so far mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// An action.
    Action(Action),
    /// The beginning of longer ones.
    Prefix,
    /// Nothing.
    Nothing,
}

/// All bindings in force.
#[derive(Debug, Clone, Default)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// A shipped keymap.
    pub fn load_shipped(name: &str) -> Self {
        let (name, text) = SHIPPED.iter().find(|(n, _)| *n == name).unwrap_or(&SHIPPED[0]);
        Self::parse(text, &format!("{name}.toml"), true).unwrap_or_default()
    }

    /// The keymap the configuration asks for, with the user's own file on top.
    pub fn load(config: &Config) -> Result<Self, Failure> {
        let name = config.keymap.as_deref().unwrap_or("default");
        if !SHIPPED.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = SHIPPED.iter().map(|(n, _)| *n).collect();
            return Err(Failure::Config(format!(
                "keymap = \"{name}\": there are {}",
                known.join(" and ")
            )));
        }
        let path = config_dir().join("keymap.toml");
        let own = match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path.display().to_string(), false)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(Failure::io(format!("cannot read {}", path.display()), error)),
        };
        Self::load_shipped(name).overridden(own)
    }

    fn parse(text: &str, file: &str, shipped: bool) -> Result<Self, Failure> {
        let parsed: File = toml::from_str(text)
            .map_err(|e| Failure::Config(format!("{file}: {}", e.to_string().trim_end())))?;
        let mut bindings = Vec::new();
        for (pane, section) in [
            (Pane::Everywhere, parsed.everywhere),
            (Pane::Table, parsed.table),
            (Pane::Tree, parsed.tree),
        ] {
            for (keys, action) in section {
                let line = text[..keys.span().start].matches('\n').count() + 1;
                let source = format!("{file}:{line}");
                let bad = |what: String| Failure::Config(format!("{source}: {what}"));
                let text = keys.into_inner();
                let keys: Vec<Key> = text
                    .split_whitespace()
                    .map(|k| parse_key(k).ok_or_else(|| bad(format!("\"{k}\" is no key"))))
                    .collect::<Result<_, _>>()?;
                let name = action.into_inner();
                let action = match name.as_str() {
                    "none" => None,
                    name => Some(Action::from_name(name).ok_or_else(|| {
                        let names = super::action::ACTIONS.iter().map(|row| row.name);
                        let near = estate::text::nearest(name, names);
                        let near =
                            near.first().map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                        bad(format!("there is no action \"{name}\"{near}"))
                    })?),
                };
                if let Some(action) = action.filter(|a| !fits(*a, pane)) {
                    return Err(bad(format!("{} does not apply in that section", action.row().name)));
                }
                bindings.push(Binding { pane, keys, text, action, source, shipped });
            }
        }
        let keymap = Self { bindings };
        keymap.conflicts()?;
        Ok(keymap)
    }

    /// Puts the user's bindings over these, key by key.
    fn overridden(mut self, own: Self) -> Result<Self, Failure> {
        self.bindings.retain(|b| !own.bindings.iter().any(|o| o.pane == b.pane && o.keys == b.keys));
        self.bindings.extend(own.bindings);
        self.bindings.retain(|b| b.action.is_some());
        self.conflicts()?;
        Ok(self)
    }

    /// The same keys twice, or keys that begin longer ones, in one place.
    fn conflicts(&self) -> Result<(), Failure> {
        for (i, a) in self.bindings.iter().enumerate() {
            for b in &self.bindings[i + 1..] {
                let meet = a.pane == b.pane || a.pane == Pane::Everywhere || b.pane == Pane::Everywhere;
                let same = a.keys == b.keys && a.pane == b.pane;
                let begins = a.keys.len() != b.keys.len()
                    && (a.keys.starts_with(&b.keys) || b.keys.starts_with(&a.keys));
                if same || (meet && begins) {
                    let (at, other) = if a.shipped { (b, a) } else { (a, b) };
                    let how = if same { "is bound at" } else { "collides with" };
                    let what = format!(
                        "{}: \"{}\" {how} \"{}\" of {}",
                        at.source, at.text, other.text, other.source
                    );
                    return Err(Failure::Config(format!("{what}; bind one of them to \"none\"")));
                }
            }
        }
        Ok(())
    }

    /// What `keys` mean in a pane; the pane's own bindings come first.
    pub fn find(&self, pane: Pane, keys: &[Key]) -> Found {
        for place in [pane, Pane::Everywhere] {
            let here = || self.bindings.iter().filter(move |b| b.pane == place);
            if let Some(action) = here().find(|b| b.keys == keys).and_then(|b| b.action) {
                return Found::Action(action);
            }
            if here().any(|b| b.keys.len() > keys.len() && b.keys.starts_with(keys)) {
                return Found::Prefix;
            }
        }
        Found::Nothing
    }

    /// What can follow `prefix` in a pane: the next key and what it does.
    pub fn following(&self, pane: Pane, prefix: &[Key]) -> Vec<(String, Action)> {
        let fits = |b: &&Binding| {
            (b.pane == pane || b.pane == Pane::Everywhere)
                && b.keys.len() > prefix.len()
                && b.keys.starts_with(prefix)
        };
        let next = |b: &Binding| {
            (b.text.split_whitespace().nth(prefix.len()).unwrap_or_default().to_owned(), b.action)
        };
        let mut list: Vec<(String, Action)> =
            self.bindings.iter().filter(fits).map(next).filter_map(|(k, a)| Some((k, a?))).collect();
        list.sort();
        list
    }

    /// The keys of an action, shortest first, as a person reads them.
    pub fn keys_for(&self, action: Action) -> Vec<String> {
        let mut keys: Vec<(usize, String)> = self
            .bindings
            .iter()
            .filter(|b| b.action == Some(action))
            .map(|b| (rank(&b.keys), pretty(&b.text)))
            .collect();
        keys.sort();
        keys.dedup();
        keys.into_iter().map(|(_, text)| text).collect()
    }

    /// The first key of an action that works in a pane.
    pub fn key_in(&self, pane: Pane, action: Action) -> Option<String> {
        let here = |b: &&Binding| {
            b.action == Some(action)
                && matches!(self.find(pane, &b.keys), Found::Action(a) if a == action)
        };
        let best = self.bindings.iter().filter(here).min_by_key(|b| (rank(&b.keys), pretty(&b.text)));
        best.map(|b| pretty(&b.text))
    }

    /// The keys of an action with the file and line that bound them.
    pub fn bindings(&self, action: Action) -> Vec<(String, String)> {
        let mine = self.bindings.iter().filter(|b| b.action == Some(action));
        mine.map(|b| (pretty(&b.text), b.source.clone())).collect()
    }
}

fn fits(action: Action, pane: Pane) -> bool {
    match action.row().place {
        Place::Everywhere => true,
        Place::Table => pane == Pane::Table,
        Place::Tree => pane == Pane::Tree,
    }
}

/// Plain single keys are shown before sequences and keys with modifiers.
fn rank(keys: &[Key]) -> usize {
    let modified = keys.iter().any(|k| {
        k.ctrl || k.shift || matches!(k.code, Code::F(_) | Code::Menu | Code::Insert | Code::BackTab)
    });
    keys.len() + if modified { 10 } else { 0 }
}

fn pretty(text: &str) -> String {
    let part = |word: &str| match word.chars().count() {
        1 => word.to_owned(),
        _ if word == "backtab" => "Shift+Tab".to_owned(),
        _ => word
            .split('+')
            .map(|p| match p {
                "pageup" => "PgUp".to_owned(),
                "pagedown" => "PgDn".to_owned(),
                p => {
                    let mut chars = p.chars();
                    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
                }
            })
            .collect::<Vec<_>>()
            .join("+"),
    };
    text.split_whitespace().map(part).collect::<Vec<_>>().join(" ")
}

/// Reads `a`, `ctrl+a`, `shift+up`, `f10`, `space`.
fn parse_key(text: &str) -> Option<Key> {
    let mut key = Key::plain(Code::Esc);
    let mut name = text;
    while let Some((modifier, rest)) =
        name.split_once('+').filter(|(m, rest)| !m.is_empty() && !rest.is_empty())
    {
        match modifier {
            "ctrl" => key.ctrl = true,
            "alt" => key.alt = true,
            "shift" => key.shift = true,
            _ => return None,
        }
        name = rest;
    }
    key.code = match name {
        "space" => Code::Char(' '),
        "enter" => Code::Enter,
        "esc" => Code::Esc,
        "tab" => Code::Tab,
        "backtab" => Code::BackTab,
        "backspace" => Code::Backspace,
        "delete" => Code::Delete,
        "insert" => Code::Insert,
        "up" => Code::Up,
        "down" => Code::Down,
        "left" => Code::Left,
        "right" => Code::Right,
        "home" => Code::Home,
        "end" => Code::End,
        "pageup" => Code::PageUp,
        "pagedown" => Code::PageDown,
        "menu" => Code::Menu,
        one if one.chars().count() == 1 => Code::Char(one.chars().next()?),
        f => Code::F(f.strip_prefix('f')?.parse().ok().filter(|n| (1..=20).contains(n))?),
    };
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let own = Keymap::parse(text, "keymap.toml", false);
        own.and_then(|own| Keymap::load_shipped("default").overridden(own)).expect_err(text).to_string()
    }

    #[test]
    fn shipped_keymaps_are_sound() {
        for (name, text) in SHIPPED {
            let keymap = Keymap::parse(text, name, true).expect(name);
            assert!(keymap.bindings.len() > 40, "{name}");
        }
    }

    /// UX-10: nothing needs more than the keys every terminal hands on.
    #[test]
    fn every_action_has_a_key_that_arrives_everywhere() {
        let indirect = [
            Action::ExtendUp,
            Action::ExtendDown,
            Action::ExtendPageUp,
            Action::ExtendPageDown,
            Action::ExtendFirst,
            Action::ExtendLast,
            Action::Refresh,
            Action::Suspend,
        ];
        for (name, _) in SHIPPED {
            let keymap = Keymap::load_shipped(name);
            for row in super::super::action::ACTIONS.iter().filter(|row| !indirect.contains(&row.action))
            {
                let safe = keymap
                    .bindings
                    .iter()
                    .filter(|b| b.action == Some(row.action))
                    .any(|b| rank(&b.keys) < 10);
                assert!(safe, "{name}: {}", row.name);
            }
        }
    }

    /// The tails of torn sequences must not do anything by themselves; a digit may filter, which
    /// changes nothing.
    #[test]
    fn tails_of_torn_sequences_are_not_bound() {
        for (name, _) in SHIPPED {
            let keymap = Keymap::load_shipped(name);
            for tail in ['[', 'O', 'M', '0', ';', '~'] {
                for pane in [Pane::Table, Pane::Tree] {
                    assert_eq!(keymap.find(pane, &[Key::char(tail)]), Found::Nothing, "{name} {tail}");
                }
            }
            for digit in '1'..='9' {
                let found = keymap.find(Pane::Table, &[Key::char(digit)]);
                assert!(
                    matches!(found, Found::Action(action) if action.digit().is_some()),
                    "{name} {digit}"
                );
            }
        }
    }

    #[test]
    fn mistakes_name_file_and_line() {
        assert!(
            error("[table]\n\n\"y\" = \"mvoe\"\n")
                .starts_with("keymap.toml:3: there is no action \"mvoe\"; did you mean move?")
        );
        assert!(error("[table]\n\"hyper+y\" = \"move\"\n").contains("keymap.toml:2"));
        assert!(
            error("[everywhere]\n\"g\" = \"first\"\n")
                .contains("keymap.toml:2: \"g\" collides with \"g ")
        );
        assert!(error("[everywhere]\n\"y\" = \"move\"\n").contains("does not apply"));
        assert!(error("[everywhere]\n\"ctrl+y\" = \"quit\"\n\"ctrl+y\" = \"help\"\n").contains("line 3"));
    }

    #[test]
    fn own_keys_override_one_by_one() {
        let own =
            Keymap::parse("[table]\n\"w\" = \"none\"\n\"y\" = \"move\"\n", "k", false).expect("own");
        let keymap = Keymap::load_shipped("default").overridden(own).expect("merged");
        assert_eq!(keymap.find(Pane::Table, &[Key::char('w')]), Found::Nothing);
        assert_eq!(keymap.find(Pane::Table, &[Key::char('y')]), Found::Action(Action::Move));
        assert_eq!(keymap.find(Pane::Table, &[Key::char('g')]), Found::Prefix);
        assert_eq!(keymap.keys_for(Action::Move), ["y", "F6"]);
    }
}
