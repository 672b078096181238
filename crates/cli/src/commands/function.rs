//! `orderflow function NAME` and `orderflow connector`.

use std::io::Read as _;
use std::process::ExitCode;

use clap::Args;
use rustix::process::{Signal, getpid, kill_process};
use stack::catalogue;
use terminal::output;

const EXAMPLES: &str = "Examples:
  orderflow function order-ingest";

/// Run one function as its own process, with settings from the environment.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Function {
    /// Its name in stack.yml.
    name: String,
}

/// Serves one function until SIGTERM.
pub(crate) fn run(args: &Function) -> ExitCode {
    let name = &args.name;
    let Some(name) = catalogue::find(name) else {
        output::note(format_args!(
            "function {name:?} is not in this program; it has {}",
            catalogue::NAMES.join(", ")
        ));
        return ExitCode::from(4);
    };
    end_with_stdin();
    runtime::run(name, async |env| catalogue::build(name, env).await)
}

/// Delivers until SIGTERM.
pub(crate) fn connector() -> ExitCode {
    end_with_stdin();
    connector::main()
}

/// Under `up --processes` standard input ends when `up` does, however it does; then this process
/// ends as if it had been asked to.
fn end_with_stdin() {
    let mut env = runtime::Env::from_process();
    if env.optional::<bool>(machine::EXIT_WITH_STDIN) != Some(true) {
        return;
    }
    std::thread::spawn(|| {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
        // Fails only for a process that is not there.
        kill_process(getpid(), Signal::TERM).ok();
    });
}
