//! Memory for the files in work: together they stay within what the process may have, and the one
//! that began first always goes on.
//!
//! How much a file takes is known only when it was read, packed ones above all. So each says what it
//! has taken so far, and where that is too much in sum, it is given up and begun anew later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a file takes whatever is in it: blocks of each worker, and a session with its server.
const FILE_BYTES: usize = 8 << 20;

/// The memory of all files in work.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Bytes of each file, in the order in which they began.
    of: BTreeMap<u64, usize>,
    next: u64,
}

/// The files in work take all the memory there is, and others began before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("other files in work take the memory that there is")]
pub(crate) struct Full;

/// What one file takes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    number: u64,
}

impl Memory {
    /// For files that take `bytes_max` together. One alone may take more: what a file may take at
    /// most is bounded elsewhere.
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, taken: Mutex::default() })
    }

    /// Begins with a file.
    ///
    /// # Errors
    /// The others leave no room.
    pub(crate) fn share(self: &Arc<Self>) -> Result<Arc<Share>, Full> {
        let number = {
            let mut taken = self.lock();
            taken.next += 1;
            taken.next
        };
        let share = Share { memory: self.clone(), number };
        share.takes(0)?;
        Ok(Arc::new(share))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Says that what was read of the file takes `bytes` now.
    ///
    /// # Errors
    /// That is too much beside the others: the file is to be given up, and to come again.
    pub(crate) fn takes(&self, bytes: usize) -> Result<(), Full> {
        let mut taken = self.memory.lock();
        taken.of.insert(self.number, FILE_BYTES + bytes);
        let is_first = taken.of.keys().next() == Some(&self.number);
        if is_first || taken.of.values().sum::<usize>() <= self.memory.bytes_max {
            Ok(())
        } else {
            Err(Full)
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.lock().of.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_began_first_goes_on_and_the_others_as_far_as_there_is_room() {
        let memory = Memory::new(100 << 20);
        let [first, second] = [memory.share().unwrap(), memory.share().unwrap()];
        second.takes(84 << 20).unwrap();
        second.takes(85 << 20).unwrap_err();
        second.takes(20 << 20).unwrap();
        first.takes(500 << 20).unwrap();
        second.takes(20 << 20).unwrap_err();
        memory.share().unwrap_err();
        drop(first);
        second.takes(500 << 20).unwrap();
        drop(second);
        memory.share().unwrap().takes(101 << 20).unwrap();
        assert_eq!(memory.lock().of.len(), 0, "what is dropped takes nothing");
    }
}
