//! `doctor` on what runs, and on what does not run as it has to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::support::{Up, command};
use messaging::Nats;
use serde_json::Value;
use testkit::{nats, sshd};

/// What was found about `what`, as `level: text`.
#[track_caller]
fn found(findings: &[Value], what: &str) -> String {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let finding = findings.iter().find(|finding| finding["what"] == what);
    let finding = finding.unwrap_or_else(|| panic!("nothing about {what}: {findings:?}"));
    format!("{}: {} → {}", text(finding, "level"), text(finding, "text"), text(finding, "do"))
}

fn findings(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn failed(findings: &[Value]) -> Vec<&str> {
    let failed = findings.iter().filter(|finding| finding["level"] == "failed");
    failed.map(|finding| finding["what"].as_str().unwrap()).collect()
}

fn change_streams(url: &str) {
    let change = async {
        let nats = Nats::connect(url, "test", false).await.unwrap();
        nats.js.delete_stream("NOTIFICATIONS").await.unwrap();
        let stream = nats.js.get_stream("ERRORS").await.unwrap();
        let mut config = stream.cached_info().config.clone();
        config.max_age = Duration::from_secs(3_600);
        config.max_messages = 5;
        nats.js.update_stream(config).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(change);
}

#[test]
fn what_is_wrong_with_a_running_pipeline_is_said_with_what_to_do() {
    let up = Up::start(&[]);
    up.json(&["simulate", "--yes", "--orders", "5", "--rate", "1000", "--seed", "1"]);
    up.json(&["wait"]);
    let output = up.orderflow(&["doctor", "--json"]);
    let healthy = findings(&output);
    assert_eq!((output.status.code(), failed(&healthy)), (Some(0), vec![]), "{healthy:?}");
    for (what, expected) in [
        ("stream ORDERS", "ok: as set up, 1 replicas"),
        ("bucket FILES_LEDGER", "ok: as set up"),
        ("function order-ingest", "ok: ready"),
        ("lane main", "ok: everything that was placed is decided"),
        ("journal of main", "ok: 2 entries, each with all that follows from it"),
        ("storage", "ok: takes messages"),
        ("dead letters", "ok: none"),
        ("reader order-ingest__orders of orders", "ok: nothing waits"),
        ("secret connector-token", "ok: is there"),
        ("clock of NATS", "ok: agrees"),
        ("partner US1", "ok: 127.0.0.1:"),
        ("clock of partner US1", "ok: agrees"),
        ("sync_interval", "warning: cannot be seen from here"),
        ("JetStream", "ok: "),
    ] {
        let text = found(&healthy, what);
        assert!(text.starts_with(expected), "{what}: {text}");
    }

    change_streams(up.run_file()["nats"].as_str().unwrap());
    let data = up.dir.path().join("data");
    let secret = |name: &str| data.join("secrets").join(name);
    fs::set_permissions(secret("api-token-read"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::remove_dir(data.join("sftp/US3/inbox")).unwrap();
    let output = up.orderflow(&["doctor", "--json"]);
    let ill = findings(&output);
    assert_eq!(output.status.code(), Some(1));
    for (what, expected) in [
        ("stream NOTIFICATIONS", "failed: is missing → orderflow setup --replicas 1"),
        ("stream ERRORS", "failed: max_msgs is 5, not -1 → orderflow setup"),
        ("secret api-token-read", "failed: others may change it (mode 666) → chmod 600 "),
        ("partner US3", "failed: 127.0.0.1:"),
    ] {
        let text = found(&ill, what);
        assert!(text.starts_with(expected), "{what}: {text}");
    }
    assert_eq!(failed(&ill).len(), 4, "{ill:?}");

    up.json(&["setup"]);
    let output = up.orderflow(&["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("✓ stream ERRORS: as set up"), "{text}");
    assert!(text.contains("✗ partner US3: "), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 of "), "{output:?}");
}

fn doctor(dir: &Path, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = command(dir).args(["doctor", "--json"]).args(args).output().unwrap();
    (output.status.code(), findings(&output))
}

#[test]
fn an_installation_elsewhere_is_looked_at_by_its_settings() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (nats, sshd) =
        (nats::Server::start(), sshd::Server::start(&["GOOD", "THIEF", "LOCKED", "AWAY"]));
    let secrets = dir.join("secrets");
    fs::create_dir(&secrets).unwrap();
    let key = |name: &str, of: &str| fs::write(secrets.join(name), sshd.private_key(of)).unwrap();
    key("good", "GOOD");
    // Of a server that no longer exists, so that this one does not know it.
    fs::write(secrets.join("strange"), sshd::Server::start(&["X"]).private_key("X")).unwrap();
    let (user, port, host_key) = (sshd.user(), sshd.port(), sshd.host_key());
    let other_key = sshd::Server::start(&[]).host_key();
    let partner = |name: &str, port: u16, host_key: &str, secret: &str, path: &str| {
        format!(
            "  {name}:\n    currency: EUR\n    sftp: {{host: 127.0.0.1, port: {port}, user: {user}, \
             host-key: {host_key}, private-key-secret: {secret}, path: {path}}}\n    file: {{columns: \
             {{order-id: a, product-id: b, quantity: c, unit-price: d, ordered-at: e, customer-id: f}}}}\n"
        )
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let partners = dir.join("partners.yml");
    let text = [
        "partners:\n".to_owned(),
        partner("GOOD", port, &host_key, "good", "."),
        partner("THIEF", port, &other_key, "good", "a"),
        partner("LOCKED", port, &host_key, "strange", "b"),
        partner("AWAY", closed, &host_key, "good", "c"),
        partner("KEYLESS", port, &host_key, "none", "d"),
        partner("LOST", port, &host_key, "good", "nowhere"),
    ];
    fs::write(&partners, text.concat()).unwrap();
    let url = nats.url();
    let settings = [
        "--nats",
        &url,
        "--partners",
        partners.to_str().unwrap(),
        "--secrets-dir",
        secrets.to_str().unwrap(),
    ];
    let (code, findings) = doctor(dir, &settings);
    assert_eq!(code, Some(1));
    for (what, expected) in [
        ("stream ORDERS", "failed: is missing → orderflow setup"),
        ("gateway", "warning: not looked at → --gateway URL"),
        ("secret connector-token", "failed: No such file"),
        ("partner GOOD", "ok: 127.0.0.1:"),
        ("partner THIEF", "failed: 127.0.0.1:"),
        ("partner LOCKED", "failed: 127.0.0.1:"),
        ("partner AWAY", "failed: cannot reach 127.0.0.1:"),
        ("partner KEYLESS", "failed: the secret none cannot be read: No such file"),
        ("partner LOST", "failed: 127.0.0.1:"),
    ] {
        let text = found(&findings, what);
        assert!(text.starts_with(expected), "{what}: {text}");
    }
    assert!(found(&findings, "partner THIEF").contains("has the host key"), "{findings:?}");
    assert!(found(&findings, "partner LOCKED").contains("refuses the login"), "{findings:?}");
    assert!(found(&findings, "partner LOST").contains("there is no folder inbox"), "{findings:?}");
}

#[test]
fn what_does_not_answer_is_said() {
    let temp = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, findings) = doctor(
        temp.path(),
        &[
            "--nats",
            &format!("nats://me:secret@{closed}"),
            "--gateway",
            &format!("http://{closed}"),
        ],
    );
    assert_eq!(code, Some(1));
    assert_eq!(failed(&findings), ["NATS", "gateway"]);
    let nats = found(&findings, "NATS");
    assert!(nats.starts_with(&format!("failed: cannot connect to {closed}")), "{nats}");
    assert!(!nats.contains("secret"), "{nats}");
    let (_, findings) = doctor(temp.path(), &["--gateway", "https://gateway"]);
    assert!(found(&findings, "gateway").contains("is not reached by http://"), "{findings:?}");
    let output = command(temp.path()).arg("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}
