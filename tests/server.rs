//! The server over real HTTP: who sees what, lists page by page, and every failure a problem.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/serving.rs"]
mod serving;

use std::collections::BTreeSet;
use std::ops::Deref;

use base64::Engine as _;
use binary::World;
use serde_json::Value as Json;

/// A server, and what is asked of it.
struct Server(serving::Server);

impl Deref for Server {
    type Target = serving::Server;

    fn deref(&self) -> &serving::Server {
        &self.0
    }
}

impl Server {
    fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    fn start_with(world: &World, options: &[&str]) -> Self {
        Self(serving::Server::of(world.command(), "127.0.0.1:0", options))
    }

    /// Asks, with or without a token; gives status, headers and body.
    fn ask(&self, method: &str, path: &str, token: Option<&str>) -> (u16, ureq::http::HeaderMap, Json) {
        self.ask_with(method, path, token, None)
    }

    /// The same, from somebody who has what has that tag.
    fn ask_with(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        tag: Option<&str>,
    ) -> (u16, ureq::http::HeaderMap, Json) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(tag) = tag {
            request = request.header("If-None-Match", tag);
        }
        let mut answer = agent.run(request.body(()).expect("request")).expect("answered");
        let text = answer.body_mut().read_to_string().expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Json::Null);
        (answer.status().as_u16(), answer.headers().clone(), body)
    }

    #[track_caller]
    fn get(&self, path: &str, token: &str) -> Json {
        let (status, _, body) = self.ask("GET", path, Some(token));
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Asks for what is refused, and how that is said.
    #[track_caller]
    fn refused(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        status: u16,
    ) -> (ureq::http::HeaderMap, Json) {
        let (found, headers, body) = self.ask(method, path, token);
        assert_eq!(found, status, "{path}: {body}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().expect("code")), "{body}");
        assert_eq!(body["request_id"], headers["x-request-id"].to_str().expect("text"), "{body}");
        (headers, body)
    }

    /// Every item of a list, page by page.
    fn all(&self, path: &str, limit: usize, token: &str) -> Vec<Json> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}limit={limit}{cursor}"), token);
            let found = page["items"].as_array().expect("items").clone();
            assert!(found.len() <= limit);
            items.extend(found);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

fn token(world: &World, args: &[&str]) -> String {
    world.ok(&[&["token", "create"], args].concat()).trim().to_owned()
}

/// What two refusals differ in although they say the same: the address and the request.
fn said(mut body: Json, name: &str) -> String {
    body["instance"] = Json::Null;
    body["request_id"] = Json::Null;
    body.to_string().replace(name, "…")
}

#[test]
fn every_failure_is_a_problem_that_names_what_is_wrong() {
    let world = World::sample();
    let all = token(&world, &["all"]);
    let server = Server::start(&world);
    assert_eq!(server.ask("GET", "/healthz", None).2["status"], "ok");
    assert_eq!(server.ask("GET", "/readyz", None).2["status"], "ready");
    for path in ["/", "/v1/nothing", "/v1/sims/%ff", "/v1/sims/sim_x", "/v1/accounts/acc_x"] {
        server.refused("GET", path, Some(&all), 404);
    }
    let (headers, _) = server.refused("POST", "/v1/sims", Some(&all), 405);
    assert_eq!(headers["allow"], "GET,HEAD");
    let (most, last) = all.split_at(all.len() - 1);
    let other = format!("{most}{}", if last == "0" { "1" } else { "0" });
    for bad in [None, Some("simdeck_"), Some("x"), Some(&all[1..]), Some(&other)] {
        let (headers, body) = server.refused("GET", "/v1/me", bad, 401);
        assert_eq!(headers["www-authenticate"], "Bearer");
        assert!(body["detail"].as_str().is_some_and(|text| text.contains("API token")), "{body}");
    }
    for (query, parameter) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1&limit=2", "limit"),
        ("count=about", "count"),
        ("below=perhaps", "below"),
        ("cursor=x", "cursor"),
        ("filter=status%3D", "filter"),
        ("sort=colour", "sort"),
        ("fields=colour", "fields"),
        ("fields=version", "fields"),
    ] {
        let (_, body) = server.refused("GET", &format!("/v1/sims?{query}"), Some(&all), 400);
        assert_eq!(body["errors"][0]["parameter"], parameter, "{body}");
    }
    let (_, body) = server.refused("GET", "/v1/sims?filter=used%20%3E%3E%202", Some(&all), 400);
    assert!(body["errors"][0]["column"].is_u64(), "{body}");
    let (_, headers, _) = server.ask("GET", "/v1/accounts?", Some(&all));
    assert_eq!(headers["cache-control"], "no-store");
}

#[test]
fn a_list_comes_page_by_page_with_every_row_once() {
    let world = World::sample();
    let all = token(&world, &["all"]);
    let server = Server::start(&world);
    let sims = server.all("/v1/sims?sort=used:desc&fields=id,iccid,used&", 999, &all);
    let ids: BTreeSet<&str> = sims.iter().filter_map(|sim| sim["iccid"].as_str()).collect();
    assert_eq!((sims.len(), ids.len() as u64), (ids.len(), world.count("")));
    let used: Vec<u64> = sims.iter().filter_map(|sim| sim["used_bytes"].as_u64()).collect();
    assert!(used.len() == sims.len() && used.is_sorted_by(|a, b| a >= b));
    let page = server.get("/v1/sims?filter=status%3Dactive&limit=7&count=exact", &all);
    assert_eq!(page["count"], world.count("status=active"));
    assert_eq!(page["items"].as_array().map(Vec::len), Some(7));
    assert!(
        page["items"][0]["version"].is_null()
            && page["items"][0]["cap_bytes"].is_u64() | page["items"][0]["cap_bytes"].is_null()
    );
    let cursor = page["next_cursor"].as_str().expect("more");
    let link = server.ask("GET", "/v1/sims?filter=status%3Dactive&limit=7", Some(&all)).1["link"].clone();
    let link = link.to_str().expect("text");
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect(link);
    assert!(next.starts_with("/v1/sims?filter=status%3Dactive&limit=7&cursor="), "{next}");
    assert_ne!(server.get(next, &all)["items"], page["items"]);
    // A cursor goes on with its own list only.
    let (_, body) = server.refused("GET", &format!("/v1/sims?cursor={cursor}"), Some(&all), 400);
    assert_eq!(body["errors"][0]["parameter"], "cursor");

    let accounts = server.all("/v1/accounts?", 7, &all);
    assert_eq!(accounts.len(), world.ok(&["accounts"]).lines().count() - 1);
    let acme = accounts.iter().find(|a| a["path"] == "/Root/Acme Ltd").expect("Acme");
    let id = acme["id"].as_str().expect("id");
    assert_eq!(&server.get(&format!("/v1/accounts/{id}"), &all), acme);
    let own = server.get(&format!("/v1/sims?account={id}&below=false&count=exact&limit=1"), &all);
    assert_eq!(own["count"], acme["sims"]);
    let sim = &own["items"][0];
    let (id, iccid) = (sim["id"].as_str().expect("id"), sim["iccid"].as_str().expect("ICCID"));
    assert_eq!(&server.get(&format!("/v1/sims/{id}"), &all), sim);
    assert_eq!(&server.get(&format!("/v1/sims/{iccid}"), &all), sim);
    // Who has it already hears that it is still so, until it is not.
    let path = format!("/v1/sims/{id}");
    let tag = server.ask("GET", &path, Some(&all)).1["etag"].to_str().expect("text").to_owned();
    let again = server.ask_with("GET", &path, Some(&all), Some(&format!("\"x\", {tag}")));
    assert_eq!(
        (again.0, again.1["etag"].to_str().expect("text"), again.2),
        (304, tag.as_str(), Json::Null)
    );
    world.ok(&["sim-set", &format!("iccid={iccid}"), "--label", "another", "--yes"]);
    let changed = server.ask_with("GET", &path, Some(&all), Some(&tag));
    assert_eq!((changed.0, &changed.2["label"]), (200, &Json::from("another")));
}

#[test]
fn every_list_goes_on_where_it_stood_by_what_it_showed_and_nothing_else() {
    let world = World::sample();
    let (all, acme) = (token(&world, &["all"]), token(&world, &["acme", "--account", "/Root/Acme Ltd"]));
    world.ok(&["cap", "in:\"/Root/Acme Ltd\" used>0 status!=terminated", "--set", "1kB", "--yes"]);
    world.ok(&["sim-set", "in:\"/Root/Acme Ltd\" status!=terminated", "--label", "x", "--yes"]);
    for name in ["Ann", "Ben", "Ann"] {
        let email = format!("{name}{}@x.example", world.ok(&["users"]).lines().count());
        let role = ["--name", name, "--role", "user", "--account", "/Root/Acme Ltd"];
        world.ok(&[&["user", "add", &email], &role[..]].concat());
    }
    let server = Server::start(&world);
    for (path, limit) in
        [("accounts?", 3), ("users?", 2), ("changes?", 2), ("alerts?", 5), ("alerts?kind=cap&", 5)]
    {
        for token in [&all, &acme] {
            let path = format!("/v1/{path}");
            let whole = server.all(&path, 1_000, token);
            assert!(whole.len() > limit, "{path}: {whole:?}");
            assert_eq!(server.all(&path, limit, token), whole, "{path}");
        }
    }
    // A revision in a cursor would count what the neighbours do.
    let page = server.get("/v1/changes?limit=1", &acme);
    let cursor = page["next_cursor"].as_str().expect("more");
    let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cursor).expect("base 64");
    let told: Vec<String> = serde_json::from_slice(&cursor).expect("JSON of texts");
    assert_eq!(told[1..], [page["items"][0]["change_id"].as_str().expect("id")]);
    let alerts = |token: &str| server.all("/v1/alerts?", 1_000, token);
    let (ours, all_of_them) = (alerts(&acme), alerts(&all));
    let ids: BTreeSet<&str> = all_of_them.iter().filter_map(|alert| alert["id"].as_str()).collect();
    assert_eq!(ids.len(), all_of_them.len(), "each has its own, by which it is known again");
    assert!(ours.iter().all(|alert| alert["id"].as_str().is_some_and(|id| ids.contains(id))));
}

#[test]
fn accounts_and_users_are_found_by_what_other_systems_know_of_them() {
    let world = World::sample();
    world.ok(&["account", "reference", "/Root/Acme Ltd", "CRM-7"]);
    let add = ["--name", "Ann", "--role", "user", "--account", "/Root/Acme Ltd"];
    world.ok(&[&["user", "add", "ann@x.example"], &add[..]].concat());
    let all = token(&world, &["all"]);
    let server = Server::start(&world);
    let acme = server.get("/v1/accounts?reference=CRM-7", &all)["items"].clone();
    assert_eq!((acme.as_array().map(Vec::len), &acme[0]["name"]), (Some(1), &Json::from("Acme Ltd")));
    let by_name = server.get("/v1/accounts?name=acme%20ltd", &all);
    assert_eq!(by_name["items"], acme);
    let id = acme[0]["id"].as_str().expect("id");
    let below = server.get(&format!("/v1/accounts?parent={id}"), &all);
    let below = below["items"].as_array().expect("accounts");
    assert!(!below.is_empty() && below.iter().all(|account| account["parent_id"] == acme[0]["id"]));
    let ann = server.get("/v1/users?email=ANN@x.example", &all);
    assert_eq!(
        (ann["items"].as_array().map(Vec::len), &ann["items"][0]["name"]),
        (Some(1), &Json::from("Ann"))
    );
    let admins = server.get("/v1/users?role=admin", &all);
    assert!(
        admins["items"].as_array().is_some_and(|users| users.iter().all(|user| user["role"] == "admin"))
    );
    // What the account has used is what its SIMs have, by day as by month.
    let usage = server.get(&format!("/v1/accounts/{id}/usage"), &all);
    let sum = |what: &str| {
        usage[what].as_array().expect("usage").iter().filter_map(|s| s["bytes"].as_u64()).sum::<u64>()
    };
    assert_eq!(sum("days"), sum("months"));
}

#[test]
fn a_token_learns_nothing_of_what_lies_beside_its_account() {
    let world = World::sample();
    let (all, acme) = (token(&world, &["all"]), token(&world, &["acme", "--account", "/Root/Acme Ltd"]));
    let server = Server::start(&world);
    let me = server.get("/v1/me", &acme);
    assert_eq!(
        (me["account"]["path"].as_str(), me["read_only"].as_bool()),
        (Some("/Acme Ltd"), Some(true))
    );
    assert!(me["account"]["parent_id"].is_null());
    let inside = server.get("/v1/sims?count=exact&limit=1", &acme);
    assert_eq!(inside["count"], world.count("in:\"/Root/Acme Ltd\""));
    let beside = server.get("/v1/sims?filter=not%20in%3A%22%2FRoot%2FAcme%20Ltd%22&limit=1", &all);
    let theirs = |field: &str| beside["items"][0][field].as_str().expect(field).to_owned();
    let absent = [
        ("/v1/sims/", theirs("id"), "sim_999999999"),
        ("/v1/sims/", theirs("iccid"), "8900101000000000011"),
        ("/v1/accounts/", theirs("account_id"), "acc_999999999"),
        ("/v1/sims?account=", theirs("account_id"), "acc_999999999"),
    ];
    for (path, there, nowhere) in absent {
        let strange = server.refused("GET", &format!("{path}{there}"), Some(&acme), 404).1;
        let none = server.refused("GET", &format!("{path}{nowhere}"), Some(&acme), 404).1;
        let bare = |name: &str| name.rsplit('_').next().unwrap_or_default().to_owned();
        assert_eq!(said(strange, &bare(&there)), said(none, &bare(nowhere)), "{path}");
    }
    assert!(
        server
            .all("/v1/accounts?", 1_000, &acme)
            .iter()
            .all(|a| a["path"].as_str().is_some_and(|p| p.starts_with("/Acme Ltd")))
    );
    // Out is out, at the next request.
    world.ok(&["token", "revoke", "acme"]);
    server.refused("GET", "/v1/me", Some(&acme), 401);
    server.get("/v1/me", &all);
}

#[test]
fn it_ends_well_when_told_to_and_encrypts_or_stays_at_home() {
    let world = World::sample();
    let secret = token(&world, &["all"]);
    let mut server = Server::start(&world);
    server.get("/v1/sims?filter=iccid%3D8944*", &secret);
    server.refused("GET", "/v1/sims/8944500102198000003", Some(&secret), 404);
    server.refused("GET", &format!("/{secret}"), None, 404);
    let pid = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
    let (log, code) = server.0.ended();
    assert_eq!(code, Some(0), "{log}");
    // What was asked is logged, without the filter and without the token.
    let logged = |line: &str| {
        serde_json::from_str::<Json>(line).is_ok_and(|line| {
            (&line["method"], &line["route"], &line["status"])
                == (&"GET".into(), &"/v1/sims".into(), &200.into())
        })
    };
    assert!(log.lines().any(logged), "{log}");
    assert!(!log.contains("8944") && !log.contains(&secret[..20]), "{log}");
    let (_, said) = world.ends(&["serve", "--listen", "0.0.0.0:0"], 2);
    assert!(said.contains("unencrypted") && said.contains("--plaintext"), "{said}");
}

#[test]
fn roles_and_a_server_that_only_reads_hold_for_tokens_too() {
    let world = World::sample();
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("config.toml"), "[roles]\nexport = \"admin\"\n").expect("written");
    let user = ["user", "add", "u@x.example", "--name", "U", "--role", "user", "--account", "/Root"];
    world.ok(&user);
    let weak = world.ok(&["--as", "u@x.example", "token", "create", "u", "--scope", "write"]);
    let strong = token(&world, &["all", "--scope", "write"]);
    let server = Server::start_with(&world, &["--readonly"]);
    // What a program reads it keeps: a list is an export, as by command.
    let (_, body) = server.refused("GET", "/v1/sims", Some(weak.trim()), 403);
    assert_eq!(body["code"], "not-permitted", "{body}");
    server.get("/v1/sims", &strong);
    assert_eq!(server.get("/v1/me", &strong)["read_only"], true);
    let listed = world.ok(&["token", "list"]);
    assert!(listed.trim().ends_with(",never"), "nothing is written: {listed}");
}

#[test]
fn the_description_is_served_and_reads_as_a_page_without_anything_from_elsewhere() {
    let world = World::sample();
    let server = Server::start(&world);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let text = |path: &str| {
        let mut answer = agent.get(format!("{}{path}", server.base)).call().expect("answered");
        answer.body_mut().read_to_string().expect("text")
    };
    let served: Json = serde_json::from_str(&text("/openapi.json")).expect("JSON");
    let printed: Json = serde_json::from_str(&world.ok(&["openapi"])).expect("JSON");
    assert_eq!(served, printed);
    assert_eq!(served["openapi"], "3.1.0");
    let page = text("/docs");
    let parts = [
        "Move SIMs into another account",
        "<code>POST /v1/operations/sim-moves</code>",
        "schema-Sim",
        "<strong>A lone word</strong>",
        "<pre>{\n  &quot;dry_run&quot;: true,\n",
        "problem-key-reused",
    ];
    for part in parts {
        assert!(page.contains(part), "{part}");
    }
    assert!(text("/problems/stale").contains("It was changed since"));
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("<link"));
}
