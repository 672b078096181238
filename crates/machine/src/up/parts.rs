//! What runs between the servers and the gateway, and in which order it ends.

use std::sync::Arc;

use stack::catalogue;
use stack::schedule::Schedule;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{inside, schedules};
use crate::gateway;
use crate::site::{Deployments, Site, keep, process};

/// The connector's name in `run.json` and of its log.
pub(crate) const CONNECTOR: &str = "connector";

/// Running parts: those that call come first when it ends.
pub(crate) struct Parts {
    groups: [Group; 3],
    deployments: Option<Arc<Deployments>>,
}

#[derive(Default)]
struct Group {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Parts {
    /// Starts the gateway, all functions, the connector and the schedules.
    pub(crate) fn start(
        site: &Arc<Site>,
        listener: TcpListener,
        schedules: Vec<(String, Schedule)>,
        processes: bool,
        deployments: Option<Arc<Deployments>>,
    ) -> Self {
        let [mut callers, mut functions, mut face] = <[Group; 3]>::default();
        let (registry, changes) = (Arc::clone(&site.registry), deployments.clone());
        let (limits, stop) = (gateway::Limits::default(), face.stop.clone());
        face.tasks.spawn(gateway::serve(listener, registry, changes, limits, stop));
        for name in catalogue::NAMES {
            if !site.stack.functions.contains_key(name) {
                continue;
            }
            if processes {
                functions.process(site, name, &["function", name]);
            } else {
                functions.task(site, name, inside::function);
            }
        }
        if processes {
            callers.process(site, CONNECTOR, &[CONNECTOR]);
        } else {
            callers.task(site, CONNECTOR, inside::connector);
        }
        let gateway = site.run().gateway;
        let memory = schedules::Memory::open(site.dir.schedules());
        callers.tasks.spawn(schedules::run(schedules, gateway, memory, callers.stop.clone()));
        Self { groups: [callers, functions, face], deployments }
    }

    /// Ends everything, each group after the one before has ended.
    pub(crate) async fn stop(self) {
        let [callers, functions, face] = self.groups;
        callers.end().await;
        if let Some(deployments) = self.deployments {
            deployments.stop().await;
        }
        functions.end().await;
        face.end().await;
    }
}

impl Group {
    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_err() {
                tracing::error!("a part panicked");
            }
        }
    }

    fn task<F>(
        &mut self,
        site: &Arc<Site>,
        name: &'static str,
        life: fn(Arc<Site>, &'static str, CancellationToken) -> F,
    ) where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (own, stop) = (Arc::clone(site), self.stop.clone());
        self.tasks.spawn(keep(Arc::clone(site), name, self.stop.clone(), move || {
            inside::caught(tokio::spawn(life(Arc::clone(&own), name, stop.clone())))
        }));
    }

    fn process(&mut self, site: &Arc<Site>, name: &'static str, args: &[&'static str]) {
        let (own, stop) = (Arc::clone(site), self.stop.clone());
        let args = args.to_vec();
        self.tasks.spawn(keep(Arc::clone(site), name, self.stop.clone(), move || {
            process(Arc::clone(&own), name.to_owned(), args.clone(), stop.clone())
        }));
    }
}
