//! One file for each platform.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde_json::Value;
use stack::Stack;

use super::{alerts, knative, nats, network, openfaas, plain};

/// A platform that runs functions, or another file that is made from `stack.yml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    /// The operator of OpenFaaS: objects of the kind Function.
    Openfaas,
    /// Kubernetes alone: Deployments, Services, cron jobs, and who may call whom.
    Plain,
    /// Knative Serving, and cron jobs.
    Knative,
    /// nats-server: a user for each function, with its rights.
    Nats,
    /// Network policies of functions, for all platforms: whom they may reach.
    Network,
    /// Prometheus: which parts and subscriptions there have to be.
    Alerts,
    /// The same for the Prometheus operator.
    AlertsOperator,
}

impl Platform {
    /// As it is written on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openfaas => "openfaas",
            Self::Plain => "plain",
            Self::Knative => "knative",
            Self::Nats => "nats",
            Self::Network => "network",
            Self::Alerts => "alerts",
            Self::AlertsOperator => "alerts-operator",
        }
    }
}

/// One file of YAML documents, or nats-server's accounts, which says from which stack it was made: `place`.
///
/// # Errors
/// YAML cannot be written.
pub fn render(stack: &Stack, place: &str, platform: Platform) -> Result<String> {
    let objects: Vec<Value> = match platform {
        Platform::Openfaas => openfaas::objects(stack),
        Platform::Plain => plain::objects(stack),
        Platform::Knative => knative::objects(stack),
        Platform::Nats => return Ok(nats::accounts(stack)),
        Platform::Network => network::functions(stack),
        Platform::Alerts => alerts::rules(stack),
        Platform::AlertsOperator => alerts::object(stack),
    };
    let mut text =
        format!("# Made from {place} by `orderflow manifests --for {}`.\n", platform.as_str());
    for (index, object) in objects.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "---\n" });
        let yaml = serde_yaml_ng::to_string(object).context("writing YAML")?;
        yaml.lines().for_each(|line| text.push_str(&quoted(line)));
    }
    Ok(text)
}

/// A line with its end. Readers of YAML 1.1, kubectl among them, take these words for true or false.
fn quoted(line: &str) -> String {
    const WORDS: [&str; 6] = ["y", "yes", "on", "n", "no", "off"];
    match line.rsplit_once(": ") {
        Some((key, word)) if WORDS.contains(&word.to_ascii_lowercase().as_str()) => {
            format!("{key}: '{word}'\n")
        }
        _ => format!("{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(platform: Platform) -> &'static str {
        match platform {
            Platform::Openfaas => {
                include_str!("../../../../k8s/overlays/openfaas/functions/functions.yml")
            }
            Platform::Plain => include_str!("../../../../k8s/overlays/plain/functions.yml"),
            Platform::Knative => include_str!("../../../../k8s/overlays/knative/functions.yml"),
            Platform::Nats => include_str!("../../../../k8s/base/nats/accounts.conf"),
            Platform::Network => include_str!("../../../../k8s/functions/network.yml"),
            Platform::Alerts => include_str!("../../../../k8s/monitoring/expected.yml"),
            Platform::AlertsOperator => {
                include_str!("../../../../k8s/monitoring/operator/expected.yml")
            }
        }
    }

    #[test]
    fn what_is_committed_is_what_stack_yml_says() {
        let stack = stack::built_in();
        for platform in Platform::value_variants() {
            let expected = render(&stack, "stack.yml", *platform).unwrap();
            let name = platform.as_str();
            assert!(
                committed(*platform) == expected,
                "k8s/ is not what stack.yml says for {name}; scripts/write-derived writes it again"
            );
        }
    }

    #[test]
    fn every_function_is_there_with_all_that_stack_yml_says() {
        let text = "functions: {order-ingest: {image: 'r/i:1', annotations: {topic: orders},
            labels: {a: 'yes', com.openfaas.scale.min: '3'}, environment: {A: '5'},
            secrets: [connector-token], limits: {memory: 64Mi}, requests: {cpu: 10m}}}";
        let stack = stack::parse(text, "t", |_| None).unwrap();
        for platform in [Platform::Openfaas, Platform::Plain, Platform::Knative] {
            let text = render(&stack, "t", platform).unwrap();
            for part in [
                "order-ingest",
                "r/i:1",
                "topic: orders",
                "'yes'",
                "'5'",
                "connector-token",
                "64Mi",
                "10m",
            ] {
                assert!(text.contains(part), "{part} not in {text}");
            }
        }
        assert!(render(&stack, "t", Platform::Plain).unwrap().contains("replicas: 3"));
    }

    #[test]
    fn a_schedule_becomes_a_cron_job_in_its_time_zone() {
        let text = "functions: {daily-checker: {annotations:
            {topic: cron-function, schedule: 'CRON_TZ=Europe/Paris 0 8 * * *'}}}";
        let stack = stack::parse(text, "t", |_| None).unwrap();
        let text = render(&stack, "t", Platform::Plain).unwrap();
        for part in ["kind: CronJob", "schedule: 0 8 * * *", "timeZone: Europe/Paris"] {
            assert!(text.contains(part), "{part} not in {text}");
        }
    }
}
