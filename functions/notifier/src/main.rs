//! The notifier function.

fn main() -> std::process::ExitCode {
    runtime::run(notifier::NAME, notifier::build)
}
