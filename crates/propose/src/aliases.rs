//! Names of columns in shops' exports, in a dozen languages.

use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The meaning of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The partner's order number.
    OrderId,
    /// SKU.
    ProductId,
    /// Number of pieces.
    Quantity,
    /// Price of one piece.
    UnitPrice,
    /// Time of the order.
    OrderedAt,
    /// The buyer.
    CustomerId,
    /// Name of the product.
    Description,
    /// Country or sales region.
    Region,
    /// Product category.
    Category,
}

/// Names by role, the best ones first; folded as by [`words`], words separated by spaces, names by
/// bars.
const ALIASES: [(Role, &str); 9] = [
    (
        Role::OrderId,
        "order id|order number|order no|orderid|ordernumber|orderno|order|invoice no|\
         invoiceno|invoice number|invoice|amazon order id|sales record number|\
         increment id|transaction id|po number|receipt no|bestellnummer|bestellnr|\
         bestellung|auftragsnummer|auftragsnr|auftrag|rechnungsnummer|rechnungsnr|\
         belegnummer|numero de commande|no de commande|n de commande|numero commande|\
         no commande|reference commande|commande|numero de pedido|no de pedido|\
         n de pedido|numero pedido|pedido|numero factura|factura|numero ordine|\
         n ordine|ordine|numero do pedido|bestelnummer|ordernummer|ordrenummer|ordrenr|\
         tilausnumero|numer zamowienia|zamowienie|cislo objednavky|name",
    ),
    (
        Role::ProductId,
        "sku|lineitem sku|product id|productid|product code|stock code|stockcode|\
         item number|item no|item code|item id|article number|article|custom label|\
         custom label sku|asin|ean|gtin|upc|product|item|artikelnummer|artikelnr|\
         artikel nr|art nr|artikel|produktnummer|produkt nr|produkt|reference|\
         reference article|reference produit|code article|ref|produit|referencia|\
         codigo|codigo producto|producto|codice|codice articolo|codice prodotto|\
         articolo|prodotto|artikelcode|varenummer|varenr|tuotekoodi|kod produktu|\
         indeks|kod zbozi",
    ),
    (
        Role::Quantity,
        "quantity|qty|lineitem quantity|quantity purchased|quantity ordered|\
         qty ordered|units|pieces|pcs|count|menge|anzahl|stuck|stueck|bestellmenge|\
         quantite|qte|cantidad|cant|quantita|qta|quantidade|qtd|aantal|antal|maara|\
         ilosc|mnozstvi|pocet",
    ),
    (
        Role::UnitPrice,
        "unit price|unitprice|price|item price|lineitem price|price each|\
         price per unit|selling price|sale price|sold for|einzelpreis|stuckpreis|\
         stueckpreis|preis|vk preis|verkaufspreis|prix unitaire|prix|pu|\
         precio unitario|precio|prezzo unitario|prezzo|preco unitario|preco|stuksprijs|\
         eenheidsprijs|prijs|stykpris|enhetspris|pris|yksikkohinta|hinta|\
         cena jednostkowa|cena|jednotkova cena",
    ),
    (
        Role::OrderedAt,
        "order date|ordered at|orderdate|invoice date|invoicedate|purchase date|\
         sale date|created at|order created|date ordered|order time|timestamp|date|\
         datetime|paid at|paid on date|time|created|bestelldatum|auftragsdatum|\
         rechnungsdatum|datum|date de commande|date commande|date de la commande|\
         fecha de pedido|fecha pedido|fecha|data ordine|data pedido|data do pedido|\
         data|besteldatum|orderdatum|ordredato|dato|tilauspaiva|paivamaara|\
         data zamowienia|datum objednavky",
    ),
    (
        Role::CustomerId,
        "customer id|customerid|customer number|customer no|customer|customer email|\
         buyer username|buyer user id|buyer|buyer email|user id|client id|account|\
         email|e mail|kundennummer|kundennr|kunden nr|kunde|id client|numero client|\
         no client|code client|client|id cliente|codigo cliente|codice cliente|cliente|\
         klantnummer|klant|kundenummer|kundnummer|kund|asiakasnumero|asiakas|\
         numer klienta|klient|zakaznik",
    ),
    (
        Role::Description,
        "description|product name|item title|item name|lineitem name|product title|\
         title|item description|bezeichnung|artikelbezeichnung|produktbezeichnung|\
         beschreibung|produktname|designation|libelle|nom du produit|descripcion|\
         nombre producto|nombre|descrizione|nome prodotto|descricao|omschrijving|\
         productnaam|beskrivelse|varenavn|benamning|kuvaus|nazwa produktu|nazwa|nazev|\
         name",
    ),
    (
        Role::Region,
        "country|region|shipping country|ship country|ship to country|delivery country|\
         buyer country|billing country|market|land|lieferland|pays|pays de livraison|\
         pais|pais de envio|paese|nazione|maa|kraj|zeme|state",
    ),
    (
        Role::Category,
        "category|product category|product type|department|product group|kategorie|\
         warengruppe|produktgruppe|categorie|rayon|famille|categoria|familia|reparto|\
         productgroep|kategori|varegruppe|kategoria",
    ),
];

impl Role {
    /// All roles, in the order of the configuration.
    pub const ALL: [Self; 9] = [
        Self::OrderId,
        Self::ProductId,
        Self::Quantity,
        Self::UnitPrice,
        Self::OrderedAt,
        Self::CustomerId,
        Self::Description,
        Self::Region,
        Self::Category,
    ];

    /// Its key in the configuration.
    pub const fn key(self) -> &'static str {
        match self {
            Self::OrderId => "order-id",
            Self::ProductId => "product-id",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit-price",
            Self::OrderedAt => "ordered-at",
            Self::CustomerId => "customer-id",
            Self::Description => "description",
            Self::Region => "region",
            Self::Category => "category",
        }
    }

    /// Whether a file cannot be read without it.
    pub const fn is_required(self) -> bool {
        matches!(
            self,
            Self::OrderId | Self::ProductId | Self::Quantity | Self::UnitPrice | Self::OrderedAt
        )
    }

    fn aliases(self) -> impl Iterator<Item = &'static str> {
        let of_role = ALIASES.into_iter().filter(move |(role, _)| *role == self);
        of_role.flat_map(|(_, names)| names.split('|'))
    }

    /// How well `header` names this role, up to 1,000; 0 means not at all.
    pub(super) fn named_by(self, header: &str) -> u32 {
        let words = words(header);
        let aliases = (0u32..).zip(self.aliases());
        let scores = aliases.filter_map(|(rank, alias)| {
            if words.join(" ") == alias || words.concat() == alias.replace(' ', "") {
                return Some(1_000 - rank.min(99));
            }
            // All words of the alias are in the header and make up a good part of it.
            let parts: Vec<&str> = alias.split(' ').collect();
            let all = parts.iter().all(|part| words.iter().any(|word| word == part));
            let share = parts.len() * 400 / words.len().max(1);
            all.then(|| 300 + u32::try_from(share).unwrap_or(0))
        });
        scores.max().unwrap_or(0)
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(key: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.key() == key);
        found.ok_or_else(|| format!("is {key:?}; known are {}", Self::ALL.map(Self::key).join(" ")))
    }
}

/// All names of all roles, in the form that [`known`] compares.
pub(super) fn all() -> HashSet<String> {
    let names = ALIASES.iter().flat_map(|(_, names)| names.split('|'));
    names.map(|name| name.split_whitespace().collect()).collect()
}

/// How many of the cells are a name of [`all`].
pub(super) fn known(all: &HashSet<String>, cells: &[String]) -> usize {
    cells.iter().filter(|cell| all.contains(&words(cell).concat())).count()
}

/// The words of a name without case, accents and signs: `N° de commande` becomes `n de commande`, and
/// `CustomerID` becomes `customer id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let is_start = c.is_uppercase() && before.is_lowercase();
        if (!c.is_alphanumeric() || is_start) && words.last().is_some_and(|last| !last.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            c.to_lowercase().for_each(|c| fold(c, word));
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Adds a lower-case letter without its accent. The letters listed here do not decompose into letter
/// and accent.
fn fold(letter: char, into: &mut String) {
    match letter {
        'ł' => into.push('l'),
        'ø' => into.push('o'),
        'ß' => into.push_str("ss"),
        'æ' => into.push_str("ae"),
        'œ' => into.push_str("oe"),
        other => into.extend(std::iter::once(other).nfkd().filter(|c| !is_combining_mark(*c))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_and_signs() {
        for (name, expected) in [
            ("N° de commande", "n de commande"),
            ("Prix unitaire (€)", "prix unitaire"),
            ("CustomerID", "customer id"),
            ("Lineitem_sku", "lineitem sku"),
            ("Größe  ÜBER", "grosse uber"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[track_caller]
    fn check(header: &str, expected: Option<Role>) {
        let best = Role::ALL.into_iter().max_by_key(|role| role.named_by(header)).unwrap();
        assert_eq!((best.named_by(header) > 0).then_some(best), expected, "{header}");
    }

    #[test]
    fn columns_of_well_known_exports_are_known() {
        for (role, headers) in [
            (Role::OrderId, "InvoiceNo|N° de commande|Bestellnummer|Order ID|amazon-order-id"),
            (Role::ProductId, "StockCode|Référence|Artikelnummer|Lineitem sku|Custom label (SKU)"),
            (Role::Quantity, "Quantité|Menge|Lineitem quantity|quantity-purchased|Cantidad"),
            (
                Role::UnitPrice,
                "UnitPrice|Prix unitaire (€)|Einzelpreis EUR|Lineitem price|Sold For",
            ),
            (Role::OrderedAt, "InvoiceDate|Bestelldatum|Created at|Sale Date|Fecha"),
            (Role::CustomerId, "CustomerID|Kundennummer|Email|Buyer Username|Cliente"),
            (Role::Description, "Désignation|Item Title|Lineitem name|Bezeichnung"),
            (Role::Region, "Country|País|Shipping Country|Lieferland"),
            (Role::Category, "Catégorie|Warengruppe|category"),
        ] {
            headers.split('|').for_each(|header| check(header, Some(role)));
        }
        check("Tracking Number", None);
        check("", None);
    }

    #[test]
    fn every_alias_is_written_as_names_are_compared() {
        for role in Role::ALL {
            for alias in role.aliases() {
                assert_eq!(words(alias).join(" "), alias);
            }
        }
    }
}
