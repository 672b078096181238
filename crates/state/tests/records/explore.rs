//! Every order of steps in which clients are interrupted a few times.

use crate::world::{Client, Fault, Store};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

pub(crate) type Running<R> = Pin<Box<dyn Future<Output = R>>>;

/// What one run did.
pub(crate) struct Ran<R> {
    /// Nothing of a client that was killed.
    pub(crate) results: Vec<Option<R>>,
    /// Who took each step.
    pub(crate) steps: Vec<usize>,
}

/// Runs clients, one step at a time. Whoever runs goes on until it ends, but before the step `at` of all it
/// is the turn of `client`, for each `(at, client)`.
pub(crate) fn run<R>(
    clients: &[Client],
    mut running: Vec<Running<R>>,
    turns: &[(usize, usize)],
) -> Ran<R> {
    let mut context = Context::from_waker(Waker::noop());
    let mut results: Vec<Option<R>> = running.iter().map(|_| None).collect();
    let (mut now, mut steps) = (0, Vec::new());
    loop {
        let ended = |client: usize, results: &[Option<R>]| {
            results[client].is_some() || clients[client].is_killed()
        };
        if let Some((_, client)) = turns.iter().find(|(at, _)| *at == steps.len()) {
            now = *client;
        }
        if ended(now, &results) {
            match (0..running.len()).find(|client| !ended(*client, &results)) {
                Some(client) => now = client,
                None => return Ran { results, steps },
            }
        }
        if let Poll::Ready(result) = running[now].as_mut().poll(&mut context) {
            results[now] = Some(result);
        }
        steps.push(now);
        assert!(steps.len() < 10_000, "they do not end: {turns:?}");
    }
}

/// Calls `each` with a new store for every set of at most `turns_max` turns, and says how many there were.
pub(crate) fn all_turns(
    clients: usize,
    turns_max: usize,
    each: &mut impl FnMut(&Arc<Mutex<Store>>, &[(usize, usize)]) -> Vec<usize>,
) -> usize {
    let mut runs = 0;
    let mut open = vec![Vec::new()];
    while let Some(turns) = open.pop() {
        let steps = each(&Arc::default(), &turns);
        runs += 1;
        if turns.len() < turns_max {
            let from = turns.last().map_or(0, |(at, _)| at + 1);
            for (at, now) in steps.into_iter().enumerate().skip(from) {
                let others = (0..clients).filter(|client| *client != now);
                open.extend(others.map(|client| {
                    let mut more: Vec<(usize, usize)> = turns.clone();
                    more.push((at, client));
                    more
                }));
            }
        }
    }
    runs
}

/// Every fault at every one of the first `steps` steps of each client.
pub(crate) fn all_faults(clients: usize, steps: usize) -> Vec<(usize, usize, Fault)> {
    let each = (0..clients).flat_map(|client| (0..steps).map(move |step| (client, step)));
    each.flat_map(|(client, step)| crate::world::FAULTS.map(|fault| (client, step, fault)))
        .collect()
}
