//! How a server is reached: encrypted by certificates that may be renewed, watched by those who run
//! it, and by nobody else.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/serving.rs"]
mod serving;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use binary::World;
use serving::Server;

/// Writes a certificate for this machine and its key; gives its serial number's place for nobody,
/// only new each time.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into(), "localhost".into()])
        .expect("certificate");
    let key = folder.join("key.pem");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("key");
    permit(&key, 0o600);
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("certificate");
}

fn permit(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("set");
}

#[test]
fn half_open_connections_make_room_and_two_hosts_are_refused() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let place = server.base.trim_start_matches("http://");
    let ask = |head: &str| {
        let mut stream = TcpStream::connect(place).expect("connected");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut heard = String::new();
        let _ = stream.read_to_string(&mut heard);
        heard
    };
    // More than there may be, each with half a head: the first of them are closed long before their
    // time is over.
    let mut half_open: Vec<TcpStream> = (0..1_100)
        .map(|_| {
            let mut stream = TcpStream::connect(place).expect("connected");
            stream.write_all(b"GET /healthz HTTP/1.1\r\n").expect("sent");
            stream
        })
        .collect();
    let heard = ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    // The last of them still has its time, so the answer did not wait for that to end.
    let last = half_open.last_mut().expect("some");
    last.write_all(b"Host: x\r\nConnection: close\r\n\r\n").expect("the rest");
    let mut rest = String::new();
    last.read_to_string(&mut rest).expect("an answer");
    assert!(rest.starts_with("HTTP/1.1 200"), "{rest}");
    let heard = ask("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n");
    assert!(heard.starts_with("HTTP/1.1 400") && heard.contains("\"header\":\"host\""), "{heard}");
}

#[test]
fn what_is_sent_is_encrypted_and_certificates_are_read_anew_when_they_are_renewed() {
    let world = World::sample();
    certify(world.dir.path());
    let file = |name: &str| world.path(name).to_str().expect("text").to_owned();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let mut server = Server::of(world.command(), "127.0.0.1:0", &["--cert", &cert, "--key", &key]);
    assert!(server.base.starts_with("https://"), "{}", server.base);
    let token = world.ok(&["token", "create", "all"]);
    let base = server.base.clone();
    let count = |ca: Option<&str>| {
        let mut command = world.command();
        command.env("SIMDECK_TOKEN", token.trim()).env_remove("SIMDECK_STORE");
        let config = world.path(".config/simdeck");
        std::fs::create_dir_all(&config).expect("folder");
        let ca = ca.map_or_else(String::new, |ca| format!("ca = \"{ca}\"\n"));
        std::fs::write(config.join("config.toml"), format!("[profile.far]\nserver = \"{base}\"\n{ca}"))
            .expect("configuration");
        let mut plain = std::process::Command::new(command.get_program());
        plain.env_clear().env("HOME", world.dir.path()).env("SIMDECK_TOKEN", token.trim());
        let output = plain.args(["--profile", "far", "sims", "--count"]).output().expect("runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = count(None);
    assert!(code == Some(6) && said.contains("cannot be reached"), "nobody vouches for it: {said}");
    assert_eq!(count(Some(&cert)), (Some(0), format!("{}\n", world.count(""))));
    // Whoever speaks plainly hears nothing that can be read.
    let mut plain = TcpStream::connect(base.trim_start_matches("https://")).expect("connected");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("said");
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
    // Renewed, the new one is used; with a broken one nothing begins.
    let old = std::fs::read(&cert).expect("certificate");
    certify(world.dir.path());
    assert_ne!(old, std::fs::read(&cert).expect("certificate"));
    let renewed = std::iter::repeat_with(|| count(Some(&cert)).0).take(100).any(|code| code == Some(0));
    assert!(renewed);
    std::fs::write(&cert, "rubbish").expect("broken");
    server.child.kill().expect("killed");
    let (log, _) = server.ended();
    assert!(log.contains("read anew"), "{log}");
    let (_, said) = world.ends(&["serve", "--listen", "127.0.0.1:0", "--cert", &cert, "--key", &key], 1);
    assert!(said.contains("cert.pem"), "{said}");
    world.ends(&["serve", "--cert", &cert], 2);
    permit(Path::new(&key), 0o644);
    let (_, said) = world.ends(&["serve", "--listen", "127.0.0.1:0", "--cert", &cert, "--key", &key], 1);
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn how_the_server_does_is_told_by_route_to_those_who_see_every_account() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &["--rate", "60"]);
    let token = |args: &[&str]| world.ok(&[&["token", "create"], args].concat()).trim().to_owned();
    let (all, acme) = (token(&["all"]), token(&["acme", "--account", "/Root/Acme Ltd"]));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |path: &str, token: &str| {
        let request = agent
            .get(format!("{}{path}", server.base))
            .header("Authorization", format!("Bearer {token}"));
        let mut answer = request.call().expect("answered");
        (
            answer.status().as_u16(),
            answer.headers().clone(),
            answer.body_mut().read_to_string().expect("text"),
        )
    };
    let (status, headers, _) = ask("/v1/sims?limit=1", &all);
    assert_eq!((status, headers["ratelimit-policy"].to_str().ok()), (200, Some("\"default\";q=60;w=60")));
    assert!(
        headers["ratelimit"].to_str().is_ok_and(|said| said.starts_with("\"default\";r=59;t=")),
        "{headers:?}"
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(!headers.contains_key("access-control-allow-origin"));
    assert_eq!(ask("/metrics", &acme).0, 403);
    let (status, _, text) = ask("/metrics", &all);
    assert_eq!(status, 200);
    assert!(
        text.contains("simdeck_http_requests_total{method=\"GET\",route=\"/v1/sims\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(!text.contains("acc_") && !text.contains("Acme"), "{text}");
    // Whoever asks too often waits; that is told in each form of it, and nobody else does.
    let over =
        std::iter::repeat_with(|| ask("/v1/me", &acme)).take(70).find(|(status, ..)| *status == 429);
    let (_, headers, body) = over.expect("too many");
    assert!(
        headers["retry-after"].to_str().is_ok_and(|seconds| seconds.parse::<u64>().is_ok()),
        "{headers:?}"
    );
    assert!(
        body.contains("/problems/too-many-requests")
            && headers["ratelimit"].to_str().is_ok_and(|said| said.contains("r=0")),
        "{body}"
    );
    assert_eq!(ask("/v1/me", "simdeck_").0, 401);
}

#[test]
fn a_head_that_is_too_large_and_a_body_that_is_are_refused() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let token = world.ok(&["token", "create", "all", "--scope", "write"]).trim().to_owned();
    let place = server.base.trim_start_matches("http://").to_owned();
    let say = |text: &[u8]| {
        let mut stream = TcpStream::connect(&place).expect("connected");
        let _ = stream.write_all(text);
        let mut heard = String::new();
        let _ = stream.read_to_string(&mut heard);
        heard
    };
    let headers: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let heard = say(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes());
    assert!(heard.starts_with("HTTP/1.1 431"), "{heard}");
    let body = format!("{{\"parent_id\": \"acc_1\", \"name\": \"{}\"}}", "x".repeat(300_000));
    let request = format!(
        "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let heard = say(request.as_bytes());
    assert!(heard.starts_with("HTTP/1.1 413") && heard.contains("/problems/too-large"), "{heard}");
    let plain = request.replace("application/json", "text/plain");
    assert!(say(plain.as_bytes()).contains("/problems/unsupported-media-type"));
}

#[test]
fn whoever_sends_slowly_has_a_few_files_under_way_and_holds_up_no_change() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let token = world.ok(&["token", "create", "all", "--scope", "write"]).trim().to_owned();
    let place = server.base.trim_start_matches("http://");
    let post = |what: &str, headers: &str| {
        let mut stream = TcpStream::connect(place).expect("connected");
        let head = format!(
            "POST {what} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("said");
        let mut heard = [0; 12];
        stream.read_exact(&mut heard).expect("an answer begins");
        (String::from_utf8_lossy(&heard).into_owned(), stream)
    };
    let file = "Content-Type: text/csv\r\nAccept: application/x-ndjson\r\nTransfer-Encoding: chunked";
    let mut under_way: Vec<TcpStream> = (0..4)
        .map(|_| {
            let (heard, stream) = post("/v1/stagings", file);
            assert_eq!(heard, "HTTP/1.1 200");
            stream
        })
        .collect();
    assert_eq!(post("/v1/stagings", file).0, "HTTP/1.1 429");
    let body = r#"{"parent_id": "acc_1", "name": "Meanwhile"}"#;
    let mut heard = String::new();
    let (begun, mut stream) = post(
        "/v1/accounts",
        &format!(
            "Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    stream.read_to_string(&mut heard).expect("the rest");
    assert_eq!(begun, "HTTP/1.1 201", "{heard}");
    // One that ends makes room.
    under_way[0].write_all(b"9\r\niccid\n89x\r\n0\r\n\r\n").expect("the rest");
    let last = |heard: &str| heard.contains("\"done\"") || heard.contains("\"failed\"");
    let mut heard = Vec::new();
    while !last(&String::from_utf8_lossy(&heard)) {
        let mut piece = [0; 1024];
        let n = under_way[0].read(&mut piece).expect("lines");
        assert!(n > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend(&piece[..n]);
    }
    assert_eq!(post("/v1/stagings", file).0, "HTTP/1.1 200");
}

#[test]
fn behind_a_proxy_that_is_named_each_guesses_for_themselves() {
    let world = World::sample();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let refused = |options: &[&str], others: &str| {
        let server = Server::of(world.command(), "127.0.0.1:0", options);
        let guess = |from: &str| {
            let request = agent.get(format!("{}/v1/me", server.base)).header("X-Forwarded-For", from);
            request.call().expect("answered").status().as_u16()
        };
        assert!(std::iter::repeat_with(|| guess("198.51.100.7")).take(70).any(|status| status == 429));
        guess(others)
    };
    assert_eq!(refused(&["--proxy", "127.0.0.1"], "203.0.113.9"), 401);
    assert_eq!(refused(&["--proxy", "10.0.0.2"], "203.0.113.9"), 429, "it is not theirs to say");
}
