//! `simdeck export`.

use std::io::BufWriter;

use clap::ValueEnum;
use estate::export::{Exporter, Format, columns};
use estate::units::count;

use super::output::Work;
use super::select::{self, Select};
use super::{Context, Outcome, sims};
use crate::failure::Exit;

/// Write the filtered SIMs to standard output, as a stream.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    select: Select,
    /// The fields, separated by commas; all when not given.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The format.
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Form,
    /// The order: a column, with :desc for largest first.
    #[arg(long, value_name = "COLUMN[:desc]", default_value = "iccid")]
    sort: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Ndjson,
    Json,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    let mut query = select::query(&local, args.select.text())?;
    query.sort = select::sort(&args.sort)?;
    let format = match args.format {
        Form::Csv => Format::Csv,
        Form::Ndjson => Format::Ndjson,
        Form::Json => Format::Json,
    };
    let work = Work::begin(context);
    let mut exporter =
        Exporter::new(BufWriter::new(std::io::stdout().lock()), format, columns(&args.columns)?)?;
    let exported = sims::export_to(&local, &query, &mut exporter, &work);
    work.end();
    exported?;
    let written = exporter.finish()?;
    context.say(format!("{} SIMs", count(written)));
    Ok(Exit::Done)
}
