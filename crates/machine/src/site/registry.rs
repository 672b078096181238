//! Which functions there are, and where each of them is now.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The one namespace.
pub(crate) const NAMESPACE: &str = "openfaas-fn";

/// The functions by name. `up` fills it from its stack; under `up --provider` it changes.
#[derive(Debug)]
pub(crate) struct Registry {
    functions: Mutex<BTreeMap<String, Arc<Entry>>>,
}

/// One function, as it was deployed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) spec: stack::Function,
    replicas: AtomicU64,
    /// Where its replicas are that answer, by the name of the part.
    addresses: Mutex<BTreeMap<String, SocketAddr>>,
    turn: AtomicUsize,
    invocations: AtomicU64,
}

/// The function whose replica this part is: the first is called as the function, the second
/// `NAME.2`. The name of a function has no dot.
pub(crate) fn function_of(part: &str) -> &str {
    part.split_once('.').map_or(part, |(name, _)| name)
}

impl Registry {
    /// All functions of `stack`, none of them reachable yet.
    pub(crate) fn new(stack: &stack::Stack) -> Self {
        let registry = Self { functions: Mutex::default() };
        for (name, spec) in &stack.functions {
            registry.put(name, spec.clone(), 1);
        }
        registry
    }

    /// Adds a function, or puts it in the place of the one of that name.
    pub(crate) fn put(&self, name: &str, spec: stack::Function, replicas: u64) {
        let mut functions = lock(&self.functions);
        let invocations = functions.get(name).map_or(0, |entry| entry.invocations());
        let entry = Entry {
            name: name.to_owned(),
            spec,
            replicas: AtomicU64::new(replicas),
            addresses: Mutex::default(),
            turn: AtomicUsize::new(0),
            invocations: AtomicU64::new(invocations),
        };
        functions.insert(name.to_owned(), Arc::new(entry));
    }

    pub(crate) fn remove(&self, name: &str) {
        lock(&self.functions).remove(name);
    }

    /// The function `NAME` or `NAME.openfaas-fn`.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Entry>> {
        let plain = name.strip_suffix(NAMESPACE).and_then(|n| n.strip_suffix('.'));
        lock(&self.functions).get(plain.unwrap_or(name)).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        lock(&self.functions).values().cloned().collect()
    }

    /// Tells where a part is now; nothing when it is not running.
    pub(crate) fn set_address(&self, part: &str, address: Option<SocketAddr>) {
        let Some(entry) = self.find(function_of(part)) else { return };
        let mut addresses = lock(&entry.addresses);
        match address {
            Some(address) => addresses.insert(part.to_owned(), address),
            None => addresses.remove(part),
        };
    }
}

impl Entry {
    /// One of its replicas that answer, each in its turn.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let addresses = lock(&self.addresses);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(addresses.len())?;
        addresses.values().nth(turn).copied()
    }

    /// How many there should be.
    pub(crate) fn replicas(&self) -> u64 {
        self.replicas.load(Ordering::Relaxed)
    }

    /// How many answer.
    pub(crate) fn available(&self) -> usize {
        lock(&self.addresses).len()
    }

    pub(crate) fn count(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
