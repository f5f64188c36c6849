//! Changes over the API: one object at a time with its tag, many at once by a key; and what is
//! heard of them.

#[path = "common/binary.rs"]
mod binary;
#[path = "common/serving.rs"]
mod serving;

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use binary::World;
use serde_json::{Value as Json, json};
use serving::Server;

/// Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program with a token.
struct Program<'a> {
    server: &'a Server,
    token: String,
    agent: ureq::Agent,
}

type Answer = (u16, ureq::http::HeaderMap, Json);

impl<'a> Program<'a> {
    fn new(world: &World, server: &'a Server, args: &[&str]) -> Self {
        let token = world.ok(&[&["token", "create"], args].concat()).trim().to_owned();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self { server, token, agent }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Json>) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server.base))
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let text = body.map(Json::to_string).unwrap_or_default();
        if body.is_some() {
            let kind =
                if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            request = request.header("Content-Type", kind);
        }
        let mut answer = self.agent.run(request.body(text).expect("request")).expect("answered");
        let text = answer.body_mut().read_to_string().expect("text");
        (
            answer.status().as_u16(),
            answer.headers().clone(),
            serde_json::from_str(&text).unwrap_or(Json::Null),
        )
    }

    #[track_caller]
    fn get(&self, path: &str) -> Json {
        let (status, _, body) = self.ask("GET", path, &[], None);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn post(&self, path: &str, key: Option<&str>, body: &Json) -> Answer {
        let key: Vec<(&str, &str)> = key.map(|key| ("Idempotency-Key", key)).into_iter().collect();
        self.ask("POST", path, &key, Some(body))
    }

    /// Has an operation run; gives where it is.
    #[track_caller]
    fn run(&self, operation: &str, key: &str, body: &Json) -> String {
        let (status, headers, said) = self.post(&format!("/v1/operations/{operation}"), Some(key), body);
        assert_eq!(status, 202, "{said}");
        headers["location"].to_str().expect("text").to_owned()
    }

    /// What has a tag, and the tag.
    fn tagged(&self, path: &str) -> (Json, String) {
        let (status, headers, body) = self.ask("GET", path, &[], None);
        assert_eq!(status, 200, "{path}: {body}");
        (body, headers["etag"].to_str().expect("text").to_owned())
    }

    /// Waits for an operation to end.
    fn ended(&self, at: &str) -> Json {
        let mut request = ureq::http::Request::builder().uri(format!("{}{at}/events", self.server.base));
        request = request.header("Authorization", format!("Bearer {}", self.token));
        let answer = self.agent.run(request.body(()).expect("request")).expect("answered");
        let mut events = String::new();
        answer.into_body().into_reader().read_to_string(&mut events).expect("events");
        assert!(events.contains("event: end"), "{events}");
        self.get(at)
    }

    fn account(&self, path: &str) -> String {
        let all = self.get("/v1/accounts?limit=1000");
        let found =
            all["items"].as_array().expect("items").iter().find(|account| account["path"] == path);
        found.expect(path)["id"].as_str().expect("id").to_owned()
    }
}

fn world() -> (World, Server) {
    let world = World::sample();
    let server = Server::of(world.command(), "127.0.0.1:0", &[]);
    (world, server)
}

#[test]
fn many_sims_are_moved_once_for_each_key_listed_and_moved_back() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let to = program.account("/Root/Acme Ltd");
    let filter = "status=active not in:\"/Root/Acme Ltd\"";
    let count = world.count(filter);
    let wanted = |dry_run: bool, expect: u64| json!({ "selector": { "filter": filter }, "target_account_id": to, "dry_run": dry_run, "expect_count": expect });
    let moves = "/v1/operations/sim-moves";
    // Looked at first: nothing is changed unless it is said.
    let plan =
        program.post(moves, None, &json!({ "selector": { "filter": filter }, "target_account_id": to }));
    assert_eq!(
        (plan.0, &plan.2["total"], &plan.2["counts"]["done"]),
        (200, &json!(count), &json!(count))
    );
    assert_eq!(world.count(filter), count);
    let drift = program.post(moves, None, &wanted(true, count + 1));
    assert_eq!((drift.0, &drift.2["code"], &drift.2["found"]), (409, &json!("drift"), &json!(count)));
    let keyless = program.post(moves, None, &wanted(false, count));
    assert_eq!((keyless.0, &keyless.2["code"]), (400, &json!("key-missing")));
    let run = program.post(moves, Some("\"night-1\""), &wanted(false, count));
    assert_eq!(run.0, 202, "{}", run.2);
    let at = run.1["location"].to_str().expect("text").to_owned();
    // The same again is the same, in either form of the key; another body is refused.
    let again = program.post(moves, Some("night-1"), &wanted(false, count));
    assert_eq!((again.0, again.1["location"].to_str().expect("text")), (202, at.as_str()));
    assert_eq!(program.post(moves, Some("night-1"), &wanted(false, 1)).0, 422);
    let ended = program.ended(&at);
    assert_eq!(
        (&ended["status"], &ended["counts"]["done"]),
        (&json!("succeeded"), &json!(count)),
        "{ended}"
    );
    assert_eq!(world.count(filter), 0);
    let after = program.post(moves, Some("night-1"), &wanted(false, count));
    assert_eq!((after.0, &after.2["status"]), (202, &json!("succeeded")));
    let results = program.get(&format!("{at}/results?limit=2&outcome=done"));
    assert!(
        results["items"].as_array().is_some_and(|items| items.len() == 2)
            && results["next_cursor"].is_string()
    );
    let history = program.get("/v1/changes?kind=move");
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1));
    // Somebody else's key and operation are theirs.
    let other =
        Program::new(&world, &server, &["acme", "--scope", "write", "--account", "/Root/Acme Ltd"]);
    assert_eq!(other.ask("GET", &at, &[], None).0, 404);
    let absent = other.ask("GET", "/v1/operations/op_0192d4a5-7c3e-7000-8000-000000000000", &[], None);
    assert_eq!(absent.0, 404);
    let undo = json!({ "change_id": ended["change_id"], "dry_run": false });
    let undone = program.post("/v1/operations/undos", Some("back"), &undo);
    assert_eq!(program.ended(undone.1["location"].to_str().expect("text"))["status"], "succeeded");
    assert_eq!(world.count(filter), count);
}

#[test]
fn what_a_selector_means_is_exact_and_what_cannot_be_is_refused_before_anything_is_done() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let reader = Program::new(&world, &server, &["look"]);
    let sims = program.get("/v1/sims?filter=status%3Dterminated&limit=1");
    let gone = sims["items"][0]["iccid"].as_str().expect("a terminated SIM").to_owned();
    let to = program.account("/Root/Acme Ltd");
    let moves = |body: Json| program.post("/v1/operations/sim-moves", None, &body);
    let plan = moves(json!({ "selector": { "iccids": [gone] }, "target_account_id": to }));
    assert_eq!((plan.0, &plan.2["reasons"][0]["code"]), (200, &json!("terminated")), "{}", plan.2);
    let fail =
        json!({ "selector": { "iccids": [gone] }, "target_account_id": to, "on_conflict": "fail" });
    assert_eq!(moves(fail).0, 409);
    for (body, status) in [
        (json!({ "selector": {}, "target_account_id": to }), 422),
        (json!({ "selector": { "filter": "", "iccids": [] }, "target_account_id": to }), 422),
        (json!({ "selector": { "iccids": ["8900101000000000011"] }, "target_account_id": to }), 404),
        (json!({ "selector": { "filter": "status=" }, "target_account_id": to }), 422),
        (json!({ "selector": { "all": true }, "target_account_id": "acc_999999" }), 404),
        (json!({ "selector": { "filter": "" }, "target_account_id": to }), 422),
        (json!({ "selector": { "all": true, "filter": "status=active" }, "target_account_id": to }), 422),
        (json!({ "selector": { "all": true }, "target_account_id": to, "if_account_id": to }), 409),
        (json!({ "selector": { "all": true }, "target_account_id": to, "colour": "red" }), 422),
        (json!({ "selector": { "filter": 5 }, "target_account_id": to }), 422),
        (json!({ "selector": { "ids": ["sim_1", "sim_999999"] }, "target_account_id": to }), 404),
        (json!({ "selector": { "all": true }, "target_account_id": to, "on_conflict": null }), 422),
        (json!({ "selector": { "all": true } }), 422),
    ] {
        let (found, _, said) = moves(body.clone());
        assert_eq!(found, status, "{body}: {said}");
    }
    let refused = reader.post(
        "/v1/operations/sim-moves",
        None,
        &json!({ "selector": { "all": true }, "target_account_id": to }),
    );
    assert_eq!((refused.0, &refused.2["code"]), (403, &json!("read-only")));
}

#[test]
fn operations_wait_for_each_other_and_change_what_they_find_then() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let run = |route: &str, key: &str, body: Json| program.run(route, key, &body);
    let active = world.count("status=active");
    // What is asked for while others wait is made after them, of what there is then.
    let first =
        json!({ "selector": { "filter": "status=active" }, "add_tags": ["first"], "dry_run": false });
    let then = json!({ "selector": { "filter": "tag=first" }, "label": "then", "dry_run": false });
    for at in [run("sim-edits", "first", first), run("sim-edits", "then", then)] {
        let ended = program.ended(&at);
        let done = (&ended["status"], &ended["counts"]["done"]);
        assert_eq!(done, (&json!("succeeded"), &json!(active)), "{ended}");
    }
    // Of two who move a SIM out of the account it is in one does.
    let sims = program.get("/v1/sims?filter=status%3Dactive%20not%20in:%22/Root/Acme%20Ltd%22&limit=1");
    let (sim, from) = (&sims["items"][0]["id"], &sims["items"][0]["account_id"]);
    let to = program.account("/Root/Acme Ltd");
    let go = json!({ "selector": { "ids": [sim] }, "if_account_id": from, "target_account_id": to, "dry_run": false });
    let there = run("sim-moves", "there", go.clone());
    let (status, headers, _) = program.post("/v1/operations/sim-moves", Some("again"), &go);
    assert_eq!(program.ended(&there)["status"], "succeeded");
    if status == 202 {
        assert_eq!(program.ended(headers["location"].to_str().expect("text"))["status"], "failed");
    } else {
        assert_eq!(status, 409);
    }
}

#[test]
fn what_has_nothing_to_do_is_done_and_what_nothing_can_be_done_to_has_failed() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let run = |route: &str, key: &str, body: Json| program.run(route, key, &body);
    // Where there is nothing to do it is done; the same key is the same however the JSON is
    // written.
    let none = json!({ "selector": { "filter": "label:nowhere" }, "label": "x", "dry_run": false });
    let at = run("sim-edits", "none", none);
    let ended = program.ended(&at);
    assert_eq!((&ended["status"], &ended["counts"]["done"]), (&json!("succeeded"), &json!(0)), "{ended}");
    let mut again = program
        .agent
        .post(format!("{}/v1/operations/sim-edits", program.server.base))
        .header("Authorization", format!("Bearer {}", program.token))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "none")
        .send(r#"{"dry_run": false, "label": "x",   "selector": {"filter": "label:nowhere"}}"#)
        .expect("answered");
    let said = again.body_mut().read_to_string().expect("text");
    assert_eq!(
        (again.status().as_u16(), again.headers()["location"].to_str().ok()),
        (202, Some(at.as_str())),
        "{said}"
    );
    // What cannot be done to any SIM has failed, and is not offered to be undone.
    let gone =
        json!({ "selector": { "filter": "status=terminated" }, "action": "suspend", "dry_run": false });
    let ended = program.ended(&run("sim-states", "gone", gone));
    assert_eq!((&ended["status"], &ended["undo_url"]), (&json!("failed"), &Json::Null), "{ended}");
    // Null takes away here as in a patch; what fails later says where.
    let sim = program.get("/v1/sims?filter=status%3Dactive&limit=1")["items"][0]["id"].clone();
    let levels = |body: Json| {
        let mut all = json!({ "selector": { "ids": [sim] }, "dry_run": false });
        all.as_object_mut().expect("object").extend(body.as_object().expect("object").clone());
        all
    };
    program.ended(&run("sim-levels", "cap", levels(json!({ "cap_bytes": 5_000_000 }))));
    program.ended(&run("sim-levels", "none", levels(json!({ "cap_bytes": null }))));
    let read = program.get(&format!("/v1/sims/{}", sim.as_str().expect("id")));
    assert_eq!(read["cap_bytes"], Json::Null, "{read}");
    let (status, _, said) =
        program.post("/v1/operations/sim-levels", None, &levels(json!({ "hard_cap": null })));
    assert_eq!((status, &said["errors"][0]["pointer"]), (422, &json!("/hard_cap")), "{said}");
}

#[test]
fn whoever_runs_an_operation_hears_what_became_of_each_sim() {
    let (world, server) = world();
    world.ok(&["user", "add", "ben@x.example", "--name", "Ben", "--role", "user", "--account", "/Root"]);
    world.ok(&["--as", "ben@x.example", "sims", "--limit", "1"]);
    let program = Program::new(&world, &server, &["ben", "--scope", "write", "--as", "ben@x.example"]);
    let body = json!({ "selector": { "filter": "status=active" }, "label": "x", "dry_run": false });
    let ended = program.ended(&program.run("sim-edits", "one", &body));
    let results = program.get(ended["results_url"].as_str().expect("where"));
    let count = world.count("status=active");
    assert_eq!(results["items"].as_array().map(|items| items.len() as u64), Some(count.min(100)));
    assert_eq!(program.ask("GET", "/v1/changes", &[], None).0, 403, "nothing else of the history");
}

#[test]
fn one_object_is_changed_by_its_tag_and_only_as_it_was_seen() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let id = program.get("/v1/sims?filter=status%3Dactive&limit=1")["items"][0]["id"]
        .as_str()
        .expect("id")
        .to_owned();
    let path = format!("/v1/sims/{id}");
    let (_, tag) = program.tagged(&path);
    let patch = |tag: Option<&str>, body: Json| {
        let tag: Vec<(&str, &str)> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        program.ask("PATCH", &path, &tag, Some(&body))
    };
    assert_eq!(patch(None, json!({ "label": "Pump" })).0, 428);
    let changed = patch(Some(&tag), json!({ "label": "Pump", "tags": ["wet", "deep"] }));
    assert_eq!((changed.0, &changed.2["label"]), (200, &json!("Pump")), "{}", changed.2);
    let stale = patch(Some(&tag), json!({ "label": "Other" }));
    assert_eq!((stale.0, &stale.1["etag"]), (412, &changed.1["etag"]));
    let now = changed.1["etag"].to_str().expect("text");
    let levels = patch(Some(now), json!({ "cap_bytes": 1_000_000_000 }));
    assert_eq!(
        (levels.0, &levels.2["alert_bytes"]),
        (200, &json!(800_000_000)),
        "the alert is 80 % of the cap"
    );
    let bare = levels.1["etag"].to_str().expect("text").trim_matches('"').to_owned();
    assert_eq!(patch(Some(&bare), json!({ "label": null })).0, 400, "a tag stands in quotes");
    let gone = patch(levels.1["etag"].to_str().ok(), json!({ "label": null }));
    assert_eq!((gone.0, &gone.2["label"]), (200, &Json::Null));
    let now = gone.1["etag"].to_str().expect("text");
    for (body, pointer) in [
        (json!({ "iccid": "1" }), "/iccid"),
        (json!({ "tags": "wet" }), "/tags"),
        (json!({ "label": "a", "cap_bytes": 5 }), ""),
        (json!({ "recipients": ["nobody"] }), "/recipients"),
        (json!({ "tags": [""] }), "/tags"),
        (json!({ "cap_bytes": 9_223_372_036_854_775_807_u64 }), "/cap_bytes"),
    ] {
        let (status, _, said) = patch(Some(now), body);
        assert_eq!((status, &said["errors"][0]["pointer"]), (422, &json!(pointer)), "{said}");
    }
}

#[test]
fn accounts_and_users_are_made_changed_and_removed_by_their_tags() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let new = program.ask(
        "POST",
        "/v1/accounts",
        &[],
        Some(&json!({ "parent_id": program.account("/Root"), "name": "New" })),
    );
    assert_eq!(new.0, 201, "{}", new.2);
    let path = new.1["location"].to_str().expect("text").to_owned();
    let tag = new.1["etag"].to_str().expect("text").to_owned();
    assert_eq!(program.tagged(&path).1, tag);
    let renamed = program.ask("PATCH", &path, &[("If-Match", &tag)], Some(&json!({ "name": "Newer" })));
    assert_eq!((renamed.0, &renamed.2["path"]), (200, &json!("/Root/Newer")));
    let user =
        json!({ "account_id": new.2["id"], "name": "Ann", "email": "ann@x.example", "role": "admin" });
    let user = program.ask("POST", "/v1/users", &[], Some(&user));
    assert_eq!((user.0, &user.2["state"]), (201, &json!("invited")), "{}", user.2);
    let (_, tag) = program.tagged(&path);
    assert_eq!(program.ask("DELETE", &path, &[("If-Match", &tag)], None).0, 409, "it has a user");
    let at = format!("/v1/users/{}", user.2["id"].as_str().expect("id"));
    let (_, tag) = program.tagged(&at);
    assert_eq!(program.ask("DELETE", &at, &[], None).0, 428);
    assert_eq!(program.ask("DELETE", &at, &[("If-Match", &tag)], None).0, 204);
    let (_, tag) = program.tagged(&path);
    assert_eq!(program.ask("DELETE", &path, &[("If-Match", &tag)], None).0, 204);
    assert_eq!(program.ask("GET", &path, &[], None).0, 404);
}

#[test]
fn of_many_who_change_what_they_have_seen_one_does() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let path = format!("/v1/accounts/{}", program.account("/Root/Acme Ltd"));
    let sim = program.get("/v1/sims?filter=status%3Dactive&limit=1")["items"][0]["id"].clone();
    for (path, field) in [(path, "name"), (format!("/v1/sims/{}", sim.as_str().expect("id")), "label")] {
        let (_, tag) = program.tagged(&path);
        let one = |n: usize| {
            program.ask("PATCH", &path, &[("If-Match", &tag)], Some(&json!({ field: format!("N{n}") }))).0
        };
        let said: Vec<u16> = std::thread::scope(|all| {
            let asked: Vec<_> = (0..12).map(|n| all.spawn(move || one(n))).collect();
            asked.into_iter().map(|one| one.join().expect("answered")).collect()
        });
        let (done, stale) =
            (said.iter().filter(|s| **s == 200).count(), said.iter().filter(|s| **s == 412).count());
        assert_eq!((done, stale), (1, 11), "{path}: {said:?}");
    }
    // What is so already is no change.
    let user = program.get("/v1/users?limit=1")["items"][0].clone();
    let at = format!("/v1/users/{}", user["id"].as_str().expect("id"));
    let (_, tag) = program.tagged(&at);
    for body in [json!({ "role": user["role"] }), json!({ "state": "active" })] {
        let (status, headers, said) = program.ask("PATCH", &at, &[("If-Match", &tag)], Some(&body));
        assert_eq!((status, headers["etag"].to_str().ok()), (200, Some(tag.as_str())), "{said}");
    }
}

/// The events of a listener, one name and its data at a time.
fn listen(
    program: &Program<'_>,
    query: &str,
    last: Option<&str>,
) -> impl Iterator<Item = (String, String)> + use<> {
    let mut request =
        ureq::http::Request::builder().uri(format!("{}/v1/events{query}", program.server.base));
    request = request.header("Authorization", format!("Bearer {}", program.token));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let answer = program.agent.run(request.body(()).expect("request")).expect("answered");
    assert_eq!(answer.status(), 200);
    let lines = BufReader::new(answer.into_body().into_reader()).lines();
    let mut event = String::new();
    lines.map_while(Result::ok).filter_map(move |line| {
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut event);
        }
        line.strip_prefix("data: ").map(|data| (event.clone(), data.to_owned()))
    })
}

#[test]
fn changes_are_heard_by_those_who_may_see_them_and_replayed_to_those_who_come_back() {
    let (world, server) = world();
    let all = Program::new(&world, &server, &["all", "--scope", "write"]);
    let acme = Program::new(&world, &server, &["acme", "--account", "/Root/Acme Ltd"]);
    let (mut own, mut theirs) = (listen(&all, "", None), listen(&acme, "", None));
    let add = |under: &str, name: &str| {
        world.ok(&["account", "add", &format!("{under}/{name}")]);
    };
    // What lies beside the account is never heard of: the first thing that is, is its own.
    add("/Root", "Beside");
    add("/Root/Acme Ltd", "Inside");
    let (name, first) = own.next().expect("an event");
    assert!(name == "change" && first.contains("Beside"), "{first}");
    assert!(own.next().expect("another").1.contains("Inside"));
    let (name, heard) = theirs.next().expect("an event");
    assert!(name == "change" && heard.contains("Inside") && !heard.contains("Root"), "{heard}");
    let id =
        serde_json::from_str::<Json>(&first).expect("JSON")["change_id"].as_str().expect("id").to_owned();
    let mut back = listen(&all, "", Some(&id));
    assert!(back.next().expect("replayed").1.contains("Inside"));
    // That there is such a change is not told to those who may not see it.
    let strange = acme.ask("GET", "/v1/events", &[("Last-Event-ID", &id)], None);
    let absent =
        acme.ask("GET", "/v1/events", &[("Last-Event-ID", "0192d4a5-7c3e-7000-8000-000000000000")], None);
    assert_eq!((strange.0, absent.0), (404, 404));
    assert_eq!(strange.2["code"], absent.2["code"]);
    // However much was missed, all of it is replayed, without anything new that would wake whoever
    // waits.
    let parent = all.account("/Root/Acme Ltd");
    for n in 0..120 {
        let new = json!({ "parent_id": parent, "name": format!("Missed {n}") });
        assert_eq!(all.ask("POST", "/v1/accounts", &[], Some(&new)).0, 201);
    }
    let last = listen(&all, "", Some(&id)).take(121).last().expect("all of it");
    assert!(last.1.contains("Missed 119"), "{last:?}");
    // Whoever polls hears the same.
    let polled = all.get(&format!("/v1/changes?after={id}"));
    assert!(
        polled["items"][0]["summary"].as_str().is_some_and(|said| said.contains("Inside")),
        "{polled}"
    );
}

#[test]
fn a_server_killed_in_the_middle_of_a_move_finishes_it_once_when_asked_again() {
    let (world, mut server) = world();
    let place = server.base.trim_start_matches("http://").to_owned();
    let token = world.ok(&["token", "create", "all", "--scope", "write"]).trim().to_owned();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let filter = "not in:\"/Root/Acme Ltd\"";
    let count = world.count(filter);
    // Those stay where they are.
    let stay = world.count(&format!("({filter}) (status=unmanaged or status=terminated)"));
    assert!(stay > 0);
    let (to, at) = {
        let program = Program { server: &server, token: token.clone(), agent: agent.clone() };
        let to = program.account("/Root/Acme Ltd");
        let body = json!({ "selector": { "filter": filter }, "target_account_id": to, "dry_run": false });
        let run = program.post("/v1/operations/sim-moves", Some("once"), &body);
        assert_eq!(run.0, 202, "{}", run.2);
        (to, run.1["location"].to_str().expect("text").to_owned())
    };
    server.child.kill().expect("killed");
    assert_eq!(server.ended().1, None);
    // All or nothing, wherever it was.
    let left = world.count(filter);
    assert!(left == count || left == stay, "{left} of {count}");
    let again = Server::of(world.command(), &place, &[]);
    let program = Program { server: &again, token, agent };
    let stood = program.get(&at);
    assert_eq!(stood["status"], if left == stay { "partially_failed" } else { "queued" }, "{stood}");
    let body = json!({ "selector": { "filter": filter }, "target_account_id": to, "dry_run": false });
    let run = program.post("/v1/operations/sim-moves", Some("once"), &body);
    assert_eq!((run.0, run.1["location"].to_str().expect("text")), (202, at.as_str()));
    let ended = program.ended(&at);
    let counts = &ended["counts"];
    assert_eq!((&counts["done"], &counts["refused"]), (&json!(count - stay), &json!(stay)), "{ended}");
    assert_eq!((&ended["status"], world.count(filter)), (&json!("partially_failed"), stay));
    let history = program.get("/v1/changes?kind=move");
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1), "once: {history}");
}

#[test]
fn arrays_in_place_of_objects_are_refused() {
    let (world, server) = world();
    let program = Program::new(&world, &server, &["all", "--scope", "write"]);
    let selector = json!([null, null, true, null]);
    let clear = json!([false, false, false]);
    let target = json!({ "any": [], "ids": [1], "except": [], "at": 0, "expect": null });
    for (method, path, body, pointer) in [
        ("POST", "/v1/accounts", json!(["acc_1", "x"]), ""),
        ("POST", "/v1/users", json!(["acc_1", "Ann", "ann@x.example", "user"]), ""),
        ("POST", "/v1/sessions", json!(["root@x.example", "several words in a row", null]), ""),
        (
            "POST",
            "/v1/sims/query",
            json!(["status=active", null, null, null, null, null, null, null]),
            "",
        ),
        (
            "POST",
            "/v1/operations/sim-moves",
            json!({ "selector": selector, "target_account_id": "acc_2" }),
            "/selector",
        ),
        ("POST", "/v1/ask", json!(["touched-since", { "after": 0 }]), ""),
        (
            "POST",
            "/v1/plans",
            json!({ "kind": "move", "target": target, "to": 2, "clear": clear }),
            "/clear",
        ),
    ] {
        let (status, _, said) = program.ask(method, path, &[], Some(&body));
        assert_eq!((status, &said["errors"][0]["pointer"]), (422, &json!(pointer)), "{path}: {said}");
    }
}
