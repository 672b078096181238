//! Network policies: whom functions may reach and who may reach them, from what calls each of them and from what
//! it says of itself. Policies that name no function are written by hand, in the file of the part that they are about.

use connector::annotations;
use messaging::rights::Reach;
use serde_json::{Value, json};
use stack::{Function, Stack, catalogue};

use super::pod::NAMESPACE;

/// Where everything is that is no function.
const PARTS: &str = "orderflow";
/// Of every pod that belongs to us.
const OURS: &str = "app.kubernetes.io/part-of";
const NAME: &str = "app.kubernetes.io/name";

/// The policies of functions on every platform.
pub(super) fn functions(stack: &Stack) -> Vec<Value> {
    // Of our functions and schedules only: others in the same namespace are not touched.
    let ours = json!({"matchLabels": {OURS: "orderflow"}});
    let deny = policy(
        NAMESPACE,
        "orderflow-default-deny",
        ours,
        json!({"policyTypes": ["Ingress", "Egress"], "egress": [dns()]}),
    );
    let nats = egress(
        "orderflow-functions",
        those(stack, |name, _| catalogue::rights(name).is_some()),
        json!([to(part("nats"), 4222)]),
    );
    // Add other ports than 22 here. The cloud's own address for credentials is no partner's. The second rule is
    // for the SFTP server of the overlay dev, which pods reach at its own port.
    let outside = json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}});
    let sftp = egress(
        "orderflow-sftp",
        reaches(stack, Reach::Sftp),
        json!([to(outside.clone(), 22), to(part("sftp"), 2022)]),
    );
    // Mail servers, and providers of text messages. A server inside the cluster needs a rule of its own.
    let ports: Vec<Value> = [25, 443, 465, 587].map(|port| to(outside.clone(), port)).into();
    let providers = egress("orderflow-providers", reaches(stack, Reach::Providers), json!(ports));
    // Add other ports here, and the same to ORDERFLOW_OUTGOING_PORTS.
    let web =
        egress("orderflow-webhooks", reaches(stack, Reach::Web), json!([to(outside.clone(), 443)]));
    [Some(deny), nats, sftp, providers, web].into_iter().flatten().collect()
}

/// The connector's calls of functions, on platforms without a gateway.
pub(super) fn connector(stack: &Stack) -> Vec<Value> {
    let called = those(stack, |name, function| {
        annotations::parse(name, &function.annotations).is_ok_and(|all| !all.is_empty())
    });
    let Some(called) = called else { return Vec::new() };
    let targets = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "podSelector": called,
    });
    let connector = json!({"matchLabels": {NAME: "connector"}});
    let rules = json!({"policyTypes": ["Egress"], "egress": [to(targets, 8080)]});
    vec![
        policy(PARTS, "connector-to-functions", connector, rules),
        ingress("orderflow-from-connector", called, part("connector")),
    ]
}

/// Cron jobs call functions.
pub(super) fn schedules(stack: &Stack) -> Vec<Value> {
    let scheduled = those(stack, |_, function| function.annotations.contains_key("schedule"));
    let Some(scheduled) = scheduled else { return Vec::new() };
    let jobs = json!({"matchLabels": {OURS: "orderflow", NAME: "schedule"}});
    let targets = json!({"podSelector": scheduled});
    let rules = json!({"policyTypes": ["Egress"], "egress": [to(targets, 8080)]});
    vec![
        policy(NAMESPACE, "orderflow-schedules", jobs.clone(), rules),
        ingress("orderflow-from-schedules", scheduled, json!({"podSelector": jobs})),
    ]
}

/// Selects the functions that connect to such servers; nothing where none does.
fn reaches(stack: &Stack, whom: Reach) -> Option<Value> {
    those(stack, |name, _| catalogue::rights(name).is_some_and(|it| it.reaches.contains(&whom)))
}

/// Selects the functions for which `holds`; nothing where it holds for none.
fn those(stack: &Stack, holds: impl Fn(&str, &Function) -> bool) -> Option<Value> {
    let names = stack.functions.iter().filter(|(name, function)| holds(name, function));
    let names: Vec<&String> = names.map(|(name, _)| name).collect();
    let selector = json!({
        "matchExpressions": [{"key": "faas_function", "operator": "In", "values": names}],
    });
    (!names.is_empty()).then_some(selector)
}

fn part(name: &str) -> Value {
    json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PARTS}},
        "podSelector": {"matchLabels": {NAME: name}},
    })
}

fn to(peer: Value, port: u16) -> Value {
    json!({"to": [peer], "ports": [{"protocol": "TCP", "port": port}]})
}

fn dns() -> Value {
    json!({
        "to": [{
            "namespaceSelector": {},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    })
}

fn egress(name: &str, pods: Option<Value>, rules: Value) -> Option<Value> {
    let rules = json!({"policyTypes": ["Egress"], "egress": rules});
    Some(policy(NAMESPACE, name, pods?, rules))
}

fn ingress(name: &str, pods: Value, from: Value) -> Value {
    let from = json!([{"from": [from], "ports": [{"protocol": "TCP", "port": 8080}]}]);
    policy(NAMESPACE, name, pods, json!({"policyTypes": ["Ingress"], "ingress": from}))
}

fn policy(namespace: &str, name: &str, pods: Value, mut spec: Value) -> Value {
    if let Value::Object(spec) = &mut spec {
        spec.insert("podSelector".to_owned(), pods);
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Policies by name: the functions they select.
    fn selected(objects: &[Value]) -> Vec<String> {
        let one = |object: &Value| {
            let values = &object["spec"]["podSelector"]["matchExpressions"][0]["values"];
            let names: Vec<&str> =
                values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            format!("{}: {}", object["metadata"]["name"].as_str().unwrap(), names.join(" "))
        };
        objects.iter().map(one).collect()
    }

    #[test]
    fn a_function_is_called_by_those_whom_its_annotations_name_and_reaches_what_it_says() {
        let text = "functions:
          daily-checker: {annotations: {topic: cron-function, schedule: '0 8 * * *'}}
          order-ingest: {annotations: {topic: orders}}
          status-checker: {}";
        let stack = stack::parse(text, "t", |_| None).unwrap();
        let expected = [
            "orderflow-default-deny: ",
            "orderflow-functions: daily-checker order-ingest status-checker",
            "orderflow-sftp: daily-checker status-checker",
        ];
        assert_eq!(selected(&functions(&stack)), expected);
        let calls = connector(&stack);
        let expected = ["connector-to-functions: ", "orderflow-from-connector: order-ingest"];
        assert_eq!(selected(&calls), expected);
        let target = &calls[0]["spec"]["egress"][0]["to"][0]["podSelector"];
        assert_eq!(*target, calls[1]["spec"]["podSelector"]);
        let expected = ["orderflow-schedules: ", "orderflow-from-schedules: daily-checker"];
        assert_eq!(selected(&schedules(&stack)), expected);
    }

    #[test]
    fn without_a_caller_nobody_is_let_in() {
        let stack = stack::parse("functions: {status-checker: {}}", "t", |_| None).unwrap();
        assert!(connector(&stack).is_empty() && schedules(&stack).is_empty());
    }

    #[test]
    fn the_component_sftp_gives_its_key_to_those_who_reach_partners() {
        let component = include_str!("../../../../k8s/components/sftp/kustomization.yml");
        let selector = reaches(&stack::built_in(), Reach::Sftp).unwrap();
        let names = selector["matchExpressions"][0]["values"].as_array().unwrap();
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        let target = format!("target: {{ kind: Deployment, name: {} }}", names.join("|"));
        assert!(component.contains(&target), "put this into k8s/components/sftp: {target}");
    }
}
