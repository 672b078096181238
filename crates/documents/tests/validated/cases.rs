//! The set.

use crate::draft::{Draft, standard, taxed};
use domain::Money;
use domain::charge::ChargeKind;
use domain::invoice::{Buyer, Document, Issuer, TaxCode};
use domain::seller::{Language, Prices};
use serde_json::{Value, json};

/// Every document, with the name of its file.
pub(crate) fn all() -> Vec<(&'static str, Document)> {
    let mut all = sizes();
    all.extend(taxes());
    all.extend(credits());
    all.extend(others());
    all
}

fn sizes() -> Vec<(&'static str, Document)> {
    let one = Draft::new("A-2026-000001", french(), business(), Prices::Net)
        .line("P001", "Chaise de bureau « Confort »", 2, "129.90", &standard("20"))
        .issue();
    vec![("one-line", one), ("forty-lines", many(40)), ("thousand-lines", many(1000))]
}

fn many(count: i64) -> Document {
    let names =
        ["Café en grains, torréfaction lente", "Thé vert sencha", "Filtres n° 4", "Moulin à main"];
    let rates = ["5.5", "5.5", "20", "20"].map(standard);
    let mut draft = Draft::new("A-2026-000002", french(), business(), Prices::Net);
    for number in 0..count {
        let kind = usize::try_from(number).unwrap() % 4;
        let price = format!("{}.{:02}", 3 + number % 37, (number * 7) % 100);
        let id = format!("P{number:04}");
        draft = draft.line(&id, names[kind], 1 + number % 9, &price, &rates[kind]);
    }
    draft.charge(ChargeKind::Shipping, "", "12.50", Some(&standard("20"))).issue()
}

fn taxes() -> Vec<(&'static str, Document)> {
    let [full, middle, low, least] = ["20", "10", "5.5", "2.1"].map(standard);
    let four = Draft::new("A-2026-000003", french(), person(), Prices::Gross)
        .line("P001", "Bouteille isotherme 0,5 l", 3, "19.99", &full)
        .line_less("P002", "Panier-repas", 2, "11.90", Some("1.50"), &middle)
        .line("P003", "Roman, broché", 1, "8.05", &low)
        .line("P004", "Abonnement presse, un mois", 7, "0.03", &least)
        .charge(ChargeKind::Shipping, "Livraison à domicile", "4.90", Some(&full))
        .charge(ChargeKind::Discount, "Bon de bienvenue", "-5", None)
        .issue();
    let discounts = Draft::new("R-2026-000004", german(), business_abroad("DE"), Prices::Net)
        .line_less(
            "S-10",
            "Schrauben M6 × 40, verzinkt",
            10_000,
            "0.0333",
            Some("12.345"),
            &standard("19"),
        )
        .line_less("S-11", "Unterlegscheiben", 3, "0.3333", None, &standard("19"))
        .charge(ChargeKind::GiftWrap, "", "3.50", Some(&standard("19")))
        .charge(ChargeKind::Fee, "Nachnahme", "6.00", Some(&standard("19")))
        .charge(ChargeKind::Discount, "Treuerabatt", "-15.00", Some(&standard("19")))
        .issue();
    let reverse = taxed(TaxCode::AE, "0", Some("Autoliquidation (art. 283-2 du CGI)"));
    let reverse = Draft::new("A-2026-000005", french(), business_abroad("BE"), Prices::Net)
        .line("CONSEIL", "Paramétrage et formation, demi-journée", 3, "450", &reverse)
        .issue();
    let exempt = taxed(TaxCode::E, "0", Some("TVA non applicable, art. 293 B du CGI"));
    let mut small = french();
    small.vat_number = None;
    let outside = taxed(TaxCode::O, "0", Some("Hors champ d’application de la TVA"));
    let outside = Draft::new("A-2026-000017", small.clone(), person(), Prices::Net)
        .line("ADH", "Cotisation annuelle", 1, "30", &outside)
        .issue();
    let exempt = Draft::new("A-2026-000006", small, person(), Prices::Net)
        .line("P007", "Bracelet tressé main", 1, "24", &exempt)
        .charge(ChargeKind::Shipping, "", "2.10", Some(&exempt))
        .issue();
    let within = taxed(TaxCode::K, "0", Some("Innergemeinschaftliche Lieferung, § 6a UStG"));
    let within = Draft::new("R-2026-000007", german(), business(), Prices::Net)
        .line("M-1", "Messschieber digital", 4, "58.40", &within)
        .issue();
    let export = taxed(TaxCode::G, "0", Some("Exportación exenta, art. 21 LIVA"));
    let export = Draft::new("E-2026-000008", spanish(), swiss(), Prices::Net)
        .line("AC-1", "Aceite de oliva virgen extra, 5 l", 1_200, "31.75", &export)
        .issue();
    let zero = Draft::new("U-2026-000009", english(), british(), Prices::Gross)
        .line("B-1", "Paperback", 2, "7.99", &taxed(TaxCode::Z, "0", None))
        .line("B-2", "Book light", 1, "12.49", &standard("20"))
        .currency("GBP")
        .issue();
    vec![
        ("four-rates-gross", four),
        ("discounts-and-charges", discounts),
        ("reverse-charge", reverse),
        ("exempt-seller", exempt),
        ("not-subject-to-tax", outside),
        ("within-the-union", within),
        ("export", export),
        ("zero-rate", zero),
    ]
}

fn credits() -> Vec<(&'static str, Document)> {
    let draft = |number: &str| Draft::new(number, french(), business(), Prices::Net);
    let whole = draft("AV-2026-000001")
        .line("P001", "Chaise de bureau « Confort »", 2, "129.90", &standard("20"))
        .credit(Some("A-2026-000001"), Some("Commande annulée"))
        .issue();
    let partial = Draft::new("RK-2026-000002", german(), business_abroad("DE"), Prices::Gross)
        .line("P001", "Bürostuhl", 1, "154.58", &standard("19"))
        .charge(ChargeKind::Fee, "Rücksendung", "-4.90", Some(&standard("19")))
        .credit(Some("R-2026-000001"), Some("Teilretoure"))
        .issue();
    let alone = Draft::new("RE-2026-000003", spanish(), business_abroad("ES"), Prices::Net)
        .line("P009", "Cafetera italiana", 1, "23.10", &standard("21"))
        .credit(None, None)
        .issue();
    let charges = draft("AV-2026-000004")
        .charge(ChargeKind::Shipping, "", "12.50", Some(&standard("20")))
        .charge(ChargeKind::Fee, "Frais de dossier", "-2.00", Some(&standard("20")))
        .credit(Some("A-2026-000001"), None)
        .issue();
    // The last credit note of an invoice takes what is left: here a cent more tax than its rate gives.
    let mut rest = draft("AV-2026-000005")
        .line("P001", "Chaise de bureau « Confort »", 1, "129.93", &standard("20"))
        .credit(Some("A-2026-000001"), Some("Dernier retour"))
        .issue();
    let cent = Money::parse("0.01").unwrap();
    let totals = &mut rest.totals;
    for amount in
        [&mut rest.taxes[0].amount, &mut totals.tax, &mut totals.gross, &mut totals.payable]
    {
        *amount = amount.plus(cent).unwrap();
    }
    vec![
        ("credit-whole", whole),
        ("credit-partial", partial),
        ("credit-without-original", alone),
        ("credit-of-charges", charges),
        ("credit-of-the-rest", rest),
    ]
}

fn others() -> Vec<(&'static str, Document)> {
    let yen = Draft::new("U-2026-000010", english(), british(), Prices::Gross)
        .line("T-1", "Tea bowl", 3, "1850", &standard("10"))
        .currency("JPY")
        .issue();
    let dinar = Draft::new("A-2026-000011", french(), person(), Prices::Net)
        .line("D-1", "Dattes Deglet Nour, 1 kg", 7, "12.345", &standard("7"))
        .currency("TND")
        .issue();
    let long = "Sehr-lange-Artikelbezeichnung-ohne-Leerzeichen-".repeat(6);
    let mut buyer = business_abroad("DE");
    buyer.person.company = Some("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KG <Zentrale>".into());
    buyer.person.name = Some("Dr. Maximiliane von und zu Hohenstein-Waldburg".into());
    let long = Draft::new("R-2026-000012", german(), buyer, Prices::Net)
        .line("X-1", &long, 1, "1", &standard("19"))
        .line("X-2", &"Viele Wörter in einer Zeile. ".repeat(300), 1, "999999.99", &standard("19"))
        .issue();
    let mut arabic = person();
    arabic.person.name = Some("محمد بن عبد الله".into());
    let scripts = Draft::new("A-2026-000013", french(), arabic, Prices::Gross)
        .line("R-1", "شاي أخضر 250 غ (Thé vert)", 1, "6.40", &standard("5.5"))
        .line("R-2", "תה ירוק, 100 גרם", 2, "5", &standard("5.5"))
        .line("C-1", "緑茶 Sencha 日本 🍵👨\u{200d}👩\u{200d}👧", 1, "9.90", &standard("5.5"))
        .line("G-1", "Τσάι · Чай зелёный · Žalioji arbata", 1, "4.20", &standard("5.5"))
        .issue();
    let guest = Draft::new("U-2026-000014", english(), Buyer::default(), Prices::Gross)
        .line("B-3", "", 1, "3.49", &standard("20"))
        .currency("GBP")
        .not_due()
        .issue();
    let large = Draft::new("U-2026-000015", english(), british(), Prices::Net)
        .line("L-1", "Pipe, per mm", 1_000_000_000, "0.0007", &standard("20"))
        .line("L-2", "Screw", 30_001, "0.0333", &standard("20"))
        .currency("GBP")
        .issue();
    let rounding = Draft::new("A-2026-000016", french(), person(), Prices::Gross)
        .line("P010", "Sac en papier", 1, "0.03", &standard("20"))
        .issue();
    vec![
        ("yen", yen),
        ("dinar", dinar),
        ("long-names", long),
        ("scripts", scripts),
        ("guest", guest),
        ("large-quantities", large),
        ("rounding", rounding),
    ]
}

fn issuer(language: Language, seller: Value) -> Issuer {
    let mut issuer = json!({"id": "ACME", "time_zone": "Europe/Paris", "language": language});
    for (name, value) in seller.as_object().unwrap() {
        issuer[name] = value.clone();
    }
    serde_json::from_value(issuer).unwrap()
}

fn french() -> Issuer {
    issuer(
        Language::Fr,
        json!({
            "name": "Boutique Lumière SARL", "legal_form": "SARL au capital de 10 000 €",
            "register": "RCS Paris 303 265 045", "vat_number": "FR40303265045", "siren": "303265045",
            "address": {"street": "1 rue de la Paix", "street2": "Bât. B", "postcode": "75002", "city": "Paris", "country": "FR"},
            "iban": "FR7630006000011234567890189", "electronic_address": "0225:303265045", "supplies": "goods",
            "penalties": "Pénalités de retard : trois fois le taux d’intérêt légal.",
            "recovery_costs": "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €.",
            "discount_terms": "Pas d’escompte pour paiement anticipé.",
        }),
    )
}

fn german() -> Issuer {
    issuer(
        Language::De,
        json!({
            "name": "Werkzeug Müller GmbH", "register": "Amtsgericht Hamburg HRB 12345", "vat_number": "DE123456789",
            "address": {"street": "Speicherstraße 7", "postcode": "20457", "city": "Hamburg", "country": "DE"},
            "iban": "DE89370400440532013000",
        }),
    )
}

fn spanish() -> Issuer {
    issuer(
        Language::Es,
        json!({
            "name": "Olivares del Sur, S.L.", "register": "Registro Mercantil de Jaén, tomo 123, folio 45",
            "vat_number": "ESB12345674",
            "address": {"street": "Calle Real 12", "postcode": "23001", "city": "Jaén", "country": "ES"},
        }),
    )
}

fn english() -> Issuer {
    issuer(
        Language::En,
        json!({
            "name": "Harbour Books Ltd", "register": "Registered in England and Wales no. 01234567",
            "vat_number": "GB123456789", "iban": "GB29NWBK60161331926819",
            "address": {"street": "4 Quay Street", "postcode": "BS1 4DJ", "city": "Bristol", "country": "GB"},
        }),
    )
}

fn buyer(customer: &str, person: Value) -> Buyer {
    let address = if customer.starts_with("B2B") { json!("0225:552100554") } else { Value::Null };
    serde_json::from_value(
        json!({"customer": customer, "person": person, "electronic_address": address}),
    )
    .unwrap()
}

fn business() -> Buyer {
    buyer(
        "B2B-17",
        json!({
            "name": "Camille Durand", "company": "Imprimerie du Rhône SAS", "vat_number": "FR96552100554",
            "billing": {"lines": ["ZI Nord", "12 avenue de l’Industrie"], "postal_code": "69007", "city": "Lyon", "country": "FR"},
            "delivery": {"lines": ["Quai 4", "3 rue du Port"], "postal_code": "69100", "city": "Villeurbanne", "country": "FR"},
        }),
    )
}

fn business_abroad(country: &str) -> Buyer {
    let (vat, code, city, street) = match country {
        "BE" => ("BE0123456749", "1000", "Bruxelles", "Rue Neuve 10"),
        "ES" => ("ESB87654321", "41001", "Sevilla", "Calle Sierpes 3"),
        _ => ("DE987654321", "80331", "München", "Marienplatz 1"),
    };
    buyer(
        "K-88",
        json!({
            "company": "Kontor & Söhne", "vat_number": vat,
            "billing": {"lines": [street], "postal_code": code, "city": city, "country": country},
        }),
    )
}

fn person() -> Buyer {
    buyer(
        "C-5",
        json!({
            "name": "Zoë L’Hôpital-Nguyễn",
            "billing": {"lines": ["5 bis, place de l’Église"], "postal_code": "35000", "city": "Rennes", "country": "FR"},
        }),
    )
}

fn british() -> Buyer {
    buyer(
        "C-6",
        json!({
            "name": "Jane Smith",
            "billing": {"lines": ["Flat 2", "10 High Street"], "postal_code": "EH1 1YZ", "city": "Edinburgh", "region": "Scotland", "country": "GB"},
        }),
    )
}

fn swiss() -> Buyer {
    buyer(
        "C-7",
        json!({
            "company": "Feinkost Zürich AG",
            "billing": {"lines": ["Bahnhofstrasse 1"], "postal_code": "8001", "city": "Zürich", "country": "CH"},
        }),
    )
}
