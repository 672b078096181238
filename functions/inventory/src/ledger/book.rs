//! The movements of the products of some warehouses, as many as fit.

use super::movement::{Movement, Number, Why};
use domain::ProductId;
use domain::inventory::{Body, Change, State};
use serde::{Deserialize, Serialize};
use state::journal::{Entry, Record};
use std::collections::{BTreeMap, VecDeque};

/// Most movements that are held of one product.
pub(crate) const PRODUCT_MAX: usize = 1_000;
/// Most movements that a shard holds. With more, the newest ones of each product stay: half as many of each as before.
pub(crate) const SHARD_MAX: usize = 50_000;

/// Warehouses, by name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Books {
    warehouses: BTreeMap<String, Book>,
    /// Most movements of a product now.
    product_max: usize,
    kept_from: u64,
    /// Movements that are held.
    held: usize,
}

impl Default for Books {
    fn default() -> Self {
        Self { warehouses: BTreeMap::new(), product_max: PRODUCT_MAX, kept_from: 0, held: 0 }
    }
}

/// One warehouse.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The last entry.
    last: u64,
    /// Did an entry have the header of the journal's writers? From then on what has none is no entry.
    marked: bool,
    /// Was every entry read from the first on? A product without movements then has nothing.
    whole: bool,
    products: BTreeMap<ProductId, Product>,
}

/// One product.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Product {
    /// What is available; nothing if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<i64>,
    /// Were older movements left out?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_cut: bool,
    /// The oldest first.
    movements: VecDeque<Movement>,
}

/// A page of movements, the newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) movements: Vec<Movement>,
    /// Are there older ones here?
    pub(crate) has_more: bool,
    /// Are these, with the older ones here, all there ever were?
    pub(crate) is_complete: bool,
}

impl Books {
    /// Adds an entry of a warehouse's journal.
    pub(super) fn entry(
        &mut self,
        warehouse: &str,
        sequence: u64,
        is_marked: bool,
        record: &Record<Body>,
    ) {
        let book = self.warehouses.entry(warehouse.to_owned()).or_default();
        if !book.follows(sequence, is_marked, record.prev()) {
            return;
        }
        if let Record::Decision(entry) = record {
            self.held += book.decision(sequence, entry, self.product_max);
        }
        self.shorten();
    }

    /// Forgets what the stream no longer keeps.
    pub(super) fn forget(&mut self, kept_from: u64) {
        if kept_from <= self.kept_from {
            return;
        }
        self.kept_from = kept_from;
        let products = self.warehouses.values_mut().flat_map(|book| book.products.values_mut());
        for product in products {
            self.held -= product.forget(|oldest, _| oldest.number.entry < kept_from);
        }
    }

    fn shorten(&mut self) {
        let mut most = self.product_max;
        while SHARD_MAX < self.held && 1 < most {
            most /= 2;
            self.cut(most);
        }
        self.product_max = most;
    }

    fn cut(&mut self, most: usize) {
        let products = self.warehouses.values_mut().flat_map(|book| book.products.values_mut());
        for product in products {
            self.held -= product.forget(|_, count| most < count);
        }
    }

    /// Movements that are held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The newest movement of a product in each warehouse that has one.
    pub(crate) fn newest(&self, product: &ProductId) -> impl Iterator<Item = (String, Number)> {
        let newest = |book: &Book| Some(book.products.get(product)?.movements.back()?.number);
        self.warehouses.iter().filter_map(move |(name, book)| Some((name.clone(), newest(book)?)))
    }

    /// A warehouse.
    pub(crate) fn of(&self, warehouse: &str) -> Option<&Book> {
        self.warehouses.get(warehouse)
    }
}

impl Book {
    /// The last entry.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Is it the next entry? Behind a hole, what is available is not known.
    fn follows(&mut self, sequence: u64, is_marked: bool, prev: u64) -> bool {
        let is_foreign = self.marked && !is_marked || prev < self.last;
        if is_foreign {
            return false;
        }
        if prev != self.last {
            self.whole = false;
            self.products.values_mut().for_each(|product| product.level = None);
        } else if self.last == 0 {
            self.whole = true;
        }
        (self.last, self.marked) = (sequence, self.marked || is_marked);
        true
    }

    /// Adds a decision, and holds so many movements of each product. How many more are held after it.
    fn decision(&mut self, entry: u64, decided: &Entry<Body>, product_max: usize) -> usize {
        // Journals of 0.1.0 began with some stock, which their first entry does not say.
        if decided.prev == 0 && !matches!(decided.body, Body::First(_)) {
            for (product, item) in State::seeded().stock.iter() {
                self.product(product).level = Some(item.available);
            }
        }
        let (mut part, mut held) = (0, 0);
        let mut add = |book: &mut Self, product: &ProductId, why: Why, to: To| {
            let (number, at_ms) = (Number { entry, part }, decided.at.timestamp_millis());
            part += 1;
            let product = book.product(product);
            let delta = match to {
                To::By(delta) => Some(delta),
                To::Level(level) => product.level.map(|before| level.saturating_sub(before)),
            };
            product.level = match to {
                To::By(delta) => product.level.map(|before| before.saturating_add(delta)),
                To::Level(level) => Some(level),
            };
            let level = product.level;
            product.movements.push_back(Movement { number, at_ms, why, delta, level });
            held += 1 - product.forget(|_, count| product_max < count);
        };
        for outcome in decided.body.outcomes() {
            let Some(why) = Why::of(outcome) else { continue };
            for movement in outcome.verdict.movements() {
                add(self, &movement.product, why.clone(), To::By(movement.delta));
            }
        }
        match decided.body.content() {
            Body::Set { available, .. } => {
                for (product, level) in available {
                    add(self, product, Why::Set, To::Level(*level));
                }
            }
            Body::Change(change) => {
                let Change { cause, moved, by } = change.as_ref();
                for (product, delta) in moved {
                    let by = by.as_deref().map(Into::into);
                    let why = Why::Change { cause: Box::new(cause.clone()), by };
                    add(self, product, why, To::By(*delta));
                }
            }
            Body::Orders { .. } | Body::Skip { .. } | Body::Shipped(_) | Body::First(_) => {}
        }
        held
    }

    fn product(&mut self, product: &ProductId) -> &mut Product {
        let whole = self.whole;
        let new = || Product { level: whole.then_some(0), ..Product::default() };
        self.products.entry(product.clone()).or_insert_with(new)
    }

    /// The last movement behind `told` with which a product fell below `threshold`, and whether it is below now. Once
    /// that was told, only a movement that is not below lets it fall again.
    pub(crate) fn fallen(
        &self,
        product: &ProductId,
        threshold: i64,
        told: Option<Number>,
    ) -> Option<(Movement, bool)> {
        let movements = &self.products.get(product)?.movements;
        let (mut fallen, mut is_armed, mut is_low) = (None, told.is_none(), false);
        for movement in movements.iter().filter(|one| told.is_none_or(|told| told < one.number)) {
            let Some(level) = movement.level else { continue };
            is_low = level < threshold;
            if is_low && is_armed {
                fallen = Some(movement.clone());
            }
            is_armed = !is_low;
        }
        fallen.map(|fallen| (fallen, is_low))
    }

    /// The newest movements of a product, `limit` of those before `before`. `now` is what is available after the
    /// last entry, where it is known: what is missing is counted back from it.
    pub(crate) fn page(
        &self,
        product: &ProductId,
        before: Option<Number>,
        limit: usize,
        now: Option<i64>,
    ) -> Page {
        let Some(product) = self.products.get(product) else {
            return Page { is_complete: self.whole, ..Page::default() };
        };
        let mut level = product.level.or(now);
        let mut page = Page { is_complete: self.whole && !product.is_cut, ..Page::default() };
        for movement in product.movements.iter().rev() {
            let after = movement.level.or(level);
            level = match (after, movement.delta) {
                (Some(after), Some(delta)) => after.checked_sub(delta),
                _ => None,
            };
            if before.is_some_and(|before| before <= movement.number) {
                continue;
            }
            if limit <= page.movements.len() {
                page.has_more = true;
                break;
            }
            page.movements.push(Movement { level: after, ..movement.clone() });
        }
        page
    }
}

/// What becomes of a level.
#[derive(Clone, Copy)]
enum To {
    By(i64),
    Level(i64),
}

impl Product {
    /// Forgets the oldest while `too_old` says so, by it and by how many there are. How many it were.
    fn forget(&mut self, too_old: impl Fn(&Movement, usize) -> bool) -> usize {
        let mut count = 0;
        while self.movements.front().is_some_and(|oldest| too_old(oldest, self.movements.len())) {
            self.movements.pop_front();
            self.is_cut = true;
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests;
