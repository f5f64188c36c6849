//! Lists of identifiers: pasted columns and files, cut into entries; what they come to; and the filter they make.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use csv::ReaderBuilder;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::{Field, Filter, Op, Term, Value};
use crate::import::{ImportField, delimiter, recognise};
use crate::sim::SimId;
use crate::text;

/// The most entries of a list: as many as a filter can name.
pub const MOST: usize = 100_000;

/// A list of identifiers as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct List {
    /// What a header says they are; without one each entry is told by its form.
    pub kind: Option<Field>,
    /// The entries, as given.
    pub entries: Vec<String>,
    /// Lines that hold no number at all.
    pub others: Vec<String>,
}

impl List {
    /// A list without a header.
    pub fn of<T: Into<String>>(entries: impl IntoIterator<Item = T>) -> Self {
        Self { entries: entries.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Reads a pasted text: a column under a header, or numbers between commas, tabs and line breaks.
    pub fn read(text: &str) -> Result<Self> {
        let text = text::clean_lines(text);
        let delimiter = delimiter(text.trim_start());
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let mut list = Self::default();
        let mut column = None;
        for (line, record) in reader.records().enumerate() {
            let Ok(record) = record else { break };
            if line == 0
                && let Some((at, kind)) = headed(&record)
            {
                (list.kind, column) = (Some(kind), Some(at));
                continue;
            }
            if let Some(at) = column {
                list.entries.extend(record.get(at).and_then(whole));
            } else {
                list.take(&record);
            }
            if list.entries.len() > MOST {
                return Err(Error::invalid("list", format!("has more than {MOST} entries; split it")));
            }
        }
        Ok(list)
    }

    /// Takes the numbers of a line without a header; a line that has none is kept as it is.
    fn take(&mut self, record: &csv::StringRecord) {
        let before = self.entries.len();
        record.iter().for_each(|cell| self.entries.extend(numbers(cell)));
        let line = record.iter().collect::<Vec<_>>().join(" ");
        if self.entries.len() == before && !line.trim().is_empty() {
            self.others.push(line.trim().to_owned());
        }
    }

    /// Reads a file's bytes; identifiers are plain digits in every encoding.
    pub fn read_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(&encoding_rs::UTF_8.decode(bytes).0)
    }
}

/// The first column whose header names an identifier; an ICCID before the others.
fn headed(record: &csv::StringRecord) -> Option<(usize, Field)> {
    let kinds = [
        (ImportField::Iccid, Field::Iccid),
        (ImportField::Imsi, Field::Imsi),
        (ImportField::Msisdn, Field::Msisdn),
        (ImportField::Eid, Field::Eid),
        (ImportField::Imei, Field::Imei),
    ];
    kinds.into_iter().find_map(|(header, kind)| {
        record.iter().position(|cell| recognise(cell) == Some(header)).map(|at| (at, kind))
    })
}

/// The cell of a column that is known to hold identifiers.
fn whole(cell: &str) -> Option<String> {
    let cell = cell.trim().trim_matches(['"', '\'']);
    (!cell.is_empty()).then(|| cell.to_owned())
}

fn digits_in(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// The numbers in a cell: one written in groups, or several between blanks.
fn numbers(cell: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in cell.lines() {
        let line = line.trim().trim_matches(['"', '\'']);
        let plain = line.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '+' | 'F' | 'f'));
        let in_groups = line.split_whitespace().all(|group| digits_in(group) < 10);
        if plain && in_groups && (15..=32).contains(&digits_in(line)) {
            found.push(line.to_owned());
        } else {
            let parts = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"'));
            found.extend(parts.filter(|part| digits_in(part) >= 6).map(str::to_owned));
        }
    }
    found
}

/// The numbers besides ICCIDs, in the order they are looked for, and how long each can be.
pub(crate) const FORMS: [(Field, RangeInclusive<usize>); 4] =
    [(Field::Imei, 15..=16), (Field::Eid, 32..=32), (Field::Msisdn, 7..=15), (Field::Imsi, 6..=15)];

/// What a number that fits no SIM most likely is.
pub(crate) fn form_of(digits: &str) -> Option<Field> {
    match digits.len() {
        18..=20 => Some(Field::Iccid),
        32 => Some(Field::Eid),
        15 => Some(Field::Imsi),
        16 => Some(Field::Imei),
        7..=14 => Some(Field::Msisdn),
        _ => None,
    }
}

/// Whether a number can be that at all.
pub(crate) fn is_form(field: Field, digits: &str) -> bool {
    let length = FORMS.iter().find(|(f, _)| *f == field).map_or(18..=20, |(_, lengths)| lengths.clone());
    length.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The digits of an entry, without what people put between and after them.
pub(crate) fn digits(entry: &str) -> String {
    entry
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '+' | '\'' | '"'))
        .collect::<String>()
        .trim_end_matches(['F', 'f'])
        .to_owned()
}

/// What a list of identifiers came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lookup {
    /// The SIMs, each once, in the order of the list.
    pub found: Vec<SimId>,
    /// What fits no SIM this user sees.
    pub unknown: Vec<String>,
    /// Entries that name a SIM named before.
    pub duplicates: u64,
    /// Entries that fit several SIMs; all of those are found.
    pub shared: u64,
    /// The numbers of the list by what they are, each once: what a filter names.
    pub numbers: BTreeMap<Field, Vec<String>>,
}

impl Lookup {
    /// How many different SIMs the list speaks of, there or not.
    pub fn wanted(&self) -> u64 {
        (self.found.len() + self.unknown.len()) as u64
    }

    /// "497 of 500 found", with what else there is to say.
    pub fn summary(&self) -> String {
        let count = |n: usize| crate::units::count(n as u64);
        let twice = if self.duplicates > 0 {
            format!(" · {} listed twice", crate::units::count(self.duplicates))
        } else {
            String::new()
        };
        let shared = match self.shared {
            0 => String::new(),
            1 => " · 1 number fits several SIMs".to_owned(),
            n => format!(" · {} numbers fit several SIMs", crate::units::count(n)),
        };
        format!("{} of {} found{twice}{shared}", count(self.found.len()), crate::units::count(self.wanted()))
    }

    /// The list as a criterion: it matches what it names whenever that is there.
    pub fn filter(&self) -> Filter {
        let term = |(field, numbers): (&Field, &Vec<String>)| {
            let values = numbers.iter().cloned().map(Value::Text).collect();
            Filter::Term(Term { field: *field, op: Op::Eq, values })
        };
        Filter::any(self.numbers.iter().filter(|(_, list)| !list.is_empty()).map(term).collect())
    }
}

impl Filter {
    /// The identifiers this filter lists, whatever holds besides.
    pub fn listed(&self) -> Vec<String> {
        match self {
            Self::And(list) | Self::Or(list) => list.iter().flat_map(Self::listed).collect(),
            Self::Term(term) if term.is_list() => term.values.iter().map(ToString::to_string).collect(),
            Self::All | Self::Not(_) | Self::Term(_) => Vec::new(),
        }
    }
}

impl Term {
    /// Whether it names SIMs by a list of identifiers.
    pub fn is_list(&self) -> bool {
        let identifies =
            matches!(self.field, Field::Iccid | Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei);
        identifies && self.op == Op::Eq && self.values.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        List::read(text).expect("list").entries
    }

    #[test]
    fn columns_are_read_whatever_stands_between() {
        let two = ["8944500102198000003", "8944500102198000011"];
        for text in [
            "8944500102198000003\r\n8944500102198000011\r\n",
            "8944500102198000003,8944500102198000011",
            "8944500102198000003\t8944500102198000011",
            "\"8944500102198000003\";\"8944500102198000011\"",
            "8944500102198000003 8944500102198000011",
            "ICCID\n8944500102198000003\n\n8944500102198000011",
            "Label;SIM Number;x\nvan;8944500102198000003;1\n;8944500102198000011;2",
            "\u{feff}iccid,imsi\n8944500102198000003,234100000000001\n8944500102198000011,234100000000002",
        ] {
            assert_eq!(read(text), two, "{text:?}");
        }
    }

    #[test]
    fn numbers_in_groups_are_one_number_and_headers_say_what_they_are() {
        assert_eq!(
            read("8944 5001 0219 8000 003\n+44 7700 900123"),
            ["8944 5001 0219 8000 003", "+44", "7700", "900123"]
                .iter()
                .filter(|e| digits_in(e) >= 6)
                .copied()
                .collect::<Vec<_>>()
        );
        assert_eq!(List::read("8944500102198000003\nabc\n12345\n").expect("list").others, ["abc", "12345"]);
        let list = List::read("MSISDN\n+44 7700 900123\n").expect("list");
        assert_eq!((list.kind, list.entries), (Some(Field::Msisdn), vec!["+44 7700 900123".to_owned()]));
        assert_eq!(read("nothing to see, here"), Vec::<String>::new());
        assert_eq!(
            read("\"8944500102198000003\n8944500102198000011"),
            ["8944500102198000003", "8944500102198000011"]
        );
    }

    #[test]
    fn a_list_becomes_a_filter_and_is_found_in_it_again() {
        let numbers = BTreeMap::from([
            (Field::Iccid, vec!["8944500102198000003".to_owned(), "8944500102198000011".to_owned()]),
            (Field::Msisdn, vec!["447700900123".to_owned(), "447700900124".to_owned()]),
        ]);
        let lookup = Lookup { numbers, ..Lookup::default() };
        let filter = lookup.filter().and(Filter::parse("used>1GB -iccid=1,2").expect("filter"));
        assert_eq!(Filter::parse(&filter.to_string()), Ok(filter.clone()));
        assert_eq!(filter.listed().len(), 4);
        assert_eq!(Lookup::default().filter(), Filter::none());
    }
}
