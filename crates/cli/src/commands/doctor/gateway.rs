//! The gateway, and whether the functions behind it are there and ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connector::annotations;
use deploy::lint::unread_annotations;
use domain::WarehouseId;
use machine::http::{Answer, Call, Http};
use messaging::subject;
use serde::Deserialize;
use stack::catalogue;
use stack::lanes::START_AGAIN;

use super::finding::Finding;
use super::site::Site;

const CALL_MAX: Duration = Duration::from_secs(10);
const WHAT: &str = "gateway";

/// What is read of a function's status.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    name: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    available_replicas: u64,
}

pub(super) async fn look(site: &Site) -> Vec<Finding> {
    let Some(gateway) = &site.gateway else {
        return alone(site).await;
    };
    let gateway = gateway.trim_end_matches('/');
    if let Some((_, place)) = gateway.rsplit_once('@') {
        let text = format!("the URL of {place} has a user in it, which is not used");
        let todo = "--gateway http://HOST:PORT; user and password are the secrets \
                    basic-auth-user and basic-auth-password";
        return vec![Finding::bad(WHAT, text, todo)];
    }
    if !gateway.starts_with("http://") {
        let text = format!("{gateway} is not reached by http://");
        return vec![Finding::bad(WHAT, text, "--gateway http://HOST:PORT")];
    }
    let http = Http::new();
    let functions = match list(&http, site, gateway).await {
        Ok(functions) => functions,
        Err(finding) => return vec![finding],
    };
    let text = format!("{gateway} lists {} functions", functions.len());
    let mut findings = vec![Finding::good(WHAT, text)];
    let of_partners = site.partners();
    let of_partners = of_partners.values().map(|partner| partner.warehouse.clone());
    let warehouses: BTreeSet<WarehouseId> = of_partners.collect();
    let ours = match stack::read(None) {
        Ok((ours, place)) => {
            findings.push(Finding::good("stack", format!("functions are held against {place}")));
            ours
        }
        Err(error) => {
            let todo = "orderflow lint names the lines";
            findings.push(Finding::warning("stack", format!("{error:#}"), todo));
            stack::Stack::default()
        }
    };
    for name in catalogue::NAMES {
        match functions.iter().find(|function| function.name == name) {
            Some(function) => {
                findings
                    .push(of_function(&http, gateway, function, (&warehouses, &ours), site).await);
            }
            None => {
                let what = format!("function {name}");
                let todo = match &site.data {
                    Some(_) => format!("add it to stack.yml, {START_AGAIN}"),
                    None => {
                        "deploy it as the others were: faas-cli up, or kubectl apply".to_owned()
                    }
                };
                findings.push(Finding::bad(what, "is not deployed", todo));
            }
        }
    }
    findings
}

/// Where no gateway is, or none was named.
async fn alone(site: &Site) -> Vec<Finding> {
    let todo = "--gateway URL; where there is none (overlays plain and dev), `functions` in site.json \
                (docs/OPERATIONS.md, \"Day by day\")";
    if site.functions.is_empty() {
        return vec![Finding::warning(WHAT, "not looked at", todo)];
    }
    let http = Http::new();
    let mut findings = Vec::new();
    for (name, address) in &site.functions {
        let url = format!("{}/_/ready", address.trim_end_matches('/'));
        findings.push(ready(&http, format!("function {name}"), url, logs(site, name)).await);
    }
    findings
}

/// What to do about annotations.
pub(super) fn mend(site: &Site) -> String {
    let partners = site.partners.as_ref();
    let lint = partners.map(|path| format!("orderflow lint --partners {}", path.display()));
    let lint = lint.unwrap_or_else(|| "orderflow lint".to_owned());
    let then = if site.data.is_some() { START_AGAIN } else { "then deploy" };
    format!("correct its annotations in stack.yml (`{lint}` names the lines), {then}")
}

/// Where a function says what is wrong with it.
fn logs(site: &Site, name: &str) -> String {
    match &site.data {
        Some(dir) => format!("see its log in {}", dir.logs().display()),
        None => format!("see its log: kubectl -n openfaas-fn logs deployment/{name}"),
    }
}

/// The subjects that order-processor and billing are given, as the gateway says; nothing where that is not known.
pub(super) async fn filters(site: &Site) -> Option<BTreeSet<String>> {
    let gateway = site.gateway.as_deref()?.trim_end_matches('/');
    if !gateway.starts_with("http://") || gateway.contains('@') {
        return None;
    }
    let functions = list(&Http::new(), site, gateway).await.ok()?;
    let of = |name: &str| {
        let function = functions.iter().find(|one| one.name == name)?;
        let annotations = function.annotations.clone().unwrap_or_default();
        let subscriptions = annotations::parse(name, &annotations).ok()?;
        Some(subscriptions.into_iter().map(|subscription| subscription.filter))
    };
    let invoiced = of(billing::NAME).into_iter().flatten();
    Some(of(order_processor::NAME)?.chain(invoiced).collect())
}

/// Asks for something, with this header `Authorization`.
pub(super) async fn get(
    http: &Http,
    url: String,
    authorization: Option<&str>,
) -> Result<Answer, String> {
    let headers = authorization.map(|value| ("authorization", value)).into_iter().collect();
    let call = Call { method: Method::GET, url, headers, body: Bytes::new(), timeout: CALL_MAX };
    http.send(call).await.map_err(|error| format!("{error:#}"))
}

async fn list(http: &Http, site: &Site, gateway: &str) -> Result<Vec<Status>, Finding> {
    let authorization = basic_auth(site);
    let url = format!("{gateway}/system/functions");
    let answer = get(http, url, authorization.as_deref()).await.map_err(|error| {
        Finding::bad(WHAT, error, "see whether it runs, and whether the address is right")
    })?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).map_err(|error| {
            let text = format!("its list of functions cannot be read: {error}");
            Finding::bad(WHAT, text, "see whether it is an OpenFaaS gateway")
        }),
        StatusCode::UNAUTHORIZED => {
            let todo = "put basic-auth-user and basic-auth-password into the folder of secrets";
            Err(Finding::bad(WHAT, "does not take the password", todo))
        }
        status => Err(Finding::bad(WHAT, format!("answers {status}"), "see its log")),
    }
}

fn basic_auth(site: &Site) -> Option<String> {
    let secrets = site.secrets.as_ref()?;
    let read = |name: &str| std::fs::read_to_string(secrets.join(name)).ok();
    let (user, password) = (read("basic-auth-user")?, read("basic-auth-password")?);
    let pair = format!("{}:{}", user.trim(), password.trim());
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

async fn of_function(
    http: &Http,
    gateway: &str,
    function: &Status,
    (warehouses, ours): (&BTreeSet<WarehouseId>, &stack::Stack),
    site: &Site,
) -> Finding {
    let name = &function.name;
    let what = format!("function {name}");
    let annotations = function.annotations.clone().unwrap_or_default();
    if let Some(text) = misspelt(name, &annotations, warehouses, ours) {
        return Finding::bad(what, text, mend(site));
    }
    let logs = logs(site, name);
    if function.available_replicas == 0 {
        return Finding::bad(what, "no replica is available", logs);
    }
    let url = format!("{gateway}/function/{name}/_/ready");
    ready(http, what, url, logs).await
}

async fn ready(http: &Http, what: String, url: String, logs: String) -> Finding {
    match get(http, url, None).await {
        Ok(answer) if answer.status.is_success() => Finding::good(what, "ready"),
        Ok(answer) => {
            let reason = String::from_utf8_lossy(&answer.body);
            let reason: String = reason.trim().chars().take(200).collect();
            let text = format!("is not ready: {} {reason}", answer.status.as_u16());
            Finding::bad(what, text, "see what it depends on, and its log")
        }
        Err(error) => Finding::bad(what, error, logs),
    }
}

/// What is wrong with a function's annotations.
fn misspelt(
    name: &str,
    annotations: &BTreeMap<String, String>,
    warehouses: &BTreeSet<WarehouseId>,
    ours: &stack::Stack,
) -> Option<String> {
    let subscriptions = match annotations::parse(name, annotations) {
        Ok(subscriptions) => subscriptions,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Some(format!("{}; it is not called at all", problems.join("; ")));
        }
    };
    let mut texts: Vec<String> = unread_annotations(annotations)
        .into_iter()
        .map(|(name, mend)| {
            let mend = if mend.is_empty() { mend } else { format!("; {mend}") };
            format!("no part of orderflow reads the annotation {name:?}{mend}")
        })
        .collect();
    // What calls it in stack.yml, and what of that is missing here.
    let ours = ours.functions.get(name).cloned().unwrap_or_default();
    let wanted = annotations::parse(name, &ours.annotations).unwrap_or_default();
    let mut wanted: BTreeSet<String> = wanted.into_iter().map(|wanted| wanted.filter).collect();
    let is_ordered = [order_processor::NAME, billing::NAME].contains(&name);
    if name == order_processor::NAME {
        // Orders of a warehouse without a lane are never decided.
        wanted.extend(warehouses.iter().map(subject::placed));
    }
    let is_given = |wanted: &str, found: &str| match is_ordered {
        true => wanted == found,
        false => subject::matches(wanted, found) || subject::matches(found, wanted),
    };
    let missing = wanted
        .iter()
        .filter(|wanted| !subscriptions.iter().any(|found| is_given(wanted, &found.filter)));
    texts.extend(missing.map(|filter| format!("nothing that comes on {filter} is given to it")));
    if let (Some(wanted), None) = (ours.annotations.get("schedule"), annotations.get("schedule")) {
        texts.push(format!("it has no schedule, such as {wanted:?}"));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_that_is_misspelt_or_missing_is_said() {
        let ingest = [("topic", "orders"), ("orderflow.batch", "500")];
        let ours = stack::parse(stack::BUILT_IN, "built-in", |_| None).unwrap();
        let warehouses = ["main", "west"].map(|name| WarehouseId::parse(name).unwrap()).into();
        for (name, given, expected) in [
            ("order-ingest", &ingest[..], None),
            ("other", &[("team", "shop"), ("prometheus.io/scrape", "true")], None),
            (
                "order-ingest",
                &[("topic", "orders"), ("orderflow.btach", "500")],
                Some("no part of orderflow reads the annotation \"orderflow.btach\"; did you mean"),
            ),
            (
                "order-ingest",
                &[("topik", "orders")],
                Some("did you mean \"topic\"?; nothing that comes on orders is given to it"),
            ),
            ("order-ingest", &[("topic", "order.placed.>")], Some("order.placed.>")),
            ("order-ingest", &[], Some("nothing that comes on orders is given to it")),
            (
                "order-processor",
                &[
                    ("topic", "orders.placed.>"),
                    ("orderflow.ordered", "true"),
                    ("orderflow.lanes", "west main"),
                ],
                None,
            ),
            (
                "order-processor",
                &[("topic", "orders.placed.>"), ("orderflow.ordered", "true")],
                Some("orders.placed.main.>"),
            ),
            (
                "order-processor",
                &[
                    ("topic", "orders.placed.>"),
                    ("orderflow.ordered", "true"),
                    ("orderflow.lanes", "main"),
                ],
                Some("nothing that comes on orders.placed.west.> is given to it"),
            ),
            ("daily-checker", &[("topic", "cron-function")], Some("it has no schedule")),
        ] {
            let given: BTreeMap<String, String> =
                given.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
            let found = misspelt(name, &given, &warehouses, &ours);
            let same = match (&found, expected) {
                (None, None) => true,
                (Some(found), Some(expected)) => found.contains(expected),
                _ => false,
            };
            assert!(same, "{name} {given:?}: {found:?}");
        }
    }
}
