//! The customers function.

fn main() -> std::process::ExitCode {
    runtime::run(customers::NAME, customers::build)
}
