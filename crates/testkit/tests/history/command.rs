//! The command line.

use crate::run::Run;

#[tokio::test]
async fn the_command_prints_the_report_and_fails_on_a_violation() {
    let run = Run::empty().await;
    let command = async || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_testkit"));
        command.args(["check-history", "--nats", &run.server.url()]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = command().await;
    assert!(text.ends_with("✓ no rule is broken\n"), "{text}");
    assert_eq!(code, Some(0));
    run.send_and_place(1).await;
    let (code, text) = command().await;
    assert!(text.contains("✗ Undecided: orders.placed.main.DIRECT.A=2E1 #1: "), "{text}");
    assert!(text.ends_with("✗ 1 violations\n"), "{text}");
    assert_eq!(code, Some(1));
}
