//! Each rule: what breaks it, and where that is said to stand.

use std::path::Path;
use std::time::Duration;

use chrono::DateTime;

use super::check::look;
use super::finding::{self, Findings, Level, Rule};
use super::policies;
use super::subject::Subject;

mod of_partners;

/// Breaks no rule; the folder of the workspace has its template and its handler.
const GOOD: &str = r#"version: "1.0"
provider: { name: openfaas }
functions:
  order-ingest:
    lang: rust-http
    handler: ./functions/order-ingest
    image: ghcr.io/acme/order-ingest:1.0
    build_args: { FUNCTION: order-ingest }
    annotations:
      topic: orders
      orderflow.batch: "500"
    environment:
      ORDERFLOW_NATS_URL: nats://nats:4222
      ORDERFLOW_PARTNERS: /var/openfaas/secrets/partners.yml
    secrets: [connector-token, api-token-admin, persons-key, partners.yml]
    labels: { app: orderflow }
    requests: { cpu: 10m, memory: 16Mi }
    limits: { memory: 128Mi }
    readonly_root_filesystem: true
configuration:
  copy: [./Cargo.toml, ./crates]
"#;

fn subject() -> Subject {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let partners = Some(folder.join("partners.yml"));
    Subject {
        folder,
        partners,
        secrets: None,
        gateway_timeout: Duration::from_secs(60),
        now: DateTime::UNIX_EPOCH,
    }
}

/// `LINE RULE KEY`, the key without the function's name.
async fn found(text: &str, subject: &Subject) -> Vec<String> {
    let findings = look(text, subject, |name| (name == "SET").then(|| "x".to_owned())).await;
    let line = |found: &finding::Finding| {
        let path = found.path.trim_start_matches("functions.order-ingest.");
        format!("{} {} {path}", found.line, found.rule.code())
    };
    findings.all().iter().map(line).collect()
}

/// The good text with a part replaced breaks exactly these rules.
async fn check(cases: &[(&str, &str, &[&str])]) {
    for (from, to, expected) in cases {
        assert_eq!(GOOD.matches(from).count(), 1, "{from:?} has to be in the good text once");
        let text = GOOD.replace(from, to);
        assert_eq!(found(&text, &subject()).await, *expected, "{from:?} -> {to:?}");
    }
}

/// What is said about the good text with a part replaced.
async fn said(from: &str, to: &str) -> String {
    let findings = look(&GOOD.replace(from, to), &subject(), |_| None).await;
    let text = |found: &finding::Finding| format!("{}; {}\n", found.wrong, found.mend);
    findings.all().iter().map(text).collect()
}

#[tokio::test]
async fn our_own_stack_and_the_good_one_break_no_rule() {
    for text in [stack::BUILT_IN, GOOD] {
        assert_eq!(found(text, &subject()).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_key_that_faas_cli_drops_in_silence_is_found_with_the_one_that_was_meant() {
    let both = ["9 key-unknown anotations"];
    check(&[
        ("    annotations:", "    anotations:", &both),
        ("    limits:", "    replicas: 2\n    limits:", &["18 key-unknown replicas"]),
        ("provider: {", "provider: { gatway: x,", &["2 key-unknown provider.gatway"]),
        ("  copy:", "  copies:", &["21 key-unknown configuration.copies"]),
        ("memory: 128Mi }", "memory: 128Mi, disk: 1Gi }", &["18 key-unknown limits.disk"]),
        ("    lang:", "    lang: a\n    lang:", &["5 template lang", "6 key-twice lang"]),
        ("      topic:", "      topic: a\n      topic:", &["11 key-twice annotations.topic"]),
    ])
    .await;
    assert!(
        said("    annotations:", "    anotations:").await.contains("did you mean \"annotations\"?")
    );
}

#[tokio::test]
async fn keys_that_are_missing_or_of_another_kind_are_found() {
    check(&[
        ("version: \"1.0\"", "version: \"2\"", &["1 value version"]),
        ("name: openfaas", "name: faas", &["2 value provider.name"]),
        ("{ name: openfaas }", "{}", &["2 key-missing provider.name"]),
        ("    image: ghcr.io/acme/order-ingest:1.0\n", "", &["4 key-missing image"]),
        ("labels: { app: orderflow }", "labels: [app]", &["16 value labels"]),
        ("{ app: orderflow }", "{ app: [a] }", &["16 value labels.app"]),
        ("{ app: orderflow }", "{ app: }", &[]),
        ("    labels: { app: orderflow }", "    labels:\n    constraints: []", &[]),
        (
            "filesystem: true",
            "filesystem: yes",
            &["19 value readonly_root_filesystem", "19 root readonly_root_filesystem"],
        ),
    ])
    .await;
    for (text, expected) in [
        ("", "1 value "),
        ("a: b: c", "1 yaml "),
        ("functions: 1\nprovider: {name: openfaas}", "1 value functions"),
    ] {
        assert!(found(text, &subject()).await.contains(&expected.to_owned()), "{text:?}");
    }
}

#[tokio::test]
async fn a_variable_that_becomes_nothing_is_found() {
    check(&[
        ("order-ingest:1.0", "order-ingest:${TAG}", &["7 variable ", "7 yaml "]),
        ("order-ingest:1.0", "order-ingest:${TAG:-1.0}", &[]),
        ("order-ingest:1.0", "order-ingest:${SET}", &[]),
        ("order-ingest:1.0", "order-ingest:1.0 # ${TAG}", &["7 variable "]),
        ("order-ingest:1.0", "order-ingest:1.0\n    # ${TAG}", &[]),
        ("order-ingest:1.0", "order-ingest:1.0${TAG^^}", &["7 variable "]),
        ("\"500\"", "\"$${BATCH}\"", &["11 annotation-value annotations.orderflow.batch"]),
    ])
    .await;
}

#[tokio::test]
async fn what_the_community_edition_or_kubernetes_refuses_is_found() {
    let long = format!("app: {}", "a".repeat(64));
    check(&[
        ("order-ingest:1.0", "order-ingest", &["7 image-latest image"]),
        ("order-ingest:1.0", "order-ingest:latest", &["7 image-latest image"]),
        ("ghcr.io/acme", "ghcr.io/Acme", &["7 image image"]),
        ("ghcr.io/acme", "localhost:5000/acme", &[]),
        ("order-ingest:1.0", "order-ingest@sha256:12", &["7 image image"]),
        ("app: orderflow", &long, &["16 label labels.app"]),
        ("app: orderflow", "a/b: \"x y\"", &["16 label labels.a/b"]),
        (
            "app: orderflow",
            "com.openfaas.scale.zero: true",
            &["16 label labels.com.openfaas.scale.zero"],
        ),
        (
            "app: orderflow",
            "com.openfaas.scale.max: 6",
            &["16 label labels.com.openfaas.scale.max"],
        ),
        ("app: orderflow", "com.openfaas.scale.max: 5", &[]),
        (
            "      topic:",
            "      eks.amazonaws.com/role: x\n      topic:",
            &["10 annotation annotations.eks.amazonaws.com/role"],
        ),
        ("    limits:", "    namespace: prod\n    limits:", &["18 namespace namespace"]),
        ("    limits:", "    constraints: [a=b]\n    limits:", &["18 constraints constraints"]),
        (
            "partners.yml]",
            "partners.yml, KEY]",
            &["15 secret-name secrets", "15 secret-unused secrets"],
        ),
    ])
    .await;
    let more: String = (0..15)
        .map(|n| {
            let function =
                GOOD.split_once("functions:\n").unwrap().1.split_once("configuration").unwrap().0;
            function.replace("  order-ingest:\n    lang", &format!("  f{n}:\n    lang"))
        })
        .collect();
    let text = GOOD.replace("configuration:", &format!("{more}configuration:"));
    assert_eq!(found(&text, &subject()).await, ["244 functions-max functions"]);
    let named = GOOD.replace("  order-ingest:\n", "  Order_Ingest:\n");
    assert_eq!(found(&named, &subject()).await, ["4 name functions.Order_Ingest"]);
}

#[tokio::test]
async fn memory_and_processor_time_are_looked_at() {
    check(&[
        ("    limits: { memory: 128Mi }\n", "", &["4 limits limits.memory"]),
        (
            "    requests: { cpu: 10m, memory: 16Mi }\n",
            "",
            &["4 requests requests.memory", "4 requests requests.cpu"],
        ),
        ("memory: 128Mi", "memory: 64MB", &["18 quantity limits.memory"]),
        ("memory: 16Mi", "memory: 256Mi", &["17 quantity requests.memory"]),
        ("    readonly_root_filesystem: true\n", "", &["4 root readonly_root_filesystem"]),
    ])
    .await;
}

#[tokio::test]
async fn a_schedule_that_cron_connector_drops_is_found() {
    let at = |schedule: &str| format!("topic: cron-function\n      schedule: {schedule}");
    let batch = "12 annotation-idle annotations.orderflow.batch";
    let here = ["11 schedule annotations.schedule", batch];
    for (schedule, expected) in [
        ("\"0 8 * * *\"", &[batch][..]),
        ("\"0 0 8 * * *\"", &here),
        ("\"0 8 * * 7\"", &here),
        ("\"@reboot\"", &here),
        ("\"0 0 30 2 *\"", &here),
        ("\"CRON_TZ=UTC 0 8 * * *\"", &[batch]),
        ("\"CRON_TZ=Europe/Paris 0 8 * * *\"", &["11 schedule-zone annotations.schedule", batch]),
        ("\"CRON_TZ=Mars/Olympus 0 8 * * *\"", &here),
    ] {
        check(&[("topic: orders", &at(schedule), expected)]).await;
    }
    check(&[
        (
            "topic: orders",
            "topic: cron-function",
            &[
                "10 schedule-topic annotations.schedule",
                "11 annotation-idle annotations.orderflow.batch",
            ],
        ),
        (
            "topic: orders",
            "topic: orders\n      schedule: \"0 8 * * *\"",
            &["11 schedule-topic annotations.schedule"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn topics_and_annotations_that_do_nothing_are_found() {
    let batch = "orderflow.batch: \"500\"";
    check(&[
        ("topic: orders", "topic: payments.>", &["10 topic annotations.topic"]),
        ("topic: orders", "topic: orders,errors", &["10 topic annotations.topic"]),
        (batch, "orderflow.topics: \"errors.> nope\"", &["11 topic annotations.orderflow.topics"]),
        (batch, "orderflow.bach: \"500\"", &["11 annotation-unknown annotations.orderflow.bach"]),
        (batch, "shedule: \"500\"", &["11 annotation-unknown annotations.shedule"]),
        (batch, "prometheus.io.scrape: \"true\"", &[]),
        (batch, "orderflow.batch: many", &["11 annotation-value annotations.orderflow.batch"]),
        ("topic: orders", "app: x", &["11 annotation-idle annotations.orderflow.batch"]),
        (
            batch,
            "orderflow.ordered: true\n      orderflow.deliver: new",
            &["12 annotation-idle annotations.orderflow.deliver"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn limits_and_times_are_held_against_each_other() {
    let url = "ORDERFLOW_NATS_URL: nats://nats:4222";
    let with = |setting: &str| format!("{url}\n      {setting}");
    check(&[
        (
            "orderflow.batch: \"500\"",
            "orderflow.batch-bytes: 1MiB\n      orderflow.timeout: 61s",
            &["12 timeout annotations.orderflow.timeout"],
        ),
        (
            "orderflow.batch: \"500\"",
            "orderflow.batch-bytes: 2MiB",
            &["11 batch annotations.orderflow.batch-bytes"],
        ),
        (
            "limits: { memory: 128Mi }",
            "limits: { memory: 64Mi }",
            &["9 batch annotations.orderflow.batch-bytes", "18 limits limits.memory"],
        ),
        (
            url,
            &with("ORDERFLOW_BODY_BYTES_MAX: 1000"),
            &["9 batch annotations.orderflow.batch-bytes"],
        ),
        (url, &with("ORDERFLOW_IN_FLIGHT_MAX: 3"), &["9 batch annotations.orderflow.max-inflight"]),
        (
            "orderflow.batch: \"500\"",
            "orderflow.batch-wait: 1s\n      orderflow.timeout: 1s",
            &["11 timeout annotations.orderflow.batch-wait"],
        ),
        (
            url,
            &with("ORDERFLOW_DRAIN_SECONDS: 25"),
            &["14 shutdown environment.ORDERFLOW_DRAIN_SECONDS"],
        ),
        (url, &with("ORDERFLOW_DRAIN_SECONDS: 24"), &[]),
    ])
    .await;
}

#[tokio::test]
async fn settings_are_read_as_the_function_reads_them() {
    let url = "ORDERFLOW_NATS_URL: nats://nats:4222";
    let with = |setting: &str| format!("{url}\n      {setting}");
    check(&[
        (url, "ORDERFLOW_LOG: info", &["12 setting environment.ORDERFLOW_NATS_URL"]),
        (
            url,
            &with("ORDERFLOW_OPEN_INGEST: maybe"),
            &["14 setting environment.ORDERFLOW_OPEN_INGEST"],
        ),
        (
            url,
            &with("ORDERFLOW_OPEN_INGST: true"),
            &["14 setting-unknown environment.ORDERFLOW_OPEN_INGST"],
        ),
        (url, &with("exec_timeout: 10s"), &["14 watchdog environment.exec_timeout"]),
        (url, &with("RUST_BACKTRACE: 1"), &[]),
    ])
    .await;
    let said = said(url, &with("ORDERFLOW_OPEN_INGST: true")).await;
    assert!(said.contains("did you mean \"ORDERFLOW_OPEN_INGEST\"?"), "{said}");
}

#[tokio::test]
async fn the_url_of_nats_is_read_and_no_part_of_its_password_is_said() {
    let url = "ORDERFLOW_NATS_URL: nats://nats:4222";
    let with = |login: &str| url.replace("nats:4222", &format!("{login}@nats:4222"));
    for (login, expected) in [
        ("shop:p4ss,w0rd", Some(", is %2C")),
        ("shop:p4ss/w0rd", Some("/ is %2F")),
        ("shop:p4ss%w0rd", Some("% itself is %25")),
        ("shop:p4ss%2Cw0rd", None),
        ("p4ssw0rd", None),
    ] {
        let place: &[&str] = match expected {
            Some(_) => &["13 setting environment.ORDERFLOW_NATS_URL"],
            None => &[],
        };
        check(&[(url, &with(login), place)]).await;
        let said = said(url, &with(login)).await;
        assert!(expected.is_none_or(|expected| said.contains(expected)), "{login}: {said}");
        assert!(!said.contains("p4ss") && !said.contains("w0rd"), "{login}: {said}");
    }
    for scheme in ["ws", "wss"] {
        let web = url.replace("nats://", &format!("{scheme}://"));
        let said = said(url, &web).await;
        assert!(said.contains("is a web socket") && said.contains("use nats://"), "{said}");
    }
}

#[tokio::test]
async fn secrets_are_those_that_the_function_reads() {
    check(&[
        ("[connector-token, ", "[", &["15 secret-unlisted secrets"]),
        (", partners.yml]", "]", &["15 secret-unlisted secrets"]),
        ("[connector-token", "[basic-auth-user, connector-token", &["15 secret-unused secrets"]),
    ])
    .await;
    let temp = tempfile::tempdir().unwrap();
    let key = "0123456789abcdef0123456789abcdef";
    for (name, text) in [("connector-token", "x"), ("api-token-admin", " \n"), ("persons-key", key)]
    {
        std::fs::write(temp.path().join(name), text).unwrap();
    }
    let subject = Subject { secrets: Some(temp.path().to_owned()), ..subject() };
    assert_eq!(found(GOOD, &subject).await, ["15 secret-absent secrets"; 2]);
}

#[tokio::test]
async fn what_faas_cli_build_needs_is_looked_for() {
    check(&[
        ("lang: rust-http", "lang: rust-htp", &["5 template lang"]),
        ("lang: rust-http", "skip_build: true\n    lang: rust-htp", &[]),
        ("configuration:", "configuration:\n  templates: [{ name: go }]", &[]),
        ("handler: ./functions/order-ingest", "handler: ./functions/nope", &["6 handler handler"]),
        ("FUNCTION: order-ingest", "FUNCTION: billing", &["8 build-arg build_args.FUNCTION"]),
        ("    build_args: { FUNCTION: order-ingest }\n", "", &["4 build-arg build_args.FUNCTION"]),
        ("order-ingest }", "order-ingest, FUNCTIONS: order-ingest billing }", &[]),
        (
            "order-ingest }",
            "order-ingest, FUNCTIONS: order-ingestion billing }",
            &["8 build-arg build_args.FUNCTIONS"],
        ),
        ("./crates]", "./nope]", &["21 copy configuration.copy"]),
        ("./crates]", "../crates]", &["21 copy configuration.copy"]),
        ("./crates]", "./]", &["21 copy configuration.copy"]),
    ])
    .await;
}

#[test]
fn every_rule_is_in_the_table_of_the_docs() {
    let docs = include_str!("../../../../docs/OPENFAAS.md");
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let levels = ["error", "warning"];
    let documented: Vec<_> = rows
        .filter_map(|(code, rest)| Some((code, rest.split_once(" |")?.0)))
        .filter(|(_, level)| levels.contains(level))
        .collect();
    let level = |rule: &Rule| match rule.level() {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let rules: Vec<_> = Rule::ALL.iter().map(|rule| (rule.code(), level(rule))).collect();
    assert_eq!(documented, rules);
}
