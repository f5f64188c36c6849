//! Many users at once on one server: `cargo run --release --example load -- [SIMS] [USERS]
//! [SECONDS]`.
//!
//! A server of its own, two processes of clients. Every user reads pages of 100 rows, as a person
//! pages, and now and then moves SIMs to and fro, each change sent twice under one number. In the
//! end nothing is lost and nothing was done twice.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use estate::demo::{self, Demo};
use estate::{
    AccountId, CancelToken, Change, ChangeId, Estate, Local, LogFilter, MoveOptions, Query, SimId,
    Target, Time,
};
use serde_json::{Value as Json, json};

/// How long a person looks at a page.
const LOOK: Duration = Duration::from_secs(1);
/// SIMs that each user moves, and how often.
const MOVED: usize = 20;
const EVERY: usize = 5;
const ADMIN: &str = "ada@northstar.example";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program that lies beside this one.
fn serve(store: &Path) -> (Server, String) {
    let program = std::env::current_exe().expect("program");
    let program = program.ancestors().nth(2).expect("folder").join("simdeck");
    let mut child = Command::new(program)
        .args(["--quiet", "--as", ADMIN, "--store"])
        .arg(store)
        .args(["serve", "--listen", "127.0.0.1:8470", "--rate", "1000000"])
        .stderr(Stdio::null())
        .spawn()
        .expect("cargo build --release first");
    let base = "http://127.0.0.1:8470";
    while ureq::get(format!("{base}/healthz")).call().is_err() {
        assert!(child.try_wait().expect("state").is_none(), "the server ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    (Server(child), base.to_owned())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|word| word == "client") {
        return client(&args[1..]);
    }
    let number = |at: usize, usual: usize| args.get(at).map_or(usual, |n| n.parse().expect("a number"));
    let (sims, users, seconds) = (number(0, 100_000), number(1, 50), number(2, 60));
    let dir = tempfile::tempdir().expect("folder");
    let store: PathBuf = dir.path().join("load.db");
    let size = Demo { sims: sims as u64, accounts: 60, seed: 1 };
    drop(
        demo::create(&store, size, Time::now(), &|_| std::ops::ControlFlow::Continue(())).expect("demo"),
    );
    let local = Local::open(&store, Some(ADMIN), false).expect("opens");
    while local.run_maintenance_step().expect("background") {}
    let (_server, base) = serve(&store);
    let before = counted(&local);
    let half = users / 2;
    let clients: Vec<Child> =
        [(0, half), (half, users)].into_iter().map(|part| start(&local, &base, part, seconds)).collect();
    let (mut took, mut moved, mut moves) = (Vec::new(), Vec::new(), Vec::new());
    for client in clients {
        for line in BufReader::new(client.stdout.expect("output")).lines().map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("page", micros)) => took.push(micros.parse::<u64>().expect("a number")),
                Some(("moved", micros)) => moved.push(micros.parse::<u64>().expect("a number")),
                Some(("move", id)) => moves.push(id.to_owned()),
                _ => println!("{line}"),
            }
        }
    }
    for (what, took) in [("pages of 100 rows", &mut took), ("moves of 20 SIMs", &mut moved)] {
        took.sort_unstable();
        let at = |share: usize| {
            took.get((took.len().max(1) - 1) * share / 100).map_or(0.0, |t| *t as f64 / 1_000.0)
        };
        let (count, p50, p99) = (took.len(), at(50), at(99));
        println!("{count} {what} by {users} users in {seconds} s: p50 {p50:.1} ms, p99 {p99:.1} ms");
    }
    let wanted = LogFilter { kind: Some("move".into()), limit: 1_000_000, ..LogFilter::default() };
    let logged: Vec<String> = local
        .entries(&wanted, &CancelToken::new())
        .expect("log")
        .into_iter()
        .map(|entry| entry.id.0)
        .collect();
    let lost = moves.iter().filter(|id| !logged.contains(id)).count();
    let twice = moves.iter().filter(|id| logged.iter().filter(|known| known == id).count() > 1).count();
    println!(
        "{} moves, {lost} lost, {twice} done twice; {} SIMs before, {} after",
        moves.len(),
        before,
        counted(&local)
    );
    println!("store: {}", if local.check().expect("checked").is_empty() { "sound" } else { "DAMAGED" });
}

fn counted(local: &Local) -> u64 {
    local.count(&Query::all(local.me().account, Time::now()), &CancelToken::new()).expect("count")
}

/// Starts a process of clients, each with a token of its own.
fn start(local: &Local, base: &str, (from, to): (usize, usize), seconds: usize) -> Child {
    let tokens: Vec<String> =
        (from..to).map(|_| local.begin_session().expect("session").token.reveal().to_owned()).collect();
    Command::new(std::env::current_exe().expect("program"))
        .args(["client", base, &seconds.to_string(), &from.to_string()])
        .args(tokens)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

fn client(args: &[String]) {
    let (base, seconds) = (args[0].clone(), args[1].parse().expect("a number"));
    let first: usize = args[2].parse().expect("a number");
    let end = Instant::now() + Duration::from_secs(seconds);
    let users: Vec<_> = args[3..]
        .iter()
        .enumerate()
        .map(|(n, token)| {
            let (base, token) = (base.clone(), token.clone());
            std::thread::spawn(move || user(first + n, &base, &token, end))
        })
        .collect();
    for user in users {
        user.join().expect("ended");
    }
}

/// One user, until the time is over.
fn user(n: usize, base: &str, token: &str, end: Instant) {
    let agent = ureq::Agent::new_with_defaults();
    let get = |path: &str| -> Json {
        let request =
            agent.get(format!("{base}{path}")).header("Authorization", format!("Bearer {token}"));
        serde_json::from_str(
            &request.call().expect("answered").body_mut().read_to_string().expect("text"),
        )
        .expect("JSON")
    };
    let send = |method: &str, path: &str, change: &Change| {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{base}{path}"))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        let request = request.body(json!(change).to_string()).expect("request");
        assert_eq!(agent.run(request).expect("answered").status(), 200);
    };
    let put = |id: &ChangeId, change: &Change| send("PUT", &format!("/v1/changes/{id}"), change);
    let number = |value: &Json| {
        value.as_str().and_then(|id| id.split_once('_')).and_then(|(_, id)| id.parse().ok()).expect("id")
    };
    let accounts = get("/v1/accounts?limit=20");
    let to: Vec<AccountId> =
        (0..2).map(|at| AccountId(number(&accounts["items"][2 + at]["id"]))).collect();
    // Each has SIMs of their own: what others move is no conflict of theirs.
    let own = get("/v1/sims?limit=1000&filter=status%3Dactive&sort=iccid&fields=id");
    let own: Vec<SimId> = own["items"]
        .as_array()
        .expect("items")
        .iter()
        .skip(n * MOVED)
        .take(MOVED)
        .map(|sim| SimId(number(&sim["id"])))
        .collect();
    std::thread::sleep(LOOK / 50 * (n as u32 % 50));
    let mut cursor = String::new();
    for round in 0.. {
        if Instant::now() >= end {
            return;
        }
        let began = Instant::now();
        let page = get(&format!("/v1/sims?limit=100&filter=status%3Dactive&sort=used%3Adesc{cursor}"));
        println!("page {}", began.elapsed().as_micros());
        cursor = page["next_cursor"].as_str().map_or_else(String::new, |next| format!("&cursor={next}"));
        if round % EVERY == EVERY - 1 {
            let target = Target::ids(own.iter().copied());
            let id = ChangeId::new();
            let change =
                Change::Move { target, to: to[round / EVERY % 2], clear: MoveOptions::default() };
            let began = Instant::now();
            // As a screen does it: what would be moved is shown first.
            send("POST", "/v1/plans", &change);
            put(&id, &change);
            println!("moved {}", began.elapsed().as_micros());
            put(&id, &change);
            println!("move {id}");
        }
        std::thread::sleep(LOOK.saturating_sub(began.elapsed()));
    }
}
