//! What needs the inside of a session to be tested.

use std::ops::ControlFlow;

use super::*;
use crate::Estate;
use crate::demo::{self, Demo};
use crate::filter::Filter;
use crate::store::sql::Sql;

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

/// What the indexes are crossed to holds every match, whatever the filter: small estates never get there.
#[test]
fn crossed_indexes_lose_no_match() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("demo.db");
    let size = Demo { sims: 3_000, accounts: 30, seed: 5 };
    let now = Time(1_780_000_000);
    let root = demo::create(&path, size, now, &|_| ControlFlow::Continue(())).expect("demo");
    let customer = root.accounts(&Cancel::new()).expect("accounts").all()[1].id;
    root.add_user(customer, "C", "c@x.example", Role::Admin).expect("user");
    let narrow = Local::open(&path, Some("c@x.example"), false).expect("opens");
    let mut crossings = 0;
    for local in [&root, &narrow] {
        for (i, a) in PARTS.iter().enumerate() {
            for b in &PARTS[i..] {
                let text = format!("{a} {b}");
                let filter = Filter::parse(&text).expect("filter");
                let query = Query { filter: filter.clone(), ..Query::all(local.me().account, now) };
                let counted = local.read(Capability::View, &Cancel::new(), |view| {
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
                assert_eq!(local.count(&query, &Cancel::new()), Ok(plain), "{text}");
            }
        }
    }
    assert!(crossings > 300, "{crossings}");
}
