//! What the check found.

use std::collections::BTreeMap;
use std::fmt;

/// Most violations that are printed one by one.
const SHOWN_MAX: usize = 200;

/// A rule that a history can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// An entry of a journal cannot be read.
    EntryUnreadable,
    /// An entry does not name the one before it, or has the id of another.
    ChainBroken,
    /// `decided_to` moved back, does not name the last decided order, or names another input.
    PositionWrong,
    /// A placed order behind the end of what is decided.
    Undecided,
    /// A placed order that was left out: later ones are decided.
    Skipped,
    /// An order with two outcomes.
    DecidedTwice,
    /// Outcomes that do not stand in the order of the stream.
    DecidedOutOfOrder,
    /// An outcome of a sequence that is no placed order of this warehouse.
    NothingDecided,
    /// An outcome that repeats another order than the one that was placed.
    OrderChanged,
    /// An attempt that is another order though it does not amend it, or that follows neither a refusal nor, as a
    /// cancellation or an amendment, what was confirmed.
    AttemptWrong,
    /// A cancellation or an amendment of what does not stand confirmed, or no longer.
    CancelWrong,
    /// A verdict that the attempt cannot have: a cancellation that is confirmed, an order that is
    /// cancelled.
    VerdictWrong,
    /// Stock of a checked product below zero.
    StockNegative,
    /// More is returned of a sale than was sold, something else than its returns give back, or it is cancelled as
    /// a whole although something was shipped or returned.
    ReturnWrong,
    /// A shipment of what is no confirmed sale, of more than is left of it, or with other sums.
    ShipmentWrong,
    /// Movements that are not those of the order's lines: not all, or others.
    MovementsWrong,
    /// Refused for a reason that does not hold.
    RefusalWrong,
    /// A fact that was never published.
    FactMissing,
    /// A fact that was published again, or an order with both facts.
    FactTwice,
    /// A fact of no decision.
    FactUnfounded,
    /// A fact that says something else than its decision.
    FactChanged,
    /// A number of a document that is not there, though later ones are.
    NumberMissing,
    /// A number that two documents have.
    NumberTwice,
    /// A document whose hash is not the one that the next one in its series names.
    DocumentChanged,
    /// A document of an earlier day than the one before it.
    DocumentDay,
    /// More is credited of an invoice than it came to, or something that is not there; or an amended order was
    /// invoiced again, and the invoice before that is not credited.
    CreditWrong,
    /// A sale with two invoices.
    InvoicedTwice,
    /// An invoice of what is no confirmed sale.
    InvoiceUnfounded,
    /// An invoice that comes to another amount than its order.
    InvoiceAmount,
    /// A confirmed sale without an invoice, though others of its partner have one, and though it is not held.
    NotInvoiced,
    /// A message on `orders` that is neither placed, duplicate, conflict nor dead letter.
    Lost,
    /// A message on `orders` that ended in two ways.
    EndsTwice,
    /// A placed order whose event was never sent.
    NeverSent,
}

impl Rule {
    /// Is it about documents alone?
    #[must_use]
    pub const fn is_of_documents(self) -> bool {
        matches!(
            self,
            Self::NumberMissing
                | Self::NumberTwice
                | Self::DocumentChanged
                | Self::DocumentDay
                | Self::CreditWrong
                | Self::InvoicedTwice
                | Self::InvoiceUnfounded
                | Self::InvoiceAmount
                | Self::NotInvoiced
        )
    }
}

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// Subject of the message that shows it.
    pub subject: Box<str>,
    /// Sequence of that message in its stream.
    pub sequence: u64,
    /// What was expected, and what there is.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, subject, sequence, detail } = self;
        write!(f, "{rule:?}: {subject} #{sequence}: {detail}")
    }
}

/// Figures of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages on `orders`.
    pub sent: u64,
    /// Of them, those that say again what was placed by another message.
    pub duplicates: u64,
    /// Of them, those whose order id was used for another order.
    pub conflicts: u64,
    /// Of them, dead letters.
    pub dead: u64,
    /// Placed orders, every attempt.
    pub placed: u64,
    /// Of them, attempts after the first, cancellations included.
    pub further: u64,
    /// Decided for, in the journals.
    pub confirmed: u64,
    /// Decided against, in the journals.
    pub refused: u64,
    /// Cancellations that took back what was confirmed.
    pub cancelled: u64,
    /// Decided: another content took the place of a confirmed one.
    pub amended: u64,
    /// Cancellations that the stock did not allow.
    pub kept: u64,
    /// Of the placed ones, returns.
    pub returns: u64,
    /// Shipments of confirmed sales.
    pub shipments: u64,
    /// Entries of the journals.
    pub entries: u64,
    /// Pieces that sales took, and cancelled returns.
    pub reserved: i64,
    /// Pieces that returns gave back, and cancelled sales.
    pub returned: i64,
    /// By warehouse and product: what is available at the end.
    pub stock: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Summary {
    /// Products of all warehouses.
    #[must_use]
    pub fn products(&self) -> usize {
        self.stock.values().map(BTreeMap::len).sum()
    }
}

/// What the check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every broken rule.
    pub violations: Vec<Violation>,
    /// Figures.
    pub summary: Summary,
}

impl Report {
    pub(super) fn add(&mut self, rule: Rule, subject: &str, sequence: u64, detail: String) {
        self.violations.push(Violation { rule, subject: subject.into(), sequence, detail });
    }

    /// Fails the test that has broken a rule, and says all of them.
    ///
    /// # Panics
    /// There is a violation.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.violations.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in self.violations.iter().take(SHOWN_MAX) {
            writeln!(f, "✗ {violation}")?;
        }
        let more = self.violations.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            writeln!(f, "✗ and {more} more")?;
        }
        let s = &self.summary;
        writeln!(
            f,
            "orders: {} sent ({} duplicates, {} conflicts, {} dead letters), {} placed ({} returns), \
             {} confirmed, {} refused, {} cancelled, {} amended, {} kept, {} shipments",
            s.sent,
            s.duplicates,
            s.conflicts,
            s.dead,
            s.placed,
            s.returns,
            s.confirmed,
            s.refused,
            s.cancelled,
            s.amended,
            s.kept,
            s.shipments
        )?;
        writeln!(
            f,
            "journal: {} entries, {} pieces reserved, {} returned, {} products",
            s.entries,
            s.reserved,
            s.returned,
            s.products()
        )?;
        const PRODUCTS_SHOWN: usize = 20;
        for (warehouse, products) in &s.stock {
            write!(f, "stock of {warehouse}:")?;
            for (product, available) in products.iter().take(PRODUCTS_SHOWN) {
                write!(f, " {product}={available}")?;
            }
            writeln!(f, "{}", if products.len() > PRODUCTS_SHOWN { " …" } else { "" })?;
        }
        match self.violations.len() {
            0 => write!(f, "✓ no rule is broken"),
            n => write!(f, "✗ {n} violations"),
        }
    }
}
