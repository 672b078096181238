//! `orderflow manifests`: what Kubernetes is told about the functions, made from stack.yml.
//!
//! stack.yml is the only place where a function is described; a test compares what is committed under
//! `k8s/` with what this command says.

mod knative;
mod openfaas;
mod plain;
mod pod;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::args::{Manifests, Platform};
use crate::output;
use crate::stack::{self, Stack};

/// Where functions live.
const NAMESPACE: &str = "openfaas-fn";

pub(crate) fn run(args: &Manifests) -> Result<()> {
    let (stack, place) = stack::read(args.stack.as_deref())?;
    output::line(render(&stack, &place, args.platform)?.trim_end());
    Ok(())
}

/// One file of YAML documents, which says from which stack it was made.
fn render(stack: &Stack, place: &str, platform: Platform) -> Result<String> {
    let objects: Vec<Value> = match platform {
        Platform::Openfaas => openfaas::objects(stack),
        Platform::Plain => plain::objects(stack),
        Platform::Knative => knative::objects(stack),
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
                include_str!("../../../../../k8s/overlays/openfaas/functions/functions.yml")
            }
            Platform::Plain => include_str!("../../../../../k8s/overlays/plain/functions.yml"),
            Platform::Knative => include_str!("../../../../../k8s/overlays/knative/functions.yml"),
        }
    }

    #[test]
    fn what_is_committed_is_what_stack_yml_says() {
        let stack = stack::parse(stack::BUILT_IN, "built-in", |_| None).unwrap();
        for platform in [Platform::Openfaas, Platform::Plain, Platform::Knative] {
            let expected = render(&stack, "stack.yml", platform).unwrap();
            let name = platform.as_str();
            assert!(
                committed(platform) == expected,
                "k8s/overlays/{name} is not what stack.yml says; write it anew: \
                 orderflow manifests --for {name}"
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
