//! What the rows of an order say of its person and of the sale that it returns: in one row, or the same in all.
//!
//! Only hashes are held, so that memory has no personal data of a whole file; the texts are in the spooled rows.

use super::fault::OrderFault;
use crate::extra::Extra;
use crate::order::Kind;
use crate::partner::Column;
use crate::person::ADDRESSES;
use crate::text::json_len;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What is compared, each at its bit of [`Firsts`]: the columns of a person, and at last `returns`.
const COLUMNS: usize = Column::PERSON.len() + 1;
/// About what the name of a column adds to an order's JSON.
const NAME_BYTES: usize = 24;

/// The columns of which a row is the first of its order to say something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firsts(u32);

impl Firsts {
    /// Is it one of them?
    #[must_use]
    pub fn has(self, column: Column) -> bool {
        place(column).is_some_and(|place| self.0 & 1 << place != 0)
    }
}

fn place(column: Column) -> Option<usize> {
    match column {
        Column::Returns => Some(COLUMNS - 1),
        column => Column::PERSON.iter().position(|other| *other == column),
    }
}

/// Two texts of a file have the same hash with a probability of 2⁻⁶⁴; then the first one counts.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().max(1)
}

#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// 0 where nothing is said.
    hashes: [u64; COLUMNS],
    fault: Option<OrderFault>,
}

impl Said {
    /// Adds a row: what it says first, and the bytes of it in the order's JSON.
    pub(super) fn add(&mut self, extra: &Extra) -> (Firsts, usize) {
        let (mut firsts, mut bytes) = (Firsts::default(), 0);
        let person = extra.person.iter().map(|(column, text)| (*column, text.as_str()));
        let sale = extra.returns.iter().map(|sale| (Column::Returns, sale.as_str()));
        for (column, text) in person.chain(sale) {
            let Some(place) = place(column) else { continue };
            let (Some(said), here) = (self.hashes.get_mut(place), hash(text)) else { continue };
            if *said == 0 {
                *said = here;
                firsts.0 |= 1 << place;
                bytes += json_len(text) + NAME_BYTES;
            } else if *said != here {
                let fault = match column {
                    Column::Returns => OrderFault::ValuesDiffer,
                    _ => OrderFault::PersonsDiffer,
                };
                self.fault = self.fault.or(Some(fault));
            }
        }
        (firsts, bytes)
    }

    /// What is wrong with it in an order of this id and kind.
    pub(super) fn fault(&self, order_id: &str, kind: Kind) -> Option<OrderFault> {
        let said = |column: Column| place(column).and_then(|place| self.hashes.get(place).copied());
        let has = |column: &Column| said(*column).is_some_and(|said| said != 0);
        let is_part = |address: &[Column; 5]| {
            let [street, city, country, ..] = address;
            address.iter().any(has) && ![street, city, country].into_iter().all(has)
        };
        let incomplete = || ADDRESSES.iter().any(is_part).then_some(OrderFault::AddressIncomplete);
        let returns = || {
            let is_itself = said(Column::Returns) == Some(hash(order_id));
            let wrong = has(&Column::Returns) && (kind == Kind::Sale || is_itself);
            wrong.then_some(OrderFault::ReturnsWrong)
        };
        self.fault.or_else(incomplete).or_else(returns)
    }
}
