//! Reading plan of a file: the columns of every field, and how each column is written.
//!
//! Of two ways to read a file none is taken silently. The column settles it; else the option, the
//! other columns of the file or the portal, in this order; else the file is refused with the
//! question and the option that answers it.

use std::collections::BTreeMap;

use super::columns::{self, Choice, ColumnOptions, Part};
use super::portals::{self, Holds, Portal};
use super::spool::{Form, Record, Spool, Tick};
use super::status::Words;
use super::survey::{CellSample, Column, Inspection, RecordIds, Survey};
use crate::error::{Error, Result};
use crate::import::header_name;
use crate::import::header_name::{Header, plain};
use crate::import::names::{Field, Shape, name_of};
use crate::import::options::{ImportOptions, Note, NoteSink};
use crate::moment::{self, DateOrder};
use crate::number::DecimalMark;
use crate::text;

/// Account separator of a file that states no other.
const ACCOUNT_SEPARATOR: &str = " / ";

/// Reading plan of a file: its columns and their forms.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub headers: Vec<Header>,
    /// Line of the header.
    pub header_line: u64,
    parts: BTreeMap<Field, Vec<Part>>,
    /// Order of dates, by column.
    pub orders: Vec<Option<DateOrder>>,
    /// Decimal mark, by column.
    pub marks: Vec<Option<DecimalMark>>,
    pub words: Words,
    pub account_separator: String,
    /// Columns whose cells tell usage records apart, in the order of their names, each with whether
    /// it holds numbers.
    pub dimensions: Vec<(usize, bool)>,
    /// Conditions that the portal puts on rows.
    conditions: Vec<Condition>,
    /// The portal that was recognised.
    pub portal: Option<Portal>,
    /// True if cells may begin with the guard against formulas.
    pub guarded: bool,
    /// True if texts stand as they were stored: the file is an export of our own.
    pub verbatim: bool,
    /// True if empty cells behind the last header are allowed.
    pub trailing_cells: bool,
    /// True if a row may end before the last header.
    pub short_rows: bool,
    /// Numbers of 19 digits, and those without their check digit, where the ICCIDs have none.
    pub without_check_digits: Option<(u64, u64)>,
    /// Columns that nothing is read from.
    pub unused: Vec<usize>,
    pub survey: Survey,
}

impl Mapping {
    /// Settles how the records behind the header are read. The spool stands behind the header.
    pub(super) fn settle(
        spool: &mut Spool,
        headers: Vec<Header>,
        header_line: u64,
        holds: Holds,
        options: &ImportOptions,
        portals: Vec<Portal>,
        tick: Tick<'_>,
    ) -> Result<Self> {
        let portal = portals::find(portals, options.portal.as_deref(), holds, &headers)?;
        let column_options = ColumnOptions {
            known: holds.fields(),
            map: &options.map,
            ignore: &options.ignore,
            no_status: options.no_status,
            portal: portal.as_ref(),
        };
        let mut choice = columns::choose(&headers, &column_options)?;
        check_identifier(&choice, &headers, holds)?;
        let inspections = plan_survey(&choice, headers.len(), holds, options);
        let survey = survey(spool, &mut choice, &inspections, tick)?;
        columns::settle_ties(&mut choice, &headers, &|_, at| survey.columns[at].fits)?;
        if holds == Holds::Sims && !options.no_status {
            check_status(&choice, &headers, &survey)?;
        }
        let mut parts: BTreeMap<Field, Vec<Part>> = BTreeMap::new();
        for (field, part) in choice.parts.iter().cloned() {
            parts.entry(field).or_default().push(part);
        }
        check_units(&parts, &headers, &survey, holds)?;
        let used: Vec<(Field, usize)> =
            choice.parts.iter().map(|(field, part)| (*field, part.at)).collect();
        let unused = (0..headers.len())
            .filter(|at| !choice.is_taken(*at) && !headers[*at].name.is_empty())
            .collect();
        let conditions = conditions(portal.as_ref(), &headers);
        let mut mapping = Self {
            orders: settle_dates(&used, &headers, &survey, options, portal.as_ref())?,
            marks: settle_marks(&used, &headers, &survey, options, portal.as_ref())?,
            words: words(portal.as_ref(), options)?,
            account_separator: portal
                .as_ref()
                .and_then(|portal| portal.account_separator.clone())
                .unwrap_or_else(|| ACCOUNT_SEPARATOR.to_owned()),
            dimensions: Vec::new(),
            conditions,
            guarded: spool.form == Form::Text,
            verbatim: columns::is_own_export(&headers),
            trailing_cells: survey.has_trailing_cells(),
            short_rows: spool.form == Form::Rows,
            without_check_digits: None,
            unused,
            parts,
            headers,
            header_line,
            portal,
            survey,
        };
        if holds == Holds::Usage {
            mapping.dimensions = mapping.find_dimensions(&options.ignore);
        }
        let iccid = mapping.parts(Field::Iccid).first().map(|part| part.at);
        mapping.without_check_digits =
            iccid.and_then(|at| mapping.survey.columns[at].without_check_digits());
        Ok(mapping)
    }

    /// True if the file has a column for a field.
    pub fn has(&self, field: Field) -> bool {
        self.parts.contains_key(&field)
    }

    /// Returns the columns of a field.
    pub fn parts(&self, field: Field) -> &[Part] {
        self.parts.get(&field).map_or(&[], Vec::as_slice)
    }

    /// Returns every field with its columns.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &Part)> {
        self.parts.iter().flat_map(|(field, parts)| parts.iter().map(|part| (*field, part)))
    }

    /// Tells whether the portal says that a row is read.
    pub(super) fn judge_row(&self, record: &Record) -> RowVerdict {
        let mut reading = RowVerdict::Take;
        for condition in &self.conditions {
            let cell = record.get(condition.at);
            let found = plain(cell);
            let is_in = |values: &[String]| values.iter().any(|value| plain(value) == found);
            if is_in(&condition.except) {
                return RowVerdict::Skip;
            }
            if !condition.only.is_empty() && !is_in(&condition.only) {
                reading = RowVerdict::Unknown(condition.at);
            }
        }
        reading
    }

    /// Columns that tell records of one SIM apart: all but the size, the time, counted things and
    /// what belongs to the SIM.
    fn find_dimensions(&self, ignored: &[String]) -> Vec<(usize, bool)> {
        let belongs = [
            Field::Used,
            Field::At,
            Field::Span,
            Field::Record,
            Field::DataSession,
            Field::Label,
            Field::Account,
            Field::Tags,
            Field::Categories,
            Field::Notes,
        ];
        let counts = self.portal.as_ref().map_or(&[][..], |portal| &portal.counts[..]);
        let is_count =
            |header: &Header| counts.iter().chain(ignored).any(|name| plain(name) == header.plain);
        let is_size = |header: &Header| matches!(header.unit, header_name::HeaderUnit::Unit(_));
        let mut found: Vec<usize> = (0..self.headers.len())
            .filter(|at| {
                let header = &self.headers[*at];
                let field = self.fields().find(|(_, part)| part.at == *at).map(|(field, _)| field);
                !is_count(header)
                    && !is_size(header)
                    && field.is_none_or(|field| !belongs.contains(&field))
            })
            .collect();
        found.sort_by(|a, b| self.headers[*a].plain.cmp(&self.headers[*b].plain));
        // The IMSI is a name, though it is made of digits.
        let is_name = |at: usize| {
            self.fields().any(|(field, part)| part.at == at && field.shape() == Shape::Identifier)
        };
        found.into_iter().map(|at| (at, self.survey.columns[at].is_numeric() && !is_name(at))).collect()
    }

    /// Says once what holds for the whole file.
    pub fn add_notes(&self, notes: &mut NoteSink<'_>) {
        let mut note = |column: &str, reason: String| {
            let (column, value) = (column.to_owned(), String::new());
            notes(Note { line: self.header_line, column, value, reason, refused: false });
        };
        if !self.unused.is_empty() {
            let names = list_names(self.unused.iter().map(|at| self.headers[*at].name.as_str()));
            let one = if self.unused.len() == 1 { "column is not used" } else { "columns are not used" };
            note("", format!("{one}: {names}; --map 'HEADER=FIELD' gives a column a meaning"));
        }
        if let Some((all, unchecked)) = self.without_check_digits {
            let column =
                self.parts(Field::Iccid).first().map_or("", |part| self.headers[part.at].name.as_str());
            let count = crate::number::count;
            let reason = format!(
                "has {} numbers of 19 digits, {} of them without their check digit (Luhn): all are read as they are",
                count(all),
                count(unchecked)
            );
            note(column, reason);
        }
    }
}

/// Names quoted in a message; the rest is counted.
const QUOTED_NAMES: usize = 20;

/// Lists names of columns, as many as a message takes.
pub(super) fn list_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let rest = names.len().saturating_sub(QUOTED_NAMES);
    let listed = names[..names.len() - rest].join(", ");
    if rest == 0 { listed } else { format!("{listed} and {} more", crate::number::count(rest as u64)) }
}

/// Reads the records once. A column that turns out to hold no record ids is taken out of the
/// choice.
fn survey(
    spool: &mut Spool,
    choice: &mut Choice,
    inspections: &[Inspection],
    tick: Tick<'_>,
) -> Result<Survey> {
    let mut ids = choice.weak_record.map(|at| {
        let of = [Field::Iccid, Field::Imsi, Field::Msisdn, Field::At, Field::Span];
        let others = choice.parts.iter().filter(|(field, _)| of.contains(field)).map(|(_, part)| part.at);
        RecordIds::new(at, others.collect())
    });
    let survey = Survey::run(spool, inspections, ids.as_mut(), tick)?;
    if ids.is_some_and(|ids| ids.contradicts) {
        choice.parts.retain(|(field, _)| *field != Field::Record);
    }
    Ok(survey)
}

fn words(portal: Option<&Portal>, options: &ImportOptions) -> Result<Words> {
    for (n, (word, ours)) in options.map_status.iter().enumerate() {
        let before = options.map_status[..n].iter().find(|(other, _)| plain(other) == plain(word));
        if let Some((_, other)) = before.filter(|(_, other)| !other.eq_ignore_ascii_case(ours)) {
            return Err(Error::invalid("map-status", format!("{word} means both {other} and {ours}")));
        }
    }
    let of_portal = portal.into_iter().flat_map(|portal| portal.status.iter());
    Words::new(of_portal.chain(options.map_status.iter().map(|(word, ours)| (word, ours))))
}

/// A column whose cells decide whether a row is read.
#[derive(Debug)]
struct Condition {
    at: usize,
    /// Values of rows that are read; any if empty.
    only: Vec<String>,
    /// Values of rows that are left out.
    except: Vec<String>,
}

/// Decision about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowVerdict {
    /// It is read.
    Take,
    /// It is known to be of no use.
    Skip,
    /// A column has a word that the portal file does not know.
    Unknown(usize),
}

fn conditions(portal: Option<&Portal>, headers: &[Header]) -> Vec<Condition> {
    let Some(portal) = portal else { return Vec::new() };
    let none = Vec::new();
    let condition = |(at, header): (usize, &Header)| {
        let values = |map: &BTreeMap<String, Vec<String>>| {
            map.iter()
                .find(|(name, _)| plain(name) == header.plain)
                .map_or(&none, |(_, values)| values)
                .clone()
        };
        let condition = Condition { at, only: values(&portal.only), except: values(&portal.except) };
        (!condition.only.is_empty() || !condition.except.is_empty()).then_some(condition)
    };
    headers.iter().enumerate().filter_map(condition).collect()
}

fn check_identifier(choice: &Choice, headers: &[Header], holds: Holds) -> Result<()> {
    let wanted = holds.identifiers();
    let tied = choice.ties.iter().map(|(field, _)| field);
    if choice.parts.iter().map(|(field, _)| field).chain(tied).any(|field| wanted.contains(field)) {
        return Ok(());
    }
    let found: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
    let what = if holds == Holds::Sims { "the ICCID" } else { "the ICCID, the IMSI or the MSISDN" };
    let reason =
        format!("no column holds {what} (found: {}); name it with --map header=iccid", found.join(", "));
    Err(Error::invalid("file", reason))
}

fn plan_survey(
    choice: &Choice,
    columns: usize,
    holds: Holds,
    options: &ImportOptions,
) -> Vec<Inspection> {
    let mut inspections = vec![Inspection::Nothing; columns];
    let watch_words = holds == Holds::Sims && !options.no_status;
    for (at, inspection) in inspections.iter_mut().enumerate() {
        if holds == Holds::Usage {
            *inspection = Inspection::Numbers;
        } else if watch_words && !choice.is_taken(at) {
            *inspection = Inspection::Words;
        }
    }
    for (field, part) in &choice.parts {
        inspections[part.at] = match field.shape() {
            _ if *field == Field::Iccid => Inspection::Iccid,
            Shape::Time => Inspection::Dates,
            Shape::Size => Inspection::Sizes,
            _ => Inspection::Nothing,
        };
    }
    for (field, columns) in &choice.ties {
        for at in columns {
            inspections[*at] = Inspection::Fit(*field);
        }
    }
    inspections
}

/// Refuses a file with a column that could be the status and is not read: an unknown status must
/// never mean active.
fn check_status(choice: &Choice, headers: &[Header], survey: &Survey) -> Result<()> {
    let has_status = choice.parts.iter().any(|(field, _)| *field == Field::Status);
    let may_be_status = |at: usize| {
        let (header, column): (&Header, &Column) = (&headers[at], &survey.columns[at]);
        if column.filled == 0 {
            return false;
        }
        // A new word among many known ones is a status all the same.
        let mostly_words = column.words * 2 >= column.filled;
        if has_status {
            // Beside a status, a column named just "State" holds places unless its cells say
            // otherwise, and words such as "enabled" are said of many things.
            let named = header.ends_like_status() && (header.plain != "state" || mostly_words);
            return named || (mostly_words && column.telling);
        }
        let is_time = moment::parse(&column.sample, Some(DateOrder::Dmy)).is_ok();
        mostly_words || header.ends_like_status() || (header.speaks_of_status() && !is_time)
    };
    let doubtful: Vec<&str> = (0..headers.len())
        .filter(|at| !choice.is_taken(*at) && may_be_status(*at))
        .map(|at| headers[at].name.as_str())
        .collect();
    let Some(first) = doubtful.first() else { return Ok(()) };
    let quoted: Vec<String> = doubtful.iter().map(|name| format!("\"{name}\"")).collect();
    let columns = if quoted.len() == 1 { "column" } else { "columns" };
    let reason = format!(
        "{columns} {} could hold the status of the SIM: say --map '{first}=status' if so, --ignore '{first}' if not, or \
         --no-status to import every SIM as active",
        quoted.join(" and ")
    );
    Err(Error::invalid("file", reason))
}

/// Refuses a file with a column of sizes whose unit is stated nowhere.
fn check_units(
    parts: &BTreeMap<Field, Vec<Part>>,
    headers: &[Header],
    survey: &Survey,
    holds: Holds,
) -> Result<()> {
    for (field, part) in
        parts.iter().flat_map(|(field, parts)| parts.iter().map(move |part| (field, part)))
    {
        let (true, None, Some(bare)) =
            (field.shape() == Shape::Size, part.unit, &survey.columns[part.at].bare)
        else {
            continue;
        };
        let (name, field) = (&headers[part.at].name, name_of(*field, holds.fields()));
        let reason = format!(
            "the unit of column \"{name}\" is stated nowhere (line {}: {}); state it, for example --map '{name}={field}:MB' \
             or --map '{name}={field}:B'",
            bare.line,
            text::clean(&bare.value)
        );
        return Err(Error::invalid("file", reason));
    }
    Ok(())
}

/// A question about the form of columns that can be answered in two ways.
struct Question<'a, T> {
    columns: Vec<usize>,
    headers: &'a [Header],
    survey: &'a Survey,
    /// The answer of an option, and that of the portal.
    option: Option<T>,
    portal: Option<T>,
    /// First cells of a column that settle it one way and the other.
    settling: fn(&Column) -> &[Option<CellSample>; 2],
    /// First cell of a column that reads two ways.
    open: fn(&Column) -> Option<&CellSample>,
    answers: [T; 2],
    /// Name of the cells, and the option with its values.
    cells: &'static str,
    way_out: &'static str,
}

impl<T: Copy + PartialEq> Question<'_, T> {
    /// Answers for every column of the file.
    fn settle(&self) -> Result<Vec<Option<T>>> {
        let mut settled = vec![None; self.headers.len()];
        for at in &self.columns {
            settled[*at] = self.ask_column(*at)?;
        }
        let of_file: Vec<T> = self.columns.iter().filter_map(|at| settled[*at]).collect();
        let unanimous =
            of_file.first().copied().filter(|first| of_file.iter().all(|other| other == first));
        for at in &self.columns {
            let Some(open) = (self.open)(&self.survey.columns[*at]).filter(|_| settled[*at].is_none())
            else {
                continue;
            };
            let answer = self.option.or(unanimous).or(self.portal);
            settled[*at] = Some(answer.ok_or_else(|| {
                let name = &self.headers[*at].name;
                let (cells, way_out) = (self.cells, self.way_out);
                Error::invalid(
                    "file",
                    format!(
                        "the {cells} of column \"{name}\" can be read two ways ({}); {way_out}",
                        quote(open)
                    ),
                )
            })?);
        }
        Ok(settled)
    }

    fn ask_column(&self, at: usize) -> Result<Option<T>> {
        match (self.settling)(&self.survey.columns[at]) {
            [Some(first), Some(second)] if self.option.is_none() => {
                let (name, cells, way_out) = (&self.headers[at].name, self.cells, self.way_out);
                let (first, second) = (quote(first), quote(second));
                let reason = format!(
                    "the {cells} of column \"{name}\" contradict each other ({first}, {second}); {way_out}"
                );
                Err(Error::invalid("file", reason))
            }
            [Some(_), Some(_)] => Ok(self.option),
            [Some(_), None] => Ok(Some(self.answers[0])),
            [None, Some(_)] => Ok(Some(self.answers[1])),
            [None, None] => Ok(None),
        }
    }
}

fn quote(seen: &CellSample) -> String {
    format!("line {}: {}", seen.line, text::clean(&seen.value))
}

fn columns_of(used: &[(Field, usize)], shape: Shape) -> Vec<usize> {
    used.iter().filter(|(field, _)| field.shape() == shape).map(|(_, at)| *at).collect()
}

fn settle_dates(
    used: &[(Field, usize)],
    headers: &[Header],
    survey: &Survey,
    options: &ImportOptions,
    portal: Option<&Portal>,
) -> Result<Vec<Option<DateOrder>>> {
    let question = Question {
        columns: columns_of(used, Shape::Time),
        headers,
        survey,
        option: options.dates,
        portal: portal.and_then(|portal| portal.dates),
        settling: |column| &column.dates,
        open: |column| column.open_date.as_ref(),
        answers: [DateOrder::Dmy, DateOrder::Mdy],
        cells: "dates",
        way_out: "--dates dmy (day first) or --dates mdy (month first) says which is right",
    };
    question.settle()
}

fn settle_marks(
    used: &[(Field, usize)],
    headers: &[Header],
    survey: &Survey,
    options: &ImportOptions,
    portal: Option<&Portal>,
) -> Result<Vec<Option<DecimalMark>>> {
    let question = Question {
        columns: columns_of(used, Shape::Size),
        headers,
        survey,
        option: options.decimal,
        portal: portal.and_then(|portal| portal.decimal),
        settling: |column| &column.marks,
        open: |column| column.open_number.as_ref(),
        answers: [DecimalMark::Point, DecimalMark::Comma],
        cells: "numbers",
        way_out: "--decimal . or --decimal , says which mark separates the fraction",
    };
    question.settle()
}
