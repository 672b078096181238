//! A store in memory, whose clients take one step at a time, and may be killed or hear nothing.

use bytes::Bytes;
use messaging::publish::{Outgoing, Published};
use messaging::streams::identity::Identity;
use messaging::subject::matches;
use state::wire::{Each, End, Message, Unclear, Wire};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What happens to one step of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is killed before.
    KilledBefore,
    /// It is killed when the step is done.
    KilledAfter,
    /// The step is done, and it does not hear so.
    AnswerLost,
    /// It hears nothing, and the step is done later.
    Late,
}

pub(crate) const FAULTS: [Fault; 4] =
    [Fault::KilledBefore, Fault::KilledAfter, Fault::AnswerLost, Fault::Late];

#[derive(Debug, Default)]
pub(crate) struct Store {
    last: u64,
    /// What stands there now: streams share their sequences here.
    messages: Vec<Message>,
    /// All that was ever stored.
    pub(crate) history: Vec<Message>,
    late: Vec<(Outgoing, u64)>,
}

impl Store {
    fn standing(&self, subject: &str) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.subject == subject)
    }

    pub(crate) fn put(&mut self, message: &Outgoing, expected: u64) -> Published {
        let standing = self.standing(&message.subject).map_or(0, |message| message.sequence);
        if standing != expected {
            return Published::Occupied;
        }
        self.last += 1;
        let (subject, payload) = (message.subject.clone(), message.payload.clone());
        let deleted = message.headers.get("KV-Operation").is_some();
        if subject.starts_with("$KV.") {
            self.messages.retain(|message| message.subject != subject);
        }
        let stored = Message { sequence: self.last, subject, payload, deleted };
        self.messages.push(stored.clone());
        self.history.push(stored);
        Published::Stored(self.last)
    }

    pub(crate) fn land(&mut self) {
        for (message, expected) in std::mem::take(&mut self.late) {
            self.put(&message, expected);
        }
    }

    /// What stands under a filter now.
    pub(crate) fn under(&self, filter: &str) -> Vec<&Message> {
        self.messages.iter().filter(|message| matches(filter, &message.subject)).collect()
    }
}

/// One client of a store.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) store: Arc<Mutex<Store>>,
    name: &'static str,
    steps: Arc<AtomicUsize>,
    killed: Arc<AtomicBool>,
    fault: Option<(usize, Fault)>,
}

impl Client {
    pub(crate) fn new(
        store: &Arc<Mutex<Store>>,
        name: &'static str,
        fault: Option<(usize, Fault)>,
    ) -> Self {
        let (steps, killed) = (Arc::default(), Arc::default());
        Self { store: Arc::clone(store), name, steps, killed, fault }
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    /// How many steps it has taken.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// One step, when it is this client's turn.
    async fn step<R>(
        &self,
        put: Option<(&Outgoing, u64)>,
        act: impl FnOnce(&mut Store) -> R,
    ) -> Result<R, Unclear> {
        Turn(false).await;
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault.filter(|(at, _)| *at == step).map(|(_, fault)| fault);
        match fault {
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::Late) => {
                if let Some((message, expected)) = put {
                    self.store.lock().unwrap().late.push((message.clone(), expected));
                }
                return Err(Unclear::new(self.name, "no answer"));
            }
            _ => {}
        }
        let done = {
            let mut store = self.store.lock().unwrap();
            let done = act(&mut store);
            // What comes late comes right behind another step.
            store.land();
            done
        };
        match fault {
            Some(Fault::KilledAfter) => self.die().await,
            Some(_) => Err(Unclear::new(self.name, "no answer")),
            None => Ok(done),
        }
    }

    async fn die(&self) -> ! {
        self.killed.store(true, Ordering::Relaxed);
        loop {
            std::future::pending::<()>().await;
        }
    }
}

struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Runs a client to its end while nobody else does anything.
pub(crate) fn alone<R>(client: impl Future<Output = R>) -> R {
    let mut client = std::pin::pin!(client);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(done) = client.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it does not end");
}

impl Wire for Client {
    async fn last(&self, _: &str, subject: &str) -> Result<Option<Message>, Unclear> {
        self.step(None, |store| store.standing(subject).cloned()).await
    }

    async fn at(&self, _: &str, sequence: u64) -> Result<Option<Message>, Unclear> {
        let find = |store: &mut Store| {
            store.messages.iter().find(|message| message.sequence == sequence).cloned()
        };
        self.step(None, find).await
    }

    async fn put(&self, message: Outgoing, expected: u64) -> Result<Published, Unclear> {
        self.step(Some((&message, expected)), |store| store.put(&message, expected)).await
    }

    async fn remove(&self, _: &str, subject: &str, to: u64) -> Result<(), Unclear> {
        let keep = |message: &Message| message.subject != subject || to < message.sequence;
        self.step(None, |store| store.messages.retain(keep)).await
    }

    async fn read_while(
        &self,
        _: &str,
        filter: &str,
        from: u64,
        bodies: bool,
        each: &mut Each<'_>,
    ) -> Result<u64, Unclear> {
        let read = |store: &mut Store| {
            for message in store.under(filter) {
                if from <= message.sequence {
                    let payload = if bodies { message.payload.clone() } else { Bytes::new() };
                    let sequence = message.sequence;
                    if each(Message { payload, ..message.clone() }).is_break() {
                        return sequence;
                    }
                }
            }
            store.last
        };
        self.step(None, read).await
    }

    async fn end(&self, _: &str) -> Result<End, Unclear> {
        let identity = Identity { name: "once".into(), also: Vec::new() };
        self.step(None, |store| End { identity, last: store.last }).await
    }

    fn unique(&self) -> String {
        format!("{}{}", self.name, self.steps.load(Ordering::Relaxed))
    }
}
