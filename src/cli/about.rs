//! Commands about the program itself: keys, configuration, doctor, completions, man page.

use std::io::{IsTerminal, Write};

use clap::Command;
use serde_json::json;

use super::output::{list, written};
use super::{Context, Outcome};
use crate::config;
use crate::connect::store_path;
use crate::failure::Exit;
use crate::tui::action::ACTIONS;
use crate::tui::keymap::Keymap;
use crate::tui::term::Capabilities;
use crate::tui::theme::Theme;

/// List every key with its action and where it was bound.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {}

/// Where the configuration is, and whether it is sound.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print where the files are.
    Path,
    /// Read every file and report the first mistake with its line.
    Check,
    /// Print the configuration in force.
    Show,
}

/// What simdeck makes of this terminal and machine.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {}

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
                written(writeln!(out, "{}", config::config_dir().join(file).display()))?;
            }
            written(writeln!(out, "{}", store_path(&context.globals, &context.config)?.display()))?;
        }
        ConfigCommand::Check => {
            let config = config::load()?;
            Keymap::load(&config)?;
            Theme::load(&config, &Capabilities::of_env())?;
            written(writeln!(out, "sound: {}", config::config_dir().display()))?;
        }
        ConfigCommand::Show => {
            let text = toml_of(&config::load()?);
            written(write!(out, "{text}"))?;
        }
    }
    Ok(Exit::Done)
}

/// The configuration as `key = value` lines.
fn toml_of(config: &config::Config) -> String {
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

pub fn doctor(context: &Context) -> Outcome {
    let mut out = std::io::stdout().lock();
    let terminal = Capabilities::of_env();
    let var = |name: &str| std::env::var(name).unwrap_or_else(|_| "not set".into());
    let store = store_path(&context.globals, &context.config)?;
    let opened = match context.open() {
        Ok(_) => "opens".to_owned(),
        Err(failure) => failure.to_string(),
    };
    let keymap = Keymap::load(&context.config).map_or_else(|e| e.to_string(), |_| "sound".into());
    let settings = config::load().map_or_else(|e| e.to_string(), |_| "sound".into());
    for (what, found) in [
        ("simdeck", env!("CARGO_PKG_VERSION").to_owned()),
        ("store", format!("{} ({opened})", store.display())),
        ("configuration", format!("{} ({settings})", config::config_dir().display())),
        ("keymap", keymap),
        ("TERM", var("TERM")),
        ("multiplexer", terminal.multiplexer().to_owned()),
        ("over SSH", if terminal.ssh { "yes".into() } else { "no".into() }),
        ("colours", terminal.colours().to_owned()),
        ("line drawing", if terminal.ascii { "ASCII only".into() } else { "Unicode".into() }),
        ("clipboard", terminal.clipboard().to_owned()),
        ("Shift+click", terminal.shift_click().to_owned()),
        (
            "standard output",
            if std::io::stdout().is_terminal() { "a terminal".into() } else { "not a terminal".into() },
        ),
        ("log", config::state_dir().join("simdeck.log").display().to_string()),
    ] {
        written(writeln!(out, "{what:>16}  {found}"))?;
    }
    Ok(Exit::Done)
}

pub fn completions(args: &CompletionsArgs, command: &mut Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "simdeck", &mut script);
    written(std::io::stdout().lock().write_all(&script))?;
    Ok(Exit::Done)
}

pub fn man(command: Command) -> Outcome {
    let mut page = Vec::new();
    written(clap_mangen::Man::new(command).render(&mut page))?;
    written(std::io::stdout().lock().write_all(&page))?;
    Ok(Exit::Done)
}
