//! What is asked of the archive, and what is answered. No IO.

use crate::amount::{Amounts, Code, Units};
use crate::cube::{Cube, Kept, Key, OTHERS, Property, ROWS_MAX, Sums};
use crate::day::Day;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// By what is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "AnalyticsQueryBy")]
pub enum By {
    /// The partner.
    Partner,
    /// The order's region, or `unknown`.
    Region,
    /// The category of each line's product, or `unknown`.
    Category,
    /// The product of each line.
    Product,
    /// `vip` or `other`.
    Vip,
    /// The hour at which it was ordered, in UTC.
    Hour,
    /// The day on which it was ordered, in UTC; of documents the day of issue.
    Day,
    /// The month of that day.
    Month,
    /// The seller of documents.
    Seller,
}

/// What is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AnalyticsQuerySum")]
pub enum Sum {
    /// Sales less returns.
    Revenue,
    /// Confirmed sales that are not cancelled.
    Orders,
    /// Confirmed returns that are not cancelled.
    Returns,
    /// Pieces sold, less those returned.
    Pieces,
    /// Invoices less credit notes, in money.
    Invoiced,
    /// Invoices.
    Invoices,
    /// Credit notes.
    CreditNotes,
}

impl Sum {
    /// Is it one of documents, and not of orders?
    #[must_use]
    pub const fn is_of_documents(self) -> bool {
        matches!(self, Self::Invoiced | Self::Invoices | Self::CreditNotes)
    }

    /// Is it an amount of money?
    #[must_use]
    pub const fn is_amount(self) -> bool {
        matches!(self, Self::Revenue | Self::Invoiced)
    }
}

/// A question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// By what.
    pub by: By,
    /// What.
    pub sum: Sum,
    /// Only this partner's.
    pub partner: Option<String>,
    /// Only orders or documents in this currency.
    pub currency: Option<Code>,
    /// At most so many rows.
    pub limit: usize,
}

impl Asked {
    /// Can it be answered?
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        let Self { from, to, by, sum, .. } = self;
        if to < from {
            return Err(format!("to: {to} is before {from}, which is `from`"));
        }
        let is_of_both = matches!(by, By::Partner | By::Day | By::Month);
        if sum.is_of_documents() && !is_of_both && *by != By::Seller {
            return Err("by: documents are added up by seller, partner, day or month".to_owned());
        }
        if *by == By::Seller && !sum.is_of_documents() {
            return Err(
                "by: only documents have a seller; add up invoiced, invoices or credit_notes"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn property(&self) -> Property {
        if self.sum.is_of_documents() {
            return Property::Seller;
        }
        match self.by {
            By::Region => Property::Region,
            By::Category => Property::Category,
            By::Product => Property::Product,
            By::Vip => Property::Vip,
            By::Hour => Property::Hour,
            By::Partner | By::Day | By::Month | By::Seller => Property::Partner,
        }
    }
}

/// What orders or documents with one key come to; of the two only one has sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsQueryRow")]
pub struct Line {
    /// The region, the product, the day and so on.
    pub key: String,
    /// Confirmed sales that are not cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<i64>,
    /// Confirmed returns that are not cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<i64>,
    /// Pieces sold, less those returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces: Option<i64>,
    /// By currency: sales less returns. Of products and categories: of their lines, without charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue: Option<BTreeMap<String, Units>>,
    /// Invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoices: Option<i64>,
    /// Credit notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_notes: Option<i64>,
    /// By currency: all invoices less all credit notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoiced: Option<BTreeMap<String, Units>>,
}

impl Line {
    /// The amounts that it has, by currency.
    #[must_use]
    pub fn amounts(&self) -> Option<&BTreeMap<String, Units>> {
        self.revenue.as_ref().or(self.invoiced.as_ref())
    }

    /// A sum that is no amount.
    #[must_use]
    pub fn count(&self, sum: Sum) -> Option<i64> {
        match sum {
            Sum::Orders => self.orders,
            Sum::Returns => self.returns,
            Sum::Pieces => self.pieces,
            Sum::Invoices => self.invoices,
            Sum::CreditNotes => self.credit_notes,
            Sum::Revenue | Sum::Invoiced => None,
        }
    }
}

/// Messages that had expired before their day was archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsMissing")]
pub struct Missing {
    /// The day in whose files they are not.
    pub day: String,
    /// Of which stream.
    pub stream: String,
    /// How many, whatever they said.
    pub messages: u64,
}

/// The answer to a question.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsQuery")]
pub struct Answer {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// By what.
    pub by: By,
    /// By what rows are in order: days, months and hours by their keys, others the largest first.
    pub sum: Sum,
    /// At most `limit`.
    pub rows: Vec<Line>,
    /// Are there more than `limit`?
    pub more: bool,
    /// The last day that is archived; what was stored behind it is read from the streams.
    pub archived_to: Option<String>,
    /// What is in no sum, because it had expired before it was archived.
    pub missing: Vec<Missing>,
    /// What has to be known of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    orders: i64,
    returns: i64,
    pieces: i64,
    amounts: Amounts,
}

impl Row {
    fn add(&mut self, code: Code, sums: &Sums) {
        self.orders += sums.orders;
        self.returns += sums.returns;
        self.pieces += sums.pieces;
        self.amounts.add(code, sums.amount.0);
    }

    fn merge(&mut self, other: &Self) {
        self.orders += other.orders;
        self.returns += other.returns;
        self.pieces += other.pieces;
        self.amounts.merge(&other.amounts);
    }
}

/// The sums of one question, over any number of days.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    asked: &'a Asked,
    rows: Vec<(String, Row)>,
    /// By key: which of `rows`.
    places: HashMap<String, usize>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(asked: &'a Asked) -> Self {
        Self { asked, rows: Vec::new(), places: HashMap::new() }
    }

    /// Adds the sums of a day.
    pub(crate) fn kept(&mut self, kept: &Kept) {
        self.add(kept.names(), kept.by(self.asked.property()));
    }

    /// Adds what is not kept yet.
    pub(crate) fn open(&mut self, cube: &Cube) {
        self.add(cube.names(), cube.by(self.asked.property()));
    }

    fn add<'s>(&mut self, names: &[Box<str>], sums: impl Iterator<Item = (&'s Key, &'s Sums)>) {
        let Asked { from, to, by, partner, currency, .. } = self.asked;
        let number = |partner: &str| {
            let at = names.iter().position(|name| **name == *partner);
            at.and_then(|at| u32::try_from(at).ok())
        };
        // A partner that it does not know has no sums here.
        let partner = match partner.as_deref().map(number) {
            Some(None) => return,
            Some(number) => number,
            None => None,
        };
        // A text is looked up once for a number and not for each of its sums.
        let mut places: Vec<Option<usize>> = vec![None; names.len()];
        let mut by_day = BTreeMap::<Day, Row>::new();
        for (key, sums) in sums {
            let is_asked = (*from..=*to).contains(&key.day)
                && currency.is_none_or(|currency| currency == key.code)
                && partner.is_none_or(|partner| partner == key.partner);
            if !is_asked {
                continue;
            }
            let number = match by {
                By::Day | By::Month => {
                    by_day.entry(key.day).or_default().add(key.code, sums);
                    continue;
                }
                By::Partner => key.partner,
                _ => key.name,
            };
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let (Some(place), Some(name)) = (places.get_mut(number), names.get(number)) else {
                continue;
            };
            let place = *place.get_or_insert_with(|| self.place(name));
            if let Some((_, row)) = self.rows.get_mut(place) {
                row.add(key.code, sums);
            }
        }
        for (day, row) in &by_day {
            let key = if *by == By::Month { day.month() } else { day.to_string() };
            let place = self.place(&key);
            if let Some((_, of)) = self.rows.get_mut(place) {
                of.merge(row);
            }
        }
    }

    /// Where the row of a key is.
    fn place(&mut self, key: &str) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let place = self.rows.len();
        self.rows.push((key.to_owned(), Row::default()));
        self.places.insert(key.to_owned(), place);
        place
    }

    /// The answer.
    pub(crate) fn answer(self, archived_to: Option<Day>, missing: Vec<Missing>) -> Answer {
        let Asked { from, to, by, sum, limit, .. } = self.asked;
        let mut rows: Vec<Line> =
            self.rows.into_iter().map(|(key, row)| line(key, &row, *sum)).collect();
        let mut note = None;
        rows.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let currencies: std::collections::BTreeSet<&String> =
            rows.iter().filter_map(Line::amounts).flat_map(BTreeMap::keys).collect();
        let is_time = matches!(by, By::Day | By::Month | By::Hour);
        if !is_time && sum.is_amount() && 1 < currencies.len() {
            note = Some(
                "amounts of different currencies are not compared: rows are in the order of their keys; add `currency`"
                    .to_owned(),
            );
        } else if !is_time && sum.is_amount() {
            rows.sort_by_key(|row| {
                Reverse(row.amounts().and_then(|all| all.values().next().copied()))
            });
        } else if !is_time {
            rows.sort_by_key(|row| Reverse(row.count(*sum)));
        }
        if matches!(by, By::Region | By::Category | By::Product)
            && rows.iter().any(|row| row.key == OTHERS)
        {
            let text = format!(
                "`{OTHERS}` also has what found no room: a day has at most {ROWS_MAX} sums"
            );
            note = Some(note.map_or(text.clone(), |note| format!("{note}; {text}")));
        }
        let more = *limit < rows.len();
        rows.truncate(*limit);
        Answer {
            from: from.to_string(),
            to: to.to_string(),
            by: *by,
            sum: *sum,
            rows,
            more,
            archived_to: archived_to.map(|day| day.to_string()),
            missing,
            note,
        }
    }
}

fn line(key: String, row: &Row, sum: Sum) -> Line {
    let amounts = Some(row.amounts.shown());
    if sum.is_of_documents() {
        let (invoices, credit_notes) = (Some(row.orders), Some(row.returns));
        return Line { key, invoices, credit_notes, invoiced: amounts, ..Line::default() };
    }
    Line {
        key,
        orders: Some(row.orders),
        returns: Some(row.returns),
        pieces: Some(row.pieces),
        revenue: amounts,
        ..Line::default()
    }
}
