//! Factur-X in the profile EN 16931: UN/CEFACT Cross Industry Invoice (D22B), as EN 16931-3-3 maps the business terms
//! to it. The order of elements is that of the schema.

mod elements;
mod lines;
mod parties;
mod settlement;

use crate::xml::Xml;
use domain::invoice::{Document, DocumentKind};
use domain::seller::Supplies;
use elements::day;

/// Writes a document. The result is valid for others if it [`crate::is_electronic`].
#[must_use]
pub fn xml(document: &Document) -> String {
    let namespace = |name: &str| format!("urn:un:unece:uncefact:data:standard:{name}:100");
    let mut xml = Xml::new();
    let names = [
        ("xmlns:rsm", namespace("CrossIndustryInvoice")),
        ("xmlns:qdt", namespace("QualifiedDataType")),
        ("xmlns:ram", namespace("ReusableAggregateBusinessInformationEntity")),
        ("xmlns:udt", namespace("UnqualifiedDataType")),
    ];
    let names: Vec<(&str, &str)> = names.iter().map(|(name, uri)| (*name, uri.as_str())).collect();
    xml.inside_with("rsm:CrossIndustryInvoice", &names, |xml| {
        context(xml, document);
        xml.inside("rsm:ExchangedDocument", |xml| head(xml, document));
        xml.inside("rsm:SupplyChainTradeTransaction", |xml| {
            lines::write(xml, document);
            parties::agreement(xml, document);
            parties::delivery_of(xml, document);
            settlement::write(xml, document);
        });
    });
    xml.finish()
}

fn context(xml: &mut Xml, document: &Document) {
    xml.inside("rsm:ExchangedDocumentContext", |xml| {
        if let Some(supplies) = document.seller.supplies {
            // BT-23, by the French list: an invoice that is not yet paid.
            let code = match supplies {
                Supplies::Goods => "B1",
                Supplies::Services => "S1",
                Supplies::Both => "M1",
            };
            xml.inside("ram:BusinessProcessSpecifiedDocumentContextParameter", |xml| {
                xml.text("ram:ID", code);
            });
        }
        xml.inside("ram:GuidelineSpecifiedDocumentContextParameter", |xml| {
            xml.text("ram:ID", "urn:cen.eu:en16931:2017");
        });
    });
}

fn head(xml: &mut Xml, document: &Document) {
    xml.text("ram:ID", &document.number);
    let code = match document.kind {
        DocumentKind::Invoice => "380",
        DocumentKind::CreditNote => "381",
    };
    xml.text("ram:TypeCode", code);
    xml.inside("ram:IssueDateTime", |xml| day(xml, "udt:DateTimeString", document.issued_on));
    let seller = &document.seller;
    // BG-1, with the codes of UNTDID 4451.
    for (note, code) in [
        (&document.reason, None),
        (&seller.recovery_costs, Some("PMT")),
        (&seller.penalties, Some("PMD")),
        (&seller.discount_terms, Some("AAB")),
    ] {
        if let Some(note) = note.as_deref().filter(|note| !note.trim().is_empty()) {
            xml.inside("ram:IncludedNote", |xml| {
                xml.text("ram:Content", note);
                xml.maybe("ram:SubjectCode", code);
            });
        }
    }
}
