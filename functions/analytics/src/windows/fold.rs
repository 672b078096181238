//! The fold of documents, and of what was said of windows.

use super::hours::{Hours, window_of};
use super::message;
use crate::issued;
use messaging::{header, streams};
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;

/// The source of documents.
pub(super) const DOCUMENTS: usize = 0;

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows;

impl Fold for Windows {
    type State = Hours;
    type Said = ();

    const NAME: &'static str = "windows";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] = &[
        Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: true },
        Source { stream: streams::ANALYTICS, filter: message::FILTER, headers_only: true },
    ];
    const SHARDS: usize = 32;

    /// The hour.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, ()> {
        let second = match event.source {
            DOCUMENTS if !header::is_fact(event.headers) => return Ok(None),
            DOCUMENTS => event.time_ms.div_euclid(1_000),
            _ => match message::start(event.subject) {
                Some(start) => start,
                None => return Ok(None),
            },
        };
        Ok(Some((Cow::Owned(second.div_euclid(3_600).to_string()), ())))
    }

    fn apply(&self, hours: &mut Hours, event: &Event<'_>, (): ()) -> Result<(), String> {
        if event.source == DOCUMENTS {
            let issued = issued::read(event)?;
            let second = event.time_ms.div_euclid(1_000);
            hours.read_to = event.sequence;
            hours.last_ms = event.time_ms;
            hours.seconds.entry(second).or_default().add(&issued);
            let known = hours.windows.entry(window_of(second)).or_default();
            known.last = known.last.max(event.sequence);
        } else if let Some((start, said)) = message::read(event)? {
            let known = hours.windows.entry(start).or_default();
            match said {
                message::Said::Final { to } => known.final_to = known.final_to.max(to),
                message::Said::Correction { of } => {
                    known.corrected_to = known.corrected_to.max(of);
                }
            }
        }
        hours.forget();
        Ok(())
    }

    fn held(hours: &Hours) -> usize {
        hours.seconds.len()
    }
}
