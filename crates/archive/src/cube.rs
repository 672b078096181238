//! Sums of a day's facts by the day of the order, partner, property and currency: all that queries need, without rows.

use crate::amount::{Code, Units};
use crate::day::Day;
use crate::fact::{Counted, What};
use crate::issued::Issued;
use crate::sums::{self, Add, Dimension};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Sums that a day may have. Further keys are added up under [`OTHERS`].
pub(crate) const ROWS_MAX: usize = 250_000;
/// The key of what found no room.
pub(crate) const OTHERS: &str = "others";
/// A later version adds other sums, under another name.
pub(crate) const VERSION: u32 = 1;

/// What sums are by, beside the day and the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Property {
    /// Nothing else: the key is the partner's.
    Partner,
    Region,
    Category,
    Product,
    Vip,
    Hour,
    /// The seller of documents.
    Seller,
}

/// What is added up: of orders, or of documents ([`Property::Seller`]): invoices, credit notes and their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Sales, or invoices.
    pub(crate) orders: i64,
    /// Returns, or credit notes.
    pub(crate) returns: i64,
    pub(crate) pieces: i64,
    pub(crate) amount: Units,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.returns += other.returns;
        self.pieces += other.pieces;
        self.amount.0 += other.amount.0;
    }
}

/// Which sum. Its numbers stand for names of the [`Cube`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) day: Day,
    pub(crate) partner: u32,
    pub(crate) name: u32,
    pub(crate) code: Code,
}

/// The sums of a day, or of a part of it, in the making.
#[derive(Debug, Default)]
pub(crate) struct Cube {
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, u32>,
    sums: BTreeMap<Property, HashMap<Key, Sums>>,
    rows: usize,
}

/// The sums of a day, as they are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    names: Vec<Box<str>>,
    sums: BTreeMap<Property, Vec<(Key, Sums)>>,
}

impl Kept {
    /// Reads what [`Cube::to_bytes`] wrote.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// What the numbers of its keys stand for.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// How many sums.
    pub(crate) fn rows(&self) -> usize {
        self.sums.values().map(Vec::len).sum()
    }

    /// The sums by a property.
    pub(crate) fn by(&self, property: Property) -> impl Iterator<Item = (&Key, &Sums)> {
        self.sums.get(&property).into_iter().flatten().map(|(key, sums)| (key, sums))
    }
}

impl Cube {
    /// What the numbers of its keys stand for.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// How many sums.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The sums by a property.
    pub(crate) fn by(&self, property: Property) -> impl Iterator<Item = (&Key, &Sums)> {
        self.sums.get(&property).into_iter().flatten()
    }

    /// As if it had so many sums.
    #[cfg(test)]
    pub(crate) const fn fill(&mut self, rows: usize) {
        self.rows = rows;
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.into());
        self.by_name.insert(name.into(), number);
        number
    }

    fn put(&mut self, by: Property, day: Day, partner: &str, name: &str, code: Code, sums: &Sums) {
        let partner = self.number(partner);
        let is_full = ROWS_MAX <= self.rows;
        let known = self.by_name.get(name).copied();
        let has = known.is_some_and(|name| {
            let key = Key { day, partner, name, code };
            self.sums.get(&by).is_some_and(|sums| sums.contains_key(&key))
        });
        let name = match has || !is_full || by == Property::Partner {
            true => self.number(name),
            false => self.number(OTHERS),
        };
        let key = Key { day, partner, name, code };
        let of = self.sums.entry(by).or_default();
        let before = of.len();
        of.entry(key).or_default().add(sums);
        self.rows += of.len() - before;
    }

    /// Adds what a fact says.
    pub(crate) fn decided(&mut self, partner: &str, what: &What) {
        match what {
            What::Confirmed(order) => {
                if let Some(before) = order.before() {
                    self.order(partner, before, -1);
                }
                self.order(partner, order, 1);
            }
            What::Cancelled(order) => self.order(partner, order, -1),
            What::Refused(_) => {}
        }
    }

    fn order(&mut self, partner: &str, order: &Counted, sign: i64) {
        let Some(whole) = sums::whole(order, sign) else { return };
        let day = Day::of(order.ordered_at);
        let of = |add: Add| Sums {
            orders: add.orders,
            returns: add.returns,
            pieces: add.pieces,
            amount: Units(add.units),
        };
        self.put(Property::Partner, day, partner, partner, whole.code, &of(whole));
        for (by, name, add) in sums::by_properties(order, whole) {
            let property = match by {
                Dimension::Region => Property::Region,
                Dimension::Category => Property::Category,
                Dimension::Product => Property::Product,
                Dimension::Vip => Property::Vip,
                Dimension::Hour => Property::Hour,
                // Each sum has its day and its partner.
                Dimension::Day | Dimension::Partner => continue,
            };
            self.put(property, day, partner, &name, add.code, &of(add));
        }
    }

    /// Adds a document that was issued on `day`.
    pub(crate) fn issued(&mut self, day: Day, seller: &str, issued: &Issued<'_>) {
        let (orders, returns) = if issued.is_credit { (0, 1) } else { (1, 0) };
        let sums = Sums { orders, returns, pieces: 0, amount: Units(issued.signed()) };
        self.put(Property::Seller, day, issued.partner, seller, issued.currency, &sums);
    }

    /// As it is kept; the same sums give the same bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let sorted = |sums: &HashMap<Key, Sums>| {
            let mut sums: Vec<(Key, Sums)> = sums.iter().map(|(key, sums)| (*key, *sums)).collect();
            sums.sort_unstable_by_key(|(key, _)| *key);
            sums
        };
        let sums = self.sums.iter().map(|(by, sums)| (*by, sorted(sums))).collect();
        let kept = Kept { names: self.names.clone(), sums };
        serde_json::to_vec(&kept).expect("sums have only string keys")
    }
}
