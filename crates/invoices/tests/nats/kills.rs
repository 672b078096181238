//! Processes that are killed, and replicas that issue at once.

use crate::world::{World, sales, warehouse};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use invoices::Invoices;
use messaging::publish::Outgoing;
use messaging::subject;
use state::journal::{Answer, Appended, Journal, Log, LogError, Message, NatsLog};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A log whose process is killed at one of its steps, before or after what it does there.
#[derive(Clone)]
struct Killed {
    log: Arc<NatsLog>,
    /// Steps that are still done.
    left: Arc<AtomicUsize>,
    after: bool,
    dead: Arc<Notify>,
}

impl Killed {
    async fn step<T>(&self, what: impl Future<Output = T>) -> T {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
            Ok(_) => what.await,
            Err(_) => {
                if self.after {
                    what.await;
                }
                self.dead.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl Log for Killed {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        self.step(self.log.append(expected, entry)).await
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        Box::pin(self.step(self.log.read(again, from, each))).await
    }

    async fn publish(&self, mut facts: Vec<Outgoing>) -> Result<(), LogError> {
        // One after the other: a process may end between any two.
        let last = facts.split_off(facts.len().saturating_sub(1));
        self.step(self.log.publish(facts)).await?;
        self.step(self.log.publish(last)).await
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        self.log.keeps(subject).await
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.step(self.log.load()).await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        self.log.save(sequence, snapshot).await
    }

    fn message_bytes_max(&self) -> usize {
        self.log.message_bytes_max()
    }

    fn new_id(&self) -> String {
        self.log.new_id()
    }

    fn now(&self) -> DateTime<Utc> {
        self.log.now()
    }
}

#[tokio::test]
async fn each_sale_has_one_invoice_whichever_step_a_process_is_killed_at() {
    let world = World::with(3).await;
    let mut steps = 0;
    for at in 0.. {
        let mut survived = false;
        for after in [false, true] {
            let of = warehouse(&format!("killed-{at}-{after}"));
            let events = sales(&of, 3);
            let (left, dead) = (Arc::new(AtomicUsize::new(at)), Arc::new(Notify::new()));
            let log = Arc::new(world.log(&of));
            let killed = Killed { log, left, after, dead: Arc::clone(&dead) };
            let journal =
                Journal::new(subject::invoices_journal(&of), Invoices::new(of.clone()), killed);
            // Two entries: what the second needs of the first is tried as well.
            survived = tokio::select! {
                answer = world.issue(&journal, &of, &events, 2) => answer == Answer::To(3),
                () = dead.notified() => false,
            };
            drop(journal);
            // The connector sends the same again, to the next process.
            let next = invoices::journal(&world.nats, &of);
            assert_eq!(world.issue(&next, &of, &events, 2).await, Answer::To(3), "{of}");
            world.check(&of, 3).await;
        }
        if survived {
            steps = at;
            break;
        }
    }
    assert_eq!(steps, 8, "load, read, and twice append and two parts of the facts");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_at_once_issue_each_invoice_once() {
    const ORDERS: u64 = 40;
    let world = Arc::new(World::with(ORDERS).await);
    let of = warehouse("race");
    let replicas: Vec<_> = [1, 3, 7]
        .into_iter()
        .map(|at_once| {
            let (world, of) = (Arc::clone(&world), of.clone());
            tokio::spawn(async move {
                let events = sales(&of, ORDERS);
                let replica = invoices::journal(&world.nats, &of);
                world.issue(&replica, &of, &events, at_once).await
            })
        })
        .collect();
    for replica in replicas {
        assert_eq!(replica.await.unwrap(), Answer::To(ORDERS));
    }
    world.check(&of, ORDERS).await;
}
