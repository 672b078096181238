//! Functions that are deployed while `up --provider` runs: each replica is a process of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use stack::{Function, catalogue, users};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outside;
use super::state::Site;
use super::supervise::keep;
use crate::dir::write_atomic;

/// As in OpenFaaS CE.
pub(crate) const REPLICAS_MAX: u64 = 5;
/// As in OpenFaaS CE.
const FUNCTIONS_MAX: usize = 15;

/// What is deployed. It outlasts `up`, as it outlasts a restart of a cluster's provider.
#[derive(Debug)]
pub(crate) struct Deployments {
    site: Arc<Site>,
    running: Mutex<BTreeMap<&'static str, Replicas>>,
}

/// The processes of a function.
#[derive(Debug, Default)]
struct Replicas {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    parts: Vec<String>,
}

/// A deployment as it is kept on disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    replicas: u64,
    spec: Function,
}

/// Why a function is not deployed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error("image {image:?} is not one of this program; it has {known}")]
    Image { image: String, known: String },
    #[error("image {image:?} is the function {function}, and runs here under that name only")]
    Name { image: String, function: &'static str },
    #[error("secret {0:?} does not exist; create it first")]
    Secret(String),
    #[error("{0} replicas; there are 0 to {REPLICAS_MAX}")]
    Replicas(u64),
    #[error("{FUNCTIONS_MAX} functions are deployed already")]
    Full,
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("no function {0:?}")]
    Unknown(String),
}

impl Deployments {
    /// Starts what was deployed before.
    pub(crate) async fn open(site: Arc<Site>) -> Result<Self> {
        let deployments = Self { site, running: Mutex::default() };
        for name in catalogue::NAMES {
            let path = deployments.file(name);
            let Ok(text) = std::fs::read(&path) else { continue };
            let kept: Kept = serde_json::from_slice(&text)
                .with_context(|| format!("{} is not a deployment", path.display()))?;
            deployments.put(name, kept.spec, kept.replicas).await?;
        }
        Ok(deployments)
    }

    /// Deploys a function, or puts it in the place of the one of that name, which has then ended.
    pub(crate) async fn put(
        &self,
        name: &str,
        spec: Function,
        replicas: u64,
    ) -> Result<(), DeployError> {
        let name = function_of_image(name, &spec.image)?;
        if REPLICAS_MAX < replicas {
            return Err(DeployError::Replicas(replicas));
        }
        let mut running = self.running.lock().await;
        if !running.contains_key(name) && FUNCTIONS_MAX <= running.len() {
            return Err(DeployError::Full);
        }
        self.lay_out_secrets(name, &spec)?;
        self.remember(name, &Kept { replicas, spec: spec.clone() })?;
        if let Some(before) = running.remove(name) {
            self.end(before).await;
        }
        self.site.registry.put(name, spec, replicas);
        running.insert(name, self.start(name, replicas));
        Ok(())
    }

    /// Starts or stops replicas of a function.
    pub(crate) async fn scale(&self, name: &str, replicas: u64) -> Result<(), DeployError> {
        let entry = self.site.registry.find(name);
        let entry = entry.ok_or_else(|| DeployError::Unknown(name.to_owned()))?;
        if entry.replicas() == replicas {
            return Ok(());
        }
        self.put(name, entry.spec.clone(), replicas).await
    }

    /// Ends a function and forgets it.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), DeployError> {
        let mut running = self.running.lock().await;
        let Some((name, replicas)) = running.remove_entry(name) else {
            return Err(DeployError::Unknown(name.to_owned()));
        };
        self.site.registry.remove(name);
        self.end(replicas).await;
        // It may have been removed by hand.
        drop(std::fs::remove_dir_all(self.site.dir.deployment(name)));
        Ok(())
    }

    /// Ends all processes; what is deployed stays so.
    pub(crate) async fn stop(&self) {
        for (_, replicas) in std::mem::take(&mut *self.running.lock().await) {
            self.end(replicas).await;
        }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    fn start(&self, name: &'static str, replicas: u64) -> Replicas {
        let mut started = Replicas::default();
        for number in 1..=replicas {
            let part = if number == 1 { name.to_owned() } else { format!("{name}.{number}") };
            started.parts.push(part.clone());
            let (site, stop) = (Arc::clone(&self.site), started.stop.clone());
            started.tasks.spawn(async move {
                let (own, ended) = (Arc::clone(&site), stop.clone());
                let life = || {
                    outside::process(
                        own.clone(),
                        part.clone(),
                        vec!["function", name],
                        ended.clone(),
                    )
                };
                keep(site, &part, stop, life).await;
            });
        }
        started
    }

    async fn end(&self, mut replicas: Replicas) {
        // Nothing is sent to it from now on.
        for part in &replicas.parts {
            self.site.registry.set_address(part, None);
        }
        replicas.stop.cancel();
        while let Some(ended) = replicas.tasks.join_next().await {
            if ended.is_err() {
                tracing::error!("a replica panicked");
            }
        }
        for part in &replicas.parts {
            self.site.gone(part);
        }
    }

    /// The folder that is the function's `/var/openfaas/secrets`: what its list names, and the password of its
    /// user of NATS, which lists of 0.1.0 do not name.
    fn lay_out_secrets(&self, name: &str, spec: &Function) -> Result<(), DeployError> {
        let dir = self.site.dir.deployment_secrets(name);
        let lay_out = || {
            drop(std::fs::remove_dir_all(&dir));
            std::fs::create_dir_all(&dir)?;
            let own = users::secret(name);
            let own = Some(&own).filter(|own| !spec.secrets.contains(own));
            for secret in spec.secrets.iter().chain(own) {
                std::os::unix::fs::symlink(self.site.dir.secrets().join(secret), dir.join(secret))?;
            }
            Ok(())
        };
        for secret in &spec.secrets {
            if secret.contains('/') || !self.site.dir.secrets().join(secret).is_file() {
                return Err(DeployError::Secret(secret.clone()));
            }
        }
        lay_out().map_err(|source| DeployError::Write { path: dir.clone(), source })
    }

    fn remember(&self, name: &str, kept: &Kept) -> Result<(), DeployError> {
        let path = self.file(name);
        let text = serde_json::to_vec_pretty(kept).expect("its keys are strings");
        write_atomic(&path, &text, 0o600)
            .map_err(|error| DeployError::Write { path, source: io::Error::other(error) })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.site.dir.deployment(name).join("deployment.json")
    }
}

/// The function that an image is: the last part of its name.
fn function_of_image(name: &str, image: &str) -> Result<&'static str, DeployError> {
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split(['@', ':']).next().unwrap_or(last);
    let Some(function) = catalogue::find(last) else {
        let known = catalogue::NAMES.join(", ");
        return Err(DeployError::Image { image: image.to_owned(), known });
    };
    if function != name {
        return Err(DeployError::Name { image: image.to_owned(), function });
    }
    Ok(function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_last_part_of_its_name() {
        for image in
            ["order-ingest", "ghcr.io/a/order-ingest:1", "localhost:5000/order-ingest@sha256:1"]
        {
            assert_eq!(
                function_of_image("order-ingest", image).unwrap(),
                "order-ingest",
                "{image}"
            );
        }
        for (name, image, expected) in [
            ("order-ingest", "ghcr.io/openfaas/figlet:latest", "is not one of this program"),
            ("order-ingest", "", "is not one of this program"),
            ("ingest", "order-ingest:1", "under that name only"),
        ] {
            let error = function_of_image(name, image).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
