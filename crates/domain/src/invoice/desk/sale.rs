//! The invoice of a confirmed sale, and what a document makes of the lines and charges of an order.

use super::super::terms::{Hold, Named, Taxes, Terms, retry};
use super::super::{
    Amounts, Balance, Buyer, Document, DocumentCharge, DocumentKind, DocumentLine, HeldCode,
    Issued, Issuer, Left, Part, Supply, TaxTotal, Taxed, Totals, amounts, rounded,
};
use super::{Desk, Draft, Event, Outcome, plus};
use crate::charge::Charge;
use crate::order::{Kind, Line, Order};
use crate::seller::Prices;
use crate::{Currency, Money};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The layout of documents that this release issues.
const LAYOUT: u32 = 1;

/// Lines and charges of an order as a document has them, and what they come to.
pub(super) struct Priced {
    pub(super) lines: Vec<DocumentLine>,
    pub(super) charges: Vec<DocumentCharge>,
    pub(super) taxes: Vec<TaxTotal>,
    pub(super) totals: Totals,
}

/// How prices are to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) prices: Prices,
    pub(super) decimals: u32,
    /// Are amounts below zero, as those of a return are? The document has them above zero.
    pub(super) is_return: bool,
}

impl<'a> Desk<'a> {
    /// A sale was confirmed.
    pub(super) fn sale(&mut self, event: &Event) -> Result<Outcome, Hold> {
        let account = event.account();
        let known = self.balance(&account);
        if known.invoice.is_some() && event.attempt <= known.attempt {
            return Ok(Outcome::Nothing);
        }
        self.drop_held(&account, |held| held.attempt <= event.attempt);
        // The attempt before was replaced by this one.
        let credited = self.credit_rest(&account, None)?;
        let Some(seller) = self.terms.seller_of(&event.order.partner) else {
            return Ok(if credited.is_some() { Outcome::Issued } else { Outcome::NoSeller });
        };
        let (draft, rates) = self.draft(seller, event, DocumentKind::Invoice)?;
        let document = self.issue(draft)?;
        invoiced(self.change(&account), &document, rates);
        Ok(Outcome::Issued)
    }

    /// A document of an order by itself: of a sale, or of a return that names none. Beside it, how each tax category
    /// is taxed.
    pub(super) fn draft(
        &self,
        seller: Named<'a>,
        event: &Event,
        kind: DocumentKind,
    ) -> Result<(Draft<'a>, BTreeMap<String, Taxed>), Hold> {
        let Event { order, person, .. } = event;
        let (name, of) = seller;
        let decimals = decimals(seller, order)?;
        let day = (self.terms.day)(&of.time_zone, event.at);
        let retry = retry(&order.partner, &event.account().1);
        let known = BTreeMap::new();
        let mut taxes = Taxes { terms: self.terms, seller, day, buyer: person, known, retry };
        let lines = order.lines.iter().enumerate();
        let lines = lines
            .map(|(index, line)| taxes.of(&format!("lines[{index}]"), line.tax_category.as_ref()));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let charges = order.charges.iter().enumerate();
        let charges = charges.map(|(index, charge)| {
            let category = charge.tax_category.as_ref();
            let tax = |category| taxes.of(&format!("charges[{index}]"), Some(category));
            category.map(tax).transpose()
        });
        let charges = charges.collect::<Result<Vec<_>, _>>()?;
        let is_return = order.kind == Kind::Return;
        let reading = Reading { prices: of.prices, decimals, is_return };
        let priced = price((&order.lines, &lines), (&order.charges, &charges), reading)?;
        let document = Document {
            number: String::new(),
            kind,
            issued_on: NaiveDate::default(),
            issued_at: self.now,
            due_on: None,
            supply: supply(event, day),
            seller: Issuer::of(name, of),
            buyer: Buyer {
                customer: order.customer.as_ref().map(|customer| customer.id.clone()),
                person: person.clone(),
                electronic_address: None,
            },
            currency: order.currency.clone(),
            decimals,
            prices: of.prices,
            lines: priced.lines,
            charges: priced.charges,
            taxes: priced.taxes,
            totals: priced.totals,
            original: None,
            reason: None,
            metadata: order.metadata.clone(),
            layout: LAYOUT,
            previous: None,
        };
        Ok((Draft { seller, document }, taxes.known))
    }
}

/// What a document of an event is about.
pub(super) fn supply(event: &Event, day: NaiveDate) -> Supply {
    let order = &event.order;
    Supply {
        partner: order.partner.clone(),
        order_id: order.order_id.clone(),
        attempt: event.attempt,
        placed: event.placed,
        warehouse: order.warehouse.clone(),
        ordered_at: order.ordered_at,
        supplied_on: day,
    }
}

fn decimals((name, seller): Named<'_>, order: &Order) -> Result<u32, Hold> {
    if order.currency != seller.currency {
        let detail = format!(
            "the order is in {}, and the seller {name} sells in {} (sellers.{name}.currency in partners.yml). Name a \
             seller with that currency in {}, {}",
            order.currency,
            seller.currency,
            Terms::place_of(&order.partner),
            retry(&order.partner, &order.order_id)
        );
        return Err(Hold::new(HeldCode::Currency, detail));
    }
    let currency = Currency::parse(&order.currency);
    let currency = currency.map_err(|error| {
        Hold::new(HeldCode::Currency, format!("the order's currency {error}; invoice it by hand"))
    })?;
    Ok(currency.decimals())
}

/// Calculates lines and charges, each with its tax.
pub(super) fn price(
    (lines, line_taxes): (&[Line], &[Taxed]),
    (charges, charge_taxes): (&[Charge], &[Option<Taxed>]),
    reading: Reading,
) -> Result<Priced, Hold> {
    let Reading { prices, decimals, is_return } = reading;
    let too_large = || {
        let detail = "the amounts are too large to be added up; invoice the order by hand";
        Hold::new(HeldCode::TooLarge, detail.to_owned())
    };
    let signed = |amount: Money| if is_return { amount.negated() } else { amount };
    let ordered: Option<Vec<Money>> = lines.iter().map(|line| line.total().map(signed)).collect();
    let ordered = ordered.ok_or_else(too_large)?;
    let parts = ordered.iter().zip(line_taxes);
    let line_parts: Vec<_> =
        parts.map(|(amount, tax)| Part { amount: *amount, tax: Some(tax) }).collect();
    let parts = charges.iter().zip(charge_taxes);
    let charge_parts: Vec<_> = parts
        .map(|(charge, tax)| Part { amount: signed(charge.amount), tax: tax.as_ref() })
        .collect();
    let made = amounts(prices, decimals, &line_parts, &charge_parts).map_err(|_| too_large())?;
    let Amounts { lines: nets, charges: parts, taxes, totals } = made;
    let shown = lines.iter().zip(line_taxes).zip(ordered).zip(nets);
    let lines = shown.map(|(((line, tax), amount), net)| DocumentLine {
        product_id: line.product_id.clone(),
        description: line.description.clone(),
        quantity: line.quantity.saturating_abs(),
        unit_price: line.unit_price,
        discount: line.discount,
        tax: tax.clone(),
        net,
        amount: rounded(amount, decimals),
    });
    let charges = charges.iter().zip(parts).flat_map(|(charge, parts)| {
        parts.into_iter().map(move |(tax, ordered, net)| DocumentCharge {
            kind: charge.kind,
            description: charge.description.clone(),
            tax,
            net,
            amount: rounded(ordered, decimals),
        })
    });
    Ok(Priced { lines: lines.collect(), charges: charges.collect(), taxes, totals })
}

/// The balance after the invoice of an attempt.
fn invoiced(balance: &mut Balance, document: &Document, rates: BTreeMap<String, Taxed>) {
    balance.attempt = document.supply.attempt;
    balance.invoice = Some(document.number.clone());
    (balance.issued_on, balance.due_on) = (Some(document.issued_on), document.due_on);
    balance.payable = plus(balance.payable, document.totals.payable);
    balance.payable_left = document.totals.payable;
    balance.documents.clear();
    balance.returned.clear();
    let left = document.taxes.iter().cloned();
    balance.left = left.map(|TaxTotal { tax, base, amount }| Left { tax, base, amount }).collect();
    balance.rates = rates;
    list(balance, document);
}

/// Lists a document.
pub(super) fn list(balance: &mut Balance, document: &Document) {
    balance.seller = Some(document.seller.id.clone());
    balance.customer.clone_from(&document.buyer.customer);
    balance.currency = Some(document.currency.clone());
    balance.decimals = document.decimals;
    balance.documents.push(Issued {
        number: document.number.clone(),
        kind: document.kind,
        issued_on: document.issued_on,
        payable: document.totals.payable,
        order_id: document.supply.order_id.clone(),
        attempt: document.supply.attempt,
        taken_back: None,
    });
    balance.settle();
}
