//! Lists of identifiers: pasted columns and files, cut into entries; what they come to; and the
//! filter they make.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::{Field, Filter, Op, Term, Value};
use crate::ids::SimId;
use crate::import::{ImportField, RawList, read_list};
use crate::{limits, text};

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

    /// Reads a pasted text: a column under a header, or numbers between commas, tabs and line
    /// breaks.
    pub fn read(text: &str) -> Result<Self> {
        Self::read_bytes(text.as_bytes())
    }

    /// Reads a file of any kind that an import reads, from memory.
    pub fn read_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        Self::read_stream(Box::new(std::io::Cursor::new(bytes)))
    }

    /// Reads a file of any kind that an import reads.
    pub fn read_stream(input: Box<dyn Read + Send + '_>) -> Result<Self> {
        let mut list = Self::default();
        match read_list(input)? {
            RawList::Column(field, cells) => {
                list.kind = Some(filter_field(field));
                list.entries = cells.into_iter().map(|cell| text::clean(&cell).into_owned()).collect();
            }
            RawList::Lines(lines) => {
                for cells in lines {
                    list.take(&cells);
                }
            }
        }
        if list.entries.len() > limits::LIST_ENTRIES {
            return Err(Error::invalid(
                "list",
                format!("has more than {} entries; split it", limits::LIST_ENTRIES),
            ));
        }
        Ok(list)
    }

    /// Takes the numbers of a line without a header; a line that has none is kept as it is.
    fn take(&mut self, cells: &[String]) {
        let before = self.entries.len();
        let cells: Vec<String> = cells.iter().map(|cell| text::clean(cell).into_owned()).collect();
        self.entries.extend(cells.iter().flat_map(|cell| numbers(cell)));
        let line = cells.join(" ");
        if self.entries.len() == before && !line.trim().is_empty() {
            self.others.push(line.trim().to_owned());
        }
    }
}

/// Returns the field of the filter language for an identifier.
fn filter_field(field: ImportField) -> Field {
    match field {
        ImportField::Imsi => Field::Imsi,
        ImportField::Msisdn => Field::Msisdn,
        ImportField::Eid => Field::Eid,
        ImportField::Imei => Field::Imei,
        _ => Field::Iccid,
    }
}

fn digits_in(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// The numbers in a cell: one written in groups, or several between blanks.
fn numbers(cell: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in cell.lines() {
        let line = line.trim().trim_matches(['"', '\'', '=', '`']);
        let plain = line.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '+' | 'F' | 'f'));
        let in_groups = line.split_whitespace().all(|group| digits_in(group) < 10);
        if (plain && in_groups && (15..=32).contains(&digits_in(line))) || is_phone(line) {
            found.push(line.to_owned());
        } else {
            let parts = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"'));
            found.extend(parts.filter(|part| digits_in(part) >= 6).map(str::to_owned));
        }
    }
    found
}

/// True if a line is one telephone number in international form, however it is grouped.
fn is_phone(line: &str) -> bool {
    let begins = line.starts_with(['+', '('])
        || line.starts_with("00")
        || line.to_ascii_lowercase().starts_with("tel:+");
    let digits = crate::ident::msisdn_digits(line);
    begins && (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
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

/// True if a number can be that at all.
pub(crate) fn is_form(field: Field, digits: &str) -> bool {
    let length = FORMS.iter().find(|(f, _)| *f == field).map_or(18..=20, |(_, lengths)| lengths.clone());
    length.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the digits of an entry, in any spelling of a number.
pub(crate) fn digits(entry: &str) -> String {
    let compact = crate::ident::compact(entry);
    // An IMSI of the test network 001 begins with two zeros as well, and has 15 digits.
    let is_phone = compact.starts_with("00") && compact.len() != 15 && compact.len() <= 17;
    if is_phone || compact.contains(['+', '(', ':', '.']) {
        return crate::ident::msisdn_digits(entry);
    }
    compact.trim_end_matches(['F', 'f']).to_owned()
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
    pub fn wanted_count(&self) -> u64 {
        (self.found.len() + self.unknown.len()) as u64
    }

    /// "497 of 500 found", with what else there is to say.
    pub fn summary(&self) -> String {
        let count = |n: usize| crate::number::count(n as u64);
        let twice = if self.duplicates > 0 {
            format!(" · {} listed twice", crate::number::count(self.duplicates))
        } else {
            String::new()
        };
        let shared = match self.shared {
            0 => String::new(),
            1 => " · 1 number fits several SIMs".to_owned(),
            n => format!(" · {} numbers fit several SIMs", crate::number::count(n)),
        };
        format!(
            "{} of {} found{twice}{shared}",
            count(self.found.len()),
            crate::number::count(self.wanted_count())
        )
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
    pub fn listed_identifiers(&self) -> Vec<String> {
        match self {
            Self::And(list) | Self::Or(list) => list.iter().flat_map(Self::listed_identifiers).collect(),
            Self::Term(term) if term.is_list() => term.values.iter().map(ToString::to_string).collect(),
            Self::All | Self::Not(_) | Self::Term(_) => Vec::new(),
        }
    }
}

impl Term {
    /// True if it names SIMs by a list of identifiers.
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
            ["8944 5001 0219 8000 003", "+44 7700 900123"]
        );
        assert_eq!(
            read("0044 7700 900123\ntel:+44-7700-900124"),
            ["0044 7700 900123", "tel:+44-7700-900124"]
        );
        assert_eq!(digits("+44 (0)7700 900123"), "447700900123");
        assert_eq!(digits("001010000000001"), "001010000000001");
        assert_eq!(
            List::read("8944500102198000003\nabc\n12345\n").expect("list").others,
            ["abc", "12345"]
        );
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
        assert_eq!(filter.listed_identifiers().len(), 4);
        assert_eq!(Lookup::default().filter(), Filter::none());
    }
}
