//! Limits sessions: no server gets too many at once, and a server that hangs does not block others.

use domain::PartnerId;
use intake::access::Account;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most sessions with one server at once: OpenSSH begins to refuse connections when ten have not logged
/// in yet.
const A_SERVER_MAX: usize = 8;
/// Most sessions at once. A session that hangs keeps its thread until its time-out.
const ALL_MAX: usize = 128;

/// Host and port.
type Address = (String, u16);

/// State that outlasts a check: sessions that hang, and when each partner was last checked.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    servers: Mutex<HashMap<Address, Arc<Semaphore>>>,
    /// The number of the current check, and that of the last check of each partner.
    looked: Mutex<(u64, HashMap<PartnerId, u64>)>,
}

/// A place for one session, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// Kept only so that they are released on drop.
    _places: [OwnedSemaphorePermit; 2],
}

/// The partners of one server; those that have waited longest come first.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) server: Arc<Semaphore>,
    pub(crate) accounts: Vec<Arc<Account>>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        let all = Arc::new(Semaphore::new(ALL_MAX));
        Self { all, servers: Mutex::default(), looked: Mutex::default() }
    }

    /// Begins a check; returns its partners by server.
    pub(crate) fn begin(&self, accounts: &BTreeMap<PartnerId, Arc<Account>>) -> Vec<Queue> {
        let mut by_server = BTreeMap::<Address, Vec<Arc<Account>>>::new();
        for account in accounts.values() {
            let address = (account.sftp.host.clone(), account.sftp.port);
            by_server.entry(address).or_default().push(account.clone());
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.0 += 1;
        looked.1.retain(|partner, _| accounts.contains_key(partner));
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        // Removes servers without partners, unless a session still hangs there.
        servers.retain(|address, places| {
            by_server.contains_key(address) || places.available_permits() < A_SERVER_MAX
        });
        let queue = |(address, mut accounts): (Address, Vec<Arc<Account>>)| {
            accounts.sort_by_key(|account| looked.1.get(&account.partner).copied());
            let places = servers.entry(address);
            let server = places.or_insert_with(|| Arc::new(Semaphore::new(A_SERVER_MAX))).clone();
            Queue { server, accounts }
        };
        by_server.into_iter().map(queue).collect()
    }

    /// Waits for a place at a server.
    pub(crate) async fn place(&self, server: &Arc<Semaphore>) -> Place {
        // The server's place first: a task that waits for it must not take one of all places.
        let server = server.clone().acquire_owned().await;
        let all = self.all.clone().acquire_owned().await;
        let open = "nobody closes the semaphore";
        Place { _places: [server.expect(open), all.expect(open)] }
    }

    /// Notes that the partner was checked in this check.
    pub(crate) fn had(&self, partner: &PartnerId) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let check = looked.0;
        looked.1.insert(partner.clone(), check);
    }
}
