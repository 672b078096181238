//! Threads that read blocks before it is known where their first records begin.

use crate::block::Block;
use crate::piece::{Guessed, Plan};
use crate::reader::Reader;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Blocks in progress or finished for each thread: enough that no thread waits for the others.
const BLOCKS_PER_THREAD: usize = 3;

/// The threads; they end on drop.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    block: Arc<Block>,
    answer: SyncSender<Option<Guessed>>,
}

/// A block that a thread is reading.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) block: Arc<Block>,
    answer: Receiver<Option<Guessed>>,
}

impl Pool {
    pub(crate) fn new(plan: &Arc<Plan>, threads: usize) -> Self {
        let (jobs, queue) = sync_channel::<Job>(threads * BLOCKS_PER_THREAD);
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..threads).map(|_| {
            let (queue, mut reader) = (queue.clone(), Reader::new(plan.clone()));
            thread::spawn(move || work(&queue, &mut reader))
        });
        Self { jobs: Some(jobs), threads: threads.collect() }
    }

    /// Most blocks in progress at once; more would only use memory.
    pub(crate) fn blocks_max(&self) -> usize {
        self.threads.len() * BLOCKS_PER_THREAD
    }

    /// Passes a block to one of the threads.
    pub(crate) fn read(&self, block: Block) -> Pending {
        let (answer, receiver) = sync_channel(1);
        let block = Arc::new(block);
        let job = Job { block: block.clone(), answer };
        let jobs = self.jobs.as_ref().expect("only dropping takes it");
        jobs.send(job).expect("a thread ends only when no jobs can come");
        Pending { block, answer: receiver }
    }
}

impl Pending {
    /// Waits for the piece read from the guessed position, if there is one.
    pub(crate) fn wait(self) -> (Arc<Block>, Option<Guessed>) {
        let piece = self.answer.recv().expect("every job is answered");
        (self.block, piece)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // The caller that waited for its answer has noticed a panicked thread.
            drop(thread.join());
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>, reader: &mut Reader) {
    loop {
        // The lock is held while waiting; other threads would wait for the same queue anyway.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, answer }) = job else { return };
        // Nothing waits for the answer any more if the file was given up.
        drop(answer.send(reader.read_ahead(&block)));
    }
}
