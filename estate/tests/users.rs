//! Users: invited, signed in, changed, kept out, removed; and looked through by somebody else.

#[path = "common/changes.rs"]
mod changes;
mod common;

use Warning::{LevelsOff, OtherHelp, OtherPeriod, Visibility};
use changes::{NOW, all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    AccountId, CancelToken, Capability, Change, ChangeId, Error, Estate, Local, LogFilter, Role, Roles,
    User, UserChange, UserState, Warning,
};

const CSV: &[u8] = b"iccid,account,status\n8900101000000000011,A,active\n8900101000000000014,B,active\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    (dir, root)
}

fn account(local: &Local, path: &str) -> AccountId {
    local.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
}

fn invite(local: &Local, path: &str, email: &str, role: Role) -> Result<estate::Receipt, Error> {
    let (name, email) = ("Some One".to_owned(), email.to_owned());
    apply(local, &Change::AddUser { account: account(local, path), name, email, role })
}

fn user(local: &Local, email: &str) -> User {
    let users = local.users(None, &CancelToken::new()).expect("users");
    users.into_iter().find(|u| u.email == email).expect(email)
}

fn change(local: &Local, email: &str, to: UserChange) -> Result<estate::Receipt, Error> {
    apply(local, &Change::ChangeUser { user: user(local, email).id, to })
}

fn open(root: &Local, email: &str) -> Result<Local, Error> {
    Local::open(root.path(), Some(email), false)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Conflict(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_invited_accepts_by_signing_in_and_only_then_is_the_address_compared() {
    let (_dir, root) = world();
    invite(&root, "/Root/A", "ann@x.example", Role::Admin).expect("invited");
    assert_eq!(user(&root, "ann@x.example").state, UserState::Invited);
    assert!(matches!(Local::open(root.path(), Some("ann@x.example"), true), Err(Error::ReadOnly)));
    // Another customer invites the same address: whoever invites is told nothing of it.
    invite(&root, "/Root/B", "ANN@x.example", Role::User).expect("invited too");
    assert!(refused(invite(&root, "/Root/B", "ann@X.example", Role::User)).contains("already"));
    // Which invitation is meant is asked for: nobody takes one away by another.
    assert!(matches!(open(&root, " Ann@x.example ").map(drop), Err(Error::AccountNeeded(_))));
    let ann = Local::open_in(root.path(), Some(" Ann@x.example "), Some("A"), false).expect("accepted");
    assert_eq!((ann.me().state, ann.me().role), (UserState::Active, Role::Admin));
    assert!(open(&root, "ánn@x.example").is_err(), "another address");
    assert!(matches!(open(&root, "ann@x.example").map(drop), Err(Error::AccountNeeded(_))));
    let entries =
        root.entries(&LogFilter { limit: 3, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert!(entries[0].summary.contains("accepted the invitation"), "{entries:?}");
    assert!(!entries[0].undoable);
}

#[test]
fn nobody_changes_themselves_and_the_last_admin_stays() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::Admin).expect("user");
    root.add_user(account(&root, "/Root/A"), "Bob", "bob@x.example", Role::User).expect("user");
    let ann = open(&root, "ann@x.example").expect("session");
    for to in [UserChange::Role(Role::User), UserChange::Disable, UserChange::Remove] {
        assert!(refused(change(&ann, "ann@x.example", to)).contains("nobody changes their own"));
        assert!(refused(change(&root, "ann@x.example", to)).contains("last active Admin"), "{to:?}");
    }
    // Someone who has not accepted yet is no Admin who could take over.
    invite(&root, "/Root/A", "cid@x.example", Role::Admin).expect("invited");
    assert!(refused(change(&root, "ann@x.example", UserChange::Disable)).contains("last active Admin"));
    open(&root, "cid@x.example").expect("accepted");
    change(&root, "ann@x.example", UserChange::Disable).expect("another is there");
    // Alone in the account, the last one can go.
    change(&root, "ann@x.example", UserChange::Remove).expect("removed");
    change(&root, "bob@x.example", UserChange::Remove).expect("removed");
    change(&root, "cid@x.example", UserChange::Remove).expect("the last user of all");
}

#[test]
fn who_is_kept_out_or_changed_is_signed_out_at_once() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::Admin).expect("user");
    root.add_user(account(&root, "/Root/A"), "Bob", "bob@x.example", Role::Admin).expect("user");
    let bob = open(&root, "bob@x.example").expect("session");
    let lowered = change(&root, "bob@x.example", UserChange::Role(Role::ViewOnly)).expect("lowered");
    assert_eq!(bob.count(&all(&bob, "").any[0], &CancelToken::new()), Err(Error::SignedOut));
    let add = Change::AddAccount { parent: bob.me().account, name: "X".into() };
    assert_eq!(apply(&bob, &add), Err(Error::SignedOut));
    undo(&root, &lowered.id).expect("put back");
    assert_eq!(user(&root, "bob@x.example").role, Role::Admin);
    let out = change(&root, "bob@x.example", UserChange::Disable).expect("kept out");
    assert!(matches!(open(&root, "bob@x.example"), Err(Error::NotFound { .. })));
    assert!(refused(change(&root, "bob@x.example", UserChange::Disable)).contains("already"));
    undo(&root, &out.id).expect("let in");
    open(&root, "bob@x.example").expect("signs in");
    // An undo of what has been changed again since lets nobody in.
    change(&root, "bob@x.example", UserChange::Disable).expect("kept out again");
    let old = Change::Undo { change: out.id };
    assert!(root.plan(&old, &CancelToken::new()).is_err() && apply(&root, &old).is_err());
    assert!(open(&root, "bob@x.example").is_err());
}

#[test]
fn who_is_removed_stays_in_the_log_and_leaves_the_address_free() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::Admin).expect("user");
    let ann = open(&root, "ann@x.example").expect("session");
    let below = Change::AddAccount { parent: ann.me().account, name: "Below".into() };
    apply(&ann, &below).expect("added");
    change(&root, "ann@x.example", UserChange::Remove).expect("removed");
    assert!(
        root.users(None, &CancelToken::new()).expect("users").iter().all(|u| u.email != "ann@x.example")
    );
    let wanted = LogFilter { by: Some("ann@x".into()), limit: 9, ..LogFilter::default() };
    let entries = root.entries(&wanted, &CancelToken::new()).expect("log");
    assert_eq!(entries.len(), 1, "what they did is still theirs: {entries:?}");
    root.add_user(account(&root, "/Root/A"), "Ann again", "ann@x.example", Role::Admin).expect("free");
    // An account whose only users were removed is empty, and goes.
    apply(&root, &Change::DeleteAccount { account: account(&root, "/Root/A/Below") }).expect("deleted");
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn profiles_are_ones_own() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::ViewOnly).expect("user");
    root.add_user(account(&root, "/Root/B"), "Bob", "bob@x.example", Role::ViewOnly).expect("user");
    let ann = open(&root, "ann@x.example").expect("session");
    let edit = |email: &str| Change::EditProfile { name: "Ann B".into(), email: email.into() };
    // Whether an address is somebody's is not to be found out: the answer is the same, and Bob
    // stays Bob.
    apply(&ann, &edit("BOB@x.example")).expect("noted");
    assert_eq!(open(&root, "bob@x.example").expect("session").me().name, "Bob");
    apply(&ann, &edit("ann.b@x.example")).expect("noted");
    assert_eq!(
        user(&root, "ann@x.example").name,
        "Ann B",
        "until they sign in by the other, this is theirs"
    );
    assert!(matches!(Local::open(root.path(), Some("ann.b@x.example"), true), Err(Error::ReadOnly)));
    assert_eq!(open(&root, "ann.b@x.example").expect("the new address").me().name, "Ann B");
    assert!(open(&root, "ann@x.example").is_err());
    // An invitation comes before somebody who only wants the address.
    let ann = open(&root, "ann.b@x.example").expect("session");
    invite(&root, "/Root/B", "zed@x.example", Role::User).expect("invited");
    apply(&ann, &edit("zed@x.example")).expect("noted");
    assert_eq!(open(&root, "zed@x.example").expect("accepted").me().name, "Some One");
    assert!(apply(&ann, &edit("a\u{202e}b@x.example")).is_err(), "nothing that looks like another");
}

#[test]
fn who_looks_through_anothers_eyes_sees_what_they_see_changes_nothing_and_is_logged() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::Admin).expect("user");
    let seen = root.view_as(user(&root, "ann@x.example").id).expect("seen");
    assert_eq!(seen.count(&all(seen.as_ref(), "").any[0], &CancelToken::new()), Ok(1));
    let set = Change::SetReference { account: seen.me().account, reference: "x".into() };
    assert_eq!(apply(seen.as_ref(), &set), Err(Error::ReadOnly));
    let entries =
        root.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!(entries[0].summary, "looked at the estate as ann@x.example of /Root/A");
    assert!(entries[0].by.starts_with("Root"), "{}", entries[0].by);
    // Whoever is looked at sees that it was done.
    let ann = open(&root, "ann@x.example").expect("session");
    let entries =
        ann.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!(entries[0].by, "someone outside your account");
    root.add_user(account(&root, "/Root/A"), "Bob", "bob@x.example", Role::User).expect("user");
    let bob = open(&root, "bob@x.example").expect("session");
    assert!(matches!(bob.view_as(ann.me().id), Err(Error::Denied { .. })));
    // It ends where whoever is looked at goes out of sight.
    let below = Change::AddAccount { parent: ann.me().account, name: "Below".into() };
    apply(&root, &below).expect("added");
    let id = account(&root, "/Root/A/Below");
    root.add_user(id, "Cid", "cid@x.example", Role::User).expect("user");
    let seen = ann.view_as(user(&root, "cid@x.example").id).expect("seen");
    assert_eq!(seen.count(&all(seen.as_ref(), "").any[0], &CancelToken::new()), Ok(0));
    apply(&root, &Change::MoveAccount { account: id, under: account(&root, "/Root/B") })
        .expect("hung elsewhere");
    assert_eq!(seen.count(&all(seen.as_ref(), "").any[0], &CancelToken::new()), Err(Error::SignedOut));
}

#[test]
fn a_tightened_row_holds_for_plans_and_changes_alike() {
    let (_dir, root) = world();
    root.add_user(account(&root, "/Root/A"), "Ann", "ann@x.example", Role::User).expect("user");
    let roles = Roles::with_stricter([("authenticate", "admin")]).expect("tighter");
    let ann = open(&root, "ann@x.example").expect("session").with_roles(roles);
    let off = estate::Edit { authentication: Some(false), ..estate::Edit::default() };
    let change = Change::Edit { target: all(&ann, ""), edit: Box::new(off) };
    let denied = Error::Denied { role: Role::User, need: Capability::Authenticate };
    assert_eq!(ann.plan(&change, &CancelToken::new()), Err(denied.clone()));
    assert_eq!(ann.apply(&ChangeId::new(), &change, &go), Err(denied));
    assert_eq!(plan(&root, &change).counts.done, 1);
    assert!(sim(&root, 11).authentication && NOW.0 > 0);
}

#[test]
fn hanging_an_account_elsewhere_says_what_changes_for_its_users() {
    let (_dir, root) = world();
    let (a, b) = (account(&root, "/Root/A"), account(&root, "/Root/B"));
    let hang = Change::MoveAccount { account: a, under: b };
    let warned = |root: &Local| -> Vec<Warning> {
        plan(root, &hang).warnings.into_iter().map(|(warning, _)| warning).collect()
    };
    assert_eq!(warned(&root), [Visibility]);
    apply(&root, &Change::SetPeriod { account: b, rule: "day:9".parse().ok() }).expect("set");
    let page = estate::Help::Page { title: "B helps".into(), text: "Call B".into() };
    apply(&root, &Change::SetHelp { account: b, help: Some(Box::new(page)) }).expect("set");
    apply(&root, &Change::SetEntitlement { account: b, on: false }).expect("set");
    assert_eq!(warned(&root), [Visibility, LevelsOff, OtherPeriod, OtherHelp]);
    // With a rule of its own its periods stay.
    apply(&root, &Change::SetPeriod { account: a, rule: "month".parse().ok() }).expect("set");
    assert_eq!(warned(&root), [Visibility, LevelsOff, OtherHelp]);
}

#[test]
fn an_account_that_was_deleted_comes_back_with_all_that_was_set_on_it() {
    let (_dir, root) = world();
    let parent = account(&root, "/Root/A");
    apply(&root, &Change::AddAccount { parent, name: "Gone".into() }).expect("added");
    let id = account(&root, "/Root/A/Gone");
    let page = estate::Help::Page { title: "Ours".into(), text: "Call".into() };
    for change in [
        Change::SetReference { account: id, reference: "C-9".into() },
        Change::SetHelp { account: id, help: Some(Box::new(page.clone())) },
        Change::AddExternal { account: id, address: "ops@else.example".into() },
    ] {
        apply(&root, &change).expect("set");
    }
    let deleted = apply(&root, &Change::DeleteAccount { account: id }).expect("deleted");
    undo(&root, &deleted.id).expect("back");
    let id = account(&root, "/Root/A/Gone");
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    assert_eq!(accounts.get(id).map(|a| a.reference.as_str()), Some("C-9"));
    assert_eq!(root.help_of(id, &CancelToken::new()).expect("help").0, Some(page));
    assert_eq!(root.externals(id, &CancelToken::new()).expect("externals").len(), 1);
}
