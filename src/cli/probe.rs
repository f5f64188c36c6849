//! `simdeck ping` and `simdeck diagnose`.

use std::io::Write;

use estate::Error;

use super::output::{Work, check_written, plain};
use super::{Context, Outcome};
use crate::failure::Exit;
use crate::probe::Kind;

/// Ask the network of a SIM whether it answers, by what [probe] in the configuration says.
#[derive(Debug, clap::Args)]
pub struct PingArgs {
    /// Its ICCID, with or without check digit.
    iccid: String,
}

/// Ask the network of a SIM what it knows of it, by what [probe] in the configuration says.
#[derive(Debug, clap::Args)]
pub struct DiagnoseArgs {
    /// Its ICCID, with or without check digit.
    iccid: String,
}

pub fn ping(context: &Context, args: &PingArgs) -> Outcome {
    ask(context, &args.iccid, Kind::Ping)
}

pub fn diagnose(context: &Context, args: &DiagnoseArgs) -> Outcome {
    ask(context, &args.iccid, Kind::Diagnostics)
}

fn ask(context: &Context, iccid: &str, kind: Kind) -> Outcome {
    let local = context.open()?;
    let sim = local.sim_by_iccid(iccid, &plain())?;
    let sim = local.authorize_probe(sim.id, kind.need(), &plain())?;
    let probes = &context.config.probe;
    let Some(probe) = probes.of(kind, &sim.network) else {
        let what = kind.title().to_lowercase();
        let why = format!(
            "no {what} is configured for the network {}: [probe] in the configuration",
            sim.network
        );
        return Err(Error::Conflict(why).into());
    };
    let work = Work::begin(context);
    let said = probe.ask(&sim, probes.limit(), &|| work.is_interrupted());
    work.end();
    check_written(writeln!(std::io::stdout().lock(), "{}", said?))?;
    Ok(Exit::Done)
}
