//! Generated pages are checked, not trusted: `just docs` makes them again.

fn fresh(path: &str, page: &str) {
    let found =
        std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
    assert!(found == page, "{path} is stale: just docs");
}

#[test]
fn the_references_are_fresh() {
    fresh("docs/cli.md", &simdeck::cli::cli_reference());
    fresh("docs/keys.md", &simdeck::cli::keys_reference());
    fresh("docs/openapi.json", &format!("{}\n", simdeck::server::openapi()));
}
