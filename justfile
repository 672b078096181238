# What CI calls; see docs/CONTRIBUTING.md.

default:
    @just --list

# Format and lints
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Every check there is
test:
    ./scripts/test

# The pipeline on this machine, with the samples
run:
    ./scripts/run
