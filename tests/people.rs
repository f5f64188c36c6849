//! The binary: users, profiles and what customers see as help.

#[path = "common/binary.rs"]
mod binary;

use binary::{DATA, World};

#[test]
fn users_are_invited_changed_and_removed_by_command() {
    let world = World::sample();
    let acme = ["--account", "/Root/Acme Ltd"];
    let add = |email, role| ["user", "add", email, "--name", "Ann B", "--role", role, acme[0], acme[1]];
    let (_, said) = world.ends(&add("ann@x.example", "admin"), 0);
    assert!(said.contains("tell them to sign in as ann@x.example"), "{said}");
    world.ok(&add("bob@x.example", "user"));
    let (_, said) = world.ends(&add("BOB@x.example", "user"), 1);
    assert!(said.contains("already"), "{said}");
    assert!(
        world
            .ok(&["users", acme[0], acme[1]])
            .contains("ann@x.example,Ann B,admin,invited,/Root/Acme Ltd,never")
    );
    // Signing in accepts; what is above and beside does not exist.
    let seen = world.ok(&["--as", "ann@x.example", "users"]);
    assert!(
        seen.contains("ann@x.example,Ann B,admin,active,/Acme Ltd,20") && !seen.contains("root@"),
        "{seen}"
    );
    world.ok(&["--as", "ann@x.example", "user", "role", "bob@x.example", "--to", "view-only"]);
    let (_, said) = world.ends(&["--as", "ann@x.example", "user", "disable", "ann@x.example"], 1);
    assert!(said.contains("nobody changes their own role"), "{said}");
    let (_, said) =
        world.ends(&["--as", "ann@x.example", "user", "remove", "root@x.example", "--yes"], 4);
    assert!(said.contains("no such user: root@x.example"), "{said}");
    world.ok(&["user", "resend", "bob@x.example"]);
    world.ok(&["--as", "bob@x.example", "sims", "--count"]);
    world.ends(&["--as", "bob@x.example", "users"], 4);
    world.ok(&["user", "disable", "bob@x.example"]);
    world.ends(&["--as", "bob@x.example", "sims", "--count"], 4);
    world.ok(&["user", "enable", "bob@x.example"]);
    // Taking somebody away is asked about: without anyone to ask, it is not done.
    world.ends(&["user", "remove", "bob@x.example"], 2);
    world.ok(&["user", "remove", "bob@x.example", "--yes"]);
    assert!(!world.ok(&["users"]).contains("bob@"));
    assert!(
        world
            .ok(&["history", "--kind", "remove-user"])
            .contains("removed bob@x.example from /Root/Acme Ltd")
    );
    world.ok(&["profile", "--name", "Root of All"]);
    assert!(world.ok(&["profile"]).contains("Root of All"));
}

#[test]
fn each_customer_sees_the_help_of_whoever_is_above() {
    let world = World::sample();
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
    let page = world.path("help.md");
    std::fs::write(&page, "# Acme\n\nCall [us](https://acme.example).\n\n- weekdays\n").expect("written");
    assert!(world.ok(&["help"]).contains("Where to begin"), "without anything set it is simdeck's own");
    let set =
        ["account", "help-page", "/Root", "--file", page.to_str().expect("UTF-8"), "--title", "Ask Root"];
    world.ok(&set);
    assert!(world.ok(&["help"]).contains("Where to begin"), "what is set is for those below");
    let seen = world.ok(&["--as", "ann@x.example", "help"]);
    assert_eq!(seen, "Ask Root\n\nAcme\n\nCall us <https://acme.example>.\n\n- weekdays\n");
    assert_eq!(world.ok(&["account", "help-page", "/Root"]), seen);
    let contact = ["--as", "ann@x.example", "account", "help-page", "/Acme Ltd", "--contact", "Desk"];
    let (_, said) = world.ends(&contact, 2);
    assert!(said.contains("how to reach them"), "{said}");
    world.ok(&[&contact[..], &["--phone", "+44 20 7946 0000"]].concat());
    assert_eq!(world.ok(&["--as", "ann@x.example", "help"]), seen, "their own is for those below them");
    std::fs::write(&page, "bad \u{1b}[31m").expect("written");
    let (_, said) = world.ends(&set, 2);
    assert!(said.contains("text: line 1 holds control"), "{said}");
    world.ok(&["account", "help-page", "/Root", "--none"]);
    assert!(world.ok(&["--as", "ann@x.example", "help"]).contains("Where to begin"));
}

#[test]
fn a_deployment_tightens_the_role_table() {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    world.ok(&["import", &format!("{DATA}/estate-2k/sims.csv")]);
    world.ok(&["user", "add", "ann@x.example", "--name", "Ann", "--role", "user"]);
    let off = ["--as", "ann@x.example", "sim-set", "status=active", "--authentication", "off", "--yes"];
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let config = |text: &str| std::fs::write(folder.join("config.toml"), text).expect("written");
    config("[roles]\nauthenticate = \"admin\"\n");
    let (_, said) = world.ends(&off, 4);
    assert!(said.contains("the role User may not switch SIM authentication"), "{said}");
    config("[roles]\nmove = \"user\"\n");
    let (_, said) = world.ends(&off, 1);
    assert!(said.contains("move needs admin at least"), "{said}");
    config("");
    world.ok(&off);
    assert_eq!(world.count("status=active auth=yes"), 0);
}

#[test]
fn networks_are_asked_by_what_is_configured_and_by_who_may() {
    let world = World::sample();
    let sim = world.ok(&["sims", "status=active", "--limit", "1", "--output", "ndjson"]);
    let sim: serde_json::Value = serde_json::from_str(&sim).expect("JSON");
    let iccid = sim["iccid"].as_str().expect("ICCID").to_owned();
    let (_, said) = world.ends(&["ping", &iccid], 1);
    assert!(said.contains("no ping is configured"), "{said}");
    world.ok(&["user", "add", "vi@x.example", "--name", "Vi", "--role", "view-only"]);
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let config = "[probe]\nseconds = 5\n[probe.ping]\n\"*\" = [\"/bin/echo\", \"pinged\", \"{iccid}\"]\n\
                  [probe.diagnostics]\n\"*\" = [\"/bin/echo\", \"{network}\"]\n";
    std::fs::write(folder.join("config.toml"), config).expect("written");
    assert_eq!(world.ok(&["--as", "vi@x.example", "ping", &iccid]), format!("pinged {iccid}\n"));
    let (_, said) = world.ends(&["--as", "vi@x.example", "diagnose", &iccid], 4);
    assert!(said.contains("the role View Only may not run diagnostics"), "{said}");
    assert!(!world.ok(&["diagnose", &iccid]).trim().is_empty());
    world.ends(&["--readonly", "ping", &iccid], 4);
    world.ends(&["ping", "8900101999999999999"], 4);
    world.ok(&["config", "check"]);
}
