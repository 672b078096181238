//! Makes a document of what was ordered, with the amounts that billing would calculate.

use chrono::NaiveDate;
use domain::charge::ChargeKind;
use domain::invoice::{
    Buyer, Document, DocumentCharge, DocumentKind, DocumentLine, Issuer, Original, Part, Supply,
    TaxCode, Taxed, amounts,
};
use domain::seller::{Percent, Prices};
use domain::{Currency, Money, OrderId, PartnerId, ProductId, WarehouseId};

pub(crate) fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

pub(crate) fn taxed(code: TaxCode, percent: &str, reason: Option<&str>) -> Taxed {
    let percent = Percent::try_from(money(percent)).unwrap();
    Taxed { code, percent, reason: reason.map(str::to_owned) }
}

pub(crate) fn standard(percent: &str) -> Taxed {
    taxed(TaxCode::S, percent, None)
}

struct Ordered {
    id: String,
    name: Option<String>,
    quantity: i64,
    price: Money,
    discount: Option<Money>,
    tax: Taxed,
}

/// What is ordered.
pub(crate) struct Draft {
    kind: DocumentKind,
    number: String,
    seller: Issuer,
    buyer: Buyer,
    currency: &'static str,
    prices: Prices,
    lines: Vec<Ordered>,
    charges: Vec<(ChargeKind, Option<String>, Money, Option<Taxed>)>,
    original: Option<Original>,
    reason: Option<String>,
    is_due: bool,
}

impl Draft {
    pub(crate) fn new(number: &str, seller: Issuer, buyer: Buyer, prices: Prices) -> Self {
        Self {
            kind: DocumentKind::Invoice,
            number: number.to_owned(),
            seller,
            buyer,
            currency: "EUR",
            prices,
            lines: Vec::new(),
            charges: Vec::new(),
            original: None,
            reason: None,
            is_due: true,
        }
    }

    pub(crate) fn line(
        self,
        id: &str,
        name: &str,
        quantity: i64,
        price: &str,
        tax: &Taxed,
    ) -> Self {
        self.line_less(id, name, quantity, price, None, tax)
    }

    pub(crate) fn line_less(
        mut self,
        id: &str,
        name: &str,
        quantity: i64,
        price: &str,
        discount: Option<&str>,
        tax: &Taxed,
    ) -> Self {
        self.lines.push(Ordered {
            id: id.to_owned(),
            name: (!name.is_empty()).then(|| name.to_owned()),
            quantity,
            price: money(price),
            discount: discount.map(money),
            tax: tax.clone(),
        });
        self
    }

    pub(crate) fn charge(
        mut self,
        kind: ChargeKind,
        name: &str,
        amount: &str,
        tax: Option<&Taxed>,
    ) -> Self {
        let name = (!name.is_empty()).then(|| name.to_owned());
        self.charges.push((kind, name, money(amount), tax.cloned()));
        self
    }

    pub(crate) fn currency(mut self, currency: &'static str) -> Self {
        self.currency = currency;
        self
    }

    pub(crate) fn not_due(mut self) -> Self {
        self.is_due = false;
        self
    }

    pub(crate) fn credit(mut self, original: Option<&str>, reason: Option<&str>) -> Self {
        self.kind = DocumentKind::CreditNote;
        self.original = original.map(|number| Original {
            number: number.to_owned(),
            issued_on: day(10, 12),
            order_id: OrderId::parse("ORD-1000").unwrap(),
        });
        self.reason = reason.map(str::to_owned);
        self
    }

    pub(crate) fn issue(self) -> Document {
        let decimals = Currency::parse(self.currency).unwrap().decimals();
        let exact = |line: &Ordered| {
            let whole = line.price.times(line.quantity).unwrap();
            whole.plus(line.discount.unwrap_or(Money::ZERO).negated()).unwrap()
        };
        let lines: Vec<Part<'_>> = self
            .lines
            .iter()
            .map(|line| Part { amount: exact(line), tax: Some(&line.tax) })
            .collect();
        let charges: Vec<Part<'_>> = self
            .charges
            .iter()
            .map(|(_, _, amount, tax)| Part { amount: *amount, tax: tax.as_ref() })
            .collect();
        let made = amounts(self.prices, decimals, &lines, &charges).unwrap();
        let lines = self.lines.iter().zip(&made.lines).map(|(line, net)| DocumentLine {
            product_id: ProductId::parse(&line.id).unwrap(),
            description: line.name.clone(),
            quantity: line.quantity,
            unit_price: line.price,
            discount: line.discount,
            tax: line.tax.clone(),
            net: *net,
            amount: domain::invoice::rounded(exact(line), decimals),
        });
        let charges =
            self.charges.iter().zip(&made.charges).flat_map(|((kind, name, ..), parts)| {
                parts.iter().map(|(tax, amount, net)| DocumentCharge {
                    kind: *kind,
                    description: name.clone(),
                    tax: tax.clone(),
                    net: *net,
                    amount: *amount,
                })
            });
        let is_invoice = self.kind == DocumentKind::Invoice;
        Document {
            number: self.number,
            kind: self.kind,
            issued_on: day(11, 29),
            issued_at: "2026-11-29T15:04:05.678Z".parse().unwrap(),
            due_on: (is_invoice && self.is_due).then(|| day(12, 29)),
            supply: Supply {
                partner: PartnerId::parse("SHOP1").unwrap(),
                order_id: OrderId::parse("ORD-1234").unwrap(),
                attempt: 1,
                placed: 42,
                warehouse: WarehouseId::parse("main").unwrap(),
                ordered_at: "2026-11-27T09:00:00Z".parse().unwrap(),
                supplied_on: day(11, 28),
            },
            lines: lines.collect(),
            charges: charges.collect(),
            seller: self.seller,
            buyer: self.buyer,
            currency: self.currency.to_owned(),
            decimals,
            prices: self.prices,
            taxes: made.taxes,
            totals: made.totals,
            original: self.original,
            reason: self.reason,
            metadata: domain::order::Metadata::default(),
            layout: 1,
            previous: None,
        }
    }
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap()
}
