//! Several `nats-server` processes that keep copies of the same streams, on loopback.

use crate::Error;
use crate::nats::{self, Member, Server};
use crate::port::{self, Port};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the members may take to agree on a leader.
const LEADER_SECONDS_MAX: u64 = 60;
/// How long a server may take to answer on its monitoring port.
const MONITOR_MAX: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// A running cluster; all members are killed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Server>,
    dir: PathBuf,
    /// Ports of routes and monitoring stay reserved while a member is down.
    _ports: Vec<Port>,
}

/// The settings of all members.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The program; `nats-server` from `PATH` when not given.
    pub binary: Option<&'a Path>,
    /// Number of members.
    pub count: usize,
    /// Sync each write to disk before it is confirmed; servers before 2.10 do not support this.
    pub sync_always: bool,
    /// Who may connect and do what, as in [`nats::Settings::users`].
    pub users: Option<&'a str>,
}

/// Starts the members under `dir` and waits until they have a leader to whom all are online. The folder of a member is
/// `dir/<its name>`.
///
/// # Errors
/// If a member does not start, or they have no leader within a minute.
pub fn start(dir: &Path, settings: Settings<'_>) -> Result<Cluster, Error> {
    start_members(dir, settings, None)
}

/// Called with the indexes of two members and the port on which the second listens; returns the port on
/// which the first connects to it.
pub type Through<'a> = dyn FnMut(usize, usize, u16) -> u16 + 'a;

/// Like [`start`], but each member reaches every other member through a separate port, chosen by
/// `through`.
///
/// # Errors
/// Like [`start`].
pub fn start_through(
    dir: &Path,
    settings: Settings<'_>,
    through: &mut Through<'_>,
) -> Result<Cluster, Error> {
    start_members(dir, settings, Some(through))
}

fn start_members(
    dir: &Path,
    settings: Settings<'_>,
    mut through: Option<&mut Through<'_>>,
) -> Result<Cluster, Error> {
    let Settings { binary, count, sync_always, users } = settings;
    let reserve = || (0..count).map(|_| port::reserve()).collect::<Result<Vec<Port>, Error>>();
    let (ports, monitors) = (reserve()?, reserve()?);
    let mut members = Vec::with_capacity(count);
    for (index, (own, monitor)) in ports.iter().zip(&monitors).enumerate() {
        let name = name(index);
        let is_hidden = through.is_some();
        let others = ports.iter().enumerate().filter(|(other, _)| *other != index);
        let routes = others.map(|(other, port)| match &mut through {
            Some(through) => through(index, other, port.number),
            None => port.number,
        });
        let member = Member {
            port: own.number,
            routes: routes.collect(),
            is_hidden,
            monitor: monitor.number,
            name: name.clone(),
        };
        let binary = binary.map(Path::to_owned);
        let settings = nats::Settings {
            binary,
            member: Some(member),
            sync_always,
            users: users.map(str::to_owned),
            ..nats::Settings::under(dir.join(name))
        };
        members.push(nats::start(settings)?);
    }
    let ports = ports.into_iter().chain(monitors).collect();
    let cluster = Cluster { members, dir: dir.to_owned(), _ports: ports };
    cluster.wait_for(Cluster::is_complete)?;
    Ok(cluster)
}

/// `nats-0`, like a pod of a stateful set.
fn name(index: usize) -> String {
    format!("nats-{index}")
}

impl Cluster {
    /// The addresses of all members, separated by commas.
    #[must_use]
    pub fn url(&self) -> String {
        self.members.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }

    /// The members, in the order of their names.
    #[must_use]
    pub fn members(&self) -> &[Server] {
        &self.members
    }

    /// The members, to kill, pause, upgrade and restart them.
    pub fn members_mut(&mut self) -> &mut [Server] {
        &mut self.members
    }

    /// The meta leader: the member that manages all streams. `None` while the members that answer do
    /// not agree on one that answers.
    #[must_use]
    pub fn meta_leader(&self) -> Option<usize> {
        let seen: Vec<Option<Value>> =
            self.members.iter().map(|member| member.monitor("/jsz")).collect();
        let mut named = seen
            .iter()
            .flatten()
            .map(|seen| self.index(seen.pointer("/meta_cluster/leader").unwrap_or(&Value::Null)));
        let leader = named.next()??;
        let agreed = named.all(|other| other == Some(leader));
        (agreed && seen.get(leader).is_some_and(Option::is_some)).then_some(leader)
    }

    /// The member that leads `stream` according to itself; `None` if there is none.
    #[must_use]
    pub fn stream_leader(&self, stream: &str) -> Option<usize> {
        self.members.iter().position(|member| {
            let view = member.monitoring().and_then(|monitor| monitor.view().ok());
            view.is_some_and(|view| view.leads.contains(stream))
        })
    }

    /// Waits until all running members report the same leader.
    ///
    /// # Errors
    /// If they do not within a minute.
    pub fn wait_for_leader(&self) -> Result<(), Error> {
        self.wait_for(|cluster| cluster.meta_leader().is_some())
    }

    /// Is there a leader to whom all others are online? It gives no stream to one that it has not heard of yet.
    fn is_complete(&self) -> bool {
        let seen = self.meta_leader().and_then(|leader| self.members.get(leader)?.monitor("/jsz"));
        let others =
            seen.as_ref().and_then(|seen| seen.pointer("/meta_cluster/replicas")?.as_array());
        let is_online = |other: &Value| {
            other.get("offline") != Some(&Value::Bool(true))
                && other.get("current") == Some(&Value::Bool(true))
        };
        others.is_some_and(|others| {
            others.len() + 1 == self.members.len() && others.iter().all(is_online)
        })
    }

    fn wait_for(&self, is: impl Fn(&Self) -> bool) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(LEADER_SECONDS_MAX);
        while !is(self) {
            if deadline <= Instant::now() {
                let dir = self.dir.clone();
                return Err(Error::NoLeader { seconds: LEADER_SECONDS_MAX, dir });
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn index(&self, leader: &Value) -> Option<usize> {
        let leader = leader.as_str()?;
        (0..self.members.len()).find(|&index| name(index) == leader)
    }
}

/// The monitoring port of a member (HTTP). It can be used while another thread holds the server.
#[derive(Clone, Debug)]
pub struct Monitor {
    name: String,
    port: u16,
}

/// What a member believes about itself. A member that is cut off still believes for some seconds that
/// it leads streams that others lead already.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Is it the meta leader?
    pub leads_all: bool,
    /// The streams that it leads.
    pub leads: BTreeSet<String>,
}

impl Monitor {
    /// Requests a path.
    ///
    /// # Errors
    /// If the member is down, or does not answer within two seconds.
    pub fn get(&self, path: &str) -> io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(MONITOR_MAX))?;
        // HTTP/1.0, so that the body is not chunked and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok(serde_json::from_str(body)?)
    }

    /// What the member leads.
    ///
    /// # Errors
    /// Like [`Monitor::get`].
    pub fn view(&self) -> io::Result<View> {
        let seen = self.get("/jsz?streams=true")?;
        let is_own = |leader: Option<&Value>| leader.and_then(Value::as_str) == Some(&self.name);
        let mut view =
            View { leads_all: is_own(seen.pointer("/meta_cluster/leader")), ..View::default() };
        let accounts = seen.get("account_details").and_then(Value::as_array);
        let streams = accounts
            .into_iter()
            .flatten()
            .filter_map(|account| account.get("stream_detail").and_then(Value::as_array));
        for stream in streams.flatten() {
            let Some(name) = stream.get("name").and_then(Value::as_str) else { continue };
            if is_own(stream.pointer("/cluster/leader")) {
                view.leads.insert(name.to_owned());
            }
        }
        Ok(view)
    }

    /// Does the member have all its data, as far as the other members have it?
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.get("/healthz")
            .is_ok_and(|seen| seen.get("status").and_then(Value::as_str) == Some("ok"))
    }
}

impl Server {
    /// The monitoring port, if this is a member of a cluster.
    #[must_use]
    pub fn monitoring(&self) -> Option<Monitor> {
        let member = self.home.member.as_ref()?;
        Some(Monitor { name: member.name.clone(), port: member.monitor })
    }

    /// The answer of the monitoring port; `None` if it does not answer.
    #[must_use]
    pub fn monitor(&self, path: &str) -> Option<Value> {
        self.monitoring()?.get(path).ok()
    }

    /// Deletes all stored data; only for a server that is not running.
    ///
    /// # Errors
    /// If the folder cannot be deleted.
    pub fn remove_store(&self) -> Result<(), Error> {
        let dir = &self.home.store_dir;
        std::fs::remove_dir_all(dir).map_err(Error::file("remove", dir))
    }
}
