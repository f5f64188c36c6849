//! `simdeck config check`: tries what a start tries, and names file and line of the first mistake.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use estate::Roles;
use toml::de::{DeTable, DeValue};

use super::{Config, load, own_portals};
use crate::failure::Failure;
use crate::folders::config_dir;
use crate::notify::Dispatcher;
use crate::probe::Probe;
use crate::remote::Server;
use crate::tui::keymap::Keymap;
use crate::tui::term::Capabilities;
use crate::tui::theme::Theme;

/// The text of the configuration file, to name lines by.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Builds the error for a setting, with its line.
    fn error(&self, keys: &[&str], why: impl Display) -> Failure {
        let at = line_of(&self.text, keys).map_or_else(String::new, |line| format!(":{line}"));
        Failure::Config(format!("{}{at}: {why}", self.path.display()))
    }

    /// Builds the error for a setting from an error of the estate, with its hint.
    fn estate_error(&self, keys: &[&str], error: &estate::Error) -> Failure {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        self.error(keys, format!("{error}{hint}"))
    }
}

/// Returns the line of a setting, or of the innermost table around it that the text has.
fn line_of(text: &str, keys: &[&str]) -> Option<usize> {
    let whole = DeTable::parse(text).ok()?;
    let (mut table, mut line) = (whole.get_ref(), None);
    for key in keys {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == *key) else {
            break;
        };
        line = text.get(..name.span().start).map(|before| before.matches('\n').count() + 1);
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    line
}

/// Checks every file and setting.
pub fn check_all() -> Result<(), Failure> {
    let config = load()?;
    own_portals()?;
    let path = config_dir().join("config.toml");
    let source = Source { text: std::fs::read_to_string(&path).unwrap_or_default(), path };
    // A wrong name is a setting's; everything else is in a file of its own, whose line is known.
    let named = |key: &'static str| {
        let source = &source;
        move |failure: Failure| match failure {
            Failure::Config(why) if why.starts_with(&format!("{key} = ")) => source.error(&[key], why),
            other => other,
        }
    };
    Keymap::load(&config).map_err(named("keymap"))?;
    Theme::load(&config, &Capabilities::of_env()).map_err(named("theme"))?;
    check_places(&config, &source)?;
    check_roles(&config, &source)?;
    check_mail(&config, &source)?;
    check_probes(&config, &source)
}

/// Checks stores, servers and certificates, of the file itself and of each profile.
fn check_places(config: &Config, source: &Source) -> Result<(), Failure> {
    if let Some(url) = &config.url {
        Server::parse(url, true).map_err(|error| source.estate_error(&["url"], &error))?;
    }
    check_place(source, &[], config.store.as_deref(), config.server.as_deref(), config.ca.as_ref())?;
    config.profile.iter().try_for_each(|(name, profile)| {
        let (store, server) = (profile.store.as_deref(), profile.server.as_deref());
        check_place(source, &["profile", name], store, server, profile.ca.as_ref())
    })
}

fn check_place(
    source: &Source,
    table: &[&str],
    store: Option<&Path>,
    server: Option<&str>,
    ca: Option<&PathBuf>,
) -> Result<(), Failure> {
    let keys = |key| [table, &[key][..]].concat();
    if let Some(store) = store {
        let hint = "make it with simdeck init, or correct the path";
        check_readable(store).map_err(|why| source.error(&keys("store"), format!("{why}; {hint}")))?;
    }
    let url = server.unwrap_or("https://localhost");
    let server =
        Server::parse(url, true).map_err(|error| source.estate_error(&keys("server"), &error))?;
    let trusted = Server { ca: ca.cloned(), ..server };
    trusted.check().map_err(|error| source.estate_error(&keys("ca"), &error))
}

/// Checks that a file exists and can be read.
fn check_readable(path: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{} is not a plain file", path.display()));
    }
    std::fs::File::open(path).map(drop).map_err(failed)
}

fn check_roles(config: &Config, source: &Source) -> Result<(), Failure> {
    config.roles.iter().try_for_each(|(word, role)| {
        Roles::with_stricter([(word.as_str(), role.as_str())])
            .map(drop)
            .map_err(|error| source.estate_error(&["roles", word], &error))
    })
}

fn check_mail(config: &Config, source: &Source) -> Result<(), Failure> {
    let Err(failure) = Dispatcher::new(config.mail.as_ref(), &config.webhook) else { return Ok(()) };
    let why = failure.to_string();
    let key = if why.contains("from must") { "from" } else { "url" };
    Err(source.error(&["mail", key], why))
}

fn check_probes(config: &Config, source: &Source) -> Result<(), Failure> {
    for (kind, probes) in [("ping", &config.probe.ping), ("diagnostics", &config.probe.diagnostics)] {
        for (network, probe) in probes {
            check_probe(probe).map_err(|why| source.error(&["probe", kind, network], why))?;
        }
    }
    Ok(())
}

/// Checks that the program of a probe can be run, or that its endpoint is an address.
fn check_probe(probe: &Probe) -> Result<(), String> {
    match probe {
        Probe::Simulated(_) => Ok(()),
        Probe::Endpoint(url) => match reqwest::Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
            // The address may hold a secret: it is not repeated.
            _ => {
                Err("a probe must be an http:// or https:// address, or a program with its arguments"
                    .into())
            }
        },
        Probe::Command(argv) => {
            let program =
                argv.first().filter(|program| !program.is_empty()).ok_or("a probe needs a program")?;
            // A name that a SIM completes is known only then.
            if program.contains('{') || is_program(program) {
                return Ok(());
            }
            Err(format!("cannot run {program}: no such program, or it is not executable"))
        }
    }
}

/// Is true for a path, or a name in `PATH`, that can be executed.
fn is_program(program: &str) -> bool {
    if program.contains('/') {
        return is_executable(Path::new(program));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_by_its_line() {
        let text = "theme = \"dark\"\n\n[mail]\nfrom = \"a@x.example\"\n[profile.lab]\nca = \"x\"\n\
                    [probe.ping]\n\"*\" = [\"true\"]\n";
        assert_eq!(line_of(text, &["theme"]), Some(1));
        assert_eq!(line_of(text, &["mail", "from"]), Some(4));
        assert_eq!(line_of(text, &["mail", "url"]), Some(3), "the table, where the setting is missing");
        assert_eq!(line_of(text, &["profile", "lab", "ca"]), Some(6));
        assert_eq!(line_of(text, &["probe", "ping", "*"]), Some(8));
        assert_eq!(line_of(text, &["store"]), None);
    }
}
