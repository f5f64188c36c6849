//! Every way to fail, once, each with a stable code and, where there is one, a way out.

mod fault;

use std::path::PathBuf;

use crate::account_choice::AccountChoice;
use crate::role::{Capability, Role};
pub use fault::Fault;

/// The result of anything the estate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way an estate can fail. Messages are lower-case fragments; [`Error::hint`] is the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing by that name exists for this user; what lies outside their subtree reads the same.
    #[error("no such {what}: {name}")]
    NotFound {
        /// The kind of thing: `account`, `SIM`, `user`, `change`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// Names that are close to it.
        near: Vec<String>,
    },
    /// A name fits several things.
    #[error("{name} could be any of {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Every path it could mean.
        candidates: Vec<String>,
    },
    /// The role does not allow it.
    #[error("the role {role} may not {need}")]
    Denied {
        /// The role of the user who asked.
        role: Role,
        /// What the role lacks.
        need: Capability,
    },
    /// Only Admins of the root account may: what exists already, or is missing, would tell others
    /// about a neighbour.
    #[error("only Admins of the root account may do that")]
    RootOnly,
    /// The session was opened read-only.
    #[error("this session is read-only")]
    ReadOnly,
    /// It is a person's own, and done by none of the programs that work for them.
    #[error("an API token may not do that")]
    NotByToken,
    /// Whoever wants to sign in is not known, or not by that.
    #[error("the address, the password or the code is not right")]
    WrongPassword,
    /// The password is right, and a second factor asks for a code.
    #[error("a code is needed: the one your authenticator shows")]
    CodeNeeded,
    /// The address is a user of several accounts, and the sign-in does not say of which.
    #[error("the address is a user of several accounts: {}", choices(.0))]
    AccountNeeded(Vec<AccountChoice>),
    /// Nobody has signed in at that server.
    #[error("not signed in at {0}")]
    NotSignedIn(String),
    /// Whoever signed in was removed or kept out since, or is something else now.
    #[error("you are not signed in any more: the session or token has ended, was revoked, or is none")]
    SignedOut,
    /// A value breaks a hard rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field or argument at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A filter that cannot be read.
    #[error("{message} at column {column}")]
    Filter {
        /// What was expected.
        message: String,
        /// One-based column in characters.
        column: usize,
        /// A better spelling, if one is near.
        suggestion: Option<String>,
    },
    /// The estate changed between the plan and the run.
    #[error("{}", drift(*expected, *found))]
    Drift {
        /// SIMs that were confirmed.
        expected: u64,
        /// SIMs that match now.
        found: u64,
    },
    /// The change cannot be made to this object as it stands.
    #[error("{0}")]
    Conflict(String),
    /// A key that was used for something else already.
    #[error("this key or number was used for something else already")]
    KeyReused,
    /// Another program writes to the store, or holds it exclusively.
    #[error("the store is in use by another program")]
    Busy,
    /// The file is not a simdeck store.
    #[error("{} is not a simdeck store", .0.display())]
    NotOurs(PathBuf),
    /// The file was written by a later version.
    #[error("{} is from a newer simdeck (schema {found}, this one knows {known})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The file was written by an earlier version and this session does not upgrade it.
    #[error("{} is from an older simdeck (schema {found}, this one reads {known})", .path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema number.
        found: u32,
        /// The schema number of this program.
        known: u32,
    },
    /// The path names a folder, a pipe, a socket or a device.
    #[error("{} is {kind}, not a simdeck store", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// The kind of file, with its article.
        kind: &'static str,
    },
    /// The write-ahead log beside the store was written for another file.
    #[error("{} does not belong to {}; nothing was changed", .side_file.display(), .path.display())]
    ForeignSideFile {
        /// The store.
        path: PathBuf,
        /// The write-ahead log.
        side_file: PathBuf,
    },
    /// The store's file cannot be used as it has to be.
    #[error("{}", .fault.message(.path.as_deref(), .detail))]
    Fault {
        /// The kind of failure.
        fault: Fault,
        /// The file, if known.
        path: Option<PathBuf>,
        /// The words of the database or the operating system.
        detail: String,
    },
    /// There is no store at that place.
    #[error("no estate at {}", .0.display())]
    NoStore(PathBuf),
    /// There is no backup at that place.
    #[error("there is no backup at {}", .0.display())]
    NoBackup(PathBuf),
    /// The folder in which a store is to be put does not exist.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// There is a file at that place already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The operating system refused.
    #[error("{what}: {reason}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's reason.
        reason: String,
    },
    /// The server does not answer.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why, as far as it is known.
        reason: String,
    },
    /// The server stopped answering while it was making a change.
    #[error("{server} stopped answering: whether change {change} was made is not known")]
    Unknown {
        /// The server.
        server: String,
        /// The change.
        change: String,
    },
    /// Something was asked too often; it is done again in a while.
    #[error("too many requests; try again in {seconds} s")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
    /// The person or a newer request cancelled it; nothing was changed.
    #[error("cancelled; nothing was changed")]
    Cancelled,
    /// The database failed in a way nobody expected.
    #[error("the store failed: {0}")]
    Store(String),
}

/// What a failure means to whoever asked: it decides the exit code and, later, the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong.
    Usage,
    /// Not permitted, or no such thing.
    Forbidden,
    /// The estate changed since.
    Changed,
    /// The server cannot be reached.
    Unreachable,
    /// Interrupted by the user.
    Cancelled,
    /// It failed.
    Failed,
}

/// What a change is about where it is about no SIM.
const NOTHING: &str = "nothing matches";

/// The text of [`Error::Drift`]: with equal numbers it is the accounts or the SIMs themselves that
/// changed.
fn drift(expected: u64, found: u64) -> String {
    if expected == found {
        let number = crate::number::sims(found);
        return format!(
            "accounts or SIMs have changed since the preview; the number is the same, {number}"
        );
    }
    let (expected, found) = (crate::number::count(expected), crate::number::sims(found));
    format!("the number of SIMs has changed since the preview: {expected} then, {found} now")
}

/// The accounts of [`Error::AccountNeeded`], as a list.
fn choices(accounts: &[AccountChoice]) -> String {
    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// Builds the error for a value that breaks a hard rule.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// Builds the error for something that does not exist, as far as this user can know.
    pub fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into(), near: Vec::new() }
    }

    /// Builds the error for a change of SIMs that none fits.
    pub(crate) fn nothing() -> Self {
        Self::not_found("SIM", NOTHING)
    }

    /// Whether it is that no SIM fits: there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::NotFound { what: "SIM", name, .. } if name == NOTHING)
    }

    /// The same, with what it may have been meant to be.
    pub fn not_found_near<'a>(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let name = name.into();
        let near = crate::text::nearest(&name, known).into_iter().map(str::to_owned).collect();
        Self::NotFound { what, name, near }
    }

    /// Wraps a failure of the operating system with what was being done.
    #[expect(clippy::needless_pass_by_value, reason = "used in map_err, where the error is given")]
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io { what: what.into(), reason: error.to_string() }
    }

    /// Returns the reason without the name of the field, for notes that have it in a column of
    /// their own.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Invalid { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }

    /// A stable code that scripts and the API rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Denied { .. } => "not-permitted",
            Self::RootOnly => "root-only",
            Self::ReadOnly => "read-only",
            Self::NotByToken => "not-by-token",
            Self::NotSignedIn(_) => "not-signed-in-yet",
            Self::WrongPassword => "wrong-credentials",
            Self::CodeNeeded => "code-needed",
            Self::AccountNeeded(_) => "account-needed",
            Self::SignedOut => "signed-out",
            Self::Invalid { .. } => "invalid",
            Self::Filter { .. } => "bad-filter",
            Self::Drift { .. } => "drift",
            Self::Conflict(_) => "conflict",
            Self::KeyReused => "key-reused",
            Self::Busy => "busy",
            Self::NotOurs(_) | Self::NotAFile { .. } => "not-a-store",
            Self::Newer { .. } => "newer-store",
            Self::Older { .. } => "older-store",
            Self::ForeignSideFile { .. } => "foreign-side-file",
            Self::Fault { fault, .. } => fault.code(),
            Self::NoStore(_) => "no-store",
            Self::NoBackup(_) => "no-backup",
            Self::NoFolder(_) => "no-folder",
            Self::Exists(_) => "exists",
            Self::Io { .. } => "io",
            Self::Unreachable { .. } => "unreachable",
            Self::Unknown { .. } => "unknown",
            Self::TooMany { .. } => "too-many-requests",
            Self::Cancelled => "cancelled",
            Self::Store(_) => "store",
        }
    }

    /// What the failure means to whoever asked.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ambiguous { .. } | Self::Invalid { .. } | Self::Filter { .. } | Self::KeyReused => {
                Kind::Usage
            }
            Self::NotFound { .. }
            | Self::Denied { .. }
            | Self::RootOnly
            | Self::ReadOnly
            | Self::NotByToken
            | Self::WrongPassword
            | Self::NotSignedIn(_)
            | Self::CodeNeeded
            | Self::AccountNeeded(_)
            | Self::SignedOut => Kind::Forbidden,
            Self::Drift { .. } => Kind::Changed,
            Self::Unreachable { .. } | Self::Unknown { .. } => Kind::Unreachable,
            Self::Cancelled => Kind::Cancelled,
            _ => Kind::Failed,
        }
    }

    /// A sentence that says what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { near, .. } if !near.is_empty() => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            Self::Ambiguous { .. } => {
                Some("give the whole path, beginning with your own account: /Name/Name".into())
            }
            Self::Denied { .. } => Some("an Admin of your account can do it, or give you the role".into()),
            Self::RootOnly => Some("it concerns every account: ask the reseller above you".into()),
            Self::NotByToken => Some("its user can, signed in as themselves".into()),
            Self::AccountNeeded(_) => {
                let how = "name one of them: --account NAME before the command, after it for login, \
                           or account in the request";
                Some(how.into())
            },
            Self::NotSignedIn(server) => Some(format!("simdeck login {server}, or set SIMDECK_TOKEN")),
            Self::WrongPassword => {
                Some("an Admin of your account can make you a link for another: simdeck user link".into())
            }
            Self::SignedOut => Some("sign in again: simdeck login URL; or ask an Admin of your account".into()),
            Self::ReadOnly => Some("it was begun with --readonly, or by a token that only reads".into()),
            Self::Filter { suggestion: Some(s), .. } => Some(format!("did you mean {s}?")),
            Self::Drift { .. } => Some("look at the new numbers and confirm again".into()),
            Self::Busy => Some("try again when that program has finished, or end it".into()),
            Self::NotOurs(_) | Self::NotAFile { .. } => {
                Some("give the path of a store, or make one with `simdeck init`".into())
            }
            Self::Older { .. } => {
                Some("upgrade it with `simdeck store upgrade`, which writes a backup first".into())
            }
            Self::ForeignSideFile { side_file, .. } => Some(format!(
                "copy a backup in with `simdeck store restore FILE`; to keep the file as it is now, move {} away",
                side_file.display()
            )),
            Self::Fault { fault, .. } => Some(fault.hint().into()),
            Self::Newer { .. } => Some("install the newer simdeck; the file was left untouched".into()),
            Self::NoStore(_) => Some(
                "make one with `simdeck init --account NAME --email E --name N`, or try `simdeck demo`"
                    .into(),
            ),
            Self::Unreachable { reason, .. } if reason.contains("certificate") => Some(
                "name the certificate that vouches for it in the configuration: ca = \"FILE\"; one you made yourself must not be a CA's"
                    .into(),
            ),
            Self::Unreachable { .. } => {
                Some("nothing was changed; look at the address, and whether the server runs".into())
            }
            Self::Unknown { change, .. } => Some(format!(
                "look at the history, or make the same change again with --change-id {change}: it is made once"
            )),
            Self::NoBackup(_) => Some("check the path of the backup; nothing was changed".into()),
            Self::NoFolder(_) => Some("make the folder first, or check --store".into()),
            Self::Exists(_) => Some("choose another name, or remove the file first".into()),
            _ => None,
        }
    }
}
