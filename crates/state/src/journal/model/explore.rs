//! Breadth first through every state that can be reached.
//!
//! Written here because what is asked at the end, whether *from every state* a good one can be
//! reached without further faults, is a question about the whole graph; a checker of paths answers
//! another one.

use super::world::{Settings, Step, World};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What was found.
#[derive(Debug)]
pub(super) struct Explored {
    /// States seen.
    pub(super) states: usize,
    /// A promise that is broken, and the shortest way there.
    pub(super) broken: Option<(&'static str, Vec<Step>)>,
}

/// What is wrong if a good end cannot be reached any more.
pub(super) const STUCK: &str = "without further faults it never ends well";

/// Tries everything, at most `states_max` states.
pub(super) fn explore(settings: &Settings, states_max: usize) -> Explored {
    let mut graph = Graph::default();
    let mut queue = VecDeque::new();
    let start = World::new(settings);
    graph.visit(&start, None);
    queue.push_back((0, start));
    let mut next = Vec::new();
    while let Some((at, world)) = queue.pop_front() {
        if let Some(broken) = world.broken(settings) {
            return graph.explored(Some((broken, at)));
        }
        if world.is_good_end(settings) {
            graph.good.push(at);
        }
        world.successors(settings, &mut next);
        for (step, faultless, world) in next.drain(..) {
            let (to, is_new) = graph.visit(&world, Some((at, step)));
            if faultless {
                graph.faultless.push((to, at));
            }
            if is_new {
                queue.push_back((to, world));
            }
        }
        assert!(graph.from.len() <= states_max, "more than {states_max} states");
    }
    let stuck = graph.stuck();
    graph.explored(stuck.map(|at| (STUCK, at)))
}

#[derive(Default)]
struct Graph {
    seen: HashMap<u64, u32>,
    /// How each state was reached first.
    from: Vec<Option<(u32, Step)>>,
    /// Steps that are no fault: to, from.
    faultless: Vec<(u32, u32)>,
    good: Vec<u32>,
}

impl Graph {
    fn visit(&mut self, world: &World, from: Option<(u32, Step)>) -> (u32, bool) {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        let new = u32::try_from(self.from.len()).unwrap();
        let at = *self.seen.entry(hasher.finish()).or_insert(new);
        if at == new {
            self.from.push(from);
        }
        (at, at == new)
    }

    /// The first state from which no good end can be reached without a fault.
    fn stuck(&mut self) -> Option<u32> {
        self.faultless.sort_unstable();
        let mut reaches = vec![false; self.from.len()];
        let mut queue = self.good.clone();
        while let Some(at) = queue.pop() {
            if std::mem::replace(&mut reaches[at as usize], true) {
                continue;
            }
            let begin = self.faultless.partition_point(|(to, _)| *to < at);
            let before = self.faultless[begin..].iter().take_while(|(to, _)| *to == at);
            queue.extend(before.map(|(_, from)| *from));
        }
        let stuck = reaches.iter().position(|reaches| !reaches)?;
        Some(u32::try_from(stuck).unwrap())
    }

    fn explored(&self, broken: Option<(&'static str, u32)>) -> Explored {
        let broken = broken.map(|(what, mut at)| {
            let mut way = Vec::new();
            while let Some((before, step)) = self.from[at as usize] {
                way.push(step);
                at = before;
            }
            way.reverse();
            (what, way)
        });
        Explored { states: self.from.len(), broken }
    }
}
