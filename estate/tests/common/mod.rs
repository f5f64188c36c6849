//! What the estate's tests share.

use std::ops::ControlFlow;

use estate::{Change, ChangeId, Estate, ImportOptions, ImportSummary, Local, NewEstate, Note, Result};

/// An empty estate with the root account `Root`.
pub fn estate() -> (tempfile::TempDir, Local) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let new =
        NewEstate { account: "Root".into(), email: "root@x.example".into(), name: "Root Admin".into() };
    let local = Local::create(&dir.path().join("estate.db"), &new).expect("new estate");
    (dir, local)
}

/// Imports a file, gives the report.
pub fn import_with(
    local: &Local,
    file: &[u8],
    options: &ImportOptions,
) -> Result<(ImportSummary, Vec<Note>)> {
    let mut notes = Vec::new();
    let go = |_| ControlFlow::Continue(());
    let (staging, tally) = local.stage(Box::new(file), options, &mut |n| notes.push(n), &go)?;
    local.apply(&ChangeId::new(), &Change::Import { staging }, &go)?;
    Ok((tally, notes))
}

/// Imports a file that must come in.
pub fn import(local: &Local, file: &[u8]) -> (ImportSummary, Vec<Note>) {
    import_with(local, file, &ImportOptions::default()).expect("import")
}
