//! Figures for estates with many accounts. A customer is a tree of 1,000 accounts, five levels deep
//! below it; one chain of accounts reaches the deepest level allowed.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use estate::{
    AccountId, CancelToken, Change, ChangeId, Estate, Filter, ImportOptions, Levels, Local, MoveOptions,
    NewEstate, Order, Query, Seek, Target, Time, WINDOW, limits,
};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;

use super::timed;

/// Accounts in the tree of one customer.
const CUSTOMER: u64 = 1_000;
/// Accounts directly below another.
const BRANCHES: u64 = 4;
const EMAIL: &str = "ada@northstar.example";

/// Prints the figures for an estate of `accounts` accounts and twice as many SIMs.
pub fn print_figures(accounts: u64) {
    println!("\n{} accounts", estate::number::count(accounts));
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("accounts.db");
    create_estate(&path, accounts);
    let open = || Local::open(&path, Some(EMAIL), false).expect("opens");
    timed("open, tree and first rows", || Session::new(open(), Kind::Demo, (160, 48), Time::now()));
    let local = open();
    changes(&local);
    let faults = timed("store check", || local.check().expect("checked"));
    assert!(faults.is_empty(), "{faults:?}");
    reads(&local);
}

fn create_estate(path: &Path, accounts: u64) {
    let new =
        NewEstate { account: "Northstar".into(), email: EMAIL.into(), name: "Ada Lindqvist".into() };
    let local = Local::create(path, &new).expect("created").with_clock(Time::now);
    let file = path.with_extension("csv");
    write_sims(&file, accounts).expect("written");
    timed("import", || {
        let input = Box::new(std::fs::File::open(&file).expect("file"));
        let (staging, _) = local
            .stage(input, &ImportOptions::default(), &mut |note| assert!(!note.refused, "{note:?}"), &go)
            .expect("staged");
        local.apply(&ChangeId::new(), &Change::Import { staging }, &go).expect("imported");
    });
    while local.run_maintenance_step().expect("index") {}
}

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Writes two SIMs for each account, with the account's path.
fn write_sims(file: &Path, accounts: u64) -> std::io::Result<()> {
    let mut csv = std::io::BufWriter::new(std::fs::File::create(file)?);
    writeln!(csv, "iccid,account,status")?;
    let mut sims = 0..;
    let mut write_two = |path: &str| {
        (0..2).try_for_each(|_| {
            let n = sims.next().unwrap_or(0);
            writeln!(csv, "8944500{n:012},{path},active")
        })
    };
    for n in 0..accounts {
        write_two(&path_of(n / CUSTOMER, n % CUSTOMER))?;
    }
    let chain: String = (1..=limits::ACCOUNT_DEPTH).map(|level| format!("/Level {level}")).collect();
    write_two(&format!("/Northstar{chain}"))?;
    csv.flush()
}

/// The path of an account in the tree of a customer.
fn path_of(customer: u64, mut account: u64) -> String {
    let mut names = Vec::new();
    while account > 0 {
        names.push(format!("/Unit {account}"));
        account = (account - 1) / BRANCHES;
    }
    names.push(format!("/Northstar/Customer {customer}"));
    names.into_iter().rev().collect()
}

fn changes(local: &Local) {
    let find =
        |path: &str| local.accounts(&CancelToken::new()).expect("accounts").find(path).expect("account");
    let (first, second) = (find(&path_of(0, 0)), find(&path_of(1, 0)));
    let unit = find(&path_of(0, 999));
    let ceiling = Some(1_000_000_000);
    change(local, "account ceiling", &Change::SetCeiling { account: second, ceiling });
    for what in ["cap on one SIM", "cap on another SIM"] {
        let cap = Some(100_000_000 + what.len() as u64);
        let levels = Levels { cap, ..Levels::default() };
        change(local, what, &Change::SetLevels { target: sims(local, unit, 1), levels });
    }
    change(
        local,
        "move of 100 SIMs",
        &Change::Move { target: sims(local, first, 100), to: second, clear: MoveOptions::default() },
    );
    let chain: String = (1..limits::ACCOUNT_DEPTH).map(|level| format!("/Level {level}")).collect();
    let deep = find(&format!("/Northstar{chain}"));
    let levels = Levels { cap: Some(1_000_000), ..Levels::default() };
    change(
        local,
        "cap on one SIM, 64 levels deep",
        &Change::SetLevels { target: sims(local, deep, 1), levels },
    );
    change(local, "account move, 1,000 accounts", &Change::MoveAccount { account: first, under: second });
    change(
        local,
        "account ceiling, 2,000 accounts",
        &Change::SetCeiling { account: second, ceiling: Some(500_000_000) },
    );
}

/// A target of the first SIMs of an account and of those below it.
fn sims(local: &Local, account: AccountId, limit: u64) -> Target {
    let query = Query::all(account, Time::now());
    Target::ids(local.target_ids(&Target::query(query), limit, &CancelToken::new()).expect("ids"))
}

/// Times the preflight and the change, each on its own.
fn change(local: &Local, what: &str, change: &Change) {
    let plan =
        timed(&format!("{what}: preflight"), || local.plan(change, &CancelToken::new()).expect("plan"));
    let change = change.clone().with_confirmation(&plan);
    timed(what, || local.apply(&ChangeId::new(), &change, &go).expect("changed"));
}

fn reads(local: &Local) {
    let cancel = CancelToken::new();
    let accounts = timed("read the tree", || local.accounts(&cancel).expect("accounts"));
    timed("find the last account by path, 1,000 times", || {
        let last = accounts.all().last().expect("account");
        let path = accounts.path(last.id);
        (0..1_000).for_each(|_| assert_eq!(accounts.find(&path), Ok(last.id)));
    });
    let all = Query::all(local.me().account, Time::now());
    let sorted = Query { sort: Order::parse("used:desc").expect("order"), ..all.clone() };
    for (under, filter) in
        [("/Northstar", ""), ("/Northstar/Customer 1", ""), ("/Northstar", "label:x notes:zz")]
    {
        let query = Query {
            under: accounts.find(under).expect("account"),
            filter: Filter::parse(filter).expect("filter"),
            sort: Order::parse("account").expect("order"),
            ..all.clone()
        };
        timed(&format!("first rows by account under {under} {filter}"), || {
            local.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
        });
    }
    for filter in ["account:unit", "in:\"/Northstar/Customer 1\"", "account:999"] {
        let query = Query { filter: Filter::parse(filter).expect("filter"), ..sorted.clone() };
        timed(&format!("first rows of {filter}"), || {
            local.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
        });
        timed("  and the count", || local.count(&query, &cancel).expect("count"));
    }
}
