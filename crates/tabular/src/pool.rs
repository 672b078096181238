//! Threads that read blocks before it is known where their first record begins.

use crate::block::Block;
use crate::piece::{Guessed, Plan};
use crate::reader::Reader;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Blocks that are in work or done for each thread: enough that none waits for the others.
const BLOCKS_PER_THREAD: usize = 3;

/// The threads. They end when it is dropped.
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

/// A block that a thread reads.
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

    /// How many blocks may be out at once; more would only take memory.
    pub(crate) fn blocks_max(&self) -> usize {
        self.threads.len() * BLOCKS_PER_THREAD
    }

    /// Gives a block to one of the threads.
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
    /// What was read from where a record was guessed to begin, if anywhere. Waits.
    pub(crate) fn wait(self) -> (Arc<Block>, Option<Guessed>) {
        let piece = self.answer.recv().expect("every job is answered");
        (self.block, piece)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked was noticed by who waited for its answer.
            drop(thread.join());
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>, reader: &mut Reader) {
    loop {
        // The lock is held while waiting: the others would wait for the same.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, answer }) = job else { return };
        // Nobody waits any more when the file was given up.
        drop(answer.send(reader.read_ahead(&block)));
    }
}
