//! One table of limits: imports and edits accept and refuse the same lengths.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{all, apply, plan, undo};
use common::{estate, import};
use estate::{CancelToken, Change, Edit, Estate, ImportOptions, ListEdit, Local, limits};
use proptest::prelude::*;

const ICCID: &str = "8900101000000000011";

/// True when an import brings in another SIM with that value.
fn imports(local: &Local, column: &str, value: &str) -> bool {
    let sims = local.count(&all(local, "").any[0], &CancelToken::new()).expect("count");
    import(
        local,
        format!("iccid,{column}\n{},\"{value}\"\n", 8_900_101_000_000_000_020 + sims).as_bytes(),
    )
    .0
    .added
        == 1
}

/// True when an edit of a SIM takes it.
fn edits(local: &Local, edit: &Edit) -> bool {
    apply(local, &Change::Edit { target: all(local, "iccid:*011"), edit: Box::new(edit.clone()) }).is_ok()
}

fn label(text: &str) -> Edit {
    Edit { label: Some(text.into()), ..Edit::default() }
}

fn notes(text: &str) -> Edit {
    Edit { notes: Some(text.into()), ..Edit::default() }
}

fn tags(text: &str) -> Edit {
    Edit { tags: ListEdit::exactly(vec![text.into()]), ..Edit::default() }
}

fn categories(text: &str) -> Edit {
    Edit { categories: ListEdit::exactly(vec![text.into()]), ..Edit::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn imports_and_edits_accept_the_same_lengths(over in -2i64..=2, letter in prop::sample::select(vec!["x", "ü", "物", "🚚"])) {
        let (_dir, local) = estate();
        import(&local, format!("iccid\n{ICCID}\n").as_bytes());
        let text = |limit: usize| letter.repeat(limit.saturating_add_signed(over as isize));
        let wanted = over <= 0;
        for (column, limit, edit) in [
            ("label", limits::LABEL, label as fn(&str) -> Edit),
            ("notes", limits::NOTES, notes),
            ("tags", limits::TAG, tags),
            ("categories", limits::TAG, categories),
        ] {
            prop_assert_eq!(imports(&local, column, &text(limit)), wanted, "import of {}", column);
            prop_assert_eq!(edits(&local, &edit(&text(limit))), wanted, "edit of {}", column);
        }
        let name = text(limits::NAME);
        let added = Change::AddAccount { parent: local.me().account, name: name.clone() };
        let added = local.plan(&added, &CancelToken::new()).is_ok();
        prop_assert_eq!(imports(&local, "account", &name), wanted);
        prop_assert_eq!(added, wanted);
    }
}

/// Adds accounts below one another by hand, at most `most`; the number of levels that were made.
fn add_levels(local: &Local, most: usize) -> usize {
    let mut parent = local.me().account;
    for level in 1..=most {
        match apply(local, &Change::AddAccount { parent, name: format!("L{level}") }) {
            Ok(made) => parent = made.account.expect("made"),
            Err(_) => return level - 1,
        }
    }
    most
}

fn path(levels: std::ops::RangeInclusive<usize>) -> String {
    levels.map(|level| format!("L{level}")).collect::<Vec<_>>().join(" / ")
}

#[test]
fn accounts_are_as_deep_by_import_as_by_hand() {
    let deepest = limits::ACCOUNT_DEPTH;
    let (_dir, local) = estate();
    assert_eq!(add_levels(&local, deepest + 1), deepest);
    for (depth, wanted) in [(deepest - 1, true), (deepest, true), (deepest + 1, false)] {
        for top in ["", "Root / "] {
            let (_dir, local) = estate();
            let file = format!("iccid,account\n{ICCID},{top}{}\n", path(1..=depth));
            let (tally, notes) = import(&local, file.as_bytes());
            assert_eq!(tally.added == 1, wanted, "{top}{depth} by import: {notes:?}");
        }
    }
}

#[test]
fn depth_counts_from_the_root_wherever_the_file_goes() {
    let (_dir, root) = estate();
    let last_but_one = limits::ACCOUNT_DEPTH - 1;
    import(&root, format!("iccid,account\n{ICCID},{}\n", path(1..=last_but_one)).as_bytes());
    let under = root
        .accounts(&CancelToken::new())
        .expect("accounts")
        .find(&format!("L{last_but_one}"))
        .expect("L63");
    let options = ImportOptions { under: Some(under), ..ImportOptions::default() };
    let file = "iccid,account\n8900101000000000012,A\n8900101000000000013,A / B\n";
    let (tally, notes) = common::import_with(&root, file.as_bytes(), &options).expect("import");
    assert_eq!((tally.added, tally.refused), (1, 1));
    let refused = notes.iter().find(|note| note.refused).expect("refused");
    assert_eq!((refused.line, refused.reason.as_str()), (3, "accounts are at most 64 levels deep"));
}

#[test]
fn notes_of_the_largest_size_are_put_back_by_undo() {
    let (_dir, local) = estate();
    let long = "x".repeat(limits::NOTES);
    import(&local, format!("iccid,notes\n{ICCID},{long}\n").as_bytes());
    let edit = Change::Edit { target: all(&local, ""), edit: Box::new(notes("short")) };
    assert_eq!(plan(&local, &edit).counts.done, 1);
    let made = apply(&local, &edit).expect("edited");
    undo(&local, &made.id).expect("undone");
    assert_eq!(changes::sim(&local, 11).notes, long);
}
