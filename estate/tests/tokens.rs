//! API tokens: as much as their user, no more than their account, and no longer than they last.

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{estate, import};
use estate::{
    AccountId, CancelToken, Capability, Change, ChangeId, Edit, Error, Estate, Local, LogFilter,
    NewToken, Query, Receipt, Role, Secret, Target, Time, TokenId, UserChange, UserId,
};

const CSV: &[u8] = b"iccid,account,status,notes\n\
8900101000000000011,A,active,mine\n8900101000000000012,A / Sub,active,below\n8900101000000000014,B,active,theirs\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    for (path, email, role) in [
        ("/Root/A", "a@x.example", Role::Admin),
        ("/Root/A", "u@x.example", Role::User),
        ("/Root/B", "b@x.example", Role::Admin),
    ] {
        root.add_user(account(&root, path), "Some One", email, role).expect("user");
    }
    (dir, root)
}

fn account(local: &Local, path: &str) -> AccountId {
    local.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
}

fn open(root: &Local, email: &str) -> Local {
    Local::open(root.path(), Some(email), false).expect(email)
}

fn id(root: &Local, email: &str) -> UserId {
    let users = root.users(None, &CancelToken::new()).expect("users");
    users.into_iter().find(|u| u.email == email).expect(email).id
}

fn new(name: &str, account: Option<AccountId>, writes: bool) -> NewToken {
    NewToken { name: name.into(), account, writes, expires: None }
}

fn count(local: &Local) -> Result<u64, Error> {
    let top = local.accounts(&CancelToken::new())?.top().expect("top").id;
    local.count(&Query::all(top, Time::now()), &CancelToken::new())
}

fn apply(local: &Local, change: &Change) -> Result<Receipt, Error> {
    local.apply(&ChangeId::new(), change, &|_| ControlFlow::Continue(()))
}

fn everything(local: &Local) -> Target {
    let top = local.accounts(&CancelToken::new()).expect("accounts").top().expect("top").id;
    Target::query(Query::all(top, Time::now()))
}

fn note(local: &Local) -> Result<Receipt, Error> {
    let edit = Edit { notes: Some("new".into()), ..Edit::default() };
    apply(local, &Change::Edit { target: everything(local), edit: Box::new(edit) })
}

#[test]
fn a_token_sees_its_account_and_does_what_its_user_may() {
    let (_dir, root) = world();
    let ann = open(&root, "a@x.example");
    let (token, secret) =
        ann.add_token(&new("report", Some(account(&ann, "/A/Sub")), false)).expect("token");
    assert!(token.prefix.len() < secret.reveal().len() / 4 && secret.reveal().starts_with(&token.prefix));
    let reader = Local::by_token(root.path(), &secret, false).expect("signed in");
    assert_eq!(count(&reader), Ok(1));
    let accounts = reader.accounts(&CancelToken::new()).expect("accounts");
    assert_eq!(accounts.all().iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["Sub"]);
    // What lies beside and above it reads like what is not there.
    let beside = reader.sim_by_iccid("8900101000000000011", &CancelToken::new());
    assert_eq!(beside, Err(Error::not_found("SIM", "8900101000000000011")));
    assert!(matches!(note(&reader), Err(Error::ReadOnly)));

    let (_, secret) = ann.add_token(&new("sync", None, true)).expect("token");
    let writer = Local::by_token(root.path(), &secret, false).expect("signed in");
    assert_eq!(note(&writer).expect("changed").counts.done, 2);
    // What its user did elsewhere is told of as far as the token sees.
    let (target, edit) = (everything(&ann), Edit { notes: Some("newer".into()), ..Edit::default() });
    let (id, change) = (ChangeId::new(), Change::Edit { target, edit: Box::new(edit) });
    let made = ann.apply(&id, &change, &|_| ControlFlow::Continue(())).expect("changed");
    let (_, secret) = ann.add_token(&new("part", Some(account(&ann, "/A/Sub")), true)).expect("token");
    let part = Local::by_token(root.path(), &secret, false).expect("signed in");
    let again = Change::RenameAccount { account: account(&part, "/Sub"), name: "Other".into() };
    // By that number nothing else is made, nor does it seem to have been.
    assert_eq!(part.apply(&made.id, &again, &|_| ControlFlow::Continue(())), Err(Error::KeyReused));
    let told = part.apply(&made.id, &change, &|_| ControlFlow::Continue(())).expect("made already");
    assert_eq!((made.counts.done, told.counts.done), (2, 1));
    assert!(matches!(
        note(&Local::by_token(root.path(), &secret, true).expect("signed in")),
        Err(Error::ReadOnly)
    ));
    let (_, secret) = open(&root, "u@x.example").add_token(&new("sync", None, true)).expect("token");
    let weak = Local::by_token(root.path(), &secret, false).expect("signed in");
    assert!(matches!(
        weak.users(None, &CancelToken::new()),
        Err(Error::Denied { need: Capability::ManageAccounts, .. })
    ));
}

#[test]
fn a_token_is_for_nothing_that_is_a_persons_own() {
    let (_dir, root) = world();
    let (token, secret) = root.add_token(&new("sync", None, true)).expect("token");
    let program = Local::by_token(root.path(), &secret, false).expect("signed in");
    let me = program.me().id;
    let profile = Change::EditProfile { name: "Mallory".into(), email: "m@x.example".into() };
    assert_eq!(apply(&program, &profile).map(|_| ()), Err(Error::NotByToken));
    assert_eq!(program.add_token(&new("more", None, true)).map(|_| ()), Err(Error::NotByToken));
    assert_eq!(program.revoke_token(token.id).map(|_| ()), Err(Error::NotByToken));
    assert_eq!(program.tokens(me), Err(Error::NotByToken));
    assert_eq!(program.saved_filters(&CancelToken::new()), Err(Error::NotByToken));
    assert_eq!(program.want_mail(true), Err(Error::NotByToken));
    assert_eq!(program.view_as(id(&root, "a@x.example")).map(|_| ()), Err(Error::NotByToken));
    // Nor does it make its own user somebody else.
    let role = Change::ChangeUser { user: me, to: UserChange::Role(Role::User) };
    assert!(matches!(apply(&program, &role), Err(Error::Conflict(_))));
}

#[test]
fn revoked_ended_or_its_user_kept_out_it_is_refused_at_the_next_request() {
    let (_dir, root) = world();
    let a = id(&root, "a@x.example");
    let ann = open(&root, "a@x.example");
    let clock = Arc::new(AtomicI64::new(0));
    let sign = |secret: &Secret| {
        let clock = Arc::clone(&clock);
        let now = Time::now().0;
        Local::by_token_at(root.path(), secret, false, move || Time(now + clock.load(Ordering::Relaxed)))
    };
    let (token, secret) = ann.add_token(&new("one", None, true)).expect("token");
    let one = sign(&secret).expect("signed in");
    assert!(ann.tokens(a).expect("tokens")[0].used.is_some());
    let used = || ann.tokens(a).expect("tokens")[0].used.expect("used").0;
    let first = used();
    clock.store(7_200, Ordering::Relaxed);
    one.still().expect("still good");
    assert_eq!(used() - first, 7_200, "a program that never signs in again is seen all the same");
    clock.store(0, Ordering::Relaxed);
    ann.revoke_token(token.id).expect("revoked");
    assert_eq!(count(&one), Err(Error::SignedOut));
    assert_eq!(sign(&secret).map(|_| ()), Err(Error::SignedOut));

    let ends = Some(Time(Time::now().0 + 1_000));
    let (_, secret) =
        ann.add_token(&NewToken { expires: ends, ..new("two", None, true) }).expect("token");
    let two = sign(&secret).expect("signed in");
    clock.store(1_001, Ordering::Relaxed);
    assert_eq!(count(&two), Err(Error::SignedOut));
    assert_eq!(sign(&secret).map(|_| ()), Err(Error::SignedOut));

    let (_, secret) = ann.add_token(&new("three", Some(account(&ann, "/A/Sub")), true)).expect("token");
    let three = sign(&secret).expect("signed in");
    // What goes elsewhere takes no reader along.
    let away =
        Change::MoveAccount { account: account(&root, "/Root/A/Sub"), under: account(&root, "/Root/B") };
    apply(&root, &away).expect("moved");
    assert_eq!(count(&three), Err(Error::SignedOut));
    assert_eq!(sign(&secret).map(|_| ()), Err(Error::SignedOut));

    let (_, secret) = ann.add_token(&new("four", None, true)).expect("token");
    let four = sign(&secret).expect("signed in");
    // The root has an Admin too, and the account another who is none: first another Admin, then
    // out.
    let other = Change::ChangeUser { user: id(&root, "u@x.example"), to: UserChange::Role(Role::Admin) };
    apply(&root, &other).expect("made Admin");
    apply(&root, &Change::ChangeUser { user: a, to: UserChange::Disable }).expect("kept out");
    assert_eq!(count(&four), Err(Error::SignedOut));
    assert_eq!(sign(&secret).map(|_| ()), Err(Error::SignedOut));
}

#[test]
fn a_neighbours_token_reads_like_one_that_is_not_there() {
    let (_dir, root) = world();
    let (ann, bob) = (open(&root, "a@x.example"), open(&root, "b@x.example"));
    let theirs = ann.add_token(&new("secret plan", None, false)).expect("token").0.id;
    let none = |id: TokenId| Error::not_found("token", format!("#{}", id.0));
    for id in [theirs, TokenId(4_711)] {
        assert_eq!(bob.revoke_token(id).map(|_| ()), Err(none(id)));
        assert_eq!(open(&root, "u@x.example").revoke_token(id).map(|_| ()), Err(none(id)));
    }
    let a = ann.me().id;
    assert_eq!(bob.tokens(a), Err(Error::not_found("user", format!("#{}", a.0))));
    assert_eq!(bob.tokens(UserId(4_711)), Err(Error::not_found("user", "#4711")));
    let beside = account(&root, "/Root/A");
    assert!(matches!(bob.add_token(&new("x", Some(beside), false)), Err(Error::NotFound { .. })));
    // Whoever manages the account does both, and it stands in the log without the secret.
    assert_eq!(root.tokens(a).expect("tokens").len(), 1);
    root.revoke_token(theirs).expect("revoked");
    let said = |local: &Local| -> Vec<String> {
        let entries = local
            .entries(&LogFilter { limit: 99, ..LogFilter::default() }, &CancelToken::new())
            .expect("log");
        entries.into_iter().map(|e| e.summary).filter(|s| s.contains("token")).collect()
    };
    assert_eq!(said(&ann).len(), 2, "{:?}", said(&ann));
    assert!(said(&ann)[0].starts_with("revoked the API token secret plan (simdeck_"), "{:?}", said(&ann));
    assert!(said(&bob).is_empty());
    assert_eq!(root.check(), Ok(Vec::new()));
}

#[test]
fn names_are_used_once_and_a_token_ends_ahead() {
    let (_dir, root) = world();
    root.add_token(&new("Sync", None, false)).expect("token");
    assert!(matches!(root.add_token(&new("sync", None, false)), Err(Error::Conflict(_))));
    let past = NewToken { expires: Some(Time(1)), ..new("late", None, false) };
    assert!(matches!(root.add_token(&past), Err(Error::Invalid { field: "expires", .. })));
    assert!(matches!(
        root.add_token(&new("\u{1b}[2J", None, false)),
        Err(Error::Invalid { field: "name", .. })
    ));
    let a = id(&root, "u@x.example");
    let secret = open(&root, "u@x.example").add_token(&new("x", None, false)).expect("token").1;
    apply(&root, &Change::ChangeUser { user: a, to: UserChange::Remove }).expect("removed");
    assert_eq!(Local::by_token(root.path(), &secret, false).map(|_| ()), Err(Error::SignedOut));
    // One digit off is not it.
    let secret = root.add_token(&new("y", None, false)).expect("token").1;
    let (most, last) = secret.reveal().split_at(secret.reveal().len() - 1);
    let other = Secret::read(&format!("{most}{}", if last == "0" { "1" } else { "0" })).expect("shape");
    assert!(Local::by_token(root.path(), &secret, false).is_ok());
    assert_eq!(Local::by_token(root.path(), &other, false).map(|_| ()), Err(Error::SignedOut));
}
