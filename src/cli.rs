//! The command line: everything the screen can do, under the same rules.

mod accounts;
mod alerts;
mod cap;
mod change;
mod demo;
mod edit;
mod export;
mod file_options;
mod filters;
pub(crate) mod help;
mod history;
mod import;
mod init;
mod login;
mod meta;
mod moves;
mod openapi;
mod outbox;
mod output;
mod portals;
mod probe;
mod profile;
mod reference;
mod report;
mod select;
mod serve;
mod sessions;
mod sims;
mod start;
mod store;
mod tokens;
mod usage;
mod users;

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use estate::{Error, Estate, Local, Time, Upgrade};

use crate::config::{self, Config};
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::files::{Protected, expand_home, path_parser};
use crate::notify::Dispatcher;
use crate::zone::Zone;
pub use reference::{cli_reference, keys_reference};

/// Manage SIM estates from a terminal: find SIMs, mark many, move them, undo.
#[derive(Debug, Parser)]
#[command(name = "simdeck", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Without a command the screen opens on the default store. Try: simdeck demo")]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options every command knows.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Options everywhere")]
pub struct Globals {
    /// The store (a `SQLite` file).
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        value_parser = path_parser(),
        help = "The store (a SQLite file); or SIMDECK_STORE, where neither store nor server nor profile is named"
    )]
    pub store: Option<PathBuf>,
    /// A server instead of a store.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        conflicts_with = "store",
        help = "A server instead of a store: sign in with simdeck login URL; or SIMDECK_SERVER, in the same way"
    )]
    pub server: Option<String>,
    /// Speak to a server beyond this machine although nothing is encrypted.
    #[arg(long, global = true)]
    pub plaintext: bool,
    /// A profile of the configuration file.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The user of a local store to act as, by address. A user of the root account comes first
    /// where it has several.
    #[arg(long = "as", global = true, value_name = "EMAIL")]
    pub user: Option<String>,
    /// The account of that user, where the address is a user of several: its name or number
    /// (`acc_7`). Before the command.
    #[arg(long = "account", id = "as_account", value_name = "NAME")]
    pub account: Option<String>,
    /// Refuse every change.
    #[arg(long, global = true)]
    pub readonly: bool,
    /// How lists are printed: a table on a terminal, else CSV.
    #[arg(long, global = true, value_name = "FORM")]
    pub output: Option<Output>,
    /// Show times in the zone of this machine, not UTC; or set time = "local" under display in the
    /// configuration.
    #[arg(long, global = true)]
    pub local: bool,
    /// No colour.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Only errors on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more; repeat for even more.
    #[arg(short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Do not ask the terminal for the mouse.
    #[arg(long, global = true)]
    pub no_mouse: bool,
}

impl Globals {
    /// What the environment names, where the command line names neither store nor server nor
    /// profile.
    fn with_environment(mut self) -> Self {
        if self.store.is_some() || self.server.is_some() || self.profile.is_some() {
            return self;
        }
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.store = named("SIMDECK_STORE").map(|path| expand_home(Path::new(&path)));
        self.server = named("SIMDECK_SERVER").map(|url| url.to_string_lossy().into_owned());
        self
    }
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header.
    Csv,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Import(import::Args),
    Portals(portals::Args),
    Export(export::Args),
    Sims(sims::ListArgs),
    Sim(sims::OneArgs),
    Move(moves::Args),
    Cap(cap::Args),
    SimSet(edit::Args),
    Usage(usage::Args),
    Alerts(alerts::Args),
    Outbox(outbox::Args),
    Profile(profile::Args),
    Filters(filters::ListArgs),
    /// Save, rename, bind, delete, export or import filters.
    #[command(subcommand)]
    Filter(filters::FilterCommand),
    Accounts(accounts::ListArgs),
    /// Add, rename, move, delete or show an account.
    #[command(subcommand)]
    Account(accounts::AccountCommand),
    Ping(probe::PingArgs),
    Diagnose(probe::DiagnoseArgs),
    Users(users::ListArgs),
    /// Invite a user, change their role, keep them out, let them in, remove them.
    #[command(subcommand)]
    User(users::UserCommand),
    /// Make, list or revoke what programs sign in with.
    #[command(subcommand)]
    Token(tokens::Command),
    Sessions(sessions::ListArgs),
    /// End sessions at a server.
    #[command(subcommand)]
    Session(sessions::SessionCommand),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Accept(login::AcceptArgs),
    #[command(name = "help")]
    Support(help::Args),
    History(history::Args),
    Undo(history::UndoArgs),
    /// Check, describe, copy, restore or upgrade the store.
    #[command(subcommand)]
    Store(store::StoreCommand),
    Serve(serve::Args),
    Openapi(openapi::Args),
    Keys(meta::KeysArgs),
    /// Where the configuration is, and whether it is sound.
    #[command(subcommand)]
    Config(meta::ConfigCommand),
    Doctor(meta::DoctorArgs),
    Completions(meta::CompletionsArgs),
    Man(meta::ManArgs),
    Reference(reference::Args),
}

impl Command {
    /// True if the command changes the estate, so that a store of an older schema is upgraded for
    /// it.
    fn changes(&self) -> bool {
        match self {
            Self::User(_) | Self::Undo(_) | Self::Serve(_) | Self::Session(_) => true,
            Self::Import(args) => args.changes(),
            Self::Move(args) => args.changes(),
            Self::Cap(args) => args.changes(),
            Self::SimSet(args) => args.changes(),
            Self::Usage(args) => args.changes(),
            Self::Outbox(args) => args.changes(),
            Self::Profile(args) => args.changes(),
            Self::Filter(one) => one.changes(),
            Self::Account(one) => one.changes(),
            Self::Token(command) => command.changes(),
            Self::Store(one) => one.changes(),
            _ => false,
        }
    }
}

/// What a command works with.
pub(crate) struct Context {
    globals: Globals,
    config: Config,
    /// True if the command makes changes.
    changes: bool,
}

impl Context {
    /// The estate that is meant, here or on a server.
    fn open(&self) -> Result<Arc<dyn Estate>, Failure> {
        if let Some(server) = connect::server(&self.globals, &self.config)? {
            return Ok(Arc::new(connect::remote(server, &self.globals, &self.config)?));
        }
        Ok(Arc::new(self.open_store()?))
    }

    /// The store itself, for what only its owner does. A pending rollover is reported.
    fn open_store(&self) -> Result<Local, Failure> {
        let local = self.open_unreported()?;
        self.report_rollover(&local);
        Ok(local)
    }

    /// The store itself, for the command that shows pending rollovers.
    fn open_unreported(&self) -> Result<Local, Failure> {
        self.local_path()?;
        let local = connect::open(&self.globals, &self.config, self.changes)?;
        if let Some(upgrade) = local.upgrade_made() {
            self.say_upgraded(upgrade);
        }
        Ok(local)
    }

    /// The path of the store, where none of a server is meant.
    fn local_path(&self) -> Result<PathBuf, Failure> {
        if let Some(server) = connect::server(&self.globals, &self.config)? {
            let why =
                format!("this works on the store itself: run it where the server of {} runs", server.url);
            return Err(Failure::Usage(why));
        }
        connect::store_path(&self.globals, &self.config)
    }

    /// Reports a rollover that is pending on standard error.
    fn report_rollover(&self, estate: &dyn Estate) {
        // A server of an earlier version has no such status.
        if let Some(message) = estate.rollover_status().ok().and_then(|status| status.message()) {
            self.say(message);
        }
    }

    fn say_upgraded(&self, upgrade: &Upgrade) {
        let Upgrade { from, to, backup } = upgrade;
        self.say(format!("upgraded the store from schema {from} to {to}; backup: {}", backup.display()));
    }

    /// Returns the files that no output may replace: the store in use and `inputs`.
    fn protected_files<P: AsRef<Path>>(
        &self,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<Protected, Failure> {
        let store = match connect::server(&self.globals, &self.config)? {
            Some(_) => None,
            None => Some(connect::store_path(&self.globals, &self.config)?),
        };
        Ok(Protected::of_store(store).with_inputs(inputs))
    }

    /// Opens a file for reading; - is standard input. The store in use is refused.
    fn open_input(&self, path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
        let opened = self.protected_files(std::iter::empty::<&Path>())?.open_input_or_stdin(path);
        opened.map_err(|error| match error {
            Error::Invalid { .. } => Failure::File { file: path.display().to_string(), error },
            other => other.into(),
        })
    }

    /// Whoever sends messages, by the configuration.
    fn courier(&self) -> Result<Dispatcher, Failure> {
        Dispatcher::new(self.config.mail.as_ref(), &self.config.webhook)
    }

    /// Sends what a change has set off; what fails is tried again by whoever comes next.
    fn send_due(&self, estate: &dyn Estate, work: &output::Work) {
        // A server sends by itself.
        let Some(local) = estate.local() else { return };
        let due = local.next_letter().is_ok_and(|due| due.is_some_and(|at| at <= Time::now()));
        if !due {
            return;
        }
        let delivered = self.courier().map_err(|failure| failure.to_string()).and_then(|courier| {
            courier.deliver(local, &|| work.is_interrupted()).map_err(|e| e.to_string())
        });
        match delivered {
            Ok(sent) if sent.again + sent.given_up > 0 && local.outbox(1).is_ok() => {
                self.say("some messages could not be sent: simdeck outbox shows why");
            }
            Ok(_) => {}
            // Whose messages they are, and what the mail server is, is for those who see the
            // outbox.
            Err(error) if local.outbox(1).is_ok() => self.say(format!("messages wait: {error}")),
            Err(_) => {}
        }
    }

    /// Says something to the person, unless they asked for quiet.
    fn say(&self, text: impl AsRef<str>) {
        if !self.globals.quiet {
            // Messages repeat arguments, file names and text of a server.
            let _ = writeln!(std::io::stderr(), "{}", estate::text::clean_lines(text.as_ref()));
        }
    }

    /// A number as the list's form wants it: digits for machines, separators for people.
    fn number(&self, n: u64) -> String {
        if self.output() == Output::Table { estate::number::count(n) } else { n.to_string() }
    }

    /// The zone that tables and the screen show times in.
    fn zone(&self) -> Zone {
        self.config.display.time
    }

    /// Formats a time for the list's form: RFC 3339 in UTC for machines, a minute in the shown zone
    /// for people.
    fn time(&self, at: Time) -> String {
        if self.output() == Output::Table { self.zone().minute(at) } else { at.to_string() }
    }

    /// Formats a time with its offset: in UTC for machines, in the shown zone for people.
    fn stamp(&self, at: Time) -> String {
        if self.output() == Output::Table { self.zone().stamp(at) } else { at.to_string() }
    }

    /// Returns the header of a column of such times: a table names the zone.
    fn time_header(&self, name: &str) -> String {
        if self.output() == Output::Table {
            format!("{name} ({})", self.zone().name())
        } else {
            name.to_owned()
        }
    }

    fn output(&self) -> Output {
        let terminal = std::io::stdout().is_terminal();
        self.globals.output.unwrap_or(if terminal { Output::Table } else { Output::Csv })
    }
}

type Outcome = Result<Exit, Failure>;

/// Prints help, or a message about wrong arguments; it repeats them.
fn print_usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let cleaned = estate::text::clean_lines(&text);
    let _ = if cleaned == text { error.print() } else { write!(std::io::stderr(), "{cleaned}") };
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Makes a write beyond the limit on file sizes fail instead of ending the process, so that what
/// was written so far is removed.
fn survive_size_limit() {
    #[cfg(unix)]
    {
        let received = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, received);
    }
}

/// Reads the arguments, runs the command, reports how it ended.
pub fn main() -> ExitCode {
    survive_size_limit();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            return print_usage(&error);
        }
    };
    let exit = run(arguments).unwrap_or_else(|failure| {
        if failure.is_broken_pipe() {
            return Exit::Done;
        }
        let _ = write!(std::io::stderr(), "{}", failure.report());
        failure.exit()
    });
    ExitCode::from(exit as u8)
}

fn run(arguments: Arguments) -> Outcome {
    let mut config = match &arguments.command {
        // These must work when the configuration does not.
        Some(Command::Config(_) | Command::Doctor(_)) => config::load().unwrap_or_default(),
        _ => config::load()?,
    };
    if arguments.globals.server.is_some()
        && matches!(arguments.command, Some(Command::Init(_) | Command::Demo(_)))
    {
        return Err(Failure::Usage("this makes a store here, and does nothing at a server".into()));
    }
    if arguments.globals.local {
        config.display.time = Zone::Local;
    }
    // Without a command the screen opens.
    let changes = arguments.command.as_ref().is_none_or(Command::changes);
    let context = Context { globals: arguments.globals.with_environment(), config, changes };
    match arguments.command {
        None => start::run(&context),
        Some(command) => dispatch(&context, command),
    }
}

fn dispatch(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::run(context, &args),
        Command::Init(args) => init::run(context, args),
        Command::Import(args) => import::run(context, &args),
        Command::Portals(args) => portals::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Sims(args) => sims::list(context, &args),
        Command::Sim(args) => sims::one(context, &args),
        Command::Move(args) => moves::run(context, &args),
        Command::Filters(args) => filters::list(context, &args),
        Command::Filter(one) => filters::one(context, one),
        Command::Cap(args) => cap::run(context, &args),
        Command::SimSet(args) => edit::run(context, &args),
        Command::Usage(args) => usage::run(context, &args),
        Command::Alerts(args) => alerts::list(context, &args),
        Command::Outbox(args) => outbox::run(context, &args),
        Command::Profile(args) => profile::run(context, &args),
        Command::Accounts(args) => accounts::list(context, &args),
        Command::Account(one) => accounts::one(context, one),
        Command::Ping(args) => probe::ping(context, &args),
        Command::Diagnose(args) => probe::diagnose(context, &args),
        Command::Users(args) => users::list(context, &args),
        Command::User(one) => users::one(context, one),
        Command::Token(command) => tokens::run(context, &command),
        Command::Sessions(args) => sessions::list(context, &args),
        Command::Session(one) => sessions::run(context, &one),
        Command::Login(args) => login::login(context, &args),
        Command::Logout(args) => login::logout(context, &args),
        Command::Accept(args) => login::accept(context, &args),
        Command::Support(args) => help::run(context, &args),
        Command::History(args) => history::list(context, &args),
        Command::Undo(args) => history::undo(context, &args),
        Command::Store(one) => store::run(context, one),
        Command::Serve(args) => serve::run(context, &args),
        Command::Openapi(_) => openapi::run(),
        Command::Keys(_) => meta::keys(context),
        Command::Config(command) => meta::config(context, &command),
        Command::Doctor(args) => meta::doctor(context, &args),
        Command::Completions(args) => meta::completions(&args, &mut Arguments::command()),
        Command::Man(_) => meta::man(Arguments::command()),
        Command::Reference(args) => reference::run(&args),
    }
}
