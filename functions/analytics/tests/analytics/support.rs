//! Servers, orders that were decided, documents that were issued, and replicas of the function.

use crate::orders::{amended, order};
use crate::served::Served;
use analytics::{NAME, RIGHTS};
use domain::inventory::{Body as Decision, Identity, Outcome, Verdict};
use domain::order::Order;
use domain::stock::Refusal;
use domain::{Kind, ProductId, WarehouseId};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, Stage};
use messaging::{Event, Nats, events, header, streams};
use serde_json::json;
use serde_json::value::RawValue;
use state::journal::Decide;
use std::path::Path;
use std::time::{Duration, Instant};
use stock::InventoryJournal;
use testkit::cluster::Cluster;
use testkit::figures::{Closed, Figures};
use testkit::nats::Server;

/// What is compared of the dimensions.
pub(crate) const DIMENSIONS: [&str; 7] =
    ["partner", "region", "category", "product", "vip", "hour", "day"];

pub(crate) struct World<S = Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    url: String,
    stock: InventoryJournal,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::with_rights(NAME, &RIGHTS);
        let (url, of_function) = (server.url(), server.url_of(NAME));
        Self::on(server, &url, of_function, 1).await
    }
}

impl World<Cluster> {
    pub(crate) async fn of_three(binary: Option<&Path>) -> Self {
        let server = Cluster::of_with_rights(binary, NAME, &RIGHTS);
        let (url, of_function) = (server.url(), server.url_of(NAME));
        Self::on(server, &url, of_function, 3).await
    }
}

impl<S> World<S> {
    async fn on(server: S, url: &str, of_function: String, copies: usize) -> Self {
        let nats = Nats::connect(url, "test", false).await.unwrap();
        testkit::streams::make(&nats, streams::Settings::copies(copies)).await;
        let stock = stock::journal(&nats, &WarehouseId::main());
        Self { server, nats, url: of_function, stock }
    }

    /// One more replica.
    pub(crate) async fn replica(&self) -> Served {
        Served::start(self.url.clone()).await
    }

    /// Publishes until the server says that it is stored; a test may kill it meanwhile.
    async fn publish(&self, message: &Outgoing) -> u64 {
        eventually(&message.subject, async || {
            match publish::one(&self.nats, message, Some(0)).await {
                Ok(Published::Stored(sequence)) => Some(sequence),
                // What was not confirmed before is stored.
                Ok(Published::Occupied) => {
                    let stream = streams::of_subject(&message.subject).unwrap().name;
                    let last = messaging::stored::last(&self.nats, stream, &message.subject).await;
                    last.ok().flatten().map(|last| last.sequence)
                }
                Err(_) => None,
            }
        })
        .await
    }

    async fn place(&self, order: &Order) -> u64 {
        let Order { warehouse, partner, order_id, .. } = order;
        let subject = subject::order(Stage::Placed, warehouse, partner, order_id);
        let id = format!("{order_id}:{}", order.attempt);
        let event = Event::new(id, "/test", events::ORDER_PLACED, &subject, order);
        let message = Outgoing::new(subject, event.to_bytes());
        if order.attempt == 1 {
            return self.publish(&message).await;
        }
        match publish::one(&self.nats, &message, None).await.unwrap() {
            Published::Stored(sequence) => sequence,
            Published::Occupied => unreachable!("nothing is expected"),
        }
    }

    /// Decides an order as order-processor does: with the facts of a real journal.
    pub(crate) async fn decide(&self, order: &Order, verdict: Verdict) -> u64 {
        let sequence = self.place(order).await;
        let (partner, order_id) = (order.partner.clone(), order.order_id.clone());
        let (kind, attempt) = (order.kind, order.attempt);
        let order = RawValue::from_string(serde_json::to_string(order).unwrap()).unwrap();
        let id = Some(Identity { partner, order_id, kind, attempt, file: None });
        let outcome = Outcome { sequence, order: Some(order), id, verdict, in_force: None };
        let mut decision = Some(Decision::Orders { outcomes: vec![outcome], checked: [].into() });
        let appended = self.stock.commit(|_| match decision.take() {
            Some(body) => Decide::Append { body, decided_to: None },
            None => Decide::Answer(()),
        });
        appended.await.unwrap();
        sequence
    }

    /// Decides orders of these numbers: confirmed, refused and tried again, cancelled and tried again, kept,
    /// amended, amended and cancelled.
    pub(crate) async fn orders(&self, numbers: std::ops::Range<i64>) {
        for n in numbers {
            let first = order(n);
            let again = first.again();
            let (attempt, movements) = (1, Vec::new());
            let product = ProductId::parse("P1").unwrap();
            let refused = Refusal::InsufficientStock {
                product,
                requested: 2,
                available: 1,
                checked_for_others: false,
            };
            match n % 10 {
                0 | 1 => drop(self.decide(&first, Verdict::Refused(refused)).await),
                2 => {
                    self.decide(&first, Verdict::Refused(refused)).await;
                    self.decide(&again, Verdict::Confirmed(Vec::new())).await;
                }
                3 => {
                    self.decide(&first, Verdict::Confirmed(Vec::new())).await;
                    self.decide(&again, Verdict::Cancelled { attempt, movements }).await;
                }
                4 => {
                    self.decide(&first, Verdict::Confirmed(Vec::new())).await;
                    self.decide(&again, Verdict::Cancelled { attempt, movements }).await;
                    self.decide(&again.again(), Verdict::Confirmed(Vec::new())).await;
                }
                5 => {
                    self.decide(&first, Verdict::Confirmed(Vec::new())).await;
                    self.decide(&again, Verdict::Kept(refused)).await;
                }
                6 if first.kind == Kind::Sale => {
                    let placed = self.decide(&first, Verdict::Confirmed(Vec::new())).await;
                    let next = amended(n, placed);
                    self.decide(&next, Verdict::Amended { attempt, movements }).await;
                    if n % 4 == 0 {
                        let (attempt, movements) = (2, Vec::new());
                        let verdict = Verdict::Cancelled { attempt, movements };
                        self.decide(&next.again(), verdict).await;
                    }
                }
                _ => drop(self.decide(&first, Verdict::Confirmed(Vec::new())).await),
            }
        }
    }

    /// Issues document `n` as billing does: what it comes to stands in its data and in its headers.
    pub(crate) async fn issue(&self, n: u64) {
        let number = format!("A-main-2026-{n:06}");
        let is_credit = n.is_multiple_of(6);
        let kind = if is_credit { "credit_note" } else { "invoice" };
        let currency = if n.is_multiple_of(4) { "USD" } else { "EUR" };
        let payable = format!("{}.{:02}", n * 7 % 500, n % 100);
        let subject = format!("invoices.issued.main.{number}");
        let data = json!({"number": number, "kind": kind, "currency": currency, "totals": {"payable": payable}});
        let id = format!("{n}:{number}");
        let kind_of_event =
            if is_credit { events::CREDIT_NOTE_ISSUED } else { events::INVOICE_ISSUED };
        let event = Event::new(id, "/functions/billing", kind_of_event, &subject, data);
        let mut message = Outgoing::new(subject, event.to_bytes())
            .header(header::DECISION_SEQUENCE, &n.to_string())
            .header(header::DOCUMENT, kind)
            .header(header::PARTNER, if n.is_multiple_of(2) { "US1" } else { "US2" })
            .header(header::CURRENCY, currency)
            .header(header::PAYABLE, &payable);
        if !n.is_multiple_of(5) {
            let customer = subject::token(&format!("c.{}", n % 9));
            message = message.header(header::CUSTOMER, &customer);
        }
        self.publish(&message).await;
    }

    pub(crate) async fn count(&self) -> Figures {
        Figures::count(&self.nats).await.unwrap()
    }

    /// All that a replica answers is what was counted.
    pub(crate) async fn check(&self, replica: &Served) {
        let counted = self.count().await;
        counted.check_totals(&replica.get("/").await).unwrap();
        for dimension in DIMENSIONS {
            let listed = replica.get(&format!("/by/{dimension}?limit=5000")).await;
            counted.check_by(dimension, &listed).unwrap();
        }
        counted.check_customers(&replica.get("/customers/top?limit=5000").await).unwrap();
        for (size, seconds) in [("5s", 5), ("1s", 1), ("1h", 3_600)] {
            let listed = replica.get(&format!("/windows?size={size}&limit=5000")).await;
            counted.check_windows(seconds, &listed).unwrap();
        }
    }

    /// Waits until each window has its result.
    pub(crate) async fn closed(&self) -> Closed {
        let counted = self.count().await;
        let closed = eventually("each window has its result", async || {
            counted.check_closed(&self.nats).await.ok()
        });
        closed.await
    }

    /// Loses all checkpoints.
    pub(crate) async fn lose_checkpoints(&self) {
        let bucket = self.nats.js.get_stream("KV_FOLD_CHECKPOINTS").await.unwrap();
        bucket.purge().await.unwrap();
    }

    /// Waits until there are checkpoints of all folds.
    pub(crate) async fn checkpoints(&self) {
        let has = async |fold: &str| {
            let filter = format!("$KV.FOLD_CHECKPOINTS.analytics.{fold}.>");
            let found =
                messaging::stored::first(&self.nats, "KV_FOLD_CHECKPOINTS", &filter, 1).await;
            found.ok().flatten().map(drop)
        };
        for fold in ["sales", "invoiced", "windows"] {
            eventually("a checkpoint is written", async || has(fold).await).await;
        }
    }
}

/// Waits for something, for two minutes at most.
pub(crate) async fn eventually<T>(what: &str, mut is: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(120) {
        if let Some(found) = is().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came that {what}");
}
