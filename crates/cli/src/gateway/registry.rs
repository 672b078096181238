//! Which functions there are, and where each of them is now.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::stack;

/// The functions by name. Names never change while it lives, addresses do.
#[derive(Debug)]
pub(crate) struct Registry {
    functions: BTreeMap<String, Arc<Entry>>,
}

/// One function.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) name: String,
    pub(super) spec: stack::Function,
    address: Mutex<Option<SocketAddr>>,
    invocations: AtomicU64,
}

impl Registry {
    /// All functions of `stack`, none of them reachable yet.
    pub(crate) fn new(stack: &stack::Stack) -> Self {
        let entry = |(name, spec): (&String, &stack::Function)| {
            let entry = Entry {
                name: name.clone(),
                spec: spec.clone(),
                address: Mutex::new(None),
                invocations: AtomicU64::new(0),
            };
            (name.clone(), Arc::new(entry))
        };
        Self { functions: stack.functions.iter().map(entry).collect() }
    }

    /// The function `NAME` or `NAME.openfaas-fn`.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        let plain = name.strip_suffix(super::system::NAMESPACE).and_then(|n| n.strip_suffix('.'));
        self.functions.get(plain.unwrap_or(name))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.functions.values().map(AsRef::as_ref)
    }

    /// Tells where a function is now; nothing when it is not running.
    pub(crate) fn set_address(&self, name: &str, address: Option<SocketAddr>) {
        if let Some(entry) = self.functions.get(name) {
            *entry.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
        }
    }
}

impl Entry {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }
}
