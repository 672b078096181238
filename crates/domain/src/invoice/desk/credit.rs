//! Credit notes: what a return brings back, and the rest of an invoice.

use super::super::terms::{Hold, retry};
use super::super::{
    Balance, Document, DocumentCharge, DocumentKind, HeldCode, HeldWhat, Issuer, Original, Supply,
    Taxed,
};
use super::fit::{self, Pieces, complete, pieces_of};
use super::sale::{Priced, Reading, list, price, supply};
use super::share;
use super::{Account, Desk, Draft, Event, Outcome, minus, plus};
use crate::Money;
use crate::charge::Charge;
use crate::order::{Line, Order};
use crate::seller::{Seller, WithoutSale};

/// A credit note that is to be issued.
pub(super) struct Credit {
    pub(super) priced: Priced,
    pub(super) pieces: Pieces,
    pub(super) supply: Supply,
    pub(super) reason: Option<String>,
}

impl<'a> Desk<'a> {
    /// A return was confirmed.
    pub(super) fn returned(&mut self, event: &Event) -> Result<Outcome, Hold> {
        let account = event.account();
        let Event { order, attempt, .. } = event;
        if self.balance(&account).credit_note_of(&event.order.order_id, event.attempt).is_some() {
            return Ok(Outcome::Nothing);
        }
        self.drop_held(&account, |held| {
            held.what == HeldWhat::Return
                && held.order_id == order.order_id
                && held.attempt <= *attempt
        });
        match order.returns {
            Some(_) => self.return_of_sale(&account, event),
            None => self.return_without_sale(&account, event),
        }
    }

    fn return_without_sale(&mut self, account: &Account, event: &Event) -> Result<Outcome, Hold> {
        let order = &event.order;
        let Some(seller) = self.terms.seller_of(&order.partner) else {
            return Ok(Outcome::NoSeller);
        };
        if seller.1.returns_without_sale == WithoutSale::Hold {
            let detail = format!(
                "the return names no sale (returns), and sellers.{}.returns-without-sale in partners.yml is hold. Cancel \
                 it and send it again with its sale, or set allow for credit notes that name no invoice, {}",
                seller.0,
                retry(&order.partner, &order.order_id)
            );
            return Err(Hold::new(HeldCode::NoSale, detail));
        }
        self.balance(account).room()?;
        let (draft, _) = self.draft(seller, event, DocumentKind::CreditNote)?;
        let document = self.issue(draft)?;
        let balance = self.change(account);
        balance.attempt = event.attempt;
        balance.credited = plus(balance.credited, document.totals.payable);
        list(balance, &document);
        Ok(Outcome::Issued)
    }

    fn return_of_sale(&mut self, account: &Account, event: &Event) -> Result<Outcome, Hold> {
        let order = &event.order;
        let Some(original) = self.original(account) else {
            let is_held = !self.balance(account).held.is_empty();
            if !is_held && !self.terms.has_seller(&order.partner) {
                return Ok(Outcome::NoSeller);
            }
            let why = if is_held { "its invoice is held" } else { "it was not invoiced" };
            let detail = format!(
                "the return names the sale {}, and {why}. Invoice it, {}",
                super::name(&account.0, &account.1),
                retry(&account.0, &account.1)
            );
            return Err(Hold::new(HeldCode::NoOriginal, detail));
        };
        let day = (self.terms.day)(&original.seller.time_zone, event.at);
        let credit = self.credit_of(&original, order, account)?;
        self.credit(account, &original, Credit { supply: supply(event, day), ..credit })?;
        Ok(Outcome::Issued)
    }

    /// A sale was cancelled.
    pub(super) fn cancelled(&mut self, event: &Event) -> Result<Outcome, Hold> {
        let account = event.account();
        self.drop_held(&account, |held| {
            held.what == HeldWhat::Invoice && held.attempt <= event.attempt
        });
        if self.balance(&account).attempt != event.attempt {
            return Ok(Outcome::Nothing);
        }
        let made = self.credit_rest(&account, None)?;
        Ok(if made.is_some() { Outcome::Issued } else { Outcome::Nothing })
    }

    /// A return was cancelled: an invoice takes its credit note back.
    pub(super) fn return_cancelled(&mut self, event: &Event) -> Result<Outcome, Hold> {
        let account = event.account();
        let order_id = &event.order.order_id;
        self.drop_held(&account, |held| {
            held.what == HeldWhat::Return
                && held.order_id == *order_id
                && held.attempt <= event.attempt
        });
        let Some(credit) =
            self.balance(&account).credit_note_of(&event.order.order_id, event.attempt)
        else {
            return Ok(Outcome::Nothing);
        };
        let (number, is_taken) = (credit.number.clone(), credit.taken_back.is_some());
        let Some(credit) = self.documents.get(&number).filter(|_| !is_taken).cloned() else {
            return Ok(Outcome::Nothing);
        };
        self.balance(&account).room()?;
        let seller = self.seller_of(&credit)?;
        let original = Original {
            number: number.clone(),
            issued_on: credit.issued_on,
            order_id: account.1.clone(),
        };
        let document = Document {
            kind: DocumentKind::Invoice,
            seller: Issuer::of(seller.0, seller.1),
            original: Some(original),
            ..credit.clone()
        };
        let document = self.issue(Draft { seller, document })?;
        let balance = self.change(&account);
        let issued = balance.documents.iter_mut().find(|issued| issued.number == number);
        issued.into_iter().for_each(|issued| issued.taken_back = Some(document.number.clone()));
        balance.payable = plus(balance.payable, document.totals.payable);
        if balance.invoice.is_some() {
            give_back(balance, &document, -1);
        }
        list(balance, &document);
        Ok(Outcome::Issued)
    }

    /// The invoice of the order, as far as it is known.
    pub(super) fn original(&mut self, account: &Account) -> Option<Document> {
        let number = self.balance(account).invoice.clone()?;
        self.documents.get(&number).cloned()
    }

    /// What a return gives back, by the rates of the original.
    pub(super) fn credit_of(
        &mut self,
        original: &Document,
        order: &Order,
        account: &Account,
    ) -> Result<Credit, Hold> {
        let balance = self.balance(account).clone();
        let pieces = pieces_of(&order.lines);
        let complete = complete(original, &balance, &pieces).map_err(|over| {
            let detail = format!("{over}. {}", exceeds(account));
            Hold::new(HeldCode::ExceedsInvoice, detail)
        })?;
        if order.charges.is_empty() && share::is_only_discounted(original, &order.lines) {
            let priced = share::share(original, &balance, &pieces);
            return Ok(Credit { priced, pieces, supply: original.supply.clone(), reason: None });
        }
        let line_taxes: Vec<Taxed> =
            order.lines.iter().map(|line| tax_of(original, &balance, line)).collect();
        let tax_of_charge = |category: &crate::TaxCategory| balance.rates.get(category.as_str());
        let own = order.charges.iter().cloned().map(|charge| {
            let tax = charge.tax_category.as_ref().and_then(tax_of_charge).cloned();
            (charge, tax)
        });
        let discounts = match order.charges.is_empty() {
            true => share::discounts(original, &balance, &order.lines, &pieces),
            false => Vec::new(),
        };
        let shared = discounts.into_iter().map(
            |DocumentCharge { kind, description, tax, amount, .. }| {
                // Below zero in the document, as the amounts of a return are in its order.
                let charge =
                    Charge { kind, description, amount: amount.negated(), tax_category: None };
                (charge, Some(tax))
            },
        );
        let (charges, charge_taxes): (Vec<Charge>, Vec<Option<Taxed>>) = own.chain(shared).unzip();
        let reading =
            Reading { prices: original.prices, decimals: original.decimals, is_return: true };
        let lines = (order.lines.as_slice(), line_taxes.as_slice());
        let mut priced = price(lines, (&charges, &charge_taxes), reading)?;
        let slack = fit::slack(&balance, &order.lines, original.decimals);
        fit::fit(&mut priced, &balance, original.prices, (complete, slack)).map_err(|over| {
            let detail = format!("{over}. {}", exceeds(account));
            Hold::new(HeldCode::ExceedsInvoice, detail)
        })?;
        let (supply, reason) = (original.supply.clone(), None);
        Ok(Credit { priced, pieces, supply, reason })
    }

    /// Issues a credit note on an invoice.
    pub(super) fn credit(
        &mut self,
        account: &Account,
        original: &Document,
        credit: Credit,
    ) -> Result<Document, Hold> {
        self.balance(account).room()?;
        let seller: (&'a str, &'a Seller) = self.seller_of(original)?;
        let Credit { priced, pieces, supply, reason } = credit;
        let document = Document {
            kind: DocumentKind::CreditNote,
            due_on: None,
            supply,
            seller: Issuer::of(seller.0, seller.1),
            lines: priced.lines,
            charges: priced.charges,
            taxes: priced.taxes,
            totals: priced.totals,
            original: Some(Original {
                number: original.number.clone(),
                issued_on: original.issued_on,
                order_id: account.1.clone(),
            }),
            reason,
            ..original.clone()
        };
        let document = self.issue(Draft { seller, document })?;
        let balance = self.change(account);
        balance.credited = plus(balance.credited, document.totals.payable);
        give_back(balance, &document, 1);
        for (product, count) in pieces {
            *balance.returned.entry(product).or_default() += count;
        }
        list(balance, &document);
        Ok(document)
    }

    /// Credits all that is left of the invoice of an order; nothing if nothing is.
    pub(super) fn credit_rest(
        &mut self,
        account: &Account,
        reason: Option<String>,
    ) -> Result<Option<Document>, Hold> {
        let Some(original) = self.original(account) else { return Ok(None) };
        let balance = self.balance(account).clone();
        if !balance.has_rest() {
            return Ok(None);
        }
        let (priced, pieces) = share::rest(&original, &balance);
        let supply = original.supply.clone();
        let credit = Credit { priced, pieces, supply, reason };
        let document = self.credit(account, &original, credit)?;
        let issued = self.change(account).documents.iter_mut();
        let invoice = issued.filter(|issued| issued.number == original.number);
        invoice.for_each(|invoice| invoice.taken_back = Some(document.number.clone()));
        Ok(Some(document))
    }
}

impl Balance {
    /// Is anything left of its invoice that can be credited?
    pub(super) fn has_rest(&self) -> bool {
        let invoice = self.documents.iter().find(|it| Some(&it.number) == self.invoice.as_ref());
        let is_whole = self.documents.len() == 1;
        let any =
            self.left.iter().any(|left| left.base != Money::ZERO || left.amount != Money::ZERO);
        invoice.is_some_and(|invoice| invoice.taken_back.is_none())
            && (is_whole || any || self.payable_left != Money::ZERO)
    }
}

/// Takes a credit note off what is left; with -1, adds it again, with its pieces.
fn give_back(balance: &mut Balance, document: &Document, sign: i64) {
    let signed = |amount: Money| if sign < 0 { amount.negated() } else { amount };
    for tax in &document.taxes {
        if let Some(left) = balance.left.iter_mut().find(|left| left.tax == tax.tax) {
            left.base = minus(left.base, signed(tax.base));
            left.amount = minus(left.amount, signed(tax.amount));
        }
    }
    balance.payable_left = minus(balance.payable_left, signed(document.totals.payable));
    if sign < 0 {
        for line in &document.lines {
            if let Some(count) = balance.returned.get_mut(&line.product_id) {
                *count -= line.quantity;
            }
        }
        balance.returned.retain(|_, count| *count != 0);
    }
}

/// How a returned line was taxed when it was sold: as the line of that product and tax category.
fn tax_of(original: &Document, balance: &Balance, line: &Line) -> Taxed {
    let of_product = || original.lines.iter().filter(|sold| sold.product_id == line.product_id);
    let category = line.tax_category.as_ref();
    let named = category.and_then(|category| balance.rates.get(category.as_str()));
    let same = of_product().find(|sold| Some(&sold.tax) == named);
    let any = same.or_else(|| of_product().next()).or_else(|| original.lines.first());
    any.map(|sold| sold.tax.clone()).unwrap_or_else(|| Taxed {
        code: super::super::TaxCode::O,
        percent: crate::seller::Percent::ZERO,
        reason: None,
    })
}

/// What to do about a credit that is too large.
pub(super) fn exceeds((partner, order_id): &Account) -> String {
    format!(
        "Cancel the return, or take a credit note back that was made by hand, {}",
        retry(partner, order_id)
    )
}
