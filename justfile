# `just check` is what is asked of a change; `.ci/run` runs the same and the slow rest.

# Format, lints, tests, documentation.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --workspace
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

# Everything on this machine: API, store, platforms, cron, console page.
run:
    cargo run

# The whole story without a browser.
demo:
    cargo run -- demo

# The console page in a real browser.
browser:
    tools/browser/run.sh

# What would be deployed: built, looked at, started, asked.
vercel:
    tools/vercel/check.sh
