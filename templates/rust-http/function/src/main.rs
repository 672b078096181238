//! An OpenFaaS function: HTTP on port 8080, metrics on 8081, ended by SIGTERM.

fn main() -> std::process::ExitCode {
    chassis::runtime::run(handler::NAME, handler::build)
}
