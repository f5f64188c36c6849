//! `simdeck openapi`.

use std::io::Write;

use super::Outcome;
use super::output::check_written;
use crate::failure::Exit;
use crate::server;

/// Print the description of the API (`OpenAPI` 3.1): what a server gives at /openapi.json.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run() -> Outcome {
    check_written(writeln!(std::io::stdout().lock(), "{}", server::openapi()))?;
    Ok(Exit::Done)
}
