//! `orderflow customers …`: over HTTP on the function customers.

use std::str::FromStr;

use anyhow::{Context as _, Result};
use axum::http::Method;
use clap::Subcommand;
use domain::{CustomerId, PartnerId};
use machine::client::{Level, Pipeline, key, query_value};
use serde_json::{Map, Value, json};
use terminal::Failure;
use terminal::output;

use crate::confirm::{Yes, confirm};
use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow customers list --partner US1
  orderflow customers list --email ana@example.org
  orderflow customers show US1/17850
  orderflow customers set US1/17850 name=Ana phone=+33612345678 opt_outs=sms
  orderflow customers erase US1/17850";

/// Cards of customers, and what is known of persons.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Customers {
    /// List customers, or look for some.
    List {
        /// Of this partner.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// With this in the name or the company.
        #[arg(long)]
        name: Option<String>,
        /// With this e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// With this telephone number.
        #[arg(long)]
        phone: Option<String>,
        /// With this number of the partner's.
        #[arg(long)]
        number: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// The card of a customer, with totals and the newest orders.
    #[command(alias = "get")]
    Show {
        /// `PARTNER/ID`.
        customer: Customer,
    },
    /// Change fields of a card, or make it.
    Set {
        /// `PARTNER/ID`.
        customer: Customer,
        /// `FIELD=VALUE`; nothing behind the `=` takes the field away. A dot goes into an address: `billing.city`.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        fields: Vec<Field>,
    },
    /// Take away what is known of a person, and say what stays. This cannot be undone.
    Erase {
        /// `PARTNER/ID`.
        customer: Customer,
        #[command(flatten)]
        yes: Yes,
    },
}

/// A customer of a partner.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    partner: PartnerId,
    id: CustomerId,
}

impl FromStr for Customer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (partner, id) = text.split_once('/').ok_or("is not PARTNER/ID, as US1/17850")?;
        let partner = PartnerId::parse(partner).map_err(|error| format!("the partner {error}"))?;
        let id = CustomerId::parse(id).map_err(|error| format!("the id {error}"))?;
        Ok(Self { partner, id })
    }
}

impl std::fmt::Display for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.partner, self.id)
    }
}

impl Customer {
    fn path(&self) -> String {
        format!("customers/customers/{}/{}", self.partner, query_value(self.id.as_str()))
    }
}

/// A field of a card, and what it becomes.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    path: Vec<String>,
    value: Value,
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("is not FIELD=VALUE")?;
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("has no name before the =".into());
        }
        let list = || value.split(',').map(|part| part.trim().into()).collect();
        let value = match (path.last().map_or("", String::as_str), value) {
            (_, "") => Value::Null,
            ("vip" | "email_shared", value) => {
                value.parse::<bool>().map_err(|_| "is neither true nor false")?.into()
            }
            ("opt_outs", _) => Value::Array(list()),
            ("lines", _) => Value::Array(vec![value.into()]),
            (_, value) => value.into(),
        };
        Ok(Self { path, value })
    }
}

/// The fields as a merge patch.
fn patch(fields: &[Field]) -> Map<String, Value> {
    let mut patch = Map::new();
    for Field { path, value } in fields {
        put(&mut patch, path, value);
    }
    patch
}

fn put(members: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [last] => drop(members.insert(last.clone(), value.clone())),
        [first, rest @ ..] => {
            let inner = members.entry(first.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Map::new().into();
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

pub(crate) async fn run(global: &Global, command: &Customers) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Customers::List { partner, name, email, phone, number, limit } => {
            let looked_for =
                [("name", name), ("email", email), ("phone", phone), ("number", number)];
            let is_search = looked_for.iter().any(|(_, value)| value.is_some());
            let base = if is_search { "customers/search" } else { "customers/customers" };
            let mut path = format!("{base}?limit={limit}");
            if let Some(partner) = partner {
                path += &format!("&partner={partner}");
            }
            for (field, value) in looked_for {
                if let Some(value) = value {
                    path += &format!("&{field}={}", query_value(value));
                }
            }
            list(&pipeline, &path).await
        }
        Customers::Show { customer } => show(&pipeline, customer).await,
        Customers::Set { customer, fields } => set(&pipeline, customer, fields).await,
        Customers::Erase { customer, yes } => erase(&pipeline, customer, *yes).await,
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

async fn list(pipeline: &Pipeline, path: &str) -> Result<()> {
    let answer: Value = pipeline.call(Level::Read, Method::GET, path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let customers = answer.get("customers").and_then(Value::as_array);
    let row = |card: &Value| {
        let id = format!("{}/{}", text(card, "partner"), text(card, "id"));
        let rest = ["name", "email", "phone"].map(|field| text(card, field).to_owned());
        std::iter::once(id).chain(rest).collect()
    };
    output::table(
        &["customer", "name", "e-mail", "telephone"],
        &[],
        customers.into_iter().flatten().map(row),
    );
    let more = answer.get("next").is_some() || answer.get("more") == Some(&Value::Bool(true));
    if more {
        output::note("there are more: --limit shows up to 1000, and --name finds some");
    }
    Ok(())
}

async fn show(pipeline: &Pipeline, customer: &Customer) -> Result<()> {
    let path = customer.path();
    let card: Result<Value> = pipeline.call(Level::Read, Method::GET, &path, None).await;
    let orders = format!("{path}/orders?limit=10");
    let history: Value = pipeline.call(Level::Read, Method::GET, &orders, None).await?;
    let has_orders = |field: &str| {
        let is_empty = match history.get(field) {
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(items)) => items.is_empty(),
            _ => true,
        };
        !is_empty
    };
    // Customers of whom no order said more than a number have no card.
    let card = match card {
        Ok(card) => card,
        Err(_) if has_orders("orders") || has_orders("totals") => Value::Null,
        Err(error) => return Err(error),
    };
    if pipeline.json {
        output::json(&json!({"card": card, "history": history}));
        return Ok(());
    }
    match &card {
        Value::Object(fields) => {
            for (field, value) in fields {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                output::line(format_args!("{field}: {shown}"));
            }
        }
        _ => output::line(format_args!("{customer} has no card")),
    }
    let totals = history.get("totals").and_then(Value::as_object);
    for (currency, total) in totals.into_iter().flatten() {
        let count = |field: &str| total.get(field).and_then(Value::as_i64).unwrap_or_default();
        let (orders, returns, amount) = (count("orders"), count("returns"), text(total, "amount"));
        output::line(format_args!("{currency}: {amount} in {orders} sales and {returns} returns"));
    }
    let orders = history.get("orders").and_then(Value::as_array);
    let row = |order: &Value| {
        vec![text(order, "order_id").to_owned(), text(order, "placed_at").to_owned()]
    };
    output::table(&["order", "placed"], &[], orders.into_iter().flatten().map(row));
    Ok(())
}

async fn set(pipeline: &Pipeline, customer: &Customer, fields: &[Field]) -> Result<()> {
    let fields = patch(fields);
    let body = |fields: &Map<String, Value>| serde_json::to_vec(fields).context("the fields");
    let more = Some((key(), body(&fields)?));
    let changed = pipeline.call(Level::Admin, Method::PATCH, &customer.path(), more).await;
    let card: Value = match changed {
        Err(error) if matches!(error.downcast_ref(), Some(Failure::NotFound { .. })) => {
            let mut fields = fields;
            fields.retain(|_, value| !value.is_null());
            fields.insert("partner".into(), customer.partner.as_str().into());
            fields.insert("id".into(), customer.id.as_str().into());
            let more = Some((key(), body(&fields)?));
            pipeline.call(Level::Admin, Method::POST, "customers/customers", more).await?
        }
        changed => changed?,
    };
    if pipeline.json {
        output::json(&card);
    } else {
        output::line(format_args!("customer {customer} is changed"));
    }
    Ok(())
}

async fn erase(pipeline: &Pipeline, customer: &Customer, yes: Yes) -> Result<()> {
    let preview = [format!(
        "the card of {customer} goes, and what orders said of the person; the orders themselves stay, with the id"
    )];
    confirm(&preview, &format!("Erase customer {customer}?"), yes)?;
    let path = format!("{}/erase", customer.path());
    let erased: Value = pipeline.call(Level::Admin, Method::POST, &path, None).await?;
    let counts = erased.get("erased").and_then(Value::as_array).into_iter().flatten();
    let count: u64 = counts.filter_map(|gone| gone.get("count").and_then(Value::as_u64)).sum();
    if count == 0 {
        let what = format!(
            "nothing of {customer} is there to erase; an address as number has a pseudonym as id: \
             orderflow customers list --number {}",
            customer.id
        );
        return Err(Failure::NotFound { what }.into());
    }
    if pipeline.json {
        output::json(&erased);
        return Ok(());
    }
    let rows = |list: &str| erased.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    for gone in rows("erased") {
        let count = gone.get("count").and_then(Value::as_u64).unwrap_or_default();
        let (place, what) = (text(&gone, "place"), text(&gone, "what"));
        output::line(format_args!("✓ {place}: {what}: {count} erased"));
    }
    for stays in rows("stays") {
        let [place, what, why, until] =
            ["place", "what", "why", "until"].map(|field| text(&stays, field));
        output::line(format_args!("! {place}: {what} stay until {until}: {why}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_a_merge_patch() {
        let fields =
            ["name=Ana = x", "vip=true", "phone=", "billing.city=Lyon", "billing.lines=1 rue X"];
        let fields: Vec<Field> = fields.iter().map(|field| field.parse().unwrap()).collect();
        let expected = json!({"name": "Ana = x", "vip": true, "phone": null,
            "billing": {"city": "Lyon", "lines": ["1 rue X"]}});
        assert_eq!(Value::from(patch(&fields)), expected);
        for wrong in ["name", "=x", "vip=yes", "a..b=1"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong}");
        }
        let customer: Customer = "US1/a/b".parse().unwrap();
        assert_eq!(customer.path(), "customers/customers/US1/a%2Fb");
        assert!("US1".parse::<Customer>().is_err());
    }
}
