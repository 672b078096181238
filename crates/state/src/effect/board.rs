//! Which message is sent next. No IO and no clock.

use super::Settings;
use super::attempt::{Seen, Turn};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Messages of the outbox that are not done with, lane by lane.
#[derive(Debug)]
pub(super) struct Board {
    settings: Settings,
    lanes: BTreeMap<String, Lane>,
    /// Up to here the outbox was read.
    read_to: u64,
    running: usize,
    /// The lane whose turn it was last.
    last: String,
}

#[derive(Debug, Default)]
struct Lane {
    /// Not done with, by sequence.
    open: BTreeMap<u64, Seen>,
    /// Of these, those that nobody works on, by when they are due.
    waiting: BTreeSet<(Instant, u64)>,
    running: usize,
    /// Did the last attempt fail?
    refuses: bool,
    /// The first message that was left out because too many are open.
    beyond: Option<u64>,
}

impl Lane {
    fn first_open(&self) -> Option<u64> {
        let open = self.open.keys().next().copied();
        [open, self.beyond].into_iter().flatten().min()
    }

    /// When its next message can be begun, if so many may be under way at once.
    fn due(&self, lane_max: usize) -> Option<Instant> {
        let first = self.waiting.first().filter(|_| self.running < lane_max);
        first.map(|(due, _)| *due)
    }
}

/// How many attempts may be under way in a lane.
struct Room {
    /// In one that takes messages.
    takes: usize,
    /// In one where the last attempt failed.
    refuses: usize,
}

impl Room {
    fn due(&self, lane: &Lane) -> Option<Instant> {
        lane.due(if lane.refuses { self.refuses } else { self.takes })
    }
}

/// A message that is to be looked at now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) lane: String,
    pub(super) sequence: u64,
    pub(super) seen: Seen,
}

impl Board {
    /// All up to `read_to` is done with.
    pub(super) fn new(settings: Settings, read_to: u64) -> Self {
        Self { settings, lanes: BTreeMap::new(), read_to, running: 0, last: String::new() }
    }

    /// Up to here the outbox was read.
    pub(super) fn read_to(&self) -> u64 {
        self.read_to
    }

    /// The outbox was read up to here, and all of it was added.
    pub(super) fn set_read_to(&mut self, sequence: u64) {
        self.read_to = sequence;
    }

    /// A message of the outbox, due at once. If there is no room for it in its lane, [`Board::refills`] asks for it
    /// later.
    pub(super) fn add(&mut self, lane: &str, sequence: u64, now: Instant) {
        let room = self.settings.lane_open_max.max(1);
        let lane = self.lanes.entry(lane.to_owned()).or_default();
        let known = lane.open.contains_key(&sequence);
        if !known && (room <= lane.open.len() || lane.beyond.is_some_and(|first| first < sequence))
        {
            lane.beyond = Some(lane.beyond.map_or(sequence, |first| first.min(sequence)));
        } else if !known {
            lane.open.insert(sequence, Seen::Never);
            lane.waiting.insert((now, sequence));
        }
    }

    /// Lanes that have room again, with the first message that was left out. Who has read them from there on gives
    /// them to [`Board::refill`]; until then they are asked for again.
    pub(super) fn refills(&self) -> Vec<(String, u64)> {
        let half = self.settings.lane_open_max / 2;
        let with_room = self.lanes.iter().filter(|(_, lane)| lane.open.len() <= half);
        with_room.filter_map(|(name, lane)| Some((name.clone(), lane.beyond?))).collect()
    }

    /// The messages of a lane from the first one on that was left out: all, or more than there is room for. Those
    /// without room are left out again.
    pub(super) fn refill(&mut self, lane: &str, sequences: &[u64], now: Instant) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.beyond = None;
        }
        sequences.iter().for_each(|sequence| self.add(lane, *sequence, now));
    }

    /// The next message whose turn it is, if one is due and may be worked on. Lanes take turns.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        let room = self.room();
        let can = |lane: &Lane| room.due(lane).is_some_and(|due| due <= now);
        let after = (std::ops::Bound::Excluded(self.last.clone()), std::ops::Bound::Unbounded);
        let later = self.lanes.range(after).chain(self.lanes.range(..=self.last.clone()));
        let name = later.into_iter().find(|(_, lane)| can(lane))?.0.clone();
        let lane = self.lanes.get_mut(&name)?;
        let (_, sequence) = lane.waiting.pop_first()?;
        let seen = lane.open.get(&sequence).copied().unwrap_or_default();
        lane.running += 1;
        self.running += 1;
        self.last.clone_from(&name);
        Some(Next { lane: name, sequence, seen })
    }

    /// What came of a message that [`Board::next`] gave.
    pub(super) fn done(&mut self, next: &Next, turn: &Turn, now: Instant) {
        self.running = self.running.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&next.lane) else { return };
        lane.running = lane.running.saturating_sub(1);
        match turn {
            Turn::Done { sent } => {
                lane.open.remove(&next.sequence);
                lane.refuses &= !sent;
            }
            Turn::Later { wait, refused, seen } => {
                lane.open.insert(next.sequence, *seen);
                // Longer than any of them waits.
                let due = now.checked_add(*wait).unwrap_or(now + Duration::from_secs(1 << 30));
                lane.waiting.insert((due, next.sequence));
                lane.refuses |= refused;
            }
        }
        if lane.open.is_empty() && lane.running == 0 && lane.beyond.is_none() {
            self.lanes.remove(&next.lane);
        }
    }

    /// How many are not done with, of those that are known.
    pub(super) fn open(&self) -> usize {
        self.lanes.values().map(|lane| lane.open.len()).sum()
    }

    /// The first that is not done with.
    pub(super) fn first_open(&self) -> Option<u64> {
        self.lanes.values().filter_map(Lane::first_open).min()
    }

    /// When [`Board::next`] has something, if nothing ends before that.
    pub(super) fn due(&self) -> Option<Instant> {
        let room = self.room();
        self.lanes.values().filter_map(|lane| room.due(lane)).min()
    }

    /// Does any message wait for its turn, and nothing else?
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let first = |lane: &Lane| lane.waiting.first().is_some_and(|(due, _)| *due <= now);
        self.lanes.values().any(first)
    }

    /// How many attempts may be under way at once in a lane now. Lanes that refuse get half of all together, so that
    /// however many hang, others are sent to.
    fn room(&self) -> Room {
        let Settings { lane_max, all_max, .. } = self.settings;
        let refusing = self.lanes.values().filter(|lane| lane.refuses);
        let refusing: usize = refusing.map(|lane| lane.running).sum();
        let is_full = all_max.max(1) <= self.running;
        let is_half = (all_max / 2).max(1) <= refusing;
        Room {
            takes: if is_full { 0 } else { lane_max.max(1) },
            refuses: usize::from(!is_full && !is_half),
        }
    }

    /// All up to here is done with.
    pub(super) fn position(&self) -> u64 {
        self.first_open().map_or(self.read_to, |first| first.saturating_sub(1).min(self.read_to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn board(lane_max: usize, all_max: usize, lane_open_max: usize) -> Board {
        let settings = Settings { lane_max, all_max, lane_open_max, ..Settings::default() };
        Board::new(settings, 0)
    }

    fn later(refused: bool) -> Turn {
        Turn::Later { wait: SECOND, refused, seen: Seen::Before }
    }

    /// The messages that can be begun now.
    fn begun(board: &mut Board, now: Instant) -> Vec<Next> {
        std::iter::from_fn(|| board.next(now)).collect()
    }

    fn sequences(begun: &[Next]) -> Vec<u64> {
        begun.iter().map(|next| next.sequence).collect()
    }

    #[tokio::test]
    async fn lanes_take_turns_and_each_has_its_limit() {
        let (mut board, now) = (board(2, 5, 100), Instant::now());
        for sequence in 1..=4 {
            board.add("a", sequence, now);
            board.add("b", 10 + sequence, now);
        }
        board.add("c", 20, now);
        let first = begun(&mut board, now);
        assert_eq!(sequences(&first), [1, 11, 20, 2, 12]);
        board.done(&first[2], &Turn::Done { sent: true }, now);
        assert_eq!(begun(&mut board, now), [], "both lanes are full");
        board.done(&first[0], &Turn::Done { sent: true }, now);
        assert_eq!(sequences(&begun(&mut board, now)), [3]);
    }

    #[tokio::test]
    async fn a_lane_that_refuses_is_tried_one_by_one() {
        let (mut board, now) = (board(4, 64, 100), Instant::now());
        (1..=9).for_each(|sequence| board.add("dead", sequence, now));
        for next in begun(&mut board, now) {
            board.done(&next, &later(true), now);
        }
        let one = begun(&mut board, now);
        assert_eq!(sequences(&one), [5]);
        board.done(&one[0], &Turn::Done { sent: true }, now);
        assert_eq!(begun(&mut board, now).len(), 4, "it takes again");
    }

    #[tokio::test]
    async fn what_waits_is_due_later_and_keeps_the_position() {
        let (mut board, now) = (board(4, 64, 100), Instant::now());
        (1..=3).for_each(|sequence| board.add("a", sequence, now));
        board.set_read_to(7);
        let first = begun(&mut board, now);
        board.done(&first[0], &Turn::Done { sent: true }, now);
        board.done(&first[1], &later(false), now);
        board.done(&first[2], &Turn::Done { sent: true }, now);
        assert_eq!(board.position(), 1);
        assert_eq!(board.due(), Some(now + SECOND));
        assert_eq!(begun(&mut board, now), []);
        let again = begun(&mut board, now + SECOND);
        assert_eq!(sequences(&again), [2]);
        board.done(&again[0], &Turn::Done { sent: true }, now);
        assert_eq!((board.position(), board.due()), (7, None));
    }

    #[tokio::test]
    async fn a_lane_without_room_takes_none_from_others_and_loses_nothing() {
        let (mut board, now) = (board(4, 64, 4), Instant::now());
        let all: Vec<u64> = (1..=11).collect();
        all.iter().for_each(|sequence| board.add("dead", *sequence, now));
        board.add("other", 12, now);
        assert_eq!((board.lanes["dead"].open.len(), board.lanes["other"].open.len()), (4, 1));
        board.set_read_to(12);
        assert_eq!(board.refills(), []);
        let mut seen = Vec::new();
        while let Some(next) = board.next(now) {
            board.done(&next, &Turn::Done { sent: true }, now);
            if next.lane == "dead" {
                seen.push(next.sequence);
            }
            assert!(board.position() <= seen.last().copied().unwrap_or(0) || seen.len() == 11);
            for (lane, from) in board.refills() {
                let rest: Vec<u64> = all.iter().copied().filter(|it| from <= *it).collect();
                board.refill(&lane, &rest, now);
            }
        }
        assert_eq!(seen, all);
        assert_eq!(board.position(), 12);
    }
    #[tokio::test]
    async fn what_could_not_be_read_is_asked_for_again_and_holds_the_position() {
        let (mut board, now) = (board(4, 64, 2), Instant::now());
        for sequence in 1..=3 {
            board.add("a", sequence, now);
            board.add("b", 10 + sequence, now);
        }
        board.set_read_to(13);
        for next in begun(&mut board, now) {
            board.done(&next, &Turn::Done { sent: true }, now);
        }
        let both = [("a".to_owned(), 3), ("b".to_owned(), 13)];
        assert_eq!((board.refills(), board.position()), (both.to_vec(), 2));
        board.refill("b", &[13], now);
        assert_eq!((board.refills(), board.position()), (both[..1].to_vec(), 2));
        board.refill("a", &[3], now);
        assert_eq!((board.refills(), board.position()), (vec![], 2));
        assert_eq!(sequences(&begun(&mut board, now)), [3, 13]);
    }
    #[tokio::test]
    async fn lanes_that_refuse_get_half_of_all_attempts_together() {
        let (mut board, now) = (board(4, 8, 100), Instant::now());
        (0..20).for_each(|n| board.add(&format!("dead{n}"), n, now));
        while let Some(next) = board.next(now) {
            board.done(&next, &later(true), now);
        }
        let half = begun(&mut board, now + SECOND);
        assert_eq!(half.len(), 4);
        assert_eq!(board.due(), None, "until one of them ends");
        (100..120).for_each(|sequence| board.add("fine", sequence, now));
        let fine = begun(&mut board, now + SECOND);
        assert_eq!(sequences(&fine), [100, 101, 102, 103]);
        board.done(&half[0], &later(true), now + SECOND);
        assert_eq!(begun(&mut board, now + SECOND).len(), 1, "another one that refuses");
    }
}
