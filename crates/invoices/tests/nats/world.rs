//! A server, sales that ask for invoices, and processes that issue them.

use chrono::{DateTime, Utc};
use domain::invoice::{Desk, Document, Event, HeldWhat, Terms, Unknown};
use domain::order::Terms as OrderTerms;
use domain::partner::Partners;
use domain::person::Person;
use domain::seller::{Sellers, TaxRates};
use domain::{WarehouseId, raw};
use invoices::{Invoices, Looked, Missing};
use messaging::streams::{self, INVOICES, ORDERS};
use messaging::{Event as CloudEvent, Nats, subject, tail};
use serde_json::json;
use state::journal::input::{Claim, Link};
use state::journal::{Answer, Decide, Decided, Journal, Log, NatsLog, extent};
use std::collections::BTreeSet;
use testkit::nats::Server;

pub(crate) struct World {
    _server: Server,
    pub(crate) nats: Nats,
    pub(crate) sellers: Sellers,
    rates: TaxRates,
    pub(crate) claim: Claim,
}

/// A warehouse for each run of a test: its journal is its own.
pub(crate) fn warehouse(name: &str) -> WarehouseId {
    WarehouseId::parse(name).unwrap()
}

impl World {
    /// With so many messages in the stream of orders.
    pub(crate) async fn with(orders: u64) -> Self {
        let server = Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        for order in 1..=orders {
            let subject = format!("orders.confirmed.any.DIRECT.{order}");
            nats.js.publish(subject, "{}".into()).await.unwrap().await.unwrap();
        }
        let claim = extent(&nats, ORDERS, "orders.*.any.>").await.unwrap().claim;
        let seller = json!({
            "name": "Acme SARL", "address": {"street": "1", "postcode": "75002", "city": "Paris", "country": "FR"},
            "currency": "EUR", "time-zone": "Europe/Paris", "prices": "gross", "series-prefix": "A", "language": "fr"});
        let rates = json!({"FR": {"standard": [{"percent": 20, "valid-from": "2014-01-01"}]}});
        Self {
            _server: server,
            nats,
            sellers: [("ACME".to_owned(), serde_json::from_value(seller).unwrap())].into(),
            rates: serde_json::from_value(rates).unwrap(),
            claim,
        }
    }

    pub(crate) fn log(&self, of: &WarehouseId) -> NatsLog {
        NatsLog::new(self.nats.clone(), subject::invoices_journal(of))
    }

    /// Issues invoices for these sales as a lane does, at most `at_once` in one entry.
    pub(crate) async fn issue<L: Log>(
        &self,
        journal: &Journal<Invoices, L>,
        of: &WarehouseId,
        events: &[Event],
        at_once: usize,
    ) -> Answer {
        let partners = Partners::new();
        let direct = Some("ACME");
        let (sellers, rates) = (&self.sellers, &self.rates);
        let terms = Terms { partners: &partners, direct, sellers, rates, day: invoices::day };
        let links: Vec<Link> = events
            .iter()
            .map(|event| Link { sequence: event.fact, previous: event.fact - 1 })
            .collect();
        let mut looked = Looked::default();
        loop {
            let answer = journal.batch(&self.claim, &links, |part| {
                let mut desk = Desk::new(terms, of, part.now, part.state);
                let open = events[part.from..].iter().take(at_once);
                let mut unknown = BTreeSet::new();
                for event in open.clone() {
                    unknown.extend(looked.give(&mut desk, part.state, |desk| desk.unknown(event)));
                }
                if !unknown.is_empty() {
                    let unknown: Vec<Unknown> = unknown.into_iter().collect();
                    return Err((part.state.decisions, unknown));
                }
                let mut to = 0;
                for event in open {
                    desk.decide(event, 900_000).unwrap();
                    to = event.fact;
                }
                Ok(Decided { body: desk.into_body(None), to })
            });
            match answer.await.unwrap() {
                Ok(answer) => return answer,
                Err((at, unknown)) => {
                    match looked.look(&self.nats, of, at, unknown, |_| true).await {
                        // Another replica issued it meanwhile.
                        Err(Missing::Given(_)) => read_on(journal).await,
                        looked => looked.unwrap(),
                    }
                }
            }
        }
    }

    pub(crate) async fn documents(&self, of: &WarehouseId) -> Vec<Document> {
        let mut documents: Vec<Document> = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: CloudEvent<Document> = serde_json::from_slice(&message.payload).unwrap();
            documents.push(event.data.unwrap());
        };
        let filter = format!("invoices.issued.{of}.>");
        tail::read(&self.nats, INVOICES, &filter, 1, false, each).await.unwrap();
        documents.sort_by(|a, b| a.number.cmp(&b.number));
        documents
    }

    /// Each sale has one invoice, and chain and journal are whole.
    pub(crate) async fn check(&self, of: &WarehouseId, orders: u64) {
        let documents = self.documents(of).await;
        let sold: BTreeSet<_> = documents.iter().map(|it| it.supply.order_id.clone()).collect();
        assert_eq!((documents.len() as u64, sold.len() as u64), (orders, orders), "{of}");
        let filter = format!("invoices.issued.{of}.>");
        let chains = invoices::verify_chains(&self.nats, &filter).await.unwrap();
        assert_eq!(chains.problems, <[String; 0]>::default(), "{of}");
        let found = invoices::verify(&self.nats, of, DateTime::UNIX_EPOCH).await.unwrap();
        let problems: Vec<_> = found
            .problems
            .into_iter()
            // The messages of this test are nobody's facts; what counts is the journal.
            .filter(|problem| !problem.text.contains("it decides"))
            .collect();
        assert_eq!((problems, found.unsettled), (vec![], 0), "{of}");
    }
}

/// Reads the journal up to its end.
pub(crate) async fn read_on<L: Log>(journal: &Journal<Invoices, L>) {
    let read = journal.commit(|view| match view.fresh {
        true => Decide::Answer(()),
        false => Decide::Refresh,
    });
    read.await.unwrap();
}

/// Sales 1 to `orders`, confirmed on a day on which a rate holds.
pub(crate) fn sales(of: &WarehouseId, orders: u64) -> Vec<Event> {
    let at: DateTime<Utc> = "2026-11-30T10:00:00Z".parse().unwrap();
    let sale = |fact: u64| {
        let json = json!({"order_id": fact.to_string(), "product": "P001", "quantity": 2, "price": "9.99"});
        let order = raw::read(&json, None).unwrap().place(&OrderTerms::direct(), at).unwrap();
        Event {
            fact,
            at,
            what: HeldWhat::Invoice,
            placed: fact,
            attempt: 1,
            order: Box::new(domain::Order { warehouse: of.clone(), ..order }),
            person: Person::default(),
            unreadable: None,
        }
    };
    (1..=orders).map(sale).collect()
}
