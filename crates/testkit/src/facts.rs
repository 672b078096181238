//! Stores many orders with their decisions at once, to measure programs that read them.

use anyhow::{Context as _, Result, ensure};
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, Stage};
use messaging::{Nats, header, streams};
use serde_json::json;
use std::time::Instant;

/// What to store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Number of orders: one in ten is refused, and each 97th is not decided.
    pub orders: u64,
    /// Number of partners, `P0` and so on.
    pub partners: u64,
    /// Orders per file.
    pub per_file: u64,
    /// Number of customers, who have cards and order in turn; 0: orders name nobody.
    pub customers: u64,
}

/// Most messages without acknowledgement.
const AT_ONCE: u64 = 1_000;

/// Creates the streams and stores the orders like the functions would: placed, then decided.
///
/// # Errors
/// If the server does not answer, or orders with these numbers exist.
pub async fn store(url: &str, options: Options) -> Result<String> {
    let nats = Nats::connect(url, "testkit", false).await?;
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.map_err(anyhow::Error::msg).with_context(|| step.name)?;
    }
    let began = Instant::now();
    cards(&nats, options).await?;
    let mut messages = 0;
    for from in (0..options.orders).step_by(usize::try_from(AT_ONCE)?) {
        let numbers = from..options.orders.min(from + AT_ONCE);
        let placed: Vec<_> = numbers.clone().map(|n| message(n, Stage::Placed, options)).collect();
        let decided: Vec<_> = numbers.filter_map(|n| Some(message(n, fate(n)?, options))).collect();
        for all in [placed, decided] {
            let all = all.into_iter().collect::<Result<Vec<_>>>()?;
            for stored in publish::all(&nats, &all, Some(0)).await {
                ensure!(stored? != Published::Occupied, "these orders are there already");
                messages += 1;
            }
        }
    }
    let Options { orders, customers, .. } = options;
    let seconds = began.elapsed().as_secs_f32();
    Ok(format!("{customers} customers, {orders} orders, {messages} messages in {seconds:.1} s"))
}

/// The partner of an order or a customer.
fn partner(number: u64, options: Options) -> Result<PartnerId> {
    Ok(PartnerId::parse(&format!("P{}", number % options.partners.max(1)))?)
}

/// Stores a card for each customer, as a record that nothing has to be done about.
async fn cards(nats: &Nats, options: Options) -> Result<()> {
    for from in (0..options.customers).step_by(usize::try_from(AT_ONCE)?) {
        let numbers = from..options.customers.min(from + AT_ONCE);
        let cards: Vec<_> =
            numbers.map(|number| card(number, options)).collect::<Result<Vec<_>>>()?;
        for stored in publish::all(nats, &cards, Some(0)).await {
            ensure!(stored? != Published::Occupied, "these customers are there already");
        }
    }
    Ok(())
}

fn card(number: u64, options: Options) -> Result<Outgoing> {
    let partner = partner(number, options)?;
    let entry = json!({
        "value": {
            "partner": partner, "id": format!("C{number:07}"), "name": format!("Ana López {number}"),
            "email": format!("ana{number}@example.org"), "phone": format!("+336{number:08}"),
            "delivery": {"lines": [format!("{} rue de la Paix", number % 200)], "city": "Paris",
                "postal_code": format!("75{:03}", number % 20), "country": "FR"},
        },
        "write": format!("testkit:{number}"), "by": "testkit", "at": "2026-01-02T03:04:05Z", "told": 0,
    });
    let bucket = streams::CUSTOMER_CARDS;
    let subject = format!("$KV.{bucket}.record.{partner}.C{number:07}");
    Ok(Outgoing::new(subject, serde_json::to_vec(&entry)?.into()))
}

/// The decision on an order; `None` if it is not decided.
fn fate(number: u64) -> Option<Stage> {
    match number {
        number if number.is_multiple_of(97) => None,
        number if number.is_multiple_of(10) => Some(Stage::Refused),
        _ => Some(Stage::Confirmed),
    }
}

fn message(number: u64, stage: Stage, options: Options) -> Result<Outgoing> {
    let Options { per_file, customers, .. } = options;
    let customer = number.checked_rem(customers);
    let partner = partner(customer.unwrap_or(number), options)?;
    let customer = customer.map(|customer| format!("C{customer:07}"));
    let order_id = OrderId::parse(&format!("K{number:07}"))?;
    let subject = subject::order(stage, &WarehouseId::main(), &partner, &order_id);
    let total = format!("{}.{:02}", 10 + number % 500, number % 100);
    let file = format!("{:064x}", number / per_file.max(1));
    let lines: Vec<_> = (0..4)
        .map(|line| {
            let product = format!("P{:03}", (number + line) % 1_000);
            json!({"product_id": product, "quantity": 1 + line, "unit_price": "2.50"})
        })
        .collect();
    let event = json!({
        "specversion": "1.0",
        "id": format!("{file}:{number}"),
        "source": "/orderflow/testkit",
        "type": format!("orderflow.order.{}.v1", stage.as_str()),
        "time": "2026-01-02T03:04:05Z",
        "data": {
            "partner": partner, "order_id": order_id, "attempt": 1, "currency": "EUR",
            "total": total, "lines": lines, "customer": customer.as_ref().map(|id| json!({"id": id})),
        },
    });
    let mut message = Outgoing::new(subject, serde_json::to_vec(&event)?.into())
        .header(header::CONTENT, &format!("{number:064x}"))
        .header(header::ATTEMPT, "1")
        .header(header::DECISION_SEQUENCE, "1")
        .header(header::KIND, if number.is_multiple_of(50) { "return" } else { "sale" })
        .header(header::FILE, &file);
    if let Some(customer) = &customer {
        let summary =
            format!("currency=EUR;total={total};ordered=1767323045000;customer={customer}");
        message = message.header(header::SUMMARY, &summary);
        if stage == Stage::Placed {
            message = message.header(header::CUSTOMER, customer);
        }
    }
    message = match stage {
        Stage::Placed => message.header(header::TOTAL, &total),
        Stage::Confirmed | Stage::Returned | Stage::Shipped => message,
        Stage::Refused => message.header(header::REASON, "insufficient_stock"),
    };
    Ok(message)
}
