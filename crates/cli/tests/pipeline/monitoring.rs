//! Dashboard, rules and alerts on a real Prometheus that scrapes a real pipeline.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::support::{Up, eventually, get};

const DASHBOARD: &str = include_str!("../../../../k8s/monitoring/dashboard.json");
const RULES: &str = include_str!("../../../../k8s/monitoring/rules.yml");
const EXPECTED: &str = include_str!("../../../../k8s/monitoring/expected.yml");
const RUNBOOK: &str = include_str!("../../../../docs/RUNBOOK.md");
/// Of the kubelet, which runs in clusters only.
const NOT_OURS: [&str; 2] =
    ["kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"];
/// A minute is the window of the panels; a slow machine needs longer to fill it.
const DATA_WITHIN: Duration = Duration::from_secs(120);

struct Prometheus {
    address: String,
}

impl Prometheus {
    fn of(up: &Up) -> Self {
        let run = up.run_file();
        let address = run["prometheus"].as_str().unwrap().strip_prefix("http://").unwrap();
        Self { address: address.to_owned() }
    }

    fn api(&self, path: &str) -> Value {
        let (status, body) = get(&self.address, &format!("/api/v1/{path}"));
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["data"].take()
    }

    /// Does `query` give a number?
    fn has_data(&self, query: &str) -> bool {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let found = self.api(&format!("query?query={query}"));
        let series = found["result"].as_array().unwrap();
        series.iter().any(|one| !matches!(one["value"][1].as_str(), None | Some("NaN")))
    }
}

/// All queries of all panels, as Grafana sends them.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().clone();
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.to_owned(), target))
    });
    targets
        .map(|(title, target)| {
            let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
            assert!(
                !query.contains('$'),
                "{title}: a variable that this test does not know: {query}"
            );
            (title, query)
        })
        .collect()
}

fn rules() -> Vec<serde_yaml_ng::Value> {
    let groups = [RULES, EXPECTED].map(|file| {
        let rules: serde_yaml_ng::Value = serde_yaml_ng::from_str(file).unwrap();
        rules["groups"].as_sequence().unwrap().clone()
    });
    groups.concat().iter().flat_map(|group| group["rules"].as_sequence().unwrap().clone()).collect()
}

/// The names of metrics in a query: words with an underscore that are no function and no label.
fn metrics(query: &str) -> BTreeSet<String> {
    let labels = query.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    let outside: String = labels.collect::<Vec<_>>().join(" ");
    let words = outside.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let functions = ["histogram_quantile", "predict_linear"];
    let is_metric = |word: &&str| word.contains('_') && !functions.contains(word);
    words.filter(is_metric).map(ToOwned::to_owned).collect()
}

#[test]
fn every_panel_shows_data_and_every_rule_can_be_evaluated() {
    let up = Up::start(&["--with", "prometheus"]);
    let prometheus = Prometheus::of(&up);
    // What is refused for its stock, and a file with bad rows.
    up.json(&["stock", "set", "P001", "0"]);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
    up.json(&["send", sample, "--partner", "US3"]);
    up.json(&["check"]);

    let all = queries();
    assert!(all.len() > 40, "{} queries", all.len());
    let mut open: Vec<_> = all.iter().collect();
    let deadline = Instant::now() + DATA_WITHIN;
    for seed in 1_u32.. {
        let seed = seed.to_string();
        let more = [
            "simulate", "--yes", "--orders", "100", "--rate", "50", "--seed", &seed, "--broken",
            "5",
        ];
        up.json(&more);
        open.retain(|(_, query)| !prometheus.has_data(query));
        if open.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "without data: {open:#?}");
    }

    let names = prometheus.api("label/__name__/values");
    let mut names: BTreeSet<String> = serde_json::from_value(names).unwrap();
    // What a rule records may be nothing: the share of a limit that is not set.
    names.extend(rules().iter().filter_map(|rule| Some(rule["record"].as_str()?.to_owned())));
    for rule in rules() {
        for metric in metrics(rule["expr"].as_str().unwrap()) {
            let known = names.contains(&metric) || NOT_OURS.contains(&metric.as_str());
            assert!(known, "no part has the metric {metric}: {rule:?}");
        }
    }
    let loaded = || -> Vec<Value> {
        let groups = prometheus.api("rules");
        let groups = groups["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    };
    let all = loaded();
    assert_eq!(all.len(), rules().len());
    let broken: Vec<&Value> = all.iter().filter(|rule| rule["health"] == "err").collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // A part that was not scraped yet when the rules were evaluated first is pending until the next time.
    eventually("every part is there", || {
        let all = loaded();
        let missing = all.iter().find(|rule| rule["name"] == "OrderflowPartMissing");
        missing.unwrap()["state"] == "inactive"
    });
}

#[test]
fn every_alert_says_what_to_do() {
    let mut alerts = 0;
    for rule in rules() {
        let Some(name) = rule["alert"].as_str() else { continue };
        alerts += 1;
        let link = rule["annotations"]["runbook_url"].as_str().unwrap();
        assert_eq!(link, format!("docs/RUNBOOK.md#{}", name.to_lowercase()));
        let described = RUNBOOK.lines().any(|line| line == format!("## {name}"));
        assert!(described, "docs/RUNBOOK.md has no section {name}");
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("page" | "ticket")), "{name}: {severity:?}");
    }
    let sections = RUNBOOK.lines().filter(|line| line.starts_with("## Orderflow")).count();
    assert_eq!(sections, alerts, "a section of an alert that is gone");
}

#[test]
fn metrics_are_found_in_a_query() {
    let query =
        r#"sum by (partner) (increase(files_total{state_of="a_b"}[1h])) / on () a:b_c:rate"#;
    let found: Vec<_> = metrics(query).into_iter().collect();
    assert_eq!(found, ["a:b_c:rate", "files_total"]);
}
