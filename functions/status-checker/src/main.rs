//! The status-checker function.

fn main() -> std::process::ExitCode {
    runtime::run(status_checker::NAME, status_checker::build)
}
