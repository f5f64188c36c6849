//! One door for failures: what went wrong, in one sentence with a way out, and the exit code it
//! means.

use estate::{Error, Kind};

use crate::files::OutputError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The estate refused or failed.
    #[error(transparent)]
    Estate(#[from] Error),
    /// A filter that cannot be read, with its text for the caret.
    #[error("{error}")]
    Filter {
        /// What is wrong.
        error: Error,
        /// The text.
        text: String,
    },
    /// A file could not be read or brought in.
    #[error("{file}: {}", without_field(.error))]
    File {
        /// The file.
        file: String,
        /// The reason.
        error: Error,
    },
    /// The command line itself is wrong.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be read.
    #[error("{0}")]
    Config(String),
    /// An output file was refused or cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Reading or writing failed.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's reason.
        error: std::io::Error,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Some SIMs or rows were refused; they were listed.
    Partly = 3,
    /// Not permitted, or no such thing.
    Forbidden = 4,
    /// The estate changed since what was confirmed.
    Changed = 5,
    /// The server cannot be reached.
    Unreachable = 6,
    /// Interrupted; nothing half done.
    Interrupted = 130,
}

/// Replaces a character that would not be shown, so that the others stay in their columns.
fn visible(c: char) -> char {
    if estate::text::clean(c.encode_utf8(&mut [0; 4])).is_empty() || c.is_control() { ' ' } else { c }
}

/// Returns the message of an error about a file without the word "file", which its path stands for.
fn without_field(error: &Error) -> String {
    match error {
        Error::Invalid { field: "file", reason } => reason.clone(),
        other => other.to_string(),
    }
}

impl Failure {
    /// Wraps a failure of the system.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io { what: what.into(), error }
    }

    /// Whether whoever read our output has gone away, which is no failure of ours.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Estate(Error::Io { reason, .. }) => reason.contains("Broken pipe"),
            Self::Io { error, .. } | Self::Output(OutputError::Io { error, .. }) => {
                error.kind() == std::io::ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }

    /// The exit code it means.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Estate(error) | Self::Filter { error, .. } | Self::File { error, .. } => {
                match error.kind() {
                    Kind::Usage => Exit::Usage,
                    Kind::Forbidden => Exit::Forbidden,
                    Kind::Changed => Exit::Changed,
                    Kind::Unreachable => Exit::Unreachable,
                    Kind::Cancelled => Exit::Interrupted,
                    Kind::Failed => Exit::Failed,
                }
            }
            Self::Usage(_) => Exit::Usage,
            Self::Config(_) | Self::Output(_) | Self::Io { .. } => Exit::Failed,
        }
    }

    /// The message for standard error: what, where, and what to do about it.
    pub fn report(&self) -> String {
        let mut text = format!("error: {}\n", estate::text::clean_lines(&self.to_string()));
        if let Self::Filter { error: Error::Filter { column, .. }, text: filter } = self {
            let line: String = filter.chars().map(visible).collect();
            text.push_str(&format!("  {line}\n  {}^\n", " ".repeat(column - 1)));
        }
        if let Self::Estate(error) | Self::Filter { error, .. } | Self::File { error, .. } = self
            && let Some(hint) = error.hint()
        {
            text.push_str(&format!("hint: {}\n", estate::text::clean(&hint)));
        }
        text
    }
}
