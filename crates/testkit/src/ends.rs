//! A process that dies between two of its steps.

use crate::faults::{Fault, Faults};
use messaging::Nats;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All steps were taken, and one more was requested.
const OVER: usize = usize::MAX;

/// A process that dies after a number of steps: nothing that it does afterwards reaches the server.
#[derive(Clone, Debug)]
pub struct Ends {
    wire: Faults,
    left: Arc<AtomicUsize>,
}

impl Ends {
    /// Dies after `steps` steps.
    #[must_use]
    pub fn after(nats: &Nats, steps: usize) -> Self {
        let left = Arc::new(AtomicUsize::new(steps));
        let taken = Arc::clone(&left);
        let take = |left: usize| Some(if left == OVER { OVER } else { left.wrapping_sub(1) });
        let wire = Faults::new(nats, move |_| {
            let left = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            let may = left.is_ok_and(|left| left != 0 && left != OVER);
            if may { Fault::None } else { Fault::Cut }
        });
        Self { wire, left }
    }

    /// Its connection.
    #[must_use]
    pub fn wire(&self) -> &Faults {
        &self.wire
    }

    /// Has it died?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == OVER
    }
}
