//! `k8s/overlays/plain` as far as one machine goes: nats-server with its accounts, functions with the
//! environment and secrets of their pods, a connector without a gateway.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path as Part, Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use messaging::Nats;
use serde::Deserialize as _;
use serde_json::Value;

use crate::support::eventually;

const FUNCTIONS: [&str; 2] = ["order-ingest", "order-processor"];
const ORDER: &str = r#"{"order_id":"A-1","product":"P001","quantity":2,"price":19.99}"#;

/// What runs, and where it writes; killed when dropped.
struct Site {
    dir: tempfile::TempDir,
    secrets: BTreeMap<(String, String), BTreeMap<String, String>>,
    children: Vec<Child>,
}

impl Drop for Site {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    documents.map(|document| Value::deserialize(document).unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The secrets that `k8s/secrets` makes, by namespace and name.
fn secrets() -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let output = Command::new(root().join("k8s/secrets")).arg(root().join("partners.yml")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let decoded = |value: &Value| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap());
        String::from_utf8(bytes.unwrap()).unwrap()
    };
    documents(&String::from_utf8(output.stdout).unwrap())
        .into_iter()
        .filter(Value::is_object)
        .map(|secret| {
            let metadata = &secret["metadata"];
            let data = secret["data"].as_object().unwrap();
            let data = data.iter().map(|(key, value)| (key.clone(), decoded(value))).collect();
            ((text(&metadata["namespace"]), text(&metadata["name"])), data)
        })
        .collect()
}

impl Site {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), secrets: secrets(), children: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn logs(&self) -> String {
        let parts = ["nats", "connector"].into_iter().chain(FUNCTIONS);
        let log =
            |part: &str| fs::read_to_string(self.path(&format!("{part}.log"))).unwrap_or_default();
        parts.map(|part| format!("{part}:\n{}\n", log(part))).collect()
    }

    fn spawn(&mut self, name: &str, command: &mut Command) {
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        let errors = log.try_clone().unwrap();
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().unwrap();
        self.children.push(child);
    }

    /// Starts nats-server with the configuration of the overlay `dev`; gives its address.
    fn start_nats(&mut self) -> String {
        let [base, dev] = ["k8s/base/nats", "k8s/overlays/dev"].map(|folder| root().join(folder));
        let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let write = |name: &str, text: String| fs::write(self.path(name), text).unwrap();
        let here = self.dir.path().display().to_string();
        let main = read(&base, "nats.conf")
            .replace("0.0.0.0:4222", "127.0.0.1:-1")
            .replace("http: \"0.0.0.0:8222\"", &format!("ports_file_dir: \"{here}\""))
            .replace("/run/nats", &here);
        write("nats.conf", main);
        write(
            "cluster.conf",
            read(&dev, "cluster.conf").replace("/data", &format!("{here}/store")),
        );
        write("accounts.conf", read(&base, "accounts.conf"));
        let users = self.secrets[&("orderflow".to_owned(), "nats-users".to_owned())].clone();
        let program = testkit::nats_server_bin().or_else(|| servers::program::find("nats-server"));
        let mut command = Command::new(program.unwrap());
        command
            .arg("-c")
            .arg(self.path("nats.conf"))
            .envs(users)
            .env("POD_NAME", "nats-0")
            .env("STORED_MAX", "1600MB");
        self.spawn("nats", &mut command);
        let mut ports = None;
        eventually("nats-server listens", || {
            let files = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().path());
            let file =
                files.into_iter().find(|path| path.extension().is_some_and(|e| e == "ports"));
            ports =
                file.and_then(|path| serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok());
            ports.is_some()
        });
        text(&ports.unwrap()["nats"][0])
    }

    /// The address with the user and password that a secret names.
    fn as_user(&self, secret: &str, url: &str) -> String {
        let secret = &self.secrets[&("orderflow".to_owned(), secret.to_owned())]["url"];
        url.replace("nats://", secret.strip_suffix("nats.orderflow:4222").unwrap())
    }

    /// Starts `orderflow ARGS…` with what a pod would have; gives where it answers.
    fn start_part(
        &mut self,
        name: &str,
        args: &[&str],
        secrets: &[(&str, &str)],
        environment: BTreeMap<String, String>,
    ) -> String {
        let folder = self.path(&format!("{name}-secrets"));
        fs::create_dir_all(&folder).unwrap();
        for (namespace, secret) in secrets {
            for (key, value) in &self.secrets[&((*namespace).to_owned(), (*secret).to_owned())] {
                fs::write(folder.join(key), value).unwrap();
            }
        }
        let listen = self.path(&format!("{name}-listen.json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
        command.args(args).env_clear().envs(environment);
        command.env("ORDERFLOW_SECRETS_DIR", &folder).env("ORDERFLOW_LISTEN_FILE", &listen);
        command.env("ORDERFLOW_BIND", "127.0.0.1");
        command.env("ORDERFLOW_PORT", "0").env("ORDERFLOW_METRICS_PORT", "0");
        self.spawn(name, &mut command);
        let mut addresses = Value::Null;
        eventually(name, || {
            let read = fs::read(&listen).unwrap_or_default();
            addresses = serde_json::from_slice(&read).unwrap_or_default();
            addresses.is_object()
        });
        text(&addresses["traffic"])
    }
}

type Functions = State<(Client<HttpConnector, Body>, BTreeMap<String, String>)>;

/// What the cluster's names are for: `/<function>/` is that function.
async fn forward(
    State((client, functions)): Functions,
    Part(name): Part<String>,
    mut request: Request,
) -> Response {
    let Some(address) = functions.get(&name) else {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    };
    *request.uri_mut() = format!("http://{address}/").parse().unwrap();
    client.request(request).await.unwrap().map(Body::new)
}

async fn names(functions: BTreeMap<String, String>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let router = axum::Router::new().route("/{name}/", axum::routing::post(forward));
    let router = router.with_state((client, functions));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/{{function}}/")
}

/// Environment and secrets of a container of the overlay.
fn pod(objects: &[Value], name: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let found = |one: &&Value| one["kind"] == "Deployment" && one["metadata"]["name"] == name;
    let spec = &objects.iter().find(found).unwrap()["spec"]["template"]["spec"];
    let environment = spec["containers"][0]["env"].as_array().unwrap();
    let environment = environment.iter().map(|one| (text(&one["name"]), text(&one["value"])));
    let sources = spec["volumes"][1]["projected"]["sources"].as_array().unwrap();
    let secrets = sources.iter().map(|one| text(&one["secret"]["name"]));
    (environment.collect(), secrets.collect())
}

#[test]
fn what_is_installed_without_openfaas_decides_orders() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut site = Site::new();
    let url = site.start_nats();
    let setup = site.as_user("nats-setup", &url);
    let made =
        Command::new(env!("CARGO_BIN_EXE_orderflow")).args(["setup", "--nats", &setup]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{made:?}");

    let overlay = root().join("k8s/overlays/plain/functions.yml");
    let objects = documents(&fs::read_to_string(overlay).unwrap());
    let mut functions = BTreeMap::new();
    for name in FUNCTIONS {
        let (mut environment, secrets) = pod(&objects, name);
        environment.insert("ORDERFLOW_NATS_URL".into(), url.clone());
        let partners = site.path(&format!("{name}-secrets")).join("partners.yml");
        if environment.contains_key("ORDERFLOW_PARTNERS") {
            environment.insert("ORDERFLOW_PARTNERS".into(), partners.display().to_string());
        }
        let secrets: Vec<_> = secrets.iter().map(|name| ("openfaas-fn", name.as_str())).collect();
        let address = site.start_part(name, &["function", name], &secrets, environment);
        functions.insert(name.to_owned(), address);
    }
    let list = objects.iter().find(|one| one["kind"] == "ConfigMap").unwrap();
    fs::write(site.path("functions.json"), text(&list["data"]["functions.json"])).unwrap();
    let environment = [
        ("ORDERFLOW_NATS_URL", site.as_user("nats-connector", &url)),
        ("ORDERFLOW_INVOKE", "direct".to_owned()),
        ("ORDERFLOW_DIRECT_URL", runtime.block_on(names(functions))),
        ("ORDERFLOW_FUNCTIONS_FILE", site.path("functions.json").display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    site.start_part("connector", &["connector"], &[("orderflow", "connector-token")], environment);

    runtime.block_on(async {
        let nobody = Nats::connect(&url, "test", false).await.unwrap();
        nobody.js.publish("orders", ORDER.into()).await.unwrap().await.unwrap();
        let orders = nobody.js.get_stream("ORDERS").await.unwrap();
        let decided = async {
            let fact = |kind: &str| format!("orders.{kind}.main.DIRECT.A-1");
            while orders.get_last_raw_message_by_subject(&fact("confirmed")).await.is_err()
                && orders.get_last_raw_message_by_subject(&fact("refused")).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let decided = tokio::time::timeout(Duration::from_secs(60), decided).await;
        assert!(decided.is_ok(), "nothing is decided: {}", site.logs());

        // Whoever comes in without a password neither removes nor empties what is kept.
        assert!(nobody.js.delete_stream("ORDERS").await.is_err());
        assert!(orders.purge().await.is_err());
        let setup = Nats::connect(&setup, "test", false).await.unwrap();
        let kept = setup.js.get_stream("ORDERS").await.unwrap().cached_info().state.messages;
        assert_eq!(kept, 3, "received, placed, decided");
    });
}
