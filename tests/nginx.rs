//! Streams behind nginx as Debian ships it, with the defaults of `proxy_pass`: nothing is held
//! back.
//!
//! `.ci/behind-nginx` fetches nginx where it is not installed and runs these tests; alone they need
//! `nginx` or `NGINX`.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/serving.rs"]
mod serving;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use binary::World;
use serde_json::json;
use serving::Server;

/// A read that takes longer has hung.
const HANGS: Duration = Duration::from_mins(1);

/// nginx in front of a server, at a socket in its own folder.
struct Nginx {
    child: Child,
    socket: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    fn start(folder: &Path, server: &Server) -> Self {
        let (socket, at) = (folder.join("nginx.sock"), folder.display());
        // The places of its files are this user's; how it passes requests on is left at the
        // defaults.
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr notice;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}server {{\nlisten unix:{};\n\
             location / {{ proxy_pass {}; }}\n}}\n}}\n",
            socket.display(),
            server.base
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).expect("configuration");
        let program = std::env::var_os("NGINX").map_or_else(|| PathBuf::from("nginx"), PathBuf::from);
        let mut child = Command::new(&program)
            .args(["-e", "stderr", "-p"])
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; run .ci/behind-nginx", program.display()));
        let mut log = BufReader::new(child.stderr.take().expect("standard error")).lines();
        // It says so once it listens.
        let listens = log.by_ref().map_while(Result::ok).any(|line| line.contains("event method"));
        assert!(listens, "nginx ended");
        std::thread::spawn(move || log.for_each(drop));
        Self { child, socket }
    }

    /// Sends a request; gives the answer from its status line on.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> BufReader<UnixStream> {
        let mut stream = UnixStream::connect(&self.socket).expect("connected");
        stream.set_read_timeout(Some(HANGS)).expect("set");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        BufReader::new(stream)
    }
}

/// Reads until a text has come, and gives all that came.
fn read_until(answer: &mut impl BufRead, wanted: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(wanted) {
        let read = answer.read_line(&mut heard);
        assert!(read.is_ok_and(|read| read > 0), "{wanted:?} never came: {heard}");
    }
    heard
}

fn world() -> (World, Server, Nginx, String) {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let nginx = Nginx::start(world.dir.path(), &server);
    let token = world.ok(&["token", "create", "all", "--scope", "write"]).trim().to_owned();
    (world, server, nginx, format!("Authorization: Bearer {token}\r\n"))
}

#[test]
#[ignore = "needs nginx: .ci/behind-nginx runs it"]
fn events_arrive_behind_nginx_as_they_happen() {
    let (world, mut server, nginx, token) = world();
    let mut events = nginx.send("GET", "/v1/events", &token, "");
    let head = read_until(&mut events, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("cache-control: no-cache\r\n"), "{head}");
    // Before anything has happened.
    read_until(&mut events, ": ok\n");
    world.ok(&["account", "add", "/Root/Behind"]);
    let event = read_until(&mut events, "data: ");
    assert!(event.contains("Behind"), "{event}");
    server.child.kill().expect("killed");
    let (log, _) = server.ended();
    assert_eq!(log.matches("/v1/events").count(), 1, "asked once: {log}");
}

#[test]
#[ignore = "needs nginx: .ci/behind-nginx runs it"]
fn lines_of_a_change_arrive_behind_nginx_before_it_has_ended() {
    let (world, _server, nginx, token) = world();
    world.ok(&["account", "add", "/Root/Behind"]);
    let store = rusqlite::Connection::open(world.path("estate.db")).expect("store");
    // Another program writes: the change waits.
    store.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let target = json!({ "any": [], "ids": [1], "except": [], "at": 1_000, "expect": null });
    let clear = json!({ "notes": false, "recipients": false, "tags": false });
    let change = json!({ "kind": "move", "target": target, "to": 53, "clear": clear }).to_string();
    let headers = format!("{token}Content-Type: application/json\r\nAccept: application/x-ndjson\r\n");
    let mut lines =
        nginx.send("PUT", "/v1/changes/0192d4a5-7c3e-7000-8000-5f0e3a1c9b42", &headers, &change);
    let head = read_until(&mut lines, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("cache-control: no-cache\r\n"), "{head}");
    // A chunk of one byte: the empty line.
    assert!(read_until(&mut lines, "1\r\n\n").len() < 10);
    store.execute_batch("ROLLBACK").expect("unlocked");
    read_until(&mut lines, "{\"done\":{");
    assert_eq!(world.count("in:/Root/Behind"), 1);
}
