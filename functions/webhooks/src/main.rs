//! The webhooks function.

fn main() -> std::process::ExitCode {
    runtime::run(webhooks::NAME, webhooks::build)
}
