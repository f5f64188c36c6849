//! What was asked for by a key is done once, and is its asker's alone.

mod common;

use common::{estate, import};
use estate::{CancelToken, Change, ChangeId, Error, Estate, Local, NewToken, Role, Stage, Time};

const NOW: Time = Time(1_780_000_000);

#[test]
fn a_key_stands_for_one_body_for_a_day_and_for_one_user() {
    let (_dir, root) = estate();
    import(&root, b"iccid,account\n8900101000000000011,A\n");
    let top = root.me().account;
    let change = Change::AddAccount { parent: top, name: "New".into() };
    let id = ChangeId::new();
    let root = root.with_clock(|| NOW);
    assert_eq!(root.find_request("moves", "k", b"body"), Ok(None));
    assert_eq!(root.ask_for("moves", "k", b"body", &id, &change), Ok(None));
    let known =
        root.ask_for("moves", "k", b"body", &ChangeId::new(), &change).expect("asked").expect("known");
    assert_eq!((&known.id, known.stage, &known.change), (&id, Stage::Running, &change));
    assert_eq!(root.find_request("moves", "k", b"other"), Err(Error::KeyReused));
    assert_eq!(root.find_request("levels", "k", b"other"), Ok(None));
    root.finish_request(&id, Stage::Failed, "why").expect("ended");
    let found = root.request(&id, &CancelToken::new()).expect("found");
    assert_eq!((found.stage, found.answer.as_str(), found.at), (Stage::Failed, "why", NOW));
    assert_eq!(root.receipt(&id, &CancelToken::new()), Ok(None));
    // Nobody else finds it, nor a token of one's own for another account.
    root.add_user(top, "Other", "other@x.example", Role::Admin).expect("user");
    let other = Local::open(root.path(), Some("other@x.example"), false).expect("session");
    let below = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    let wanted = NewToken { name: "t".into(), account: Some(below), writes: true, expires: None };
    let (_, secret) = root.add_token(&wanted).expect("token");
    let token = Local::by_token(root.path(), &secret, false).expect("program");
    for local in [&other, &token] {
        assert!(matches!(local.request(&id, &CancelToken::new()), Err(Error::NotFound { .. })));
        assert_eq!(local.find_request("moves", "k", b"other"), Ok(None));
    }
    // The day after the key is free, and what it stood for is still there.
    let later = root.with_clock(|| Time(NOW.0 + 86_401));
    assert_eq!(later.ask_for("moves", "k", b"other", &ChangeId::new(), &change), Ok(None));
    assert!(later.request(&id, &CancelToken::new()).is_ok());
}
