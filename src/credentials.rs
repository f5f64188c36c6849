//! What somebody signs in at a server with: from the environment, from a command, or kept since the
//! last `login`: in the keyring of the system where there is one, else in a file that only its
//! owner reads.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use estate::{Error, Result, Secret};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{files, folders};

/// The variable that holds a token.
pub const VARIABLE: &str = "SIMDECK_TOKEN";
/// What the keyring keeps them under.
const SERVICE: &str = "simdeck";
/// How long another program that writes to the file is waited for.
const WRITING: Duration = Duration::from_secs(2);
/// How long one that renews a session: it may be held up itself.
pub const RENEWING: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Keeps the keyring out of it: for machines whose keyring asks whenever it is used, and for tests.
const NO_KEYRING: &str = "SIMDECK_NO_KEYRING";

/// What was kept, as the server gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What requests come with.
    pub token: String,
    /// What renews it; none for an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<String>,
    /// Sign-ins that failed before this one; told once, never kept.
    #[serde(default, skip_serializing)]
    pub failed_sign_ins: Option<FailedSignIns>,
}

/// Sign-ins that failed, as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FailedSignIns {
    count: u64,
    since: String,
    from: Vec<String>,
}

impl FailedSignIns {
    /// Returns a sentence for the user, without the server's control characters.
    pub fn message(&self) -> String {
        let noun = if self.count == 1 { "sign-in" } else { "sign-ins" };
        let mut said = format!("{} failed {noun} since {}", self.count, self.since);
        if !self.from.is_empty() {
            said = format!("{said}, from {}", self.from.join(", "));
        }
        estate::text::clean(&said).into_owned()
    }
}

impl Kept {
    fn secret(&self) -> Result<Secret> {
        Secret::read(&self.token).ok_or(Error::SignedOut)
    }
}

/// Where they come from.
#[derive(Debug)]
enum Source {
    /// Given for this run.
    Given,
    /// Kept for a server.
    Kept(CredentialStore),
}

/// What one server is signed in at with.
#[derive(Debug)]
pub struct Credentials {
    source: Source,
    now: Mutex<Kept>,
}

impl Credentials {
    /// A token, as it is.
    pub fn from_token(token: &str) -> Result<Self> {
        let kept = Kept { token: token.trim().to_owned(), renew: None, failed_sign_ins: None };
        kept.secret().map_err(|_| none("what was given"))?;
        Ok(Self { source: Source::Given, now: Mutex::new(kept) })
    }

    /// Credentials that are kept no more: what a renewal gives is not kept either.
    pub fn from_replaced(kept: Kept) -> Self {
        Self { source: Source::Given, now: Mutex::new(kept) }
    }

    /// What was kept for a server, whatever else there is.
    pub fn load_kept(server: &str) -> Result<Option<Self>> {
        let shelf = CredentialStore::of(server);
        let kept = shelf.read()?;
        Ok(kept.map(|kept| Self { source: Source::Kept(shelf), now: Mutex::new(kept) }))
    }

    /// What there is for a server: the environment first, then the command of the configuration,
    /// then what was kept.
    pub fn find(server: &str, command: Option<&str>) -> Result<Self> {
        if let Ok(token) = std::env::var(VARIABLE)
            && !token.is_empty()
        {
            return Self::from_token(&token).map_err(|_| none(VARIABLE));
        }
        if let Some(command) = command {
            return Self::from_token(&run_token_command(command)?).map_err(|_| none("token_command"));
        }
        Self::load_kept(server)?.ok_or_else(|| Error::NotSignedIn(server.to_owned()))
    }

    /// What whoever renews it holds, so that other programs wait.
    pub fn lock_file(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Kept(shelf) => {
                let hash: String =
                    Sha256::digest(&shelf.server)[..8].iter().map(|b| format!("{b:02x}")).collect();
                Some(shelf.file.with_file_name(format!("renewal-{hash}.lock")))
            }
            Source::Given => None,
        }
    }

    fn now(&self) -> Kept {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What requests come with.
    pub fn token(&self) -> Result<Secret> {
        self.now().secret()
    }

    /// What renews it, where it can be renewed.
    pub fn renewal(&self) -> Option<Secret> {
        self.now().renew.as_deref().and_then(Secret::read)
    }

    /// The same as it is kept now: another program may have renewed it.
    pub fn reload(&self) -> Result<Secret> {
        if let Source::Kept(shelf) = &self.source
            && let Some(kept) = shelf.read()?
        {
            *self.now.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
        self.token()
    }

    /// Keeps what a renewal gave.
    pub fn keep(&self, kept: Kept) -> Result<()> {
        if let Source::Kept(shelf) = &self.source {
            shelf.write(&kept)?;
        }
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }
}

/// What was to give a token has given none.
fn none(from: &str) -> Error {
    Error::invalid("token", format!("{from} gives none: one begins with simdeck_"))
}

/// What a command prints, by the shell, without the end of its line.
fn run_token_command(command: &str) -> Result<String> {
    let fault = |why: String| Error::Conflict(format!("token_command: {why}"));
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(|e| fault(e.to_string()))?;
    if !output.status.success() {
        return Err(fault(format!("it ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| fault("printed no text".into()))
}

/// Takes a file for this program, and waits a while for others; where that cannot be it goes on
/// without.
pub fn lock_file(path: &Path, patience: Duration) -> Option<File> {
    std::fs::create_dir_all(path.parent()?).ok()?;
    let mut options = File::options();
    files::refuse_links(&mut options);
    let file = options.create(true).truncate(false).write(true).open(path).ok()?;
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOOK),
            Err(_) => return None,
        }
    }
}

/// Where the credentials of one server are kept.
#[derive(Debug)]
pub struct CredentialStore {
    server: String,
    file: PathBuf,
}

impl CredentialStore {
    /// The shelf of a server.
    pub fn of(server: &str) -> Self {
        Self { server: server.to_owned(), file: folders::state_dir().join("credentials.json") }
    }

    fn entry(&self) -> Option<keyring::Entry> {
        if std::env::var_os(NO_KEYRING).is_some() {
            return None;
        }
        keyring::Entry::new(SERVICE, &self.server).ok()
    }

    /// What is kept, if anything is.
    pub fn read(&self) -> Result<Option<Kept>> {
        let ring = self.entry().and_then(|entry| entry.get_password().ok());
        if let Some(kept) = ring.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(Some(kept));
        }
        Ok(self.all()?.remove(&self.server))
    }

    /// Keeps it; gives where.
    pub fn write(&self, kept: &Kept) -> Result<&'static str> {
        let _others = self.writing();
        let text = serde_json::to_string(kept).unwrap_or_default();
        let entry = self.entry();
        if entry.as_ref().is_some_and(|entry| entry.set_password(&text).is_ok()) {
            // Nothing older is left beside it.
            let mut all = self.all()?;
            if all.remove(&self.server).is_some() {
                self.write_all(&all)?;
            }
            return Ok("the keyring");
        }
        if let Some(entry) = entry {
            let _ = entry.delete_credential();
        }
        let mut all = self.all()?;
        all.insert(self.server.clone(), kept.clone());
        self.write_all(&all)?;
        Ok("a file that only you can read")
    }

    /// Forgets it.
    pub fn forget(&self) -> Result<()> {
        let _others = self.writing();
        if let Some(entry) = self.entry() {
            let _ = entry.delete_credential();
        }
        let mut all = self.all()?;
        if all.remove(&self.server).is_some() { self.write_all(&all) } else { Ok(()) }
    }

    /// Keeps other programs from writing to the file of every server meanwhile.
    fn writing(&self) -> Option<File> {
        lock_file(&self.file.with_file_name("credentials.lock"), WRITING)
    }

    fn all(&self) -> Result<BTreeMap<String, Kept>> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| {
                Error::Conflict(format!(
                    "{} cannot be read: {e}; remove it and sign in again",
                    self.file.display()
                ))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(Error::io(format!("cannot read {}", self.file.display()), error)),
        }
    }

    fn write_all(&self, all: &BTreeMap<String, Kept>) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", self.file.display()), e);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(fault)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
        file.write_all(serde_json::to_string_pretty(all).unwrap_or_default().as_bytes())
            .map_err(fault)?;
        file.persist(&self.file).map_err(|e| fault(e.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(dir: &Path, server: &str) -> CredentialStore {
        CredentialStore { server: server.into(), file: dir.join("state/credentials.json") }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_keeps_each_server_apart_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("folder");
        let (one, other) =
            (shelf(dir.path(), "https://a.example"), shelf(dir.path(), "https://b.example"));
        let kept = |token: &str| Kept { token: token.into(), renew: None, failed_sign_ins: None };
        for (shelf, token) in [(&one, "a"), (&other, "b")] {
            let mut all = shelf.all().expect("read");
            all.insert(shelf.server.clone(), kept(token));
            shelf.write_all(&all).expect("written");
        }
        assert_eq!(one.all().expect("read").len(), 2);
        let mode = std::fs::metadata(&one.file).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn whoever_holds_a_file_is_waited_for_only_so_long() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("state/one.lock");
        let first = lock_file(&path, Duration::ZERO);
        assert!(first.is_some() && lock_file(&path, Duration::ZERO).is_none());
        drop(first);
        assert!(lock_file(&path, Duration::ZERO).is_some());
    }

    #[test]
    fn a_command_says_the_token_or_why_it_cannot() {
        assert_eq!(run_token_command("printf abc"), Ok("abc".into()));
        assert!(run_token_command("exit 3").expect_err("failed").to_string().contains('3'));
        assert!(Credentials::from_token("abc").is_err());
    }
}
