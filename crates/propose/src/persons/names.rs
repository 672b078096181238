//! Names of columns about persons in shops' exports: English, German, French, Spanish, Italian, Dutch.

use crate::aliases::words;
use crate::table::Table;
use domain::partner::Column;

/// Names without the words that say which address is meant; folded as by [`words`].
const NAMES: [(&str, &str); 11] = [
    (
        "name",
        "name|full name|customer name|buyer name|recipient name|recipient|kundenname|name des kunden|\
         empfanger|nom|nom complet|nom client|nom du client|destinataire|nombre|nombre completo|\
         nombre cliente|nombre del cliente|destinatario|nome|nome completo|nome cliente|naam|klantnaam|\
         naam klant|ontvanger",
    ),
    (
        "email",
        "email|e mail|email address|e mail address|mail|customer email|buyer email|email adresse|e mail adresse|\
         mailadresse|courriel|adresse email|adresse e mail|email client|mel|correo|correo electronico|\
         email cliente|posta elettronica|indirizzo email|emailadres|e mailadres",
    ),
    (
        "phone",
        "phone|phone number|telephone|tel|mobile|mobile phone|buyer phone|buyer phone number|customer phone|telefon|\
         telefonnummer|handy|mobiltelefon|telephone portable|portable|numero de telephone|telefono|movil|\
         numero de telefono|cellulare|numero di telefono|telefoon|telefoonnummer|mobiel",
    ),
    (
        "company",
        "company|company name|organisation|organization|firma|firmenname|unternehmen|societe|entreprise|\
         raison sociale|empresa|razon social|azienda|ragione sociale|bedrijf|bedrijfsnaam",
    ),
    (
        "vat-number",
        "vat|vat number|vat id|vat no|tax id|ust id|ust idnr|ustid|umsatzsteuer id|ust id nr|tva|numero tva|\
         numero de tva|n tva|tva intracommunautaire|nif|cif|nif iva|numero iva|partita iva|p iva|btw|btw nummer",
    ),
    (
        "language",
        "language|locale|customer locale|customer language|sprache|langue|idioma|lingua|taal",
    ),
    (
        "street",
        "street|address|street address|address line|strasse|anschrift|adresse|strasse und hausnummer|rue|voie|\
         direccion|calle|domicilio|indirizzo|via|straat|adres|straat en huisnummer",
    ),
    (
        "postal-code",
        "zip|zip code|zipcode|postcode|post code|postal code|address zip|plz|postleitzahl|code postal|cp|\
         codigo postal|cap|codice postale|postnummer",
    ),
    (
        "city",
        "city|town|address city|ort|stadt|wohnort|ville|commune|ciudad|poblacion|localidad|citta|comune|\
         localita|plaats|stad|woonplaats",
    ),
    (
        "region",
        "state|state code|province|province code|region|county|state province|bundesland|departement|provincia|\
         comunidad|provincie",
    ),
    (
        "country",
        "country|country code|land|landercode|landerkurzel|pays|code pays|pais|codigo pais|paese|nazione|\
         codice paese|landcode",
    ),
];

const BILLING: &str = "billing|bill|invoice|rechnung|rechnungs|rechnungsadresse|facturation|facturacion|fatturazione|\
     fattura|factuur|facturatie";
const DELIVERY: &str = "shipping|ship|delivery|deliver|liefer|lieferung|lieferadresse|versand|livraison|envio|entrega|\
     spedizione|consegna|verzend|verzending|bezorg|bezorging|levering|aflever";
/// Words between a name and the word of an address.
const BETWEEN: [&str; 9] = ["to", "de", "di", "del", "della", "da", "van", "der", "la"];

const RETURNS: &str = "original order|original order id|original order number|original invoice|original order no|\
     return of|returns|returned order|refund of|refunded order|ursprungliche bestellung|originalbestellung|\
     ursprungsbestellung|retoure zu|commande d origine|commande origine|retour de|pedido original|\
     devolucion de|ordine originale|reso di|oorspronkelijke bestelling|retour van";

/// Names of which there is no column of ours, but which are of a person as well.
const OTHERS: &str = "first name|firstname|last name|lastname|surname|vorname|nachname|prenom|nom de famille|apellido|\
     apellidos|cognome|voornaam|achternaam";

/// Does the name of a column say that it is about a person?
pub(crate) fn is_person(header: &str) -> bool {
    let parts = parts(header);
    let mut lists = NAMES.into_iter().map(|(_, list)| list).chain([OTHERS]);
    lists.any(|list| is_in(list, &parts.rest))
}

/// The columns of a file that have the name of one of ours.
pub(super) struct Named {
    /// Their places; several are the lines of a street.
    pub(super) columns: Vec<usize>,
    /// Does the name say which address is meant, where that matters?
    pub(super) is_clear: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Address {
    None,
    Billing,
    Delivery,
}

/// A name, taken apart.
struct Parts {
    address: Address,
    rest: String,
    /// The line of a street.
    line: Option<u32>,
}

fn is_in(list: &str, word: &str) -> bool {
    list.split('|').any(|other| other == word)
}

/// Which address a word says, and what is left of it: `lieferland` is the `land` of a delivery.
fn address(word: &str) -> Option<(Address, &str)> {
    for (address, list) in [(Address::Billing, BILLING), (Address::Delivery, DELIVERY)] {
        if is_in(list, word) {
            return Some((address, ""));
        }
        let parts = ["rechnungs", "liefer", "factuur", "verzend", "bezorg", "aflever"];
        let begins = parts.into_iter().filter(|part| is_in(list, part));
        let rest = begins.filter_map(|part| word.strip_prefix(part)).find(|rest| 2 < rest.len());
        if let Some(rest) = rest {
            return Some((address, rest));
        }
    }
    None
}

fn parts(header: &str) -> Parts {
    let mut parts = Parts { address: Address::None, rest: String::new(), line: None };
    let mut rest: Vec<String> = Vec::new();
    for word in words(header) {
        let (word, number) = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "" => (String::new(), word),
            letters => (letters.to_owned(), word.strip_prefix(letters).unwrap_or("").to_owned()),
        };
        match address(&word) {
            Some((found, left)) if parts.address == Address::None => {
                parts.address = found;
                rest.extend((!left.is_empty()).then(|| left.to_owned()));
            }
            _ => rest.extend((!word.is_empty()).then_some(word)),
        }
        parts.line = parts.line.or_else(|| number.parse().ok());
    }
    let is_between = |word: &String| BETWEEN.contains(&word.as_str());
    if parts.address != Address::None {
        while rest.first().is_some_and(is_between) {
            rest.remove(0);
        }
        while rest.last().is_some_and(is_between) {
            rest.pop();
        }
    }
    parts.rest = rest.join(" ");
    parts
}

/// The columns of the file for a column of ours, among those that `may_be` one.
pub(super) fn columns(
    column: Column,
    may_be: impl Fn(usize) -> bool,
    table: &Table,
) -> Option<Named> {
    let (wanted, part) = match column.key().split_once('.') {
        Some(("billing", part)) => (Some(Address::Billing), part),
        Some((_, part)) => (Some(Address::Delivery), part),
        None => (None, column.key()),
    };
    let (_, names) = NAMES.into_iter().find(|(key, _)| *key == part)?;
    let all = table.columns.iter().enumerate().filter(|(at, _)| may_be(*at));
    let all = all.map(|(at, of_file)| (at, parts(&of_file.name)));
    let is_named = |parts: &Parts| {
        is_in(names, &parts.rest)
            || (parts.address != Address::None && part == "street" && parts.rest.is_empty())
    };
    let mut named: Vec<(usize, Parts)> = all.filter(|(_, parts)| is_named(parts)).collect();
    named.retain(|(_, parts)| parts.line.is_none() || part == "street");
    let Some(wanted) = wanted else {
        // Best without an address, then that of the invoice.
        let (at, _) = named.into_iter().min_by_key(|(_, parts)| parts.address)?;
        return Some(Named { columns: vec![at], is_clear: true });
    };
    let has = |address: Address| named.iter().any(|(_, parts)| parts.address == address);
    // An address that is the only one is taken for where the goods go.
    let is_clear = has(wanted);
    let address = match wanted {
        _ if is_clear => wanted,
        Address::Delivery if !has(Address::Billing) => Address::None,
        _ => return None,
    };
    named.retain(|(_, parts)| parts.address == address);
    if let Some(whole) = named.iter().position(|(_, parts)| parts.line.is_none()) {
        // `Street` beside `Address 1` and `Address 2` is all of it, but `Address` and `Address 2` are two lines.
        let has_first = named.iter().any(|(_, parts)| parts.line == Some(1));
        match has_first || part != "street" {
            true => named = vec![named.swap_remove(whole)],
            false => named.retain(|(_, parts)| parts.line.is_none_or(|line| 1 < line)),
        }
    }
    named.sort_by_key(|(at, parts)| (parts.line, *at));
    let mut columns: Vec<usize> = named.into_iter().map(|(at, _)| at).collect();
    columns.truncate(domain::person::ADDRESS_LINES_MAX);
    (!columns.is_empty()).then_some(Named { columns, is_clear })
}

/// The column of the sale that is returned.
pub(super) fn returns(may_be: impl Fn(usize) -> bool, table: &Table) -> Option<usize> {
    let mut all = table.columns.iter().enumerate();
    let is_named = |name: &str| is_in(RETURNS, &words(name).join(" "));
    all.find(|(at, column)| may_be(*at) && is_named(&column.name)).map(|(at, _)| at)
}
