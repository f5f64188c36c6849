//! What a network said of a SIM.

use estate::SimId;

use crate::probe::Kind;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// The answer, or that it is still awaited.
#[derive(Debug)]
pub struct ProbePane {
    /// What was asked.
    pub kind: Kind,
    /// The SIM.
    pub sim: SimId,
    /// Which SIM, in words.
    pub subject: String,
    /// What was said, or what went wrong; `None` while it is awaited.
    pub said: Option<Result<String, String>>,
    /// The first line that is shown.
    pub top: usize,
}

impl ProbePane {
    /// Its lines.
    pub fn lines(&self) -> Vec<&str> {
        match &self.said {
            None => vec!["asking …"],
            Some(Ok(said) | Err(said)) => said.lines().collect(),
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
            Code::Up | Code::Char('k') => self.top = self.top.saturating_sub(1),
            Code::Down | Code::Char('j') => self.top += 1,
            Code::PageUp => self.top = self.top.saturating_sub(10),
            Code::PageDown => self.top += 10,
            Code::Char('y') => return DialogResponse::CopySaid,
            _ => {}
        }
        DialogResponse::Stay
    }
}
