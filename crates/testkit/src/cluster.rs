//! A cluster of three real `nats-server`s.

use crate::lock;
use crate::proxy::Proxy;
use crate::users::{self, Refusals};
use anyhow::{Context as _, Result};
use messaging::rights::Rights;
use servers::cluster::{Monitor, Settings};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Number of members.
const MEMBERS: usize = 3;

/// A cluster with its own ports and stores; killed when dropped.
#[derive(Debug)]
pub struct Cluster {
    /// Declared first: it reads the logs before they are deleted.
    refusals: Option<Refusals>,
    // Declared before `dir`, so that it is killed before its files are removed.
    cluster: Mutex<servers::cluster::Cluster>,
    /// The routes in both directions.
    routes: Vec<Route>,
    dir: PathBuf,
    /// Deleted on drop.
    _temporary: Option<tempfile::TempDir>,
}

/// The route from one member to another.
#[derive(Debug)]
struct Route {
    from: usize,
    to: usize,
    proxy: Proxy,
}

impl Cluster {
    /// Starts three members in a temporary folder and waits until they have a leader. The program is
    /// the one in the environment variable `NATS_SERVER_BIN`, else `nats-server` from `PATH`.
    ///
    /// # Panics
    /// If a member does not start, or they have no leader.
    #[must_use]
    pub fn start() -> Self {
        Self::of(crate::nats_server_bin().as_deref())
    }

    /// Like [`Self::start`], with this program.
    ///
    /// # Panics
    /// If a member does not start, or they have no leader.
    #[must_use]
    pub fn of(binary: Option<&Path>) -> Self {
        Self::with_users(binary, None)
    }

    /// Like [`Self::start`], with users as in [`crate::nats::Server::with_rights`].
    ///
    /// # Panics
    /// If a member does not start, or they have no leader; when dropped, as there.
    #[must_use]
    pub fn with_rights(name: &str, rights: &Rights) -> Self {
        Self::of_with_rights(crate::nats_server_bin().as_deref(), name, rights)
    }

    /// Like [`Self::with_rights`], with this program.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn of_with_rights(binary: Option<&Path>, name: &str, rights: &Rights) -> Self {
        Self::with_users(binary, Some(&users::authorization(name, rights)))
    }

    fn with_users(binary: Option<&Path>, users: Option<&str>) -> Self {
        let temporary = crate::temp_dir();
        let dir = temporary.path().to_owned();
        let settings = Settings { binary, count: MEMBERS, sync_always: false, users };
        let cluster = servers::cluster::start(&dir, settings);
        let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
        let logs = || cluster.members().iter().map(servers::nats::Server::log).collect();
        let refusals = users.map(|_| Refusals::of(logs()));
        let cluster = Mutex::new(cluster);
        Self { refusals, cluster, routes: Vec::new(), dir, _temporary: Some(temporary) }
    }

    /// Starts three members under `dir`, which is kept, with a fault proxy on every route between two
    /// of them. The proxies end together with the tokio runtime of the caller.
    ///
    /// # Errors
    /// If a member does not start, or they have no leader.
    pub async fn with_proxies(
        dir: &Path,
        binary: Option<&Path>,
        sync_always: bool,
    ) -> Result<Self> {
        let mut routes = Vec::new();
        for (from, to) in (0..MEMBERS).flat_map(|from| (0..MEMBERS).map(move |to| (from, to))) {
            if from != to {
                routes.push(Route { from, to, proxy: Proxy::start().await? });
            }
        }
        let (dir, binary) = (dir.to_owned(), binary.map(Path::to_owned));
        let started = tokio::task::spawn_blocking(move || {
            let binary = binary.as_deref();
            let settings = Settings { binary, count: MEMBERS, sync_always, users: None };
            let cluster = servers::cluster::start_through(&dir, settings, &mut |from, to, port| {
                let route = routes.iter().find(|route| (route.from, route.to) == (from, to));
                let proxy = &route.expect("there is one for each two").proxy;
                proxy.set_upstream(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                proxy.address().port()
            });
            cluster.map(|cluster| (cluster, routes, dir))
        });
        let (cluster, routes, dir) = started.await.context("starting the cluster panicked")??;
        let cluster = Mutex::new(cluster);
        Ok(Self { refusals: None, cluster, routes, dir, _temporary: None })
    }

    /// The addresses of all members, separated by commas; where there are users, with the login of the
    /// administrator.
    #[must_use]
    pub fn url(&self) -> String {
        self.login(&self.members().url(), None)
    }

    /// The same with the login of a user.
    #[must_use]
    pub fn url_of(&self, user: &str) -> String {
        self.login(&self.members().url(), Some(user))
    }

    /// The addresses of all members but this one, with the login of a user or of the administrator.
    #[must_use]
    pub fn url_without(&self, member: usize, user: Option<&str>) -> String {
        let members = self.members();
        let others = members.members().iter().enumerate().filter(|(index, _)| *index != member);
        let urls: Vec<_> = others.map(|(_, member)| member.url()).collect();
        self.login(&urls.join(","), user)
    }

    fn login(&self, url: &str, user: Option<&str>) -> String {
        if self.refusals.is_some() { users::login(url, user) } else { url.to_owned() }
    }

    /// Folder with the members' configurations, logs and stores.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The members, to inspect, kill, suspend and restart them. All calls block.
    pub fn members(&self) -> MutexGuard<'_, servers::cluster::Cluster> {
        lock(&self.cluster)
    }

    /// Calls `act` with the members from an async task.
    ///
    /// # Errors
    /// The error of `act`.
    pub async fn act<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut servers::cluster::Cluster) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || act(&mut this.members()));
        done.await.context("it panicked")?
    }

    /// The monitoring port of each member; can be used while [`Cluster::members`] is locked.
    #[must_use]
    pub fn monitors(&self) -> Vec<Monitor> {
        self.members().members().iter().filter_map(servers::nats::Server::monitoring).collect()
    }

    /// Isolates this member from all others, or reconnects all: connections between members stay open,
    /// but nothing passes. Clients stay connected. Has no effect without proxies.
    pub fn isolate(&self, member: Option<usize>) {
        for route in &self.routes {
            route.proxy.set_cut([route.from, route.to].map(Some).contains(&member));
        }
    }

    /// The proxies between the members.
    pub fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.routes.iter().map(|route| &route.proxy)
    }
}
