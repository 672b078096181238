//! The connector as a process; with the argument `setup` it creates the streams instead.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "for the person who starts it, before there is a log")]
fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => connector::main(),
        Some("setup") => connector::setup(),
        Some(other) => {
            eprintln!(
                "connector: unknown argument {other:?}; usage: connector, or connector setup"
            );
            ExitCode::from(2)
        }
    }
}
