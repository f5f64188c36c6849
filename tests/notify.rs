//! Messages on their way out: mail to a real SMTP server, webhooks to a real HTTP server that fails
//! and recovers.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt as _;
use hmac::{Hmac, KeyInit, Mac};
use mailin_embedded::{Handler, Response, Server, SslConfig, response};

/// Whom a mail went to, and its text.
type Mail = (Vec<String>, String);

/// An SMTP server that keeps what it is given, and refuses for as long as it is told to.
#[derive(Clone, Default)]
struct Post {
    mail: Arc<Mutex<Vec<Mail>>>,
    busy: Arc<Mutex<bool>>,
    to: Vec<String>,
    data: Vec<u8>,
}

impl Handler for Post {
    fn rcpt(&mut self, to: &str) -> Response {
        if to.contains("nobody") {
            return response::NO_MAILBOX;
        }
        if *self.busy.lock().expect("lock") {
            return response::INTERNAL_ERROR;
        }
        self.to.push(to.to_owned());
        response::OK
    }

    fn data(&mut self, buffer: &[u8]) -> std::io::Result<()> {
        self.data.extend_from_slice(buffer);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let (to, text) = (std::mem::take(&mut self.to), String::from_utf8_lossy(&self.data).into_owned());
        self.data.clear();
        self.mail.lock().expect("lock").push((to, text));
        response::OK
    }
}

impl Post {
    fn open() -> (Self, String) {
        let post = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("address"));
        let handler = post.clone();
        std::thread::spawn(move || {
            let mut server = Server::new(handler);
            server
                .with_name("test")
                .with_ssl(SslConfig::None)
                .expect("no TLS")
                .with_tcp_listener(listener);
            let _ = server.serve();
        });
        (post, url)
    }

    fn taken(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mail.lock().expect("lock"))
    }
}

struct World {
    dir: tempfile::TempDir,
    store: PathBuf,
    smtp: String,
}

impl World {
    /// A store with two SIMs, and mail that goes to `smtp`.
    fn new(smtp: &str) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let world = Self { store: dir.path().join("estate.db"), dir, smtp: smtp.to_owned() };
        let config = world.dir.path().join(".config/simdeck");
        std::fs::create_dir_all(&config).expect("folder");
        let text = "[mail]\nfrom = \"simdeck <alerts@x.example>\"\n[webhook]\nallow_private = true\n";
        std::fs::write(config.join("config.toml"), text).expect("written");
        world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
        let sims = "iccid,account,cap,alert\n8900101000000000011,A,100MB,80MB\n8900101000000000012,A,100MB,80MB\n";
        world.file("sims.csv", sims);
        world.ok(&["import", "sims.csv"]);
        world
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("written");
    }

    fn command(&self) -> Command {
        let mut command = Command::cargo_bin("simdeck").expect("binary");
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .env("SIMDECK_SMTP_URL", &self.smtp)
            .current_dir(self.dir.path())
            .arg("--store")
            .arg(&self.store)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().expect("runs")
    }

    #[track_caller]
    fn ends(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        format!("{out}{err}")
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        self.ends(args, 0)
    }

    /// Both SIMs reach both levels.
    fn spend(&self) -> String {
        let today = estate::Time::now().day();
        self.file(
            "usage.csv",
            &format!(
                "iccid,time,bytes\n8900101000000000011,{today},120MB\n8900101000000000012,{today},90MB\n"
            ),
        );
        self.ok(&["usage", "import", "usage.csv"])
    }

    fn outbox(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok(&["outbox", "--output", "json"])).expect("JSON")
    }

    /// Makes what waits due now.
    fn make_due(&self) {
        let raw = rusqlite::Connection::open(&self.store).expect("raw");
        raw.execute("UPDATE message SET due = 0, leased = 0 WHERE state = 0", []).expect("due");
    }
}

#[test]
fn one_mail_tells_a_recipient_of_everything_an_import_set_off() {
    let (post, url) = Post::open();
    let world = World::new(&url);
    world.ok(&["profile", "--alerts", "on"]);
    world.ok(&["account", "notify", "/Root/A", "--add", "ops@x.example"]);
    world.ends(&["account", "notify", "/Root/A", "--add", "root@x.example"], 1);
    assert!(world.spend().contains("2 reached their alert, 1 their cap"));
    let mut mail = post.taken();
    mail.sort();
    let to: Vec<&str> = mail.iter().map(|(to, _)| to[0].as_str()).collect();
    assert_eq!(to, ["ops@x.example", "root@x.example"]);
    let text = &mail[0].1;
    assert!(text.contains("1 SIM blocked at the cap, 2 SIMs reached their alert"), "{text}");
    assert!(text.contains("8900101000000000011") && text.contains("120 MB of 100 MB"), "{text}");
    assert!(
        !text.contains("Root / A") && !text.contains("/Root"),
        "what lies above is not for everybody"
    );
    assert!(world.outbox()[0]["state"] == "sent");
    world.ok(&["usage", "import", "usage.csv"]);
    assert_eq!(world.ok(&["outbox", "send"]), "0 sent, 0 to be tried again, 0 given up\n");
    assert!(post.taken().is_empty(), "nothing twice");
}

#[test]
fn mail_waits_for_a_server_that_is_busy_and_gives_up_on_nobody() {
    let (post, url) = Post::open();
    let world = World::new(&url);
    world.ok(&["account", "notify", "/Root", "--add", "ops@x.example"]);
    world.ok(&["account", "notify", "/Root", "--add", "nobody@x.example"]);
    *post.busy.lock().expect("lock") = true;
    assert!(world.spend().contains("could not be sent"));
    let outbox = world.outbox();
    let of = |who: &str| {
        outbox.as_array().expect("list").iter().find(|m| m["to"] == who).cloned().expect("there")
    };
    assert_eq!(of("nobody@x.example")["state"], "given-up");
    assert_eq!(
        (&of("ops@x.example")["state"], &of("ops@x.example")["tries"]),
        (&"waiting".into(), &1.into())
    );
    assert_eq!(
        world.ok(&["outbox", "send"]),
        "0 sent, 0 to be tried again, 0 given up\n",
        "not before its time"
    );
    *post.busy.lock().expect("lock") = false;
    world.make_due();
    world.ok(&["outbox", "send"]);
    assert_eq!(post.taken().len(), 1);
}

#[test]
fn a_crash_between_crossing_and_sending_loses_and_doubles_nothing() {
    let (post, url) = Post::open();
    // Nobody listens at first: as if the program had died before it could send.
    let mut world = World::new("smtp://127.0.0.1:1");
    world.ok(&["account", "notify", "/Root", "--add", "ops@x.example"]);
    world.spend();
    assert_eq!(world.outbox()[0]["state"], "waiting");
    // The next one takes the message, hands it over and is killed before it can write that down.
    world.smtp = url;
    let raw = rusqlite::Connection::open(&world.store).expect("raw");
    raw.execute("UPDATE message SET due = 0", []).expect("due");
    world.ok(&["outbox", "send"]);
    raw.execute("UPDATE message SET state = 0, due = 0, leased = 0", [])
        .expect("as before it was written down");
    drop(raw);
    world.ok(&["outbox", "send"]);
    let mail = post.taken();
    let id = |text: &str| {
        text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id").trim().to_owned()
    };
    assert_eq!(mail.len(), 2);
    assert_eq!(id(&mail[0].1), id(&mail[1].1), "whoever receives it can tell that it is the same");
    world.ok(&["outbox", "send"]);
    assert!(post.taken().is_empty());
}

#[test]
fn webhooks_are_signed_and_tried_again() {
    let (_post, url) = Post::open();
    let world = World::new(&url);
    let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").expect("a port"));
    let hook = format!("http://{}/hook", server.server_addr());
    world.ok(&["account", "notify", "/Root/A", "--add", &hook]);
    let listed: serde_json::Value =
        serde_json::from_str(&world.ok(&["account", "notify", "/Root/A", "--output", "json"]))
            .expect("JSON");
    let secret = listed[0]["secret"].as_str().expect("secret").to_owned();
    // It fails, leads elsewhere, hangs up; then it recovers.
    let answers = Arc::clone(&server);
    let asked = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in [Some(500), Some(302), None, Some(204)] {
            let mut request = answers
                .recv_timeout(Duration::from_mins(1))
                .expect("listens")
                .expect("a request in time");
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).expect("body");
            let header = |name: &'static str| {
                let found = request.headers().iter().find(|h| h.field.equiv(name));
                found.map(|h| h.value.as_str().to_owned()).unwrap_or_default()
            };
            let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
            asked.push((headers, body));
            if let Some(status) = answer {
                let elsewhere: tiny_http::Header =
                    "Location: http://127.0.0.1:1/".parse().expect("header");
                let answer = tiny_http::Response::empty(status).with_header(elsewhere);
                request.respond(answer).expect("answered");
            }
        }
        asked
    });
    world.spend();
    for (state, tries) in [("waiting", 1), ("waiting", 2), ("waiting", 3), ("sent", 4)] {
        let outbox = world.outbox();
        assert_eq!(
            (&outbox[0]["state"], &outbox[0]["tries"]),
            (&state.into(), &tries.into()),
            "{outbox}"
        );
        world.make_due();
        world.run(&["outbox", "send"]);
    }
    let asked = asked.join().expect("answers");
    for ([id, at, signature], body) in &asked {
        assert_eq!(id, &asked[0].0[0], "the same message at every attempt");
        let engine = &base64::engine::general_purpose::STANDARD;
        let key =
            base64::Engine::decode(engine, secret.strip_prefix("whsec_").expect("secret")).expect("key");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("key");
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let sum = base64::Engine::encode(engine, mac.finalize().into_bytes());
        assert_eq!(signature, &format!("v1,{sum}"));
    }
    let told: serde_json::Value = serde_json::from_str(&asked[0].1).expect("JSON");
    assert_eq!((&told["alerts"], &told["caps"], &told["more"]), (&2.into(), &1.into(), &0.into()));
    assert_eq!(told["events"][0]["kind"], "cap");
}

#[test]
fn without_a_mail_server_nothing_is_written_and_it_is_said() {
    let world = World::new("");
    std::fs::remove_dir_all(world.dir.path().join(".config")).expect("gone");
    assert!(world.ok(&["profile", "--alerts", "on"]).contains("no mail server is configured"));
    world.spend();
    assert_eq!(world.outbox(), serde_json::json!([]));
    assert!(world.ok(&["alerts"]).contains("8900101000000000011"));
}
