//! The connector as a process of its own; or, with the argument `setup`, what makes the streams.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "for the person who starts it, before there is a log")]
fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => connector::main(),
        Some("setup") => connector::setup(),
        Some(other) => {
            eprintln!("connector: {other:?} is not known; connector, or connector setup");
            ExitCode::from(2)
        }
    }
}
