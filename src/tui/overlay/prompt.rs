//! One line of text, or a pasted list, with what is wrong with it beneath.

use estate::{AccountId, LogFilter};
use tui_input::Input;

use super::chooser::{edit, insert};
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// What the line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptKind {
    /// The name of a new account under this one.
    AddAccount(AccountId),
    /// The new name of this account.
    RenameAccount(AccountId),
    /// How high caps may be in this account.
    Ceiling(AccountId),
    /// When the billing periods of this account begin.
    Period(AccountId),
    /// What another system calls this account.
    Reference(AccountId),
    /// Who else hears of this account's SIMs.
    Notify(AccountId),
    /// The file with the help page for those below this account.
    HelpFile(AccountId),
    /// A filter to select by.
    Where,
    /// A row number or share.
    GoTo,
    /// A list of identifiers to select.
    List,
    /// A list of identifiers to filter by, or the file it is in.
    ListFilter,
    /// The name to save the filter under.
    SaveFilter,
    /// Another name for this saved filter.
    RenameFilter(String),
    /// The file to write the saved filters to.
    ExportFilters,
    /// The file to read saved filters from.
    ImportFilters,
    /// The file to write the log to, as far as it fits.
    History(Box<LogFilter>),
    /// The file to write this text to, of so many lines.
    Text(String, u64),
}

impl PromptKind {
    /// What Tab chooses between, beside the line.
    pub fn options(&self) -> &'static [&'static str] {
        match self {
            Self::SaveFilter => &["the filter", "account, order and columns too"],
            _ => &[],
        }
    }
}

/// The dialog.
#[derive(Debug)]
pub struct Prompt {
    /// The heading.
    pub title: String,
    /// What to type.
    pub hint: String,
    /// The line.
    pub input: Input,
    /// A pasted list, kept whole: too long for a line.
    pub pasted: Option<String>,
    /// What is wrong.
    pub fault: Option<String>,
    /// What it is for.
    pub purpose: PromptKind,
    /// Which of its options is chosen.
    pub option: usize,
    /// Whether the text still stands as it was put there: typing replaces it.
    pub fresh: bool,
    /// What was asked about again: submitted once more, it is meant.
    pub warned: Option<String>,
}

impl Prompt {
    /// A dialog with text to begin with.
    pub fn new(
        title: impl Into<String>,
        hint: impl Into<String>,
        text: &str,
        purpose: PromptKind,
    ) -> Self {
        let input = Input::new(text.to_owned());
        // Names are mended, file names are replaced.
        let edited = matches!(
            purpose,
            PromptKind::RenameAccount(_) | PromptKind::RenameFilter(_) | PromptKind::SaveFilter
        );
        let (pasted, fault, warned) = (None, None, None);
        Self {
            title: title.into(),
            hint: hint.into(),
            input,
            pasted,
            fault,
            purpose,
            option: 0,
            fresh: !text.is_empty() && !edited,
            warned,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc => return DialogResponse::Close,
            Code::Tab | Code::BackTab if !self.purpose.options().is_empty() => {
                self.option = (self.option + 1) % self.purpose.options().len();
            }
            Code::Enter => {
                let text = self.pasted.clone().unwrap_or_else(|| self.input.value().to_owned());
                return DialogResponse::Submit(text);
            }
            _ => {
                let types = matches!(key.code, Code::Char(_)) && !key.ctrl && !key.alt;
                if std::mem::take(&mut self.fresh) && (types || key.code == Code::Backspace) {
                    self.input = Input::default();
                    self.fault = None;
                }
                if edit(&mut self.input, key) {
                    self.fault = None;
                    self.pasted = None;
                }
            }
        }
        DialogResponse::Stay
    }

    /// Takes pasted text: a list whole, else as one line.
    pub fn paste(&mut self, text: &str) {
        if matches!(self.purpose, PromptKind::List | PromptKind::ListFilter)
            && text.trim().contains(['\n', '\t', ','])
        {
            self.fresh = false;
            let all = self.pasted.take().unwrap_or_default() + text;
            self.pasted = Some(all);
        } else {
            if std::mem::take(&mut self.fresh) {
                self.input = Input::default();
            }
            insert(&mut self.input, estate::text::clean(text).trim());
        }
    }
}
