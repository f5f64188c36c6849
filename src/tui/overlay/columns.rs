//! The column chooser: which are shown, in what order, how wide, which stay. What it does is seen at once.

use estate::Column;

use super::Reply;
use crate::tui::columns::{ALL, Columns};
use crate::tui::term::{Code, Key};

/// The dialog.
#[derive(Debug)]
pub struct ColumnsPane {
    /// The columns as they are now.
    pub columns: Columns,
    /// As they were when it opened.
    before: Columns,
    /// The line under the cursor.
    pub cursor: usize,
}

impl ColumnsPane {
    /// Opens on the columns there are.
    pub fn new(columns: Columns) -> Self {
        Self { before: columns.clone(), columns, cursor: 0 }
    }

    /// The columns in the order of the list: those shown as they stand, then the others.
    pub fn lines(&self) -> Vec<Column> {
        let hidden = ALL.iter().map(|c| c.by).filter(|by| self.columns.get(*by).is_none());
        self.columns.shown().iter().map(|c| c.by).chain(hidden).collect()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Reply {
        match key.code {
            Code::Esc => {
                self.columns = self.before.clone();
                return Reply::Columns(self.columns.clone(), true);
            }
            Code::Enter | Code::Char('q') => return Reply::Columns(self.columns.clone(), true),
            Code::Up | Code::Char('k') => self.cursor = self.cursor.saturating_sub(1),
            Code::Down | Code::Char('j') => self.cursor = (self.cursor + 1).min(self.lines().len() - 1),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = self.lines().len() - 1,
            Code::Char(c) => return self.act(c),
            _ => {}
        }
        Reply::Stay
    }

    /// What a letter does to the column under the cursor; the cursor stays on it.
    fn act(&mut self, letter: char) -> Reply {
        let by = self.lines()[self.cursor];
        match letter {
            ' ' if by == Column::Iccid => {
                return Reply::Say("the ICCID stays: it says which SIM a row is".into());
            }
            ' ' => self.columns.toggle(by),
            'p' if self.columns.get(by).is_some() => self.columns.pin(by),
            'K' => self.columns.shift(by, false),
            'J' => self.columns.shift(by, true),
            '+' | '>' => self.columns.widen(by, 1),
            '-' | '<' => self.columns.widen(by, -1),
            'r' => self.columns = Columns::default(),
            _ => return Reply::Stay,
        }
        // A column that is hidden leaves the cursor where it is, to hide the next.
        if letter != ' ' {
            self.cursor = self.lines().iter().position(|c| *c == by).unwrap_or(0);
        }
        Reply::Columns(self.columns.clone(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_seen_at_once_and_given_up_with_esc() {
        let mut pane = ColumnsPane::new(Columns::default());
        pane.key(Key::char('j'));
        pane.key(Key::char('J'));
        let Reply::Columns(columns, false) = pane.key(Key::char(' ')) else { panic!("seen at once") };
        assert_eq!(columns.shown()[1].by, Column::Account);
        assert_eq!(columns.get(Column::Label), None);
        assert_eq!(pane.key(Key::plain(Code::Esc)), Reply::Columns(Columns::default(), true));
        pane.cursor = 0;
        assert!(matches!(pane.key(Key::char(' ')), Reply::Say(_)));
    }
}
