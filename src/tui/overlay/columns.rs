//! The column chooser: which are shown, in what order, how wide, which stay. What it does is seen
//! at once.

use estate::Column;

use crate::tui::columns::{ALL, Columns};
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// The dialog.
#[derive(Debug)]
pub struct ColumnsPane {
    /// The columns as they are now.
    pub columns: Columns,
    /// As they were when it opened.
    before: Columns,
    /// All columns in the order of the list: a column that is hidden keeps its line.
    order: Vec<Column>,
    /// The line under the cursor.
    pub cursor: usize,
}

impl ColumnsPane {
    /// Opens on the columns there are: those shown as they stand, then the others.
    pub fn new(columns: Columns) -> Self {
        Self { order: in_order(&columns), before: columns.clone(), columns, cursor: 0 }
    }

    /// The columns in the order of the list.
    pub fn lines(&self) -> &[Column] {
        &self.order
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc => {
                self.columns = self.before.clone();
                return DialogResponse::Columns(self.columns.clone(), true);
            }
            Code::Enter | Code::Char('q') => return DialogResponse::Columns(self.columns.clone(), true),
            Code::Up | Code::Char('k') => self.cursor = self.cursor.saturating_sub(1),
            Code::Down | Code::Char('j') => self.cursor = (self.cursor + 1).min(self.lines().len() - 1),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = self.lines().len() - 1,
            Code::Char(c) => return self.act(c),
            _ => {}
        }
        DialogResponse::Stay
    }

    /// What a letter does to the column under the cursor; the cursor stays on it.
    fn act(&mut self, letter: char) -> DialogResponse {
        let by = self.order[self.cursor];
        match letter {
            ' ' if by == Column::Iccid => {
                return DialogResponse::Say("the ICCID stays: it says which SIM a row is".into());
            }
            ' ' => self.columns.toggle(by),
            'p' if self.columns.get(by).is_some() => self.columns.pin(by),
            'p' => return DialogResponse::Say("show it first, then pin it".into()),
            'K' => self.shift(-1),
            'J' => self.shift(1),
            '+' | '>' => self.columns.widen(by, 1),
            '-' | '<' => self.columns.widen(by, -1),
            'r' => {
                self.columns = Columns::default();
                self.order = in_order(&self.columns);
            }
            _ => return DialogResponse::Stay,
        }
        let pinned = |by: &Column| self.columns.get(*by).is_some_and(|c| c.pinned);
        self.order.sort_by_key(|by| !pinned(by));
        self.columns.arrange(&self.order);
        self.cursor = self.order.iter().position(|c| *c == by).unwrap_or(0);
        DialogResponse::Columns(self.columns.clone(), false)
    }

    fn shift(&mut self, by: i64) {
        let to = self.cursor as i64 + by;
        if (0..self.order.len() as i64).contains(&to) {
            self.order.swap(self.cursor, to as usize);
        }
    }
}

/// Those shown as they stand, then the others.
fn in_order(columns: &Columns) -> Vec<Column> {
    let hidden = ALL.iter().map(|c| c.by).filter(|by| columns.get(*by).is_none());
    columns.shown_columns().iter().map(|c| c.by).chain(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_seen_at_once_and_given_up_with_esc() {
        let mut pane = ColumnsPane::new(Columns::default());
        pane.key(Key::char('j'));
        pane.key(Key::char('J'));
        let DialogResponse::Columns(columns, false) = pane.key(Key::char(' ')) else {
            panic!("seen at once")
        };
        assert_eq!((columns.shown_columns()[1].by, columns.get(Column::Label)), (Column::Account, None));
        let DialogResponse::Columns(columns, false) = pane.key(Key::char(' ')) else {
            panic!("and back")
        };
        assert_eq!(columns.shown_columns()[2].by, Column::Label, "where it was");
        assert_eq!(pane.key(Key::plain(Code::Esc)), DialogResponse::Columns(Columns::default(), true));
        pane.cursor = 0;
        assert!(matches!(pane.key(Key::char(' ')), DialogResponse::Say(_)));
    }
}
