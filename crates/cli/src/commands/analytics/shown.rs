//! What several verbs need.

use clap::Args;
use domain::currency::shown;
use domain::{Money, PartnerId};
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
        format!("{} {currency}", money(amount.as_str().unwrap_or_default(), currency))
    };
    amounts.map(one).collect::<Vec<_>>().join(", ")
}

/// A field that is an amount, with the decimals of its currency.
pub(super) fn amount(value: &Value, field: &str, currency: &str) -> String {
    money(&text(value, field), currency)
}

/// A sum may be larger than any amount; then it stays as it is.
fn money(text: &str, currency: &str) -> String {
    Money::parse(text).map_or_else(|_| text.to_owned(), |money| shown(money, currency))
}

pub(super) fn rows<'a>(answer: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(list).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_have_the_decimals_of_their_currencies() {
        let sums = json!({"EUR": "2.50", "JPY": "1200.00", "KWD": "0.50"});
        assert_eq!(amounts(Some(&sums)), "2.50 EUR, 1200 JPY, 0.500 KWD");
        let huge = json!({"total": "92233720368547758070.50"});
        assert_eq!(amount(&huge, "total", "JPY"), "92233720368547758070.50");
    }
}
