//! What calls a function: schedules, topics, batches, and how long all of that may take.

use std::collections::BTreeMap;
use std::time::Duration;

use connector::annotations;
use stack::schedule::Schedule;

use super::finding::{Findings, Rule};
use super::function::Function;
use super::nearest::nearest;
use super::resources;
use super::subject::Subject;
use intake::yaml::Node;

const CRON: &str = "cron-function";
/// What means nothing for an ordered topic.
const UNORDERED: [&str; 3] =
    ["orderflow.deliver", "orderflow.max-deliver", "orderflow.max-inflight"];
/// CE never says how long a pod may take to end, so that it is what Kubernetes gives.
const TERMINATION: Duration = Duration::from_secs(30);

pub(super) fn look(function: &Function<'_>, subject: &Subject, findings: &mut Findings) {
    let given = texts(function);
    names(function, &given, findings);
    schedule(function, &given, subject, findings);
    let path = function.path("annotations.topic");
    if given.get("topic").is_some_and(|topic| topic.contains(',')) {
        let wrong = "CE refuses a topic with a comma";
        let mend = "further subjects go into orderflow.topics, separated by spaces";
        findings.add(Rule::Topic, function.line_in("annotations", "topic"), path, wrong, mend);
        return;
    }
    let subscriptions = match annotations::parse(function.name, &given) {
        Ok(subscriptions) => subscriptions,
        Err(problems) => {
            for problem in problems {
                let rule = match problem.annotation {
                    "topic" | "orderflow.topics" => Rule::Topic,
                    _ => Rule::AnnotationValue,
                };
                let wrong = format!("{:?}: {}", problem.value, problem.reason);
                let line = function.line_in("annotations", problem.annotation);
                let path = function.path(&format!("annotations.{}", problem.annotation));
                findings.add(rule, line, path, wrong, "the connector does not call this function");
            }
            return;
        }
    };
    idle(function, &given, subscriptions.is_empty(), findings);
    // Its subscriptions differ in their subjects only.
    if let Some(subscription) = subscriptions.first() {
        limits(function, subscription, findings);
        times(function, subscription, subject, findings);
    }
    shutdown(function, findings);
}

pub(super) fn texts(function: &Function<'_>) -> BTreeMap<String, String> {
    let members = function.node.get("annotations").into_iter().flat_map(Node::members);
    let text = |node: &Node| node.text().unwrap_or_default().to_owned();
    members.map(|(key, node)| (key.text.clone(), text(node))).collect()
}

/// Keys that no part reads, each with the one that was probably meant. Keys of other programs have a domain
/// before a slash, or a dot.
pub fn unread(given: &BTreeMap<String, String>) -> Vec<(&str, String)> {
    let known = || annotations::KNOWN.iter().map(|(name, _)| *name);
    let names = given.keys().filter(|name| known().all(|known| known != **name));
    names
        .map(|name| (name.as_str(), nearest(name, known())))
        .filter(|(name, mend)| name.starts_with("orderflow.") || !mend.is_empty())
        .collect()
}

fn names(function: &Function<'_>, given: &BTreeMap<String, String>, findings: &mut Findings) {
    for (name, mend) in unread(given) {
        let line = function.line_in("annotations", name);
        let path = function.path(&format!("annotations.{name}"));
        findings.add(Rule::AnnotationUnknown, line, path, "no part of orderflow reads it", mend);
    }
}

fn schedule(
    function: &Function<'_>,
    given: &BTreeMap<String, String>,
    subject: &Subject,
    findings: &mut Findings,
) {
    let line = function.line_in("annotations", "schedule");
    let path = function.path("annotations.schedule");
    let is_cron = given.get("topic").is_some_and(|topic| topic == CRON);
    let Some(text) = given.get("schedule") else {
        if is_cron {
            let line = function.line_in("annotations", "topic");
            let wrong = "is missing: cron-connector never calls this function";
            findings.add(Rule::ScheduleTopic, line, path, wrong, "such as \"0 8 * * *\", in UTC");
        }
        return;
    };
    if !is_cron {
        let wrong = format!("cron-connector looks at it only where topic is {CRON}");
        let mend = format!("topic: {CRON}; subjects then go into orderflow.topics");
        findings.add(Rule::ScheduleTopic, line, path, wrong, mend);
        return;
    }
    match Schedule::parse(text) {
        Err(error) => {
            let mend = "cron-connector drops it without a word";
            findings.add(Rule::Schedule, line, path, error.to_string(), mend);
        }
        Ok(schedule) if schedule.next(subject.now).is_none() => {
            findings.add(Rule::Schedule, line, path, format!("{text:?} never comes"), "");
        }
        Ok(_) => {
            let zone = text.trim().split_once('=').filter(|(name, _)| name.ends_with("TZ"));
            let zone = zone.and_then(|(_, rest)| rest.split_whitespace().next());
            if let Some(zone) = zone.filter(|zone| *zone != "UTC") {
                let wrong = format!(
                    "time zone {zone}: the image of cron-connector has no time zones, so that it drops \
                     the schedule without a word"
                );
                let mend = "write it in UTC, or build that image with tzdata";
                findings.add(Rule::ScheduleZone, line, path, wrong, mend);
            }
        }
    }
}

/// Annotations of the connector where they mean nothing.
fn idle(
    function: &Function<'_>,
    given: &BTreeMap<String, String>,
    is_silent: bool,
    findings: &mut Findings,
) {
    let is_ordered = given.get("orderflow.ordered").is_some_and(|text| text.trim() == "true");
    let ours = |name: &&String| annotations::KNOWN.iter().any(|(known, _)| known == *name);
    let ours = given.keys().filter(ours).filter(|name| name.starts_with("orderflow."));
    for name in ours {
        let wrong = if is_silent {
            "the function has no subject that the connector reads"
        } else if is_ordered && UNORDERED.contains(&name.as_str()) {
            "means nothing for an ordered topic"
        } else {
            continue;
        };
        let line = function.line_in("annotations", name);
        let path = function.path(&format!("annotations.{name}"));
        findings.add(Rule::AnnotationIdle, line, path, wrong, "remove it");
    }
}

/// What the connector sends against what the function takes.
fn limits(
    function: &Function<'_>,
    subscription: &annotations::Subscription,
    findings: &mut Findings,
) {
    let default = runtime::ServerSettings::default();
    let set = |name| function.text_in("environment", name);
    let body_bytes_max = set("ORDERFLOW_BODY_BYTES_MAX")
        .map_or(Some(default.body_bytes_max), |text| text.trim().parse().ok());
    let line = function.line_in("annotations", "orderflow.batch-bytes");
    let path = function.path("annotations.orderflow.batch-bytes");
    let batch_bytes = u64::try_from(subscription.batch_bytes).unwrap_or(u64::MAX);
    if let Some(max) = body_bytes_max.filter(|max| *max < batch_bytes) {
        let wrong = format!("a batch may have {batch_bytes} bytes, the function takes {max}");
        let mend = "lower it, or raise ORDERFLOW_BODY_BYTES_MAX";
        findings.add(Rule::Batch, line, path.clone(), wrong, mend);
    }
    let calls = match subscription.mode {
        annotations::Mode::Unordered { max_inflight, .. } => max_inflight,
        annotations::Mode::Ordered => 1,
    };
    let together = batch_bytes.saturating_mul(u64::try_from(calls).unwrap_or(u64::MAX));
    if let Some(bodies) = resources::bodies(function)
        && bodies.connector < together
    {
        let left = bodies.connector;
        let wrong = format!(
            "{calls} calls of {batch_bytes} bytes at once; limits.memory leaves {left} bytes for them"
        );
        let mend = "lower it or orderflow.max-inflight, or raise limits.memory";
        findings.add(Rule::Batch, line, path, wrong, mend);
    }
    let in_flight_max = set("ORDERFLOW_IN_FLIGHT_MAX")
        .map_or(Some(default.in_flight_max.get()), |text| text.trim().parse().ok());
    if let (annotations::Mode::Unordered { max_inflight, .. }, Some(max)) =
        (&subscription.mode, in_flight_max)
        && max < *max_inflight
    {
        let line = function.line_in("annotations", "orderflow.max-inflight");
        let path = function.path("annotations.orderflow.max-inflight");
        let wrong = format!("{max_inflight} calls at once, the function takes {max}");
        let mend = "lower it, or raise ORDERFLOW_IN_FLIGHT_MAX";
        findings.add(Rule::Batch, line, path, wrong, mend);
    }
}

fn times(
    function: &Function<'_>,
    subscription: &annotations::Subscription,
    subject: &Subject,
    findings: &mut Findings,
) {
    let (timeout, gateway) = (subscription.timeout, subject.gateway_timeout);
    if gateway < timeout {
        let line = function.line_in("annotations", "orderflow.timeout");
        let path = function.path("annotations.orderflow.timeout");
        let wrong = format!("{timeout:?}, and the gateway gives up after {gateway:?} with 502");
        let mend = "lower it, or raise gateway.upstreamTimeout and say so with --gateway-timeout";
        findings.add(Rule::Timeout, line, path, wrong, mend);
    }
    if timeout <= subscription.batch_wait {
        let line = function.line_in("annotations", "orderflow.batch-wait");
        let path = function.path("annotations.orderflow.batch-wait");
        let wrong = format!("{:?}, and a call has {timeout:?}", subscription.batch_wait);
        findings.add(Rule::Timeout, line, path, wrong, "lower it");
    }
}

fn shutdown(function: &Function<'_>, findings: &mut Findings) {
    let default = runtime::ServerSettings::default();
    let seconds = |name, default: Duration| match function.text_in("environment", name) {
        Some(text) => text.trim().parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()),
        None => Some(default),
    };
    let grace = seconds("ORDERFLOW_GRACE_SECONDS", default.grace);
    let drain = seconds("ORDERFLOW_DRAIN_SECONDS", default.drain);
    if let (Some(grace), Some(drain)) = (grace, drain)
        && TERMINATION <= grace.saturating_add(drain)
    {
        let line = function.line_in("environment", "ORDERFLOW_DRAIN_SECONDS");
        let path = function.path("environment.ORDERFLOW_DRAIN_SECONDS");
        let wrong = format!(
            "{grace:?} of grace and {drain:?} to drain: Kubernetes kills the pod after {TERMINATION:?}"
        );
        findings.add(Rule::Shutdown, line, path, wrong, "lower one of them");
    }
}
