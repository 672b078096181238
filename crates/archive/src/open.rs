//! What is not archived yet: the facts behind the last day that is written.

use crate::cube::Cube;
use crate::error::Error;
use crate::read::Source;
use crate::record::Written;
use crate::seen::Seen;
use crate::write::{check, of};
use messaging::Nats;

/// The sums of it, and how far they go.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// What it follows.
    after: Option<Written>,
    orders: Side,
    invoices: Side,
    pub(crate) cube: Cube,
}

#[derive(Debug, Default)]
struct Side {
    to: u64,
    /// Is it known what was stored shortly before?
    is_begun: bool,
    /// Which stream it is.
    stream: Option<String>,
    seen: Seen,
}

impl Open {
    /// Reads on to where the streams end now. It begins again when another day is written: that took what was counted.
    pub(crate) async fn read_on(
        &mut self,
        nats: &Nats,
        after: Option<&Written>,
    ) -> Result<(), Error> {
        if self.after.as_ref() != after {
            *self = Self::behind(after);
        }
        for source in [Source::Orders, Source::Invoices] {
            let reach = check(nats, source, after).await?;
            let side = self.side(source);
            let is_other = side.stream.as_ref().is_some_and(|known| !reach.identity.is(known));
            if is_other || reach.last < side.to {
                // Nothing is archived of it, or `check` would have said so.
                *self = Self::behind(after);
            }
            let side = self.side(source);
            side.stream = Some(reach.identity.name);
            if side.to < reach.last {
                self.read(nats, source).await?;
            }
        }
        Ok(())
    }

    fn behind(after: Option<&Written>) -> Self {
        let side =
            |source| Side { to: after.map_or(0, |after| of(after, source).to), ..Side::default() };
        Self {
            after: after.cloned(),
            orders: side(Source::Orders),
            invoices: side(Source::Invoices),
            cube: Cube::default(),
        }
    }

    const fn side(&mut self, source: Source) -> &mut Side {
        match source {
            Source::Orders => &mut self.orders,
            Source::Invoices => &mut self.invoices,
        }
    }

    /// Whoever waits for this may give up at any time: what is counted and how far it goes change together.
    async fn read(&mut self, nats: &Nats, source: Source) -> Result<(), Error> {
        let Self { orders, invoices, cube, .. } = self;
        let side = match source {
            Source::Orders => orders,
            Source::Invoices => invoices,
        };
        if !side.is_begun {
            source.recall(nats, side.to + 1, &mut side.seen).await?;
            side.is_begun = true;
        }
        let from = side.to + 1;
        let (to, seen) = (&mut side.to, &mut side.seen);
        let each = |event: &state::fold::Event<'_>| {
            source.take(event, seen, cube, None);
            *to = event.sequence;
        };
        let progress = source.read(nats, from, None, usize::MAX, each).await?;
        side.to = side.to.max(progress.to);
        Ok(())
    }
}
