//! Limits the memory of the files in work: together they stay within the limit, and the file that began
//! first always continues.
//!
//! How much memory a file needs is known only after it was read, in particular for packed files. So
//! each file reports what it has used so far. If the sum is too large, a file is given up and begins
//! again later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of any file: the blocks of each worker, and a session with its server.
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

/// The files in work use all the memory, and others began before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory is free: other files are being processed")]
pub(crate) struct Full;

/// The memory of one file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    number: u64,
}

impl Memory {
    /// Creates a limit for all files together. A single file may use more: the most that one file can
    /// use is limited elsewhere.
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, taken: Mutex::default() })
    }

    /// Begins a file.
    ///
    /// # Errors
    /// If the other files leave no memory.
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
    /// Reports that the file uses `bytes` now.
    ///
    /// # Errors
    /// If this is too much together with the other files: the file must be given up and come again.
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
    fn the_first_file_continues_and_the_others_if_there_is_memory() {
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
