//! What became of each file that arrived: whose turn it is, how far it came, which content is known.
//!
//! A file goes through [`State`] in order. Every step can be repeated, so a worker that was killed
//! is followed by another as soon as its lease has ended. The lease saves double work; that no
//! order is doubled rests on ids that are the same whichever worker sends them, and a worker that comes
//! back after another took over cannot write: each write names the revision that it follows.
//!
//! How long records and contents are kept: `messaging::streams::bucket_keeps`.

mod record;
mod silence;
mod state;
mod store;

pub use record::{Changed, Claim, Counts, LEASE, Record, Refusal, Results, Sending, StepError};
pub use state::{Outcome, State};
pub use store::{Claimed, Content, Error, Held, Ledger};
