//! Seller, buyer, and where the goods went (BG-4, BG-7, BG-13).

use super::elements::day;
use crate::party::{buyer_address, buyer_name, buyer_siren, delivery};
use crate::words::Words;
use crate::xml::Xml;
use domain::invoice::Document;
use domain::person::Address;

pub(super) fn agreement(xml: &mut Xml, document: &Document) {
    xml.inside("ram:ApplicableHeaderTradeAgreement", |xml| {
        xml.inside("ram:SellerTradeParty", |xml| seller(xml, document));
        xml.inside("ram:BuyerTradeParty", |xml| buyer(xml, document));
        xml.inside("ram:SellerOrderReferencedDocument", |xml| {
            xml.text("ram:IssuerAssignedID", document.supply.order_id.as_str());
        });
    });
}

pub(super) fn delivery_of(xml: &mut Xml, document: &Document) {
    xml.inside("ram:ApplicableHeaderTradeDelivery", |xml| {
        if let Some(address) = delivery(document) {
            xml.inside("ram:ShipToTradeParty", |xml| {
                let words = Words::of(document.seller.language);
                xml.text("ram:Name", buyer_name(&document.buyer).unwrap_or(words.nameless));
                postal(xml, address);
            });
        }
        xml.inside("ram:ActualDeliverySupplyChainEvent", |xml| {
            xml.inside("ram:OccurrenceDateTime", |xml| {
                day(xml, "udt:DateTimeString", document.supply.supplied_on);
            });
        });
    });
}

fn seller(xml: &mut Xml, document: &Document) {
    let seller = &document.seller;
    xml.text("ram:Name", &seller.name);
    let legal: Vec<&str> =
        seller.legal_form.iter().chain(&seller.register).map(String::as_str).collect();
    xml.maybe("ram:Description", Some(&legal.join(" – ")));
    if let Some(siren) = &seller.siren {
        legal_organization(xml, siren);
    }
    let address = &seller.address;
    xml.inside("ram:PostalTradeAddress", |xml| {
        xml.maybe("ram:PostcodeCode", Some(&address.postcode));
        xml.maybe("ram:LineOne", Some(&address.street));
        xml.maybe("ram:LineTwo", address.street2.as_deref());
        xml.maybe("ram:CityName", Some(&address.city));
        xml.text("ram:CountryID", &address.country);
    });
    electronic(xml, seller.electronic_address.as_deref());
    match (&seller.vat_number, &seller.siren) {
        (Some(number), _) => tax_number(xml, "VA", number),
        // BT-32, which some rules take as well (BR-E-02).
        (None, Some(siren)) => tax_number(xml, "FC", siren),
        (None, None) => {}
    }
}

fn buyer(xml: &mut Xml, document: &Document) {
    let (buyer, person) = (&document.buyer, &document.buyer.person);
    xml.maybe("ram:ID", buyer.customer.as_ref().map(domain::CustomerId::as_str));
    let words = Words::of(document.seller.language);
    xml.text("ram:Name", buyer_name(buyer).unwrap_or(words.nameless));
    if let Some(siren) = buyer_siren(buyer) {
        legal_organization(xml, siren);
    }
    if let (Some(_), Some(name)) = (&person.company, &person.name) {
        xml.inside("ram:DefinedTradeContact", |xml| xml.text("ram:PersonName", name));
    }
    if let Some(address) = buyer_address(buyer) {
        postal(xml, address);
    }
    electronic(xml, buyer.electronic_address.as_deref());
    person.vat_number.iter().for_each(|number| tax_number(xml, "VA", number));
}

/// ISO 6523, 0002: SIRENE.
fn legal_organization(xml: &mut Xml, siren: &str) {
    xml.inside("ram:SpecifiedLegalOrganization", |xml| {
        xml.text_with("ram:ID", ("schemeID", "0002"), siren);
    });
}

/// There is room for three lines of a street; a fourth is put behind the third.
fn postal(xml: &mut Xml, address: &Address) {
    let mut lines = address.lines.iter();
    let (one, two) = (lines.next(), lines.next());
    let rest: Vec<&str> = lines.map(String::as_str).collect();
    xml.inside("ram:PostalTradeAddress", |xml| {
        xml.maybe("ram:PostcodeCode", address.postal_code.as_deref());
        xml.maybe("ram:LineOne", one.map(String::as_str));
        xml.maybe("ram:LineTwo", two.map(String::as_str));
        xml.maybe("ram:LineThree", Some(&rest.join(", ")));
        xml.maybe("ram:CityName", Some(&address.city));
        xml.text("ram:CountryID", &address.country);
        xml.maybe("ram:CountrySubDivisionName", address.region.as_deref());
    });
}

/// `0225:303265045`: scheme and address.
fn electronic(xml: &mut Xml, address: Option<&str>) {
    if let Some((scheme, address)) = address.and_then(|address| address.split_once(':')) {
        xml.inside("ram:URIUniversalCommunication", |xml| {
            xml.text_with("ram:URIID", ("schemeID", scheme), address);
        });
    }
}

fn tax_number(xml: &mut Xml, scheme: &str, number: &str) {
    xml.inside("ram:SpecifiedTaxRegistration", |xml| {
        xml.text_with("ram:ID", ("schemeID", scheme), number);
    });
}
