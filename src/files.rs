//! Files we write for people: new, and readable by their owner only.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use estate::{Error, Result};

/// Opens `path` for writing from the start, readable by its owner only.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// A file that gets its name only once it is whole, never overwrites another, and is its owner's alone.
pub struct NewFile {
    temporary: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins one at `path`, which must not exist.
    pub fn at(path: &Path) -> Result<Self> {
        if path.exists() {
            return Err(Error::Exists(path.to_owned()));
        }
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".simdeck-").tempfile_in(folder);
        let temporary = temporary.map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// What is written to.
    pub fn file(&self) -> Result<File> {
        self.temporary.reopen().map_err(|e| Error::io(format!("cannot write {}", self.path.display()), e))
    }

    /// Gives it its name.
    pub fn done(self) -> Result<()> {
        let path = self.path;
        let kept = self.temporary.persist_noclobber(&path);
        kept.map(|_| ()).map_err(|e| Error::io(format!("cannot write {}", path.display()), e.error))
    }
}
