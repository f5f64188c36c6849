//! Signing in over a network: passwords, second factors, links, sessions.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    CancelToken, Change, Chosen, ClientInfo, Error, Estate, LinkPurpose, Local, LogFilter, Role, Secret,
    SignIn, Signed, Time, User, UserChange, UserId, UserState,
};

const NOW: Time = Time(1_780_000_000);
const GOOD: &str = "several words in a row";

fn later(seconds: i64) -> Time {
    Time(NOW.0 + seconds)
}

fn by(email: &str, password: &str, code: Option<&str>) -> SignIn {
    let code = code.map(str::to_owned);
    SignIn { email: email.into(), password: password.into(), code, ..SignIn::default() }
}

fn chosen(name: Option<&str>, password: &str) -> Chosen {
    Chosen { name: name.map(str::to_owned), password: password.into(), ..Chosen::default() }
}

fn session(root: &Local, secret: &Secret, now: Time) -> Result<Local, Error> {
    Local::by_token_at(root.path(), secret, false, move || now)
}

fn user(local: &Local, email: &str) -> User {
    let users = local.users(None, &CancelToken::new()).expect("users");
    users.into_iter().find(|u| u.email == email).expect(email)
}

fn invite(root: &Local, email: &str) -> User {
    let account = root.me().account;
    let added = Change::AddUser { account, name: "Ann".into(), email: email.into(), role: Role::Admin };
    apply(root, &added).expect("invited");
    user(root, email)
}

/// The secret of a link that is shown; with `all` the second factor goes too.
fn shown(local: &Local, user: UserId, all: bool) -> Secret {
    local.link(user, all).expect("link").secret.expect("shown")
}

fn enter(root: &Local, email: &str) -> Signed {
    let link = shown(root, invite(root, email).id, false);
    root.by_link(&link, &chosen(None, GOOD), NOW).expect("in")
}

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, b"iccid,account\n8900101000000000011,A\n");
    (dir, root.with_clock(|| NOW))
}

#[test]
fn an_invitation_is_accepted_by_its_link_once_and_with_a_password_that_cannot_be_guessed() {
    let (_dir, root) = world();
    let ann = invite(&root, "ann@x.example");
    let first = shown(&root, ann.id, false);
    let link = shown(&root, ann.id, false);
    let enter = |link: &Secret, password: &str, now| {
        root.by_link(link, &chosen(Some("Ann Other"), password), now)
    };
    let gone = |result: Result<Signed, Error>| {
        assert!(matches!(result, Err(Error::NotFound { what: "link", .. })));
    };
    gone(enter(&first, GOOD, NOW));
    gone(enter(&link, GOOD, later(8 * 86_400)));
    assert!(matches!(enter(&link, "ann@x.example", NOW), Err(Error::Invalid { field: "password", .. })));
    let invited = root.find_link(&link, NOW).expect("looked at");
    assert_eq!((invited.name.as_str(), invited.purpose), ("Ann", LinkPurpose::Invitation));
    let signed = enter(&link, GOOD, NOW).expect("in");
    gone(enter(&link, GOOD, NOW));
    let session = session(&root, &signed.token, NOW).expect("session");
    assert_eq!((session.me().name.as_str(), session.me().state), ("Ann Other", UserState::Active));
    // A person may what is a person's own.
    assert_eq!(session.saved_filters(&CancelToken::new()), Ok(Vec::new()));
    assert!(session.signing(&CancelToken::new()).expect("signing").password);
    let kinds: Vec<String> = root
        .entries(&LogFilter { limit: 4, ..LogFilter::default() }, &CancelToken::new())
        .expect("log")
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, ["accept", "link-user", "link-user", "add-user"]);
}

#[test]
fn whoever_is_not_known_hears_what_a_wrong_password_hears() {
    let (_dir, root) = world();
    enter(&root, "ann@x.example");
    invite(&root, "invited@x.example");
    let sign_in =
        |email: &str, password: &str| root.by_password(&by(email, password, None), NOW).map(|_| ());
    assert_eq!(sign_in(" ANN@x.example", GOOD), Ok(()));
    for (email, password) in [
        ("ann@x.example", "another few words"),
        ("nobody@x.example", GOOD),
        ("invited@x.example", GOOD),
        ("root@x.example", ""),
        ("", ""),
    ] {
        assert_eq!(sign_in(email, password), Err(Error::WrongPassword), "{email}");
    }
    apply(&root, &Change::ChangeUser { user: user(&root, "ann@x.example").id, to: UserChange::Disable })
        .expect("kept out");
    assert_eq!(sign_in("ann@x.example", GOOD), Err(Error::WrongPassword));
}

#[test]
fn a_session_ends_is_renewed_once_and_goes_with_its_user() {
    let (_dir, root) = world();
    let signed = enter(&root, "ann@x.example");
    assert!(session(&root, &signed.token, later(86_400)).is_err());
    let open = session(&root, &signed.token, NOW).expect("session");
    let renewed = root.renew(&signed.renew, &ClientInfo::default(), later(86_400)).expect("renewed");
    assert_eq!(root.renew(&renewed.token, &ClientInfo::default(), later(86_400)), Err(Error::SignedOut));
    assert!(session(&root, &signed.token, NOW).is_err());
    // Nor is a session that was open by the old secret any longer.
    assert_eq!(open.accounts(&CancelToken::new()).map(|_| ()), Err(Error::SignedOut));
    let next = session(&root, &renewed.token, later(86_400)).expect("session");
    assert_eq!(next.me().email, "ann@x.example");
    // Out is out, at the next request of whoever is still there.
    let open = session(&root, &renewed.token, NOW).expect("session");
    next.sign_out().expect("ended");
    assert_eq!(open.count(&all(&root, "").any[0], &CancelToken::new()), Err(Error::SignedOut));
    let again = root.by_password(&by("ann@x.example", GOOD, None), NOW).expect("in");
    let open = session(&root, &again.token, NOW).expect("session");
    let ann = user(&root, "ann@x.example");
    apply(&root, &Change::ChangeUser { user: ann.id, to: UserChange::Disable }).expect("kept out");
    assert_eq!(open.count(&all(&root, "").any[0], &CancelToken::new()), Err(Error::SignedOut));
    assert_eq!(root.renew(&again.renew, &ClientInfo::default(), NOW), Err(Error::SignedOut));
}

#[test]
fn a_renewal_secret_that_is_used_twice_ends_the_session() {
    let (_dir, root) = world();
    let first = enter(&root, "ann@x.example");
    let good = |signed: &Signed, now| session(&root, &signed.token, now).is_ok();
    let second = root.renew(&first.renew, &ClientInfo::default(), NOW).expect("renewed");
    // The answer was lost, and then once more: the same secret renews again, and the answers before
    // are void.
    let third = root.renew(&first.renew, &ClientInfo::default(), later(29)).expect("answered again");
    let fourth = root.renew(&first.renew, &ClientInfo::default(), later(30)).expect("and again");
    assert_eq!([&second, &third, &fourth].map(|signed| good(signed, later(30))), [false, false, true]);
    // Other sessions of the user stay.
    let other = root.by_password(&by("ann@x.example", GOOD, None), NOW).expect("in");
    assert_eq!(root.renew(&first.renew, &ClientInfo::default(), later(31)), Err(Error::SignedOut));
    assert!(!good(&fourth, later(31)) && good(&other, later(31)));
    assert_eq!(root.renew(&fourth.renew, &ClientInfo::default(), later(31)), Err(Error::SignedOut));
    let entries =
        root.entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert_eq!(
        entries[0].summary,
        "ended a session of ann@x.example of /Root: renewal secret used twice"
    );
    assert_eq!((entries[0].by.as_str(), entries[0].undoable), ("system", false));
}

#[test]
fn an_answer_counts_as_lost_only_until_another_secret_is_used() {
    let (_dir, root) = world();
    let first = enter(&root, "ann@x.example");
    let second = root.renew(&first.renew, &ClientInfo::default(), NOW).expect("renewed");
    let third = root.renew(&second.renew, &ClientInfo::default(), later(1)).expect("renewed");
    // The second was received, for it was used: the first is in other hands.
    assert_eq!(root.renew(&first.renew, &ClientInfo::default(), later(2)), Err(Error::SignedOut));
    assert_eq!(root.renew(&third.renew, &ClientInfo::default(), later(2)), Err(Error::SignedOut));
    // A secret of an answer that counted as lost is in other hands as well.
    let first = root.by_password(&by("ann@x.example", GOOD, None), NOW).expect("in");
    let lost = root.renew(&first.renew, &ClientInfo::default(), NOW).expect("renewed");
    let repeated = root.renew(&first.renew, &ClientInfo::default(), later(1)).expect("answered again");
    assert_eq!(root.renew(&lost.renew, &ClientInfo::default(), later(2)), Err(Error::SignedOut));
    assert_eq!(root.renew(&repeated.renew, &ClientInfo::default(), later(2)), Err(Error::SignedOut));
    assert_eq!(root.check(), Ok(Vec::new()));
}

#[test]
fn the_last_spent_secrets_of_a_session_are_kept() {
    let (_dir, root) = world();
    let other = enter(&root, "ann@x.example");
    root.renew(&other.renew, &ClientInfo::default(), NOW).expect("renewed");
    let mut signed = vec![root.by_password(&by("ann@x.example", GOOD, None), NOW).expect("in")];
    for n in 0..102 {
        let renewed = root.renew(&signed[n].renew, &ClientInfo::default(), later(60));
        signed.push(renewed.expect("renewed"));
    }
    let store = rusqlite::Connection::open(root.path()).expect("opens");
    let count = "SELECT count(*) FROM spent_renewal";
    assert_eq!(store.query_row(count, [], |row| row.get(0)), Ok(101), "one of the other session");
    let plan = "EXPLAIN QUERY PLAN DELETE FROM spent_renewal WHERE at <= 0";
    let plan: String = store.query_row(plan, [], |row| row.get("detail")).expect("plan");
    assert!(plan.contains("spent_renewal_at"), "{plan}");
    // One that is forgotten is refused, and one that is kept ends the session.
    let again = |n: usize| root.renew(&signed[n].renew, &ClientInfo::default(), later(120));
    assert_eq!(again(1), Err(Error::SignedOut));
    assert!(session(&root, &signed[102].token, later(120)).is_ok());
    assert_eq!(again(2), Err(Error::SignedOut));
    assert!(session(&root, &signed[102].token, later(120)).is_err());
}

#[test]
fn sessions_are_listed_and_ended_by_their_user_and_by_whoever_manages_the_account() {
    let (_dir, root) = world();
    enter(&root, "ann@x.example");
    let client = ClientInfo::new("192.0.2.7", &format!("curl\u{1b}[31m{}", "x".repeat(200)));
    let with = |client: &ClientInfo, now| {
        let by = SignIn { client: client.clone(), ..by("ann@x.example", GOOD, None) };
        session(&root, &root.by_password(&by, now).expect("in").token, now).expect("session")
    };
    let (one, two) = (with(&client, later(60)), with(&ClientInfo::default(), later(120)));
    let me = one.me().id;
    let listed = one.sessions(me).expect("listed");
    let seen: Vec<_> = listed.iter().map(|one| (one.created.0 - NOW.0, one.is_current)).collect();
    assert_eq!(seen, [(120, false), (60, true), (0, false)]);
    // Text from outside is clean, and of a bounded length.
    let program = &listed[1].client.program;
    assert!(program.starts_with("curl") && program.chars().count() == 100, "{program}");
    assert!(!program.contains('\u{1b}') && listed[1].client.address == "192.0.2.7");
    // The user ends one, then all the others; the Admin above ends the last.
    assert_eq!(one.end_session(listed[2].id).map(|ended| ended.id), Ok(listed[2].id));
    assert!(matches!(one.end_session(listed[2].id), Err(Error::NotFound { what: "session", .. })));
    assert_eq!(one.end_sessions(me), Ok(1));
    assert_eq!(two.accounts(&CancelToken::new()).map(drop), Err(Error::SignedOut));
    assert_eq!(one.end_sessions(me), Ok(0));
    assert_eq!(root.sessions(me).expect("listed").len(), 1);
    root.end_session(listed[1].id).expect("ended");
    assert_eq!(one.accounts(&CancelToken::new()).map(drop), Err(Error::SignedOut));
    let wanted = LogFilter { kind: Some("end-session".into()), limit: 9, ..LogFilter::default() };
    let entries = root.entries(&wanted, &CancelToken::new()).expect("log");
    assert_eq!(entries.len(), 3, "what ended nothing is not logged");
    assert_eq!(entries[0].summary, "ended a session of ann@x.example of /Root");
    assert!(entries[0].by.starts_with("Root") && entries[1].by.starts_with("Ann"), "{entries:?}");
}

#[test]
fn sessions_of_others_are_out_of_reach_and_those_that_have_ended_are_not_listed() {
    let (_dir, root) = world();
    let below = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    root.add_user(below, "View", "view@x.example", Role::ViewOnly).expect("user");
    root.add_user(below, "User", "user@x.example", Role::User).expect("user");
    let open =
        |email: &str| Local::open(root.path(), Some(email), false).expect("session").with_clock(|| NOW);
    let (view, other) = (open("view@x.example"), open("user@x.example"));
    let signed = root.begin_session().expect("session");
    let of_root = root.sessions(root.me().id).expect("listed")[0].id;
    other.begin_session().expect("session");
    let of_other = other.sessions(other.me().id).expect("listed")[0].id;
    // A role that manages no users lists and ends its own.
    assert_eq!(view.sessions(view.me().id), Ok(Vec::new()));
    assert!(matches!(view.sessions(other.me().id), Err(Error::Denied { .. })));
    assert!(matches!(view.end_sessions(other.me().id), Err(Error::Denied { .. })));
    for id in [of_root, of_other] {
        assert!(matches!(view.end_session(id), Err(Error::NotFound { what: "session", .. })));
    }
    root.add_user(below, "Low", "low@x.example", Role::Admin).expect("user");
    let low = open("low@x.example");
    assert!(matches!(low.sessions(root.me().id), Err(Error::NotFound { .. })));
    assert!(matches!(low.end_sessions(root.me().id), Err(Error::NotFound { .. })));
    assert!(matches!(low.end_session(of_root), Err(Error::NotFound { .. })));
    assert_eq!(low.end_sessions(other.me().id), Ok(1));
    // An API token is neither a session nor a person.
    let new = estate::NewToken { name: "t".into(), account: None, writes: true, expires: None };
    let (token, secret) = root.add_token(&new).expect("token");
    assert!(matches!(root.end_session(token.id), Err(Error::NotFound { .. })));
    let program = Local::by_token(root.path(), &secret, false).expect("program");
    assert_eq!(program.sessions(root.me().id), Err(Error::NotByToken));
    assert_eq!(program.end_sessions(root.me().id), Err(Error::NotByToken));
    // One that nobody can renew any more has ended.
    assert!(session(&root, &signed.token, NOW).is_ok());
    let root = root.with_clock(|| later(31 * 86_400));
    assert_eq!(root.sessions(root.me().id), Ok(Vec::new()));
}

#[test]
fn another_password_needs_the_one_there_is_and_ends_the_other_sessions() {
    let (_dir, root) = world();
    let first = enter(&root, "ann@x.example");
    let second = root.by_password(&by("ann@x.example", GOOD, None), NOW).expect("in");
    let (one, two) = (
        session(&root, &first.token, NOW).expect("one"),
        session(&root, &second.token, NOW).expect("two"),
    );
    assert_eq!(
        one.set_password("a wrong one altogether", "other words, as many"),
        Err(Error::WrongPassword)
    );
    assert!(matches!(one.set_password(GOOD, "short"), Err(Error::Invalid { .. })));
    one.set_password(GOOD, "other words, as many").expect("chosen");
    assert!(one.accounts(&CancelToken::new()).is_ok());
    assert_eq!(two.accounts(&CancelToken::new()).map(|_| ()), Err(Error::SignedOut));
    // Whoever manages the account makes a link for another, and learns no password by it.
    let reset = shown(&root, user(&root, "ann@x.example").id, true);
    assert!(matches!(
        root.by_link(&reset, &chosen(None, GOOD), later(86_401)),
        Err(Error::NotFound { .. })
    ));
    root.by_link(&reset, &chosen(None, GOOD), NOW).expect("in");
    assert_eq!(one.accounts(&CancelToken::new()).map(|_| ()), Err(Error::SignedOut));
}

/// The code an authenticator shows (RFC 6238), by the key it was set up with.
fn code(key: &str, at: Time) -> String {
    let secret = totp_rs::Secret::try_from_base32(key).expect("key");
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().expect("TOTP");
    totp.generate(at.0.unsigned_abs()).to_string()
}

#[test]
fn a_second_factor_counts_from_its_first_code_and_each_code_once() {
    let (_dir, root) = world();
    let signed = enter(&root, "ann@x.example");
    let ann = session(&root, &signed.token, NOW).expect("session");
    let factor = ann.enroll_totp(GOOD).expect("begun");
    let sign_in =
        |code: Option<&str>, now| root.by_password(&by("ann@x.example", GOOD, code), now).map(|_| ());
    assert_eq!(sign_in(None, NOW), Ok(()));
    assert!(matches!(ann.confirm_totp("000000"), Err(Error::Invalid { field: "code", .. })));
    ann.confirm_totp(&code(&factor.secret, NOW)).expect("proved");
    assert!(ann.signing(&CancelToken::new()).expect("signing").factor);
    assert_eq!(sign_in(None, NOW), Err(Error::CodeNeeded));
    let wrong = by("ann@x.example", "a wrong one altogether", None);
    assert_eq!(root.by_password(&wrong, NOW), Err(Error::WrongPassword));
    assert_eq!(sign_in(Some(&code(&factor.secret, NOW)), NOW), Err(Error::WrongPassword));
    let next = later(60);
    assert_eq!(sign_in(Some(&code(&factor.secret, next)), next), Ok(()));
    assert_eq!(sign_in(Some(&code(&factor.secret, next)), next), Err(Error::WrongPassword));
    assert!(matches!(ann.enroll_totp(GOOD), Err(Error::Conflict(_))));
    assert_eq!(ann.disable_totp("a wrong one altogether"), Err(Error::WrongPassword));
    // A link for another password is no way past it.
    let link = shown(&root, ann.me().id, false);
    assert_eq!(root.by_link(&link, &chosen(None, GOOD), NOW).map(|_| ()), Err(Error::CodeNeeded));
    let later = later(120);
    let with = Chosen { code: Some(code(&factor.secret, later)), ..chosen(None, GOOD) };
    root.by_link(&link, &with, later).expect("in");
    // Whoever lost it is helped by a link that takes it away too.
    let link = shown(&root, ann.me().id, true);
    root.by_link(&link, &chosen(None, GOOD), NOW).expect("in");
    assert_eq!(sign_in(None, NOW), Ok(()));
}

#[test]
fn whoever_has_the_password_does_not_guess_the_code() {
    let (_dir, root) = world();
    let signed = enter(&root, "ann@x.example");
    let ann = session(&root, &signed.token, NOW).expect("session");
    let factor = ann.enroll_totp(GOOD).expect("begun");
    ann.confirm_totp(&code(&factor.secret, NOW)).expect("proved");
    let sign_in =
        |code: &str, now| root.by_password(&by("ann@x.example", GOOD, Some(code)), now).map(|_| ());
    for _ in 0..5 {
        assert_eq!(sign_in("wrong", NOW), Err(Error::WrongPassword));
    }
    let attempt = root.attempt_sign_in(&by("ann@x.example", GOOD, None), NOW).expect("attempted");
    assert_eq!((attempt.outcome, attempt.user, attempt.failed), (Err(Error::CodeNeeded), None, vec![]));
    // Not the right one either, and by a link no more than by the password.
    let wait = Err(Error::TooMany { seconds: 60 });
    assert_eq!(sign_in(&code(&factor.secret, later(30)), NOW), wait);
    let link = shown(&root, ann.me().id, false);
    let with = |code: &str| Chosen { code: Some(code.into()), ..chosen(None, GOOD) };
    assert_eq!(root.by_link(&link, &with("wrong"), NOW).map(|_| ()), wait);
    assert_eq!(root.by_link(&link, &with("wrong"), later(60)), Err(Error::WrongPassword));
    assert_eq!(sign_in("wrong", later(60)), Err(Error::TooMany { seconds: 120 }));
    let wrong = by("ann@x.example", GOOD, Some("wrong"));
    let attempt = root.attempt_sign_in(&wrong, later(180)).expect("attempted");
    assert_eq!(
        (attempt.user, attempt.failed),
        (None, vec![ann.me().id]),
        "a code that is wrong fails too"
    );
    // After hours of it, an hour for each; the right one begins anew.
    let mut now = later(180);
    for _ in 0..8 {
        now = Time(now.0 + 3_600);
        assert_eq!(sign_in("wrong", now), Err(Error::WrongPassword));
    }
    assert_eq!(sign_in("wrong", now), Err(Error::TooMany { seconds: 3_600 }));
    let now = Time(now.0 + 3_600);
    assert_eq!(sign_in(&code(&factor.secret, now), now), Ok(()));
    // One that was right and is sent again is worth nothing, and no guess either.
    for _ in 0..5 {
        assert_eq!(sign_in(&code(&factor.secret, now), now), Err(Error::WrongPassword));
    }
    let then = Time(now.0 + 1);
    assert_eq!(
        (sign_in("wrong", then), sign_in("wrong", then)),
        (Err(Error::WrongPassword), Err(Error::WrongPassword))
    );
    // Proving it once more would be guessing with nobody counting.
    assert!(matches!(ann.confirm_totp(&code(&factor.secret, then)), Err(Error::Conflict(_))));
    // Whoever is kept out by it is let in by whoever manages the account.
    (0..3).for_each(|_| assert_eq!(sign_in("wrong", then), Err(Error::WrongPassword)));
    let link = shown(&root, ann.me().id, true);
    root.by_link(&link, &chosen(None, GOOD), then).expect("in");
}

#[test]
fn links_are_made_by_those_who_manage_the_account_for_those_in_it() {
    let (_dir, root) = world();
    let below = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    root.add_user(below, "Low", "low@x.example", Role::Admin).expect("user");
    root.add_user(below, "View", "view@x.example", Role::ViewOnly).expect("user");
    let open = |email: &str| Local::open(root.path(), Some(email), false).expect("session");
    let (low, view) = (open("low@x.example"), open("view@x.example"));
    assert!(low.link(view.me().id, false).is_ok());
    assert!(matches!(low.link(root.me().id, false), Err(Error::NotFound { .. })));
    assert!(matches!(view.link(view.me().id, false), Err(Error::Denied { .. })));
    // A program does not sign people in.
    let token = low
        .add_token(&estate::NewToken { name: "t".into(), account: None, writes: true, expires: None })
        .expect("token");
    let program = Local::by_token(root.path(), &token.1, false).expect("program");
    assert_eq!(program.link(view.me().id, false).map(|_| ()), Err(Error::NotByToken));
    assert_eq!(program.set_password("", GOOD), Err(Error::NotByToken));
    assert_eq!(program.begin_session().map(|_| ()), Err(Error::NotByToken));
    // What happened is no change that could be undone; nor do the helpers of other tests stay
    // unused.
    let note = plan(&root, &Change::RenameAccount { account: below, name: "B".into() });
    assert_eq!((note.total, sim(&root, 11).account), (0, below));
    let link = root.entries(
        &LogFilter { kind: Some("link-user".into()), limit: 1, ..LogFilter::default() },
        &CancelToken::new(),
    );
    let link = link.expect("log").remove(0);
    assert!(!link.undoable && undo(&root, &link.id).is_err());
    assert!(go(estate::Progress { phase: "", done: 0, total: 0 }).is_continue());
}

/// The secret of the link in the newest letter.
fn mailed(root: &Local) -> (String, Secret) {
    let letters = root.letters(99).expect("letters");
    let letter = letters.last().expect("a letter");
    let link =
        letter.body.split_whitespace().find(|word| word.starts_with("https://sims.example/accept/"));
    let end = link.expect(&letter.body).rsplit('/').next().expect("an end");
    (letter.to.clone(), Secret::read(end).expect("a secret"))
}

fn mailing(root: Local) -> Local {
    root.with_mail(true).with_links(Some("https://sims.example/".into()))
}

#[test]
fn where_mail_goes_out_links_are_mailed_and_shown_to_nobody() {
    let (_dir, root) = world();
    let root = mailing(root);
    let ann = invite(&root, "ann@x.example");
    let (_, invitation) = mailed(&root);
    assert_eq!(root.find_link(&invitation, NOW).expect("good").purpose, LinkPurpose::Invitation);
    // A later one takes the place of the one before.
    let link = root.link(ann.id, false).expect("link");
    assert_eq!((link.secret, link.mailed_to.as_deref()), (None, Some("ann@x.example")));
    assert!(root.find_link(&invitation, NOW).is_err());
    root.by_link(&mailed(&root).1, &chosen(None, GOOD), NOW).expect("in");
    let reset = root.link(ann.id, true).expect("link");
    assert_eq!(reset.secret, None);
    // Mail that goes out without a way to the server makes no link at all.
    let root = root.with_links(None);
    assert!(matches!(root.link(ann.id, false), Err(Error::Conflict(why)) if why.contains("url")));
}

#[test]
fn where_mail_goes_out_another_address_is_confirmed_by_a_link_that_is_mailed_there() {
    let (_dir, root) = world();
    let root = mailing(root);
    invite(&root, "ann@x.example");
    let signed = root.by_link(&mailed(&root).1, &chosen(None, GOOD), NOW).expect("in");
    let ann = mailing(session(&root, &signed.token, NOW).expect("session"));
    let change = Change::EditProfile { name: "Ann".into(), email: "new@x.example".into() };
    apply(&ann, &change).expect("asked for");
    let (recipient, confirmation) = mailed(&root);
    assert_eq!(recipient, "new@x.example");
    let linked = root.find_link(&confirmation, NOW).expect("good");
    assert_eq!((linked.email.as_str(), linked.purpose), ("new@x.example", LinkPurpose::Address));
    let sign_in = |email: &str| root.by_password(&by(email, GOOD, None), NOW).map(|_| ());
    // Whoever reads that mailbox by mistake does not have the password.
    let wrong = root.by_link(&confirmation, &chosen(None, "another few words"), NOW);
    assert_eq!(wrong, Err(Error::WrongPassword));
    assert_eq!((sign_in("ann@x.example"), sign_in("new@x.example")), (Ok(()), Err(Error::WrongPassword)));
    root.by_link(&confirmation, &chosen(None, GOOD), NOW).expect("confirmed");
    assert_eq!((sign_in("ann@x.example"), sign_in("new@x.example")), (Err(Error::WrongPassword), Ok(())));
    assert!(root.by_link(&confirmation, &chosen(None, GOOD), NOW).is_err());
    // A link for another password goes to the present address, and brings no other.
    let ann = user(&root, "new@x.example");
    let signed = root.by_password(&by("new@x.example", GOOD, None), NOW).expect("in");
    let session = mailing(session(&root, &signed.token, NOW).expect("session"));
    let change = Change::EditProfile { name: "Ann".into(), email: "third@x.example".into() };
    apply(&session, &change).expect("asked for");
    root.link(ann.id, false).expect("link");
    let (recipient, reset) = mailed(&root);
    assert_eq!(recipient, "new@x.example");
    root.by_link(&reset, &chosen(None, GOOD), NOW).expect("in");
    assert_eq!(
        (sign_in("new@x.example"), sign_in("third@x.example")),
        (Ok(()), Err(Error::WrongPassword))
    );
}

#[test]
fn another_address_is_taken_by_a_link_and_nobody_finds_out_by_it_whose_one_is() {
    let (_dir, root) = world();
    enter(&root, "bob@x.example");
    let signed = enter(&root, "ann@x.example");
    let ann = session(&root, &signed.token, NOW).expect("session");
    let sign_in = |email: &str| root.by_password(&by(email, GOOD, None), NOW).map(|_| ());
    let want = |email: &str| {
        let change = Change::EditProfile { name: "Ann".into(), email: email.into() };
        root.by_password(&by("ann@x.example", GOOD, None), NOW)
            .and_then(|signed| session(&root, &signed.token, NOW))
            .and_then(|ann| apply(&ann, &change))
    };
    // Somebody has it, or nobody: wanting it answers alike.
    want("bob@x.example").expect("noted");
    let taken = shown(&root, ann.me().id, false);
    root.by_link(&taken, &chosen(None, GOOD), NOW).expect("in");
    assert_eq!(sign_in("ann@x.example"), Ok(()));
    want("new@x.example").expect("noted");
    assert_eq!(sign_in("new@x.example"), Err(Error::WrongPassword));
    let free = shown(&root, ann.me().id, false);
    root.by_link(&free, &chosen(None, GOOD), NOW).expect("in");
    assert_eq!(sign_in("new@x.example"), Ok(()));
    assert_eq!(sign_in("ann@x.example"), Err(Error::WrongPassword));
}

#[test]
fn a_link_that_was_mailed_ends_when_the_address_changes_at_the_store() {
    let (_dir, root) = world();
    let root = mailing(root);
    invite(&root, "ann@x.example");
    let signed = root.by_link(&mailed(&root).1, &chosen(None, GOOD), NOW).expect("in");
    let ann = session(&root, &signed.token, NOW).expect("session");
    let change = Change::EditProfile { name: "Ann".into(), email: "new@x.example".into() };
    apply(&ann, &change).expect("asked for");
    root.link(ann.me().id, false).expect("link");
    let (_, reset) = mailed(&root);
    assert!(root.find_link(&reset, NOW).is_ok());
    Local::open(root.path(), Some("new@x.example"), false).expect("moved in");
    assert!(matches!(root.find_link(&reset, NOW), Err(Error::NotFound { what: "link", .. })));
}

#[test]
fn an_address_that_is_too_long_is_refused_before_anything_is_read() {
    let (_dir, root) = world();
    let sign_in = |length: usize| root.by_password(&by(&"x".repeat(length), GOOD, None), NOW);
    assert_eq!(sign_in(254), Err(Error::WrongPassword));
    assert!(matches!(sign_in(255), Err(Error::Invalid { field: "email", .. })));
}
