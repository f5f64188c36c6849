//! The table's columns: which are shown, in what order, how wide, which stay when the others
//! scroll. Pure.

use estate::Column;
use estate::saved::SavedColumn;

/// A column the table can show.
#[derive(Debug, PartialEq, Eq)]
pub struct Col {
    /// What it shows and sorts by.
    pub by: Column,
    /// Its header.
    pub title: &'static str,
    /// Its name where there is room.
    pub name: &'static str,
    /// Its width, unless it is set by hand; what is left over widens some.
    pub width: u16,
    /// Numbers stand at the right.
    pub right: bool,
}

const fn col(by: Column, title: &'static str, name: &'static str, width: u16, right: bool) -> Col {
    Col { by, title, name, width, right }
}

/// All of them, in the order they are offered.
pub const ALL: [Col; 24] = [
    col(Column::Iccid, "ICCID", "ICCID", 10, false),
    col(Column::Label, "Label", "Label", 12, false),
    col(Column::Account, "Account", "Account", 12, false),
    col(Column::Status, "Status", "Status", 10, false),
    col(Column::Session, "Sess", "In session", 4, false),
    col(Column::Network, "Network", "Network", 10, false),
    col(Column::Used, "Used", "Used", 8, true),
    col(Column::Cap, "Cap", "Cap", 8, true),
    col(Column::UsedPct, "%", "Used % of cap", 5, true),
    col(Column::Seen, "Last seen UTC", "Last seen", 16, false),
    col(Column::Tariff, "Tariff", "Tariff", 12, false),
    col(Column::Alert, "Alert", "Alert", 8, true),
    col(Column::Hard, "Hard", "Hard cap", 4, false),
    col(Column::AsOf, "Usage as of UTC", "Usage as of", 16, false),
    col(Column::Activated, "Activated", "Activated", 10, false),
    col(Column::Lifecycle, "Lifecycle", "Lifecycle", 10, false),
    col(Column::Imsi, "IMSI", "IMSI", 15, false),
    col(Column::Msisdn, "MSISDN", "MSISDN", 15, false),
    col(Column::Eid, "EID", "EID", 32, false),
    col(Column::Imei, "IMEI", "IMEI", 16, false),
    col(Column::Tags, "Tags", "Tags", 16, false),
    col(Column::Categories, "Categories", "Categories", 16, false),
    col(Column::Notes, "Notes", "Notes", 24, false),
    col(Column::Recipients, "Recipients", "Recipients", 24, false),
];

/// How many of [`ALL`] are shown at first.
const FIRST: usize = 10;

/// The narrowest and the widest a column can be set to.
const WIDTHS: std::ops::RangeInclusive<u16> = 3..=60;

/// What there is to know of a column.
pub fn of(by: Column) -> &'static Col {
    ALL.iter().find(|c| c.by == by).unwrap_or(&ALL[0])
}

/// A column that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub by: Column,
    /// Its width, where it was set by hand.
    pub width: Option<u16>,
    /// Whether it stays when the others scroll.
    pub pinned: bool,
}

/// The columns that are shown: the pinned ones, then the others, each in their order. The ICCID
/// always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<Shown>);

impl Default for Columns {
    fn default() -> Self {
        let shown = |c: &Col| Shown { by: c.by, width: None, pinned: c.by == Column::Iccid };
        Self(ALL.iter().take(FIRST).map(shown).collect())
    }
}

impl Columns {
    /// All that are shown, in order.
    pub fn shown_columns(&self) -> &[Shown] {
        &self.0
    }

    /// How many stay when the others scroll.
    pub fn pinned_count(&self) -> usize {
        self.0.iter().filter(|c| c.pinned).count()
    }

    /// How it is shown, if it is.
    pub fn get(&self, by: Column) -> Option<&Shown> {
        self.0.iter().find(|c| c.by == by)
    }

    /// Shows a column as the last one, or hides it; the ICCID says which SIM a row is, and stays.
    pub fn toggle(&mut self, by: Column) {
        if self.get(by).is_none() {
            self.0.push(Shown { by, width: None, pinned: false });
        } else if by != Column::Iccid {
            self.0.retain(|c| c.by != by);
        }
    }

    /// Lets a column stay when the others scroll, or not.
    pub fn pin(&mut self, by: Column) {
        if let Some(column) = self.0.iter_mut().find(|c| c.by == by) {
            column.pinned = !column.pinned;
            self.settle();
        }
    }

    /// Puts the columns that are shown into this order; the pinned ones come first all the same.
    pub fn arrange(&mut self, order: &[Column]) {
        self.0.sort_by_key(|c| order.iter().position(|by| *by == c.by).unwrap_or(order.len()));
        self.settle();
    }

    /// Makes a column wider or narrower by hand.
    pub fn widen(&mut self, by: Column, change: i16) {
        if let Some(column) = self.0.iter_mut().find(|c| c.by == by) {
            let now = column.width.unwrap_or(of(by).width);
            column.width = Some(now.saturating_add_signed(change).clamp(*WIDTHS.start(), *WIDTHS.end()));
        }
    }

    fn settle(&mut self) {
        self.0.sort_by_key(|c| !c.pinned);
    }

    /// What is kept of them: names, never places.
    pub fn to_saved(&self) -> Vec<SavedColumn> {
        let saved =
            |c: &Shown| SavedColumn { name: c.by.name().to_owned(), width: c.width, pinned: c.pinned };
        self.0.iter().map(saved).collect()
    }

    /// The columns that were kept, and the names of those that are not known here.
    pub fn of_saved(saved: &[SavedColumn]) -> (Self, Vec<String>) {
        let (mut list, mut unknown): (Vec<Shown>, Vec<String>) = (Vec::new(), Vec::new());
        for column in saved {
            let width = column.width.map(|w| w.clamp(*WIDTHS.start(), *WIDTHS.end()));
            match Column::from_name(&column.name) {
                Some(by) if list.iter().all(|c| c.by != by) => {
                    list.push(Shown { by, width, pinned: column.pinned });
                }
                Some(_) => {}
                None => unknown.push(column.name.clone()),
            }
        }
        if list.iter().all(|c| c.by != Column::Iccid) {
            list.insert(0, Shown { by: Column::Iccid, width: None, pinned: true });
        }
        let mut columns = Self(list);
        columns.settle();
        (columns, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &Columns) -> String {
        columns.shown_columns().iter().map(|c| c.by.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_column_of_the_estate_can_be_shown() {
        assert!(Column::all().eq(ALL.iter().map(|c| c.by)));
    }

    #[test]
    fn columns_are_shown_hidden_moved_and_pinned() {
        let mut columns = Columns::default();
        columns.toggle(Column::Seen);
        columns.toggle(Column::Iccid);
        columns.toggle(Column::Notes);
        assert_eq!(names(&columns), "iccid label account status session network used cap used_pct notes");
        columns.arrange(&[Column::Notes, Column::Iccid, Column::Label]);
        assert!(names(&columns).starts_with("iccid notes label "), "{}", names(&columns));
        columns.pin(Column::Cap);
        columns.arrange(&[Column::Cap, Column::Iccid]);
        assert!(names(&columns).starts_with("cap iccid "), "{}", names(&columns));
        columns.widen(Column::Cap, -100);
        assert_eq!(
            (columns.pinned_count(), columns.get(Column::Cap).and_then(|c| c.width)),
            (2, Some(3))
        );
    }

    #[test]
    fn what_is_kept_is_known_by_name() {
        let mut columns = Columns::default();
        columns.toggle(Column::Imsi);
        columns.widen(Column::Imsi, 2);
        let mut saved = columns.to_saved();
        assert_eq!(Columns::of_saved(&saved), (columns, vec![]));
        saved.insert(1, SavedColumn { name: "signal".into(), ..SavedColumn::default() });
        saved.retain(|c| c.name != "iccid");
        let (again, unknown) = Columns::of_saved(&saved);
        assert_eq!((again.shown_columns()[0].by, unknown), (Column::Iccid, vec!["signal".to_owned()]));
    }
}
