//! A connector between a real nats-server and functions behind a small gateway.

use crate::gateway::{Gateway, TOKEN};
use async_nats::jetstream::stream::Stream;
use connector::{Invoke, Settings};
use messaging::{Nats, streams};
use runtime::{Secret, ServerSettings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use testkit::cluster::Cluster;
use testkit::nats::Server;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The servers, the gateway and the connector of one test.
pub(crate) struct World<S = Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    pub(crate) gateway: Gateway,
    nats_url: String,
    url: String,
    dir: tempfile::TempDir,
    connector: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl<S> World<S> {
    /// Everything except the connector, on the servers at `nats_url`.
    async fn on(server: S, nats_url: String, settings: streams::Settings) -> Self {
        let nats = Nats::connect(&nats_url, "test", false).await.unwrap();
        testkit::streams::make(&nats, settings).await;
        let gateway = Gateway::default();
        let url = gateway.serve().await;
        let dir = tempfile::tempdir().unwrap();
        Self { server, nats, gateway, nats_url, url, dir, connector: None }
    }

    pub(crate) async fn start(&mut self) {
        self.start_with(|_| {}).await;
    }

    /// Starts the connector with changed settings.
    pub(crate) async fn start_with(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings {
            nats_url: self.nats_url.clone(),
            gateway: Some(self.url.parse().unwrap()),
            functions: None,
            invoke: Invoke::Gateway,
            poll: Duration::from_millis(100),
            token: Secret::new(TOKEN),
            basic_auth: None,
            quiet_after: Duration::from_secs(60),
            server: ServerSettings::ephemeral(),
        };
        settings.server.listen_file = Some(self.dir.path().join("listen.json"));
        change(&mut settings);
        let nats = Nats::connect(&settings.nats_url, "connector", false).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let asked = async { drop(stopped.await) };
            connector::run(settings, nats, asked).await.unwrap();
        });
        self.connector = Some((stop, task));
    }

    /// The address for direct calls.
    pub(crate) fn direct(&self) -> Invoke {
        Invoke::Direct(format!("{}/direct/{{function}}/", self.url).parse().unwrap())
    }

    /// Writes a file that lists the function `name`; returns its path.
    pub(crate) fn list_in_file(&self, name: &str, annotations: &[(&str, &str)]) -> PathBuf {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let path = self.dir.path().join("functions.json");
        let list = json!([{"name": name, "annotations": annotations}]).to_string();
        std::fs::write(&path, list).unwrap();
        path
    }

    pub(crate) async fn stop(&mut self) {
        // The next connector writes the file again, with other addresses.
        drop(std::fs::remove_file(self.dir.path().join("listen.json")));
        let (stop, task) = self.connector.take().unwrap();
        drop(stop);
        timeout(Duration::from_secs(30), task).await.expect("the connector ends").unwrap();
    }

    /// Starts a connector as a separate process, as it runs in a pod.
    pub(crate) fn spawn(&self) -> Replica {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("connector-token"), TOKEN).unwrap();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_connector"))
            .env_clear()
            .env("ORDERFLOW_NATS_URL", &self.nats_url)
            .env("ORDERFLOW_GATEWAY_URL", &self.url)
            .env("ORDERFLOW_POLL_SECONDS", "0.2")
            .env("ORDERFLOW_SECRETS_DIR", dir.path())
            .env("ORDERFLOW_BIND", "127.0.0.1")
            .env("ORDERFLOW_PORT", "0")
            .env("ORDERFLOW_METRICS_PORT", "0")
            .env("ORDERFLOW_LISTEN_FILE", dir.path().join("listen.json"))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Replica { child, dir }
    }

    /// A metric of the connector: the value of the first line that begins with `series`.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let listen = std::fs::read(self.dir.path().join("listen.json")).ok()?;
        let addresses: Value = serde_json::from_slice(&listen).unwrap();
        let text = http_get(addresses["metrics"].as_str().unwrap(), "/metrics").await;
        let line = text.lines().find(|line| line.starts_with(series))?;
        line.rsplit(' ').next().unwrap().parse().ok()
    }

    /// Does the connector say that it is ready?
    pub(crate) async fn is_ready(&self) -> bool {
        let listen = std::fs::read(self.dir.path().join("listen.json")).unwrap();
        let addresses: Value = serde_json::from_slice(&listen).unwrap();
        http_get(addresses["traffic"].as_str().unwrap(), "/_/ready").await.contains(" 200 OK")
    }

    pub(crate) async fn publish(&self, subject: &str, payload: &str) -> u64 {
        let payload = payload.to_owned().into();
        let ack = self.nats.js.publish(subject.to_owned(), payload).await.unwrap();
        ack.await.unwrap().sequence
    }

    pub(crate) async fn stream(&self, name: &str) -> Stream {
        self.nats.js.get_stream(name).await.unwrap()
    }

    /// How many messages of a consumer are not delivered, and how many are not acknowledged.
    pub(crate) async fn open(&self, function: &str, filter: &str) -> (u64, usize) {
        let stream = streams::of_subject(filter).unwrap().name;
        let name = connector::durable_name(function, filter);
        match self.stream(stream).await.consumer_info(name).await {
            Ok(info) => (info.num_pending, info.num_ack_pending),
            Err(_) => (u64::MAX, usize::MAX),
        }
    }

    /// Waits until no message is pending or unacknowledged.
    pub(crate) async fn settled(&self, function: &str, filter: &str) {
        until("nothing is open", async || self.open(function, filter).await == (0, 0)).await;
    }

    pub(crate) async fn dead_letters(&self) -> u64 {
        self.stream("ERRORS").await.cached_info().state.messages
    }
}

impl World {
    /// Everything except the connector, on one server.
    pub(crate) async fn new() -> Self {
        Self::of_one(testkit::nats_server_bin()).await
    }

    /// The same with this server program.
    pub(crate) async fn of_one(program: Option<PathBuf>) -> Self {
        let server = Server::of(program);
        let url = server.url();
        Self::on(server, url, streams::Settings::default()).await
    }

    /// Adds two users to the server: `test`, who may do everything, and `connector`, with these
    /// permissions.
    pub(crate) async fn restrict(&mut self, permissions: &str) {
        let path = self.server.dir().join("nats-server.conf");
        let config = std::fs::read_to_string(&path).unwrap();
        let config = config.split("# rights").next().unwrap();
        let rights = format!(
            "# rights\nauthorization {{ users: [ {{user: test, password: x}}, {{user: connector, password: x, permissions: {{ {permissions} }} }} ] }}\n"
        );
        std::fs::write(&path, format!("{config}{rights}")).unwrap();
        let pid = self.server.pid().to_string();
        assert!(
            std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success()
        );
        let nobody = self.server.url();
        let refused = async || Nats::connect(&nobody, "test", false).await.is_err();
        until("a user is asked for", refused).await;
        let url = self.url_of("test");
        self.nats = Nats::connect(&url, "test", false).await.unwrap();
    }

    /// The server's URL for a user.
    pub(crate) fn url_of(&self, user: &str) -> String {
        self.server.url().replace("nats://", &format!("nats://{user}:x@"))
    }

    /// After a restart of the server: waits until it accepts requests again.
    pub(crate) async fn reconnect(&mut self) {
        self.nats = Nats::connect(&self.server.url(), "test", false).await.unwrap();
        let js = &self.nats.js;
        until("streams are there", async || js.get_stream("ORDERS").await.is_ok()).await;
    }
}

impl World<Cluster> {
    /// Everything except the connector, on three servers of this program, with three copies of all
    /// streams.
    pub(crate) async fn of_three(program: Option<&Path>) -> Self {
        let cluster = Cluster::of(program);
        let url = cluster.url();
        let settings = streams::Settings { replicas: Some(3), ..Default::default() };
        Self::on(cluster, url, settings).await
    }
}

/// A connector as a separate process; killed when dropped.
pub(crate) struct Replica {
    child: std::process::Child,
    dir: tempfile::TempDir,
}

impl Replica {
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits for the end; returns the exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
        let mut code = None;
        until("it ends", async || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        })
        .await;
        code.unwrap().code()
    }

    pub(crate) async fn ready(&self) {
        until("it is ready", async || {
            let Ok(listen) = std::fs::read(self.dir.path().join("listen.json")) else {
                return false;
            };
            let addresses: Value = serde_json::from_slice(&listen).unwrap();
            let traffic = addresses["traffic"].as_str().unwrap();
            http_get(traffic, "/_/ready").await.contains(" 200 OK")
        })
        .await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn http_get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until `is_so`, at most a minute.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The field `n` of the data of each event.
pub(crate) fn numbers(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
}
