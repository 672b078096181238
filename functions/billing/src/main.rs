//! The billing function.

fn main() -> std::process::ExitCode {
    runtime::run(billing::NAME, billing::build)
}
