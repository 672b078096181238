//! Reading the facts of a stream, in order, a part at a time.

use crate::cube::Cube;
use crate::day::Day;
use crate::error::Error;
use crate::seen::{BEFORE, Seen};
use crate::table::{Head, Rows};
use crate::{documents, orders};
use async_nats::jetstream::Message;
use messaging::{Nats, streams, tail};
use state::fold::Event;
use std::ops::ControlFlow;

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Orders,
    Invoices,
}

/// What became of the messages that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) doubled: u64,
    pub(crate) unreadable: u64,
}

/// How far it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Up to this sequence.
    pub(crate) to: u64,
    /// Is there nothing more that was asked for?
    pub(crate) is_end: bool,
}

impl Source {
    pub(crate) const fn stream(self) -> &'static str {
        match self {
            Self::Orders => streams::ORDERS,
            Self::Invoices => streams::INVOICES,
        }
    }

    pub(crate) const fn filter(self) -> &'static str {
        match self {
            Self::Orders => "orders.>",
            Self::Invoices => "invoices.issued.>",
        }
    }

    /// As in the names of files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Invoices => "invoices",
        }
    }

    pub(crate) const fn heads(self) -> &'static [Head] {
        match self {
            Self::Orders => orders::HEADS,
            Self::Invoices => documents::HEADS,
        }
    }

    /// Counts a message, and adds its rows if they are wanted. A fact that was seen is left out.
    pub(crate) fn take(
        self,
        event: &Event<'_>,
        seen: &mut Seen,
        cube: &mut Cube,
        mut rows: Option<&mut Rows>,
    ) -> Counts {
        let mut counts = Counts::default();
        match self {
            Self::Orders => {
                let Some(said) = orders::read(event) else { return counts };
                if seen.is_again(event) {
                    counts.doubled = 1;
                    return counts;
                }
                match &said {
                    orders::Said::Decided(partner, what) => cube.decided(partner, what),
                    orders::Said::Unreadable(_) => counts.unreadable = 1,
                    orders::Said::Returned(_) => {}
                }
                if let Some(rows) = &mut rows {
                    orders::rows(rows, event, &said);
                }
            }
            Self::Invoices => {
                let Some(issued) = documents::read(event) else { return counts };
                if seen.is_again(event) {
                    counts.doubled = 1;
                    return counts;
                }
                match &issued {
                    Ok(issued) => {
                        let day = documents::issued_on(event).unwrap_or(Day::of_ms(event.time_ms));
                        let seller = event.header(messaging::header::SELLER).unwrap_or("unknown");
                        cube.issued(day, seller, issued);
                    }
                    Err(_) => counts.unreadable = 1,
                }
                if let Some(rows) = &mut rows {
                    documents::rows(rows, event, &issued);
                }
            }
        }
        counts
    }

    /// Knows again what was stored shortly before `from`.
    pub(crate) async fn recall(self, nats: &Nats, from: u64, seen: &mut Seen) -> Result<(), Error> {
        if from <= 1 {
            return Ok(());
        }
        let first = from.saturating_sub(BEFORE).max(1);
        let filter = self.filter();
        let each = |message: &Message| {
            with_event(message, |event| {
                if from <= event.sequence {
                    return ControlFlow::Break(());
                }
                seen.is_again(event);
                ControlFlow::Continue(())
            })
        };
        let begin = tail::From::Sequence(first);
        tail::read_while(nats, self.stream(), filter, begin, true, each).await?;
        Ok(())
    }

    /// Calls `each` with the messages from `from` on that were stored before `until_ms`, at most `max`.
    pub(crate) async fn read(
        self,
        nats: &Nats,
        from: u64,
        until_ms: Option<i64>,
        max: usize,
        mut each: impl FnMut(&Event<'_>) + Send,
    ) -> Result<Progress, Error> {
        let (mut count, mut to, mut over) = (0, 0, None);
        let take = |message: &Message| {
            with_event(message, |event| {
                if until_ms.is_some_and(|until| until <= event.time_ms) {
                    over = Some(event.sequence);
                    return ControlFlow::Break(());
                }
                each(event);
                (count, to) = (count + 1, event.sequence);
                if count < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        };
        let begin = tail::From::Sequence(from);
        let read = tail::read_while(nats, self.stream(), self.filter(), begin, false, take).await?;
        Ok(match over {
            Some(over) => Progress { to: over - 1, is_end: true },
            None if max <= count => Progress { to, is_end: false },
            None => Progress { to: read.max(from - 1), is_end: true },
        })
    }
}

/// The message as a fold sees it; one without its place cannot come from a stream.
fn with_event(
    message: &Message,
    look: impl FnOnce(&Event<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Ok(info) = message.info() else { return ControlFlow::Continue(()) };
    let ms = info.published.unix_timestamp_nanos() / 1_000_000;
    look(&Event {
        source: 0,
        sequence: info.stream_sequence,
        time_ms: i64::try_from(ms).unwrap_or(i64::MAX),
        subject: &message.subject,
        headers: message.headers.as_ref(),
        payload: Some(&message.payload),
        kept_from: 0,
    })
}
