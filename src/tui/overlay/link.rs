//! A link by which a user signs in, shown once.

use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// The link: it lets in whoever has it, so it is shown and copied, and stands in no log.
pub struct LinkPane {
    /// Whom it is for.
    pub email: String,
    /// Where it leads.
    pub address: String,
    /// What there is to know of it.
    pub about: String,
}

impl std::fmt::Debug for LinkPane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkPane").field("email", &self.email).finish_non_exhaustive()
    }
}

impl LinkPane {
    /// Takes a key.
    pub fn key(&self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => DialogResponse::Close,
            Code::Char('y') => DialogResponse::CopyLink,
            _ => DialogResponse::Stay,
        }
    }
}
