//! What all parts of a running `up` share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stack::Stack;
use stack::quantity;

use super::prometheus;
use super::registry::{Registry, function_of};
use crate::dir::{DataDir, Process, Run};

/// The parts, where they are, and what is the matter with them.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) dir: DataDir,
    pub(crate) stack: Stack,
    pub(crate) registry: Arc<Registry>,
    /// Functions are deployed: each has the environment and the secrets it was deployed with.
    is_provider: bool,
    /// Set for every part, over everything else; also where NATS is.
    environment: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    run: Run,
    /// How often a part has ended by itself, and why it did the last time.
    failures: BTreeMap<String, (u32, String)>,
}

impl Site {
    pub(crate) fn new(
        dir: DataDir,
        stack: Stack,
        run: Run,
        environment: BTreeMap<String, String>,
        is_provider: bool,
    ) -> Self {
        let registry = Arc::new(Registry::new(&stack));
        let state = Mutex::new(State { run, failures: BTreeMap::new() });
        Self { dir, stack, registry, is_provider, environment, state }
    }

    pub(crate) fn is_provider(&self) -> bool {
        self.is_provider
    }

    /// The environment of a function or of the connector, as its pod would have it.
    pub(crate) fn environment(&self, name: &str) -> BTreeMap<String, String> {
        let function = self.registry.find(function_of(name));
        let mut environment =
            function.as_ref().map(|entry| entry.spec.environment.clone()).unwrap_or_default();
        let is_deployed = self.is_provider && function.is_some();
        let secrets = if is_deployed {
            self.dir.deployment_secrets(function_of(name))
        } else {
            self.dir.secrets()
        };
        let run = self.run();
        if is_deployed {
            // What a pod would have mounted.
            for value in environment.values_mut() {
                if let Some(file) = value.strip_prefix(runtime::SECRETS_DIR) {
                    *value = format!("{}{file}", secrets.display());
                }
            }
        }
        let mut set = |name: &str, value: String| drop(environment.insert(name.into(), value));
        set("ORDERFLOW_GATEWAY_URL", run.gateway);
        if !is_deployed {
            set("ORDERFLOW_PARTNERS", self.dir.partners().display().to_string());
        }
        set("ORDERFLOW_SECRETS_DIR", secrets.display().to_string());
        set("ORDERFLOW_BIND", "127.0.0.1".to_owned());
        set("ORDERFLOW_PORT", "0".to_owned());
        set("ORDERFLOW_METRICS_PORT", "0".to_owned());
        // Nothing but the gateway here sends requests, and it knows at once who is gone.
        set("ORDERFLOW_GRACE_SECONDS", "0".to_owned());
        set("ORDERFLOW_DRAIN_SECONDS", "8".to_owned());
        let limit = function.as_ref().and_then(|entry| entry.spec.limits.get("memory"));
        if let Some(limit) = limit.and_then(|text| quantity::bytes(text)) {
            // What its pod would find as the limit of its control group.
            set("ORDERFLOW_MEMORY_MIB", (limit / 1024 / 1024).max(1).to_string());
        }
        // A function that comes back is seen by the connector after this time.
        set("ORDERFLOW_POLL_SECONDS", "1".to_owned());
        if name == "order-ingest" && !is_deployed {
            set("ORDERFLOW_OPEN_INGEST", "true".to_owned());
        }
        if name == "notifier" && !is_deployed {
            // Without a provider people see what customers would get. Only here: a pod keeps no files.
            for way in ["ORDERFLOW_SMTP_URL", "ORDERFLOW_SMS_URL"] {
                let url = environment.get_mut(way).filter(|url| *url == "none");
                if let (Some(url), Ok(root)) = (url, std::path::absolute(self.dir.root())) {
                    *url = format!("file://{}/outbox", root.display());
                }
            }
        }
        environment.extend(self.environment.clone());
        environment
    }

    /// A part runs.
    pub(crate) fn started(
        &self,
        name: &str,
        pid: u32,
        traffic: Option<SocketAddr>,
        metrics: Option<SocketAddr>,
    ) {
        let mut state = self.lock();
        let before = state.run.processes.get(name);
        let restarts = before.map_or(0, |process| process.restarts + 1);
        let process = Process { pid, traffic, metrics, restarts };
        state.run.processes.insert(name.to_owned(), process);
        self.tell(&state);
        // Last: what answers is in run.json.
        self.registry.set_address(name, traffic);
    }

    /// Writes what runs where. Under the lock, so that no older state replaces a newer one.
    fn tell(&self, state: &State) {
        if let Err(error) = self.dir.write_run(&state.run) {
            tracing::error!(error = format!("{error:#}"), "run.json is out of date");
        }
        if state.run.prometheus.is_some()
            && let Err(error) = prometheus::write_targets(&self.dir, &state.run)
        {
            tracing::error!(error = format!("{error:#}"), "Prometheus looks at old addresses");
        }
    }

    /// A part no longer runs.
    pub(crate) fn ended(&self, name: &str, reason: String) {
        self.registry.set_address(name, None);
        let mut state = self.lock();
        let failure = state.failures.entry(name.to_owned()).or_default();
        failure.0 += 1;
        failure.1 = reason;
    }

    /// A part was stopped and does not come back.
    pub(crate) fn gone(&self, name: &str) {
        let mut state = self.lock();
        state.failures.remove(name);
        if state.run.processes.remove(name).is_some() {
            self.tell(&state);
        }
    }

    /// Why a part ended the last time it ended by itself.
    pub(crate) fn failure(&self, name: &str) -> Option<String> {
        self.lock().failures.get(name).map(|(_, reason)| reason.clone())
    }

    /// How often a part has ended by itself.
    pub(crate) fn deaths(&self, name: &str) -> u32 {
        self.lock().failures.get(name).map_or(0, |(deaths, _)| *deaths)
    }

    pub(crate) fn run(&self) -> Run {
        self.lock().run.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
