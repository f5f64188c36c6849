//! Columns: which field each header names, with its unit.
//!
//! A field has exact names, usual names and weak names. An exact name wins over a usual one and
//! that over a weak one, wherever they stand in the file; among equals the cells decide (see
//! `survey.rs`).

use super::portals::Portal;
use crate::error::{Error, Result};
use crate::import::header_name::{ColumnTarget, Header, HeaderUnit, parse_target, plain};
use crate::import::names::{Field, Names, SIM_FIELDS, Shape, name_of};

/// Recognises the identifier that a header names, for lists.
pub(crate) fn recognize_identifier(header: &str) -> Option<Field> {
    let (field, _) = Header::new(header).recognize(SIM_FIELDS)?;
    (field.shape() == Shape::Identifier).then_some(field)
}

/// Rank of the name by which a header names one of the identifiers: 0 is an exact name.
pub(super) fn identifier_tier(header: &str, wanted: &[Field]) -> Option<u8> {
    let (field, tier) = Header::new(header).recognize(SIM_FIELDS)?;
    wanted.contains(&field).then_some(tier)
}

/// One column of a field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub at: usize,
    /// True if it is subtracted.
    pub minus: bool,
    /// Unit of a bare number.
    pub unit: Option<u64>,
}

/// Columns chosen so far, and those between which the cells decide.
#[derive(Default)]
pub(super) struct Choice {
    /// Names of the fields.
    known: &'static [Names],
    /// Columns by field.
    pub parts: Vec<(Field, Part)>,
    /// Fields with several columns that go by names of the same rank.
    pub ties: Vec<(Field, Vec<usize>)>,
    /// Columns that are known to be of no use.
    pub ignored: Vec<usize>,
    /// Column of a record id that goes by a name which often means something else.
    pub weak_record: Option<usize>,
}

impl Choice {
    fn has(&self, field: Field) -> bool {
        self.parts.iter().any(|(f, _)| *f == field) || self.ties.iter().any(|(f, _)| *f == field)
    }

    /// True if a column is used, ignored or undecided.
    pub fn is_taken(&self, at: usize) -> bool {
        self.parts.iter().any(|(_, part)| part.at == at)
            || self.is_ignored(at)
            || self.ties.iter().any(|(_, columns)| columns.contains(&at))
    }

    pub fn is_ignored(&self, at: usize) -> bool {
        self.ignored.contains(&at)
    }

    /// Takes a column for a field, with the unit its header states.
    pub fn take(&mut self, field: Field, at: usize, header: &Header, unit: Option<u64>) -> Result<()> {
        let mut part = Part { at, minus: false, unit };
        if field.shape() == Shape::Size && part.unit.is_none() {
            part.unit = match &header.unit {
                HeaderUnit::Unit(bytes) => Some(*bytes),
                HeaderUnit::Nothing if is_own_size(&header.plain) => Some(1),
                HeaderUnit::Nothing => None,
                HeaderUnit::Unknown(words) => {
                    return Err(Error::invalid(
                        "file",
                        format!(
                            "the unit of column \"{}\" is not known ({words}); state it, for example --map '{}={}:MB'",
                            header.name,
                            header.name,
                            name_of(field, self.known)
                        ),
                    ));
                }
            };
        }
        self.parts.push((field, part));
        Ok(())
    }
}

/// Names that are simdeck's own and hold bytes.
fn is_own_size(plain: &str) -> bool {
    matches!(plain, "used" | "cap" | "alert" | "bytes")
}

/// Options and portal that decide columns before the headers do.
pub(super) struct ColumnOptions<'a> {
    pub known: &'static [Names],
    pub map: &'a [(String, String)],
    pub ignore: &'a [String],
    pub no_status: bool,
    pub portal: Option<&'a Portal>,
}

/// Rank of a weak name.
const WEAK: u8 = 2;

/// Chooses the columns of the fields.
pub(super) fn choose(headers: &[Header], column_options: &ColumnOptions<'_>) -> Result<Choice> {
    let mut choice = Choice { known: column_options.known, ..Choice::default() };
    for (header, wanted) in column_options.map {
        let at = find(headers, header, "map")?;
        let wish = parse_target(column_options.known, wanted, "map")?;
        add_target(&mut choice, headers, at, &wish)?;
    }
    for name in column_options.ignore {
        // Of several columns of one name, those that are not mapped.
        let first = &headers[find(headers, name, "ignore")?].plain;
        let more: Vec<usize> = (0..headers.len())
            .filter(|at| headers[*at].plain == *first && !choice.is_taken(*at))
            .collect();
        choice.ignored.extend(more);
    }
    if let Some(portal) = column_options.portal {
        take_portal(&mut choice, headers, column_options.known, portal)?;
    }
    recognize_rest(&mut choice, headers, column_options)?;
    if column_options.no_status {
        drop_status(&mut choice);
    }
    Ok(choice)
}

fn find(headers: &[Header], name: &str, option: &'static str) -> Result<usize> {
    let (exact, wanted) = (name.trim(), plain(name));
    let at = headers.iter().position(|h| h.name == exact);
    at.or_else(|| headers.iter().position(|h| h.plain == wanted)).ok_or_else(|| {
        let names: Vec<&str> = headers.iter().map(|h| h.name.as_str()).collect();
        Error::invalid(option, format!("there is no column {name}; the file has {}", names.join(", ")))
    })
}

fn add_target(choice: &mut Choice, headers: &[Header], at: usize, wish: &ColumnTarget) -> Result<()> {
    let field = wish.field;
    if !field.is_sum() && choice.has(field) {
        let reason = format!(
            "two columns are mapped to {}; only sizes and lists can be put together",
            name_of(field, choice.known)
        );
        return Err(Error::invalid("map", reason));
    }
    let in_bytes = (wish.in_bytes && headers[at].unit == HeaderUnit::Nothing).then_some(1);
    choice.take(field, at, &headers[at], wish.unit.or(in_bytes))?;
    if let Some((_, part)) = choice.parts.last_mut() {
        part.minus = wish.minus;
    }
    Ok(())
}

fn take_portal(choice: &mut Choice, headers: &[Header], known: &[Names], portal: &Portal) -> Result<()> {
    let decided: Vec<Field> = choice.parts.iter().map(|(field, _)| *field).collect();
    for (header, wanted) in &portal.columns {
        let wanted_plain = plain(header);
        let Some(at) = headers.iter().position(|h| h.plain == wanted_plain) else { continue };
        let wish = parse_target(known, wanted, "portal")?;
        if decided.contains(&wish.field)
            || choice.is_taken(at)
            || (choice.has(wish.field) && !wish.field.is_sum())
        {
            continue;
        }
        add_target(choice, headers, at, &wish)?;
    }
    let is_ignored = |header: &Header| {
        let known = portal.ignore.iter().chain(&portal.counts);
        known
            .chain(portal.only.keys())
            .chain(portal.except.keys())
            .any(|name| plain(name) == header.plain)
    };
    let more: Vec<usize> =
        (0..headers.len()).filter(|at| is_ignored(&headers[*at]) && !choice.is_taken(*at)).collect();
    choice.ignored.extend(more);
    Ok(())
}

fn recognize_rest(
    choice: &mut Choice,
    headers: &[Header],
    column_options: &ColumnOptions<'_>,
) -> Result<()> {
    let free = |choice: &Choice, at: usize| !choice.is_taken(at) && !headers[at].plain.is_empty();
    // A path says more than a name; an export has both.
    let path = headers.iter().position(|h| h.plain == "accountpath");
    if let Some(at) = path.filter(|at| free(choice, *at) && !choice.has(Field::Account)) {
        choice.take(Field::Account, at, &headers[at], None)?;
        choice.ignored.extend(headers.iter().position(|h| h.plain == "account"));
    }
    let found: Vec<Option<(Field, u8)>> = headers
        .iter()
        .enumerate()
        .map(|(at, header)| header.recognize(column_options.known).filter(|_| free(choice, at)))
        .collect();
    for names in column_options.known {
        let field = names.field;
        let tier = |at: &usize| found[*at].filter(|(f, _)| *f == field).map(|(_, tier)| tier);
        let columns: Vec<usize> = (0..headers.len()).filter(|at| tier(at).is_some()).collect();
        let Some(best) = columns.iter().filter_map(tier).min() else { continue };
        if field == Field::Derived {
            choice.ignored.extend(columns);
            continue;
        }
        if choice.has(field) {
            continue;
        }
        let first: Vec<usize> = columns.into_iter().filter(|at| tier(at) == Some(best)).collect();
        match first[..] {
            [at] => {
                choice.take(field, at, &headers[at], None)?;
                choice.weak_record =
                    choice.weak_record.or((field == Field::Record && best == WEAK).then_some(at));
            }
            _ => choice.ties.push((field, first)),
        }
    }
    // An export of our own states the axes of the status apart.
    let lifecycle = headers.iter().position(|h| h.plain == "lifecycle");
    if let Some(at) =
        lifecycle.filter(|at| is_own_export(headers) && free(choice, *at) && choice.has(Field::Status))
    {
        choice.take(Field::Lifecycle, at, &headers[at], None)?;
    }
    // Some fields say nothing without another.
    for (field, other) in [
        (Field::Suspended, Field::Status),
        (Field::Managed, Field::Status),
        (Field::UsageGate, Field::Status),
        (Field::CapReturns, Field::CapReturnsAt),
        (Field::AlertReturns, Field::CapReturnsAt),
        (Field::CapReturnsAt, Field::CapReturns),
    ] {
        if !choice.has(other) {
            choice.parts.retain(|(taken, _)| *taken != field);
        }
    }
    Ok(())
}

/// True if the headers are those of an export of our own.
pub(super) fn is_own_export(headers: &[Header]) -> bool {
    ["iccid", "accountpath", "usagegate", "usedbytes"]
        .iter()
        .all(|name| headers.iter().any(|header| header.plain == *name))
}

fn drop_status(choice: &mut Choice) {
    let stated = [Field::Status, Field::Lifecycle, Field::Suspended, Field::UsageGate];
    let dropped: Vec<usize> =
        choice.parts.iter().filter(|(f, _)| stated.contains(f)).map(|(_, part)| part.at).collect();
    choice.ignored.extend(dropped);
    choice.parts.retain(|(field, _)| !stated.contains(field));
    let tied =
        choice.ties.iter().filter(|(f, _)| stated.contains(f)).flat_map(|(_, columns)| columns.clone());
    choice.ignored.extend(tied.collect::<Vec<_>>());
    choice.ties.retain(|(field, _)| !stated.contains(field));
}

/// Decides between columns of the same rank by how many of their cells fit; `fits` counts them.
pub(super) fn settle_ties(
    choice: &mut Choice,
    headers: &[Header],
    fits: &dyn Fn(Field, usize) -> u64,
) -> Result<()> {
    for (field, columns) in std::mem::take(&mut choice.ties) {
        let best = columns.iter().map(|at| fits(field, *at)).max().unwrap_or(0);
        let mut first: Vec<usize> =
            columns.iter().copied().filter(|at| fits(field, *at) == best).collect();
        // Of the same size in several units the finest one is exact.
        if field.shape() == Shape::Size
            && first.iter().all(|at| matches!(headers[*at].unit, HeaderUnit::Unit(_)))
        {
            let unit = |at: &usize| {
                if let HeaderUnit::Unit(bytes) = headers[*at].unit { bytes } else { u64::MAX }
            };
            let finest = first.iter().map(unit).min();
            first.retain(|at| Some(unit(at)) == finest);
        }
        if first.len() > 1 && field.is_critical() {
            let quoted: Vec<String> =
                first.iter().map(|at| format!("\"{}\"", headers[*at].name)).collect();
            let (name, header) = (name_of(field, choice.known), &headers[first[0]].name);
            return Err(Error::invalid(
                "file",
                format!(
                    "columns {} could each hold the {name}; choose one, for example --map '{header}={name}', \
                     or leave others out with --ignore",
                    quoted.join(" and ")
                ),
            ));
        }
        choice.take(field, first[0], &headers[first[0]], None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::names::USAGE_FIELDS;

    fn recognize(header: &str) -> Option<Field> {
        Header::new(header).recognize(SIM_FIELDS).map(|(field, _)| field)
    }

    fn unit(header: &str) -> HeaderUnit {
        Header::new(header).unit
    }

    #[test]
    fn the_usual_spellings_are_recognised() {
        for (header, field) in [
            ("SIM Number", Field::Iccid),
            ("Phone Number", Field::Msisdn),
            ("Customer", Field::Account),
            ("Operator", Field::Network),
            ("SIM Status", Field::Status),
            ("Usage (MB)", Field::Used),
            ("Usage KB", Field::Used),
            ("dataUsageMB", Field::Used),
            ("Data Cap", Field::Cap),
            ("data_used_bytes", Field::Used),
            ("last_seen", Field::Seen),
            ("In session", Field::Session),
            ("Monthly Data Limit", Field::Cap),
        ] {
            assert_eq!(recognize(header), Some(field), "{header}");
        }
        assert_eq!(recognize("Colour"), None);
    }

    #[test]
    fn headers_state_units_in_many_forms() {
        for (header, bytes) in [
            ("Usage (MB)", 1_000_000),
            ("Usage (GiB)", 1 << 30),
            ("Usage KB", 1_000),
            ("Usage (MBytes)", 1_000_000),
            ("Usage (Megabytes)", 1_000_000),
            ("Usage [MB]", 1_000_000),
            ("usage_mb", 1_000_000),
            ("Usage (MB/month)", 1_000_000),
            ("used_bytes", 1),
            ("dataUsageMB", 1_000_000),
            ("Bytes", 1),
        ] {
            assert_eq!(unit(header), HeaderUnit::Unit(bytes), "{header}");
        }
        assert_eq!(unit("Usage (this month)"), HeaderUnit::Nothing);
        assert_eq!(unit("Usage"), HeaderUnit::Nothing);
        assert_eq!(unit("Usage (blocks)"), HeaderUnit::Unknown("blocks".into()));
        for unknown in ["Mbit", "1024 KB", "MB or GB", "MB/s", "MB/day", "last month", "10 MB blocks"] {
            assert_eq!(unit(&format!("Usage ({unknown})")), HeaderUnit::Unknown(unknown.into()));
        }
    }

    #[test]
    fn no_name_belongs_to_two_fields() {
        for known in [SIM_FIELDS, USAGE_FIELDS] {
            let all: Vec<&str> = known.iter().flat_map(|n| [n.exact, n.usual, n.weak].concat()).collect();
            for name in &all {
                assert_eq!(all.iter().filter(|other| *other == name).count(), 1, "{name}");
                assert_eq!(plain(name), *name, "compared without punctuation");
            }
        }
    }

    #[test]
    fn mappings_have_signs_and_units() {
        let wish = |text: &str| parse_target(SIM_FIELDS, text, "map");
        assert_eq!(
            wish("used:MB"),
            Ok(ColumnTarget { field: Field::Used, minus: false, unit: Some(1_000_000), in_bytes: false })
        );
        assert_eq!(
            wish("-used"),
            Ok(ColumnTarget { field: Field::Used, minus: true, unit: None, in_bytes: false })
        );
        assert!(wish("label:MB").is_err() && wish("used:parsec").is_err() && wish("colour").is_err());
    }
}
