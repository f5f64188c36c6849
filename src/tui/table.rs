//! The SIM table's window: a run of rows around the screen, a cursor held by SIM, a range being
//! drawn. Pure.

use std::collections::{BTreeSet, VecDeque};

use estate::{Key as RowKey, Page, Query, Row, Seek, SimId};

/// Rows kept around the screen; more are trimmed on the far side.
const KEPT: usize = 600;

/// A row with its mark.
#[derive(Debug, Clone)]
pub struct TableRow {
    /// The SIM and its place.
    pub row: Row,
    /// Whether it is selected.
    pub marked: bool,
}

/// A range from an anchor to the cursor.
#[derive(Debug, Clone)]
pub struct Range {
    /// The row it began on.
    pub anchor: RowKey,
    /// The row's place, counted like [`Table::base`].
    at: i64,
    /// Begun with `v` or a drag: plain movement extends it. Else only Shift does.
    pub sticky: bool,
}

/// What a page that was asked for is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScrollTo {
    /// Follow the rows there are.
    After,
    /// Come before them.
    Before,
    /// Replace them, with the cursor on the first row.
    Top,
    /// Replace them, with the cursor on the last row.
    Bottom,
    /// Replace them, with the cursor on the first, that many rows into the list.
    Row(u64),
    /// Replace them, with the cursor kept on its SIM at its height on the screen.
    Keep,
}

/// The window.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The rows.
    pub rows: VecDeque<TableRow>,
    /// The first row on the screen.
    pub top: usize,
    /// The row under the cursor.
    pub cursor: usize,
    /// Rows that fit.
    pub height: usize,
    /// Rows to scroll beyond the cursor when it leaves the screen: a held key then redraws the list
    /// now and then, not at every row.
    pub glide: usize,
    /// How many rows come before the first, when known.
    pub first: Option<u64>,
    /// The first row's number in a count that survives trimming.
    base: i64,
    /// Whether rows come before the first and after the last.
    pub before: bool,
    /// Whether rows come after the last.
    pub after: bool,
    /// The query of the rows.
    pub loaded: Option<Query>,
    /// Whether a page is on its way.
    pub loading: bool,
    /// Whether a page could not be read: none is asked for until the cursor moves or a page
    /// arrives.
    stalled: bool,
    /// Steps to take when the page arrives.
    owed: i64,
    /// The range being drawn.
    pub range: Option<Range>,
    /// The first of the columns that scroll.
    pub column: usize,
}

impl Table {
    /// The row under the cursor.
    pub fn current(&self) -> Option<&TableRow> {
        self.rows.get(self.cursor)
    }

    /// The rows on the screen.
    pub fn visible_rows(&self) -> impl Iterator<Item = (usize, &TableRow)> {
        self.rows.iter().enumerate().skip(self.top).take(self.height)
    }

    /// The number of the first row on the screen, in a count that survives trimming.
    pub fn first_shown(&self) -> i64 {
        self.base + self.top as i64
    }

    /// How many rows come before the one under the cursor, when known.
    pub fn position(&self) -> Option<u64> {
        self.first.map(|first| first + self.cursor as u64)
    }

    /// Moves the cursor; what lies beyond the window is owed until it arrives.
    pub fn step(&mut self, by: i64) {
        if self.rows.is_empty() {
            return;
        }
        self.stalled = false;
        let last = self.rows.len() as i64 - 1;
        let to = (self.cursor as i64).saturating_add(by);
        self.owed = match to {
            to if to > last && self.after => to - last,
            to if to < 0 && self.before => to,
            _ => 0,
        };
        self.cursor = to.clamp(0, last) as usize;
        self.keep_in_sight();
    }

    /// Moves the cursor within the window; nothing is owed.
    pub fn jump(&mut self, by: i64) {
        self.step(by);
        self.stall();
    }

    /// Takes a page that could not be read. Asking again at once would ask without end.
    pub fn stall(&mut self) {
        (self.loading, self.stalled, self.owed) = (false, true, 0);
    }

    /// Scrolls; the cursor stays on the screen.
    pub fn scroll(&mut self, by: i64) {
        self.stalled = false;
        let height = self.height.max(1);
        let most = self.rows.len().saturating_sub(height) as i64;
        self.top = (self.top as i64 + by).clamp(0, most) as usize;
        let last = (self.top + height - 1).min(self.rows.len().saturating_sub(1));
        self.cursor = self.cursor.clamp(self.top, last);
    }

    /// Moves by a screen, keeping the cursor's height.
    pub fn page(&mut self, down: bool) {
        let by = self.height.saturating_sub(1).max(1) as i64;
        let by = if down { by } else { -by };
        let most = self.rows.len().saturating_sub(self.height) as i64;
        self.top = (self.top as i64 + by).clamp(0, most.max(0)) as usize;
        self.step(by);
    }

    fn keep_in_sight(&mut self) {
        let height = self.height.max(1);
        let glide = self.glide.min(height - 1);
        if self.cursor < self.top {
            self.top = self.cursor.saturating_sub(glide);
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 + glide - height;
        }
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }

    /// Says how many rows fit.
    pub fn resize(&mut self, height: usize) {
        self.height = height;
        self.keep_in_sight();
    }

    /// The page that should be asked for next, if any: a screen and a half is kept ready on both
    /// sides.
    pub fn need(&self) -> Option<(Seek, ScrollTo)> {
        if self.loading || self.stalled {
            return None;
        }
        let spare = self.height + self.height / 2 + 10;
        let (first, last) = (self.rows.front()?, self.rows.back()?);
        if self.after && self.rows.len() < self.top + self.height + spare {
            return Some((Seek::After(last.row.key.clone()), ScrollTo::After));
        }
        if self.before && self.top < spare {
            return Some((Seek::Before(first.row.key.clone()), ScrollTo::Before));
        }
        None
    }

    /// Takes a page in.
    pub fn receive(&mut self, page: Page, marked: &BTreeSet<SimId>, want: &ScrollTo) {
        (self.loading, self.stalled) = (false, false);
        let rows =
            page.rows.into_iter().map(|row| TableRow { marked: marked.contains(&row.sim.id), row });
        match want {
            ScrollTo::After => {
                self.rows.extend(rows);
                self.after = page.after;
                self.trim_front();
            }
            ScrollTo::Before => {
                let rows: Vec<TableRow> = rows.collect();
                self.prepend(rows);
                self.before = page.before;
            }
            other => {
                let rows = rows.collect();
                self.replace(rows, other);
                (self.before, self.after) = (page.before, page.after);
            }
        }
        let owed = std::mem::take(&mut self.owed);
        if owed != 0 {
            self.step(owed);
        }
    }

    fn trim_front(&mut self) {
        let spare = self.top.saturating_sub(self.height * 3);
        let excess = self.rows.len().saturating_sub(KEPT).min(spare);
        if excess > 0 {
            self.rows.drain(..excess);
            self.top -= excess;
            self.cursor -= excess.min(self.cursor);
            self.base += excess as i64;
            self.first = self.first.map(|f| f + excess as u64);
            self.before = true;
        }
    }

    fn prepend(&mut self, rows: Vec<TableRow>) {
        let n = rows.len();
        for row in rows.into_iter().rev() {
            self.rows.push_front(row);
        }
        self.top += n;
        self.cursor += n;
        self.base -= n as i64;
        self.first = self.first.map(|f| f.saturating_sub(n as u64));
        if self.rows.len() > KEPT {
            let keep = KEPT.max(self.top + self.height * 3);
            if self.rows.len() > keep {
                self.rows.truncate(keep);
                self.after = true;
            }
        }
    }

    fn replace(&mut self, rows: VecDeque<TableRow>, want: &ScrollTo) {
        let held = self.current().map(|r| r.row.sim.id);
        let height = self.cursor.saturating_sub(self.top);
        let old = self.cursor.saturating_sub(self.top);
        let first = self.first.map(|f| f + self.top as u64);
        self.rows = rows;
        self.base = 0;
        (self.top, self.cursor) = (0, 0);
        match want {
            ScrollTo::Bottom => {
                self.cursor = self.rows.len().saturating_sub(1);
                self.first = None;
                self.shift_range(i64::MIN);
            }
            ScrollTo::Keep => {
                let place = self.rows.iter().position(|r| Some(r.row.sim.id) == held);
                self.cursor = place.unwrap_or(old).min(self.rows.len().saturating_sub(1));
                self.top = self.cursor.saturating_sub(height);
                self.first = first;
            }
            ScrollTo::Row(n) => {
                self.first = Some(*n);
                self.range = None;
            }
            _ => {
                self.first = Some(0);
                self.shift_range(i64::MAX);
            }
        }
        self.keep_in_sight();
    }

    /// After a jump the anchor lies beyond one end, unless its row is here.
    fn shift_range(&mut self, beyond: i64) {
        if let Some(range) = &mut self.range {
            let here = self.rows.iter().position(|r| r.row.key == range.anchor);
            range.at = here.map_or(beyond, |i| self.base + i as i64);
        }
    }

    /// Begins a range on the row under the cursor.
    pub fn begin_range(&mut self, sticky: bool) {
        let at = self.base + self.cursor as i64;
        self.range = self.current().map(|r| Range { anchor: r.row.key.clone(), at, sticky });
    }

    /// Begins a range on a row of the window, if it is there.
    pub fn begin_range_at(&mut self, sim: SimId) -> bool {
        let Some(i) = self.rows.iter().position(|r| r.row.sim.id == sim) else { return false };
        self.range =
            Some(Range { anchor: self.rows[i].row.key.clone(), at: self.base + i as i64, sticky: true });
        true
    }

    /// Whether the range holds a row of the window.
    pub fn in_range(&self, index: usize) -> bool {
        let Some(range) = &self.range else { return false };
        let (at, cursor) = (self.base + index as i64, self.base + self.cursor as i64);
        (range.at.min(cursor)..=range.at.max(cursor)).contains(&at)
    }

    /// How many rows the range holds, when both of its ends are known.
    pub fn range_len(&self) -> Option<u64> {
        let range = self.range.as_ref()?;
        let cursor = self.base + self.cursor as i64;
        let known = range.at != i64::MIN && range.at != i64::MAX;
        known.then(|| range.at.abs_diff(cursor) + 1)
    }

    /// The SIMs of the range, if all of them are in the window; else its two ends.
    pub fn range_ids(&self) -> Option<Result<Vec<SimId>, (RowKey, RowKey)>> {
        let range = self.range.as_ref()?;
        let current = self.current()?;
        let inside = (self.base..self.base + self.rows.len() as i64).contains(&range.at);
        if !inside {
            return Some(Err((range.anchor.clone(), current.row.key.clone())));
        }
        let ids = (0..self.rows.len()).filter(|i| self.in_range(*i)).map(|i| self.rows[i].row.sim.id);
        Some(Ok(ids.collect()))
    }
}

#[cfg(test)]
mod tests {
    use estate::{Key, Page, SimId, SortValue};

    use super::*;

    fn table(rows: i64, height: usize) -> Table {
        let mut table = Table { height, ..Table::default() };
        let row =
            |n: i64| Row { sim: sim(n), key: Key { values: vec![SortValue::Number(n)], id: SimId(n) } };
        let page = Page { rows: (0..rows).map(row).collect(), before: false, after: true, rev: 1 };
        table.receive(page, &BTreeSet::new(), &ScrollTo::Top);
        table
    }

    fn sim(n: i64) -> estate::Sim {
        let one: estate::Sim =
            serde_json::from_str(include_str!("../../tests/data/one-sim.json")).expect("a SIM");
        estate::Sim { id: SimId(n), ..one }
    }

    #[test]
    fn steps_beyond_the_window_are_owed_and_paid() {
        let mut table = table(50, 10);
        table.step(70);
        assert_eq!((table.cursor, table.top), (49, 40));
        let row =
            |n: i64| Row { sim: sim(n), key: Key { values: vec![SortValue::Number(n)], id: SimId(n) } };
        let more = Page { rows: (50..100).map(row).collect(), before: true, after: false, rev: 1 };
        table.receive(more, &BTreeSet::new(), &ScrollTo::After);
        assert_eq!(table.current().expect("row").row.sim.id, SimId(70));
        table.step(500);
        assert_eq!(table.cursor, 99);
    }

    #[test]
    fn a_held_key_scrolls_by_many_rows_a_single_one_by_one() {
        let mut table = table(50, 10);
        table.step(9);
        table.step(1);
        assert_eq!((table.cursor, table.top), (10, 1));
        table.glide = 3;
        table.step(1);
        assert_eq!((table.cursor, table.top), (11, 5));
    }

    #[test]
    fn a_range_whose_anchor_left_the_window_knows_both_ends() {
        let mut table = table(50, 10);
        table.begin_range(true);
        let row =
            |n: i64| Row { sim: sim(n), key: Key { values: vec![SortValue::Number(n)], id: SimId(n) } };
        let last = Page { rows: (900..950).map(row).collect(), before: true, after: false, rev: 1 };
        table.receive(last, &BTreeSet::new(), &ScrollTo::Bottom);
        let ends = table.range_ids().expect("a range").expect_err("not all of it is here");
        assert_eq!((ends.0.id, ends.1.id), (SimId(0), SimId(949)));
        assert!(table.in_range(0) && table.range_len().is_none());
    }
}
