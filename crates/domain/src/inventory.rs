//! What a warehouse's journal holds: its entries, and the state that they fold to.

use crate::order::Kind;
use crate::stock::{Desk, Movement, Refusal, Stock};
use crate::{Order, OrderId, PartnerId, ProductId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// Stock of the built-in catalogue, so that a first order can be placed.
pub const SEED: [(&str, i64); 5] =
    [("P001", 50), ("P002", 20), ("P003", 100), ("P004", 200), ("P005", 500)];
/// Keys of commands that are remembered; a client that repeats a command does so within these.
pub const KEYS_MAX: usize = 10_000;

/// Most characters of what a parser said of a message that cannot be read; it may repeat all of it.
const DETAIL_MAX: usize = 500;
/// Most bytes of a file's name in a decision; it is a SHA-256.
const FILE_BYTES_MAX: usize = 128;

/// One entry's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Placed orders that were decided, in stream order.
    Orders {
        /// One for each message, none left out.
        outcomes: Vec<Outcome>,
    },
    /// Stock that an operator set.
    Set {
        /// The command's idempotency key.
        key: String,
        /// What is available from now on.
        available: BTreeMap<ProductId, i64>,
    },
}

/// What became of one message of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The message's stream sequence.
    pub sequence: u64,
    /// The order, as it was placed; nothing if the message could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<RawValue>>,
    /// Which order it is. Nothing if the message could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Identity>,
    /// Movements of a confirmed order, or why it was refused.
    pub verdict: Verdict,
}

/// Which order an outcome is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's number.
    pub order_id: OrderId,
    /// Sale or return.
    pub kind: Kind,
    /// Which try.
    pub attempt: u32,
    /// SHA-256 of the file it came in, if it came in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Confirmed or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Stock has moved.
    Confirmed(Vec<Movement>),
    /// Nothing has moved.
    Refused(Refusal),
}

/// One message of the input.
#[derive(Debug)]
pub struct Input<'a> {
    /// Stream sequence.
    pub sequence: u64,
    /// The event's `data`.
    pub data: Option<&'a RawValue>,
    /// The event's `file` extension.
    pub file: Option<String>,
    /// Partner and order that the message's subject names.
    pub named: Option<(PartnerId, OrderId)>,
}

impl Input<'_> {
    /// The file; nothing where it is no file's hash. A decision must fit into one message.
    fn file(&self) -> Option<String> {
        self.file.clone().filter(|file| file.len() <= FILE_BYTES_MAX)
    }
}

/// What the journal of a warehouse folds to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Stock now.
    pub stock: Stock,
    /// Idempotency keys of applied commands, with the number of the command.
    pub keys: HashMap<String, u64>,
    commands: u64,
}

impl State {
    /// The state before any entry: the seed catalogue.
    #[must_use]
    pub fn seeded() -> Self {
        let mut state = Self::default();
        for (product, available) in SEED {
            let product = ProductId::parse(product).expect("the seed's ids are valid");
            state.stock.set(product, available);
        }
        state
    }

    /// Folds one entry in.
    pub fn apply(&mut self, body: &Body) {
        match body {
            Body::Orders { outcomes } => {
                for outcome in outcomes {
                    if let Verdict::Confirmed(movements) = &outcome.verdict {
                        movements.iter().for_each(|movement| self.stock.apply(movement));
                    }
                }
            }
            Body::Set { key, available } => {
                for (product, available) in available {
                    self.stock.set(product.clone(), *available);
                }
                self.commands += 1;
                self.keys.insert(key.clone(), self.commands);
                if self.keys.len() > KEYS_MAX {
                    let oldest = self.commands - KEYS_MAX as u64;
                    self.keys.retain(|_, number| *number > oldest);
                }
            }
        }
    }
}

/// Decides `inputs` in their order. Bad input is decided too: refused, with its reason.
///
/// Stops before the decision grows beyond `bytes_max`, but decides at least one input.
#[must_use]
pub fn decide(stock: &Stock, inputs: &[Input<'_>], bytes_max: usize) -> Vec<Outcome> {
    let mut desk = Desk::new(stock);
    let mut bytes = 0;
    let mut outcomes = Vec::with_capacity(inputs.len());
    for input in inputs {
        let outcome = decide_one(&mut desk, input);
        let moved = match &outcome.verdict {
            Verdict::Confirmed(movements) => movements.len(),
            Verdict::Refused(_) => 1,
        };
        // The order as it came, and about 200 bytes a movement with the longest product id.
        bytes += input.data.map_or(0, |data| data.get().len()) + 500 + moved * 200;
        if bytes > bytes_max && !outcomes.is_empty() {
            break;
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn decide_one(desk: &mut Desk<'_>, input: &Input<'_>) -> Outcome {
    let order = match read(input) {
        Ok(order) => order,
        Err(detail) => return refuse(input, detail),
    };
    let verdict = match desk.decide(&order) {
        Ok(movements) => Verdict::Confirmed(movements),
        Err(refusal) => Verdict::Refused(refusal),
    };
    let id = Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: order.kind,
        attempt: order.attempt,
        file: input.file(),
    };
    let order = input.data.map(ToOwned::to_owned);
    Outcome { sequence: input.sequence, order, id: Some(id), verdict }
}

fn read(input: &Input<'_>) -> Result<Order, String> {
    let data = input.data.ok_or("the event has no data")?;
    let order: Order = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    match &input.named {
        Some((partner, id)) if (partner, id) != (&order.partner, &order.order_id) => {
            Err(format!("it is order {} of {}", order.order_id, order.partner))
        }
        _ => Ok(order),
    }
}

fn refuse(input: &Input<'_>, detail: String) -> Outcome {
    let id = input.named.clone().map(|(partner, order_id)| Identity {
        partner,
        order_id,
        kind: Kind::Sale,
        attempt: 1,
        file: input.file(),
    });
    let detail = match detail.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => detail.get(..end).unwrap_or_default().to_owned() + "…",
        None => detail,
    };
    let verdict = Verdict::Refused(Refusal::Unreadable { detail });
    Outcome { sequence: input.sequence, order: None, id, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Terms;
    use crate::raw;
    use chrono::DateTime;
    use serde_json::json;

    fn placed(id: &str, product: &str, quantity: i64) -> Box<RawValue> {
        let json = json!({"order_id": id, "product_id": product, "quantity": quantity, "price": 1});
        let order =
            raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
        serde_json::value::to_raw_value(&order).unwrap()
    }

    #[test]
    fn every_input_is_decided_and_the_fold_gives_the_stock() {
        let orders = [placed("1", "P002", 15), placed("2", "P002", 15), placed("3", "P002", -1)];
        let garbage = RawValue::from_string("{\"order_id\":1}".into()).unwrap();
        let mut inputs: Vec<_> = (1..)
            .zip(&orders)
            .map(|(sequence, data)| Input { sequence, data: Some(data), file: None, named: None })
            .collect();
        inputs.push(Input { sequence: 4, data: Some(&garbage), file: None, named: None });
        inputs.push(Input { sequence: 5, data: None, file: None, named: None });
        let mut state = State::seeded();
        let outcomes = decide(&state.stock, &inputs, usize::MAX);
        let confirmed: Vec<_> =
            outcomes.iter().map(|o| matches!(o.verdict, Verdict::Confirmed(_))).collect();
        assert_eq!(confirmed, [true, false, true, false, false]);
        let body = Body::Orders { outcomes };
        let again: Body = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
        state.apply(&again);
        assert_eq!(state.stock.get(&ProductId::parse("P002").unwrap()).unwrap().available, 6);
    }

    #[test]
    fn a_decision_stops_before_it_grows_too_large() {
        let order = placed("1", "P001", 1);
        let inputs: Vec<_> = (1..=10)
            .map(|sequence| Input { sequence, data: Some(&order), file: None, named: None })
            .collect();
        let stock = State::seeded().stock;
        assert_eq!(decide(&stock, &inputs, 0).len(), 1);
        assert_eq!(decide(&stock, &inputs, 3_500).len(), 3);
        assert_eq!(decide(&stock, &inputs, usize::MAX).len(), 10);
    }

    #[test]
    fn a_decision_does_not_repeat_what_makes_it_too_large() {
        let long = "\u{1}\"x".repeat(100_000);
        let data = RawValue::from_string(json!({"order_id": long}).to_string()).unwrap();
        let order = placed("1", "P001", 1);
        let stock = State::seeded().stock;
        for data in [&data, &order] {
            let file = Some(long.clone());
            let input = Input { sequence: 1, data: Some(data), file, named: None };
            let outcomes = decide(&stock, &[input], usize::MAX);
            assert!(serde_json::to_string(&outcomes).unwrap().len() < 5_000);
        }
    }

    #[test]
    fn applied_keys_are_remembered_up_to_the_limit() {
        let mut state = State::default();
        for number in 0..=KEYS_MAX {
            state.apply(&Body::Set { key: number.to_string(), available: BTreeMap::new() });
        }
        assert_eq!(state.keys.len(), KEYS_MAX);
        assert!(!state.keys.contains_key("0") && state.keys.contains_key("1"));
    }
}
