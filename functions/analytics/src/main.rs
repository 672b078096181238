//! The analytics function.

fn main() -> std::process::ExitCode {
    runtime::run(analytics::NAME, analytics::build)
}
