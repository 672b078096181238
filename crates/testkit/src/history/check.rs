//! All checks, one after the other.

use super::record::History;
use super::report::Report;

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also what became of every message on `orders`. Off for runs that place orders by themselves.
    pub sent: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { sent: true }
    }
}

impl History {
    /// Compares everything with everything.
    #[must_use]
    pub fn check(&self, options: Options) -> Report {
        let mut report = Report { violations: self.unreadable.clone(), ..Report::default() };
        self.check_attempts(&mut report);
        let expected = self.check_lanes(&mut report);
        self.check_facts(&expected, &mut report);
        self.check_changed(&expected, &mut report);
        self.check_billed(&mut report);
        if options.sent {
            self.check_sent(&mut report);
        }
        report
    }
}
