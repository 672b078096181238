//! Windows of time: what was invoiced in each five seconds, by when it was stored.
//!
//! A fold of `invoices.issued.>` and of what was said of windows before, on `analytics.invoices.5s.>`. A window that is
//! over has one **final** result, on a subject of its own and with nothing expected there: whoever is first says it, and
//! nobody says it again. It names the sequence of INVOICES up to which it has counted. A document of this window that is
//! stored behind that sequence, because the clock of the new leader is behind, is a **correction** on a subject of its
//! own. Which documents those are follows from the final result alone, so any replica may say them, at any time, and
//! each is said once. The result of a window is its final result and its corrections.
//!
//! All that is held is a maximum or a sum, so that it does not matter which of the two streams is read first.

mod close;
mod fold;
mod hours;
mod message;
mod over;
mod shown;
#[cfg(test)]
mod tests;

pub(crate) use close::{Clock, Closer, Metrics};
pub(crate) use fold::Windows;
pub(crate) use hours::{HELD_SECONDS, SECOND_BYTES};
pub(crate) use shown::{Asked, List, Live, Size, list};
