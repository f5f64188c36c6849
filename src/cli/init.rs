//! `simdeck init`.

use estate::{Local, NewEstate};

use super::{Context, Outcome};
use crate::connect::store_path;
use crate::failure::{Exit, Failure};

/// Make a new store with a root account and its first Admin.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of the root account: yours.
    #[arg(long, value_name = "NAME")]
    account: String,
    /// The first Admin's e-mail address.
    #[arg(long, value_name = "E")]
    email: String,
    /// The first Admin's name.
    #[arg(long, value_name = "N")]
    name: String,
}

impl Args {
    /// What the command line would have given.
    pub fn new(account: String, email: String, name: String) -> Self {
        Self { account, email, name }
    }
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let path = store_path(&context.globals, &context.config)?;
    // The folder of the default store is ours to make; any other has to be there.
    let default = path == crate::folders::default_store();
    if let Some(folder) = path.parent().filter(|_| default) {
        std::fs::create_dir_all(folder)
            .map_err(|e| Failure::io(format!("cannot make the folder {}", folder.display()), e))?;
    }
    let local =
        Local::create(&path, &NewEstate { account: args.account, email: args.email, name: args.name })?;
    context.say(format!("made {}", local.path().display()));
    Ok(Exit::Done)
}
