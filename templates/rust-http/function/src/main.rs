//! An OpenFaaS function: HTTP on port 8080, ended by SIGTERM.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let served = match tokio::net::TcpListener::bind(("0.0.0.0", 8080)).await {
        Ok(listener) => handler::serve(listener, handler::terminated()).await,
        Err(error) => Err(error),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot serve on port 8080: {error}");
            ExitCode::FAILURE
        }
    }
}
