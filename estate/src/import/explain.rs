//! `--explain`: how every column of a file is understood, as comments of a portal file to start
//! from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;

use super::columns::Part;
use super::mapping::Mapping;
use super::portals::Holds;
use super::spool::{Record, Spool};
use crate::error::Result;
use crate::import::beginning::read_mapping;
use crate::import::header_name::plain;
use crate::import::names::{Field, Shape, name_of};
use crate::import::options::ImportOptions;
use crate::moment::DateOrder;
use crate::number::count;
use crate::text::clean;
use crate::units::unit_name;

/// Status words listed at most.
const MAX_WORDS: usize = 100;

/// Describes how a file is read, without reading its rows into a store. The text is a portal file:
/// what was found stands in its comments. `file` is what the text calls the file.
pub fn explain(
    file: &str,
    input: Box<dyn Read + Send + '_>,
    options: &ImportOptions,
    holds: Holds,
) -> Result<String> {
    let (mut spool, mapping) = read_mapping(input, options, holds, &|_| Ok(()))?;
    if holds == Holds::Usage {
        super::usage_row::check(&mapping)?;
    }
    let words = collect_words(&mut spool, &mapping)?;
    let mut out = String::new();
    write_findings(&mut out, file, &mapping, holds);
    write_portal(&mut out, file, &mapping, holds, &words);
    Ok(out)
}

/// Counts the words in the status column.
fn collect_words(spool: &mut Spool, mapping: &Mapping) -> Result<BTreeMap<String, u64>> {
    let mut words = BTreeMap::new();
    let Some(at) = mapping.parts(Field::Status).first().map(|part| part.at) else { return Ok(words) };
    let (mut record, delimiters) = (Record::default(), mapping.headers.len().saturating_sub(1));
    while spool.next(delimiters, &mut record)? {
        let word = clean(record.get(at)).trim().to_owned();
        if !word.is_empty() && (words.len() < MAX_WORDS || words.contains_key(&word)) {
            *words.entry(word).or_default() += 1;
        }
    }
    Ok(words)
}

fn write_findings(out: &mut String, file: &str, mapping: &Mapping, holds: Holds) {
    let portal = match &mapping.portal {
        Some(portal) => format!("recognised as {} ({})", portal.title, portal.name),
        None => "no portal recognised".to_owned(),
    };
    let (file, rows, line) = (clean(file), count(mapping.survey.rows), mapping.header_line);
    let _ = writeln!(out, "# {file}: {rows} rows, header on line {line}, {portal}.\n#");
    let widest =
        mapping.headers.iter().map(|header| header.name.chars().count()).max().unwrap_or(0).min(40);
    let mut line = |name: &str, field: &str, form: &str| {
        let text = format!("# {name:widest$}  {field:14}  {form}");
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line("column", "field", "form, with a sample");
    for (at, header) in mapping.headers.iter().enumerate() {
        let found = mapping.fields().find(|(_, part)| part.at == at);
        let sample = clean(&mapping.survey.columns[at].sample).into_owned();
        match found {
            Some((field, part)) => {
                line(&header.name, &wish(holds, field, part), &form(mapping, field, part, &sample));
            }
            None if mapping.unused.contains(&at) => line(&header.name, "not used", &sample),
            None => line(&header.name, "ignored", &sample),
        }
    }
    if mapping.without_check_digits.is_some() {
        let _ = writeln!(out, "#\n# The ICCIDs have no check digit.");
    }
    out.push('\n');
}

/// The right-hand side of a mapping.
fn wish(holds: Holds, field: Field, part: &Part) -> String {
    let sign = if part.minus { "-" } else { "" };
    let unit = part.unit.map(|bytes| format!(":{}", unit_name(bytes))).unwrap_or_default();
    format!("{sign}{}{unit}", name_of(field, holds.fields()))
}

fn form(mapping: &Mapping, field: Field, part: &Part, sample: &str) -> String {
    let column = &mapping.survey.columns[part.at];
    let mut said = Vec::new();
    match field.shape() {
        Shape::Time => match mapping.orders[part.at] {
            Some(order) => {
                let first = if order == DateOrder::Dmy { "day first" } else { "month first" };
                let by = column.dates.iter().flatten().next();
                let by = by.map(|seen| format!(", as line {} shows", seen.line)).unwrap_or_default();
                said.push(format!("{first}{by}"));
            }
            None => said.push("dates that read one way".to_owned()),
        },
        Shape::Size => {
            if let Some(mark) = mapping.marks[part.at] {
                said.push(format!("decimal mark {}", mark.char()));
            }
            if part.unit.is_none() {
                said.push("units in the cells".to_owned());
            }
        }
        _ => {}
    }
    if !sample.is_empty() {
        said.push(format!("\"{sample}\""));
    }
    said.join("; ")
}

/// Writes the conditions on rows of the portal that was recognised.
fn write_conditions(out: &mut String, mapping: &Mapping, string: &dyn Fn(&str) -> String) {
    let Some(portal) = &mapping.portal else { return };
    for (table, conditions) in [("only", &portal.only), ("except", &portal.except)] {
        if conditions.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n[{table}]");
        for (column, values) in conditions {
            let values: Vec<String> = values.iter().map(|value| string(value)).collect();
            let _ = writeln!(out, "{} = [{}]", string(column), values.join(", "));
        }
    }
}

fn write_portal(
    out: &mut String,
    file: &str,
    mapping: &Mapping,
    holds: Holds,
    words: &BTreeMap<String, u64>,
) {
    // A JSON string is a TOML basic string as well.
    let string = |text: &str| serde_json::Value::from(clean(text)).to_string();
    let list = |names: Vec<&str>| names.iter().map(|name| string(name)).collect::<Vec<_>>().join(", ");
    let title = mapping.portal.as_ref().map_or(file, |portal| portal.title.as_str());
    let named: Vec<&str> =
        mapping.fields().map(|(_, part)| mapping.headers[part.at].name.as_str()).collect();
    let is_named = |name: &str| named.contains(&name) || name.is_empty();
    let rest = mapping.headers.iter().map(|header| header.name.as_str()).filter(|name| !is_named(name));
    let sources =
        mapping.portal.iter().flat_map(|portal| portal.source.iter().map(String::as_str)).collect();
    let _ = writeln!(
        out,
        "title = {}\nholds = {}\nsource = [{}]",
        string(title),
        string(holds.word()),
        list(sources)
    );
    // A portal is recognised by what it was recognised by; any other file by all of its columns.
    let all = || {
        mapping
            .headers
            .iter()
            .map(|header| header.name.as_str())
            .filter(|name| !name.is_empty())
            .collect()
    };
    let headers =
        mapping.portal.as_ref().map_or_else(all, |p| p.headers.iter().map(String::as_str).collect());
    let _ = writeln!(out, "headers = [{}]\nignore = [{}]", list(headers), list(rest.collect()));
    if let Some(portal) = mapping.portal.as_ref().filter(|portal| !portal.counts.is_empty()) {
        let _ = writeln!(out, "counts = [{}]", list(portal.counts.iter().map(String::as_str).collect()));
    }
    let order = mapping.orders.iter().flatten().next();
    if let Some(order) = order {
        let _ = writeln!(out, "dates = {}", string(order.word()));
    }
    if let Some(mark) = mapping.marks.iter().flatten().next() {
        let _ = writeln!(out, "decimal = {}", string(&mark.char().to_string()));
    }
    let _ = writeln!(out, "account_separator = {}\n\n[columns]", string(&mapping.account_separator));
    // Of several columns of one name a portal file can name one.
    let mut written: Vec<&str> = Vec::new();
    for (field, part) in mapping.fields() {
        let name = mapping.headers[part.at].name.as_str();
        if !written.contains(&name) {
            let _ = writeln!(out, "{} = {}", string(name), string(&wish(holds, field, part)));
            written.push(name);
        }
    }
    write_conditions(out, mapping, &string);
    if holds == Holds::Sims {
        write_words(out, mapping, words, &string);
    }
}

/// Writes the status words of the file, and those that the portal has besides.
fn write_words(
    out: &mut String,
    mapping: &Mapping,
    words: &BTreeMap<String, u64>,
    string: &dyn Fn(&str) -> String,
) {
    let _ = writeln!(out, "\n[status]");
    for (word, rows) in words {
        match mapping.words.get(word) {
            Some(state) => {
                let _ =
                    writeln!(out, "{} = {}  # {} rows", string(word), string(state.word()), count(*rows));
            }
            None => {
                let _ = writeln!(
                    out,
                    "# {} = \"\"  # {} rows are refused: not known",
                    string(word),
                    count(*rows)
                );
            }
        }
    }
    for (word, ours) in mapping.portal.iter().flat_map(|portal| &portal.status) {
        if !words.keys().any(|seen| plain(seen) == plain(word)) {
            let _ = writeln!(out, "{} = {}", string(word), string(ours));
        }
    }
}
