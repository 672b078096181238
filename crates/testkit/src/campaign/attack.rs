//! Attacks the whole pipeline step by step: hostile clients, faulty programs and restarts.
//!
//! Forged entries and facts, poison messages, unfinished requests, several starts on one folder. After
//! each step, every good order must have been confirmed once.

use super::pipeline::Pipeline;
use crate::raw::{Raw, UNREADABLE};
use anyhow::{Context as _, Result, ensure};
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::publish::{self, Outgoing};
use messaging::views::{self, Status};
use messaging::{Nats, header, stored, streams, tail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PRODUCT: &str = "P001";
/// Pieces in stock at the beginning; each order takes one.
const STOCK: u64 = 1_000_000;
/// How long good orders may take to be confirmed.
const SETTLE: Duration = Duration::from_secs(120);
/// How long a good request may take during the attack.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of a large message on `orders` that the server still accepts.
const LARGE: usize = 900_000;

/// What to run, and how often.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program `orderflow`.
    pub orderflow: PathBuf,
    /// The program `nats-server`; `None`: the one in `PATH`.
    pub nats_server: Option<PathBuf>,
    /// Number of starts on the same folder.
    pub starts: u32,
    /// Good orders in each step.
    pub orders: u32,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each step, with the problem found after it.
    pub steps: Vec<(&'static str, Option<String>)>,
}

impl Report {
    /// Were all good orders correct after every step?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.steps.iter().all(|(_, problem)| problem.is_none())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, problem) in &self.steps {
            match problem {
                None => writeln!(f, "✓ {step}")?,
                Some(problem) => writeln!(f, "✗ {step}: {problem}")?,
            }
        }
        Ok(())
    }
}

struct Site {
    options: Options,
    work: tempfile::TempDir,
    pipeline: Pipeline,
    nats: Nats,
    /// Number of good orders sent so far.
    sent: u32,
}

/// Runs all steps, one after another, on one pipeline.
///
/// # Errors
/// If the pipeline cannot be started. Problems of the pipeline are not errors; they are in the report.
pub async fn run(options: &Options) -> Result<Report> {
    let work = tempfile::tempdir().context("the folder to work in")?;
    let (pipeline, nats) = start(options, work.path()).await?;
    let mut site = Site { options: options.clone(), work, pipeline, nats, sent: 0 };
    let stock = STOCK.to_string();
    site.pipeline.json(&["stock", "set", PRODUCT, &stock]).await?;
    let mut report = Report::default();
    let mut step = async |name, done: Result<()>, site: &mut Site| {
        let settled = match done {
            Ok(()) => site.settled().await,
            Err(error) => Err(error),
        };
        report.steps.push((name, settled.err().map(|error| format!("{error:#}"))));
    };
    let done = site.good().await;
    step("nothing", done, &mut site).await;
    let done = site.poison().await;
    step("poison on `orders`", done, &mut site).await;
    let done = site.unreadable_headers().await;
    step("header blocks that are none, everywhere", done, &mut site).await;
    let done = site.foreign_entries().await;
    step("messages of strangers in the journal", done, &mut site).await;
    let done = site.forged_facts().await;
    step("forged facts with huge sequences", done, &mut site).await;
    let done = site.forged_orders().await;
    step("forged placed orders and cancellations", done, &mut site).await;
    let done = site.unfinished_requests().await;
    step("unfinished requests without a token", done, &mut site).await;
    let done = site.restarts().await;
    step("starts on one data folder", done, &mut site).await;
    site.pipeline.stop().await?;
    Ok(report)
}

async fn start(options: &Options, work: &Path) -> Result<(Pipeline, Nats)> {
    let nats_server = options.nats_server.as_deref();
    let mut pipeline = Pipeline::start(&options.orderflow, work, nats_server, None, &[])?;
    let run = pipeline.ready().await?;
    let nats = Nats::connect(&run.nats, "attack", false).await?;
    Ok((pipeline, nats))
}

impl Site {
    /// Sends good orders and waits until the server has stored each.
    async fn good(&mut self) -> Result<()> {
        let orders = (self.sent..self.sent + self.options.orders).map(|number| {
            let order =
                json!({"order_id": id(number), "product": PRODUCT, "quantity": 1, "price": 1});
            Outgoing::new("orders".into(), order.to_string().into())
        });
        let orders: Vec<_> = orders.collect();
        for result in publish::all(&self.nats, &orders, None).await {
            result.context("a good order is not stored")?;
        }
        self.sent += self.options.orders;
        Ok(())
    }

    /// Waits until every good order is confirmed, and checks the stock.
    async fn settled(&self) -> Result<()> {
        let began = Instant::now();
        for number in 0..self.sent {
            let order = OrderId::parse(&id(number))?;
            loop {
                let (main, direct) = (WarehouseId::main(), PartnerId::direct());
                let found = views::lookup(&self.nats, &main, &direct, &order).await?;
                let fact = found.last().filter(|_| found.status() == Some(Status::Confirmed));
                let ours = fact.and_then(stored::Standing::decision_sequence);
                if ours.is_some_and(|sequence| sequence < FORGED) {
                    break;
                }
                let late = began.elapsed() < SETTLE;
                ensure!(late, "order {} is not confirmed within {SETTLE:?}", id(number));
                sleep(Duration::from_millis(20)).await;
            }
        }
        let stock = self.pipeline.json(&["stock", "get", PRODUCT]).await?;
        let available = stock.pointer(&format!("/products/{PRODUCT}/available"));
        let available = available.and_then(Value::as_u64);
        let expected = STOCK - u64::from(self.sent);
        ensure!(available == Some(expected), "{available:?} pieces are left, not {expected}");
        Ok(())
    }

    async fn publish(&self, subject: &str, payload: impl Into<Vec<u8>>) -> Result<()> {
        let message = Outgoing::new(subject.to_owned(), payload.into().into());
        publish::one(&self.nats, &message, None).await?;
        Ok(())
    }

    /// Sends good orders after messages that can never be orders.
    async fn poison(&mut self) -> Result<()> {
        let event = |(name, value): (&str, Value)| {
            let event = json!({"specversion": "1.0", "id": "e", "source": "/stranger",
                "type": "orderflow.order.received.v1", "data": {"order_id": "x"}});
            with(event, [(name, value)]).to_string()
        };
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for payload in [
            event(("id", "i".repeat(100_000).into())),
            event(("file", "f".repeat(100_000).into())),
            event(("partner", "p".repeat(100_000).into())),
            event(("type", "com.shop.cart.abandoned".into())),
            event(("specversion", "7".into())),
            "x".repeat(LARGE),
            deep,
            String::new(),
        ] {
            self.publish("orders", payload).await?;
        }
        self.publish("orders", vec![0xff; 1_000]).await?;
        self.good().await
    }

    /// Sends messages with unreadable headers to every kind of stream, between good orders; then starts
    /// again on these streams.
    async fn unreadable_headers(&mut self) -> Result<()> {
        let mut raw = Raw::connect(&self.pipeline.run()?.nats).await?;
        let (mut given_up, mut entries) = (0, BTreeSet::new());
        for (number, (what, block)) in UNREADABLE.iter().enumerate() {
            let order = json!({"order_id": format!("U{number}"), "product": PRODUCT, "quantity": 1,
                "price": 1});
            let order = order.to_string();
            let fact = format!("orders.confirmed.main.DIRECT.{}", id(self.sent));
            let placed = format!("orders.placed.main.DIRECT.U{number}");
            for subject in [placed.as_bytes(), b"orders.placed.main.\xff.x", fact.as_bytes()] {
                raw.publish(subject, block, order.as_bytes()).await.context(*what)?;
            }
            // notifier is called with what is confirmed.
            given_up += 1;
            for subject in ["errors.dead.stranger", "errors.stranger", "analytics.stranger"] {
                raw.publish(subject.as_bytes(), block, order.as_bytes()).await.context(*what)?;
            }
            for subject in ["orders", "files.arrived.DIRECT.7"] {
                raw.publish(subject.as_bytes(), block, order.as_bytes()).await.context(*what)?;
                given_up += 1;
            }
            let entry = raw.publish(JOURNAL.as_bytes(), block, b"{}").await.context(*what)?;
            entries.insert(entry);
            self.good().await?;
        }
        for _ in 0..3 {
            self.settled().await?;
            for args in [&["wait", "--timeout", "60s"][..], &["orders", "list"], &["files", "list"]]
            {
                self.pipeline.json(args).await?;
            }
            self.strangers_are_known(given_up, &entries).await?;
            self.pipeline.stop().await?;
            (self.pipeline, self.nats) = start(&self.options, self.work.path()).await?;
            self.good().await?;
        }
        Ok(())
    }

    /// Checks that the messages given up are dead letters, and that `verify` names the invalid entries.
    async fn strangers_are_known(&self, given_up: usize, entries: &BTreeSet<u64>) -> Result<()> {
        let (mut letters, mut strangers) = (BTreeSet::new(), 0);
        let read = tail::read(&self.nats, streams::ERRORS, "errors.>", 1, true, |letter| {
            let headers = letter.headers.as_ref();
            let header =
                |name| headers.and_then(|headers| headers.get(name)).map(ToString::to_string);
            if header(header::UNREADABLE).is_none() {
                return;
            }
            match (header(header::DEAD_STREAM), header(header::DEAD_SEQUENCE)) {
                (Some(stream), Some(sequence)) => drop(letters.insert((stream, sequence))),
                _ => strangers += 1,
            }
        });
        read.await?;
        ensure!(letters.len() == given_up, "{} dead letters, not {given_up}", letters.len());
        ensure!(strangers == 2 * UNREADABLE.len(), "{strangers} strangers among the errors");
        let doctor = self.pipeline.orderflow(&["doctor"]).await?;
        let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
        ensure!(doctor.contains("✗ dead letters: "), "doctor says {doctor}");
        let verified = self.pipeline.orderflow(&["journal", "verify", "--json"]).await?;
        let verified: Value = serde_json::from_slice(&verified.stdout).context("verify")?;
        let problems = verified.get("problems").and_then(Value::as_array).into_iter().flatten();
        let named: BTreeSet<u64> =
            problems.filter_map(|problem| problem.get("entry")?.as_u64()).collect();
        ensure!(entries.is_subset(&named), "verify names {named:?}, not all of {entries:?}");
        Ok(())
    }

    async fn foreign_entries(&mut self) -> Result<()> {
        let last = stored::last(&self.nats, streams::JOURNAL, JOURNAL).await?;
        let copy = last.context("the journal is empty")?.payload.to_vec();
        for payload in [b"hello".to_vec(), copy, vec![b'y'; LARGE], b"{}".to_vec()] {
            self.publish(JOURNAL, payload).await?;
            self.good().await?;
        }
        Ok(())
    }

    /// Publishes forged facts on the subjects of the next orders.
    async fn forged_facts(&mut self) -> Result<()> {
        for number in self.sent..self.sent + 3 {
            let subject = format!("orders.confirmed.main.DIRECT.{}", id(number));
            let fact = Outgoing::new(subject, "{}".into())
                .header(header::DECISION, "forged")
                .header(header::DECISION_SEQUENCE, &FORGED.to_string());
            publish::one(&self.nats, &fact, None).await?;
        }
        self.good().await
    }

    async fn forged_orders(&mut self) -> Result<()> {
        let line = |quantity: i64| json!({"line": 1, "product_id": PRODUCT, "quantity": quantity, "price": "1"});
        for (number, data) in [
            json!({"lines": []}),
            json!({"lines": [line(0)]}),
            json!({"lines": [line(5)], "total": "1"}),
            json!({"lines": [line(5)], "warehouse": "west"}),
            json!({"lines": [line(5)], "cancels": {"attempt": 1, "placed": 1, "decision": "d"}}),
        ]
        .into_iter()
        .enumerate()
        {
            let order = format!("forged{number}");
            let names = [("partner", "DIRECT"), ("order_id", &order), ("kind", "sale")];
            let data = with(data, names.map(|(name, value)| (name, value.into())));
            let subject = format!("orders.placed.main.DIRECT.{order}");
            let event = json!({"specversion": "1.0", "id": order, "source": "/stranger",
                "type": "orderflow.order.placed.v1", "subject": subject, "data": data});
            self.publish(&subject, event.to_string()).await?;
        }
        self.publish("orders.placed.main.DIRECT.junk", "junk").await?;
        // On the subjects of confirmed orders.
        let junk = json!({"specversion": "1.0", "id": "j", "source": "/stranger",
            "type": "orderflow.order.placed.v1", "data": {"attempt": 9}});
        for (number, payload) in (0..).zip(["junk".to_owned(), junk.to_string(), String::new()]) {
            self.publish(&format!("orders.placed.main.DIRECT.{}", id(number)), payload).await?;
        }
        self.good().await
    }

    /// Checks that good requests are answered while many unfinished requests are open on every port.
    async fn unfinished_requests(&mut self) -> Result<()> {
        let run = self.pipeline.run()?;
        let gateway: SocketAddr = run.gateway.trim_start_matches("http://").parse()?;
        let doors = run.processes.values().filter_map(|process| process.traffic);
        let mut open = Vec::new();
        for door in doors.chain([gateway]) {
            for _ in 0..100 {
                // A connection that is refused leaves room for the next one.
                let Ok(mut stream) = TcpStream::connect(door).await else { continue };
                let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n{";
                drop(stream.write_all(head.as_bytes()).await);
                open.push(stream);
            }
        }
        self.good().await?;
        let list = b"GET /system/functions HTTP/1.0\r\nHost: x\r\n\r\n";
        let asked = async {
            let mut stream = TcpStream::connect(gateway).await?;
            stream.write_all(list).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = timeout(ANSWER, asked).await.context("the gateway does not answer")??;
        ensure!(answer.contains(" 200 "), "the gateway answers {answer:.60}");
        self.settled().await
    }

    async fn restarts(&mut self) -> Result<()> {
        for _ in 0..self.options.starts {
            self.good().await?;
            self.pipeline.stop().await?;
            (self.pipeline, self.nats) = start(&self.options, self.work.path()).await?;
            self.good().await?;
            self.settled().await?;
        }
        Ok(())
    }
}

const JOURNAL: &str = "journal.inventory.main";
/// Higher than any sequence that a journal reaches.
const FORGED: u64 = 1 << 40;

/// An object with additional members.
fn with<const N: usize>(object: Value, members: [(&str, Value); N]) -> Value {
    let Value::Object(mut object) = object else { return object };
    object.extend(members.map(|(name, value)| (name.to_owned(), value)));
    object.into()
}

fn id(number: u32) -> String {
    format!("A{number}")
}
