//! Signing in at a server from the command line, and what commands do there.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/serving.rs"]
mod serving;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt as _;
use binary::{DATA, World};
use serde_json::{Value as Json, json};
use serving::Server;

/// Somebody elsewhere: no store, a home folder of their own, a server.
struct Elsewhere {
    home: tempfile::TempDir,
    base: String,
}

impl Elsewhere {
    fn of(server: &Server) -> Self {
        Self { home: tempfile::tempdir().expect("folder"), base: server.base.clone() }
    }

    fn run(&self, args: &[&str], typed: &str) -> Output {
        let mut command = Command::cargo_bin("simdeck").expect("binary");
        command.env_clear().env("HOME", self.home.path()).env("SIMDECK_NO_KEYRING", "1");
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        child.stdin.take().expect("stdin").write_all(typed.as_bytes()).expect("typed");
        child.wait_with_output().expect("ended")
    }

    /// Runs it at the server, checks the exit code, gives standard output and error.
    #[track_caller]
    fn ends(&self, args: &[&str], typed: &str, code: i32) -> (String, String) {
        let output = self.run(&[&["--server", &self.base], args].concat(), typed);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        self.ends(args, "", 0).0
    }
}

const GOOD: &str = "several words in a row\n";

#[test]
fn who_is_invited_comes_in_by_a_link_works_from_elsewhere_and_goes_again() {
    let world = World::sample();
    let mut server = Server::of(world.command(), "127.0.0.1:0", &[]);
    world.ok(&[
        "user",
        "add",
        "ann@x.example",
        "--name",
        "Ann",
        "--role",
        "admin",
        "--account",
        "/Root/Acme Ltd",
    ]);
    let link = world.ok(&["user", "link", "ann@x.example"]);
    let link = link.trim().replace("https://YOUR-SERVER", &server.base);
    let ann = Elsewhere::of(&server);
    let (_, said) = ann.ends(&["sims"], "", 4);
    assert!(said.contains("not signed in") && said.contains("simdeck login"), "{said}");
    let (_, said) = ann.ends(&["accept", &link], "short\n", 2);
    assert!(said.contains("Ann <ann@x.example>") && said.contains("12 to 256 characters"), "{said}");
    let (_, said) = ann.ends(&["accept", &link], GOOD, 0);
    assert!(
        said.contains("as ann@x.example") && said.contains("a file that only you can read"),
        "{said}"
    );
    ann.ends(&["accept", &link], GOOD, 4);
    // The same commands, the same answers, within the account.
    let own = world.ok(&["--as", "ann@x.example", "sims", "--sort", "iccid", "--output", "json"]);
    assert_eq!(ann.ok(&["sims", "--sort", "iccid", "--output", "json"]), own);
    assert_eq!(ann.ok(&["accounts"]), world.ok(&["--as", "ann@x.example", "accounts"]));
    assert_eq!(ann.ok(&["export"]), world.ok(&["--as", "ann@x.example", "export"]));
    let local = ["export", "--delimiter", ";", "--decimal", ",", "--columns", "iccid,used_pct,tags"];
    assert_eq!(ann.ok(&local), world.ok(&[&["--as", "ann@x.example"], &local[..]].concat()));
    let book = ann.run(&["--server", &ann.base, "export", "--format", "xlsx"], "");
    assert!(book.status.success() && book.stdout.starts_with(b"PK"), "{:?}", book.status);
    ann.ok(&["account", "add", "/Acme Ltd/New"]);
    let iccid = ann.ok(&["sims", "status=active", "--columns", "iccid", "--limit", "1"]);
    let iccid = iccid.lines().last().expect("a SIM");
    let id = "0192d4a5-0000-7000-8000-00000000000a";
    let moved = ["move", iccid, "--to", "/Acme Ltd/New", "--yes", "--change-id", id];
    let receipt = ann.ok(&moved);
    assert!(receipt.contains("1 done") && receipt.contains(id), "{receipt}");
    // Once, however often it is asked for.
    assert_eq!(ann.ends(&moved, "", 0).0, receipt);
    assert!(ann.ok(&["history"]).contains(id));
    ann.ok(&["filter", "save", "Mine", "status=active"]);
    assert!(ann.ok(&["filters"]).contains("Mine"));
    let (_, said) = ann.ends(&["sim", "8900101000000000011"], "", 4);
    assert!(said.contains("no such SIM"), "{said}");
    let (_, said) = ann.ends(&["sims", "status="], "", 2);
    assert!(said.contains('^'), "a caret under the column: {said}");
    // What is the machine's own says where it works.
    let (_, said) = ann.ends(&["store", "check"], "", 2);
    assert!(said.contains("where the server"), "{said}");
    ann.ends(&["import", &format!("{DATA}/estate-2k/sims.csv")], "", 4);
    ann.ends(&["logout"], "", 0);
    ann.ends(&["sims"], "", 4);
    let login = ["login", "--email", "ann@x.example"];
    let (_, said) = ann.ends(&login, "another few words\n", 4);
    assert!(said.contains("not right"), "{said}");
    failures_are_told_and_logged(&ann, &mut server);
}

/// Ann has failed once before.
fn failures_are_told_and_logged(ann: &Elsewhere, server: &mut Server) {
    let login = ["login", "--email", "ann@x.example"];
    ann.ends(&login, "a\u{1b}[31m \"guess\n", 4);
    let (_, said) = ann.ends(&login, GOOD, 0);
    assert!(said.contains("2 failed sign-ins since 2") && said.contains("from 127.0.0.1"), "{said}");
    let (_, said) = ann.ends(&login, GOOD, 0);
    assert!(!said.contains("failed"), "told once: {said}");
    ann.ok(&["sims", "--count"]);
    ann.ends(&["login", "--email", "x\u{202e}\" y"], "a wrong password\n", 4);
    server.child.kill().expect("killed");
    // .ci/fail2ban tries the documented filter on the documented line.
    let (log, _) = server.ended();
    let document = include_str!("../docs/fail2ban.md");
    let shown = document.lines().find(|line| line.starts_with('{')).expect("a line of the log");
    let (shown_time, shown_rest) = split_time(shown);
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("sign-in failed")).collect();
    assert_eq!(failed.len(), 3, "{log}");
    for (line, user) in failed.iter().zip(["ann@x.example", "ann@x.example", "x\\\" y"]) {
        let (time, rest) = split_time(line);
        let expected = shown_rest.replace("203.0.113.9", "127.0.0.1");
        let expected = expected.replace("ann@acme.example", user);
        assert_eq!((time.len(), rest), (shown_time.len(), &*expected));
    }
}

/// Splits a line of the log behind its time, which is its first field.
fn split_time(line: &str) -> (&str, &str) {
    let line = line.strip_prefix("{\"timestamp\":\"").expect("a time first");
    line.split_once("Z\",").expect("a time in UTC")
}

#[test]
fn a_token_comes_from_the_environment_a_command_or_what_was_kept_and_a_lost_server_has_an_exit_code() {
    let world = World::sample();
    let mut server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let token = world.ok(&["token", "create", "script", "--scope", "write"]);
    let script = Elsewhere::of(&server);
    let all = format!("{}\n", world.count(""));
    script.ends(&["login", "--token"], "simdeck_wrong\n", 2);
    script.ends(&["login", "--token"], &token, 0);
    assert_eq!(script.ok(&["sims", "--count"]), all);
    let folder = script.home.path().join(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let config = format!(
        "server = \"{}\"\n[profile.command]\nserver = \"{}\"\ntoken_command = \"printf %s {}\"\n",
        server.base,
        server.base,
        token.trim()
    );
    std::fs::write(folder.join("config.toml"), config).expect("written");
    script.ends(&["logout"], "", 0);
    let by_command = script.run(&["--profile", "command", "sims", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&by_command.stdout), all);
    let plain = script.run(&["--server", "http://sims.example", "sims"], "");
    assert!(String::from_utf8_lossy(&plain.stderr).contains("https://"), "{plain:?}");
    server.child.kill().expect("killed");
    assert_eq!(server.ended().1, None);
    let lost = script.run(&["--profile", "command", "sims", "--count"], "");
    assert_eq!(lost.status.code(), Some(6), "{lost:?}");
    assert!(String::from_utf8_lossy(&lost.stderr).contains("cannot be reached"), "{lost:?}");
}

#[test]
fn signing_out_ends_what_would_renew_a_session_and_the_environment_is_not_taken_for_who_signed_in() {
    let world = World::sample();
    let mut server = Server::of(world.command(), "127.0.0.1:0", &[]);
    let place = server.base.trim_start_matches("http://").to_owned();
    for name in ["Ann", "Ben"] {
        let email = format!("{}@x.example", name.to_lowercase());
        world.ok(&["user", "add", &email, "--name", name, "--role", "user", "--account", "/Root"]);
    }
    let link = world.ok(&["user", "link", "ann@x.example"]);
    let ann = Elsewhere::of(&server);
    ann.ends(&["accept", &link.trim().replace("https://YOUR-SERVER", &server.base)], GOOD, 0);
    let kept = || {
        let file = std::fs::read_to_string(ann.home.path().join(".local/state/simdeck/credentials.json"));
        let all: serde_json::Value = serde_json::from_str(&file.expect("kept")).expect("JSON");
        all[&server.base]["renew"].as_str().expect("what renews it").to_owned()
    };
    let renew = kept();
    // As if half a day had passed.
    server.child.kill().expect("killed");
    let store = rusqlite::Connection::open(world.path("estate.db")).expect("store");
    assert_eq!(store.execute("UPDATE token SET expires = 1 WHERE person = 1", []), Ok(1));
    drop(store);
    let again = Server::of(world.command(), &place, &[]);
    let (_, said) = ann.ends(&["logout"], "", 0);
    assert!(said.contains("signed out"), "{said}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let body = serde_json::json!({ "renew": renew }).to_string();
    let renewed = agent
        .post(format!("{}/v1/sessions/renew", again.base))
        .header("content-type", "application/json")
        .send(&body);
    assert_eq!(renewed.expect("answered").status(), 401);
    // Who signs in is who was named, whatever token the environment holds.
    world.ok(&["--as", "ben@x.example", "sims", "--limit", "1"]);
    let token = world.ok(&["--as", "ben@x.example", "token", "create", "ben"]);
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    command.env_clear().env("HOME", ann.home.path()).env("SIMDECK_NO_KEYRING", "1");
    command.env("SIMDECK_TOKEN", token.trim()).args(["login", &again.base, "--email", "ann@x.example"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    child.stdin.take().expect("stdin").write_all(GOOD.as_bytes()).expect("typed");
    let said = String::from_utf8(child.wait_with_output().expect("ended").stderr).expect("UTF-8");
    assert!(said.contains("as ann@x.example") && said.contains("SIMDECK_TOKEN is set"), "{said}");
}

#[test]
fn what_is_typed_comes_before_the_environment_and_what_makes_a_store_does_nothing_at_a_server() {
    let world = World::sample();
    let count = format!("{}\n", world.count(""));
    let run = |server: &str, store: &str, args: &[&str]| {
        let mut command = world.command();
        command.env("SIMDECK_SERVER", server).env("SIMDECK_STORE", store).args(args);
        let output = command.output().expect("ran");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    // The store is typed.
    assert_eq!(run("http://127.0.0.1:9", "", &["sims", "--count"]).1, count);
    assert_eq!(run("", "elsewhere.db", &["sims", "--count"]).1, count);
    let init = [
        "--server",
        "http://127.0.0.1:9",
        "init",
        "--account",
        "A",
        "--email",
        "e@x.example",
        "--name",
        "N",
    ];
    let mut made = Command::cargo_bin("simdeck").expect("binary");
    made.env_clear().env("HOME", world.dir.path()).args(init);
    assert_eq!(made.output().expect("ran").status.code(), Some(2));
}

#[test]
fn what_answers_and_is_no_simdeck_is_said_to_be_none() {
    let other = tiny_http::Server::http("127.0.0.1:0").expect("server");
    let base = format!("http://{}", other.server_addr());
    let answers = std::thread::spawn(move || {
        for (n, request) in other.incoming_requests().take(3).enumerate() {
            let (status, text) = [(200, "{\"hello\": 1}"), (404, "{\"error\": 1}"), (200, "<html>")][n];
            let _ = request.respond(tiny_http::Response::from_string(text).with_status_code(status));
        }
    });
    let somebody = Elsewhere { home: tempfile::tempdir().expect("folder"), base };
    for _ in 0..3 {
        let (_, said) = somebody.ends(&["login", "--email", "a@x.example"], GOOD, 6);
        assert!(said.contains("no simdeck server"), "{said}");
    }
    answers.join().expect("answered");
}

#[test]
fn the_page_behind_a_link_works_without_scripts_and_loads_nothing() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    world.ok(&[
        "user",
        "add",
        "eve@x.example",
        "--name",
        "<b>Eve</b>",
        "--role",
        "user",
        "--account",
        "/Root",
    ]);
    let link = world.ok(&["user", "link", "eve@x.example"]);
    let link = link.trim().replace("https://YOUR-SERVER", &server.base);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut page = agent.get(&link).call().expect("page");
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    let text = page.body_mut().read_to_string().expect("text");
    assert!(
        text.contains("&lt;b&gt;Eve&lt;/b&gt;") && !text.contains("<script") && !text.contains("<b>"),
        "{text}"
    );
    let send = |password: &str, again: &str| {
        let form = [("name", "Eve"), ("password", password), ("again", again)];
        let mut answer = agent.post(&link).send_form(form).expect("answered");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    };
    assert!(send(GOOD.trim(), "another").1.contains("differ"));
    assert!(send("short", "short").1.contains("12 to 256"));
    let (status, text) = send(GOOD.trim(), GOOD.trim());
    assert!(status == 200 && text.contains("simdeck login"), "{text}");
    assert_eq!(send(GOOD.trim(), GOOD.trim()).0, 404);
    Elsewhere::of(&server).ends(&["login", "--email", "eve@x.example"], GOOD, 0);
}

/// The address of a user of two customers.
const EMAIL: &str = "ann@x.example";

/// Posts JSON; gives the status and the answer.
fn post(server: &Server, path: &str, token: Option<&str>, body: &Json) -> (u16, Json) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request =
        agent.post(format!("{}{path}", server.base)).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.trim()));
    }
    let mut answer = request.send(body.to_string()).expect("answered");
    let text = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), serde_json::from_str(&text).expect("JSON"))
}

/// Invites the address to two customers and accepts both invitations by links that are shown.
fn two_users(world: &World, server: &Server) {
    for customer in ["Acme Ltd", "Zeta"] {
        let account = format!("/Root/{customer}");
        world.ok(&["user", "add", EMAIL, "--name", "Ann", "--role", "admin", "--account", &account]);
        let link = world.ok(&["user", "link", EMAIL, "--account", &account]);
        let accepted = json!({ "link": link.trim(), "password": GOOD.trim() });
        assert_eq!(post(server, "/v1/links/accept", None, &accepted).0, 201, "{customer}");
    }
}

fn world() -> World {
    let world = World::sample();
    world.ok(&["account", "add", "/Root/Zeta"]);
    world
}

#[test]
fn sign_in_over_the_network_asks_which_account_once_the_password_is_right() {
    let world = world();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    two_users(&world, &server);
    let sign_in = |password: &str, account: Option<&str>| {
        let mut body = json!({ "email": EMAIL, "password": password });
        if let Some(account) = account {
            body["account"] = json!(account);
        }
        post(&server, "/v1/sessions", None, &body)
    };
    let (status, problem) = sign_in(GOOD.trim(), None);
    assert_eq!((status, problem["code"].as_str()), (401, Some("account-needed")), "{problem}");
    let names: Vec<&str> = problem["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .filter_map(|a| a["name"].as_str())
        .collect();
    assert_eq!(names, ["Acme Ltd", "Zeta"]);
    let id = problem["accounts"][1]["account_id"].as_str().expect("id");
    for account in ["zeta", id] {
        assert_eq!(sign_in(GOOD.trim(), Some(account)).0, 201, "{account}");
    }
    // Whoever does not know the password learns nothing.
    let (status, wrong) = sign_in("a wrong one altogether", None);
    assert_eq!((status, wrong["code"].as_str()), (401, Some("wrong-credentials")));
    assert_eq!(wrong["accounts"], Json::Null);
    let elsewhere = sign_in(GOOD.trim(), Some("/Root"));
    assert_eq!((elsewhere.0, elsewhere.1["code"].as_str()), (401, Some("wrong-credentials")));
}

#[test]
fn failures_are_told_to_the_user_they_are_of_and_to_no_namesake() {
    let world = world();
    let mut server = Server::of(world.command(), "127.0.0.1:0", &[]);
    two_users(&world, &server);
    let sign_in = |password: &str, account: Option<&str>| {
        let body = json!({ "email": EMAIL, "password": password, "account": account });
        post(&server, "/v1/sessions", None, &body)
    };
    let told = |account: &str| {
        let (status, signed) = sign_in(GOOD.trim(), Some(account));
        assert_eq!(status, 201, "{signed}");
        (signed["failed_sign_ins"]["count"].clone(), signed["failed_sign_ins"]["from"].clone())
    };
    assert_eq!(sign_in("a wrong one altogether", Some("Zeta")).0, 401);
    // More than an address is refused at once, and not logged.
    let long = json!({ "email": "x".repeat(255), "password": GOOD.trim() });
    let (status, problem) = post(&server, "/v1/sessions", None, &long);
    assert_eq!((status, &problem["code"]), (422, &json!("invalid")), "{problem}");
    assert_eq!(told("Acme Ltd"), (Json::Null, Json::Null), "not of theirs, nor taken by them");
    assert_eq!(told("Zeta"), (json!(1), json!(["127.0.0.1"])));
    // By another password of their own a namesake guesses: that counts, though they sign in.
    let link = world.ok(&["user", "link", EMAIL, "--account", "/Root/Acme Ltd"]);
    let guess = "quite another few words";
    let chosen = json!({ "link": link.trim(), "password": guess });
    assert_eq!(post(&server, "/v1/links/accept", None, &chosen).0, 201);
    let (status, signed) = sign_in(guess, None);
    assert_eq!((status, &signed["failed_sign_ins"]), (201, &Json::Null));
    // Where somebody signs in is not told to whoever made a user of their address.
    assert_eq!(told("Zeta"), (json!(1), json!([])));
    server.child.kill().expect("killed");
    let (log, _) = server.ended();
    let lines = |message: &str| log.lines().filter(|line| line.contains(message)).count();
    assert_eq!(lines("\"sign-in failed\""), 1, "{log}");
    let guessed =
        "\"password not right for every user of an address\",\"address\":\"127.0.0.1\",\"user\":\"ann@";
    assert_eq!(lines(guessed), 1, "{log}");
}

#[test]
fn commands_name_the_account_where_the_address_is_a_user_of_several() {
    let world = world();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    two_users(&world, &server);
    let ann = Elsewhere::of(&server);
    let login = ["login", "--email", EMAIL];
    let (_, said) = ann.ends(&login, GOOD, 4);
    assert!(said.contains("Acme Ltd (acc_") && said.contains("--account"), "{said}");
    let (_, said) = ann.ends(&[&login[..], &["--account", "Zeta"]].concat(), GOOD, 0);
    assert!(said.contains("signed in"), "{said}");
    assert!(ann.ok(&["accounts"]).contains("Zeta"));
    // At the store itself likewise, and in the configuration.
    let (_, said) = world.ends(&["--as", EMAIL, "accounts"], 4);
    assert!(said.contains("Zeta (acc_") && said.contains("--account"), "{said}");
    assert!(world.ok(&["--as", EMAIL, "--account", "Zeta", "accounts"]).contains("Zeta"));
    // The command's own option of that name is another.
    world.ok(&["--as", EMAIL, "--account", "Zeta", "users", "--account", "/Zeta"]);
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let config = format!("as = \"{EMAIL}\"\naccount = \"Acme Ltd\"\n");
    std::fs::write(folder.join("config.toml"), config).expect("written");
    assert!(world.ok(&["profile"]).contains("account,/Acme Ltd"));
}

#[test]
fn links_are_mailed_where_mail_is_configured_and_no_surface_shows_them() {
    let world = world();
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let config = "url = \"https://sims.example\"\n[mail]\nfrom = \"simdeck <sims@x.example>\"\n";
    std::fs::write(folder.join("config.toml"), config).expect("written");
    let command = || {
        let mut command = world.command();
        // Nothing listens there: messages wait in the outbox.
        command.env("SIMDECK_SMTP_URL", "smtp://127.0.0.1:9");
        command
    };
    let server = Server::of(command(), "127.0.0.1:0", &[]);
    let ran = |args: &[&str]| {
        let output = command().args(args).output().expect("ran");
        assert!(output.status.success(), "{output:?}");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    };
    let [_, said] =
        ran(&["user", "add", EMAIL, "--name", "Ann", "--role", "user", "--account", "/Root/Zeta"]);
    assert!(said.contains("the invitation was mailed to ann@x.example"), "{said}");
    let [shown, said] = ran(&["user", "link", EMAIL]);
    assert!(shown.is_empty() && said.contains("the link was mailed to ann@x.example"), "{shown}{said}");
    assert!(!said.contains("simdeck_") && !said.contains("/accept/"), "{said}");
    // Nor does the server.
    let [token, _] = ran(&["token", "create", "script", "--scope", "write"]);
    let new = json!({ "account_id": "acc_1", "name": "Ben", "email": "ben@x.example", "role": "user" });
    let (status, user) = post(&server, "/v1/users", Some(&token), &new);
    assert_eq!((status, user["invitation"].as_str()), (201, Some("mailed")), "{user}");
    let root = json!({ "email": "root@x.example", "password": GOOD.trim() });
    let mut child = command()
        .args(["profile", "--password"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    child.stdin.take().expect("stdin").write_all(GOOD.as_bytes()).expect("typed");
    assert!(child.wait().expect("ended").success());
    let (_, session) = post(&server, "/v1/sessions", None, &root);
    let id: i64 =
        user["id"].as_str().and_then(|id| id.strip_prefix("usr_")).expect("id").parse().expect("number");
    let ask = json!({ "ask": "link", "user": id, "all": false });
    let (status, link) = post(&server, "/v1/ask", session["token"].as_str(), &ask);
    assert_eq!((status, link["mailed_to"].as_str()), (200, Some("ben@x.example")), "{link}");
    assert_eq!(link["secret"], Json::Null);
}

/// Sends a request without a body and returns the status and the body of the answer.
fn ask_as(server: &Server, token: &str, method: &str, path: &str) -> (u16, Json) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.base));
    let request = request.header("authorization", format!("Bearer {token}"));
    let mut answer = agent.run(request.body(()).expect("request")).expect("answered");
    let body = serde_json::from_str(&answer.body_mut().read_to_string().expect("text"));
    (answer.status().as_u16(), body.unwrap_or(Json::Null))
}

#[test]
fn a_sign_in_ends_the_session_it_replaces() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    world.ok(&["user", "add", EMAIL, "--name", "Ann", "--role", "user"]);
    let token = world.ok(&["token", "create", "script"]);
    let sessions = || -> Vec<Json> {
        let listed = world.ok(&["sessions", "--user", EMAIL, "--output", "json"]);
        serde_json::from_str(&listed).expect("JSON")
    };
    let (ann, laptop) = (Elsewhere::of(&server), Elsewhere::of(&server));
    let link = world.ok(&["user", "link", EMAIL]);
    let link = link.trim().replace("https://YOUR-SERVER", &server.base);
    ann.ends(&["accept", &link], GOOD, 0);
    laptop.ends(&["login", "--email", EMAIL], GOOD, 0);
    let before = sessions();
    let (_, said) = ann.ends(&["login", "--email", EMAIL], GOOD, 0);
    assert!(!said.contains("not ended"), "{said}");
    let now = sessions();
    assert_eq!(now.len(), 2, "the one of the laptop and a new one");
    assert_eq!(now.iter().filter(|one| before.iter().any(|old| old["id"] == one["id"])).count(), 1);
    ann.ok(&["sims", "--count"]);
    laptop.ok(&["sims", "--count"]);
    // A token replaces a session too; signing in again leaves the token as it is.
    ann.ends(&["login", "--token"], &token, 0);
    assert_eq!(sessions().len(), 1);
    ann.ends(&["login", "--email", EMAIL], GOOD, 0);
    ann.ends(&["login", "--token"], &token, 0);
    ann.ok(&["sims", "--count"]);
}

#[test]
fn sessions_are_listed_and_ended_by_command_and_over_the_api() {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    for name in ["ann", "ben"] {
        let email = format!("{name}@x.example");
        world.ok(&["user", "add", &email, "--name", name, "--role", "user"]);
    }
    let accept = |somebody: &Elsewhere, email: &str| {
        let link = world.ok(&["user", "link", email]).trim().replace("https://YOUR-SERVER", &server.base);
        somebody.ends(&["accept", &link], GOOD, 0);
    };
    let (ann, ben) = (Elsewhere::of(&server), Elsewhere::of(&server));
    accept(&ann, EMAIL);
    accept(&ben, "ben@x.example");
    let laptop = Elsewhere::of(&server);
    laptop.ends(&["login", "--email", EMAIL], GOOD, 0);
    let list = |somebody: &Elsewhere| -> Vec<Json> {
        serde_json::from_str(&somebody.ok(&["sessions", "--output", "json"])).expect("JSON")
    };
    let sessions = list(&ann);
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|one| one["address"] == "127.0.0.1"), "{sessions:?}");
    assert!(sessions[0]["program"].as_str().is_some_and(|program| program.starts_with("simdeck/")));
    let of = |current: bool| {
        let found = sessions.iter().find(|one| one["current"] == current).expect("one");
        found["id"].as_str().expect("id").to_owned()
    };
    ann.ends(&["session", "end", &of(false)], "", 0);
    laptop.ends(&["sims", "--count"], "", 4);
    let (_, said) = ben.ends(&["session", "end", &of(true)], "", 4);
    assert!(said.contains("no such session"), "{said}");
    ben.ends(&["sessions", "--user", EMAIL], "", 4);
    laptop.ends(&["login", "--email", EMAIL], GOOD, 0);
    let (_, said) = ann.ends(&["session", "end", "--all"], "", 0);
    assert!(said.contains("ended 1 session of ann@x.example"), "{said}");
    laptop.ends(&["sims", "--count"], "", 4);
    ann.ok(&["sims", "--count"]);
    // The store itself has none; its owner sees and ends those at the server.
    let (out, said) = world.ends(&["sessions", "--user", "ben@x.example"], 0);
    assert!(out.contains("127.0.0.1") && said.contains("the store itself has none"), "{out}{said}");
    world.ok(&["session", "end", "--all", "--user", "ben@x.example"]);
    ben.ends(&["sims", "--count"], "", 4);
    assert!(world.ok(&["history", "--kind", "end-session"]).contains("ended a session of ben@x.example"));
    // The same over the API.
    let signed =
        post(&server, "/v1/sessions", None, &json!({ "email": EMAIL, "password": GOOD.trim() })).1;
    let token = signed["token"].as_str().expect("token");
    let ask = |method: &str, path: &str| ask_as(&server, token, method, path);
    let (status, page) = ask("GET", "/v1/sessions?limit=1");
    assert_eq!((status, page["items"][0]["current"].as_bool()), (200, Some(true)), "{page}");
    let next = format!("/v1/sessions?limit=1&cursor={}", page["next_cursor"].as_str().expect("more"));
    let other = ask("GET", &next).1["items"][0]["id"].as_str().expect("id").to_owned();
    assert_eq!(ask("DELETE", &format!("/v1/sessions/{other}")).0, 204);
    assert_eq!(ask("DELETE", &format!("/v1/sessions/{other}")).0, 404);
    assert_eq!(ask("GET", "/v1/sessions?user=usr_1").0, 403);
    assert_eq!(ask("DELETE", "/v1/sessions").1["ended"], json!(0));
    ann.ends(&["sims", "--count"], "", 4);
}
