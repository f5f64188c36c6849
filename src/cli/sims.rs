//! `simdeck sims` and `simdeck sim`.

use std::io::Write;

use estate::export::{self, Exporter, FieldKind, Format, SimField};
use estate::units::short_bytes;
use estate::{Accounts, Error, Estate, Seek, Sim, Time, WINDOW};
use serde_json::Value as Json;

use super::output::{self, Work, check_written, plain};
use super::select::{Select, Selected};
use super::{Context, Outcome, Output};
use crate::failure::Exit;
use crate::zone::Zone;

/// List SIMs.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    select: Select,
    /// The order: columns in turn, with :desc for largest first; by ICCID if not said.
    #[arg(long, value_name = "COLUMN[:desc],…")]
    sort: Option<String>,
    /// The fields to show, separated by commas.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    columns: Vec<String>,
    /// At most that many.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only how many there are.
    #[arg(long)]
    count: bool,
}

/// Show one SIM whole.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Its ICCID, with or without check digit.
    iccid: String,
}

/// What a table on a terminal shows.
const SHOWN: [&str; 8] =
    ["iccid", "label", "account_path", "status", "network", "used_bytes", "cap_bytes", "last_seen"];

pub fn list(context: &Context, args: &ListArgs) -> Outcome {
    let local = context.open()?;
    if local.local().is_none() {
        context.report_rollover(local.as_ref());
    }
    let Selected { query, unknown } = args.select.read(context, local.as_ref(), args.sort.as_deref())?;
    let ended = if unknown.is_empty() { Exit::Done } else { Exit::Partly };
    let mut out = std::io::stdout().lock();
    if args.count {
        let count = local.count(&query, &plain())?;
        check_written(writeln!(out, "{count}"))?;
        return Ok(ended);
    }
    let accounts = local.accounts(&plain())?;
    let limit = args.limit.unwrap_or(u64::MAX);
    let format = match context.output() {
        Output::Table => {
            let wanted: Vec<String> = if args.columns.is_empty() {
                SHOWN.map(str::to_owned).to_vec()
            } else {
                args.columns.clone()
            };
            let columns = export::columns(&wanted)?;
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            let mut table = output::Table::new(&mut out, &names);
            stream(local.as_ref(), &query, limit, &mut |sim| {
                let row =
                    columns.iter().map(|c| shown_columns(sim, &accounts, c, context.zone())).collect();
                table.row(row).map_err(|e| Error::io("cannot write", e))
            })?;
            check_written(table.finish())?;
            return Ok(ended);
        }
        Output::Csv => Format::CSV,
        Output::Ndjson => Format::Ndjson,
        Output::Json => Format::Json,
    };
    drop(out);
    let out = std::io::BufWriter::new(std::io::stdout());
    let mut exporter = Exporter::new(out, format, export::columns(&args.columns)?)?;
    stream(local.as_ref(), &query, limit, &mut |sim| exporter.write(sim, &accounts))?;
    exporter.finish()?;
    Ok(ended)
}

/// Largest number of SIMs that is read by pages; more are read as an export.
const PAGED: u64 = 10 * WINDOW as u64;

/// Hands out at most `limit` SIMs. Few are read by pages, so that a server sends no more than are
/// wanted.
fn stream(
    local: &dyn Estate,
    query: &estate::Query,
    limit: u64,
    take: &mut dyn FnMut(&Sim) -> estate::Result<()>,
) -> estate::Result<()> {
    let mut left = limit;
    if limit <= PAGED {
        let mut seek = Seek::First;
        while left > 0 {
            let wanted = left.min(WINDOW.into()) as u16;
            let page = local.page(query, &seek, wanted, &plain())?;
            page.rows.iter().take(wanted.into()).try_for_each(|row| take(&row.sim))?;
            left = left.saturating_sub(page.rows.len() as u64);
            match page.rows.into_iter().next_back() {
                Some(last) if page.after => seek = Seek::After(last.key),
                _ => break,
            }
        }
        return Ok(());
    }
    let mut sink = |sim: &Sim| {
        if left == 0 {
            return Ok(false);
        }
        left -= 1;
        take(sim)?;
        Ok(true)
    };
    match local.export(query, None, &mut sink, &plain()) {
        Err(Error::Cancelled) if limit < u64::MAX => Ok(()),
        other => other.map(|_| ()),
    }
}

fn shown_columns(sim: &Sim, accounts: &Accounts, field: &SimField, zone: Zone) -> String {
    match field.json(sim, accounts) {
        Json::String(text) if field.kind == FieldKind::Time => {
            Time::parse(&text).map_or(text, |at| zone.stamp(at))
        }
        Json::Number(n) if field.kind == FieldKind::Size => short_bytes(n.as_u64().unwrap_or_default()),
        Json::String(text) => text,
        Json::Null => String::new(),
        Json::Bool(flag) => if flag { "yes" } else { "no" }.into(),
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

pub fn one(context: &Context, args: &OneArgs) -> Outcome {
    let local = context.open()?;
    let sim = local.sim_by_iccid(&args.iccid, &plain())?;
    let accounts = local.accounts(&plain())?;
    let fields = export::default_fields();
    let mut out = std::io::stdout().lock();
    if context.output() == Output::Table {
        let rows: Vec<Vec<String>> = fields
            .iter()
            .map(|field| {
                vec![field.name.to_owned(), shown_columns(&sim, &accounts, field, context.zone())]
            })
            .collect();
        check_written(output::table(&mut out, &["field", "value"], &rows))?;
    } else {
        let object = export::object(&sim, &accounts, &fields);
        check_written(writeln!(out, "{}", serde_json::to_string_pretty(&object).unwrap_or_default()))?;
    }
    Ok(Exit::Done)
}

/// Streams an export, stopping on Ctrl+C.
pub fn export_to<W: Write + Send>(
    local: &dyn Estate,
    query: &estate::Query,
    exporter: &mut Exporter<W>,
    work: &Work,
) -> estate::Result<u64> {
    let accounts = local.accounts(&plain())?;
    let mut done = 0;
    let mut sink = |sim: &Sim| {
        exporter.write(sim, &accounts)?;
        done += 1;
        let heard = done % 1_000 != 0
            || work.hear(estate::Progress { phase: "exporting", done, total: 0 }).is_continue();
        Ok(heard)
    };
    local.export(query, None, &mut sink, &work.cancel())
}
