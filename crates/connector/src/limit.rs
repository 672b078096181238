//! How many calls of a function may run at once: as many as it handles well.
//!
//! The limit is halved after each sign of overload (429, 502, 503, 504, time-out). It falls slowly
//! while full calls take more than twice their usual time. Otherwise it grows slowly, up to the
//! annotation's value.

use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Number of calls in the average of the recent time, and in that of the usual time.
const RECENT_CALLS: f64 = 10.0;
const USUAL_CALLS: f64 = 200.0;
/// Calls slower than this many times the usual time mean that too many run at once.
const TOLERANCE: f64 = 2.0;
/// Lowest factor for the limit after slow calls, and the weight of a single call.
const GRADIENT_MIN: f64 = 0.5;
const SMOOTHING: f64 = 0.2;
/// How much a good call adds: more below the limit that failed last, less above it.
const STEP: f64 = 0.2;
const STEP_CAREFUL: f64 = 0.01;

/// An adaptive limit. Pure: its caller measures the calls.
#[derive(Debug)]
pub(crate) struct Limit {
    now: f64,
    max: f64,
    /// The limit at which calls failed last.
    hurt: f64,
    /// Seconds of a full call: recently, and usually.
    recent: Option<f64>,
    usual: f64,
    /// Counts the times it was halved.
    epoch: u64,
}

/// A call in progress, with the state of the limit when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    epoch: u64,
    /// Was the limiter saturated when this call began?
    pressed: bool,
    /// Its number among all calls, and whether it was the only one in progress when it began.
    number: u64,
    first: bool,
}

impl Limit {
    /// Begins with `max`, the limit from the annotation.
    pub(crate) fn new(max: usize) -> Self {
        let max = u32::try_from(max).map_or(f64::MAX, f64::from).max(1.0);
        Self { now: max, max, hurt: f64::INFINITY, recent: None, usual: 0.0, epoch: 0 }
    }

    /// How many calls may be in progress at once, at least 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and the annotation's limit"
    )]
    pub(crate) fn now(&self) -> usize {
        self.now.floor() as usize
    }

    /// A call begins; with it, `under_way` calls are in progress.
    pub(crate) fn begin(&self, under_way: usize) -> Ticket {
        let pressed = self.now() <= under_way;
        Ticket { epoch: self.epoch, pressed, number: 0, first: under_way <= 1 }
    }

    /// A full call was answered after `took`.
    pub(crate) fn well(&mut self, ticket: Ticket, took: Duration) {
        let took = took.as_secs_f64();
        let recent = self.recent.map_or(took, |recent| recent + (took - recent) / RECENT_CALLS);
        if self.recent.is_none() {
            self.usual = took;
        }
        self.recent = Some(recent);
        self.usual += (took - self.usual) / USUAL_CALLS;
        if recent < self.usual / TOLERANCE {
            // The usual time no longer holds; move it towards the recent one.
            self.usual = (self.usual * 0.95).max(recent);
        }
        if !ticket.pressed {
            return;
        }
        let gradient = if recent > 0.0 {
            (TOLERANCE * self.usual / recent).clamp(GRADIENT_MIN, 1.0)
        } else {
            1.0
        };
        if gradient < 1.0 {
            self.now -= self.now * (1.0 - gradient) * SMOOTHING;
        } else {
            self.now += if self.now + 1.0 < self.hurt { STEP } else { STEP_CAREFUL };
        }
        self.now = self.now.clamp(1.0, self.max);
    }

    /// A call was too much. Returns whether fewer calls may help. Calls that began together count once.
    pub(crate) fn too_much(&mut self, ticket: Ticket) -> bool {
        if ticket.epoch < self.epoch {
            return true;
        }
        if self.now() <= 1 {
            return false;
        }
        self.epoch += 1;
        self.hurt = self.now.floor();
        self.now = (self.now / 2.0).max(1.0);
        true
    }
}

/// What the end of a call says about the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A full call was answered after this time.
    Well(Duration),
    /// The function was overloaded.
    TooMuch,
    /// Nothing: the call was small, or failed for another reason.
    Nothing,
}

/// A [`Limit`] that the calls of a subscription share.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: Mutex<Limit>,
    under_way: AtomicUsize,
    begun: AtomicU64,
    gauge: Gauge,
}

impl Throttle {
    pub(crate) fn new(max: usize, gauge: Gauge) -> Self {
        let throttle = Self {
            limit: Mutex::new(Limit::new(max)),
            under_way: AtomicUsize::default(),
            begun: AtomicU64::default(),
            gauge,
        };
        throttle.show(&throttle.lock());
        throttle
    }

    pub(crate) fn now(&self) -> usize {
        self.lock().now()
    }

    pub(crate) fn begin(&self) -> Ticket {
        let limit = self.lock();
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        Ticket { number, ..limit.begin(under_way) }
    }

    /// Was no other call of the subscription in progress between this call's begin and now?
    pub(crate) fn is_only(&self, ticket: Ticket) -> bool {
        ticket.first && ticket.number == self.begun.load(Ordering::Relaxed)
    }

    /// Ends the call. Returns whether fewer calls at once may help.
    pub(crate) fn end(&self, ticket: Ticket, sign: Sign) -> bool {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        let mut limit = self.lock();
        let fewer_may_help = match sign {
            Sign::Well(took) => {
                limit.well(ticket, took);
                false
            }
            Sign::TooMuch => limit.too_much(ticket),
            Sign::Nothing => false,
        };
        self.show(&limit);
        fewer_may_help
    }

    fn show(&self, limit: &Limit) {
        self.gauge.set(i64::try_from(limit.now()).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Limit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// `count` full calls of `took`, each begun while the limiter is saturated.
    fn busy(limit: &mut Limit, count: usize, took: u64) {
        for _ in 0..count {
            let ticket = limit.begin(limit.now());
            limit.well(ticket, ms(took));
        }
    }

    #[test]
    fn it_stays_where_it_began_while_all_goes_well() {
        let mut limit = Limit::new(8);
        busy(&mut limit, 1_000, 30);
        assert_eq!(limit.now(), 8);
        assert_eq!(Limit::new(0).now(), 1);
    }

    #[test]
    fn too_much_halves_it_once_for_all_calls_that_began_together() {
        let mut limit = Limit::new(16);
        let tickets: Vec<Ticket> = (1..=16).map(|n| limit.begin(n)).collect();
        for ticket in tickets {
            assert!(limit.too_much(ticket));
        }
        assert_eq!(limit.now(), 8);
        for expected in [4, 2, 1] {
            assert!(limit.too_much(limit.begin(1)));
            assert_eq!(limit.now(), expected);
        }
        assert!(!limit.too_much(limit.begin(1)), "one at a time is the least");
        assert_eq!(limit.now(), 1);
    }

    #[test]
    fn it_comes_back_fast_up_to_where_it_hurt_and_carefully_beyond() {
        let mut limit = Limit::new(16);
        limit.too_much(limit.begin(16));
        limit.too_much(limit.begin(8));
        assert_eq!((limit.now(), limit.hurt), (4, 8.0));
        busy(&mut limit, 20, 30);
        assert_eq!(limit.now(), 7);
        busy(&mut limit, 50, 30);
        assert_eq!(limit.now(), 7, "beyond that in small steps");
        busy(&mut limit, 60, 30);
        assert_eq!(limit.now(), 8);
        busy(&mut limit, 2_000, 30);
        assert_eq!(limit.now(), 16);
    }

    #[test]
    fn a_call_that_overlapped_another_is_not_the_only_one() {
        let throttle = Throttle::new(4, Gauge::default());
        let only = |ticket| {
            let only = throttle.is_only(ticket);
            throttle.end(ticket, Sign::Nothing);
            only
        };
        let (first, second) = (throttle.begin(), throttle.begin());
        assert!(!only(first), "another one began meanwhile");
        assert!(!only(second), "it began beside another one");
        let alone = throttle.begin();
        assert!(only(alone));
    }

    #[test]
    fn slow_calls_lower_it_until_they_are_the_usual_ones() {
        let mut limit = Limit::new(16);
        busy(&mut limit, 300, 20);
        busy(&mut limit, 40, 400);
        let lowest = limit.now();
        assert!(lowest < 8, "{lowest}");
        busy(&mut limit, 2_000, 400);
        assert_eq!(limit.now(), 16);
        busy(&mut limit, 500, 20);
        busy(&mut limit, 40, 400);
        assert!(limit.now() < 8, "and it learns that they are fast again");
    }

    #[test]
    fn a_function_with_little_to_do_teaches_nothing() {
        let mut limit = Limit::new(16);
        limit.too_much(limit.begin(16));
        for took in [1, 500, 1, 900] {
            limit.well(limit.begin(1), ms(took));
        }
        assert_eq!(limit.now(), 8);
    }
}
