//! The daily-checker function.

fn main() -> std::process::ExitCode {
    runtime::run(daily_checker::NAME, daily_checker::build)
}
