//! A server that is not to be trusted: every command and every screen against one that puts
//! control, bidirectional and invisible characters into every string.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/openers.rs"]
mod openers;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/serving.rs"]
mod serving;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt as _;
use binary::{DATA, World};
use estate::demo::{self, Demo};
use estate::{
    CancelToken, Change, ChangeId, Counts, Edit, Error, Estate, Filter, Local, Query, Receipt, Role,
    SignIn, Target, Time,
};
use openers::OPENERS;
use proxy::{Fate, Proxy, Request};
use serde_json::{Value, json};
use serving::Server;
use simdeck::credentials::Credentials;
use simdeck::remote::{self, Remote, Waits};
use simdeck::tui::Kind;
use simdeck::tui::action::{ACTIONS, Action};
use simdeck::tui::harness::Session;
use simdeck::tui::theme::Theme;

/// Everything that a terminal or a reader could be misled by: sequences, controls, C1, bidi,
/// invisible characters.
const PAYLOAD: &str = "\x1b]52;c;aGk=\x07\x1b[31m\u{9b}5m\u{9d}0;x\u{9c}\x1bPq\x1b\\\u{7f}\u{85}\0\u{8}\u{61c}\u{202e}\u{2066}\
    \u{200b}\u{200d}\u{ad}\u{34f}\u{115f}\u{17b4}\u{180b}\u{2064}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{1d173}\u{e0041}\u{e0100}";

/// True for a character that must not be in any output; independent of the code under test.
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    let hostile: Vec<char> = text.chars().filter(|c| is_hostile(*c)).collect();
    assert!(hostile.is_empty(), "{what}: {hostile:?} in {text:?}");
}

fn poison(text: &str) -> String {
    let middle = text.chars().next().map_or(0, char::len_utf8);
    format!("{}{PAYLOAD}{}", &text[..middle], &text[middle..])
}

fn poison_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(poison(&text)),
        Value::Array(all) => all.into_iter().map(poison_value).collect(),
        Value::Object(all) => {
            all.into_iter().map(|(name, value)| (poison(&name), poison_value(value))).collect()
        }
        other => other,
    }
}

/// Poisons every string of JSON, or of lines of it.
fn poison_json(body: &[u8]) -> Vec<u8> {
    if body.is_empty() {
        return Vec::new();
    }
    let lines = body.split(|byte| *byte == b'\n').map(|line| match serde_json::from_slice(line) {
        Ok(value) => poison_value(value).to_string().into_bytes(),
        Err(_) => line.to_vec(),
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

/// Poisons every answer, and events with it.
fn hostile(base: &str) -> Proxy {
    Proxy::new(base, |request| {
        if request.path.starts_with("/v1/events") {
            let event =
                format!(": {PAYLOAD}\n\nevent: {PAYLOAD}\nevent: refresh\ndata: \"{PAYLOAD}\"\n\n");
            return Fate::Hold(
                format!("HTTP/1.1 200 {PAYLOAD}\r\ncontent-type: text/event-stream\r\n\r\n{event}")
                    .into_bytes(),
            );
        }
        Fate::Rewrite(poison_json)
    })
}

/// A user elsewhere, signed in by a token.
struct Client {
    home: tempfile::TempDir,
    base: String,
}

impl Client {
    fn new(base: &str, token: &str) -> Self {
        let client = Self { home: tempfile::tempdir().expect("folder"), base: base.to_owned() };
        assert_eq!(client.run(&["login", "--token"], token).code, 0);
        client
    }

    fn run(&self, args: &[&str], typed: &str) -> Ended {
        let mut command = Command::cargo_bin("simdeck").expect("binary");
        command.env_clear().env("HOME", self.home.path()).env("SIMDECK_NO_KEYRING", "1");
        command.current_dir(self.home.path()).args(["--server", &self.base]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        // A command that reads nothing may have ended already.
        let _ = child.stdin.take().expect("stdin").write_all(typed.as_bytes());
        let output = child.wait_with_output().expect("ended");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().expect("a code");
        Ended { out: text(output.stdout), err: text(output.stderr), code }
    }
}

struct Ended {
    out: String,
    err: String,
    code: i32,
}

/// Commands that read: they say through the proxy what they say without it.
const READS: &[&str] = &[
    "sims --limit 3",
    "sims",
    "sims --output table --sort used:desc",
    "sims --output json --limit 300",
    "sims --output ndjson status=active",
    "sims --count",
    "sim ICCID",
    "sim ICCID --output table",
    "export",
    "export --format json",
    "export --format ndjson",
    "usage --output table",
    "usage ICCID --output table",
    "usage ICCID",
    "usage ICCID --output json",
    "alerts",
    "alerts --output json",
    "profile",
    "profile --output json",
    "filters",
    "filter export",
    "accounts",
    "accounts --tree --output table",
    "accounts --output json",
    "account show /Root",
    "account show /Root --output json",
    "account help-page /Root",
    "account notify /Root",
    "users",
    "users --output table",
    "users --output json",
    "token list",
    "history",
    "history --output json",
    "history --output table --limit 2",
    "history --change 2 --output json",
    "help",
    "help --output json",
    "doctor",
    "ping ICCID",
    "diagnose ICCID",
    "outbox",
    "store info",
    "sessions",
    "config check",
    "sims nofield=1",
    "sims in:/Nowhere",
    "sims --saved Nothing",
    "sim 8900101000000009999",
    "account show /Nowhere",
    "history --change 99999",
    "move ICCID --to /Nowhere --yes",
];

/// Commands that change something, in an order that works.
const CHANGES: &[&str] = &[
    "account add /Root/New",
    "account rename /Root/New Newer",
    "account move /Root/Newer --under=/Root/Acme%Ltd --yes",
    "account period /Root/Acme%Ltd/Newer day:5",
    "account caps /Root/Acme%Ltd/Newer off",
    "account ceiling /Root/Acme%Ltd/Newer 5GB --yes",
    "account reference /Root/Acme%Ltd/Newer A-1",
    "account help-page /Root --contact Support --phone +4912345",
    "account notify /Root/Acme%Ltd --add ops@x.example",
    "account notify /Root/Acme%Ltd",
    "account notify /Root/Acme%Ltd --remove ops@x.example --yes",
    "move ICCID --to /Root/Acme%Ltd/Newer --yes --change-id 0192d4a5-0000-7000-8000-00000000000a",
    "undo 0192d4a5-0000-7000-8000-00000000000a --dry-run",
    "undo 0192d4a5-0000-7000-8000-00000000000a --yes",
    "move ICCID --to /Root/Acme%Ltd/Newer --yes",
    "move ICCID --to /Root/Acme%Ltd/Newer --dry-run",
    "cap ICCID --set 500MB --yes",
    "cap --all --set 400MB --yes --report caps.csv",
    "sim-set ICCID --label Label --note Note --tag +x --yes",
    "account convert /Root/Acme%Ltd/Newer --by tag --dry-run",
    "account add /Root/Empty",
    "account delete /Root/Empty --yes",
    "import DATA/estate-2k/sims.csv --report rows.csv",
    "import DATA/messy.csv --dry-run",
    "usage import cdr.csv --map Card=iccid --map When=time",
    "alerts --output table",
    "filter save Mine status=active",
    "filter rename Mine Own",
    "filter bind Own 3",
    "filter export filters.toml",
    "filter delete Own",
    "filter import filters.toml",
    "user add ann@x.example --name Ann --role user --account /Root",
    "user role ann@x.example --to admin",
    "user resend ann@x.example",
    "user link ann@x.example",
    "user disable eve@x.example --yes",
    "user enable eve@x.example",
    "user remove ann@x.example --yes",
    "token create script",
    "token revoke script",
    "session end --all",
    "profile --name Someone",
    "export --to sims.csv",
    "logout",
];

/// Commands that never speak to a server.
const LOCAL: &[&str] = &[
    "demo",
    "init",
    "portals",
    "outbox send",
    "store check",
    "store head",
    "store restore",
    "store upgrade",
    "store rollover",
    "store backup",
    "serve",
    "openapi",
    "keys",
    "config path",
    "config show",
    "completions",
    "man",
];

/// The words of a command; `%` stands for a blank.
fn words(command: &str, iccid: &str) -> Vec<String> {
    let word = |word: &str| word.replace('%', " ").replace("ICCID", iccid).replace("DATA", DATA);
    command.split(' ').map(word).collect()
}

/// A store with the sample estate behind a server, and a session of its Admin.
fn serve() -> (World, Server, String, String) {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &["--rate", "1000000"]);
    let root = Local::open(&world.path("estate.db"), Some("root@x.example"), false).expect("opens");
    let token = root.begin_session().expect("session").token.reveal().to_owned();
    let iccid = world.ok(&["sims", "status=active", "--columns", "iccid", "--limit", "1"]);
    let iccid = iccid.lines().last().expect("a SIM").to_owned();
    (world, server, token, iccid)
}

#[test]
fn every_command_is_listed_here() {
    let reference = include_str!("../docs/cli.md");
    let all: Vec<&str> = reference.lines().filter_map(|line| line.strip_prefix("## simdeck ")).collect();
    let listed: BTreeSet<String> = READS
        .iter()
        .chain(CHANGES)
        .chain(["login --token", "accept URL"].iter())
        .chain(LOCAL)
        .flat_map(|command| {
            let words: Vec<&str> = command.split(' ').collect();
            [words[0].to_owned(), words[..words.len().min(2)].join(" ")]
        })
        .collect();
    for command in all {
        assert!(listed.contains(command), "no test runs {command}");
    }
}

#[test]
fn every_reading_command_says_at_a_hostile_server_what_it_says_at_a_good_one() {
    let (_world, server, token, iccid) = serve();
    let proxy = hostile(&server.base);
    let (good, bad) = (Client::new(&server.base, &token), Client::new(&proxy.base, &token));
    for command in READS {
        let args = words(command, &iccid);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (expected, ended) = (good.run(&args, ""), bad.run(&args, ""));
        assert_clean(command, &ended.out);
        assert_clean(command, &ended.err);
        let same = |text: &str| {
            text.replace(&proxy.base, &server.base)
                .replace(&bad.home.path().display().to_string(), &good.home.path().display().to_string())
        };
        assert_eq!(
            (same(&ended.out), ended.code),
            (expected.out, expected.code),
            "{command}: {}",
            ended.err
        );
        assert_eq!(same(&ended.err), expected.err, "{command}");
    }
}

#[test]
fn every_changing_command_is_clean_at_a_hostile_server() {
    let (world, server, token, iccid) = serve();
    let proxy = hostile(&server.base);
    let client = Client::new(&proxy.base, &token);
    // A person signs in: an invitation, a session that is kept and ended.
    world.ok(&["user", "add", "eve@x.example", "--name", "Eve", "--role", "user", "--account", "/Root"]);
    let link = world.ok(&["user", "link", "eve@x.example"]);
    let person = Client { home: tempfile::tempdir().expect("folder"), base: proxy.base.clone() };
    let link = link.trim().replace("https://YOUR-SERVER", &proxy.base);
    let password = "several words in a row\n";
    for (args, typed, code) in [
        (vec!["accept", &link], password, 0),
        (vec!["logout"], "", 0),
        (vec!["login", "--email", "eve@x.example"], password, 0),
        (vec!["login", "--email", "eve@x.example"], "other words in a row\n", 4),
        (vec!["profile", "--password"], "other words in a row\nseveral new words in a row\n", 4),
        (vec!["profile", "--second-factor", "on"], password, 2),
    ] {
        let ended = person.run(&args, typed);
        assert_clean(args[0], &ended.out);
        assert_clean(args[0], &ended.err);
        assert_eq!(ended.code, code, "{args:?}: {}", ended.err);
    }
    let today = Time::now().day();
    let rows =
        format!("Card;When;Volume (MB);cdr\n{iccid};{today};1500;a\n8900101000000000043;{today};1;c\n");
    std::fs::write(client.home.path().join("cdr.csv"), rows).expect("written");
    for command in CHANGES {
        let args = words(command, &iccid);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ended = client.run(&args, "");
        assert_clean(command, &ended.out);
        assert_clean(command, &ended.err);
        assert!([0, 3].contains(&ended.code), "{command}: {}\n{}\n{}", ended.code, ended.out, ended.err);
    }
    for file in ["caps.csv", "rows.csv", "filters.toml", "sims.csv"] {
        assert_clean(file, &std::fs::read_to_string(client.home.path().join(file)).expect(file));
    }
}

#[test]
fn problems_of_every_code_are_clean() {
    let (_world, server, token, _) = serve();
    let codes = [
        "not-found",
        "ambiguous",
        "not-permitted",
        "root-only",
        "read-only",
        "not-by-token",
        "wrong-credentials",
        "code-needed",
        "signed-out",
        "invalid",
        "bad-filter",
        "drift",
        "busy",
        "cancelled",
        "too-many-requests",
        "store",
        "unexpected",
        "no-such-code",
    ];
    let next = Arc::new(AtomicUsize::new(0));
    let at = Arc::clone(&next);
    let problem = move |status: &str, body: &str| {
        // Headers take C1 and bidirectional characters, and no controls.
        let head = format!("HTTP/1.1 {status} \u{9b}2J\u{202e}\r\nretry-after: \u{9b}2J\u{202e}\r\n");
        Fate::Instead(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    };
    let proxy = Proxy::new(&server.base, move |request: &Request| {
        let is_read = request.path == "/v1/ask" && request.body.starts_with(b"{\"ask\":\"accounts\"");
        let code = codes.get(at.load(Ordering::SeqCst));
        match code {
            _ if !is_read => Fate::Rewrite(poison_json),
            Some(code) => {
                let name = poison("name");
                let body = json!({
                    "code": poison(code), "detail": poison("detail"), "what": poison("account"), "name": name,
                    "candidates": [name], "role": "user", "need": "move-sims", "field": name, "reason": name,
                    "column": 3, "suggestion": name, "expected": 1, "found": 2, "seconds": 9999,
                });
                problem("400", &body.to_string())
            }
            None => problem("502", &format!("<html>{PAYLOAD}</html>")),
        }
    });
    let client = Client::new(&proxy.base, &token);
    for at in 0..=codes.len() {
        next.store(at, Ordering::SeqCst);
        let ended = client.run(&["accounts"], "");
        assert_clean("a problem", &ended.err);
        assert!(ended.code != 0 && ended.out.is_empty(), "{}", ended.err);
        let code = codes.get(at).copied().unwrap_or("502");
        assert!(ended.err.starts_with("error: "), "{code}: {}", ended.err);
    }
}

#[test]
fn messages_that_repeat_an_argument_are_clean() {
    let world = World::sample();
    let word = |rest: &str| format!("a\x1b]52;c;aGk=\x07\u{9b}2J\u{202e}\u{ad}{rest}");
    let config = world.path(".config/simdeck");
    std::fs::create_dir_all(&config).expect("folder");
    let (a, path) = (word("b"), format!("/{}", word("b")));
    let bundle = world.path(&a).display().to_string();
    let all: Vec<Vec<&str>> = vec![
        vec!["--output", &a, "sims"],
        vec!["--server", &a, "sims"],
        vec!["--profile", &a, "sims"],
        vec!["--as", &a, "sims"],
        vec![&a],
        vec!["sims", &a, "--count", &a],
        vec!["sims", "--filter", &a, "--sort", &a],
        vec!["sims", "--columns", &a],
        vec!["sims", "--saved", &a],
        vec!["sims", "--from-file", &a],
        vec!["sim", &a],
        vec!["export", "--delimiter", &a],
        vec!["export", "--to", &path],
        vec!["import", &a],
        vec!["import", "--map", &a, DATA],
        vec!["move", "--all", "--to", &a, "--yes"],
        vec!["account", "add", &path],
        vec!["account", "rename", "/Root", &a],
        vec!["account", "reference", "/Root", &a],
        vec!["account", "reference", "/Root", &a, "--dry-run"],
        vec!["account", "period", "/Root", &a],
        vec!["account", "notify", "/Root", "--add", &a],
        vec!["user", "role", &a, "admin"],
        vec!["user", "add", &a, "--name", &a, "--role", "user", "--account", "/Root", "--dry-run"],
        vec!["history", "--kind", &a],
        vec!["history", "--since", &a],
        vec!["history", "--change", &a],
        vec!["undo", &a, "--yes"],
        vec!["store", "restore", &a],
        vec!["doctor", "--bundle", &bundle],
        // No value is refused for this one.
        vec!["account", "reference", "/Root", "a\u{ad}\u{200d}b", "--dry-run"],
        vec!["completions", &a],
    ];
    for args in all {
        let output = world.run(&args);
        assert_clean(&format!("{args:?}"), &String::from_utf8(output.stdout).expect("UTF-8"));
        assert_clean(&format!("{args:?}"), &String::from_utf8(output.stderr).expect("UTF-8"));
    }
    let text = format!("store = \"{}\"\ntheme = \"{a}\"\n", "a\\u001b[31m\\u009b2J\\u202e");
    std::fs::write(config.join("config.toml"), text).expect("written");
    for args in [&["sims"][..], &["config", "check"], &["doctor"]] {
        let output = world.run(args);
        assert_clean("config", &String::from_utf8(output.stdout).expect("UTF-8"));
        assert_clean("config", &String::from_utf8(output.stderr).expect("UTF-8"));
    }
}

/// A demo estate on a server, and a session for its root Admin.
fn demo_server() -> (tempfile::TempDir, Server, String) {
    let dir = tempfile::tempdir().expect("folder");
    let store = dir.path().join("demo.db");
    let size = Demo { sims: 400, accounts: 24, seed: 3 };
    let root = demo::create(&store, size, Time::now(), &|_| ControlFlow::Continue(())).expect("demo");
    let token = root.begin_session().expect("session").token.reveal().to_owned();
    drop(root);
    (dir, serve_store(&store), token)
}

fn serve_store(store: &Path) -> Server {
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    let home = store.parent().expect("folder");
    command.env_clear().env("HOME", home).arg("--store").arg(store).stdin(Stdio::null());
    Server::of(command, "127.0.0.1:0", &["--as", demo::email(Role::Admin), "--rate", "1000000"])
}

/// A session over a proxy, with waits of its own.
fn connect(base: &str, token: &str, waits: Waits) -> Remote {
    let credentials = Credentials::from_token(token).expect("a token");
    let server = remote::Server { waits, ..remote::Server::parse(base, false).expect("address") };
    Remote::connect(server, credentials, false).expect("connected")
}

fn screen(base: &str, token: &str) -> Session {
    let remote = connect(base, token, Waits::default());
    Session::of(
        Arc::new(remote),
        Kind::Remote,
        (120, 40),
        Time::now(),
        Theme::load_shipped("dark", false),
    )
}

/// Checks the cells, what goes to the clipboard and what goes to the log.
fn check_screen(name: &str, session: &Session) {
    for cell in &session.buffer().content {
        assert_clean(name, cell.symbol());
    }
    for message in &session.model.messages.all {
        assert_clean(name, &message.text);
    }
    for effect in &session.outside {
        // Debug output writes such characters as escapes.
        let text = format!("{effect:?}");
        assert!(!["\\u{", "\\x", "\\0"].iter().any(|escape| text.contains(escape)), "{name}: {text}");
    }
}

#[test]
fn every_dialog_is_clean_at_a_hostile_server() {
    let (_dir, server, token) = demo_server();
    let proxy = hostile(&server.base);
    for (name, _, open) in OPENERS {
        let mut session = screen(&proxy.base, &token);
        open(&mut session);
        check_screen(name, &session);
        assert!(!session.text().contains("cannot be read"), "{name}:\n{}", session.text());
    }
}

#[test]
fn every_action_is_clean_at_a_hostile_server() {
    let (_dir, server, token) = demo_server();
    let proxy = hostile(&server.base);
    let mut session = screen(&proxy.base, &token);
    for row in ACTIONS {
        if matches!(row.action, Action::Quit | Action::Suspend) {
            continue;
        }
        session.run(row.action);
        check_screen(row.name, &session);
        session.keys("<Esc><Esc><Esc><Esc>");
    }
}

/// What an answer begins with; its body ends with the connection.
fn head(kind: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A session whose answers to one kind of request are `instead`.
fn misled(
    server: &Server,
    token: &str,
    path: &'static str,
    body: &'static str,
    instead: impl Fn() -> Fate + Send + Sync + 'static,
) -> (Proxy, Remote) {
    let proxy = Proxy::new(&server.base, move |request| {
        let meant = request.path == path && request.body.starts_with(body.as_bytes());
        if meant { instead() } else { Fate::Pass }
    });
    let remote = connect(&proxy.base, token, Waits::default());
    (proxy, remote)
}

/// Reads every SIM of the estate until it ends or fails.
fn export(estate: &dyn Estate) -> Result<u64, Error> {
    let all = Query::all(estate.me().account, Time::now());
    estate.export(&all, None, &mut |_| Ok(true), &CancelToken::new())
}

fn label_all(estate: &dyn Estate) -> Change {
    let edit = Edit { label: Some("Lost".into()), ..Edit::default() };
    Change::Edit {
        target: Target::query(Query::all(estate.me().account, Time::now())),
        edit: Box::new(edit),
    }
}

/// Counts the SIMs that [`label_all`] has changed.
fn labelled(estate: &dyn Estate) -> u64 {
    let filter = Filter::parse("label=Lost").expect("filter");
    let changed = Query { filter, ..Query::all(estate.me().account, Time::now()) };
    estate.count(&changed, &CancelToken::new()).expect("count")
}

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Bytes that the buffers of a connection may hold, besides what the client reads.
const ROOM: usize = 16 << 20;

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let (_dir, server, token) = demo_server();
    let endless = |kind: &'static str, begin: &'static str, again: &'static str| {
        move || {
            Fate::Endless(
                [&head(kind)[..], begin.as_bytes()].concat(),
                again.repeat(64 * 1024).into_bytes(),
            )
        }
    };
    let (proxy, remote) = misled(
        &server,
        &token,
        "/v1/ask",
        r#"{"ask":"accounts""#,
        endless("application/json", "[", "0,"),
    );
    let refused = remote.accounts(&CancelToken::new()).expect_err("too large").to_string();
    assert!(refused.contains("too large"), "{refused}");
    // The proxy notes what it could send when the client closes the connection.
    let sent = sent_of(&proxy, "POST /v1/ask");
    assert!(sent < (48 << 20) + ROOM, "{sent}");
    let (proxy, remote) =
        misled(&server, &token, "/v1/exports", "", endless("application/jsonl", "{", " "));
    let refused = export(&remote).expect_err("too large").to_string();
    assert!(refused.contains("too large") && sent_of(&proxy, "POST /v1/exports") < ROOM, "{refused}");
    let (proxy, remote) = misled(&server, &token, "/v1/plans", "", || {
        let begin = b"HTTP/1.1 400 Bad\r\nconnection: close\r\n\r\n\"".to_vec();
        Fate::Endless(begin, "x".repeat(64 * 1024).into_bytes())
    });
    assert!(remote.plan(&label_all(&remote), &CancelToken::new()).is_err());
    assert!(sent_of(&proxy, "POST /v1/plans") < ROOM);
    let (proxy, remote) =
        misled(&server, &token, "/v1/events", "", endless("text/event-stream", "", "x"));
    let (sender, _woken) = channel();
    let _watch = remote.on_commit(Box::new(move || _ = sender.send(()))).expect("watched");
    assert!(sent_of(&proxy, "GET /v1/events") < ROOM);
}

/// The bytes of an endless answer, once the client has closed the connection.
fn sent_of(proxy: &Proxy, request: &str) -> usize {
    let name = format!("endless {request}");
    let mut answered = proxy.answered.lock().expect("log");
    loop {
        if let Some((_, bytes)) = answered.iter().find(|(known, _)| *known == name) {
            return *bytes;
        }
        answered = proxy.noted.wait(answered).expect("log");
    }
}

#[test]
fn a_small_answer_that_unpacks_to_a_large_one_is_refused() {
    let (_dir, server, token) = demo_server();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&b" ".repeat(64 << 20)).expect("packed");
    let packed = packed.finish().expect("packed");
    assert!(packed.len() < 1 << 20);
    let (_proxy, remote) = misled(&server, &token, "/v1/ask", r#"{"ask":"accounts""#, move || {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            packed.len()
        );
        Fate::Instead([head.as_bytes(), &packed].concat())
    });
    let refused = remote.accounts(&CancelToken::new()).expect_err("too large").to_string();
    assert!(refused.contains("too large"), "{refused}");
}

#[test]
fn a_silent_server_is_not_waited_for_without_an_end() {
    const SHORT: Duration = Duration::from_millis(200);
    // This one holds for requests that are answered too.
    const LONGER: Duration = Duration::from_secs(3);
    let (_dir, server, token) = demo_server();
    let silent = Proxy::new(&server.base, |_| Fate::Hold(Vec::new()));
    let waits = Waits { hello: SHORT, sign_in: SHORT, ..Waits::default() };
    let address =
        remote::Server { waits, ..remote::Server::parse(&silent.base, false).expect("address") };
    let unreachable = |error: &Error| matches!(error, Error::Unreachable { reason, .. } if reason == "it does not answer");
    let door = remote::SignInClient::new(address.clone()).expect("door");
    let by = SignIn {
        email: "a@x.example".into(),
        password: "several words in a row".into(),
        ..SignIn::default()
    };
    let error = door.sign_in(&by).expect_err("silent");
    assert!(unreachable(&error), "{error}");
    let credentials = Credentials::from_token(&token).expect("a token");
    let error = Remote::connect(address, credentials, false).err().expect("silent");
    assert!(unreachable(&error), "{error}");
    // An answer that begins and does not go on.
    let proxy = Proxy::new(&server.base, |request| match request.path.as_str() {
        "/v1/ask" if !request.body.starts_with(b"{\"ask\":\"me\"") => {
            Fate::Hold([&head("application/json")[..], b"["].concat())
        }
        "/v1/exports" => Fate::Hold([&head("application/jsonl")[..], b"{\"id\":"].concat()),
        _ => Fate::Pass,
    });
    let remote = connect(&proxy.base, &token, Waits { read: LONGER, idle: SHORT, ..Waits::default() });
    for error in [remote.rev().expect_err("silent"), export(&remote).expect_err("silent")] {
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
}

/// Applies a change that labels every SIM; gives the receipt, and the phases that were reported.
fn label_over(remote: &Remote, id: &ChangeId) -> (Result<Receipt, Error>, Vec<String>) {
    let phases = Mutex::new(Vec::<String>::new());
    let done = remote.apply(id, &label_all(remote), &|progress| {
        let mut phases = phases.lock().expect("phases");
        if phases.last().is_none_or(|last| last != progress.phase) {
            phases.push(progress.phase.to_owned());
        }
        ControlFlow::Continue(())
    });
    (done, phases.into_inner().expect("phases"))
}

#[test]
fn a_change_whose_answer_is_lost_is_looked_up_by_its_number() {
    for lost_answers in [1, usize::MAX] {
        let (_dir, server, token) = demo_server();
        let puts = AtomicUsize::new(0);
        let proxy = Proxy::new(&server.base, move |request| {
            let lost = request.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) < lost_answers;
            if lost { Fate::Lose } else { Fate::Pass }
        });
        let remote = connect(&proxy.base, &token, Waits::default());
        let id = ChangeId::new();
        let (receipt, phases) = label_over(&remote, &id);
        let receipt = receipt.expect("made");
        assert_eq!((receipt.id, receipt.counts.done), (id, 400));
        assert!(receipt.rev > 0 && receipt.undoable);
        assert!(phases.iter().any(|phase| phase.contains("looking the change up")), "{phases:?}");
        assert!(phases.iter().any(|phase| phase.contains("the change was made")), "{phases:?}");
        assert_eq!(labelled(&remote), 400);
        let asked = proxy.answered.lock().expect("log");
        assert_eq!(asked.iter().filter(|(request, _)| request.starts_with("PUT")).count(), 2);
    }
}

#[test]
fn a_change_that_the_log_does_not_have_is_sent_again() {
    let (_dir, server, token) = demo_server();
    let puts = AtomicUsize::new(0);
    let proxy = Proxy::new(&server.base, move |request| {
        let first = request.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Fate::Instead(Vec::new()) } else { Fate::Pass }
    });
    let remote = connect(&proxy.base, &token, Waits::default());
    let (receipt, phases) = label_over(&remote, &ChangeId::new());
    assert_eq!(receipt.map(|receipt| receipt.counts), Ok(Counts { done: 400, ..Counts::default() }));
    assert!(
        phases.iter().any(|phase| phase.contains("not found in the log; sending it again")),
        "{phases:?}"
    );
}

#[test]
fn a_change_at_a_server_that_falls_silent_ends_with_its_number() {
    const SHORT: Duration = Duration::from_millis(300);
    let (_dir, mut server, token) = demo_server();
    let proxy = Proxy::new(&server.base, |request| {
        let is_hello = request.body.starts_with(b"{\"ask\":\"me\"");
        if is_hello { Fate::Pass } else { Fate::Hold(Vec::new()) }
    });
    let waits = Waits { change: SHORT, lookup: SHORT, lost: SHORT, ..Waits::default() };
    let remote = connect(&proxy.base, &token, waits);
    let id = ChangeId::new();
    let (ended, phases) = label_over(&remote, &id);
    assert!(matches!(&ended, Err(Error::Unknown { change, .. }) if *change == id.0), "{ended:?}");
    assert!(phases.iter().any(|phase| phase.contains("looking the change up")), "{phases:?}");
    // A change that a caller stops is waited for only so long.
    let waits = Waits { stop: SHORT, ..Waits::default() };
    let remote = connect(&proxy.base, &token, waits);
    let stopped = remote.apply(&id, &label_all(&remote), &|_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Unreachable { .. } | Error::Unknown { .. })), "{stopped:?}");
    server.child.kill().expect("killed");
    assert!(!server.ended().0.contains("\"method\":\"PUT\""), "nothing was sent on");
}

#[test]
fn a_command_says_what_it_waits_for() {
    let (world, server, token, iccid) = serve();
    let puts = AtomicUsize::new(0);
    let proxy = Proxy::new(&server.base, move |request| {
        let first = request.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Fate::Lose } else { Fate::Pass }
    });
    let client = Client::new(&proxy.base, &token);
    let ended = client.run(&["sim-set", &iccid, "--label", "Lost", "--yes"], "");
    assert!(ended.out.starts_with("1 done"), "{}", ended.out);
    for line in [
        "the answer was lost; looking the change up in the log",
        "the change was made; waiting for its receipt",
    ] {
        assert_eq!(ended.err.lines().filter(|said| *said == line).count(), 1, "{}", ended.err);
    }
    assert_eq!(world.count("label=Lost"), 1);
    let ended = client.run(&["--quiet", "sim-set", &iccid, "--label", "", "--yes"], "");
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn a_limited_list_reads_no_more_than_it_prints() {
    let (_world, server, token, _) = serve();
    let proxy = Proxy::new(&server.base, |_| Fate::Pass);
    let client = Client::new(&proxy.base, &token);
    let read = |args: &[&str]| {
        proxy.answered.lock().expect("log").clear();
        let ended = client.run(args, "");
        assert_eq!(ended.code, 0, "{}", ended.err);
        (ended.out, proxy.bytes(""))
    };
    // Who is signed in and the accounts are read by every command.
    let (_, base) = read(&["accounts"]);
    let (out, bytes) = read(&["sims", "--limit", "3"]);
    assert_eq!(out.lines().count(), 4);
    assert_eq!(proxy.bytes("POST /v1/exports"), 0);
    assert!(bytes - base < 6_000, "{bytes}, {base} of them for the accounts");
    // Several pages are one list, in the order of the whole.
    let (whole, _) = read(&["sims", "--sort", "label,iccid"]);
    for limit in ["0", "1", "200", "201", "450", "2000", "2500"] {
        let (some, _) = read(&["sims", "--sort", "label,iccid", "--limit", limit]);
        let expected: Vec<&str> =
            whole.lines().take(1 + limit.parse::<usize>().expect("a number")).collect();
        assert_eq!(some.lines().collect::<Vec<_>>(), expected, "{limit}");
    }
    for args in [["history", "--limit", "1"], ["alerts", "--limit", "1"]] {
        let (_, bytes) = read(&args);
        assert!(bytes < base + 2_000, "{args:?}: {bytes}");
    }
}

/// Waits until something holds, looking again at each call back.
#[track_caller]
fn until(woken: &Receiver<()>, holds: impl Fn() -> bool) {
    while !holds() {
        woken.recv_timeout(Duration::from_mins(1)).expect("a call back");
    }
}

#[test]
fn the_feed_is_live_once_a_line_of_it_has_arrived_and_changes_are_polled_until_then() {
    let (dir, server, token) = demo_server();
    let lines: Arc<Mutex<&[u8]>> = Arc::default();
    let carried = Arc::clone(&lines);
    // As nginx does by default: the answer begins, and what it carries is held back.
    let proxy = Proxy::new(&server.base, move |request| {
        let is_feed = request.path == "/v1/events";
        let line = *carried.lock().expect("lines");
        if is_feed { Fate::Hold([&head("text/event-stream")[..], line].concat()) } else { Fate::Pass }
    });
    let waits =
        Waits { poll: Duration::from_millis(20), feed: Duration::from_millis(500), ..Waits::default() };
    let remote = Arc::new(connect(&proxy.base, &token, waits));
    let (sender, woken) = channel();
    let _watch = remote.on_commit(Box::new(move || _ = sender.send(()))).expect("watched");
    let seen = remote.rev().expect("revision");
    let local =
        Local::open(&dir.path().join("demo.db"), Some(demo::email(Role::Admin)), false).expect("opens");
    local.apply(&ChangeId::new(), &label_all(&local), &go).expect("made");
    until(&woken, || remote.changed_since(seen).is_ok_and(|(_, touched)| touched));
    assert!(!remote.is_live() && remote.offline_since().is_none());
    // A page of some other server is no change feed either.
    *lines.lock().expect("lines") = b"<html>\ndata: x\n";
    let feeds = || {
        let answered = proxy.answered.lock().expect("log");
        answered.iter().filter(|(request, _)| request == "GET /v1/events").count()
    };
    let before = feeds();
    until(&woken, || feeds() > before + 1);
    assert!(!remote.is_live());
    *lines.lock().expect("lines") = b": ok\n\n";
    until(&woken, || remote.is_live());
    assert_eq!(remote.offline_since(), None);
    // It falls silent again, and so it is polled again.
    *lines.lock().expect("lines") = b"";
    until(&woken, || !remote.is_live());
}
