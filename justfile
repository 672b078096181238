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

# stack.yml against what OpenFaaS takes
lint:
    cargo run --quiet --locked -p orderflow -- lint

# The real gateway, faas-cli and connectors around our functions, on this machine
e2e:
    ./scripts/e2e

# The image of each function, built and started
images *functions:
    ./scripts/images {{functions}}

# The image of each function, wherever it was built: started
images-check *functions:
    ./scripts/images-check {{functions}}
