//! Figures at a million SIMs, or as many as the first argument says: `just bench`. `just bench
//! accounts` prints those of estates with many accounts only; further arguments are numbers of
//! accounts. Prints, asserts nothing.

#[path = "bench/many_accounts.rs"]
mod many_accounts;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use estate::demo::{self, Demo};
use estate::export::{Exporter, Format, default_fields};
use estate::{
    CancelToken, Change, ChangeId, Column, Edit, Estate, Field, Filter, Levels, List, ListEdit, Local,
    MoveOptions, Order, Query, Seek, Target, Time, WINDOW,
};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;
use simdeck::tui::term::screen::Screen;
use simdeck::tui::view;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    line(what, begun.elapsed());
    result
}

fn line(what: &str, took: Duration) {
    println!("{what:<58} {:>10.2} ms", took.as_secs_f64() * 1e3);
}

/// The most memory this process ever held.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    peak.split(':').nth(1).unwrap_or_default().trim().to_owned()
}

fn main() {
    let first = std::env::args().nth(1);
    if first.as_deref() != Some("accounts") {
        many_sims(first.and_then(|n| n.parse().ok()).unwrap_or(1_000_000));
    }
    let sizes: Vec<u64> = std::env::args().skip(2).filter_map(|n| n.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![2_000, 30_000, 100_000] } else { sizes };
    sizes.into_iter().for_each(many_accounts::print_figures);
}

fn many_sims(sims: u64) {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("bench.db");
    let size = Demo { sims, accounts: (sims / 500).clamp(20, 2_000), seed: 1 };
    let phases = Phases::default();
    let local = timed("import, browsable and filterable", || {
        demo::create_unindexed(&path, size, Time::now(), &|p| phases.hear(p.phase)).expect("demo")
    });
    phases.print();
    println!("{:<58} {:>13}", "  peak memory", peak());
    timed("text index, in the background", || while local.run_maintenance_step().expect("index") {});
    drop(local);
    let open = || Local::open(&path, Some("ada@northstar.example"), false).expect("opens");
    let mut session =
        timed("open, tree and first rows", || Session::new(open(), Kind::Demo, (160, 48), Time::now()));
    queries(session.estate.as_ref());
    workbook(session.estate.as_ref(), dir.path());
    keys(&mut session);
    changes(session.estate.as_ref(), sims);
    usage(session.estate.as_ref(), dir.path());
    println!("{:<58} {:>13}", "peak memory", peak());
}

/// When each phase of an import was first heard of.
#[derive(Default)]
struct Phases(std::sync::Mutex<Vec<(&'static str, Instant)>>);

impl Phases {
    fn hear(&self, phase: &'static str) -> ControlFlow<()> {
        let mut seen = self.0.lock().expect("lock");
        if seen.last().is_none_or(|(last, _)| *last != phase) {
            seen.push((phase, Instant::now()));
        }
        ControlFlow::Continue(())
    }

    fn print(&self) {
        let seen = self.0.lock().expect("lock");
        for pair in seen.windows(2) {
            line(&format!("  {}", pair[0].0), pair[1].1 - pair[0].1);
        }
        if let Some((phase, at)) = seen.last() {
            line(&format!("  {phase}, and the rest"), at.elapsed());
        }
    }
}

fn queries(estate: &dyn Estate) {
    let cancel = CancelToken::new();
    let all = Query::all(estate.me().account, Time::now());
    for by in Column::all() {
        let query = Query { sort: Order::by(by, true), ..all.clone() };
        timed(&format!("first rows by {}, largest first", by.name()), || {
            estate.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
        });
    }
    let accounts = estate.accounts(&cancel).expect("accounts");
    let customer = accounts.all().iter().skip(1).max_by_key(|a| a.subtree).expect("customer");
    let scoped = Query { under: customer.id, sort: Order::by(Column::Used, true), ..all.clone() };
    timed(&format!("first rows of an account of {} by used", customer.subtree), || {
        estate.page(&scoped, &Seek::First, WINDOW, &cancel).expect("page")
    });
    let tail = estate
        .page(&all, &Seek::Row(estate.count(&all, &cancel).expect("count") / 2), 1, &cancel)
        .expect("row")
        .rows[0]
        .sim
        .clone();
    filters(estate, &all, &tail);
    let last = Query { sort: Order::by(Column::Seen, false), ..all.clone() };
    timed("last rows by last seen", || estate.page(&last, &Seek::Last, WINDOW, &cancel).expect("page"));
    timed("row in the middle", || {
        estate
            .page(&all, &Seek::Row(estate.count(&all, &cancel).expect("count") / 2), WINDOW, &cancel)
            .expect("page")
    });
    pasted(estate, &all);
}

/// Filters of every kind an index serves, then some that none does.
fn filters(estate: &dyn Estate, all: &Query, tail: &estate::Sim) {
    let cancel = CancelToken::new();
    let digits = |number: &str, n: usize| number[number.len() - n..].to_owned();
    let used = Query { sort: Order::by(Column::Used, true), ..all.clone() };
    let seen = Query { sort: Order::by(Column::Seen, true), ..all.clone() };
    let accounts = estate.accounts(&cancel).expect("accounts");
    let account = accounts.all().iter().rev().find(|a| a.own > 0).expect("an account");
    for (query, text) in [
        (all, format!("iccid:*{}", digits(&tail.iccid, 8))),
        (all, format!("iccid:*{}", digits(&tail.iccid, 3))),
        (all, format!("iccid:{}*", &tail.iccid[..12])),
        (all, tail.iccid.clone()),
        (all, format!("imsi={}", tail.imsi)),
        (all, format!("imsi:{}*", &tail.imsi[..9])),
        (all, format!("msisdn:*{}", digits(&tail.msisdn, 5))),
        (all, "Tracker Leeds 4242".to_owned()),
        (all, "tracker".to_owned()),
        (all, "status=active".to_owned()),
        (&used, "status=active".to_owned()),
        (&used, "status=blocked network:nord".to_owned()),
        (&used, "status=inactive used>0".to_owned()),
        (all, "network=Alpinet or status=blocked".to_owned()),
        (&used, "tag=vip".to_owned()),
        (all, "tag:do-not -status=active".to_owned()),
        (&used, "tariff:5MB session=yes".to_owned()),
        (all, "used>=9GB".to_owned()),
        (all, "used_pct>=80 -tag:vip".to_owned()),
        (&used, format!("in:\"{}\"", accounts.path(account.id))),
        (&used, "account:spares".to_owned()),
        (all, "no:cap used>1GB".to_owned()),
        (all, "seen<30d".to_owned()),
        (all, "tag:vip network:telmora".to_owned()),
        (&used, "tag=vip network=Telmora status=suspended".to_owned()),
        (&used, "cap>1GB used<1MB session=yes".to_owned()),
        (&used, "tracker session=no status=active tag:vip".to_owned()),
        (all, "status=suspended network:nord tariff:track".to_owned()),
        (all, "used>5GB used<6GB".to_owned()),
        (&seen, "seen<1d status=inactive".to_owned()),
        (&seen, "status=inactive".to_owned()),
        (&used, "no index serves: notes:antenna".to_owned()),
        (&used, "no index serves: -notes:antenna activated<10d".to_owned()),
        (all, "no index serves: activated>2025-01-01 hard=yes lifecycle=terminated".to_owned()),
        (all, "no index serves: label:q notes:zz".to_owned()),
        (all, "no index serves: changed>2026-01-01 eid:*7".to_owned()),
    ] {
        let filter = text.strip_prefix("no index serves: ").unwrap_or(&text);
        let query = Query { filter: Filter::parse(filter).expect("filter"), ..query.clone() };
        let by = query.sort.first().by.name();
        timed(&format!("first rows of {text} by {by}"), || {
            estate.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
        });
        timed("  and the count", || estate.count(&query, &cancel).expect("count"));
    }
    sorts_and_values(estate, all);
}

fn sorts_and_values(estate: &dyn Estate, all: &Query) {
    let cancel = CancelToken::new();
    for text in ["status,used:desc", "network,label", "tags,used:desc"] {
        let query = Query { sort: Order::parse(text).expect("order"), ..all.clone() };
        timed(&format!("first rows by {text}"), || {
            estate.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
        });
    }
    timed("the values to choose from", || {
        for field in [Field::Status, Field::Network, Field::Tariff, Field::Tag, Field::Category] {
            estate.values(field, &cancel).expect("values");
        }
    });
}

/// A pasted column of ICCIDs.
fn pasted(estate: &dyn Estate, all: &Query) {
    let cancel = CancelToken::new();
    let entries: Vec<String> = {
        let mut list = Vec::new();
        let _ = estate.export(
            all,
            None,
            &mut |sim| {
                list.push(sim.iccid.clone());
                Ok(list.len() < 20_000)
            },
            &cancel,
        );
        list
    };
    timed(&format!("look up a pasted list of {}", entries.len()), || {
        estate.lookup(&List::of(entries.clone()), &cancel).expect("lookup")
    });
    let found = estate.lookup(&List::of(entries), &cancel).expect("lookup");
    let query = Query { filter: found.filter(), ..all.clone() };
    timed("first rows of that list as a filter", || {
        estate.page(&query, &Seek::First, WINDOW, &cancel).expect("page")
    });
    timed("  and the count", || estate.count(&query, &cancel).expect("count"));
    let mut written = 0;
    timed("every SIM exported, as a stream", || {
        estate
            .export(
                all,
                None,
                &mut |_| {
                    written += 1;
                    Ok(true)
                },
                &cancel,
            )
            .expect("export")
    });
}

/// Exports 200,000 SIMs, or all there are, with every field, as a workbook.
fn workbook(estate: &dyn Estate, dir: &std::path::Path) {
    const ROWS: u64 = 200_000;
    let cancel = CancelToken::new();
    let accounts = estate.accounts(&cancel).expect("accounts");
    let all = Query::all(estate.me().account, Time::now());
    let rows = estate.count(&all, &cancel).expect("count").min(ROWS);
    let file = std::io::BufWriter::new(std::fs::File::create(dir.join("sims.xlsx")).expect("file"));
    // Begins the peak anew (proc(5)), so that it is the export's own.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak();
    timed(&format!("export xlsx {} rows", estate::number::count(rows)), || {
        let mut exporter =
            Exporter::with_temporary_files(file, Format::Xlsx, default_fields(), dir).expect("begun");
        let mut written = 0;
        let mut sink = |sim: &estate::Sim| {
            exporter.write(sim, &accounts)?;
            written += 1;
            Ok(written < rows)
        };
        let _ = estate.export(&all, None, &mut sink, &cancel);
        exporter.finish().expect("saved")
    });
    println!("{:<58} {before:>13} to {}", "  peak memory, before and after", peak());
}

/// Key to frame computed, by kind of key, in a loaded window.
fn keys(session: &mut Session) {
    for (what, key, n) in
        [("cursor down", "<Down>", 2_000), ("page down", "<PgDn>", 200), ("mark", "<Space>", 500)]
    {
        let mut screen = Screen::new();
        let (mut times, mut bytes, mut before) = (Vec::new(), 0, None);
        for _ in 0..n {
            let begun = Instant::now();
            session.keys(key);
            let frame = view::frame(&session.model);
            let scroll = view::scroll_since(&session.model, &mut before);
            bytes += screen.frame(&frame.buffer, frame.cursor, scroll).expect("frame").len();
            times.push(begun.elapsed());
        }
        times.sort();
        line(&format!("{what}: key to frame, median ({} bytes a key)", bytes / n), times[n / 2]);
        line(&format!("{what}: key to frame, 99th percentile"), times[n * 99 / 100]);
    }
}

fn changes(estate: &dyn Estate, sims: u64) {
    let cancel = CancelToken::new();
    let n = sims.min(100_000);
    let all = Query::all(estate.me().account, Time::now());
    let target = || Target::ids(estate.target_ids(&Target::query(all.clone()), n, &cancel).expect("ids"));
    let to = estate.accounts(&cancel).expect("accounts").all()[1].id;
    change(estate, "move", &all, &Change::Move { target: target(), to, clear: MoveOptions::default() });
    let levels = Levels { cap: Some(123_000_000), ..Levels::default() };
    change(estate, "cap", &all, &Change::SetLevels { target: target(), levels });
    let tags = Edit { tags: ListEdit::parse("+checked"), ..Edit::default() };
    change(estate, "tag", &all, &Change::Edit { target: target(), edit: Box::new(tags) });
    let ceiling = Some(100_000_000);
    change(estate, "ceiling", &all, &Change::SetCeiling { account: to, ceiling });
    let there = estate
        .accounts(&cancel)
        .expect("accounts")
        .children(estate.me().account)
        .last()
        .expect("another")
        .id;
    change(
        estate,
        "a lower ceiling",
        &all,
        &Change::SetCeiling { account: there, ceiling: Some(1_000_000) },
    );
    change(
        estate,
        "move under it",
        &all,
        &Change::Move { target: target(), to: there, clear: MoveOptions::default() },
    );
}

/// A usage record for every SIM, with everything they set off; then the details of one.
fn usage(estate: &dyn Estate, dir: &std::path::Path) {
    let cancel = CancelToken::new();
    let (file, today) = (dir.join("records.csv"), Time::now().day());
    let mut csv = std::io::BufWriter::new(std::fs::File::create(&file).expect("file"));
    let mut put =
        |line: std::fmt::Arguments<'_>| std::io::Write::write_fmt(&mut csv, line).expect("written");
    put(format_args!("iccid,time,bytes,record,session\n"));
    let mut last = None;
    let all = Query::all(estate.me().account, Time::now());
    let filter = Filter::parse("-status=unmanaged").expect("filter");
    let mut sink = |sim: &estate::Sim| {
        let (n, bytes) = (sim.id.0, sim.id.0 * 7_919 % 5_000_000);
        put(format_args!("{},{today},{bytes},r{n},s{n}\n", sim.iccid));
        last = Some(sim.id);
        Ok(true)
    };
    estate.export(&Query { filter, ..all }, None, &mut sink, &cancel).expect("export");
    drop(csv);
    let go = |_| ControlFlow::Continue(());
    timed("usage records of every SIM, with alerts and caps", || {
        let input = Box::new(std::fs::File::open(&file).expect("file"));
        let staged = estate.stage_usage(input, &estate::ImportOptions::default(), &mut |_| {}, &go);
        let (staging, _) = staged.expect("staged");
        estate.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
    });
    let (alerts, caps) = estate.events_after(0, &cancel).expect("events");
    println!("{:<58} {:>10} · {caps}", "  alerts and caps reached", alerts);
    let id = last.expect("a SIM");
    timed("details of one SIM", || simdeck::tui::facts::read(estate, id, &cancel).expect("facts"));
    let account = estate.me().account;
    timed("estate history", || estate.estate_usage(account, &cancel).expect("usage"));
    let query = Query::all(account, Time::now());
    timed("alerts screen", || simdeck::tui::facts::attention(estate, &query, &cancel).expect("alerts"));
}

/// Makes a change of many SIMs while the table scrolls.
fn change(estate: &dyn Estate, what: &str, all: &Query, change: &Change) {
    let cancel = CancelToken::new();
    let plan = timed(&format!("{what}: preflight"), || estate.plan(change, &cancel).expect("plan"));
    let change = change.clone().with_confirmation(&plan);
    let begun = Instant::now();
    let slowest = std::sync::Mutex::new(Duration::ZERO);
    let running = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        let (running, slowest, cancel) = (&running, &slowest, &cancel);
        scope.spawn(move || {
            // The table scrolls meanwhile.
            let mut seek = Seek::First;
            while running.load(std::sync::atomic::Ordering::Relaxed) {
                let begun = Instant::now();
                let page = estate.page(all, &seek, WINDOW, cancel).expect("page");
                let mut worst = slowest.lock().expect("lock");
                *worst = (*worst).max(begun.elapsed());
                seek = page.rows.last().map_or(Seek::First, |r| Seek::After(r.key.clone()));
            }
        });
        let first = std::sync::Mutex::new(None);
        let receipt = estate.apply(&ChangeId::new(), &change, &|_| {
            first.lock().expect("lock").get_or_insert(begun.elapsed());
            ControlFlow::Continue(())
        });
        running.store(false, std::sync::atomic::Ordering::Relaxed);
        line(&format!("{what} with history ({})", receipt.expect("changed").counts), begun.elapsed());
        line("  first progress", first.lock().expect("lock").unwrap_or_default());
    });
    line("  slowest page meanwhile", *slowest.lock().expect("lock"));
}
