//! Export and import over a server are each other's inverse too.

#[expect(dead_code, reason = "only an empty estate is needed here")]
#[path = "../estate/tests/common/mod.rs"]
mod common;
#[path = "../estate/tests/common/round_trip.rs"]
mod round_trip;
#[expect(dead_code, reason = "what a server logs is looked at elsewhere")]
#[path = "common/serving.rs"]
mod serving;

use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt as _;
use estate::{Estate as _, ImportOptions, Local};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngSeed, TestRunner};
use round_trip::{SIMS, estate_file, export, formats, import, raise_caps, sims};
use serving::Server;
use simdeck::credentials::Credentials;
use simdeck::remote::{self, Remote};

/// An empty estate on a server of its own.
fn serve() -> (tempfile::TempDir, Server, Remote) {
    let (dir, local) = common::estate();
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    command.env_clear().env("HOME", dir.path()).arg("--store").arg(local.path()).stdin(Stdio::null());
    let server = Server::of(command, "127.0.0.1:0", &["--as", "root@x.example", "--rate", "1000000"]);
    let remote = connect(&server, &local);
    (dir, server, remote)
}

fn connect(server: &Server, local: &Local) -> Remote {
    let session = local.begin_session().expect("session");
    let credentials = Credentials::from_token(session.token.reveal()).expect("token");
    let address = remote::Server::parse(&server.base, false).expect("address");
    Remote::connect(address, credentials, false).expect("connected")
}

#[test]
fn what_is_exported_over_a_server_comes_back_equal() {
    let mut runner = TestRunner::new(proptest::test_runner::Config {
        rng_seed: RngSeed::Fixed(14),
        ..proptest::test_runner::Config::default()
    });
    // As many estates as it takes to have a thousand SIMs.
    for _ in 0..1_000usize.div_ceil(SIMS) {
        let file = estate_file().new_tree(&mut runner).expect("an estate").current();
        let (_first_dir, _first_server, first) = serve();
        import(&first, file.as_bytes(), &ImportOptions::default());
        raise_caps(&first);
        let wanted = sims(&first);
        assert_eq!(wanted.len(), SIMS);
        for format in formats() {
            let (_dir, _server, second) = serve();
            import(&second, &export(&first, format), &ImportOptions::default());
            for (iccid, found) in sims(&second) {
                assert_eq!(found, wanted[&iccid], "{format:?}");
            }
        }
    }
}

#[test]
fn portal_files_of_any_size_travel_with_a_file() {
    let (_dir, _server, remote) = serve();
    let portals = estate::portals::all(&[]).expect("shipped");
    let own = |n: usize| {
        portals.iter().map(move |portal| estate::portals::Portal {
            name: format!("{}-{n}", portal.name),
            ..portal.clone()
        })
    };
    let options = ImportOptions {
        portals: (0..20).flat_map(own).collect(),
        portal: Some("aeris-7".into()),
        ..ImportOptions::default()
    };
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/field/aeris.csv"))
        .expect("sample");
    let go = |_| std::ops::ControlFlow::Continue(());
    let (_, tally) = remote.stage(Box::new(&file[..]), &options, &mut |_| {}, &go).expect("staged");
    assert_eq!((tally.added, tally.portal.as_deref()), (4, Some("Aeris SIMs")));
}
