//! The inventory function.

fn main() -> std::process::ExitCode {
    runtime::run(inventory::NAME, inventory::build)
}
