//! What the tests of the binary share: a store of their own, and the program run on it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt as _;

/// The folder of the sample files.
pub const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// A folder, a store in it, and the program that works on it.
pub struct World {
    pub dir: tempfile::TempDir,
}

impl World {
    /// A folder with nothing in it.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("folder") }
    }

    /// A store with the sample estate.
    pub fn sample() -> Self {
        let world = Self::empty();
        world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
        world.ok(&["import", &format!("{DATA}/estate-2k/sims.csv")]);
        world
    }

    /// The program, with nothing of this machine around it.
    pub fn command(&self) -> Command {
        let mut command = Command::cargo_bin("simdeck").expect("binary");
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .arg("--store")
            .arg(self.path("estate.db"))
            .stdin(Stdio::null());
        command
    }

    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().expect("runs")
    }

    /// Runs it, and it ends well; gives standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.ends(args, 0).0
    }

    /// Runs it, checks the exit code, gives standard output and error.
    #[track_caller]
    pub fn ends(&self, args: &[&str], code: i32) -> (String, String) {
        let output = self.run(args);
        let out = String::from_utf8(output.stdout).expect("UTF-8");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    /// How many SIMs fit a filter.
    pub fn count(&self, filter: &str) -> u64 {
        self.ok(&["sims", filter, "--count"]).trim().parse().expect("a number")
    }

    /// A file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
