//! What was invoiced, by partner and by customer: a fold of `invoices.issued.>` by headers.

use crate::amount::{Code, Units};
use crate::issued::{self, Issued};
use messaging::{header, streams, subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoiced;

const SHARDS: usize = 32;
/// Customers whose sums are held. Of further ones only the partner's sum is known.
pub(crate) const CUSTOMERS_MAX: usize = 250_000;
const SHARD_CUSTOMERS_MAX: usize = CUSTOMERS_MAX / SHARDS;
/// About what a customer takes, with one currency.
pub(crate) const CUSTOMER_BYTES: usize = 240;

/// What documents in one currency come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    #[serde(rename = "i")]
    pub(crate) invoices: u64,
    #[serde(rename = "c")]
    pub(crate) credit_notes: u64,
    #[serde(rename = "u")]
    pub(crate) total: Units,
}

impl Sum {
    fn add(&mut self, issued: &Issued<'_>) {
        let count = if issued.is_credit { &mut self.credit_notes } else { &mut self.invoices };
        *count += 1;
        self.total.0 += issued.signed();
    }

    const fn merge(&mut self, other: &Self) {
        self.invoices += other.invoices;
        self.credit_notes += other.credit_notes;
        self.total.0 += other.total.0;
    }
}

/// Sums by currency, in the order of their codes; most have one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sums(Vec<(Code, Sum)>);

impl Sums {
    fn of(&mut self, code: Code) -> &mut Sum {
        let at = match self.0.binary_search_by_key(&code, |(code, _)| *code) {
            Ok(at) => at,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (code, Sum::default()));
                at
            }
        };
        &mut self.0.get_mut(at).expect("it is there, or was put there").1
    }

    pub(crate) fn add(&mut self, issued: &Issued<'_>) {
        self.of(issued.currency).add(issued);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (code, sum) in other.iter() {
            self.of(code).merge(sum);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Code, &Sum)> {
        self.0.iter().map(|(code, sum)| (*code, sum))
    }

    /// Invoices and credit notes.
    pub(crate) fn count(&self) -> u64 {
        self.iter().map(|(_, sum)| sum.invoices + sum.credit_notes).sum()
    }
}

/// What is known of the customers of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shard {
    partners: BTreeMap<Box<str>, Sums>,
    /// By `<partner>.<customer>`, both as tokens.
    customers: HashMap<Box<str>, Sums>,
    /// Documents of customers who found no room.
    left_out: u64,
}

impl Fold for Invoiced {
    type State = Shard;
    type Said = ();

    const NAME: &'static str = "invoiced";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: true }];
    const SHARDS: usize = SHARDS;

    /// `<partner>.<customer>`; a guest has none.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, ()> {
        if !header::is_fact(event.headers) {
            return Ok(None);
        }
        let issued = issued::read(event)?;
        let key = match issued.customer {
            Some(customer) => Cow::Owned(format!("{}.{customer}", issued.partner)),
            None => Cow::Borrowed(issued.partner),
        };
        Ok(Some((key, ())))
    }

    fn apply(&self, shard: &mut Shard, event: &Event<'_>, (): ()) -> Result<(), String> {
        let issued = issued::read(event)?;
        shard.partners.entry(issued.partner.into()).or_default().add(&issued);
        let Some(customer) = issued.customer else { return Ok(()) };
        let key = format!("{}.{customer}", issued.partner);
        let is_full = SHARD_CUSTOMERS_MAX <= shard.customers.len();
        if is_full && !shard.customers.contains_key(&*key) {
            shard.left_out += 1;
            return Ok(());
        }
        shard.customers.entry(key.into()).or_default().add(&issued);
        Ok(())
    }

    fn held(shard: &Shard) -> usize {
        shard.customers.len()
    }
}

/// What was invoiced in one currency.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Invoiced")]
pub(crate) struct Shown {
    /// How many.
    pub(crate) invoices: u64,
    pub(crate) credit_notes: u64,
    /// All invoices less all credit notes.
    pub(crate) total: Units,
}

impl From<&Sum> for Shown {
    fn from(sum: &Sum) -> Self {
        Self { invoices: sum.invoices, credit_notes: sum.credit_notes, total: sum.total }
    }
}

/// By currency.
pub(crate) fn shown(sums: &Sums) -> BTreeMap<String, Shown> {
    sums.iter().map(|(code, sum)| (code.to_string(), sum.into())).collect()
}

/// What was invoiced to a partner's customers, or to all.
pub(crate) fn totals(shards: &[&Shard], partner: Option<&str>) -> Sums {
    let mut found = Sums::default();
    let all = shards.iter().flat_map(|shard| &shard.partners);
    for (_, sums) in all.filter(|(name, _)| partner.is_none_or(|partner| *partner == ***name)) {
        found.merge(sums);
    }
    found
}

/// In which currencies something was invoiced, by a partner or by any.
pub(crate) fn currencies(shards: &[&Shard], partner: Option<&str>) -> BTreeSet<Code> {
    totals(shards, partner).iter().map(|(code, _)| code).collect()
}

/// What was invoiced to a customer in one currency.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsCustomer")]
pub(crate) struct Customer {
    /// `PARTNER/CUSTOMER`, as commands take it.
    pub(crate) id: String,
    pub(crate) partner: String,
    /// The partner's number of the customer.
    pub(crate) customer: String,
    /// Of what follows.
    pub(crate) currency: String,
    /// How many.
    pub(crate) invoices: u64,
    pub(crate) credit_notes: u64,
    /// All invoices less all credit notes.
    pub(crate) total: Units,
}

/// Customers with the largest totals.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsCustomers")]
pub(crate) struct Top {
    /// The largest total first; amounts in different currencies are compared as numbers. Guests are not in it.
    pub(crate) customers: Vec<Customer>,
    /// Are there more than `limit`?
    more: bool,
    /// Documents of customers who found no room; 0: the list is exact.
    left_out: u64,
}

/// The customers of a partner, or of all, with the largest totals in a currency, or in each.
pub(crate) fn top(
    shards: &[&Shard],
    partner: Option<&str>,
    currency: Option<Code>,
    limit: usize,
) -> Top {
    let customers = shards.iter().flat_map(|shard| &shard.customers);
    let each =
        customers.flat_map(|(key, sums)| sums.iter().map(move |(code, sum)| (key, code, sum)));
    let mut found: Vec<(&str, &str, Code, &Sum)> = each
        .filter(|(_, code, _)| currency.is_none_or(|currency| currency == *code))
        .map(|(key, code, sum)| {
            let (partner, customer) = key.split_once('.').unwrap_or((key, ""));
            (partner, customer, code, sum)
        })
        .filter(|(name, ..)| partner.is_none_or(|partner| partner == *name))
        .collect();
    let key = |one: &(&str, &str, Code, &Sum)| (Reverse(one.3.total), one.2);
    found.sort_unstable_by(|a, b| (key(a), a.0, a.1).cmp(&(key(b), b.0, b.1)));
    let more = limit < found.len();
    found.truncate(limit);
    let customer = |(partner, token, code, sum): (&str, &str, Code, &Sum)| {
        let customer = subject::text(token).unwrap_or_else(|| token.to_owned());
        Customer {
            id: format!("{partner}/{customer}"),
            partner: partner.to_owned(),
            customer,
            currency: code.to_string(),
            invoices: sum.invoices,
            credit_notes: sum.credit_notes,
            total: sum.total,
        }
    };
    let left_out = shards.iter().map(|shard| shard.left_out).sum();
    Top { customers: found.into_iter().map(customer).collect(), more, left_out }
}
