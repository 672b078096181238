//! Lines (BG-25).

use super::elements::{amount, taxed};
use crate::price::{NetPrice, net_price};
use crate::words::Words;
use crate::xml::Xml;
use domain::Money;
use domain::invoice::{Document, DocumentCharge, DocumentLine};

pub(super) fn write(xml: &mut Xml, document: &Document) {
    let words = Words::of(document.seller.language);
    for (number, line) in (1..).zip(&document.lines) {
        let price = net_price(line, document.prices, document.decimals);
        ordered(xml, number, line, &price, words);
    }
    if document.lines.is_empty() {
        for (number, charge) in (1..).zip(&document.charges) {
            lone_charge(xml, number, charge, words);
        }
    }
}

fn ordered(xml: &mut Xml, number: usize, line: &DocumentLine, price: &NetPrice, words: &Words) {
    let id = line.product_id.as_str();
    let name = line.description.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(id);
    item(xml, number, &[("ram:SellerAssignedID", id), ("ram:Name", name)], |xml| {
        agreement(xml, &price.price, price.pieces);
        quantity(xml, line.quantity);
        xml.inside("ram:SpecifiedLineTradeSettlement", |xml| {
            taxed(xml, "ram:ApplicableTradeTax", &line.tax);
            if price.discount != Money::ZERO {
                // UNTDID 5189, 95: discount (BG-27).
                xml.inside("ram:SpecifiedTradeAllowanceCharge", |xml| {
                    xml.inside("ram:ChargeIndicator", |xml| xml.text("udt:Indicator", "false"));
                    amount(xml, "ram:ActualAmount", price.discount);
                    xml.text("ram:ReasonCode", "95");
                    xml.text("ram:Reason", words.discount);
                });
            }
            total(xml, line.net);
        });
    });
}

/// A document needs a line (BR-16): where it has charges only, each is one.
fn lone_charge(xml: &mut Xml, number: usize, charge: &DocumentCharge, words: &Words) {
    let name = charge.description.as_deref().unwrap_or_else(|| words.charge(charge.kind));
    item(xml, number, &[("ram:Name", name)], |xml| {
        // A price is never below zero (BR-27).
        agreement(xml, &charge.net.magnitude().to_string(), 1);
        quantity(xml, if charge.net < Money::ZERO { -1 } else { 1 });
        xml.inside("ram:SpecifiedLineTradeSettlement", |xml| {
            taxed(xml, "ram:ApplicableTradeTax", &charge.tax);
            total(xml, charge.net);
        });
    });
}

fn item(xml: &mut Xml, number: usize, product: &[(&str, &str)], rest: impl FnOnce(&mut Xml)) {
    xml.inside("ram:IncludedSupplyChainTradeLineItem", |xml| {
        xml.inside("ram:AssociatedDocumentLineDocument", |xml| {
            xml.text("ram:LineID", &number.to_string());
        });
        xml.inside("ram:SpecifiedTradeProduct", |xml| {
            product.iter().for_each(|(name, text)| xml.text(name, text));
        });
        rest(xml);
    });
}

fn agreement(xml: &mut Xml, price: &str, pieces: i64) {
    xml.inside("ram:SpecifiedLineTradeAgreement", |xml| {
        xml.inside("ram:NetPriceProductTradePrice", |xml| {
            xml.text("ram:ChargeAmount", price);
            if pieces != 1 {
                xml.text_with("ram:BasisQuantity", PIECE, &pieces.to_string());
            }
        });
    });
}

fn quantity(xml: &mut Xml, quantity: i64) {
    xml.inside("ram:SpecifiedLineTradeDelivery", |xml| {
        xml.text_with("ram:BilledQuantity", PIECE, &quantity.to_string());
    });
}

fn total(xml: &mut Xml, net: Money) {
    xml.inside("ram:SpecifiedTradeSettlementLineMonetarySummation", |xml| {
        amount(xml, "ram:LineTotalAmount", net);
    });
}

/// UN/ECE Recommendation 20: one.
const PIECE: (&str, &str) = ("unitCode", "C62");
