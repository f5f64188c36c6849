//! Folders of the program: configuration, data and state, as the platform has them.

use std::path::PathBuf;

use directories::ProjectDirs;

pub(crate) fn dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "simdeck")
}

/// The folder for `config.toml`, `keymap.toml` and `theme.toml`.
pub fn config_dir() -> PathBuf {
    dirs().map_or_else(|| PathBuf::from("."), |d| d.config_dir().to_owned())
}

/// The store that is opened when none is named.
pub fn default_store() -> PathBuf {
    dirs().map_or_else(|| PathBuf::from("estate.db"), |d| d.data_dir().join("estate.db"))
}

/// The folder for what the screen remembers and for its log.
pub fn state_dir() -> PathBuf {
    dirs().map_or_else(
        || PathBuf::from("."),
        |d| d.state_dir().unwrap_or_else(|| d.data_local_dir()).to_owned(),
    )
}
