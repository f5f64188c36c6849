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

# A million SIMs (or as many as SIMS says): figures on standard output.
bench SIMS="1000000":
    cargo run --release --example bench -- {{SIMS}}
