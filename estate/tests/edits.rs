//! Edits of SIMs: labels, notes, lists, authentication and state; who may, what is refused, what
//! goes back.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{NOW, all, apply, plan, sim, undo};
use common::{estate, import, import_with};
use estate::{
    CancelToken, Capability, Change, Counts, Edit, Error, Estate, Filter, ImportOptions, ListEdit, Local,
    LogFilter, OnDuplicate, Query, Reason, Rev, Role, SimId, Status, Target, Verb, Warning,
};

const CSV: &[u8] = b"iccid,account,status,tags,notes,recipients,session\n\
8900101000000000011,A,active,red;blue,mind the dog,ops@a.example,yes\n\
8900101000000000012,A,inactive,,,,\n\
8900101000000000013,A,suspended,,,,\n\
8900101000000000014,B,active,blue,,,\n\
8900101000000000015,A,terminated,,,,\n\
8900101000000000016,A,unmanaged,,,,\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    let a = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    for role in Role::ALL {
        root.add_user(a, "Someone", &format!("{}@a.example", role.word()), role).expect("user");
    }
    (dir, root)
}

fn as_user(root: &Local, name: &str) -> Local {
    Local::open(root.path(), Some(&format!("{name}@a.example")), false).expect("session")
}

fn edit(local: &Local, text: &str, edit: Edit) -> Change {
    Change::Edit { target: all(local, text), edit: Box::new(edit) }
}

fn state(local: &Local, text: &str, verb: Verb) -> Change {
    edit(local, text, Edit::state(verb, "unpaid"))
}

fn count(local: &Local, text: &str) -> u64 {
    let filter = Filter::parse(text).expect(text);
    local
        .count(&Query { filter, ..Query::all(local.me().account, NOW) }, &CancelToken::new())
        .expect("count")
}

#[test]
fn fields_are_edited_planned_and_put_back() {
    let (_dir, root) = world();
    let change = edit(
        &root,
        "account=A",
        Edit {
            label: Some(" Pump 7 ".into()),
            notes: Some("two\nlines".into()),
            tags: ListEdit::parse("+green, -RED"),
            recipients: ListEdit::parse("noc@a.example"),
            ..Edit::default()
        },
    );
    let planned = plan(&root, &change);
    assert_eq!(
        (planned.total, planned.counts.done),
        (5, 5),
        "what is noted of a terminated SIM harms nobody"
    );
    assert_eq!(planned.warnings, [(Warning::NotesReplaced, 1)]);
    let receipt = apply(&root, &change.clone().with_confirmation(&planned)).expect("edited");
    let edited = sim(&root, 11);
    assert_eq!((edited.label.as_str(), edited.notes.as_str()), ("Pump 7", "two\nlines"));
    assert_eq!(edited.tags, ["blue", "green"]);
    assert_eq!(edited.recipients, ["ops@a.example", "noc@a.example"]);
    while root.run_maintenance_step().expect("indexed") {}
    assert_eq!((count(&root, "pump"), count(&root, "tag=green"), count(&root, "tag=red")), (5, 5, 0));
    assert_eq!(plan(&root, &change).counts, Counts { unchanged: 5, ..Counts::default() });
    let log =
        root.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!(
        log[0].summary,
        "set label: Pump 7, notes: two, tags: +green -RED, recipients: +noc@a.example of 5 SIMs"
    );
    apply(&root, &edit(&root, "iccid:*12", Edit { label: Some(String::new()), ..Edit::default() }))
        .expect("cleared");
    let undone = undo(&root, &receipt.id).expect("undone");
    assert_eq!((undone.counts.done, undone.counts.conflict), (4, 1));
    let back = sim(&root, 11);
    assert_eq!((back.label.as_str(), back.notes.as_str()), ("", "mind the dog"));
    assert_eq!(
        (back.tags, back.recipients),
        (vec!["red".into(), "blue".into()], vec!["ops@a.example".into()])
    );
    assert_eq!(count(&root, "pump"), 0);
    undo(&root, &undone.id).expect("done again");
    assert_eq!(sim(&root, 11).label, "Pump 7");
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn every_field_has_the_role_it_needs_and_strangers_do_not_exist() {
    let (_dir, root) = world();
    let fields: [(Edit, Role); 7] = [
        (Edit { label: Some("x".into()), ..Edit::default() }, Role::User),
        (Edit { notes: Some("x".into()), ..Edit::default() }, Role::User),
        (Edit { tags: ListEdit::parse("x"), ..Edit::default() }, Role::Admin),
        (Edit { categories: ListEdit::parse("x"), ..Edit::default() }, Role::Admin),
        (Edit { recipients: ListEdit::parse("x@a.example"), ..Edit::default() }, Role::Admin),
        (Edit { authentication: Some(false), ..Edit::default() }, Role::ViewOnly),
        (Edit::state(Verb::Suspend, ""), Role::Admin),
    ];
    for (wanted, least) in fields {
        for role in Role::ALL {
            let local = as_user(&root, role.word());
            let change = edit(&local, "status=active", wanted.clone());
            let allowed = local.plan(&change, &CancelToken::new());
            assert_eq!(allowed.is_ok(), role >= least, "{role:?} {wanted:?} {allowed:?}");
            if role < least {
                assert!(matches!(apply(&local, &change), Err(Error::Denied { .. })));
            }
            let aimed = |id: SimId| {
                let target = Target { at: 1, ..Target::ids([id]) };
                local.plan(&Change::Edit { target, edit: Box::new(wanted.clone()) }, &CancelToken::new())
            };
            assert_eq!(aimed(sim(&root, 14).id), aimed(SimId(999_999)), "as if it were not there");
        }
    }
    // One change that needs two permissions needs both.
    let user = as_user(&root, "user");
    let both = Edit { notes: Some("x".into()), tags: ListEdit::parse("x"), ..Edit::default() };
    let denied = apply(&user, &edit(&user, "", both));
    assert!(matches!(denied, Err(Error::Denied { need: Capability::ManageTags, .. })), "{denied:?}");
    // And so does undoing it.
    let receipt = apply(&root, &edit(&root, "", Edit { tags: ListEdit::parse("x"), ..Edit::default() }))
        .expect("set");
    assert!(undo(&user, &receipt.id).is_err());
}

#[test]
fn states_change_as_they_can_and_say_who_asked() {
    let (_dir, root) = world();
    let change = state(&root, "", Verb::Activate);
    let planned = plan(&root, &change);
    assert_eq!((planned.counts.done, planned.counts.unchanged, planned.counts.refused), (1, 3, 2));
    let activated = apply(&root, &change).expect("activated");
    assert_eq!(
        (sim(&root, 12).status, sim(&root, 12).desired),
        (Status::ActivationPending, Some(Verb::Activate))
    );
    assert_eq!((count(&root, "pending=yes"), count(&root, "pending=no")), (1, 5));
    let suspend = state(&root, "", Verb::Suspend);
    let planned = plan(&root, &suspend);
    assert!(planned.warnings.contains(&(Warning::InSession, 1)), "{planned:?}");
    apply(&root, &suspend).expect("suspended");
    assert_eq!((sim(&root, 11).status, sim(&root, 14).status), (Status::Suspended, Status::Suspended));
    let stated =
        root.last_state_change(sim(&root, 11).id, &CancelToken::new()).expect("read").expect("known");
    assert_eq!((stated.by.as_str(), stated.why.as_str()), ("Root Admin <root@x.example>", "unpaid"));
    assert_eq!(
        root.last_state_change(sim(&root, 13).id, &CancelToken::new()),
        Ok(None),
        "an import stated it"
    );
    apply(&root, &state(&root, "iccid:*14", Verb::Resume)).expect("resumed");
    assert_eq!(sim(&root, 14).status, Status::Active);
    // The network reports what is; what was asked for stays known beside it.
    let options = ImportOptions { on_duplicate: OnDuplicate::Update, ..ImportOptions::default() };
    import_with(
        &root,
        b"iccid,status\n8900101000000000011,active\n8900101000000000012,active\n",
        &options,
    )
    .expect("reported");
    assert_eq!((sim(&root, 11).status, sim(&root, 11).desired), (Status::Active, Some(Verb::Suspend)));
    assert_eq!(sim(&root, 12).desired, Some(Verb::Suspend));
    assert!(undo(&root, &activated.id).is_err(), "something came after it");
    let inactive =
        import_with(&root, b"iccid,account,status\n8900101000000000031,A,inactive\n", &options);
    inactive.expect("imported");
    assert_eq!(plan(&root, &state(&root, "iccid:*31", Verb::Suspend)).reasons, [(Reason::NotInUse, 1)]);
}

#[test]
fn termination_is_final_and_says_so() {
    let (_dir, root) = world();
    let change = state(&root, "account=A", Verb::Terminate);
    let planned = plan(&root, &change);
    assert!(planned.warnings.contains(&(Warning::Irreversible, 3)) && planned.is_typed(), "{planned:?}");
    let receipt = apply(&root, &change).expect("terminated");
    assert_eq!((receipt.counts.done, receipt.counts.unchanged, receipt.counts.refused), (3, 1, 1));
    assert!(matches!(undo(&root, &receipt.id), Err(Error::Conflict(_))));
    let log =
        root.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!((log[0].undoable, log[0].kind.as_str()), (false, "terminate"));
    assert_eq!(log[0].summary, "terminated 3 SIMs, because unpaid");
    let off = edit(&root, "account=A", Edit { authentication: Some(false), ..Edit::default() });
    assert_eq!(plan(&root, &off).reasons, [(Reason::Terminated, 4), (Reason::Unmanaged, 1)]);
    apply(&root, &edit(&root, "account=B", Edit { authentication: Some(false), ..Edit::default() }))
        .expect("off");
    assert_eq!((sim(&root, 14).authentication, count(&root, "auth=no")), (false, 1));
}

#[test]
fn what_an_account_above_suspended_is_not_resumed_below() {
    let (_dir, root) = world();
    let suspended = apply(&root, &state(&root, "iccid:*11", Verb::Suspend)).expect("suspended");
    let admin = as_user(&root, "admin");
    assert_eq!(plan(&admin, &state(&admin, "iccid:*11", Verb::Resume)).reasons, [(Reason::HeldAbove, 1)]);
    let undoing = Change::Undo { change: suspended.id.clone() };
    assert_eq!(plan(&admin, &undoing).reasons, [(Reason::HeldAbove, 1)], "nor by undoing it");
    assert!(apply(&admin, &undoing).is_err());
    let stated =
        admin.last_state_change(sim(&root, 11).id, &CancelToken::new()).expect("read").expect("known");
    assert_eq!(stated.by, "someone outside your account", "whose names are not theirs to know");
    let told =
        admin.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!(told[0].by, "someone outside your account");
    let by = LogFilter { by: Some("Root Admin".into()), limit: 9, ..LogFilter::default() };
    assert_eq!(admin.entries(&by, &CancelToken::new()).expect("log").len(), 0, "and not to find either");
    assert_eq!(
        plan(&admin, &state(&admin, "iccid:*13", Verb::Resume)).counts.done,
        1,
        "what an import stated is"
    );
    undo(&root, &suspended.id).expect("undone by who may");
    assert_eq!(sim(&root, 11).status, Status::Active);
    // Their own suspension they lift themselves, and so does the account above.
    apply(&admin, &state(&admin, "iccid:*11", Verb::Suspend)).expect("suspended");
    apply(&root, &state(&root, "iccid:*11", Verb::Resume)).expect("resumed");
    assert_eq!(sim(&root, 11).status, Status::Active);
}

#[test]
fn only_accounts_above_hold_a_suspension_and_a_neighbours_reason_stays_with_them() {
    let (_dir, root) = world();
    let b = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/B").expect("B");
    root.add_user(b, "Neighbour", "admin@b.example", Role::Admin).expect("user");
    let neighbour = Local::open(root.path(), Some("admin@b.example"), false).expect("session");
    apply(&neighbour, &state(&neighbour, "iccid:*14", Verb::Suspend)).expect("suspended");
    let a = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    let target = Target::ids([sim(&root, 14).id]);
    apply(&root, &Change::Move { target, to: a, clear: estate::MoveOptions::default() }).expect("moved");
    let admin = as_user(&root, "admin");
    let stated =
        admin.last_state_change(sim(&root, 14).id, &CancelToken::new()).expect("read").expect("known");
    assert_eq!((stated.by.as_str(), stated.why.as_str()), ("someone outside your account", ""));
    let resumed =
        apply(&admin, &state(&admin, "iccid:*14", Verb::Resume)).expect("a neighbour holds nothing");
    assert_eq!(resumed.counts.done, 1);
}

#[test]
fn a_session_that_only_reads_is_told_so_whatever_the_edit() {
    let (_dir, root) = world();
    let reader = Local::open(root.path(), Some("root@x.example"), true).expect("session");
    for wanted in [Edit::default(), Edit::state(Verb::Suspend, "")] {
        assert_eq!(apply(&reader, &edit(&reader, "", wanted)), Err(Error::ReadOnly));
    }
}

#[test]
fn who_suspended_a_sim_stays_so_whatever_else_an_edit_below_changes() {
    let (_dir, root) = world();
    apply(&root, &state(&root, "iccid:*11", Verb::Suspend)).expect("suspended");
    let admin = as_user(&root, "admin");
    let both = Edit { label: Some("x".into()), ..Edit::state(Verb::Suspend, "mine") };
    apply(&admin, &edit(&admin, "iccid:*11", both)).expect("labelled");
    let resumed = apply(&admin, &state(&admin, "iccid:*11", Verb::Resume)).expect("tried");
    assert_eq!((resumed.counts.done, resumed.counts.refused), (0, 1));
    let stated =
        root.last_state_change(sim(&root, 11).id, &CancelToken::new()).expect("read").expect("stated");
    assert_eq!(stated.why, "unpaid");
    // What is taken off stands in the log: it holds nothing that could harm a terminal.
    let harm = Edit { tags: ListEdit::parse("-\u{1b}[31mred"), ..Edit::default() };
    assert!(matches!(
        apply(&root, &edit(&root, "iccid:*11", harm)),
        Err(Error::Invalid { field: "list", .. })
    ));
}

#[test]
fn a_change_that_is_to_be_whole_is_not_made_where_one_sim_is_left_out() {
    let (_dir, root) = world();
    let whole = |text| {
        let mut change = edit(&root, text, Edit { authentication: Some(false), ..Edit::default() });
        change.target_mut().expect("SIMs").whole = true;
        change
    };
    let refused = Err(Error::Conflict("2 of 5 SIMs cannot be changed".into()));
    assert_eq!(root.plan(&whole("account=A"), &CancelToken::new()).map(drop), refused);
    assert_eq!(apply(&root, &whole("account=A")).map(drop), refused);
    assert!(sim(&root, 11).authentication, "nothing was changed");
    assert_eq!(apply(&root, &whole("account=B")).expect("made").counts.done, 1);
}

#[test]
fn whoever_made_a_change_hears_what_became_of_each_sim_and_of_no_other_change() {
    let (_dir, root) = world();
    let user = as_user(&root, "user");
    let label = |local: &Local, text| {
        apply(local, &edit(local, text, Edit { label: Some("x".into()), ..Edit::default() }))
            .expect("made")
    };
    let (own, other) = (label(&user, "account=A"), label(&root, "account=A"));
    let items = |rev| user.change_items(rev, None, None, 9, &CancelToken::new());
    assert_eq!(items(own.rev).expect("own").len(), 5);
    let denied = Err(Error::Denied { role: Role::User, need: Capability::EstateHistory });
    assert_eq!((items(other.rev), items(Rev::MAX)), (denied.clone(), denied));
}

#[test]
fn what_did_nothing_is_not_to_be_undone_and_that_is_said_beforehand() {
    let (_dir, root) = world();
    let off = edit(&root, "status=terminated", Edit { authentication: Some(false), ..Edit::default() });
    let receipt = apply(&root, &off).expect("tried");
    assert_eq!((receipt.counts.refused, receipt.undoable), (1, false));
    let log =
        root.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert!(!log[0].undoable);
    // What nothing is left of is planned as that; what is not theirs is refused by the plan as by
    // the change.
    let red = edit(&root, "account=B", Edit { label: Some("x".into()), ..Edit::default() });
    let receipt = apply(&root, &red).expect("made");
    apply(&root, &edit(&root, "account=B", Edit { label: Some("y".into()), ..Edit::default() }))
        .expect("made");
    let change = Change::Undo { change: receipt.id };
    assert_eq!(plan(&root, &change).counts, Counts { conflict: 1, ..Counts::default() });
    assert!(matches!(apply(&root, &change), Err(Error::Conflict(_))));
    let to = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    let come =
        Change::Move { target: all(&root, "account=B"), to, clear: estate::MoveOptions::default() };
    let change = Change::Undo { change: apply(&root, &come).expect("moved").id };
    let admin = as_user(&root, "admin");
    let refused = Error::Conflict("nothing of it is yours to put back".into());
    assert_eq!(admin.plan(&change, &CancelToken::new()).map(drop), Err(refused.clone()));
    assert_eq!(apply(&admin, &change), Err(refused));
}

#[test]
fn what_a_change_asks_the_store_to_look_for_stays_within_bounds() {
    let (_dir, root) = world();
    let off = Edit { authentication: Some(false), ..Edit::default() };
    let tags = |n: usize| (0..n).map(|n| format!("tag=t{n}")).collect::<Vec<_>>().join(" or ");
    assert!(apply(&root, &edit(&root, &format!("{} or tag=blue", tags(150)), off.clone())).is_ok());
    let refused =
        |change: &Change| matches!(apply(&root, change), Err(Error::Invalid { field: "filter", .. }));
    assert!(refused(&edit(&root, &tags(300), off.clone())));
    // Nor together, where each is within them.
    let mut many = edit(&root, "label:a", off);
    let target = many.target_mut().expect("SIMs");
    target.any = vec![target.any[0].clone(); 300];
    assert!(refused(&many));
}
