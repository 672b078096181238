//! What is under `k8s/`: what every pod must keep to, and that its parts fit together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::{Value, json};

/// What can be installed, beside the folder `k8s/`.
const TARGETS: [&str; 8] = [
    "overlays/openfaas",
    "overlays/openfaas/functions",
    "overlays/plain",
    "overlays/knative",
    "overlays/dev",
    "monitoring",
    "monitoring/functions",
    "monitoring/operator",
];
/// Each has its namespaces.
const OVERLAYS: [&str; 4] = ["openfaas", "plain", "knative", "dev"];
/// Those that have the functions' pods as well.
const WHOLE: [&str; 3] = ["overlays/plain", "overlays/knative", "overlays/dev"];
const NOT_RENDERED: &str = "NOT RENDERED: neither kustomize nor a kubectl with kustomize 4 or newer \
     is here, so overlays were not put together; their files were looked at one by one";

fn k8s() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s").canonicalize().unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let documents = documents.map(|document| {
        let mut value = serde_yaml_ng::Value::deserialize(document).unwrap();
        value.apply_merge().unwrap();
        serde_json::to_value(value).unwrap()
    });
    documents.filter(|document| !document.is_null()).collect()
}

/// A program that puts overlays together, if this machine has one that is new enough.
fn renderer() -> Option<Vec<&'static str>> {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    if said("kustomize", &["version"]).is_some() {
        return Some(vec!["kustomize", "build"]);
    }
    let version = said("kubectl", &["version", "--client"])?;
    let (_, kustomize) = version.split_once("Kustomize Version: v")?;
    let major: u32 = kustomize.split('.').next()?.parse().ok()?;
    (4 <= major).then(|| vec!["kubectl", "kustomize"])
}

/// What `target` installs.
fn rendered(renderer: &[&str], target: &str) -> Vec<Value> {
    let (program, arguments) = renderer.split_first().unwrap();
    let output = Command::new(program).args(arguments).arg(k8s().join(target)).output().unwrap();
    assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

/// The namespaces of an overlay.
fn namespaces(overlay: &str) -> Vec<Value> {
    let path = k8s().join(format!("namespaces/{overlay}.yml"));
    documents(&std::fs::read_to_string(path).unwrap())
}

/// Every object of every target and its namespaces; from the files themselves where nothing can render.
fn all() -> Vec<(String, Value)> {
    let named = |name: String| move |object| (name.clone(), object);
    let of = |overlay| namespaces(overlay).into_iter().map(named(format!("namespaces/{overlay}")));
    let mut found: Vec<(String, Value)> = OVERLAYS.into_iter().flat_map(of).collect();
    if let Some(renderer) = renderer() {
        let of =
            |target: &str| rendered(&renderer, target).into_iter().map(named(target.to_owned()));
        found.extend(TARGETS.into_iter().flat_map(of));
        return found;
    }
    println!("{NOT_RENDERED}");
    let mut folders = vec![k8s()];
    while let Some(folder) = folders.pop() {
        let kustomization = std::fs::read_to_string(folder.join("kustomization.yml"));
        let kustomization = documents(&kustomization.unwrap_or_default()).pop().unwrap_or_default();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let listed = kustomization["resources"].as_array().into_iter().flatten();
            if path.is_dir() {
                folders.push(path);
            } else if listed.into_iter().any(|resource| *resource == name) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(documents(&text).into_iter().map(named(path.display().to_string())));
            }
        }
    }
    found
}

fn name_of(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    format!("{}/{name}", object["kind"].as_str().unwrap_or("?"))
}

/// The template of an object's pods, and whether they run for ever.
fn template(object: &Value) -> Option<(&Value, bool)> {
    match object["kind"].as_str()? {
        "Deployment" | "StatefulSet" | "DaemonSet" => Some((&object["spec"]["template"], true)),
        "Service" if object["apiVersion"] == "serving.knative.dev/v1" => {
            Some((&object["spec"]["template"], true))
        }
        "Job" => Some((&object["spec"]["template"], false)),
        "CronJob" => Some((&object["spec"]["jobTemplate"]["spec"]["template"], false)),
        _ => None,
    }
}

/// What an object does that it must not.
fn problems(object: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if object["kind"] == "Secret" {
        problems.push("a secret in clear".to_owned());
    }
    if object["kind"] == "Namespace" {
        let level = &object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        if !matches!(level.as_str(), Some("restricted" | "baseline")) {
            problems.push("no level of Pod Security".to_owned());
        }
    }
    if object["kind"] == "ConfigMap" && object.to_string().contains("PRIVATE KEY") {
        problems.push("a key in clear".to_owned());
    }
    let arguments =
        &object["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
    if object["kind"] == "CronJob"
        && !arguments.as_array().is_some_and(|all| all.contains(&json!("--retry-all-errors")))
    {
        // Its network policy comes a moment after it.
        problems.push("a new pod that calls once".to_owned());
    }
    if let Some((template, runs_for_ever)) = template(object) {
        problems.extend(pod_problems(&template["spec"]));
        for container in template["spec"]["containers"].as_array().into_iter().flatten() {
            problems.extend(container_problems(container, runs_for_ever));
        }
    }
    problems
}

fn pod_problems(pod: &Value) -> Vec<String> {
    // Knative takes them from the one container.
    let own = pod["securityContext"].is_object();
    let security = if own { pod } else { &pod["containers"][0] };
    let security = &security["securityContext"];
    let token =
        pod["automountServiceAccountToken"] == false || pod["serviceAccountName"].is_string();
    let volumes = pod["volumes"].as_array().cloned().unwrap_or_default();
    let rules = [
        (security["runAsNonRoot"] == true, "may run as root"),
        (security["runAsUser"].as_u64().is_some_and(|user| 0 < user), "names no user"),
        (security["seccompProfile"]["type"] == "RuntimeDefault", "has no seccomp profile"),
        (token, "has a token of the API of Kubernetes"),
        (pod["enableServiceLinks"] == false, "has a variable for every service"),
        (pod["hostNetwork"] != true && pod["hostPID"] != true, "is in the host's namespaces"),
        (pod["containers"].as_array().is_some_and(|all| !all.is_empty()), "has no container"),
        (pod["initContainers"].is_null(), "has containers that nobody looked at"),
        (volumes.iter().all(|volume| volume["hostPath"].is_null()), "mounts the host's files"),
    ];
    let broken = rules.into_iter().filter(|(kept, _)| !kept);
    broken.map(|(_, rule)| format!("the pod {rule}")).collect()
}

fn container_problems(container: &Value, runs_for_ever: bool) -> Vec<String> {
    let security = &container["securityContext"];
    let resources = &container["resources"];
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    let environment = container["env"].as_array().cloned().unwrap_or_default();
    let secret = |variable: &Value| {
        let (name, value) = (variable["name"].as_str(), variable["value"].as_str());
        let named = name.is_some_and(|name| {
            ["PASSWORD", "TOKEN", "SECRET_KEY"].iter().any(|word| name.contains(word))
        });
        value.is_some_and(|value| named || value.contains('@'))
    };
    let probed =
        ["readinessProbe", "livenessProbe"].iter().all(|probe| container[*probe].is_object());
    let rules = [
        (tag.is_some_and(|tag| !tag.is_empty() && tag != "latest"), "has no version of its image"),
        (resources["requests"]["cpu"].is_string(), "requests no CPU"),
        (resources["requests"]["memory"].is_string(), "requests no memory"),
        (resources["limits"]["memory"].is_string(), "has no limit of memory"),
        (security["allowPrivilegeEscalation"] == false, "may get more rights"),
        (security["privileged"] != true, "is privileged"),
        (security["readOnlyRootFilesystem"] == true, "may write anywhere"),
        (security["capabilities"]["drop"] == json!(["ALL"]), "keeps capabilities"),
        (security["capabilities"]["add"].is_null(), "adds capabilities"),
        (probed || !runs_for_ever, "is not probed"),
        (!environment.iter().any(secret), "has a secret in clear"),
    ];
    let broken = rules.into_iter().filter(|(kept, _)| !kept);
    let name = container["name"].as_str().unwrap_or("?");
    broken.map(|(_, rule)| format!("the container {name} {rule}")).collect()
}

/// What keeps a pod out of a namespace with this level of Pod Security.
fn refusals(level: &str, pod: &Value) -> Vec<String> {
    let container = &pod["containers"][0];
    let both = |key: &str| {
        let own = &container["securityContext"][key];
        if own.is_null() { pod["securityContext"][key].clone() } else { own.clone() }
    };
    let security = &container["securityContext"];
    let volumes = pod["volumes"].as_array().cloned().unwrap_or_default();
    let baseline = [
        (pod["hostNetwork"] != true && pod["hostPID"] != true, "host namespaces"),
        (volumes.iter().all(|volume| volume["hostPath"].is_null()), "hostPath"),
        (security["privileged"] != true, "privileged"),
        (security["capabilities"]["add"].is_null(), "added capabilities"),
    ];
    let restricted = [
        (both("runAsNonRoot") == true, "runAsNonRoot"),
        (both("seccompProfile")["type"] == "RuntimeDefault", "seccompProfile"),
        (security["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation"),
        (security["capabilities"]["drop"] == json!(["ALL"]), "capabilities"),
    ];
    let restricted = restricted.into_iter().filter(|_| level == "restricted");
    let broken = baseline.into_iter().chain(restricted).filter(|(kept, _)| !kept);
    broken.map(|(_, rule)| rule.to_owned()).collect()
}

fn level(overlay: &str, namespace: &str) -> String {
    let all = namespaces(overlay);
    let found = all.iter().find(|one| one["metadata"]["name"] == namespace).unwrap();
    let labels = &found["metadata"]["labels"];
    let level = labels["pod-security.kubernetes.io/enforce"].as_str().unwrap();
    for kind in ["audit", "warn"] {
        assert_eq!(labels[format!("pod-security.kubernetes.io/{kind}")], level, "{overlay}");
    }
    level.to_owned()
}

#[test]
fn namespaces_let_in_what_runs_in_them() {
    let text = std::fs::read_to_string(k8s().join("tests/faas-netes.yml")).unwrap();
    let theirs = documents(&text).remove(0);
    let (theirs, _) = template(&theirs).unwrap();
    assert_eq!(refusals(&level("openfaas", "openfaas-fn"), &theirs["spec"]), [""; 0]);
    // What plain asks for keeps them out, so the namespaces have to change with the overlay.
    assert_eq!(refusals(&level("plain", "openfaas-fn"), &theirs["spec"]).len(), 4);
    let Some(renderer) = renderer() else {
        println!("{NOT_RENDERED}");
        return;
    };
    for overlay in OVERLAYS {
        for object in rendered(&renderer, &format!("overlays/{overlay}")) {
            assert_ne!(object["kind"], "Namespace", "{overlay}: deleted with all volumes in it");
            let Some((template, _)) = template(&object) else { continue };
            let level = level(overlay, object["metadata"]["namespace"].as_str().unwrap());
            let refusals = refusals(&level, &template["spec"]);
            assert_eq!(refusals, [""; 0], "{overlay}: {}", name_of(&object));
        }
    }
}

#[test]
fn every_object_keeps_to_the_rules() {
    let all = all();
    assert!(all.len() > 50, "{} objects", all.len());
    let broken = all.iter().flat_map(|(place, object)| {
        problems(object)
            .into_iter()
            .map(move |what| format!("{place}: {}: {what}", name_of(object)))
    });
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn what_breaks_a_rule_is_found() {
    let good = json!({"kind": "Deployment", "spec": {"template": {"spec": {
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1,
            "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "c", "image": "r:5000/i:1", "env": [{"name": "A", "value": "b"}],
            "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}},
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}},
            "readinessProbe": {}, "livenessProbe": {},
        }],
    }}}});
    assert_eq!(problems(&good), [""; 0]);
    let pod = "/spec/template/spec";
    let container = "/spec/template/spec/containers/0";
    for (place, value, expected) in [
        (format!("{pod}/securityContext/runAsUser"), json!(0), "names no user"),
        (format!("{pod}/securityContext/runAsNonRoot"), json!(null), "may run as root"),
        (format!("{pod}/enableServiceLinks"), json!(true), "a variable for every service"),
        (format!("{container}/image"), json!("r:5000/i"), "no version"),
        (format!("{container}/image"), json!("i:latest"), "no version"),
        (format!("{container}/resources/limits"), json!({"cpu": "1"}), "no limit of memory"),
        (format!("{container}/livenessProbe"), json!(null), "is not probed"),
        (format!("{container}/securityContext/readOnlyRootFilesystem"), json!(false), "may write"),
        (format!("{container}/env/0/name"), json!("NATS_PASSWORD"), "a secret in clear"),
        (format!("{container}/env/0/value"), json!("nats://a:b@c"), "a secret in clear"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(&place).unwrap() = value;
        let found = problems(&bad);
        assert!(matches!(&found[..], [one] if one.contains(expected)), "{place}: {found:?}");
    }
    let secret = json!({"kind": "Secret", "data": {"a": "Yg=="}});
    assert_eq!(problems(&secret), ["a secret in clear"]);
}

/// Does a selector's `matchLabels` (or a service's selector) hold for `labels`?
fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.get("matchLabels").unwrap_or(selector);
    if !selector["matchExpressions"].is_null() {
        let expressions = selector["matchExpressions"].as_array().unwrap();
        return expressions.iter().all(|one| {
            let label = &labels[one["key"].as_str().unwrap()];
            one["values"].as_array().unwrap().contains(label)
        });
    }
    wanted.as_object().is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
}

/// Labels of the pods of a target, by namespace.
fn pods(objects: &[Value]) -> BTreeMap<&str, Vec<&Value>> {
    let mut pods = BTreeMap::<&str, Vec<&Value>>::new();
    for object in objects {
        if let (Some((template, _)), Some(namespace)) =
            (template(object), object["metadata"]["namespace"].as_str())
        {
            pods.entry(namespace).or_default().push(&template["metadata"]["labels"]);
        }
    }
    pods
}

#[test]
fn selectors_find_pods_and_no_pod_is_open() {
    let Some(renderer) = renderer() else {
        println!("{NOT_RENDERED}");
        return;
    };
    for target in WHOLE {
        let objects = rendered(&renderer, target);
        let pods = pods(&objects);
        assert_eq!(pods.keys().collect::<Vec<_>>(), [&"openfaas-fn", &"orderflow"], "{target}");
        let found = |object: &Value, selector: &Value| {
            let namespace = object["metadata"]["namespace"].as_str().unwrap();
            pods[namespace].iter().any(|labels| selects(selector, labels))
        };
        let policies: Vec<_> =
            objects.iter().filter(|one| one["kind"] == "NetworkPolicy").collect();
        for object in &objects {
            let selector = match (object["kind"].as_str().unwrap(), object["apiVersion"].as_str()) {
                ("Service", Some("v1")) => &object["spec"]["selector"],
                ("NetworkPolicy", _) => &object["spec"]["podSelector"],
                ("PodDisruptionBudget" | "Deployment" | "StatefulSet", _) => {
                    &object["spec"]["selector"]
                }
                _ => continue,
            };
            assert!(found(object, selector), "{target}: {} selects no pod", name_of(object));
        }
        for (namespace, labels) in pods.iter().flat_map(|(n, all)| all.iter().map(move |l| (n, l)))
        {
            for direction in ["Ingress", "Egress"] {
                let closed = policies.iter().any(|policy| {
                    let types = policy["spec"]["policyTypes"].as_array().unwrap();
                    policy["metadata"]["namespace"] == **namespace
                        && types.iter().any(|one| one == direction)
                        && selects(&policy["spec"]["podSelector"], labels)
                });
                assert!(closed, "{target}: no policy of {direction} for {labels}");
            }
        }
    }
}

#[test]
fn the_rules_of_the_operator_are_those_of_prometheus() {
    let read = |name: &str| {
        let text = std::fs::read_to_string(k8s().join("monitoring").join(name)).unwrap();
        documents(&text).remove(0)
    };
    assert_eq!(read("operator/rules.yml")["spec"], read("rules.yml"));
}

#[test]
fn functions_have_no_field_that_openfaas_does_not_know() {
    let text = std::fs::read_to_string(k8s().join("overlays/openfaas/functions/functions.yml"));
    let functions = documents(&text.unwrap());
    let known = [
        "annotations",
        "constraints",
        "environment",
        "handler",
        "image",
        "labels",
        "limits",
        "name",
        "readOnlyRootFilesystem",
        "requests",
        "secrets",
    ];
    assert!(!functions.is_empty());
    for function in functions {
        assert_eq!(function["apiVersion"], "openfaas.com/v1");
        let spec = function["spec"].as_object().unwrap();
        let unknown: Vec<_> = spec.keys().filter(|key| !known.contains(&key.as_str())).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", name_of(&function));
        assert!(spec["name"].is_string() && spec["image"].is_string(), "{}", name_of(&function));
        for texts in ["annotations", "environment", "labels", "limits", "requests"] {
            let all = spec[texts].as_object().unwrap();
            assert!(all.values().all(Value::is_string), "{}: {texts}", name_of(&function));
        }
    }
}

#[test]
fn what_waits_in_the_documents_has_an_end() {
    let docs = k8s().join("../docs/OPERATIONS.md");
    let text = std::fs::read_to_string(docs).unwrap().replace("\\\n", " ");
    // A command may go on in the next line of a paragraph.
    let commands = text.split(['`', '\n']).filter(|part| part.contains("kubectl "));
    let waits: Vec<_> = commands
        .filter(|line| line.contains(" wait ") || line.contains(" rollout status"))
        .collect();
    assert!(4 < waits.len(), "{waits:?}");
    let endless: Vec<_> = waits.iter().filter(|line| !line.contains("--timeout")).collect();
    assert!(endless.is_empty(), "{endless:#?}");
}
