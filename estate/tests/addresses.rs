//! Addresses: unique among the users of a top-level customer, and of no consequence for other
//! customers.

mod common;

use std::ops::ControlFlow;

use common::{estate, import};
use estate::{
    AccountChoice, AccountId, CancelToken, Change, ChangeId, Chosen, Error, Estate, Local, Receipt, Role,
    SignIn, Signed, Time, User, UserChange, UserState,
};

const NOW: Time = Time(1_780_000_000);
const GOOD: &str = "several words in a row";
const OTHER: &str = "quite another few words";
const CSV: &[u8] = b"iccid,account\n8900101000000000011,A / North\n8900101000000000014,A / South\n\
    8900101000000000017,B / West\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    (dir, root.with_clock(|| NOW))
}

fn apply(local: &Local, change: &Change) -> Result<Receipt, Error> {
    local.apply(&ChangeId::new(), change, &|_| ControlFlow::Continue(()))
}

fn account(local: &Local, path: &str) -> AccountId {
    local.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
}

/// Adds an active Admin of an account, and signs them in at the store.
fn admin(root: &Local, path: &str, email: &str) -> Local {
    root.add_user(account(root, path), "Admin", email, Role::Admin).expect("user");
    Local::open_in(root.path(), Some(email), Some(path.rsplit('/').next().expect("name")), false)
        .expect("session")
        .with_clock(|| NOW)
}

fn invite(by: &Local, account: AccountId, email: &str) -> Result<User, Error> {
    let added =
        Change::AddUser { account, name: "Some One".into(), email: email.into(), role: Role::User };
    apply(by, &added)?;
    let users = by.users(Some(account), &CancelToken::new())?;
    Ok(users.into_iter().find(|user| user.email == email).expect("invited"))
}

/// Accepts an invitation by a link that is shown.
fn accept(by: &Local, user: &User, password: &str) -> Result<Signed, Error> {
    let link = by.link(user.id, false)?.secret.expect("shown");
    by.by_link(&link, &Chosen { password: password.into(), ..Chosen::default() }, NOW)
}

fn enter(by: &Local, path: &str, email: &str, password: &str) -> Result<Signed, Error> {
    accept(by, &invite(by, account(by, path), email)?, password)
}

fn sign_in(root: &Local, email: &str, password: &str, account: Option<&str>) -> Result<User, Error> {
    let (email, password) = (email.to_owned(), password.to_owned());
    let by = SignIn { email, password, account: account.map(str::to_owned), ..SignIn::default() };
    let signed = root.by_password(&by, NOW)?;
    Ok(Local::by_token_at(root.path(), &signed.token, false, || NOW)?.me().clone())
}

fn choices(result: Result<impl std::fmt::Debug, Error>) -> Vec<String> {
    match result {
        Err(Error::AccountNeeded(choices)) => choices.into_iter().map(|choice| choice.name).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_inviter_learns_nothing_of_other_customers_and_takes_nothing_from_them() {
    let (_dir, root) = world();
    let (a, b) = (admin(&root, "/Root/A", "a@x.example"), admin(&root, "/Root/B", "b@x.example"));
    enter(&b, "/B", "bob@b.example", GOOD).expect("in");
    // An Admin of another customer goes through it all with an address that is known there, and
    // with one that is not.
    for email in ["bob@b.example", "b@x.example", "root@x.example", "nobody@b.example"] {
        let user = invite(&a, account(&a, "/A"), email).expect(email);
        assert_eq!(user.state, UserState::Invited, "{email}");
        accept(&a, &user, OTHER).expect(email);
        assert_eq!(sign_in(&root, email, OTHER, None).map(|user| user.id), Ok(user.id), "{email}");
    }
    // The users there are as they were, and an invitation that comes later is accepted all the
    // same.
    assert_eq!(sign_in(&root, "bob@b.example", GOOD, None).map(|u| u.account), Ok(b.me().account));
    enter(&b, "/B", "nobody@b.example", GOOD).expect("in");
    assert_eq!(sign_in(&root, "nobody@b.example", GOOD, None).map(|u| u.account), Ok(b.me().account));
    assert_eq!(root.check(), Ok(Vec::new()));
}

#[test]
fn sign_in_asks_for_the_account_only_where_the_password_is_right_for_several() {
    let (_dir, root) = world();
    let (a, b) = (admin(&root, "/Root/A", "a@x.example"), admin(&root, "/Root/B", "b@x.example"));
    enter(&a, "/A", "ann@x.example", GOOD).expect("in");
    enter(&b, "/B", "ann@x.example", GOOD).expect("in");
    enter(&root, "/Root", "ann@x.example", OTHER).expect("in");
    assert_eq!(choices(sign_in(&root, "ANN@x.example", GOOD, None)), ["A", "B"]);
    assert_eq!(sign_in(&root, "ann@x.example", OTHER, None).map(|u| u.account), Ok(root.me().account));
    for (name, account) in [("a", a.me().account), ("/B", b.me().account)] {
        assert_eq!(sign_in(&root, "ann@x.example", GOOD, Some(name)).map(|u| u.account), Ok(account));
        let id = format!("acc_{}", account.0);
        assert_eq!(sign_in(&root, "ann@x.example", GOOD, Some(&id)).map(|u| u.account), Ok(account));
    }
    // Without the right password nothing is told of the accounts.
    for (password, account) in [
        ("a wrong one altogether", None),
        ("a wrong one altogether", Some("A")),
        (GOOD, Some("Root")),
        (GOOD, Some("C")),
    ] {
        assert_eq!(sign_in(&root, "ann@x.example", password, account), Err(Error::WrongPassword));
    }
    // A second factor is asked for once it is known whose.
    let ann = sign_in(&root, "ann@x.example", GOOD, Some("B")).expect("in");
    let disabled = Change::ChangeUser { user: ann.id, to: UserChange::Disable };
    apply(&b, &disabled).expect("disabled");
    assert_eq!(sign_in(&root, "ann@x.example", GOOD, None).map(|u| u.account), Ok(a.me().account));
}

#[test]
fn a_password_fails_for_every_user_it_is_not_of() {
    let (_dir, root) = world();
    let in_a = enter(&root, "/Root/A", "ann@x.example", GOOD).expect("in");
    let in_b = enter(&root, "/Root/B", "ann@x.example", OTHER).expect("in");
    let id = |signed: &Signed| {
        Local::by_token_at(root.path(), &signed.token, false, || NOW).expect("session").me().id
    };
    let (a, b) = (id(&in_a), id(&in_b));
    let attempt = |password: &str, account: Option<&str>| {
        let (email, password) = ("ann@x.example".to_owned(), password.to_owned());
        let by = SignIn { email, password, account: account.map(str::to_owned), ..SignIn::default() };
        let attempt = root.attempt_sign_in(&by, NOW).expect("attempted");
        (attempt.user, attempt.failed, attempt.is_shared)
    };
    assert_eq!(attempt("a wrong one altogether", None), (None, vec![a, b], true));
    assert_eq!(attempt("a wrong one altogether", Some("B")), (None, vec![b], false));
    // Whoever signs in as one of them by a guess has guessed at the other.
    assert_eq!(attempt(GOOD, None), (Some(a), vec![b], true));
    assert_eq!(attempt(GOOD, Some("A")), (Some(a), Vec::new(), false));
    let in_root = enter(&root, "/Root", "ann@x.example", GOOD).expect("in");
    assert_eq!(attempt(GOOD, None), (None, vec![b], true));
    assert_eq!(attempt(OTHER, None), (Some(b), vec![id(&in_root), a], true));
}

#[test]
fn the_password_check_tells_no_name_of_an_account_above() {
    let (_dir, root) = estate();
    import(&root, b"iccid,account\n8900101000000000011,Quixotic Zephyr / North\n");
    let root = root.with_clock(|| NOW);
    let word = "QuixoticZephyr";
    let above = enter(&root, "/Root/Quixotic Zephyr/North", "ann@x.example", word);
    assert_eq!(above.map(drop), Ok(()));
    let own = enter(&root, "/Root/Quixotic Zephyr", "ben@x.example", word);
    assert!(matches!(own, Err(Error::Invalid { field: "password", .. })), "{own:?}");
}

#[test]
fn of_more_than_four_users_of_an_address_the_later_ones_name_their_account() {
    let (_dir, root) = estate();
    import(
        &root,
        b"iccid,account\n8900101000000000011,A\n8900101000000000014,B\n8900101000000000017,C\n\
        8900101000000000025,D\n",
    );
    let root = root.with_clock(|| NOW);
    for path in ["/Root/A", "/Root/B", "/Root/C"] {
        enter(&root, path, "ann@x.example", GOOD).expect(path);
    }
    enter(&root, "/Root/D", "ann@x.example", OTHER).expect("in");
    let last = account(&root, "/Root/D");
    let sign_in = |account| sign_in(&root, "ann@x.example", OTHER, account).map(|user| user.account);
    assert_eq!(sign_in(None), Ok(last));
    // A user of the root account comes before all others, however late.
    enter(&root, "/Root", "ann@x.example", "some more of these words").expect("in");
    assert_eq!((sign_in(None), sign_in(Some("D"))), (Err(Error::WrongPassword), Ok(last)));
}

#[test]
fn within_a_customer_an_address_is_one_users() {
    let (_dir, root) = world();
    let a = admin(&root, "/Root/A", "a@x.example");
    let (north, south) =
        (admin(&root, "/Root/A/North", "n@x.example"), admin(&root, "/Root/A/South", "s@x.example"));
    enter(&a, "/A/North", "ann@x.example", GOOD).expect("in");
    // Whoever sees the user is told so; a sibling is not, and cannot have the address either.
    let seen = |by: &Local, path: &str| match invite(by, account(by, path), "Ann@x.example") {
        Err(Error::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(&a, "/A/South"), "Ann@x.example is a user of /A/North already");
    assert_eq!(seen(&root, "/Root/A"), "Ann@x.example is a user of /Root/A/North already");
    assert_eq!(seen(&north, "/North"), "Ann@x.example is a user of this account already");
    let invited = invite(&south, account(&south, "/South"), "ann@x.example").expect("invited");
    assert!(matches!(accept(&south, &invited, GOOD), Err(Error::Conflict(_))));
    // The root account's own users are a realm of their own.
    invite(&root, account(&root, "/Root/B"), "ann@x.example").expect("invited");
    invite(&root, account(&root, "/Root"), "ann@x.example").expect("invited");
}

#[test]
fn at_the_store_an_address_of_several_accounts_needs_one_of_them() {
    let (_dir, root) = world();
    for path in ["/Root/A", "/Root/B"] {
        root.add_user(account(&root, path), "Ann", "ann@x.example", Role::Admin).expect("user");
    }
    let open = |account| Local::open_in(root.path(), Some("Ann@x.example"), account, false);
    let error = open(None).map(drop).expect_err("two");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("--account NAME before the command")),
        "{error}"
    );
    assert!(error.to_string().contains("A (acc_") && error.to_string().contains(", B (acc_"), "{error}");
    assert_eq!(open(Some("b")).map(|local| local.me().account), Ok(account(&root, "/Root/B")));
    assert!(matches!(open(Some("C")).map(drop), Err(Error::NotFound { .. })));
    // Invitations to several are told apart as well, and one that is accepted does not come before
    // the others.
    for path in ["/Root/A", "/Root/B"] {
        invite(&root, account(&root, path), "ben@x.example").expect("invited");
    }
    assert_eq!(choices(Local::open(root.path(), Some("ben@x.example"), false).map(drop)), ["A", "B"]);
    let ben = |account| Local::open_in(root.path(), Some("ben@x.example"), account, false);
    assert_eq!(ben(Some("B")).map(|local| local.me().state), Ok(UserState::Active));
    assert_eq!(choices(ben(None).map(drop)), ["B", "A"]);
    assert_eq!(ben(Some("A")).map(|local| local.me().account), Ok(account(&root, "/Root/A")));
    // No customer gets in the way of the store's owner.
    root.add_user(account(&root, "/Root/A"), "Root", "root@x.example", Role::Admin).expect("user");
    let owner = Local::open(root.path(), Some("root@x.example"), false).expect("session");
    assert_eq!(owner.me().id, root.me().id);
}

#[test]
fn at_the_store_no_customer_comes_before_an_invitation_of_the_root() {
    let (_dir, root) = world();
    let a = admin(&root, "/Root/A", "a@x.example");
    let open = |email| Local::open(root.path(), Some(email), false).map(|local| local.me().account);
    for email in ["hire@b.example", "late@b.example"] {
        enter(&a, "/A", email, GOOD).expect("in");
    }
    invite(&root, root.me().account, "hire@b.example").expect("invited");
    assert_eq!(open("hire@b.example"), Ok(root.me().account));
    // An invitation to another customer leaves it open which of the two is meant.
    invite(&root, account(&root, "/Root/B"), "late@b.example").expect("invited");
    assert_eq!(choices(open("late@b.example")), ["A", "B"]);
    // A user of the root account who asked for an address comes before customers too.
    enter(&a, "/A/North", "new@b.example", GOOD).expect("in");
    let owner = Local::open(root.path(), Some("root@x.example"), false).expect("session");
    apply(&owner, &Change::EditProfile { name: "Root".into(), email: "new@b.example".into() })
        .expect("asked for");
    assert_eq!(open("new@b.example"), Ok(root.me().account));
}

#[test]
fn within_an_account_an_active_user_comes_before_an_invitation() {
    let (_dir, root) = world();
    let a = admin(&root, "/Root/A", "a@x.example");
    apply(&a, &Change::EditProfile { name: "Admin".into(), email: "new@x.example".into() })
        .expect("noted");
    invite(&root, account(&root, "/Root/A"), "new@x.example").expect("invited");
    let link = root.link(a.me().id, false).expect("link").secret.expect("shown");
    root.by_link(&link, &Chosen { password: GOOD.into(), ..Chosen::default() }, NOW).expect("in");
    // The name of the account could not tell the two apart.
    let open = Local::open(root.path(), Some("new@x.example"), false).expect("session");
    assert_eq!(open.me().id, a.me().id);
}

#[test]
fn a_new_address_is_compared_within_the_customer_only() {
    let (_dir, root) = world();
    let (a, b) = (admin(&root, "/Root/A", "a@x.example"), admin(&root, "/Root/B", "b@x.example"));
    enter(&b, "/B", "new@x.example", OTHER).expect("in");
    enter(&a, "/A/North", "ann@x.example", GOOD).expect("in");
    enter(&a, "/A/South", "ben@x.example", GOOD).expect("in");
    let rename = |from: &str, to: &str| {
        let me = Local::open(root.path(), Some(from), false).expect("session");
        apply(&me, &Change::EditProfile { name: "Ann".into(), email: to.into() }).expect("asked for");
        let link = a.link(me.me().id, false).expect("link").secret.expect("shown");
        root.by_link(&link, &Chosen { password: GOOD.into(), ..Chosen::default() }, NOW).expect("in");
    };
    // The address of another customer's user is free here, and stays theirs there.
    rename("ann@x.example", "new@x.example");
    assert_eq!(sign_in(&root, "new@x.example", GOOD, None).map(|u| u.name), Ok("Ann".into()));
    assert_eq!(sign_in(&root, "new@x.example", OTHER, None).map(|u| u.account), Ok(b.me().account));
    // That of a user of the same customer is not.
    rename("ben@x.example", "new@x.example");
    assert_eq!(sign_in(&root, "ben@x.example", GOOD, None).map(|u| u.name), Ok("Ann".into()));
    assert_eq!(root.check(), Ok(Vec::new()));
}

#[test]
fn an_account_does_not_move_to_a_customer_that_has_one_of_its_addresses() {
    let (_dir, root) = world();
    let at = |path: &str| account(&root, path);
    root.add_user(at("/Root/A/North"), "Ann", "ann@x.example", Role::Admin).expect("user");
    let north = at("/Root/A/North");
    let to_b = Change::MoveAccount { account: north, under: at("/Root/B/West") };
    let moved = apply(&root, &to_b).expect("moved");
    root.add_user(at("/Root/A/South"), "Ann", "ann@x.example", Role::Admin).expect("user");
    // Nor does an undo bring it back.
    let refused = |result: Result<_, Error>| match result {
        Err(Error::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = "ann@x.example would be two users of one customer: in /Root/B/West/North and /Root/A/South; \
               remove one of them first";
    assert_eq!(refused(apply(&root, &Change::Undo { change: moved.id })), why);
    let back = Change::MoveAccount { account: north, under: at("/Root/A") };
    assert_eq!(refused(apply(&root, &back)), why);
    assert_eq!(root.plan(&back, &CancelToken::new()).expect_err("refused").code(), "conflict");
    // Within the customer, and to the top, it moves; a customer of its own shares no address.
    for under in ["/Root/B", "/Root"] {
        apply(&root, &Change::MoveAccount { account: north, under: at(under) }).expect(under);
    }
    let south = root.users(Some(at("/Root/A/South")), &CancelToken::new()).expect("users")[0].id;
    apply(&root, &Change::ChangeUser { user: south, to: UserChange::Remove }).expect("removed");
    apply(&root, &back).expect("moved");
    assert_eq!(root.check(), Ok(Vec::new()));
    let raw = rusqlite::Connection::open(root.path()).expect("raw");
    let copied = "INSERT INTO user (account_id, name, email, email_key, role, state, created_at) \
                  SELECT account_id, name, email, email_key, role, state, created_at FROM user WHERE email_key = 'ann@x.example'";
    assert_eq!(raw.execute(copied, []), Ok(1));
    let faults = root.check().expect("check");
    assert_eq!(faults, ["ann@x.example is the address of two users of one customer"]);
}

#[test]
fn an_account_is_named_by_its_name_or_its_number() {
    let choice = AccountChoice { id: AccountId(7), name: "Fleet Süd".into() };
    for text in ["Fleet Süd", "/fleet süd", " FLEET SÜD ", "acc_7"] {
        assert!(choice.is_named(text), "{text}");
    }
    for text in ["Fleet", "7", "acc_8", "acc_", ""] {
        assert!(!choice.is_named(text), "{text}");
    }
}
