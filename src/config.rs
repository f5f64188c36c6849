//! The configuration file and the folders, by the XDG rules of each system.

pub mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use estate::portals::Portal;
use estate::{Error, Roles};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files::expand_home;
use crate::folders::config_dir;
use crate::probe::{Probe, Probes};
use crate::zone::Zone;

/// What the file may say; what it does not know is an error with its line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The store to open when none is named.
    pub store: Option<PathBuf>,
    /// The user to sign in as.
    #[serde(rename = "as")]
    pub user: Option<String>,
    /// The account of that user, where the address is a user of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Where the server of this store is known from outside: links in mail lead there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The server to work with instead of a store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Certificates (PEM) that are trusted besides those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// A command that prints the token for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_command: Option<String>,
    /// The shipped keymap to start from: `default` or `vim`.
    pub keymap: Option<String>,
    /// The shipped theme to start from: `dark`, `light`, `contrast` or `mono`.
    pub theme: Option<String>,
    /// Whether the mouse is asked for.
    pub mouse: Option<bool>,
    /// Whether lines are drawn with ASCII only.
    pub ascii: Option<bool>,
    /// How values are shown to people.
    #[serde(skip_serializing_if = "is_default")]
    pub display: DisplayConfig,
    /// How mail about alerts and caps goes out; without it none is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailConfig>,
    /// How webhooks are called.
    pub webhook: WebhookConfig,
    /// How networks are asked about their SIMs.
    #[serde(skip_serializing_if = "is_default")]
    pub probe: Probes,
    /// Rows of the role table that ask for more here: a capability and the weakest role that has
    /// it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// Named sets of the above, chosen with `--profile`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, Profile>,
}

/// The `[display]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisplayConfig {
    /// The zone of times in tables and on the screen: `utc` or `local`.
    pub time: Zone,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a profile may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The store.
    pub store: Option<PathBuf>,
    /// The user.
    #[serde(rename = "as")]
    pub user: Option<String>,
    /// The account of that user, where the address is a user of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The server, instead of a store.
    pub server: Option<String>,
    /// Certificates (PEM) that are trusted besides those of the system.
    pub ca: Option<PathBuf>,
    /// A command that prints the token for the server.
    pub token_command: Option<String>,
}

impl Config {
    /// Expands `~` in every path: stores, certificates and the programs of probes.
    fn expand_paths(&mut self) {
        let own = [&mut self.store, &mut self.ca];
        let profiles =
            self.profile.values_mut().flat_map(|profile| [&mut profile.store, &mut profile.ca]);
        for path in own.into_iter().chain(profiles).flatten() {
            *path = expand_home(&*path);
        }
        for probe in self.probe.ping.values_mut().chain(self.probe.diagnostics.values_mut()) {
            if let Probe::Command(argv) = probe
                && let Some(program) = argv.first_mut()
                && program.starts_with("~/")
            {
                *program = expand_home(&*program).to_string_lossy().into_owned();
            }
        }
    }

    /// The role table as this configuration tightens it.
    pub fn roles(&self) -> Result<Roles, Failure> {
        let rows = self.roles.iter().map(|(word, role)| (word.as_str(), role.as_str()));
        Roles::with_stricter(rows).map_err(|error| {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            Failure::Config(format!("[roles] in the configuration: {error}{hint}"))
        })
    }
}

/// Reads a TOML file; one that is not there says nothing.
pub fn read_toml<T: for<'de> Deserialize<'de> + Default>(path: &Path) -> Result<T, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(Failure::io(format!("cannot read {}", path.display()), error)),
    };
    toml::from_str(&text)
        .map_err(|e| Failure::Config(format!("{}: {}", path.display(), e.to_string().trim_end())))
}

/// Refuses an array in place of a table, which would depend on the order of the settings.
fn refuse_arrays(path: &Path, config: &Config) -> Result<(), Failure> {
    let given: toml::Table = read_toml(path)?;
    // No setting at the top is a list, and some are not written where they are as usual.
    let list = given.iter().find(|(_, value)| value.is_array()).map(|(name, _)| name.clone());
    let (given, read) = (serde_json::to_value(given), serde_json::to_value(config));
    let inner =
        given.ok().zip(read.ok()).and_then(|(given, read)| estate::json::first_difference(&given, &read));
    list.or(inner).map_or(Ok(()), |place| {
        let setting = place.trim_start_matches('/').replace('/', ".");
        Err(Failure::Config(format!("{}: {setting}: must be a table, not an array", path.display())))
    })
}

/// Reads the configuration. A `~` at the beginning of a path is the home folder.
pub fn load() -> Result<Config, Failure> {
    let path = config_dir().join("config.toml");
    let mut config: Config = read_toml(&path)?;
    refuse_arrays(&path, &config)?;
    config.expand_paths();
    Ok(config)
}

/// Folder of a user's own portal files.
pub fn portals_dir() -> PathBuf {
    config_dir().join("portals")
}

/// Reads the user's own portal files.
pub fn own_portals() -> Result<Vec<Portal>, Failure> {
    let folder = portals_dir();
    let files = match std::fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(format!("cannot read {}", folder.display()), error)),
    };
    let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|e| Failure::io(format!("cannot read {shown}"), e))?;
        Portal::parse(&name, &shown, &text).map_err(|error| match error {
            Error::Invalid { reason, .. } => Failure::Config(reason),
            other => Failure::Estate(other),
        })
    };
    paths.iter().map(read).collect()
}

/// How mail goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The server: `smtps://user:password@host`, `smtp://host?tls=required`, or `smtp://localhost`
    /// without TLS. The variable `SIMDECK_SMTP_URL` comes first, so that no password has to stand
    /// in a file.
    #[serde(default)]
    pub url: String,
    /// The sender's address.
    pub from: String,
}

/// How webhooks are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// Whether addresses of this machine and of private networks may be called: whoever may name a
    /// webhook could else knock at doors that are not theirs.
    pub allow_private: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_settings_are_errors_with_their_line() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("config.toml");
        std::fs::write(&path, "theme = \"dark\"\ncolour = true\n").expect("written");
        let error = read_toml::<Config>(&path).expect_err("unknown").to_string();
        assert!(
            error.contains("line 2") && error.contains("colour") && error.contains("config.toml"),
            "{error}"
        );
        assert_eq!(
            read_toml::<Config>(&dir.path().join("none.toml")).expect("absent"),
            Config::default()
        );
    }

    #[test]
    fn an_array_in_place_of_a_table_is_refused() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("config.toml");
        let check = |text: &str| {
            std::fs::write(&path, text).expect("written");
            refuse_arrays(&path, &read_toml::<Config>(&path).expect("read"))
        };
        check("[display]\ntime = \"local\"\n[probe.ping]\n\"*\" = [\"ping\", \"{msisdn}\"]\n")
            .expect("tables");
        for (text, setting) in
            [("display = [\"local\"]", "display:"), ("display = [\"utc\"]", "display:")]
        {
            let error = check(text).expect_err(text).to_string();
            assert!(error.contains(setting) && error.contains("must be a table"), "{error}");
        }
    }
}
