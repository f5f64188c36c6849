//! Natural order of labels: in pages, exports and stores of earlier versions.

#[path = "common/changes.rs"]
mod changes;
mod common;
#[path = "common/old.rs"]
mod old;

use changes::{NOW, all, apply, plan, sim, undo};
use common::{estate, import};
use estate::{CancelToken, Change, Edit, Estate, Local, Order, Query, Seek, text};

const CSV: &str = "iccid,label\n8900101000000000011,Depot 10\n8900101000000000012,Dépôt 9\n\
8900101000000000013,depot 2\n8900101000000000014,Depot 002\n8900101000000000015,\n8900101000000000016,a2b1\n\
8900101000000000017,a1b10\n";

/// The labels in pages of three, sorted by `sort`.
fn labels(local: &Local, sort: &str) -> Vec<String> {
    let query = Query { sort: Order::parse(sort).expect("order"), ..Query::all(local.me().account, NOW) };
    let (mut labels, mut seek) = (Vec::new(), Seek::First);
    loop {
        let page = local.page(&query, &seek, 3, &CancelToken::new()).expect("page");
        labels.extend(page.rows.iter().map(|row| row.sim.label.clone()));
        match page.rows.last() {
            Some(last) if page.after => seek = Seek::After(last.key.clone()),
            _ => return labels,
        }
    }
}

const ORDER: [&str; 7] = ["", "a1b10", "a2b1", "depot 2", "Depot 002", "Dépôt 9", "Depot 10"];

#[test]
fn labels_are_sorted_by_the_numbers_in_them() {
    let (_dir, local) = estate();
    import(&local, CSV.as_bytes());
    assert_eq!(labels(&local, "label"), ORDER);
    let mut reversed = ORDER;
    reversed.reverse();
    assert_eq!(labels(&local, "label:desc"), reversed);
    let relabel = Edit { label: Some("Depot 3".into()), ..Edit::default() };
    let relabel = Change::Edit { target: all(&local, "label=\"depot 10\""), edit: Box::new(relabel) };
    assert_eq!(plan(&local, &relabel).counts.done, 1);
    let made = apply(&local, &relabel).expect("edited");
    assert_eq!(labels(&local, "label")[4..], ["Depot 002", "Depot 3", "Dépôt 9"]);
    undo(&local, &made.id).expect("undone");
    assert_eq!(labels(&local, "label"), ORDER);
    import(&local, CSV.replace("a2b1", "a0b1").as_bytes());
    assert_eq!(labels(&local, "label")[1..3], ["a1b10", "a2b1"], "a refused row changes nothing");
}

#[test]
fn an_older_store_is_sorted_anew_and_its_edits_can_be_undone() {
    let (dir, local) = estate();
    import(&local, CSV.as_bytes());
    let relabel = Edit { label: Some("Depot 3".into()), ..Edit::default() };
    let relabel = Change::Edit { target: all(&local, "iccid:*011"), edit: Box::new(relabel) };
    let made = apply(&local, &relabel).expect("edited");
    let path = dir.path().join("old.db");
    old::write_first_version(&local, &path);
    let store = Local::open(&path, Some("root@x.example"), false).expect("migrated");
    assert_eq!(labels(&store, "label")[4..], ["Depot 002", "Depot 3", "Dépôt 9"]);
    undo(&store, &made.id).expect("undone");
    assert_eq!(
        (labels(&store, "label").as_slice(), sim(&store, 11).label.as_str()),
        (&ORDER.map(String::from)[..], "Depot 10")
    );
    assert_eq!(store.check().expect("check"), Vec::<String>::new());
}

#[test]
fn an_exact_label_is_found_by_its_sort_key() {
    let (_dir, local) = estate();
    import(&local, CSV.as_bytes());
    for (filter, wanted) in
        [("label=\"DEPOT 9\"", 1), ("label=\"depot 02\"", 0), ("label=\"\"", 1), ("label=a1b10,a2b1", 2)]
    {
        let found = local.count(&all(&local, filter).any[0], &CancelToken::new()).expect("count");
        assert_eq!(found, wanted, "{filter}");
    }
    assert!(text::natural_key("depot 2") < text::natural_key("Depot 10"));
}
