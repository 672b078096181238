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
use stack::catalogue::NAMES;

use crate::support::eventually;

const PARTNERS: [&str; 3] = ["US1", "US2", "US3"];
const FILE: &str = "order_id,product_id,quantity,price,timestamp,customer,region,category\n\
                    F-1,P001,1,1.50,2026-01-01 09:00:00,c1,east,toys\n";
const ORDER: &str = r#"{"order_id":"A-1","product":"P001","quantity":2,"price":19.99}"#;

/// What runs, and where it writes; killed when dropped.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    secrets: Secrets,
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

/// Keys and values, by namespace and name.
type Secrets = BTreeMap<(String, String), BTreeMap<String, String>>;

/// The secrets that `k8s/secrets` makes, for these partners or those of the sample.
pub(crate) fn secrets(partners: Option<&str>) -> Secrets {
    let dir = tempfile::tempdir().unwrap();
    let mut file = root().join("partners.yml");
    if let Some(partners) = partners {
        file = dir.path().join("partners.yml");
        fs::write(&file, partners).unwrap();
    }
    let output = Command::new(root().join("k8s/secrets")).arg(file).output().unwrap();
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
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), secrets, children: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn logs(&self) -> String {
        let parts = ["nats", "connector"].into_iter().chain(NAMES);
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
    pub(crate) fn start_nats(&mut self) -> String {
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
        let users = |name: &str| self.secrets[&("orderflow".to_owned(), name.to_owned())].clone();
        let users = ["nats-users", "nats-functions"].into_iter().flat_map(users);
        let users: BTreeMap<String, String> = users.collect();
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

    /// The address with the login of a user of nats-server.
    pub(crate) fn login(&self, user: &str, url: &str) -> String {
        url.replace("nats://", &format!("nats://{user}:{}@", self.password(user)))
    }

    fn password(&self, user: &str) -> String {
        let variable = format!("NATS_{}_PASSWORD", user.to_uppercase().replace('-', "_"));
        let of = |name: &str| {
            let secret = self.secrets.get(&("orderflow".to_owned(), name.to_owned()))?;
            secret.get(&variable).cloned()
        };
        of("nats-users").or_else(|| of("nats-functions")).unwrap()
    }

    /// The address with the user and password that a secret names.
    pub(crate) fn as_user(&self, secret: &str, url: &str) -> String {
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

/// Name of the secret with a partner's key: no capitals.
fn key_secret(partner: &str) -> String {
    format!("sftp-key-{}", partner.to_lowercase())
}

/// Partners whose folders are on `sshd`.
fn partners(sshd: &testkit::sshd::Server) -> String {
    let yaml = fs::read_to_string(root().join("partners.yml")).unwrap();
    PARTNERS.iter().fold(yaml, |yaml, name| {
        let section = format!(
            "  {name}:\n    inbox: {{min-age-seconds: 0}}\n    sftp: {{host: 127.0.0.1, port: {}, user: {}, host-key: {}, \
             private-key-secret: {}}}\n",
            sshd.port(),
            sshd.user(),
            sshd.host_key(),
            key_secret(name)
        );
        yaml.replace(&format!("  {name}:\n"), &section)
    })
}

/// Status and body of what a function answers.
async fn ask(address: &str, method: &str, path: &str, token: &str) -> (u16, Value) {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty());
    let answer = client.request(request.unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Asks until `holds`.
async fn until(what: &str, site: &Site, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(done.is_ok(), "{what}: {}", site.logs());
}

impl Site {
    fn start_functions(&mut self, objects: &[Value], url: &str) -> BTreeMap<String, String> {
        let mut functions = BTreeMap::new();
        for name in NAMES {
            let (mut environment, secrets) = pod(objects, name);
            environment.insert("ORDERFLOW_NATS_URL".into(), url.to_owned());
            let partners = self.path(&format!("{name}-secrets")).join("partners.yml");
            if environment.contains_key("ORDERFLOW_PARTNERS") {
                environment.insert("ORDERFLOW_PARTNERS".into(), partners.display().to_string());
            }
            let keys = PARTNERS.map(key_secret);
            let secrets = secrets.iter().chain(&keys);
            let secrets: Vec<_> = secrets.map(|name| ("openfaas-fn", name.as_str())).collect();
            let address = self.start_part(name, &["function", name], &secrets, environment);
            functions.insert(name.to_owned(), address);
        }
        functions
    }
}

#[test]
fn what_is_installed_without_openfaas_decides_orders_and_files() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sshd = testkit::sshd::Server::start(&PARTNERS);
    let mut site = Site::new(secrets(Some(&partners(&sshd))));
    for name in PARTNERS {
        let (key, secret) = (sshd.private_key(name), key_secret(name));
        site.secrets.insert(("openfaas-fn".into(), secret.clone()), [(secret, key)].into());
    }
    let url = site.start_nats();
    let setup = site.as_user("nats-setup", &url);
    let made =
        Command::new(env!("CARGO_BIN_EXE_orderflow")).args(["setup", "--nats", &setup]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{made:?}");

    let overlay = root().join("k8s/overlays/plain/functions.yml");
    let objects = documents(&fs::read_to_string(overlay).unwrap());
    let functions = site.start_functions(&objects, &url);
    let list = objects.iter().find(|one| one["kind"] == "ConfigMap").unwrap();
    fs::write(site.path("functions.json"), text(&list["data"]["functions.json"])).unwrap();
    let environment = [
        ("ORDERFLOW_NATS_URL", site.as_user("nats-connector", &url)),
        ("ORDERFLOW_INVOKE", "direct".to_owned()),
        ("ORDERFLOW_DIRECT_URL", runtime.block_on(names(functions.clone()))),
        ("ORDERFLOW_FUNCTIONS_FILE", site.path("functions.json").display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    site.start_part("connector", &["connector"], &[("orderflow", "connector-token")], environment);

    runtime.block_on(async {
        let sender = async_nats::ConnectOptions::new()
            .user_and_password("sender".to_owned(), site.password("sender"))
            .custom_inbox_prefix("_INBOX.sender")
            .connect(&url)
            .await
            .unwrap();
        let sender = async_nats::jetstream::new(sender);
        sender.publish("orders", ORDER.into()).await.unwrap().await.unwrap();
        let people = Nats::connect(&setup, "test", false).await.unwrap();
        let is_there = async |kind: &str, order: &str| {
            let fact = format!("orders.{kind}.main.{order}");
            matches!(messaging::stored::last(&people, "ORDERS", &fact).await, Ok(Some(_)))
        };
        let is_decided = async |order: &str| {
            is_there("confirmed", order).await || is_there("refused", order).await
        };
        until("an order is decided", &site, async || is_decided("DIRECT.A-1").await).await;

        let folder = sshd.root("US3");
        fs::write(folder.join("inbox/orders.csv"), FILE).unwrap();
        let token = &site.secrets[&("openfaas-fn".to_owned(), "api-token-admin".to_owned())];
        let token = token["api-token-admin"].clone();
        let checker = functions["daily-checker"].clone();
        until("a file is decided", &site, async || {
            let checked = ask(&checker, "POST", "/", &token).await;
            assert_eq!(checked.0, 200, "{checked:?} {}", site.logs());
            is_decided("US3.F-1").await
        })
        .await;
        let depot = folder.join("depot");
        until("what became of its orders is in the depot", &site, async || {
            let files = fs::read_dir(&depot).unwrap().map(|file| file.unwrap().file_name());
            files.into_iter().any(|name| name.to_string_lossy().ends_with(".decisions.csv"))
        })
        .await;
        let (status, body) = ask(&functions["status-checker"], "GET", "/", &token).await;
        assert_eq!((status, &body["files"][0]["state"]), (200, &"done".into()), "{body}");
        assert_eq!(body["files"][0]["placed"], 1, "{body}");
        let refused = site.logs().to_lowercase().contains("permissions violation");
        assert!(!refused, "somebody may not do what it does: {}", site.logs());
    });
}
