//! How many mails a second go to a mail server: `cargo run -p notifier --example mails -- 127.0.0.1 1025 2000`, with
//! one that takes everything, such as Mailpit.

use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]
#[tokio::main]
async fn main() -> ExitCode {
    let mut given = std::env::args().skip(1);
    let host = given.next().unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = given.next().and_then(|port| port.parse().ok()).unwrap_or(1_025);
    let count: usize = given.next().and_then(|count| count.parse().ok()).unwrap_or(2_000);
    for at_once in [1, 8] {
        match notifier::measure::mails(&host, port, count, at_once).await {
            Ok(took) => {
                let mails = u32::try_from(count).map_or(f64::NAN, f64::from);
                println!(
                    "{count} mails, {at_once} at once: {:.0} mails/s",
                    mails / took.as_secs_f64()
                );
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
