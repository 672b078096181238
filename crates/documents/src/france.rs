//! What a French invoice between businesses still lacks for the rules of the electronic invoicing reform (AFNOR XP
//! Z12-012, BR-FR), field by field. Having all of it makes no invoice lawful: it has to go through an approved platform.

use domain::invoice::{Buyer, Document, DocumentKind, Issuer};

/// A field that has to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name: of a seller as in partners.yml (`seller.texts.penalties`), of a buyer as in a document.
    pub field: &'static str,
    /// The rule that asks for it.
    pub rule: &'static str,
}

/// What a French seller's configuration lacks; nothing for sellers of other countries.
#[must_use]
pub fn missing_of_seller(seller: &Issuer) -> Vec<Missing> {
    if seller.address.country != "FR" {
        return Vec::new();
    }
    let is_there = |text: &Option<String>| text.as_deref().is_some_and(|it| !it.trim().is_empty());
    missing(&[
        (is_there(&seller.siren), "seller.siren", "BR-FR-10"),
        (is_there(&seller.electronic_address), "seller.electronic-address", "BR-FR-13"),
        (seller.supplies.is_some(), "seller.supplies", "BR-FR-08"),
        (is_there(&seller.penalties), "seller.texts.penalties", "BR-FR-05"),
        (is_there(&seller.recovery_costs), "seller.texts.recovery-costs", "BR-FR-05"),
        (is_there(&seller.discount_terms), "seller.texts.discount-terms", "BR-FR-05"),
    ])
}

/// What a document of a French seller lacks, the seller's fields included.
#[must_use]
pub fn missing_for_france(document: &Document) -> Vec<Missing> {
    if document.seller.address.country != "FR" {
        return Vec::new();
    }
    let mut found = missing_of_seller(&document.seller);
    found.extend(missing_of_buyer(&document.buyer));
    let named = document.kind == DocumentKind::Invoice || document.original.is_some();
    found.extend(missing(&[(named, "original", "BR-FR-CO-05")]));
    found
}

fn missing_of_buyer(buyer: &Buyer) -> Vec<Missing> {
    missing(&[(buyer.electronic_address.is_some(), "buyer.electronic_address", "BR-FR-12")])
}

fn missing(fields: &[(bool, &'static str, &'static str)]) -> Vec<Missing> {
    let missing = fields.iter().filter(|(is_there, ..)| !is_there);
    missing.map(|(_, field, rule)| Missing { field, rule }).collect()
}
