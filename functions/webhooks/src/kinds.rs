//! Events as shops know them: their names, and what they say.

use messaging::events;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal;)*) => {
        /// What a subscription may be told of.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        pub(crate) enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl Kind {
            /// Its name.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Stock is reserved for an order.
    OrderConfirmed "order.confirmed";
    /// An order was not taken, and why.
    OrderRefused "order.refused";
    /// An order was taken back.
    OrderCancelled "order.cancelled";
    /// All of an order or a part of it left.
    OrderShipped "order.shipped";
    /// An invoice.
    InvoiceIssued "invoice.issued";
    /// What takes an invoice back.
    CreditNoteIssued "credit_note.issued";
    /// A file came.
    FileReceived "file.received";
    /// A file was read, and its results are in the depot.
    FileReported "file.reported";
    /// A file was refused as a whole.
    FileRefused "file.refused";
    /// Less of a product is left than its threshold.
    StockLow "stock.low";
}

/// Types of events that are read.
pub(crate) const TYPES: [&str; 9] = [
    events::ORDER_CONFIRMED,
    events::ORDER_REFUSED,
    events::ORDER_SHIPPED,
    events::INVOICE_ISSUED,
    events::CREDIT_NOTE_ISSUED,
    events::FILE_ARRIVED,
    events::FILE_TRANSFORMED,
    events::FILE_FAILED,
    events::STOCK_LOW,
];

/// Fields of a document that are passed on: none of them says anything of a person.
const OF_DOCUMENTS: [&str; 8] =
    ["number", "kind", "issued_on", "issued_at", "due_on", "currency", "payable", "supply"];

/// What an event tells.
pub(crate) struct Told {
    pub(crate) kind: Kind,
    /// Whose order or file it is; nothing where it is of the operator alone.
    pub(crate) partner: Option<String>,
    /// As the event has it, to the last digit; of a document a part.
    pub(crate) data: Box<RawValue>,
}

impl Told {
    /// Nothing if nobody is told of such an event.
    ///
    /// # Errors
    /// Its data are no JSON.
    pub(crate) fn of(event_type: &str, raw: &RawValue) -> Result<Option<Self>, serde_json::Error> {
        let data: Value = serde_json::from_str(raw.get())?;
        let text = |path: &str| data.pointer(path).and_then(Value::as_str);
        let is_cancelled = || {
            let reason = text("/refusal/code").or_else(|| text("/refusal/reason"));
            reason == Some("cancelled")
        };
        let kind = match event_type {
            events::ORDER_CONFIRMED => Kind::OrderConfirmed,
            events::ORDER_REFUSED if is_cancelled() => Kind::OrderCancelled,
            events::ORDER_REFUSED => Kind::OrderRefused,
            events::ORDER_SHIPPED => Kind::OrderShipped,
            events::INVOICE_ISSUED => Kind::InvoiceIssued,
            events::CREDIT_NOTE_ISSUED => Kind::CreditNoteIssued,
            events::FILE_ARRIVED => Kind::FileReceived,
            events::FILE_TRANSFORMED => Kind::FileReported,
            events::FILE_FAILED => Kind::FileRefused,
            events::STOCK_LOW => Kind::StockLow,
            _ => return Ok(None),
        };
        let partner = text("/partner").or_else(|| text("/supply/partner")).map(str::to_owned);
        let data = match kind {
            Kind::InvoiceIssued | Kind::CreditNoteIssued => to_raw_value(&of_document(data))?,
            _ => raw.to_owned(),
        };
        Ok(Some(Self { kind, partner, data }))
    }
}

fn of_document(mut data: Value) -> Value {
    let take = |name: &&str| Some(((*name).to_owned(), data.get_mut(*name)?.take()));
    Value::Object(OF_DOCUMENTS.iter().filter_map(take).collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_has_the_name_that_shops_know_and_the_partner_that_it_is_of() {
        let of = |kind, data: Value| {
            let told = Told::of(kind, &to_raw_value(&data).unwrap()).unwrap();
            told.map(|told| (told.kind.name(), told.partner))
        };
        let us1 = Some("US1".to_owned());
        let cancelled = json!({"partner": "US1", "refusal": {"reason": "cancelled"}});
        for (kind, data, name, partner) in [
            (events::ORDER_CONFIRMED, json!({"partner": "US1"}), "order.confirmed", us1.clone()),
            (events::ORDER_REFUSED, cancelled, "order.cancelled", us1.clone()),
            (events::ORDER_REFUSED, json!({"partner": "US1"}), "order.refused", us1.clone()),
            (events::FILE_FAILED, json!({"partner": "US1"}), "file.refused", us1.clone()),
            (events::STOCK_LOW, json!({"product": "P1"}), "stock.low", None),
        ] {
            assert_eq!(of(kind, data), Some((name, partner)));
        }
        assert_eq!(of(events::ORDER_PLACED, json!({})), None);
    }

    #[test]
    fn what_a_document_says_of_a_person_is_not_passed_on() {
        let document = json!({
            "number": "A-1", "payable": "12.00", "buyer": {"name": "Ana"},
            "supply": {"partner": "US1", "order_id": "A1"}, "lines": [{"description": "x"}],
        });
        let told = Told::of(events::INVOICE_ISSUED, &to_raw_value(&document).unwrap());
        let told = told.unwrap().unwrap();
        assert_eq!(told.partner.as_deref(), Some("US1"));
        let expected = json!({
            "number": "A-1", "payable": "12.00", "supply": {"partner": "US1", "order_id": "A1"},
        });
        let data: Value = serde_json::from_str(told.data.get()).unwrap();
        assert_eq!(data, expected);
    }

    #[test]
    fn what_is_passed_on_keeps_its_digits() {
        let text =
            r#"{"partner": "US1", "weight": 0.10000000000000000001, "big": 18446744073709551617}"#;
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let told = Told::of(events::ORDER_CONFIRMED, raw).unwrap().unwrap();
        assert_eq!(told.data.get(), text);
    }
}
