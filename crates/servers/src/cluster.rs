//! Several `nats-server`s that keep copies of the same streams, on loopback.

use crate::Error;
use crate::nats::{self, Member, Server, Settings};
use crate::port::{self, Port};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long they may take to agree on a leader.
const LEADER_SECONDS_MAX: u64 = 60;
/// How long a server may take to tell how it is.
const MONITOR_MAX: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// A running cluster; all members are killed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Server>,
    dir: PathBuf,
    /// Ports of routes and monitors stay ours while a member is down.
    _ports: Vec<Port>,
}

/// Starts `count` members under `dir`, and waits until they have a leader. `binary` as in
/// [`Settings`]. A member's folder is `dir/<its name>`.
///
/// # Errors
/// A member does not start, or they find no leader within a minute.
pub fn start(
    dir: &Path,
    binary: Option<&Path>,
    count: usize,
    sync_always: bool,
) -> Result<Cluster, Error> {
    let reserve = || (0..count).map(|_| port::reserve()).collect::<Result<Vec<Port>, Error>>();
    let (routes, monitors) = (reserve()?, reserve()?);
    let mut members = Vec::with_capacity(count);
    for (index, (own, monitor)) in routes.iter().zip(&monitors).enumerate() {
        let name = name(index);
        let member = Member {
            port: own.number,
            routes: routes.iter().map(|p| p.number).filter(|&p| p != own.number).collect(),
            monitor: monitor.number,
            name: name.clone(),
        };
        let binary = binary.map(Path::to_owned);
        let settings = Settings {
            binary,
            member: Some(member),
            sync_always,
            ..Settings::under(dir.join(name))
        };
        members.push(nats::start(settings)?);
    }
    let ports = routes.into_iter().chain(monitors).collect();
    let cluster = Cluster { members, dir: dir.to_owned(), _ports: ports };
    cluster.wait_for_leader()?;
    Ok(cluster)
}

/// `nats-0`, as a pod of a stateful set is named.
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

    /// The member that decides which streams there are. Nothing while the members that answer do not
    /// agree on one that answers.
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

    /// The member that leads `stream`, as the members themselves say; nothing while none does.
    #[must_use]
    pub fn stream_leader(&self, stream: &str) -> Option<usize> {
        self.members.iter().position(|member| {
            let Some(seen) = member.monitor("/jsz?streams=true") else { return false };
            let named = seen.pointer("/account_details").and_then(Value::as_array);
            let streams = named
                .into_iter()
                .flatten()
                .filter_map(|account| account.get("stream_detail").and_then(Value::as_array));
            streams.flatten().any(|detail| {
                detail.get("name").and_then(Value::as_str) == Some(stream)
                    && self.index(detail.pointer("/cluster/leader").unwrap_or(&Value::Null))
                        == self.index_of(member)
            })
        })
    }

    /// Waits until all running members see the same leader.
    ///
    /// # Errors
    /// They do not within a minute.
    pub fn wait_for_leader(&self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(LEADER_SECONDS_MAX);
        while self.meta_leader().is_none() {
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

    fn index_of(&self, member: &Server) -> Option<usize> {
        self.members.iter().position(|other| other.port() == member.port())
    }
}

impl Server {
    /// What a member of a cluster tells on its monitoring port; nothing when it does not answer.
    #[must_use]
    pub fn monitor(&self, path: &str) -> Option<Value> {
        let port = self.home.member.as_ref()?.monitor;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(MONITOR_MAX)).ok()?;
        // HTTP/1.0, so that the body comes as it is and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Removes all that it stored; for a server that is down.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn remove_store(&self) -> Result<(), Error> {
        let dir = &self.home.store_dir;
        std::fs::remove_dir_all(dir).map_err(Error::file("remove", dir))
    }
}
