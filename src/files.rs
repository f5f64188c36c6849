//! Output files: created new, readable by their owner only, and replaced only on request.
//!
//! Every command and dialog that writes a file goes through [`OutputFile`], or through
//! [`OutputStore`] where `SQLite` does the writing. Both refuse links, devices, the store in use
//! and the files being read, and a file gets its name only when it is whole. Checks never open a
//! file: closing a store that is open in this process would release `SQLite`'s locks.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::builder::{PathBufValueParser, TypedValueParser};
use estate::side_files::{SIDE_FILES, folder_of, with_suffix};
use estate::{Error, Result};
use tempfile::{NamedTempFile, TempDir, TempPath};

/// The name for standard input and standard output.
pub const STREAM: &str = "-";

/// Reasons not to write an output file, each with the way out.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file exists, and the caller has no `--force`.
    #[error("{} exists; choose another name, or remove it first", .0.display())]
    Exists(PathBuf),
    /// The file exists, and `--force` would replace it.
    #[error("{} exists; pass --force to replace it", .0.display())]
    NeedsForce(PathBuf),
    /// The path is a symbolic link, dangling or not.
    #[error("{} is a symbolic link; give the path of a plain file", .0.display())]
    Link(PathBuf),
    /// The path is a folder, a device or another special file.
    #[error("{} is not a plain file; choose another name", .0.display())]
    NotPlain(PathBuf),
    /// The path is the open store or one of its side files.
    #[error("{} is the store in use; choose another name", .0.display())]
    Store(PathBuf),
    /// The path is an input of the same command.
    #[error("{} is the file being read; choose another name", .0.display())]
    Input(PathBuf),
    /// The file has side files of `SQLite`: it may be a store that another program has open.
    #[error("{} has a {beside} file beside it and may be a store in use; choose another name", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The suffix of the side file.
        beside: &'static str,
    },
    /// The operating system refused.
    #[error("cannot write {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

impl OutputError {
    fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Exists(path) | OutputError::NeedsForce(path) => Self::Exists(path),
            OutputError::Io { path, error } => {
                Self::io(format!("cannot write {}", path.display()), error)
            }
            refused => Self::Conflict(refused.to_string()),
        }
    }
}

/// The treatment of a plain file that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refused; the caller has no way to replace it.
    Keep,
    /// Refused until `--force` is given.
    KeepUnlessForced,
    /// Replaced.
    Replace,
}

impl Existing {
    /// Returns the treatment that a `--force` flag asks for.
    pub fn with_force(force: bool) -> Self {
        if force { Self::Replace } else { Self::KeepUnlessForced }
    }
}

/// Files that no output may replace.
#[derive(Debug, Clone, Default)]
pub struct Protected {
    store: Option<PathBuf>,
    inputs: Vec<PathBuf>,
}

impl Protected {
    /// Protects the store at `store` with its side files.
    pub fn of_store(store: Option<PathBuf>) -> Self {
        Self { store, inputs: Vec::new() }
    }

    /// Protects the files being read too; `-` is whatever file standard input comes from.
    #[must_use]
    pub fn with_inputs<P: AsRef<Path>>(mut self, inputs: impl IntoIterator<Item = P>) -> Self {
        let input = |path: P| {
            let path = path.as_ref();
            if path == Path::new(STREAM) { PathBuf::from("/dev/stdin") } else { path.to_owned() }
        };
        self.inputs.extend(inputs.into_iter().map(input));
        self
    }

    fn check(&self, path: &Path) -> Result<(), OutputError> {
        if self.is_store(path) {
            return Err(OutputError::Store(path.to_owned()));
        }
        if path.exists() && self.inputs.iter().any(|input| is_same_path(input, path)) {
            return Err(OutputError::Input(path.to_owned()));
        }
        Ok(())
    }

    /// True if a path is the store in use or one of its side files.
    fn is_store(&self, path: &Path) -> bool {
        let Some(store) = &self.store else { return false };
        // SQLite resolves links: the side files are beside the real file.
        let real = std::fs::canonicalize(store).unwrap_or_else(|_| store.clone());
        let beside = SIDE_FILES.iter().flat_map(|end| [with_suffix(store, end), with_suffix(&real, end)]);
        is_same_path(store, path)
            || is_same_path(&real, path)
            || beside.into_iter().any(|file| is_same_path(&file, path))
    }

    /// Opens a file for reading. The store in use is refused: closing it would release `SQLite`'s
    /// locks.
    pub fn open_input(&self, path: &Path) -> Result<Box<dyn Read + Send>> {
        if self.is_store(path) {
            return Err(Error::invalid("file", "is the store in use"));
        }
        let cannot = |e| Error::io(format!("cannot open {}", path.display()), e);
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(Error::invalid("file", "is a folder"));
        }
        Ok(Box::new(file))
    }

    /// Opens a file for reading; - is standard input.
    pub fn open_input_or_stdin(&self, path: &Path) -> Result<Box<dyn Read + Send>> {
        if path == Path::new(STREAM) { Ok(Box::new(io::stdin())) } else { self.open_input(path) }
    }
}

/// True if two paths lead to one file, which may be absent.
pub fn is_same_path(one: &Path, other: &Path) -> bool {
    resolve(one) == resolve(other)
        || std::fs::metadata(one)
            .is_ok_and(|one| std::fs::metadata(other).is_ok_and(|other| is_same(&one, &other)))
}

/// Returns the path with its folder resolved; the file itself may be absent or a link.
fn resolve(path: &Path) -> PathBuf {
    let folder = std::fs::canonicalize(folder_of(path)).unwrap_or_else(|_| folder_of(path).to_owned());
    path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Checks that a file may be written at `path`.
fn check(path: &Path, existing: Existing, protected: &Protected) -> Result<(), OutputError> {
    protected.check(path)?;
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
            return Ok(());
        }
        Err(error) => return Err(OutputError::io(path, error)),
    };
    if found.is_symlink() {
        return Err(OutputError::Link(path.to_owned()));
    }
    if !found.is_file() {
        return Err(OutputError::NotPlain(path.to_owned()));
    }
    match existing {
        Existing::Keep => Err(OutputError::Exists(path.to_owned())),
        Existing::KeepUnlessForced => Err(OutputError::NeedsForce(path.to_owned())),
        Existing::Replace => check_side_files(path),
    }
}

/// Checks that no side file of `SQLite` is beside `path`: it would belong to another store.
fn check_side_files(path: &Path) -> Result<(), OutputError> {
    let beside = SIDE_FILES.into_iter().find(|end| with_suffix(path, end).symlink_metadata().is_ok());
    beside.map_or(Ok(()), |beside| Err(OutputError::InUse { path: path.to_owned(), beside }))
}

/// Gives a finished file its name.
fn publish(
    temporary: TempPath,
    path: &Path,
    existing: Existing,
    protected: &Protected,
) -> Result<(), OutputError> {
    check(path, existing, protected)?;
    let named = match existing {
        Existing::Replace => temporary.persist(path),
        _ => temporary.persist_noclobber(path),
    };
    named.map_err(|failed| match (failed.error.kind(), existing) {
        (io::ErrorKind::AlreadyExists, Existing::Keep) => OutputError::Exists(path.to_owned()),
        (io::ErrorKind::AlreadyExists, _) => OutputError::NeedsForce(path.to_owned()),
        _ => OutputError::io(path, failed.error),
    })
}

/// A file being written. It appears under its name with mode 0600 on [`OutputFile::finish`];
/// dropped, it is absent.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    destination: Destination,
}

#[derive(Debug)]
enum Destination {
    StandardOutput,
    /// The null device.
    Null(File),
    /// A temporary file in the folder of the final one, created when the first byte is written.
    File {
        temporary: OnceLock<NamedTempFile>,
        existing: Existing,
        protected: Protected,
    },
}

impl OutputFile {
    /// Begins a file at `path`, which creates nothing yet. `/dev/null` is written as it is.
    pub fn create(path: &Path, existing: Existing, protected: &Protected) -> Result<Self, OutputError> {
        let failed = |error| OutputError::io(path, error);
        let destination = if path == Path::new("/dev/null") {
            Destination::Null(OpenOptions::new().write(true).open(path).map_err(failed)?)
        } else {
            check(path, existing, protected)?;
            // The folder is missed now, not after the work.
            std::fs::metadata(folder_of(path)).map_err(failed)?;
            Destination::File { temporary: OnceLock::new(), existing, protected: protected.clone() }
        };
        Ok(Self { path: path.to_owned(), destination })
    }

    /// Begins a file at `path`; `-` is standard output.
    pub fn create_or_stdout(
        path: &Path,
        existing: Existing,
        protected: &Protected,
    ) -> Result<Self, OutputError> {
        if path == Path::new(STREAM) {
            return Ok(Self { path: path.to_owned(), destination: Destination::StandardOutput });
        }
        Self::create(path, existing, protected)
    }

    /// Returns a writer to the file.
    pub fn writer(&self) -> Result<Box<dyn Write + Send>, OutputError> {
        let file = match &self.destination {
            Destination::StandardOutput => return Ok(Box::new(io::stdout())),
            Destination::Null(file) => file.try_clone(),
            Destination::File { temporary, .. } => {
                open_temporary(temporary, &self.path)?.as_file().try_clone()
            }
        };
        Ok(Box::new(file.map_err(|error| OutputError::io(&self.path, error))?))
    }

    /// Writes the whole text and finishes the file.
    pub fn write_all(self, text: &[u8]) -> Result<(), OutputError> {
        self.writer()?.write_all(text).map_err(|error| OutputError::io(&self.path, error))?;
        self.finish()
    }

    /// Gives the file its name. Writers must have been flushed.
    pub fn finish(self) -> Result<(), OutputError> {
        let failed = |error| OutputError::io(&self.path, error);
        match self.destination {
            Destination::StandardOutput => io::stdout().flush().map_err(failed),
            Destination::Null(_) => Ok(()),
            Destination::File { temporary, existing, protected } => {
                open_temporary(&temporary, &self.path)?;
                let Some(temporary) = temporary.into_inner() else { return Ok(()) };
                if existing == Existing::Replace {
                    // The old content is gone with the rename, so the new one must be on disk.
                    temporary.as_file().sync_all().map_err(failed)?;
                }
                publish(temporary.into_temp_path(), &self.path, existing, &protected)
            }
        }
    }
}

/// Returns the temporary file of the file at `path`, which the first caller creates.
fn open_temporary<'a>(
    temporary: &'a OnceLock<NamedTempFile>,
    path: &Path,
) -> Result<&'a NamedTempFile, OutputError> {
    if let Some(file) = temporary.get() {
        return Ok(file);
    }
    let file = tempfile::Builder::new().prefix(".simdeck-").tempfile_in(folder_of(path));
    let file = file.map_err(|error| OutputError::io(path, error))?;
    Ok(temporary.get_or_init(|| file))
}

/// A store being written by `SQLite` in a temporary folder beside its final place.
#[derive(Debug)]
pub struct OutputStore {
    folder: TempDir,
    path: PathBuf,
    existing: Existing,
    protected: Protected,
}

impl OutputStore {
    /// Begins a store that will be at `path`.
    pub fn create(path: &Path, existing: Existing, protected: &Protected) -> Result<Self, OutputError> {
        if path == Path::new(STREAM) || path == Path::new("/dev/null") {
            return Err(OutputError::NotPlain(path.to_owned()));
        }
        check(path, existing, protected)?;
        check_side_files(path)?;
        let folder = tempfile::Builder::new().prefix(".simdeck-").tempdir_in(folder_of(path));
        let folder = folder.map_err(|error| OutputError::io(path, error))?;
        Ok(Self { folder, path: path.to_owned(), existing, protected: protected.clone() })
    }

    /// Returns the path to write the store at.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("new.db")
    }

    /// Gives the store its name. It must be closed: a closed store is one file.
    pub fn finish(self) -> Result<(), OutputError> {
        check_side_files(&self.path)?;
        let temporary = TempPath::try_from_path(self.path());
        let temporary = temporary.map_err(|error| OutputError::io(&self.path, error))?;
        publish(temporary, &self.path, self.existing, &self.protected)
    }
}

/// Opens a file of the program's own state for writing from the start, with mode 0600. Refuses
/// links.
pub fn open_state_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    refuse_links(&mut options);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

/// The log of the screen.
pub fn log_file() -> PathBuf {
    crate::folders::state_dir().join("simdeck.log")
}

/// Makes opening fail for a symbolic link, and not wait for the other end of a pipe.
#[cfg(unix)]
pub fn refuse_links(options: &mut OpenOptions) {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
}

/// Does nothing where links are rare.
#[cfg(not(unix))]
pub fn refuse_links(_: &mut OpenOptions) {}

/// Returns the path with a leading `~` replaced by the home folder. `~name` stays as it is.
pub fn expand_home(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    let (Ok(rest), Some(dirs)) = (path.strip_prefix("~"), directories::BaseDirs::new()) else {
        return path.to_owned();
    };
    if rest.as_os_str().is_empty() { dirs.home_dir().to_owned() } else { dirs.home_dir().join(rest) }
}

/// Parses a path argument and expands `~`, which shells leave in `--option=~/file`.
pub fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(expand_home)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, existing: Existing, protected: &Protected) -> Result<(), String> {
        let file = OutputFile::create(path, existing, protected).map_err(|e| e.to_string())?;
        file.write_all(b"new").map_err(|e| e.to_string())
    }

    #[test]
    #[cfg(unix)]
    fn files_are_new_private_and_replaced_only_on_request() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("folder");
        let (file, none) = (dir.path().join("a.csv"), Protected::default());
        write(&file, Existing::KeepUnlessForced, &none).expect("written");
        assert_eq!(file.metadata().expect("file").permissions().mode() & 0o777, 0o600);
        let refused = write(&file, Existing::KeepUnlessForced, &none).expect_err("exists");
        assert_eq!(refused, format!("{} exists; pass --force to replace it", file.display()));
        assert!(write(&file, Existing::Keep, &none).expect_err("exists").contains("choose another name"));
        std::fs::write(&file, "old").expect("old");
        write(&file, Existing::Replace, &none).expect("replaced");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "new");
        let begun = OutputFile::create(&dir.path().join("b.csv"), Existing::Keep, &none).expect("begun");
        assert_eq!(
            std::fs::read_dir(dir.path()).expect("folder").count(),
            1,
            "nothing before the first byte"
        );
        begun.writer().expect("writer").write_all(b"half").expect("written");
        assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 2);
        drop(begun);
        assert_eq!(
            std::fs::read_dir(dir.path()).expect("folder").count(),
            1,
            "nothing half written stays"
        );
        write(Path::new("/dev/null"), Existing::Keep, &none).expect("the null device");
        assert!(write(&dir.path().join("no/c.csv"), Existing::Keep, &none).is_err());
        assert!(
            write(dir.path(), Existing::Replace, &none).expect_err("folder").contains("not a plain file")
        );
        assert!(write(Path::new("/dev/zero"), Existing::Replace, &none).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn links_stores_and_inputs_are_refused_even_by_force() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().expect("folder");
        let at = |name: &str| dir.path().join(name);
        for name in ["s.db", "in.csv", "other.db", "other.db-wal", "plain"] {
            std::fs::write(at(name), "kept").expect("written");
        }
        symlink(at("plain"), at("link")).expect("link");
        symlink(at("nowhere"), at("dangling")).expect("link");
        symlink(at("s.db"), at("to-store")).expect("link");
        std::fs::hard_link(at("s.db"), at("hard.db")).expect("link");
        let protected = Protected::of_store(Some(at("s.db"))).with_inputs([at("in.csv")]);
        let dotted = dir.path().join(".").join("s.db-wal");
        for (path, why) in [
            (at("link"), "symbolic link"),
            (at("dangling"), "symbolic link"),
            (at("to-store"), "the store in use"),
            (at("hard.db"), "the store in use"),
            (at("s.db"), "the store in use"),
            (at("s.db-shm"), "the store in use"),
            (dotted, "the store in use"),
            (at("in.csv"), "the file being read"),
            (at("other.db"), "-wal file beside it"),
        ] {
            for existing in [Existing::Replace, Existing::KeepUnlessForced] {
                let refused = write(&path, existing, &protected).expect_err("refused");
                let early = existing != Existing::Replace && refused.contains("exists");
                assert!(refused.contains(why) || early, "{refused}");
            }
        }
        // The store that is named by a link is protected at its real place.
        let linked = Protected::of_store(Some(at("to-store")));
        assert!(
            write(&at("s.db-wal"), Existing::Replace, &linked).expect_err("store").contains("in use")
        );
        assert!(!at("nowhere").exists() && std::fs::read(at("s.db")).expect("store") == b"kept");
        assert!(open_state_file(&at("link")).is_err() && open_state_file(&at("dangling")).is_err());
        assert_eq!(std::fs::read(at("plain")).expect("kept"), b"kept");
    }

    #[test]
    fn a_leading_tilde_is_the_home_folder() {
        let home = directories::BaseDirs::new().expect("home").home_dir().to_owned();
        assert_eq!(expand_home("~/a/b.csv"), home.join("a/b.csv"));
        assert_eq!(expand_home("~"), home);
        for same in ["~ann/x", "/x/~/y", "x", "-", "a~"] {
            assert_eq!(expand_home(same), Path::new(same));
        }
    }
}
