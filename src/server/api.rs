//! The table of the API: every route, what answers it, what is written of it.

use std::sync::LazyLock;

use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::openapi::{Content, OpenApi, schema::Object};

use super::describe::{self, Route, flag, one_of, word};
use super::shapes::{
    Account, AccountPatch, AccountUsage, Alert, Change, Credentials, Health, Invited, Item, LinkAccepted,
    LinkSent, Me, NewAccount, NewUser, Operation, Plan, Renewal, Session, SessionsEnded, Sim, SimEdits,
    SimLevels, SimMoves, SimPatch, SimQuery, SimStates, Undo, Usage, User, UserPatch, UserSession,
};
use super::{
    accounts, body, docs, feed, log, metrics, operations, problem_codes, screen, signin, sims, usage,
    user_sessions, users,
};

/// The headings, and what stands below them.
pub(super) const TAGS: [(&str, &str); 8] = [
    ("SIMs", "Listed by the one filter language, looked at, changed one at a time."),
    ("Operations", "Changes of many SIMs: planned, run once, listed SIM by SIM, undone."),
    ("Accounts", "The tree, as you see it."),
    ("Users", "Who may do what, in the accounts you manage."),
    ("History", "What has happened: changes, alerts, usage, and what happens now."),
    ("Signing in", "For people; programs have API tokens."),
    (
        "Screens",
        "What the simdeck program itself asks: the same reads and changes, whole. It follows the program's version.",
    ),
    ("Server", "About the server itself."),
];

/// How large a body may be that names 100,000 SIMs; others are small.
const LARGE: usize = 16 * 1024 * 1024;

const KEY: &str = "Makes it safe to send again: the same key within a day is the same operation. Needed unless `dry_run`.";
const FILTER: &str =
    "Which SIMs, in the filter language: `status=active used_pct>=80` (see `/docs#filters`).";

/// Every route.
pub(super) fn table() -> Vec<Route> {
    let small = |route: Route| route.with_size(DefaultBodyLimit::max(body::SMALL));
    let large = |route: Route| route.large(LARGE);
    let small_ones = [
        sim_routes(),
        account_routes(),
        user_routes(),
        log_routes(),
        session_routes(),
        link_routes(),
        own_routes(),
    ];
    let mut all: Vec<Route> = small_ones.into_iter().flatten().map(small).collect();
    all.extend(operation_routes().into_iter().chain(screen_routes()).map(large));
    all.push(
        Route::post("/v1/stagings", screen::stage)
            .with_size(DefaultBodyLimit::disable())
            .with_name("stageFile", "Screens", "Take a file of SIMs or of usage records\nOne CSV, of any size, to be brought in by a change. Lines of JSON are answered where they are accepted.")
            .with("usage", flag(), "Whether it holds usage records.")
            .with("options", word(), "How it is read, as JSON; `body` if the first line of the body says so.")
            .body("text/csv", Content::new(Some(Object::with_type(utoipa::openapi::schema::Type::String))))
            .sends(200, "What it comes to.", "application/json"),
    );
    all
}

fn sim_routes() -> Vec<Route> {
    let listed = |route: Route| {
        route
            .with("filter", word(), FILTER)
            .with("sort", word(), "By which columns: `used:desc,iccid` (see `/docs#filters`).")
            .with("account", word(), "Only SIMs in this account and below it.")
            .with("below", flag(), "Whether the accounts below count; they do unless this is false.")
            .with("count", one_of(&["exact"]), "Say how many there are in all.")
            .with("fields", word(), "Only these fields, by comma.")
            .fails(404, "The account, or one the filter names, is not there, as far as you can know.")
            .with_paging()
    };
    vec![
        listed(Route::get("/v1/sims", sims::list)).with_name("listSims", "SIMs", "List SIMs").lists::<Sim>("A page of SIMs, with usage and caps."),
        Route::post("/v1/sims/query", sims::query)
            .large(LARGE)
            .with_name("querySims", "SIMs", "List SIMs by a long filter\nThe parameters of the list as one JSON object.")
            .takes::<SimQuery>(json!({ "filter": "status=active", "limit": 10 }))
            .fails(404, "The account, or one the filter names, is not there, as far as you can know.")
            .lists::<Sim>("A page of SIMs."),
        Route::get("/v1/sims/{id}", sims::one)
            .with_name("getSim", "SIMs", "Look at a SIM\nBy its identifier, or by its ICCID with or without check digit.")
            .with_tag()
            .gives::<Sim>(200, "The SIM."),
        Route::patch("/v1/sims/{id}", sims::change)
            .with_name("changeSim", "SIMs", "Change a SIM\nLabel, notes, tags, categories, recipients and authentication are one change; cap, alert and hard cap another.")
            .patches::<SimPatch>(json!({ "label": "Pump 7", "tags": ["meter"] }))
            .gives::<Sim>(200, "The SIM as it is now."),
        Route::get("/v1/sims/{id}/usage", usage::sim)
            .with_name("getUsage", "SIMs", "What a SIM has used\nWhat came while it was in an account you do not see stays there.")
            .with_tag()
            .gives::<Usage>(200, "Usage by day and billing period."),
    ]
}

/// An operation on SIMs: planned with 200, run with 202.
fn operation(route: Route, id: &'static str, about: &'static str) -> Route {
    route
        .with_name(id, "Operations", about)
        .header("Idempotency-Key", false, KEY)
        .changes()
        .fails(404, "A SIM or an account is not there, as far as you can know.")
        .gives::<Plan>(200, "What it would do: nothing was changed.")
        .gives::<Operation>(202, "It runs; `Location` is where.")
}

fn operation_routes() -> Vec<Route> {
    let some = json!({ "iccids": ["8944500102198304826"] });
    let example = |more: serde_json::Value| {
        let mut body = json!({ "selector": some, "dry_run": true });
        if let (Some(body), serde_json::Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
    };
    vec![
        operation(Route::post("/v1/operations/sim-moves", operations::moves), "moveSims", "Move SIMs into another account")
            .takes::<SimMoves>(example(json!({ "target_account_id": "acc_9" }))),
        operation(Route::post("/v1/operations/sim-levels", operations::levels), "setLevels", "Set caps and alerts of SIMs")
            .takes::<SimLevels>(example(json!({ "cap_bytes": 500_000_000 }))),
        operation(Route::post("/v1/operations/sim-states", operations::states), "changeStates", "Activate, suspend, resume or terminate SIMs")
            .takes::<SimStates>(example(json!({ "action": "suspend" }))),
        operation(Route::post("/v1/operations/sim-edits", operations::edits), "editSims", "Edit labels, notes, tags, categories and recipients of SIMs")
            .takes::<SimEdits>(example(json!({ "add_tags": ["meter"] }))),
        operation(Route::post("/v1/operations/undos", operations::undo), "undo", "Undo a change\nWhere something came after it, a SIM stays as it is.")
            .takes::<Undo>(json!({ "change_id": "0192d4a5-7c3e-7000-8000-5f0e3a1c9b42" })),
        Route::get("/v1/operations/{id}", operations::one)
            .with_name("getOperation", "Operations", "How an operation stands")
            .gives::<Operation>(200, "The operation."),
        Route::delete("/v1/operations/{id}", operations::stop)
            .with_name("cancelOperation", "Operations", "Cancel an operation\nOne that waits is not begun; one that runs is taken back whole, unless it has just come to its end.")
            .changes()
            .gives::<Operation>(202, "It is being stopped."),
        Route::get("/v1/operations/{id}/results", operations::results)
            .with_name("listResults", "Operations", "What became of each SIM")
            .with("outcome", one_of(&operations::outcomes()), "Only SIMs with this outcome.")
            .with_paging()
            .lists::<Item>("A page of SIMs."),
        Route::get("/v1/operations/{id}/events", operations::events)
            .with_name("watchOperation", "Operations", "Hear how far an operation is\nServer-sent events: `progress`, then `end` with the operation.")
            .sends(200, "Events, until it ends.", "text/event-stream"),
    ]
}

fn account_routes() -> Vec<Route> {
    vec![
        Route::get("/v1/accounts", accounts::list)
            .with_name("listAccounts", "Accounts", "List accounts\nParents before children, your own first.")
            .with("parent", word(), "Only those directly below this one.")
            .with("name", word(), "Only those of this name, ignoring case; accents distinguish.")
            .with("reference", word(), "Only the one another system calls this.")
            .fails(404, "The account above is not there, as far as you can know.")
            .with_paging()
            .lists::<Account>("A page of accounts."),
        Route::post("/v1/accounts", accounts::add)
            .with_name("addAccount", "Accounts", "Make an account")
            .changes()
            .fails(404, "The account above is not there, as far as you can know.")
            .takes::<NewAccount>(json!({ "parent_id": "acc_1", "name": "Fleet South" }))
            .gives::<Account>(201, "The account."),
        Route::get("/v1/accounts/{id}", accounts::one)
            .with_name("getAccount", "Accounts", "Look at an account")
            .with_tag()
            .gives::<Account>(200, "The account."),
        Route::patch("/v1/accounts/{id}", accounts::change)
            .with_name(
                "changeAccount",
                "Accounts",
                "Change an account\nOne thing at a time: each is a change of its own.",
            )
            .patches::<AccountPatch>(json!({ "name": "Fleet North" }))
            .gives::<Account>(200, "The account as it is now."),
        Route::get("/v1/accounts/{id}/usage", usage::account)
            .with_name(
                "getAccountUsage",
                "Accounts",
                "What an account and those below it have used\nFor those who see the history of the estate.",
            )
            .with_tag()
            .gives::<AccountUsage>(200, "Usage by day, month and account."),
        Route::delete("/v1/accounts/{id}", accounts::remove)
            .with_name("deleteAccount", "Accounts", "Remove an empty account")
            .header("If-Match", true, "The `ETag` of what you have seen, or `*` for whatever it is.")
            .changes()
            .fails(412, "It has been changed since.")
            .fails(428, "`If-Match` is missing.")
            .ends(204, "It is gone."),
    ]
}

fn user_routes() -> Vec<Route> {
    vec![
        Route::get("/v1/users", users::list)
            .with_name("listUsers", "Users", "List users")
            .with("account", word(), "Only those of one account.")
            .with("email", word(), "Only whoever has this mail address, whatever the case.")
            .with("role", one_of(&["view-only", "user", "admin"]), "Only those with this role.")
            .with_paging()
            .fails(404, "The account is not there, as far as you can know.")
            .lists::<User>("A page of users."),
        Route::post("/v1/users", users::add)
            .with_name("addUser", "Users", "Invite a user\nWhere the server sends mail, the link to accept it by is mailed and shown to nobody. Users of other customers make no difference to the answer.")
            .changes()
            .fails(404, "The account is not there, as far as you can know.")
            .takes::<NewUser>(json!({ "account_id": "acc_1", "name": "Ann Other", "email": "ann@acme.example", "role": "user" }))
            .gives::<User>(201, "The user, invited."),
        Route::get("/v1/users/{id}", users::one)
            .with_name("getUser", "Users", "Look at a user")
            .with_tag()
            .gives::<User>(200, "The user."),
        Route::patch("/v1/users/{id}", users::change)
            .with_name("changeUser", "Users", "Give a user another role, keep them out or let them in\nOne of the two at a time.")
            .patches::<UserPatch>(json!({ "role": "admin" }))
            .gives::<User>(200, "The user as they are now."),
        Route::delete("/v1/users/{id}", users::remove)
            .with_name("removeUser", "Users", "Remove a user\nWhat they did stays in the history.")
            .header("If-Match", true, "The `ETag` of what you have seen, or `*` for whatever it is.")
            .changes()
            .fails(412, "They have been changed since.")
            .fails(428, "`If-Match` is missing.")
            .ends(204, "They are gone."),
    ]
}

fn log_routes() -> Vec<Route> {
    vec![
        Route::get("/v1/changes", log::changes)
            .with_name("listChanges", "History", "List changes\nNewest first; after one, oldest first: to poll, give the last you have seen.")
            .with("account", word(), "That touched this account or one below it.")
            .with("sim", word(), "Of this SIM.")
            .with("kind", word(), "Of this kind.")
            .with("by", word(), "By somebody whose name or address contains this.")
            .with("since", word(), "Since then: a time, or an age such as 7d.")
            .with("until", word(), "Before then: a time, or an age such as 7d.")
            .with("after", word(), "After this change.")
            .with_paging()
            .fails(404, "The account, the SIM or the change is not there, as far as you can know.")
            .lists::<Change>("A page of changes."),
        Route::get("/v1/changes/{id}", log::one)
            .with_name("getChange", "History", "Look at a change")
            .with_tag()
            .gives::<Change>(200, "The change."),
        Route::get("/v1/changes/{id}/items", log::items)
            .with_name("listItems", "History", "The SIMs of a change")
            .with("outcome", one_of(&operations::outcomes()), "Only SIMs with this outcome.")
            .with_paging()
            .lists::<Item>("A page of SIMs."),
        Route::get("/v1/alerts", log::alerts)
            .with_name("listAlerts", "History", "Levels that were reached\nNewest first.")
            .with("account", word(), "In this account or below it.")
            .with("sim", word(), "Of this SIM.")
            .with("kind", one_of(&["alert", "cap"]), "Of this kind.")
            .with("since", word(), "Since then: a time, or an age such as 7d.")
            .fails(404, "The account or the SIM is not there, as far as you can know.")
            .with_paging()
            .lists::<Alert>("A page of levels that were reached."),
        Route::get("/v1/events", feed::events)
            .with_name("watchChanges", "History", "Hear of changes as they are made\nServer-sent events: `change` for those who see the history, `refresh` for the others. `Last-Event-ID` goes on after a change.")
            .with("account", word(), "Only changes that touch this account or one below it.")
            .with("after", word(), "After this change: where no header can be sent.")
            .header("Last-Event-ID", false, "The last change you have heard of.")
            .fails(404, "The account or the change is not there, as far as you can know.")
            .sends(200, "Events, for as long as you listen.", "text/event-stream"),
    ]
}

fn session_routes() -> Vec<Route> {
    let session = "What you go on with.";
    vec![
        Route::post("/v1/sessions", signin::sign_in)
            .open()
            .with_name("signIn", "Signing in", "Sign in by password\nWhere a second factor is set up, `code` is what the authenticator shows. Where the address is a user of several accounts and the password is right for more than one, `account` says which.")
            .fails(401, "Not by that: `wrong-credentials`, `account-needed` or `code-needed`.")
            .fails(403, "The server only reads.")
            .takes::<Credentials>(json!({ "email": "ann@acme.example", "password": "several words in a row" }))
            .gives::<Session>(201, session),
        Route::post("/v1/sessions/renew", signin::renew)
            .open()
            .with_name("renewSession", "Signing in", "Renew a session\nThe renewal secret is spent with that. Used again, it ends the session, except that the last one is answered again for 30 seconds, in case its answer was lost.")
            .fails(401, "That renews nothing, or not any more.")
            .fails(403, "The server only reads.")
            .takes::<Renewal>(json!({ "renew": "simdeck_0" }))
            .gives::<Session>(200, session),
        Route::get("/v1/sessions", user_sessions::list)
            .with_name("listSessions", "Signing in", "List sessions\nYour own, or those of a user whose account you manage. Not for API tokens.")
            .with("user", word(), "The user; you without it.")
            .fails(404, "The user is not there, as far as you can know.")
            .with_paging()
            .lists::<UserSession>("A page of sessions, newest use first."),
        Route::delete("/v1/sessions", user_sessions::end_all)
            .with_name("endSessions", "Signing in", "End all sessions of a user\nThe session that asks stays.")
            .with("user", word(), "The user; you without it.")
            .fails(404, "The user is not there, as far as you can know.")
            .gives::<SessionsEnded>(200, "How many were ended."),
        Route::delete("/v1/sessions/{id}", user_sessions::end)
            .with_name("endSession", "Signing in", "End a session\nThe next request with it is refused. The history says who ended it.")
            .ends(204, "It has ended."),
        Route::delete("/v1/sessions/current", signin::sign_out)
            .with_name("signOut", "Signing in", "Sign out")
            .ends(204, "The session is worth nothing any more."),
    ]
}

fn link_routes() -> Vec<Route> {
    vec![
        Route::post("/v1/links", signin::look)
            .open()
            .with_name("lookAtLink", "Signing in", "Whom a link lets in\nNothing is used up.")
            .fails(404, "It was used, has ended, or never was.")
            .takes::<LinkSent>(json!({ "link": "simdeck_0" }))
            .gives::<Invited>(200, "Whom, and what for."),
        Route::post("/v1/links/accept", signin::accept)
            .open()
            .with_name("acceptLink", "Signing in", "Accept an invitation, choose another password, or confirm an address\n`purpose` of the link says which; an address is confirmed by the password there is.")
            .fails(401, "`code-needed`, or it is not the one your authenticator shows.")
            .fails(403, "The server only reads.")
            .fails(404, "It was used, has ended, or never was.")
            .fails(409, "It cannot be accepted as things stand.")
            .takes::<LinkAccepted>(json!({ "link": "simdeck_0", "password": "several words in a row" }))
            .gives::<Session>(201, "What you go on with."),
        Route::get("/accept/{link}", signin::page)
            .open()
            .with_name("showLink", "Signing in", "The page behind a link\nFor people with a browser; it needs no scripts.")
            .sends(200, "A form.", "text/html")
            .sends(404, "It was used, has ended, or never was.", "text/html")
            .sends(429, "Too many requests.", "text/html"),
        Route::post("/accept/{link}", signin::page_sent)
            .open()
            .with_name("sendLink", "Signing in", "What the page sends")
            .body("application/x-www-form-urlencoded", Content::new(Some(Object::new())))
            .sends(200, "It is done, or the form again.", "text/html")
            .sends(404, "It was used, has ended, or never was.", "text/html")
            .sends(429, "Too many requests.", "text/html"),
    ]
}

fn screen_routes() -> Vec<Route> {
    vec![
        Route::post("/v1/ask", screen::ask)
            .with_name("ask", "Screens", "Ask one question\n`ask` says which; the rest is what it needs.")
            .takes_object("`ask`, and what the question needs.", json!({ "ask": "rev" }))
            .changes()
            .fails(404, "Something it names is not there, as far as you can know.")
            .answers_any(200, "What the estate says."),
        Route::post("/v1/plans", screen::plan)
            .with_name("plan", "Screens", "What a change would do")
            .takes_object("A change, as the log keeps it.", json!({ "kind": "add-account", "parent": 1, "name": "Fleet South" }))
            .changes()
            .fails(404, "Something it names is not there, as far as you can know.")
            .sends(200, "What it would do.", "application/json"),
        Route::with_put("/v1/changes/{id}", screen::change)
            .with_name("makeChange", "Screens", "Make a change, once\nUnder a number you make up (a UUID): sent again, it gives the same receipt. Lines of JSON tell how far it is, where they are accepted.")
            .takes_object("A change, as the log keeps it.", json!({ "kind": "add-account", "parent": 1, "name": "Fleet South" }))
            .changes()
            .sends(200, "What became of it.", "application/json"),
        Route::delete("/v1/changes/{id}", screen::stop)
            .with_name("stopChange", "Screens", "Stop a change that is being made\nIt is taken back whole, unless it has just come to its end.")
            .ends(202, "It is being stopped."),
        Route::post("/v1/exports", screen::export)
            .with_name("export", "Screens", "Every SIM of a query, one a line")
            .takes_object("`query`, and `target` for some of them only.", json!({ "query": { "filter": "", "under": 1, "deep": true, "sort": "iccid", "now": 0 } }))
            .fails(404, "Something it names is not there, as far as you can know.")
            .sends(200, "SIMs, and a last line that says how it ended.", "application/jsonl"),
    ]
}

fn own_routes() -> Vec<Route> {
    vec![
        Route::get("/v1/me", super::me)
            .with_name("getMe", "Users", "Who you are, and what you see")
            .with_tag()
            .gives::<Me>(200, "You."),
        Route::get("/healthz", super::healthy)
            .open()
            .with_name("healthy", "Server", "Whether the server runs")
            .gives::<Health>(200, "It does."),
        Route::get("/readyz", super::ready)
            .open()
            .with_name("ready", "Server", "Whether the store can be read")
            .gives::<Health>(200, "It can."),
        Route::get("/metrics", metrics::page)
            .with_name(
                "metrics",
                "Server",
                "How the server does\nPrometheus text, by route; for those who see every account.",
            )
            .sends(200, "The counts.", "application/openmetrics-text"),
        Route::get("/openapi.json", openapi)
            .open()
            .with_name("openapi", "Server", "This description")
            .sends(200, "OpenAPI 3.1.", "application/json"),
        Route::get("/problems/{code}", problem_codes::one)
            .open()
            .with_name("problem", "Server", "What a problem's `type` says")
            .sends(200, "A page.", "text/html"),
        Route::get("/docs", docs::page)
            .open()
            .with_name("docs", "Server", "This description, to be read")
            .sends(200, "A page.", "text/html"),
    ]
}

/// The description, as it is served.
pub(super) fn description() -> OpenApi {
    describe::openapi(table(), &TAGS)
}

async fn openapi() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| description().to_json().unwrap_or_default());
    ([("content-type", "application/json")], TEXT.as_str()).into_response()
}
