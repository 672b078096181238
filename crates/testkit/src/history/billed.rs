//! Invoices and credit notes: numbers, chain, and one for each confirmed sale.

use super::document::{Billed, Short};
use super::record::History;
use super::report::{Report, Rule};
use messaging::subject;
use std::collections::{BTreeMap, HashMap, HashSet};

impl History {
    /// The documents by themselves, and against what was confirmed.
    pub(super) fn check_billed(&self, report: &mut Report) {
        self.check_series(report);
        self.check_credits(report);
        self.check_invoices(report);
    }

    fn check_series(&self, report: &mut Report) {
        let mut series: BTreeMap<&str, Vec<&Billed>> = BTreeMap::new();
        for billed in &self.billed {
            series.entry(&billed.document.series).or_default().push(billed);
        }
        for documents in series.values_mut() {
            documents.sort_by_key(|billed| billed.document.number);
            let mut before: Option<&Short> = None;
            for billed in documents.iter() {
                let this = &billed.document;
                let last = before.map_or(0, |before| before.number);
                if this.number == last {
                    billed.add(report, Rule::NumberTwice, "its number was issued before".into());
                } else if this.number != last + 1 {
                    let detail = format!("the number before it is {last}");
                    billed.add(report, Rule::NumberMissing, detail);
                } else if this.previous.as_ref() != before.map(|before| &before.hash) {
                    let detail =
                        format!("{:?} is the hash of no document before it", this.previous);
                    billed.add(report, Rule::DocumentChanged, detail);
                }
                if let Some(before) = before.filter(|before| this.issued_on < before.issued_on) {
                    let detail = format!(
                        "is of {}, {} of {}",
                        this.issued_on, before.text, before.issued_on
                    );
                    billed.add(report, Rule::DocumentDay, detail);
                }
                before = Some(this);
            }
        }
    }

    /// Never more is credited of an invoice than it came to.
    fn check_credits(&self, report: &mut Report) {
        let known: HashMap<&str, &Billed> =
            self.billed.iter().map(|billed| (&*billed.document.text, billed)).collect();
        let mut credited: BTreeMap<&str, i128> = BTreeMap::new();
        for billed in &self.billed {
            let this = &billed.document;
            let Some(original) = &this.original else { continue };
            let Some(taken) = known.get(original.as_str()) else {
                let detail = format!("takes {original} back, which is not there");
                billed.add(report, Rule::CreditWrong, detail);
                continue;
            };
            match (this.is_credit, &taken.document.original) {
                (true, _) => *credited.entry(original).or_default() += this.payable,
                (false, Some(invoice)) => *credited.entry(invoice).or_default() -= this.payable,
                (false, None) => {}
            }
        }
        for invoice in self.replaced() {
            let Short { text, payable, .. } = &invoice.document;
            let credited = credited.get(text.as_str()).copied().unwrap_or(0);
            if credited != *payable {
                let detail =
                    format!("its order was amended, and {credited} of {payable} are credited");
                invoice.add(report, Rule::CreditWrong, detail);
            }
        }
        for (number, credited) in credited {
            let Some(invoice) = known.get(number) else { continue };
            let payable = invoice.document.payable;
            if !(0..=payable).contains(&credited) {
                let detail = format!("{credited} of {payable} are credited");
                invoice.add(report, Rule::CreditWrong, detail);
            }
        }
    }

    /// Invoices of attempts whose place another one took that is invoiced itself.
    fn replaced(&self) -> impl Iterator<Item = &Billed> {
        let invoices = || self.billed.iter().filter(|it| it.document.is_invoice());
        let invoiced: HashSet<u64> = invoices().map(|it| it.document.placed).collect();
        let confirmed: HashSet<u64> = self.confirmed();
        let amended = self.placed.iter().filter(|placed| {
            invoiced.contains(&placed.sequence) && confirmed.contains(&placed.sequence)
        });
        let replaced: HashSet<u64> = amended.filter_map(|placed| Some(placed.amends?.1)).collect();
        invoices().filter(move |it| replaced.contains(&it.document.placed))
    }

    fn confirmed(&self) -> HashSet<u64> {
        self.facts.iter().filter(|fact| fact.confirms).filter_map(|fact| fact.placed).collect()
    }

    /// One invoice for each confirmed sale of a partner that is invoiced, of what was ordered.
    fn check_invoices(&self, report: &mut Report) {
        let placed: HashMap<u64, _> =
            self.placed.iter().map(|placed| (placed.sequence, placed)).collect();
        let confirmed = self.confirmed();
        let mut invoiced: HashSet<u64> = HashSet::new();
        let mut partners: HashSet<&str> = HashSet::new();
        for billed in &self.billed {
            let this = &billed.document;
            if !this.is_invoice() {
                continue;
            }
            partners.insert(&this.partner);
            if !invoiced.insert(this.placed) {
                let detail = format!("#{} has another invoice", this.placed);
                billed.add(report, Rule::InvoicedTwice, detail);
            }
            let Some(placed) = placed.get(&this.placed) else { continue };
            if placed.is_return || !confirmed.contains(&this.placed) {
                let detail = format!("#{} is no confirmed sale", this.placed);
                billed.add(report, Rule::InvoiceUnfounded, detail);
            }
            let total = placed.total.map(|total| to_the_cent(total.into(), this.decimals));
            if let Some(total) = total.filter(|total| this.is_gross && *total != this.payable) {
                let detail = format!("comes to {}, the order to {total}", this.payable);
                billed.add(report, Rule::InvoiceAmount, detail);
            }
        }
        for placed in &self.placed {
            let key = placed.key().split_once('.').map_or("", |(_, order)| order);
            let partner = key.split('.').next().and_then(subject::text).unwrap_or_default();
            let asks = !placed.is_return && confirmed.contains(&placed.sequence);
            let is_held = self.held.contains(key);
            if asks
                && !is_held
                && partners.contains(&*partner)
                && !invoiced.contains(&placed.sequence)
            {
                let detail = "was confirmed and has no invoice".to_owned();
                report.add(Rule::NotInvoiced, &placed.subject, placed.sequence, detail);
            }
        }
    }
}

/// Half away from zero, at the decimals of the currency; amounts have four.
fn to_the_cent(units: i128, decimals: u32) -> i128 {
    let step = 10_i128.pow(4_u32.saturating_sub(decimals));
    let sign = if units < 0 { -1 } else { 1 };
    (units.abs() + step / 2) / step * step * sign
}
