//! Small file systems, for tests of full and read-only disks.

use std::path::Path;
use std::process::Command;

/// Mounts a file system of `size` at a folder. Returns false, with a note, where this user may not mount; where
/// `SIMDECK_MOUNT_TESTS` is set, as in the gate, that is a failure.
pub fn mount_small(at: &Path, size: &str) -> bool {
    let options = format!("size={size}");
    let arguments = ["-t", "tmpfs", "-o", &options, "tmpfs"];
    let output = Command::new("mount").args(arguments).arg(at).output().expect("mount");
    let is_mounted = output.status.success();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(is_mounted || std::env::var_os("SIMDECK_MOUNT_TESTS").is_none(), "{why}");
    if !is_mounted {
        eprintln!("SKIPPED: tests of full and read-only disks need a user who may mount: {why}");
    }
    is_mounted
}
