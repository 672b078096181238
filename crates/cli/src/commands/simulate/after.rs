//! What is done to made-up sales once they are confirmed: some are amended, some shipped, some cancelled.

use anyhow::{Context as _, Result};
use axum::http::Method;
use domain::{OrderId, PartnerId};
use futures_util::{StreamExt as _, stream};
use load::{ALL, Message, What};
use machine::client::{Level, Pipeline, Refused, query_value};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terminal::output;

/// Sales that something is done to at once.
const AT_ONCE: usize = 16;
/// How long a sale may take until it is decided.
const WAIT: &str = "60s";

/// Shares of all sales, in parts of a million.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) amends: u32,
    pub(super) ships: u32,
    pub(super) cancels: u32,
}

/// What is done to a sale.
#[derive(Clone, Debug, PartialEq)]
enum Verb {
    /// It is to have this content.
    Amend(Value),
    /// All of it at once.
    Ship,
    /// One piece, then the rest.
    ShipInParts,
    Cancel,
}

/// A sale that was chosen.
#[derive(Debug)]
struct Sale {
    partner: PartnerId,
    order_id: OrderId,
    verb: Verb,
}

/// Sales that were chosen while they were sent.
#[derive(Debug)]
pub(super) struct Chosen {
    shares: Shares,
    seed: u64,
    sales: Vec<Sale>,
}

/// What became of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Done {
    /// Sales whose amendment was placed.
    amended: u64,
    /// Sales of which all is shipped.
    shipped: u64,
    /// Sales whose cancellation was placed.
    cancelled: u64,
    /// Sales to which nothing could be done: they were refused, or came back before.
    not_done: u64,
}

impl Chosen {
    pub(super) fn new(shares: Shares, seed: u64) -> Self {
        Self { shares, seed, sales: Vec::new() }
    }

    /// Chooses what is done to the sale in message `index`, if it is one. The same seed chooses the same.
    pub(super) fn sent(&mut self, index: u64, message: &Message) {
        #[derive(Deserialize)]
        struct Named {
            order_id: OrderId,
            #[serde(default = "PartnerId::direct")]
            partner: PartnerId,
        }
        if message.what != What::Sale {
            return;
        }
        let Shares { amends, ships, cancels } = self.shares;
        let mut rng = fastrand::Rng::with_seed(self.seed ^ index.rotate_left(32));
        let roll = rng.u32(..ALL);
        let shipped = amends.saturating_add(ships);
        let verb = match roll {
            roll if roll < amends => match more(&message.body) {
                Some(order) => Verb::Amend(order),
                None => return,
            },
            roll if roll < shipped && rng.bool() => Verb::ShipInParts,
            roll if roll < shipped => Verb::Ship,
            roll if roll < shipped.saturating_add(cancels) => Verb::Cancel,
            _ => return,
        };
        if let Ok(Named { order_id, partner }) = serde_json::from_slice(&message.body) {
            self.sales.push(Sale { partner, order_id, verb });
        }
    }

    /// Does it to each of them as soon as it is decided; nothing if none was asked for.
    ///
    /// # Errors
    /// A function does not answer.
    pub(super) async fn run(self, pipeline: &Pipeline) -> Result<Option<Done>> {
        let Shares { amends, ships, cancels } = self.shares;
        if (amends, ships, cancels) == (0, 0, 0) {
            return Ok(None);
        }
        let bar = output::progress(self.sales.len() as u64, "{wide_bar} {pos}/{len} sales");
        let calls = self.sales.iter().map(|sale| async {
            let ended = sale.apply(pipeline).await;
            bar.inc(1);
            ended.map(|is_done| (&sale.verb, is_done))
        });
        let mut calls = stream::iter(calls).buffer_unordered(AT_ONCE);
        let mut done = Done::default();
        while let Some(ended) = calls.next().await {
            match ended.context(
                "what was sent before is there; the rest was not amended, shipped or cancelled",
            )? {
                (_, false) => done.not_done += 1,
                (Verb::Amend(_), true) => done.amended += 1,
                (Verb::Cancel, true) => done.cancelled += 1,
                (Verb::Ship | Verb::ShipInParts, true) => done.shipped += 1,
            }
        }
        bar.finish_and_clear();
        Ok(Some(done))
    }
}

/// The same order with one piece more.
fn more(body: &[u8]) -> Option<Value> {
    let mut order: Value = serde_json::from_slice(body).ok()?;
    let quantity = match order.get("lines").is_some() {
        true => order.pointer_mut("/lines/0/quantity")?,
        false => order.get_mut("quantity")?,
    };
    *quantity = json!(quantity.as_i64()? + 1);
    order.as_object_mut()?.remove("total");
    Some(order)
}

impl Done {
    pub(super) fn line(&self) -> String {
        let Self { amended, shipped, cancelled, not_done } = self;
        format!(
            "{amended} sales being amended, {shipped} shipped, {cancelled} being cancelled; to {not_done} nothing \
             was done, because they were refused or came back before"
        )
    }
}

impl Sale {
    /// Could it be done?
    async fn apply(&self, pipeline: &Pipeline) -> Result<bool> {
        let Self { partner, order_id, verb } = self;
        let id = query_value(order_id.as_str());
        let path = format!("status-checker/orders/{partner}/{id}?wait={WAIT}");
        let found: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        if found.get("status").and_then(Value::as_str) != Some("confirmed") {
            return Ok(false);
        }
        let mut body = json!({"partner": partner, "order_id": order_id});
        let mut set = |name: &str, value: Value| {
            body.as_object_mut().and_then(|members| members.insert(name.to_owned(), value));
        };
        match verb {
            Verb::Amend(order) => {
                set("order", order.clone());
                post(pipeline, "order-ingest/amend", "amend", &body).await
            }
            Verb::Cancel => post(pipeline, "order-ingest/cancel", "cancel", &body).await,
            Verb::Ship | Verb::ShipInParts => {
                set("warehouse", found.get("warehouse").cloned().unwrap_or_default());
                let mut is_shipped = false;
                if *verb == Verb::ShipInParts
                    && let Some(product) =
                        found.pointer("/order/lines/0/product_id").and_then(Value::as_str)
                {
                    let mut part = body.clone();
                    part.as_object_mut()
                        .map(|part| part.insert("products".into(), json!({product: 1})));
                    is_shipped = post(pipeline, "inventory/shipments", "part", &part).await?;
                }
                // One piece may be all of it.
                Ok(post(pipeline, "inventory/shipments", "rest", &body).await? || is_shipped)
            }
        }
    }
}

/// Posts a command under a key of its order. Was it taken? What is refused came back, or was all shipped, before.
async fn post(pipeline: &Pipeline, path: &str, what: &str, body: &Value) -> Result<bool> {
    let of = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let key = format!("simulate-{what}-{}-{}", of("partner"), of("order_id"));
    let more = Some((key, serde_json::to_vec(body)?));
    let answer: Result<Value> = pipeline.call(Level::Admin, Method::POST, path, more).await;
    match answer {
        Err(error) if error.is::<Refused>() => Ok(false),
        answer => answer.map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_sales_and_the_same_seed_chooses_the_same() {
        let choose = |shares| {
            let mut chosen = Chosen::new(shares, 7);
            for index in 0..1_000 {
                let body = json!({"order_id": index.to_string(), "product": "P001", "quantity": 1, "price": 2});
                let what = if index % 2 == 0 { What::Sale } else { What::Return };
                let (id, body) = (index.to_string(), body.to_string().into());
                chosen.sent(index, &Message { what, id, body });
            }
            chosen.sales
        };
        let shares = Shares { amends: ALL / 4, ships: ALL / 2, cancels: ALL / 4 };
        let sales = choose(shares);
        assert_eq!(sales.len(), 500);
        let of = |is: fn(&Verb) -> bool| sales.iter().filter(|sale| is(&sale.verb)).count();
        assert!((100..150).contains(&of(|verb| matches!(verb, Verb::Amend(_)))));
        assert!((100..150).contains(&of(|verb| *verb == Verb::Cancel)));
        assert!((100..150).contains(&of(|verb| *verb == Verb::ShipInParts)));
        let again = choose(shares);
        assert!(sales.iter().zip(&again).all(|(one, two)| one.verb == two.verb));
        assert!(choose(Shares { amends: 0, ships: 0, cancels: 0 }).is_empty());
        let Some(Sale { verb: Verb::Amend(order), .. }) =
            sales.iter().find(|sale| matches!(sale.verb, Verb::Amend(_)))
        else {
            panic!("one is amended")
        };
        assert_eq!(order["quantity"], 2);
    }
}
