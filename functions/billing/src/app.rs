//! What the handlers share.

use crate::books::{Books, Sums};
use chassis::{Journals, Kind};
use domain::invoice::{Account, DocumentKind, HeldCode, NextNumber, Terms, Unknown, place_of};
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use intake::partners::{Configuration, Live, Sold};
use invoices::clock::{self, Clock};
use invoices::{InvoiceLane, Looked, Missing};
use messaging::Nats;
use messaging::store::Store;
use messaging::stored::LookupError;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::Problem;
use state::Counts;
use state::fold::Folded;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// What the configuration says of invoices.
#[derive(Debug)]
pub(crate) struct Configured {
    partners: Partners,
    sold: Sold,
    pub(crate) warehouses: BTreeSet<WarehouseId>,
}

impl Configured {
    pub(crate) fn of(now: &Arc<Configuration>) -> Self {
        let warehouses = now.partners.values().map(|partner| partner.warehouse.clone()).collect();
        Self { partners: now.partners.clone(), sold: now.sold.clone(), warehouses }
    }

    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms {
            partners: &self.partners,
            direct: self.sold.direct.as_deref(),
            sellers: &self.sold.sellers,
            rates: &self.sold.tax_rates,
            day: invoices::day,
        }
    }

    /// Does nobody sell anything?
    pub(crate) fn is_without_sellers(&self) -> bool {
        self.sold.sellers.is_empty()
    }

    /// All partners, with the one of orders that name none.
    pub(crate) fn partner_names(&self) -> Vec<&str> {
        self.partners.keys().map(PartnerId::as_str).chain(["DIRECT"]).collect()
    }

    /// All sellers.
    pub(crate) fn seller_names(&self) -> Vec<&str> {
        self.sold.sellers.keys().map(String::as_str).collect()
    }

    /// Where a partner's orders are.
    pub(crate) fn warehouse_of(&self, partner: &PartnerId) -> WarehouseId {
        let partner = self.partners.get(partner);
        partner.map_or_else(WarehouseId::main, |partner| partner.warehouse.clone())
    }
}

/// What is counted of a message that asks for a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Done {
    Issued,
    Held(HeldCode),
    NoSeller,
    Nothing,
    Unreadable,
}

impl Kind for Done {
    fn all() -> impl Iterator<Item = Self> {
        let held = HeldCode::ALL.into_iter().map(Self::Held);
        [Self::Issued, Self::NoSeller, Self::Nothing, Self::Unreadable].into_iter().chain(held)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::NoSeller => "no_seller",
            Self::Nothing => "nothing",
            Self::Unreadable => "unreadable",
            Self::Held(HeldCode::NoRate) => "held_no_rate",
            Self::Held(HeldCode::NoVatNumber) => "held_no_vat_number",
            Self::Held(HeldCode::NoReason) => "held_no_reason",
            Self::Held(HeldCode::TwoReasons) => "held_two_reasons",
            Self::Held(HeldCode::ExceedsInvoice) => "held_exceeds_invoice",
            Self::Held(HeldCode::NoOriginal) => "held_no_original",
            Self::Held(HeldCode::NoSeller) => "held_no_seller",
            Self::Held(HeldCode::NoSale) => "held_no_sale",
            Self::Held(HeldCode::Currency) => "held_currency",
            Self::Held(HeldCode::SeriesTaken) => "held_series_taken",
            Self::Held(HeldCode::SeriesAhead) => "held_series_ahead",
            Self::Held(HeldCode::TooLarge) => "held_too_large",
            Self::Held(HeldCode::Unreadable) => "held_unreadable",
        }
    }
}

/// A document that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Issued(pub(crate) DocumentKind);

impl Kind for Issued {
    const LABEL: &'static str = "kind";

    fn all() -> impl Iterator<Item = Self> {
        [DocumentKind::Invoice, DocumentKind::CreditNote].into_iter().map(Self)
    }

    fn label(self) -> &'static str {
        self.0.as_str()
    }
}

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) nats: Nats,
    pub(crate) journals: Journals<InvoiceLane>,
    pub(crate) configured: Live<Configured>,
    pub(crate) done: Counts<Done>,
    pub(crate) issued: Counts<Issued>,
    pub(crate) store: Arc<Store>,
    pub(crate) books: Folded<Books>,
    pub(crate) sums: Folded<Sums>,
    clock: Clock,
    ahead: Gauge<f64, AtomicU64>,
    /// Series whose next number this process has seen to be free. It follows the journal since then, so that they stay so.
    free: Mutex<BTreeMap<WarehouseId, BTreeSet<String>>>,
}

impl App {
    pub(crate) fn new(
        nats: Nats,
        journals: Journals<InvoiceLane>,
        configured: Live<Configured>,
        (store, books, sums): (Arc<Store>, Folded<Books>, Folded<Sums>),
        registry: &mut Registry,
    ) -> Self {
        let what = "Facts of orders that asked for a document, by what came of them";
        let done = Counts::register(registry, "billing_facts", what);
        let issued = Counts::register(registry, "billing_documents", "Documents issued");
        let ahead = Gauge::<f64, AtomicU64>::default();
        let what = "Seconds by which this process' clock is at least ahead of nats-server's";
        registry.register("billing_clock_ahead_seconds", what, ahead.clone());
        Self {
            nats,
            journals,
            configured,
            done,
            issued,
            store,
            books,
            sums,
            clock: Clock::default(),
            ahead,
            free: Mutex::default(),
        }
    }

    /// What is known before anything is looked up.
    pub(crate) fn looked(&self, warehouse: &WarehouseId) -> Looked {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        Looked::sure_of(free.get(warehouse).cloned().unwrap_or_default())
    }

    /// Looks up what a decision lacks, as [`Looked::look`] says.
    ///
    /// # Errors
    /// 503: the server does not answer, the archive lacks a document, or the journal is an older copy than the archive.
    pub(crate) async fn look(
        &self,
        looked: &mut Looked,
        warehouse: &WarehouseId,
        (at, unknown): (u64, Vec<Unknown>),
        is_new: impl Fn(&Account) -> bool,
    ) -> Result<(), Problem> {
        match looked.look(&self.nats, warehouse, at, unknown, is_new).await {
            Ok(()) => {
                let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
                free.insert(warehouse.clone(), looked.free().clone());
                Ok(())
            }
            // Another process may have issued it meanwhile: then the journal has it.
            Err(Missing::Given(next)) if self.has(warehouse, &next).await? => Ok(()),
            Err(error) => Err(missing(&error)),
        }
    }

    /// Has the journal given a number, up to its end?
    async fn has(&self, warehouse: &WarehouseId, next: &NextNumber) -> Result<bool, Problem> {
        let given = place_of(&next.number).map(|(_, count)| count);
        let last = self.journals.look(warehouse, |view| view.state.series.last(&next.series));
        Ok(given <= last.await?)
    }

    /// 503 while this process' clock is not the server's: nothing is issued then.
    pub(crate) async fn check_clock(&self) -> Result<(), Problem> {
        let ahead = self.clock.ahead(&self.nats).await.map_err(|error| unavailable(&error))?;
        // Never so far that a double could not hold it.
        #[expect(clippy::cast_precision_loss, reason = "only for a figure")]
        self.ahead.set(ahead.num_milliseconds() as f64 / 1_000.0);
        match clock::wrong(ahead) {
            None => Ok(()),
            Some(detail) => {
                tracing::error!(alert = "billing clock", detail, "nothing is issued");
                Err(Problem::unavailable(detail))
            }
        }
    }
}

/// 503: the server does not say what has to be known.
pub(crate) fn unavailable(error: &LookupError) -> Problem {
    tracing::warn!(%error, "not decided");
    Problem::unavailable("NATS does not answer; sending the same again is safe")
}

/// 503 as well; a document that the archive or the journal lacks is for somebody to look at.
fn missing(error: &Missing) -> Problem {
    match error {
        Missing::Lookup(error) => unavailable(error),
        Missing::Document(_) | Missing::Given(_) => {
            tracing::error!(alert = "billing archive", %error, "not decided");
            Problem::unavailable(error.to_string())
        }
    }
}
