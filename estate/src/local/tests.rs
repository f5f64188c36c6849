//! What needs the inside of a session to be tested.

use std::ops::ControlFlow;

use super::*;
use crate::Estate;
use crate::change::{Change, Target};
use crate::demo::{self, Demo};
use crate::edit::Edit;
use crate::filter::Filter;
use crate::ids::{AccountId, SimId, TokenId, UserId};
use crate::list::List;
use crate::password::COMPUTED;
use crate::store::log::LogFilter;
use crate::store::sql::Sql;
use crate::token::{Chosen, NewToken, SignIn};
use crate::user::UserChange;

const PARTS: [&str; 20] = [
    "status=active",
    "status=blocked,alerted",
    "session=yes",
    "network:nord",
    "tariff:5MB",
    "tag:vip",
    "has:tag",
    "used>=1MB",
    "used_pct<50",
    "no:cap",
    "seen<30d",
    "tracker",
    "iccid:*7",
    "imsi:00101*",
    "account:fleet",
    "notes:x",
    "-status=active",
    "(network:tel or tag=vip)",
    "(status=inactive or notes:a)",
    "lifecycle=active",
];

/// What the indexes are crossed to holds every match, whatever the filter: small estates never get
/// there.
#[test]
fn crossed_indexes_lose_no_match() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("demo.db");
    let size = Demo { sims: 3_000, accounts: 30, seed: 5 };
    let now = Time(1_780_000_000);
    let root = demo::create(&path, size, now, &|_| ControlFlow::Continue(())).expect("demo");
    let customer = root.accounts(&CancelToken::new()).expect("accounts").all()[1].id;
    root.add_user(customer, "C", "c@x.example", Role::Admin).expect("user");
    let narrow = Local::open(&path, Some("c@x.example"), false).expect("opens");
    let mut crossings = 0;
    for local in [&root, &narrow] {
        for (i, a) in PARTS.iter().enumerate() {
            for b in &PARTS[i..] {
                let text = format!("{a} {b}");
                let filter = Filter::parse(&text).expect("filter");
                let query = Query { filter: filter.clone(), ..Query::all(local.me().account, now) };
                let counted = local.read(Capability::View, &CancelToken::new(), |view| {
                    let scope = view.scope_of(&query)?;
                    let condition = view.condition(&query)?;
                    let mut plain = Sql::new("SELECT count(*) FROM sim s WHERE ");
                    plain.push(condition.clone());
                    let plain = view.number(&plain)?;
                    let compiler = view.compiler(now);
                    let parts = compiler.crossable(&filter, scope.as_deref())?;
                    if parts.len() == 0 {
                        return Ok((plain, plain));
                    }
                    crossings += 1;
                    let all: Vec<usize> = (0..parts.len()).collect();
                    let crossing = compiler.cross(&parts, &all, 1.0)?;
                    let mut looked_up = Sql::new("SELECT count(*) FROM (");
                    looked_up.push(crossing.lookup());
                    looked_up.text.push_str(") d CROSS JOIN sim s ON s.id = d.id WHERE ");
                    looked_up.push(condition.clone());
                    let mut walked = Sql::new("SELECT count(*) FROM sim s WHERE ");
                    walked.push(crossing.condition());
                    walked.text.push_str(" AND ");
                    walked.push(condition);
                    assert_eq!(view.number(&looked_up)?, view.number(&walked)?, "{text}");
                    Ok((plain, view.number(&walked)?))
                });
                let (plain, crossed) = counted.expect("counted");
                assert_eq!(plain, crossed, "{text}");
                assert_eq!(local.count(&query, &CancelToken::new()), Ok(plain), "{text}");
            }
        }
    }
    assert!(crossings > 300, "{crossings}");
}

/// Asks for something by the numbers of a SIM, an account, a user, and by an ICCID.
type Ask<'a> = dyn Fn(SimId, AccountId, UserId, &str) + 'a;

/// What the statements of a piece of work are, whatever comes of it.
fn statements(local: &Local, work: impl FnOnce()) -> Vec<String> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    // The accounts are read once and kept: not before one of the two only.
    local.rev().expect("read");
    local.accounts(&CancelToken::new()).expect("read");
    local.store.overhear(&heard).expect("overheard");
    work();
    std::mem::take(&mut *lock(&heard))
}

/// A customer, and what lies beside it.
struct Neighbours {
    _dir: tempfile::TempDir,
    root: Local,
    narrow: Local,
    theirs: Local,
    sim: crate::Sim,
    account: AccountId,
}

const NOW: Time = Time(1_780_000_000);

fn neighbours() -> Neighbours {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("demo.db");
    let size = Demo { sims: 300, accounts: 12, seed: 5 };
    let root = demo::create(&path, size, NOW, &|_| ControlFlow::Continue(())).expect("demo");
    let c = CancelToken::new();
    let tree = root.accounts(&c).expect("accounts");
    let (customer, account) = (tree.all()[1].id, tree.all().last().expect("another").id);
    assert!(!tree.is_under(account, customer));
    root.add_user(customer, "C", "c@x.example", Role::Admin).expect("user");
    root.add_user(account, "D", "d@x.example", Role::User).expect("user");
    let query = Query { deep: false, ..Query::all(account, NOW) };
    let page = root.page(&query, &Seek::First, 1, &c).expect("page");
    let sim = page.rows.first().expect("a SIM beside").sim.clone();
    let open = |email| Local::open(&path, Some(email), false).expect("opens");
    let (narrow, theirs) = (open("c@x.example"), open("d@x.example"));
    Neighbours { _dir: dir, root, narrow, theirs, sim, account }
}

fn edit(sim: SimId) -> Change {
    let edit = Edit { notes: Some("x".into()), ..Edit::default() };
    Change::Edit { target: Target::ids([sim]), edit: Box::new(edit) }
}

/// Time tells as much as words: what is hidden costs what costs what is not there.
#[test]
fn what_is_hidden_is_looked_for_by_the_same_statements_as_what_is_not_there() {
    let Neighbours { narrow, theirs, sim, account: beside, .. } = &neighbours();
    let (c, now, user) = (CancelToken::new(), NOW, theirs.me().id);
    let go = |_| ControlFlow::Continue(());
    let asks: [(&str, &Ask<'_>); 16] = [
        ("sim", &|sim, _, _, _| drop(narrow.sim(sim, &c))),
        ("iccid", &|_, _, _, iccid| drop(narrow.sim_by_iccid(iccid, &c))),
        ("stated", &|sim, _, _, _| drop(narrow.last_state_change(sim, &c))),
        ("usage", &|sim, _, _, _| drop(narrow.usage(sim, &c))),
        ("lookup", &|_, _, _, iccid| drop(narrow.lookup(&List::of([iccid]), &c))),
        ("users", &|_, account, _, _| drop(narrow.users(Some(account), &c))),
        ("externals", &|_, account, _, _| drop(narrow.externals(account, &c))),
        ("help", &|_, account, _, _| drop(narrow.help_of(account, &c))),
        ("spent", &|_, account, _, _| drop(narrow.estate_usage(account, &c))),
        ("count", &|_, account, _, _| drop(narrow.count(&Query::all(account, now), &c))),
        ("page", &|_, account, _, _| drop(narrow.page(&Query::all(account, now), &Seek::First, 9, &c))),
        ("log", &|sim, _, _, _| {
            drop(narrow.entries(&LogFilter { sim: Some(sim), limit: 9, ..LogFilter::default() }, &c));
        }),
        ("tokens", &|_, _, user, _| drop(narrow.tokens(user))),
        ("plan", &|sim, _, _, _| drop(narrow.plan(&edit(sim), &c))),
        ("rename", &|_, account, _, _| {
            drop(narrow.apply(
                &ChangeId::new(),
                &Change::RenameAccount { account, name: "N".into() },
                &go,
            ));
        }),
        ("role", &|_, _, user, _| {
            let to = UserChange::Role(Role::Admin);
            drop(narrow.apply(&ChangeId::new(), &Change::ChangeUser { user, to }, &go));
        }),
    ];
    for (what, ask) in asks {
        let hidden = statements(narrow, || ask(sim.id, *beside, user, &sim.iccid));
        let absent = statements(narrow, || {
            ask(SimId(9_999_999), AccountId(9_999), UserId(9_999), "8900101000000000011");
        });
        assert!(!hidden.is_empty() || what == "tokens", "{what} is overheard");
        assert_eq!(hidden, absent, "{what}");
    }
}

#[test]
fn what_somebody_else_made_is_looked_for_as_what_nobody_made() {
    let Neighbours { root, narrow, theirs, sim, .. } = &neighbours();
    let new = NewToken { name: "t".into(), account: None, writes: false, expires: None };
    let token = theirs.add_token(&new).expect("token").0.id;
    let made =
        root.apply(&ChangeId::new(), &edit(sim.id), &|_| ControlFlow::Continue(())).expect("made").id;
    let revoke = |id| statements(narrow, || drop(narrow.revoke_token(id)));
    let (hidden, absent) = (revoke(token), revoke(TokenId(9_999)));
    assert!(hidden.iter().any(|said| said.contains("FROM token")), "{hidden:?}");
    assert_eq!(hidden, absent);
    let undo =
        |change| statements(narrow, || drop(narrow.plan(&Change::Undo { change }, &CancelToken::new())));
    let (hidden, absent) = (undo(made), undo(ChangeId::new()));
    assert!(hidden.iter().any(|said| said.contains("FROM log")), "{hidden:?}");
    assert_eq!(hidden, absent);
}

/// The tree of a session that was open all along is the tree that a new session reads, after any
/// change.
#[test]
fn a_kept_tree_follows_every_change() {
    use crate::change::{Grouping, MoveOptions};
    use crate::levels::Levels;
    let Neighbours { root, narrow, theirs, account, .. } = &neighbours();
    let c = CancelToken::new();
    let customer = narrow.me().account;
    let sims = |under, n| {
        let query = Query::all(under, NOW);
        Target::ids(root.target_ids(&Target::query(query), n, &c).expect("ids"))
    };
    let change = |change: &Change| {
        let made = root.apply(&ChangeId::new(), change, &|_| ControlFlow::Continue(())).expect("made");
        for local in [root, narrow, theirs] {
            let fresh = Local::open(root.path(), Some(&local.me().email), false).expect("opens");
            let (kept, read) = (local.accounts(&c).expect("kept"), fresh.accounts(&c).expect("read"));
            assert_eq!(kept.all(), read.all(), "{change:?}");
        }
        Change::Undo { change: made.id }
    };
    let undo =
        change(&Change::Move { target: sims(customer, 20), to: *account, clear: MoveOptions::default() });
    change(&Change::Move { target: sims(*account, 5), to: customer, clear: MoveOptions::default() });
    change(&change(&undo));
    let levels = Levels { cap: Some(1_000), ..Levels::default() };
    change(&change(&Change::SetLevels { target: sims(customer, 20), levels }));
    change(&edit(sims(customer, 1).ids.first().copied().expect("a SIM")));
    let tags = Edit { categories: crate::edit::ListEdit::parse("+north"), ..Edit::default() };
    change(&Change::Edit { target: sims(customer, 9), edit: Box::new(tags) });
    let by = Grouping::Category;
    change(&change(&Change::Convert { target: sims(customer, 9), account: customer, by }));
    change(&change(&Change::RenameAccount { account: *account, name: "Renamed".into() }));
    change(&change(&Change::SetCeiling { account: customer, ceiling: Some(500) }));
    change(&change(&Change::MoveAccount { account: *account, under: customer }));
    root.add_user(*account, "E", "e@x.example", Role::Admin).expect("user");
    change(&change(&Change::Move {
        target: sims(customer, 3),
        to: *account,
        clear: MoveOptions::default(),
    }));
}

/// Signs in by a wrong password; returns the number of hashes computed for that.
fn hashes_of_sign_in(local: &Local, email: &str, account: Option<&str>) -> usize {
    let before = COMPUTED.get();
    let (email, password) = (email.to_owned(), "a wrong one altogether".to_owned());
    let by = SignIn { email, password, account: account.map(str::to_owned), ..SignIn::default() };
    assert_eq!(local.by_password(&by, NOW), Err(Error::WrongPassword));
    COMPUTED.get() - before
}

#[test]
fn the_number_of_hashes_of_a_sign_in_tells_nothing_of_the_store() {
    let there = neighbours();
    let root = &there.root;
    let none = hashes_of_sign_in(root, "ann@x.example", None);
    for account in [there.narrow.me().account, there.account, root.me().account] {
        root.add_user(account, "Ann", "ann@x.example", Role::User).expect("user");
        let users = root.users(Some(account), &CancelToken::new()).expect("users");
        let ann = users.into_iter().find(|user| user.email == "ann@x.example").expect("added");
        let link = root.link(ann.id, false).expect("link").secret.expect("shown");
        let chosen = Chosen { password: "several words in a row".into(), ..Chosen::default() };
        root.by_link(&link, &chosen, NOW).expect("in");
        for email in ["ann@x.example", "nobody@x.example"] {
            assert_eq!(hashes_of_sign_in(root, email, None), none, "{email}");
            assert_eq!(hashes_of_sign_in(root, email, Some("nowhere")), none, "{email}");
        }
    }
}
