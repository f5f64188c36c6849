//! `simdeck export`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::export::{Exporter, Format, columns};
use estate::units::count;

use super::output::Work;
use super::select::{Select, Selected};
use super::{Context, Outcome, sims};
use crate::failure::Exit;
use crate::files::{OutputFile, STREAM, path_parser};

/// Write the filtered SIMs to a file or to standard output, as a stream.
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
    /// The order: columns in turn, with :desc for largest first; by ICCID if not said.
    #[arg(long, value_name = "COLUMN[:desc],…")]
    sort: Option<String>,
    /// The new file, readable by you only; standard output without it, or with -.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    to: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Ndjson,
    Json,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    let protected = context.protected(args.select.input())?;
    let to = args.to.as_deref().unwrap_or(Path::new(STREAM));
    let file = OutputFile::create_or_stdout(to, args.select.existing(), &protected)?;
    let Selected { query, unknown } = args.select.read(context, local.as_ref(), args.sort.as_deref())?;
    let work = Work::begin(context);
    let format = match args.format {
        Form::Csv => Format::CSV,
        Form::Ndjson => Format::Ndjson,
        Form::Json => Format::Json,
    };
    let mut exporter = Exporter::new(BufWriter::new(file.writer()?), format, columns(&args.columns)?)?;
    let exported = sims::export_to(local.as_ref(), &query, &mut exporter, &work);
    work.end();
    exported?;
    let written = exporter.finish()?;
    file.finish()?;
    context.say(format!("{} SIMs", count(written)));
    Ok(if unknown.is_empty() { Exit::Done } else { Exit::Partly })
}
