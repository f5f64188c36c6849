//! `simdeck demo`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use estate::demo::{self, Demo};
use estate::{Estate, Local, Role, Time};

use super::output::Work;
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::files::{Existing, OutputStore, Protected, path_parser};
use crate::tui;

/// Open the screen on a made-up reseller's estate; nothing leaves this machine, nothing stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// SIMs.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    sims: u64,
    /// Accounts.
    #[arg(long, value_name = "N", default_value_t = 60)]
    accounts: u64,
    /// Which of the estates: the same seed gives the same one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The role to look at it with.
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: DemoRole,
    /// Write it as a store and exit.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    keep: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DemoRole {
    Admin,
    User,
    ViewOnly,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let size = Demo { sims: args.sims, accounts: args.accounts, seed: args.seed };
    if let Some(path) = &args.keep {
        return keep(context, path, size);
    }
    let role = match args.role {
        DemoRole::Admin => Role::Admin,
        DemoRole::User => Role::User,
        DemoRole::ViewOnly => Role::ViewOnly,
    };
    open(context, size, role)
}

/// Writes the demo as a store; one that is not finished does not stay.
fn keep(context: &Context, path: &std::path::Path, size: Demo) -> Outcome {
    let store = OutputStore::create(path, Existing::Keep, &Protected::default())?;
    let work = Work::begin(context);
    let made = demo::create(&store.path(), size, Time::now(), &|p| work.hear(p)).map(drop);
    work.end();
    made.map_err(|error| error.with_path(&store.path(), path))?;
    store.finish()?;
    context.say(format!("wrote {}", path.display()));
    Ok(Exit::Done)
}

/// Opens the screen on a private temporary store that goes away at exit.
pub fn open(context: &Context, size: Demo, role: Role) -> Outcome {
    let dir = tempfile::Builder::new()
        .prefix("simdeck-demo-")
        .tempdir()
        .map_err(|e| Failure::io("cannot make a temporary folder", e))?;
    let path = dir.path().join("demo.db");
    let work = Work::begin(context);
    let made = demo::create(&path, size, Time::now(), &|p| work.hear(p)).map(drop);
    work.end();
    made?;
    let email = context.globals.user.as_deref().unwrap_or(demo::email(role));
    let local = Local::open(&path, Some(email), context.globals.readonly)?;
    let estate: Arc<dyn Estate> = Arc::new(local);
    tui::run(
        &estate,
        tui::Kind::Demo,
        &context.config,
        context.globals.no_mouse,
        context.globals.no_color,
    )?;
    Ok(Exit::Done)
}
