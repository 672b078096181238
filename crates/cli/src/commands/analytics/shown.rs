//! What several verbs need.

use clap::Args;
use domain::PartnerId;
use serde_json::Value;

/// Whose figures.
#[derive(Clone, Debug, Args)]
pub(super) struct Whose {
    /// Only this partner's.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// The currency in which amounts are compared, or the total is told.
    #[arg(long)]
    pub(super) currency: Option<String>,
}

impl Whose {
    /// As fields of a query, each with `&` before it.
    pub(super) fn query(&self) -> String {
        let partner = self.partner.as_ref().map(|partner| format!("&partner={partner}"));
        let currency = self.currency.as_deref().map(machine::client::query_value);
        let currency = currency.map(|currency| format!("&currency={currency}"));
        partner.into_iter().chain(currency).collect()
    }
}

/// A field as people read it.
pub(super) fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Amounts by currency: `12.50 EUR, 3.00 USD`.
pub(super) fn amounts(value: Option<&Value>) -> String {
    let amounts = value.and_then(Value::as_object).into_iter().flatten();
    let one = |(currency, amount): (&String, &Value)| {
        format!("{} {currency}", amount.as_str().unwrap_or_default())
    };
    amounts.map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn rows<'a>(answer: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(list).and_then(Value::as_array).into_iter().flatten()
}
