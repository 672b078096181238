//! The connector as a process of its own.

fn main() -> std::process::ExitCode {
    connector::main()
}
