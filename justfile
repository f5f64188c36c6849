# What there is.
default:
    @just --list

# Every test.
test:
    cargo test --workspace

# The gate, as CI runs it.
check:
    .ci/run

# Regenerate the references and the pictures.
docs:
    mkdir -p docs
    cargo run --quiet -- reference cli > docs/cli.md
    cargo run --quiet -- reference keys > docs/keys.md
    cargo run --quiet -- openapi > docs/openapi.json
    cargo run --quiet --example screenshots

# A million SIMs (or as many as SIMS says), then estates of up to 100,000 accounts (`just bench accounts`: these only).
bench SIMS="1000000":
    cargo run --release --example bench -- {{SIMS}}

# Many users at once on one server of its own: figures on standard output.
load SIMS="100000" USERS="50" SECONDS="60":
    cargo build --release
    cargo run --release --example load -- {{SIMS}} {{USERS}} {{SECONDS}}

# A server asked everything its description allows, and much it does not, as each role.
fuzz:
    .ci/fuzz-api
