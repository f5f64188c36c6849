//! Commands about the program itself: keys, configuration, doctor, completions, man page.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Command;
use serde_json::json;

use super::output::{check_written, list};
use super::{Context, Outcome};
use crate::connect::{self, store_path};
use crate::failure::Exit;
use crate::files::{Existing, OutputFile, path_parser};
use crate::tui::action::ACTIONS;
use crate::tui::keymap::Keymap;
use crate::{config, folders};

/// List every key with its action and where it was bound.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {}

/// Where the configuration is, and whether it is sound.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print where the files are.
    Path,
    /// Try everything a start tries, without opening a store, and report the first mistake with its
    /// file and line.
    Check,
    /// Print the configuration in force.
    Show,
}

/// What simdeck makes of this terminal and machine.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Write a support bundle to a new file, without names, numbers and addresses; - is standard
    /// output.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    bundle: Option<PathBuf>,
    /// Replace the file of --bundle if it exists.
    #[arg(long, requires = "bundle")]
    force: bool,
}

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Print the manual page (roff).
#[derive(Debug, clap::Args)]
pub struct ManArgs {}

pub fn keys(context: &Context) -> Outcome {
    let keymap = Keymap::load(&context.config)?;
    let mut rows = Vec::new();
    let mut json = Vec::new();
    for row in ACTIONS {
        for (keys, source) in keymap.bindings(row.action) {
            rows.push(vec![keys.clone(), row.name.to_owned(), row.help.to_owned(), source.clone()]);
            json.push(json!({ "keys": keys, "action": row.name, "help": row.help, "source": source }));
        }
    }
    list(context, &["keys", "action", "help", "source"], &rows, json)?;
    Ok(Exit::Done)
}

pub fn config(context: &Context, command: &ConfigCommand) -> Outcome {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Path => {
            for file in ["config.toml", "keymap.toml", "theme.toml"] {
                check_written(writeln!(out, "{}", folders::config_dir().join(file).display()))?;
            }
            check_written(writeln!(out, "{}", store_path(&context.globals, &context.config)?.display()))?;
        }
        ConfigCommand::Check => {
            config::check::check_all()?;
            check_written(writeln!(out, "sound: {}", folders::config_dir().display()))?;
        }
        ConfigCommand::Show => {
            let text = toml_of(&config::load()?);
            check_written(write!(out, "{text}"))?;
        }
    }
    Ok(Exit::Done)
}

/// A URL whose password, if it has one, is taken out.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            format!("{scheme}://{}:…@{host}", user.split(':').next().unwrap_or_default())
        }
        None => url.to_owned(),
    }
}

/// The configuration as `key = value` lines.
fn toml_of(config: &config::Config) -> String {
    let mut config = config.clone();
    if let Some(mail) = &mut config.mail {
        mail.url = without_password(&mail.url);
    }
    let json = serde_json::to_value(config).unwrap_or_default();
    let line = |(key, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::Null => format!("# {key} is not set\n"),
        serde_json::Value::Object(table) => {
            table.iter().map(|(name, profile)| format!("{key}.{name} = {profile}\n")).collect()
        }
        value => format!("{key} = {value}\n"),
    };
    json.as_object().into_iter().flatten().map(line).collect()
}

pub fn doctor(context: &Context, args: &DoctorArgs) -> Outcome {
    let server = connect::server(&context.globals, &context.config)?;
    let place = match server {
        Some(server) => server.url.into(),
        None => store_path(&context.globals, &context.config)?,
    };
    let estate = context.open();
    let opened = match &estate {
        Ok(estate) if estate.local().is_some() => "opens".to_owned(),
        Ok(estate) => format!("answers; signed in as {}", estate.me().role),
        Err(failure) => failure.to_string(),
    };
    let unknown = |_| "not known".to_owned();
    let periods = estate.map_or_else(unknown, |estate| crate::doctor::periods(estate.as_ref()));
    let facts = crate::doctor::facts(&context.config, &place, &opened, &periods);
    if let Some(path) = &args.bundle {
        let protected = context.protected_files::<&Path>([])?;
        let file = OutputFile::create_or_stdout(path, Existing::with_force(args.force), &protected)?;
        file.write_all(crate::doctor::bundle(&facts).as_bytes())?;
        context.say(format!("wrote {}: look at it before you send it", path.display()));
        return Ok(Exit::Done);
    }
    let mut out = std::io::stdout().lock();
    for (what, found) in facts {
        check_written(writeln!(out, "{what:>16}  {found}"))?;
    }
    Ok(Exit::Done)
}

pub fn completions(args: &CompletionsArgs, command: &mut Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "simdeck", &mut script);
    check_written(std::io::stdout().lock().write_all(&script))?;
    Ok(Exit::Done)
}

pub fn man(command: Command) -> Outcome {
    let mut page = Vec::new();
    check_written(clap_mangen::Man::new(command).render(&mut page))?;
    check_written(std::io::stdout().lock().write_all(&page))?;
    Ok(Exit::Done)
}
