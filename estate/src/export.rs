//! SIMs out: as CSV, NDJSON or JSON, one at a time, safe for spreadsheets.

mod lists;

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::query::Column;
use crate::sim::{Gate, Sim};
use crate::text;

pub use lists::{join_list, split_list};

/// The fields of an exported SIM, in order: the names scripts rely on.
pub const FIELDS: [&str; 32] = [
    "id",
    "iccid",
    "imsi",
    "msisdn",
    "eid",
    "imei",
    "label",
    "account",
    "account_path",
    "account_id",
    "status",
    "lifecycle",
    "suspended",
    "usage_gate",
    "authentication",
    "desired",
    "in_session",
    "network",
    "tariff",
    "used_bytes",
    "cap_bytes",
    "alert_bytes",
    "hard_cap",
    "cap_returns_to_bytes",
    "usage_as_of",
    "last_seen",
    "activated_at",
    "tags",
    "categories",
    "notes",
    "recipients",
    "version",
];

/// What is worked out, and only written where it is asked for.
const USED_PCT: &str = "used_pct";

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array.
    Json,
}

/// Checks column names; an empty list means all of them.
pub fn columns(wanted: &[String]) -> Result<Vec<&'static str>> {
    if wanted.is_empty() {
        return Ok(FIELDS.to_vec());
    }
    wanted
        .iter()
        .map(|name| {
            // The short names are those of the filter language and of --sort.
            let name = match name.trim() {
                "path" => "account_path",
                "account" => "account",
                other => Column::from_name(other).map_or_else(|| other, |column| column.field()),
            };
            FIELDS.iter().chain([&USED_PCT]).find(|f| **f == name).copied().ok_or_else(|| {
                let near = text::nearest(name, FIELDS);
                let near = near.first().map_or_else(|| FIELDS.join(" "), |n| format!("did you mean {n}?"));
                Error::invalid("columns", format!("no column is called {name}; {near}"))
            })
        })
        .collect()
}

/// One field of a SIM as JSON; what is absent is null.
pub fn field(sim: &Sim, accounts: &Accounts, name: &str) -> Json {
    let text = |t: &str| if t.is_empty() { Json::Null } else { Json::from(t) };
    match name {
        "id" => json!(sim.id.0),
        "iccid" => json!(sim.iccid),
        "imsi" => text(&sim.imsi),
        "msisdn" => text(&sim.msisdn),
        "eid" => text(&sim.eid),
        "imei" => text(&sim.imei),
        "label" => text(&sim.label),
        "account" => json!(accounts.get(sim.account).map(|a| &a.name)),
        "account_path" => json!(accounts.path(sim.account)),
        "account_id" => json!(sim.account.0),
        "status" => json!(sim.status.word()),
        "lifecycle" => json!(sim.lifecycle.word()),
        "suspended" => json!(sim.suspended),
        "usage_gate" => json!(match sim.gate {
            Gate::Ok => "ok",
            Gate::Alerted => "alerted",
            Gate::Blocked => "blocked",
        }),
        "in_session" => json!(sim.in_session),
        "network" => text(&sim.network),
        "tariff" => text(&sim.tariff),
        "used_bytes" => json!(sim.used),
        "cap_bytes" => json!(sim.cap),
        "alert_bytes" => json!(sim.alert),
        "authentication" => json!(sim.authentication),
        "desired" => json!(sim.desired.map(crate::edit::Verb::word)),
        "cap_returns_to_bytes" => json!(sim.cap_returns_to),
        USED_PCT => json!(sim.percent()),
        "hard_cap" => json!(sim.hard_cap),
        "usage_as_of" => json!(sim.usage_as_of.map(|t| t.to_string())),
        "last_seen" => json!(sim.last_seen.map(|t| t.to_string())),
        "activated_at" => json!(sim.activated.map(|t| t.to_string())),
        "tags" => json!(sim.tags),
        "categories" => json!(sim.categories),
        "notes" => text(&sim.notes),
        "recipients" => json!(sim.recipients),
        "version" => json!(sim.version),
        _ => Json::Null,
    }
}

/// A SIM as a JSON object with these fields.
pub fn object(sim: &Sim, accounts: &Accounts, fields: &[&'static str]) -> Json {
    Json::Object(
        fields.iter().map(|name| ((*name).to_owned(), field(sim, accounts, name))).collect::<Map<_, _>>(),
    )
}

/// One field as a CSV cell, before quoting; lists are joined by `;`.
pub fn cell(sim: &Sim, accounts: &Accounts, name: &str) -> String {
    match field(sim, accounts, name) {
        Json::Null => String::new(),
        Json::String(text) => text::defuse(&text).into_owned(),
        Json::Bool(flag) => if flag { "yes" } else { "no" }.into(),
        Json::Array(list) => {
            let parts: Vec<&str> = list.iter().filter_map(Json::as_str).collect();
            text::defuse(&parts.join(";")).into_owned()
        }
        other => other.to_string(),
    }
}

/// Fields whose digits a spreadsheet would take for a number.
fn is_identifier(name: &str) -> bool {
    matches!(name, "iccid" | "imsi" | "msisdn" | "eid" | "imei")
}

/// Writes SIMs in a format, one at a time.
pub struct Exporter<W: Write> {
    out: W,
    format: Format,
    fields: Vec<&'static str>,
    written: u64,
}

impl<W: Write> Exporter<W> {
    /// Starts a file; the CSV header is written at once.
    pub fn new(mut out: W, format: Format, fields: Vec<&'static str>) -> Result<Self> {
        match format {
            Format::Csv => writeln!(out, "{}", fields.join(",")).map_err(broken)?,
            Format::Json => write!(out, "[").map_err(broken)?,
            Format::Ndjson => {}
        }
        Ok(Self { out, format, fields, written: 0 })
    }

    /// Writes one SIM.
    pub fn write(&mut self, sim: &Sim, accounts: &Accounts) -> Result<()> {
        match self.format {
            Format::Csv => self.row(sim, accounts),
            Format::Ndjson => writeln!(self.out, "{}", object(sim, accounts, &self.fields)),
            Format::Json => {
                let between = if self.written > 0 { ",\n " } else { "\n " };
                write!(self.out, "{between}{}", object(sim, accounts, &self.fields))
            }
        }
        .map_err(broken)?;
        self.written += 1;
        Ok(())
    }

    fn row(&mut self, sim: &Sim, accounts: &Accounts) -> std::io::Result<()> {
        for (i, name) in self.fields.iter().enumerate() {
            let cell = cell(sim, accounts, name);
            let quoted =
                is_identifier(name) || cell.contains([',', '"', '\n', '\r', ';']) || cell.starts_with('\'');
            write!(self.out, "{}", if i > 0 { "," } else { "" })?;
            if quoted && !cell.is_empty() {
                write!(self.out, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                write!(self.out, "{cell}")?;
            }
        }
        writeln!(self.out)
    }

    /// Ends the file; returns how many SIMs it has.
    pub fn finish(mut self) -> Result<u64> {
        if self.format == Format::Json {
            write!(self.out, "\n]\n").map_err(broken)?;
        }
        self.out.flush().map_err(broken)?;
        Ok(self.written)
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::io("cannot write the export", error)
}
