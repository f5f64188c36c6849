//! Help and Support: what the account above has set, as a page or a contact; behind it what is new,
//! and this machine.

use estate::Help;

use super::pages::{self, Pages};
use crate::doctor::Fact;
use crate::markdown::{self, Kind, Line};
use crate::support::ways;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};
use crate::tui::wrap::wrap;

/// A page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum About {
    Help,
    News,
    Machine,
}

impl pages::Page for About {
    const ALL: &'static [Self] = &[Self::Help, Self::News, Self::Machine];

    fn title(self) -> &'static str {
        match self {
            Self::Help => "Help and Support",
            Self::News => "What is new",
            Self::Machine => "This machine",
        }
    }
}

/// The screen.
#[derive(Debug)]
pub struct SupportPane {
    /// What is shown; `None` while it is read.
    pub help: Option<Help>,
    /// Whose eyes it is seen through, if not the user's own.
    pub preview: Option<String>,
    /// What is known of this machine.
    pub machine: Vec<Fact>,
    /// Its pages.
    pub pages: Pages<About>,
}

impl SupportPane {
    /// Opens on the help.
    pub fn new(help: Option<Help>, preview: Option<String>, machine: Vec<Fact>) -> Self {
        Self { help, preview, machine, pages: Pages::new() }
    }

    /// Its heading.
    pub fn title(&self) -> String {
        let title = match &self.help {
            Some(Help::Page { title, .. }) => estate::text::clean(title).into_owned(),
            _ => "Help and Support".to_owned(),
        };
        match &self.preview {
            Some(account) => format!("{title}, as those below {account} see it"),
            None => title,
        }
    }

    /// The lines of the page that is open, still to be wrapped.
    pub fn page(&self) -> Vec<Line> {
        let plain = |text: String| Line { kind: Kind::Text(18), text };
        match self.pages.open {
            About::Help => match &self.help {
                None => vec![plain("reading …".into())],
                Some(Help::Page { text, .. }) => markdown::lines(text),
                Some(Help::Contact(contact)) => {
                    let row = |(name, value): (&str, String)| plain(format!("{name:<18}{value}"));
                    ways(contact).into_iter().map(row).collect()
                }
            },
            About::News => markdown::lines(include_str!("../../../CHANGELOG.md")),
            About::Machine => {
                self.machine.iter().map(|(what, found)| plain(format!("{what:<18}{found}"))).collect()
            }
        }
    }

    /// The lines as they fit into so many columns; what is continued hangs in.
    pub fn wrap_lines(&self, width: u16) -> Vec<(Kind, String)> {
        let mut lines = Vec::new();
        for line in self.page() {
            let hang = match line.kind {
                Kind::Text(hang) => hang.min(width / 2),
                _ => 0,
            };
            // Blanks at the beginning tell how deep an item is: wrapping would lose them.
            let indent: String = line.text.chars().take_while(|c| *c == ' ').collect();
            for (i, part) in
                wrap(line.text.trim_start(), width.saturating_sub(hang)).into_iter().enumerate()
            {
                let before = if i == 0 { indent.clone() } else { " ".repeat(usize::from(hang)) };
                lines.push((line.kind, format!("{before}{part}")));
            }
        }
        lines
    }

    /// The addresses of the page: what can be copied.
    pub fn links(&self) -> Vec<String> {
        if let (Some(Help::Contact(contact)), About::Help) = (&self.help, self.pages.open) {
            let reached = |name: &str| ["Phone", "Email", "Web"].contains(&name);
            return ways(contact).into_iter().filter(|(name, _)| reached(name)).map(|(_, v)| v).collect();
        }
        let words = self.page();
        let words = words.iter().flat_map(|line| line.text.split_whitespace());
        let trimmed = words.map(|word| word.trim_matches(['<', '>', '.', ',', ')', '(']));
        let address = |word: &&str| word.contains("://") || word.contains('@');
        trimmed.filter(address).map(str::to_owned).collect()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') | Code::F(1) => return DialogResponse::Close,
            Code::Char('y') => return DialogResponse::CopyLinks,
            Code::Char('?') => return DialogResponse::Keys,
            Code::Char('b') => return DialogResponse::Bundle,
            _ => self.pages.key(key),
        }
        DialogResponse::Stay
    }
}
