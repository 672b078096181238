//! Payment, tax, charges and sums (BG-16, BG-23, BG-20, BG-21, BG-22), and the original of a credit note (BG-3).

use super::elements::{amount, day, rate, taxed};
use crate::sums::{Sums, taxes};
use crate::words::Words;
use crate::xml::Xml;
use domain::Money;
use domain::charge::ChargeKind;
use domain::invoice::{Document, DocumentCharge, DocumentKind, TaxCode, TaxTotal};

pub(super) fn write(xml: &mut Xml, document: &Document) {
    xml.inside("ram:ApplicableHeaderTradeSettlement", |xml| {
        let iban = document.seller.iban.as_deref().filter(|_| is_paid(document));
        xml.maybe("ram:PaymentReference", iban.map(|_| document.number.as_str()));
        xml.text("ram:InvoiceCurrencyCode", &document.currency);
        if let Some(iban) = iban {
            means(xml, document, iban);
        }
        taxes(document).iter().for_each(|tax| tax_total(xml, tax));
        let words = Words::of(document.seller.language);
        if !document.lines.is_empty() {
            document.charges.iter().for_each(|one| charge(xml, one, words));
        }
        terms(xml, document, words);
        totals(xml, document);
        if let Some(original) = &document.original {
            xml.inside("ram:InvoiceReferencedDocument", |xml| {
                xml.text("ram:IssuerAssignedID", &original.number);
                xml.inside("ram:FormattedIssueDateTime", |xml| {
                    day(xml, "qdt:DateTimeString", original.issued_on);
                });
            });
        }
    });
}

/// Does the buyer pay it to the seller?
fn is_paid(document: &Document) -> bool {
    document.kind == DocumentKind::Invoice && Money::ZERO < document.totals.payable
}

/// UNTDID 4461: 58 is a transfer within SEPA, which is in euros; 30 is any.
fn means(xml: &mut Xml, document: &Document, iban: &str) {
    xml.inside("ram:SpecifiedTradeSettlementPaymentMeans", |xml| {
        xml.text("ram:TypeCode", if document.currency == "EUR" { "58" } else { "30" });
        xml.inside("ram:PayeePartyCreditorFinancialAccount", |xml| {
            xml.text("ram:IBANID", iban);
            xml.text("ram:AccountName", &document.seller.name);
        });
    });
}

fn tax_total(xml: &mut Xml, total: &TaxTotal) {
    xml.inside("ram:ApplicableTradeTax", |xml| {
        amount(xml, "ram:CalculatedAmount", total.amount);
        xml.text("ram:TypeCode", "VAT");
        if total.tax.code.needs_reason() {
            xml.maybe("ram:ExemptionReason", total.tax.reason.as_deref());
        }
        amount(xml, "ram:BasisAmount", total.base);
        xml.text("ram:CategoryCode", total.tax.code.as_str());
        xml.maybe("ram:ExemptionReasonCode", exemption(total.tax.code));
        rate(xml, &total.tax);
    });
}

/// BT-121, by the list of the Connecting Europe Facility. Why something is exempt (E) only its text says.
const fn exemption(code: TaxCode) -> Option<&'static str> {
    match code {
        TaxCode::AE => Some("VATEX-EU-AE"),
        TaxCode::K => Some("VATEX-EU-IC"),
        TaxCode::G => Some("VATEX-EU-G"),
        TaxCode::O => Some("VATEX-EU-O"),
        TaxCode::S | TaxCode::Z | TaxCode::E => None,
    }
}

fn charge(xml: &mut Xml, charge: &DocumentCharge, words: &Words) {
    let adds = Money::ZERO <= charge.net;
    // UNTDID 5189 for what is taken off, 7161 for what is added.
    let code = match (charge.kind, adds) {
        (ChargeKind::Discount, false) => Some("95"),
        (ChargeKind::Shipping, true) => Some("FC"),
        _ => None,
    };
    xml.inside("ram:SpecifiedTradeAllowanceCharge", |xml| {
        xml.inside("ram:ChargeIndicator", |xml| {
            xml.text("udt:Indicator", if adds { "true" } else { "false" });
        });
        amount(xml, "ram:ActualAmount", charge.net.magnitude());
        xml.maybe("ram:ReasonCode", code);
        let said = charge.description.as_deref().filter(|text| !text.trim().is_empty());
        xml.text("ram:Reason", said.unwrap_or_else(|| words.charge(charge.kind)));
        taxed(xml, "ram:CategoryTradeTax", &charge.tax);
    });
}

/// An amount above zero has a due date or terms (BR-CO-25).
fn terms(xml: &mut Xml, document: &Document, words: &Words) {
    let text = match (document.kind, document.due_on) {
        (DocumentKind::CreditNote, _) => Some(words.refunded),
        (DocumentKind::Invoice, None) => Some(words.pay_now),
        (DocumentKind::Invoice, Some(_)) => None,
    };
    xml.inside("ram:SpecifiedTradePaymentTerms", |xml| {
        xml.maybe("ram:Description", text);
        if let Some(due) = document.due_on {
            xml.inside("ram:DueDateDateTime", |xml| day(xml, "udt:DateTimeString", due));
        }
    });
}

fn totals(xml: &mut Xml, document: &Document) {
    let (totals, sums) = (&document.totals, Sums::of(document));
    xml.inside("ram:SpecifiedTradeSettlementHeaderMonetarySummation", |xml| {
        amount(xml, "ram:LineTotalAmount", sums.lines);
        amount(xml, "ram:ChargeTotalAmount", sums.charges);
        amount(xml, "ram:AllowanceTotalAmount", sums.allowances);
        amount(xml, "ram:TaxBasisTotalAmount", totals.net);
        let currency = ("currencyID", document.currency.as_str());
        xml.text_with("ram:TaxTotalAmount", currency, &totals.tax.to_string());
        if totals.rounding != Money::ZERO {
            amount(xml, "ram:RoundingAmount", totals.rounding);
        }
        amount(xml, "ram:GrandTotalAmount", totals.gross);
        amount(xml, "ram:DuePayableAmount", totals.payable);
    });
}
