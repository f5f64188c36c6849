//! Pages joined are the whole query, for every sort and direction; filters mean what a plain
//! evaluator says.

mod common;

/// The sample files.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data");

use common::{estate, import};
use estate::{
    AccountId, Accounts, CancelToken, Column, Estate, Filter, Key, List, Local, Op, Order, Page, Query,
    Row, Seek, Sim, SimId, SortValue, Target, Term, Time, Value, text,
};
use proptest::prelude::*;

const NOW: Time = Time(1_780_000_000);

fn page(local: &Local, query: &Query, seek: &Seek, limit: u16) -> Page {
    local.page(query, seek, limit, &CancelToken::new()).expect("page")
}

/// All rows by the simplest way there is: the export, sorted here.
fn whole(local: &Local, query: &Query) -> Vec<Sim> {
    let mut sims = Vec::new();
    local
        .export(
            query,
            None,
            &mut |sim| {
                sims.push(sim.clone());
                Ok(true)
            },
            &CancelToken::new(),
        )
        .expect("export");
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    let compared = |a: &Sim, b: &Sim| {
        let by_value = query.sort.keys().iter().map(|sort| {
            let found = rank(a, sort.by, &accounts).cmp(&rank(b, sort.by, &accounts));
            if sort.descending { found.reverse() } else { found }
        });
        let by_id = if query.sort.first().descending { b.id.cmp(&a.id) } else { a.id.cmp(&b.id) };
        by_value.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(by_id)
    };
    sims.sort_by(compared);
    sims
}

fn rank(sim: &Sim, by: Column, accounts: &Accounts) -> (i64, String) {
    let number = |n: i64| (n, String::new());
    let text = |text: &str| (0, text.to_owned());
    let list = |list: &[String]| {
        (0, if list.is_empty() { String::new() } else { format!("\n{}\n", list.join("\n")) })
    };
    let level = |n: Option<u64>| n.map_or(0, |n| n as i64);
    match by {
        Column::Iccid => text(&estate::ident::Iccid::parse(&sim.iccid).expect("stored").0.key()),
        Column::Label => text(&text::natural_key(&sim.label)),
        Column::Network => text(&sim.network),
        Column::Tariff => text(&sim.tariff),
        Column::Imsi => text(&sim.imsi),
        Column::Msisdn => text(&sim.msisdn),
        Column::Eid => text(&sim.eid),
        Column::Imei => text(&sim.imei),
        Column::Notes => text(&sim.notes),
        Column::Tags => list(&sim.tags),
        Column::Categories => list(&sim.categories),
        Column::Recipients => list(&sim.recipients),
        Column::Lifecycle => number(sim.lifecycle as i64),
        Column::Hard => number(i64::from(sim.hard_cap)),
        Column::Alert => number(level(sim.alert)),
        Column::AsOf => number(sim.usage_as_of.map_or(0, |t| t.0)),
        Column::Activated => number(sim.activated.map_or(0, |t| t.0)),
        Column::Account => number(accounts.place(sim.account).expect("visible") as i64),
        Column::Status => {
            number(estate::Status::ALL.iter().position(|s| *s == sim.status).expect("status") as i64)
        }
        Column::Session => number(i64::from(sim.in_session)),
        Column::Used => number(sim.used as i64),
        Column::Cap => number(level(sim.cap)),
        Column::UsedPct => number(sim.percent().map_or(-1, |p| p as i64)),
        Column::Seen => number(sim.last_seen.map_or(0, |t| t.0)),
    }
}

fn ids(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|r| r.sim.id.0).collect()
}

fn forward(local: &Local, query: &Query, limit: u16) -> Vec<i64> {
    let mut at = page(local, query, &Seek::First, limit);
    let mut all = ids(&at.rows);
    assert!(!at.before);
    while at.after {
        let last: Key = at.rows.last().expect("more follow").key.clone();
        at = page(local, query, &Seek::After(last), limit);
        assert!(at.before && !at.rows.is_empty());
        all.extend(ids(&at.rows));
    }
    all
}

fn backward(local: &Local, query: &Query, limit: u16) -> Vec<i64> {
    let mut at = page(local, query, &Seek::Last, limit);
    let mut all = ids(&at.rows);
    while at.before {
        let first = at.rows.first().expect("more before").key.clone();
        at = page(local, query, &Seek::Before(first), limit);
        all.splice(0..0, ids(&at.rows));
    }
    all
}

fn sorts() -> impl Iterator<Item = Order> {
    let alone = Column::all().flat_map(|by| [false, true].map(|descending| Order::by(by, descending)));
    let several = [
        "status,used:desc",
        "status:desc,used:desc",
        "account,used:desc,label",
        "account:desc,label,cap:desc",
        "label,account:desc",
        "tags,notes:desc,seen",
        "session:desc,network,status:desc,iccid",
    ];
    alone.chain(several.map(|text| Order::parse(text).expect("order")))
}

/// Random rows with many ties and empty values.
fn csv(rows: &[(u8, u8, u8, u8)]) -> Vec<u8> {
    let mut out = String::from("iccid,label,account,status,network,used,cap,last_seen,in_session\n");
    for (i, (a, b, c, d)) in rows.iter().enumerate() {
        let label = ["", "Van 2", "van 02", "Éa", "Van 10", "VAN 2", "Meter", "a1b10", "a2b1"]
            [usize::from(a % 9)];
        let account = ["", "A 10", "A 9 / X", "A 9", "a 10 / Ü"][usize::from(b % 5)];
        let status = ["active", "suspended", "inactive", "terminated", "unmanaged"][usize::from(c % 5)];
        let network = ["EE", "O2", ""][usize::from(d % 3)];
        let cap = [0u32, 100, 1000][usize::from(a % 3)];
        let seen = if d % 2 == 0 { String::new() } else { format!("2026-04-{:02}", d % 20 + 1) };
        let session = b % 2;
        out.push_str(&format!(
            "8900101{i:012},{label},{account},{status},{network},{},{cap},{seen},{session}\n",
            u32::from(*c) * 7
        ));
    }
    out.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_joined_are_the_whole_query(rows in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 0..70), limit in 1u16..20) {
        let (_dir, local) = estate();
        import(&local, &csv(&rows));
        for filter in ["", "status=active or label:van", "in:\"A 9\" used>100", "label=\"van 2\"", "label=\"van 2\",a1b10 -in:\"A 9\""] {
            if filter.contains("in:") && local.accounts(&CancelToken::new()).expect("accounts").find("A 9").is_err() {
                continue;
            }
            for sort in sorts() {
                let filter = Filter::parse(filter).expect("filter");
                let query = Query { filter, sort: sort.clone(), ..Query::all(local.me().account, NOW) };
                let wanted: Vec<i64> = whole(&local, &query).iter().map(|s| s.id.0).collect();
                prop_assert_eq!(forward(&local, &query, limit), wanted.clone(), "forward {:?}", sort);
                prop_assert_eq!(backward(&local, &query, limit), wanted.clone(), "backward {:?}", sort);
                prop_assert_eq!(local.count(&query, &CancelToken::new()).expect("count"), wanted.len() as u64);
                let middle = wanted.len() as u64 / 2;
                let jumped = page(&local, &query, &Seek::Row(middle), limit);
                prop_assert_eq!(ids(&jumped.rows), wanted[middle as usize..].iter().copied().take(limit.into()).collect::<Vec<_>>());
                if let Some(row) = jumped.rows.first() {
                    let again = page(&local, &query, &Seek::At(row.key.clone()), limit);
                    prop_assert_eq!(ids(&again.rows), ids(&jumped.rows));
                    prop_assert_eq!(again.before, middle > 0);
                    let range = local.range(&query, &row.key, &jumped.rows.last().expect("row").key, 1000, &CancelToken::new()).expect("range");
                    prop_assert_eq!(range.len(), jumped.rows.len());
                }
            }
        }
    }
}

fn sample() -> (tempfile::TempDir, Local) {
    let (dir, local) = estate();
    import(&local, &std::fs::read(format!("{DATA}/estate-2k/sims.csv")).expect("sample"));
    (dir, local)
}

/// The language again, written plainly and slowly, without any database.
fn holds(filter: &Filter, sim: &Sim, accounts: &Accounts) -> bool {
    match filter {
        Filter::All => true,
        Filter::And(list) => list.iter().all(|f| holds(f, sim, accounts)),
        Filter::Or(list) => list.iter().any(|f| holds(f, sim, accounts)),
        Filter::Not(inner) => !holds(inner, sim, accounts),
        Filter::Term(term) if term.op == Op::Ne => {
            !holds(&Filter::Term(Term { op: Op::Eq, ..term.clone() }), sim, accounts)
        }
        Filter::Term(term) => term.values.iter().any(|value| compares(term, value, sim, accounts)),
    }
}

fn compares(term: &Term, value: &Value, sim: &Sim, accounts: &Accounts) -> bool {
    let number = |n: Option<u64>, wanted: u64| n.is_some_and(|n| ordered(term.op, n.cmp(&wanted)));
    let time = |t: Option<Time>, wanted: Time| t.is_some_and(|t| ordered(term.op, t.cmp(&wanted)));
    match (term.field.name(), value) {
        ("used", Value::Bytes(n)) => number(Some(sim.used), *n),
        ("cap", Value::Bytes(n)) => number(sim.cap, *n),
        ("alert", Value::Bytes(n)) => number(sim.alert, *n),
        ("used_pct", Value::Percent(n)) => number(sim.percent(), *n),
        ("alert_pct", Value::Percent(n)) => number(alert_percent(sim), *n),
        // The sample does not say as of when its usage is.
        ("pace", Value::Percent(_)) => false,
        ("seen", Value::At(t)) => time(sim.last_seen, *t),
        ("seen", Value::Age(age)) => time(sim.last_seen, Time(NOW.0 - *age as i64)),
        ("status", Value::Status(status)) => sim.status == *status,
        ("session", Value::Flag(flag)) => sim.in_session == *flag,
        ("has", Value::Field(field)) => filled(sim, field.name()),
        ("no", Value::Field(field)) => !filled(sim, field.name()),
        ("in", Value::Text(path)) => {
            accounts.is_under(sim.account, accounts.find(path).expect("account"))
        }
        ("path", Value::Text(path)) => sim.account == accounts.find(path).expect("account"),
        ("account", Value::Text(wanted)) if term.op == Op::Eq => {
            let name = &accounts.get(sim.account).expect("visible").name;
            text::case_fold(name) == text::case_fold(wanted)
        }
        (name, Value::Text(wanted)) => {
            strings(sim, name, accounts).iter().any(|have| says(term.op, wanted, have))
        }
        other => panic!("not evaluated: {other:?}"),
    }
}

fn alert_percent(sim: &Sim) -> Option<u64> {
    Some(sim.alert? * 100 / sim.cap?)
}

fn ordered(op: Op, found: std::cmp::Ordering) -> bool {
    match op {
        Op::Lt => found.is_lt(),
        Op::Le => found.is_le(),
        Op::Gt => found.is_gt(),
        Op::Ge => found.is_ge(),
        _ => found.is_eq(),
    }
}

fn filled(sim: &Sim, name: &str) -> bool {
    match name {
        "cap" => sim.cap.is_some(),
        "alert_pct" => alert_percent(sim).is_some(),
        "pace" => false,
        "seen" => sim.last_seen.is_some(),
        "label" => !sim.label.is_empty(),
        "eid" => !sim.eid.is_empty(),
        "tag" => !sim.tags.is_empty(),
        "category" => !sim.categories.is_empty(),
        other => panic!("not evaluated: {other}"),
    }
}

fn strings(sim: &Sim, name: &str, accounts: &Accounts) -> Vec<String> {
    let account = accounts.get(sim.account).expect("visible").name.clone();
    match name {
        "iccid" => vec![sim.iccid.clone()],
        "imsi" => vec![sim.imsi.clone()],
        "msisdn" => vec![sim.msisdn.clone()],
        "label" => vec![sim.label.clone()],
        "network" => vec![sim.network.clone()],
        "tariff" => vec![sim.tariff.clone()],
        "tag" => sim.tags.clone(),
        "category" => sim.categories.clone(),
        "account" => vec![account],
        "" => vec![
            sim.iccid.clone(),
            sim.imsi.clone(),
            sim.msisdn.clone(),
            sim.eid.clone(),
            sim.imei.clone(),
            sim.label.clone(),
            account,
        ],
        other => panic!("not evaluated: {other}"),
    }
}

fn says(op: Op, wanted: &str, have: &str) -> bool {
    let (wanted, have) = (text::fold(wanted), text::fold(have));
    match op {
        Op::Has if wanted.contains('*') => text::fits(&wanted, &have),
        Op::Has => have.contains(&wanted),
        _ => have == wanted,
    }
}

/// Comparisons of every kind, to be combined.
const ATOMS: [&str; 51] = [
    "tag:*k",
    "has:tag",
    "category:a",
    "tariff=\"IoT 50\"",
    "msisdn=447700900123,4477001",
    "(tag=uk or network=EE or used>2GB)",
    "used!=0",
    "cap!=100MB",
    "used_pct!=0",
    "status!=active",
    "network!=EE",
    "label:tracker,pump",
    "status=active",
    "status:suspended,terminated",
    "used>1GB",
    "used<=5MB",
    "cap>=100MB",
    "no:cap",
    "used_pct>=80",
    "alert_pct>=80",
    "alert_pct<80 or no:alert_pct",
    "pace>=1 or has:pace",
    "used_pct<10",
    "seen<30d",
    "seen>=2026-04-25",
    "session:yes",
    "label:tracker",
    "label:*0073",
    "label=\"Pump Paris 5912\"",
    "network=EE",
    "network:voda*",
    "network:tele",
    "tariff:iot",
    "tag:fleet",
    "tag=uk",
    "has:eid",
    "no:label",
    "account:fleet",
    "account=Pilot",
    "in:\"/Root/Acme Ltd\"",
    "path=\"/Root/Acme Ltd/POS\"",
    "iccid:*18937",
    "iccid:8944*",
    "iccid:4718",
    "imsi:23410",
    "msisdn:4475",
    "leeds",
    "paris",
    "0073",
    "ZÜRICH",
    "smart",
];

#[test]
fn filters_mean_what_a_plain_evaluator_says() {
    let (_dir, local) = sample();
    while local.run_maintenance_step().expect("index") {}
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    let everything = whole(&local, &Query::all(local.me().account, NOW));
    let mut tried = 0;
    for (i, a) in ATOMS.iter().enumerate() {
        let b = ATOMS[(i * 7 + 3) % ATOMS.len()];
        let c = ATOMS[(i * 11 + 5) % ATOMS.len()];
        for text in [
            (*a).to_owned(),
            format!("-{a}"),
            format!("{a} {b}"),
            format!("{a} or {b}"),
            format!("({a} or {b}) -{c}"),
            format!("{a} -({b} {c})"),
        ] {
            let filter = Filter::parse(&text).expect(&text);
            let query = Query { filter: filter.clone(), ..Query::all(local.me().account, NOW) };
            let wanted: Vec<SimId> =
                everything.iter().filter(|s| holds(&filter, s, &accounts)).map(|s| s.id).collect();
            assert_eq!(
                local.count(&query, &CancelToken::new()).expect("count"),
                wanted.len() as u64,
                "count of {text}"
            );
            for sort in [
                Order::default(),
                Order::by(Column::Used, true),
                Order::by(Column::Account, false),
                Order::parse("status,used:desc").expect("order"),
            ] {
                let query = Query { sort: sort.clone(), ..query.clone() };
                let mut found: Vec<i64> = forward(&local, &query, 200);
                found.sort_unstable();
                let mut wanted: Vec<i64> = wanted.iter().map(|id| id.0).collect();
                wanted.sort_unstable();
                assert_eq!(found, wanted, "{text} by {sort}");
            }
            let frozen = Query { filter: filter.freeze(&accounts, NOW).expect("frozen"), ..query };
            assert_eq!(
                local.count(&frozen, &CancelToken::new()).expect("count"),
                wanted.len() as u64,
                "frozen {text}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn a_key_of_an_account_outside_is_no_way_in() {
    let (_dir, local) = sample();
    let query = Query { under: AccountId(999_999), ..Query::all(local.me().account, NOW) };
    assert!(local.page(&query, &Seek::First, 10, &CancelToken::new()).is_err());
    let key = Key { values: vec![SortValue::Number(999_999)], id: SimId(1) };
    let sorted = Query { sort: Order::by(Column::Account, false), ..Query::all(local.me().account, NOW) };
    assert!(local.page(&sorted, &Seek::After(key), 10, &CancelToken::new()).is_err());
}

#[test]
fn numbers_are_found_with_and_without_check_digit() {
    let (_dir, local) = estate();
    import(&local, b"iccid\n89883030000080139311\n8900101000000000043\n");
    let count = |text: &str| {
        let query =
            Query { filter: Filter::parse(text).expect(text), ..Query::all(local.me().account, NOW) };
        local.count(&query, &CancelToken::new()).expect("count")
    };
    for text in [
        "8988303000008013931",
        "89883030000080139311",
        "iccid=8988303000008013931",
        "iccid:*39311",
        "890010100000000004",
    ] {
        assert_eq!(count(text), 1, "{text}");
    }
    let list = List::of([
        "8988303000008013931",
        "89883030000080139311",
        "8900101000000000043F",
        "8900101000000000050",
    ]);
    let found = local.lookup(&list, &CancelToken::new()).expect("lookup");
    assert_eq!((found.found.len(), found.duplicates, found.unknown.len()), (2, 1, 1));
    assert_eq!(found.summary(), "2 of 3 found · 1 listed twice");
    let query = Query { filter: found.filter(), ..Query::all(local.me().account, NOW) };
    assert_eq!(local.count(&query, &CancelToken::new()), Ok(2), "the list is a criterion");
}

#[test]
fn the_text_index_changes_no_answer() {
    let (_dir, local) = estate();
    import(&local, "iccid,label,msisdn\n8988303000008013931,Tracker 4 4,447700900001\n890010100000000004,Pump 44-,447700900002\n8900101000000000050,+44,\n".as_bytes());
    let texts = [
        "iccid:89883030000080139311",
        "iccid:8900101000000000043",
        "89883030000080139311",
        "+44",
        "\"4 4\"",
        "\"44-\"",
        "label:tracker,pump",
        "tracker or pump",
        "447700900001",
        "\"+44 7700 900001\"",
        "label:\"4 4\"",
        "iccid:8303",
    ];
    let counts = || {
        texts.map(|text| {
            let query =
                Query { filter: Filter::parse(text).expect(text), ..Query::all(local.me().account, NOW) };
            let count = local.count(&query, &CancelToken::new()).expect(text);
            assert_eq!(page(&local, &query, &Seek::First, 100).rows.len() as u64, count, "{text}");
            (text, count)
        })
    };
    let before = counts();
    while local.run_maintenance_step().expect("index") {}
    assert_eq!(counts(), before);
    assert_eq!(before[0].1, 1);
    assert_eq!(before[1].1, 1);
    let hostile = Query {
        filter: Filter::term(estate::Field::Any, Op::Has, Value::Text("abc\0d".into())),
        ..Query::all(local.me().account, NOW)
    };
    assert_eq!(local.count(&hostile, &CancelToken::new()), Ok(0));
}

#[test]
fn long_lists_and_far_rows_are_bounded_work() {
    let (_dir, local) = sample();
    let count = |text: String| {
        let query = Query {
            filter: Filter::parse(&text).expect("filter"),
            ..Query::all(local.me().account, NOW)
        };
        local.count(&query, &CancelToken::new())
    };
    let numbers: Vec<String> = (0..20_000u64).map(|n| format!("8900101{n:012}")).collect();
    assert_eq!(count(format!("iccid={}", numbers.join(","))), Ok(0));
    assert_eq!(
        count(format!("imsi={}", numbers.iter().map(|n| &n[4..19]).collect::<Vec<_>>().join(","))),
        Ok(0)
    );
    assert_eq!(count(vec!["has:iccid"; 3_000].join(" ")), Ok(2_000));
    assert_eq!(count(format!("tag:{}", vec!["fleet"; 2_000].join(","))), count("tag:fleet".into()));
    assert_eq!(
        count(format!("recipient:{}", vec!["fleet"; 20_000].join(","))).map_err(|e| e.code()),
        Err("invalid")
    );
    for sort in sorts() {
        let query = Query { sort, ..Query::all(local.me().account, NOW) };
        assert_eq!(page(&local, &query, &Seek::Row(u64::MAX), 10).rows.len(), 0);
        let row = page(&local, &query, &Seek::Row(1_500), 1).rows.remove(0);
        assert!(local.range(&query, &row.key, &row.key, u64::MAX, &CancelToken::new()).is_ok());
    }
}

#[test]
fn a_target_is_union_minus_exceptions() {
    let (_dir, local) = sample();
    let view = Query::all(local.me().account, NOW);
    let active = Query { filter: Filter::parse("status=active").expect("filter"), ..view.clone() };
    let first = page(&local, &active, &Seek::First, 3);
    let other = page(
        &local,
        &Query { filter: Filter::parse("status=terminated").expect("filter"), ..view.clone() },
        &Seek::First,
        2,
    );
    let target = Target {
        any: vec![active.clone()],
        ids: other.rows.iter().map(|r| r.sim.id).collect(),
        except: first.rows.iter().map(|r| r.sim.id).collect(),
        ..Target::default()
    };
    let n = local.count(&active, &CancelToken::new()).expect("count");
    assert_eq!(local.count_target(&target, &view, &CancelToken::new()), Ok((n - 3 + 2, n - 3 + 2)));
    assert_eq!(local.count_target(&target, &active, &CancelToken::new()), Ok((n - 3 + 2, n - 3)));
    let ids: Vec<SimId> = first.rows.iter().chain(&other.rows).map(|r| r.sim.id).collect();
    assert_eq!(local.selected_among(&target, &ids, &CancelToken::new()).expect("marked").len(), 2);
}
