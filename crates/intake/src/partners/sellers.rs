//! Sellers, the seller of orders that no partner sent, and rates of tax.

use super::checks;
use crate::problem::Problems;
use crate::shape::{self, Field, OPTIONAL, REQUIRED, Shape, key_text, suggestion};
use domain::partner::Partners;
use domain::seller::{self, Rate, Seller, Sellers, TaxRates};
use domain::{TaxCategory, WarehouseId};
use serde_yaml_ng::{Mapping, Value};
use std::collections::{BTreeMap, BTreeSet};

const SELLER: Shape = Shape::Map(&[
    Field("name", REQUIRED, Shape::Text(checks::text)),
    Field("legal-form", OPTIONAL, Shape::Text(checks::text)),
    Field("register", OPTIONAL, Shape::Text(checks::text)),
    Field("address", REQUIRED, Shape::Map(ADDRESS)),
    Field("vat-number", OPTIONAL, Shape::Text(seller::vat_number)),
    Field("siren", OPTIONAL, Shape::Text(seller::siren)),
    Field("iban", OPTIONAL, Shape::Text(seller::iban)),
    Field("electronic-address", OPTIONAL, Shape::Text(seller::electronic_address)),
    Field("currency", REQUIRED, Shape::Text(checks::currency)),
    Field("time-zone", REQUIRED, Shape::Text(checks::time_zone)),
    Field("prices", REQUIRED, Shape::OneOf(&["gross", "net"])),
    Field("series-prefix", REQUIRED, Shape::Text(series_prefix)),
    Field("language", REQUIRED, Shape::OneOf(&["fr", "en", "es", "de"])),
    Field("tax-category", OPTIONAL, Shape::Text(tax_category)),
    Field("payment-days", OPTIONAL, Shape::Whole { min: 0, max: 365 }),
    Field("returns-without-sale", OPTIONAL, Shape::OneOf(&["hold", "allow"])),
    Field("supplies", OPTIONAL, Shape::OneOf(&["goods", "services", "both"])),
    Field("texts", OPTIONAL, Shape::Map(TEXTS)),
]);

const ADDRESS: &[Field] = &[
    Field("street", REQUIRED, Shape::Text(checks::text)),
    Field("street2", OPTIONAL, Shape::Text(checks::text)),
    Field("postcode", REQUIRED, Shape::Text(checks::text)),
    Field("city", REQUIRED, Shape::Text(checks::text)),
    Field("country", REQUIRED, Shape::Text(country)),
];

const TEXTS: &[Field] = &[
    Field("penalties", OPTIONAL, Shape::Text(checks::expression)),
    Field("recovery-costs", OPTIONAL, Shape::Text(checks::expression)),
    Field("discount-terms", OPTIONAL, Shape::Text(checks::expression)),
];

const DIRECT: Shape = Shape::Map(&[Field("seller", REQUIRED, Shape::Text(checks::text))]);

const RATE: Shape = Shape::Map(&[
    Field("percent", REQUIRED, Shape::Percent),
    Field("valid-from", REQUIRED, Shape::Text(day)),
    Field("code", OPTIONAL, Shape::OneOf(&["S", "Z", "E", "AE", "K", "G", "O"])),
    Field("reason", OPTIONAL, Shape::Text(checks::expression)),
]);

fn tax_category(name: &str) -> Option<String> {
    TaxCategory::parse(name).err().map(|error| error.to_string())
}

fn country(code: &str) -> Option<String> {
    let good = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    (!good).then(|| format!("is {code:?}, not two capitals as in ISO 3166"))
}

fn series_prefix(prefix: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (1..=12).contains(&prefix.len()) && prefix.bytes().all(plain);
    (!good).then(|| format!("is {prefix:?}; allowed are 1 to 12 of A-Z 0-9 -"))
}

fn day(text: &str) -> Option<String> {
    let known = text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok();
    (!known).then(|| format!("is {text:?}, which is no day such as 2026-01-31"))
}

/// What the configuration says of sellers and tax.
#[derive(Clone, Debug, Default)]
pub struct Sold {
    /// All sellers, by name.
    pub sellers: Sellers,
    /// The seller of the built-in partner `DIRECT`.
    pub direct: Option<String>,
    /// Rates of tax.
    pub tax_rates: TaxRates,
}

/// Reads it from the top of a configuration.
pub(super) fn read(top: &Mapping, partners: &Partners, problems: &mut Problems) -> Sold {
    let sellers = sellers(top.get("sellers"), problems);
    let names: Vec<&str> = top
        .get("sellers")
        .and_then(Value::as_mapping)
        .map(|sellers| sellers.keys().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let unknown = |name: &str| {
        let meant = suggestion(name, names.iter().copied());
        let known = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
        (!names.contains(&name)).then(|| format!("is {name:?}; sellers are {known}{meant}"))
    };
    for (name, partner) in partners {
        let Some(seller) = &partner.seller else { continue };
        let place = format!("partners.{name}.seller");
        if let Some(reason) = unknown(seller) {
            problems.add(place, reason);
        } else if let Some(found) = sellers.get(seller).filter(|it| it.currency != partner.currency)
        {
            let (sells, prices) = (&found.currency, &partner.currency);
            let reason = format!("is {seller}, which sells in {sells}; the prices are in {prices}");
            problems.add(place, reason);
        }
    }
    let direct = top.get("direct").and_then(|direct| {
        shape::check("direct", direct, &DIRECT, problems);
        let seller = direct.get("seller")?.as_str()?.to_owned();
        unknown(&seller).into_iter().for_each(|reason| problems.add("direct.seller", reason));
        Some(seller)
    });
    let tax_rates = top.get("tax-rates").map(|rates| tax_rates(rates, problems));
    numbers(&sellers, direct.as_deref(), partners, problems);
    Sold { sellers, direct, tax_rates: tax_rates.unwrap_or_default() }
}

fn sellers(value: Option<&Value>, problems: &mut Problems) -> Sellers {
    let mut sellers = Sellers::new();
    let Some(value) = value else { return sellers };
    let Value::Mapping(map) = value else {
        problems.add("sellers", "is not a map from names to sellers");
        return sellers;
    };
    for (name, value) in map {
        let place = format!("sellers.{}", key_text(name));
        let before = problems.0.len();
        let Some(name) = name.as_str() else {
            problems.add(place, "is not text; put it in quotes");
            continue;
        };
        if let Err(error) = domain::PartnerId::parse(name) {
            problems.add(&place, format!("as a name, {error}"));
        }
        shape::check(&place, value, &SELLER, problems);
        if problems.0.len() != before {
            continue;
        }
        match serde_yaml_ng::from_value::<Seller>(value.clone()) {
            Ok(seller) => drop(sellers.insert(name.to_owned(), seller)),
            // The shape and the types disagree; a test holds them together.
            Err(error) => problems.add(place, error.to_string()),
        }
    }
    sellers
}

/// Numbers of documents begin with prefix and warehouse: two sellers, or one seller's warehouses, whose numbers begin
/// alike would have one number for two documents.
fn numbers(sellers: &Sellers, direct: Option<&str>, partners: &Partners, problems: &mut Problems) {
    let mut prefixes: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, seller) in sellers {
        if let Some(other) = prefixes.insert(&seller.series_prefix, name) {
            let prefix = &seller.series_prefix;
            let reason = format!("is {prefix:?}, as that of {other}; each seller needs its own");
            problems.add(format!("sellers.{name}.series-prefix"), reason);
        }
    }
    let of_direct = direct.map(|seller| (seller, WarehouseId::main()));
    let of_partners = partners.values();
    let pairs = of_partners.filter_map(|it| Some((it.seller.as_deref()?, it.warehouse.clone())));
    let mut begins: BTreeMap<String, (&str, WarehouseId)> = BTreeMap::new();
    for (name, warehouse) in pairs.chain(of_direct) {
        let Some(seller) = sellers.get(name) else { continue };
        let begin = format!("{}-{warehouse}", seller.series_prefix);
        let this = (name, warehouse);
        let before = begins.get(&begin).filter(|before| **before != this);
        if let Some((other, of)) = before {
            let reason = format!(
                "numbers of warehouse {} begin with {begin:?}, as those of {other} in warehouse {of} do; choose another \
                 prefix",
                this.1
            );
            problems.add(format!("sellers.{name}.series-prefix"), reason);
        }
        begins.insert(begin, this);
    }
}

fn tax_rates(value: &Value, problems: &mut Problems) -> TaxRates {
    let before = problems.0.len();
    let Value::Mapping(countries) = value else {
        problems.add("tax-rates", "is not a map from countries to rates");
        return TaxRates::default();
    };
    for (code, categories) in countries {
        let place = format!("tax-rates.{}", key_text(code));
        if let Some(reason) = country(code.as_str().unwrap_or_default()) {
            problems.add(&place, format!("as a country, {reason}"));
        }
        let Value::Mapping(categories) = categories else {
            problems.add(place, "is not a map from tax categories to lists of rates");
            continue;
        };
        for (category, rates) in categories {
            let place = format!("{place}.{}", key_text(category));
            if let Err(error) = TaxCategory::parse(category.as_str().unwrap_or_default()) {
                problems.add(&place, format!("as a tax category, {error}"));
            }
            shape::check(&place, rates, &Shape::List(&RATE), problems);
            same_days(&place, rates, problems);
        }
    }
    if problems.0.len() != before {
        return TaxRates::default();
    }
    serde_yaml_ng::from_value(value.clone()).unwrap_or_else(|error| {
        problems.add("tax-rates", error.to_string());
        TaxRates::default()
    })
}

/// Two rates that are valid from the same day are ambiguous. A rate has at most four decimal places.
fn same_days(place: &str, rates: &Value, problems: &mut Problems) {
    let mut days = BTreeSet::new();
    for (index, rate) in rates.as_sequence().into_iter().flatten().enumerate() {
        let place = format!("{place}[{index}]");
        let Some(day) = rate.get("valid-from").and_then(Value::as_str) else { continue };
        if !days.insert(day) {
            problems.add(format!("{place}.valid-from"), format!("is {day}, as is another one's"));
        }
        let share = rate
            .get("percent")
            .is_some_and(|it| (0.0..=100.0).contains(&it.as_f64().unwrap_or(-1.0)));
        if share && day.parse::<chrono::NaiveDate>().is_ok() {
            match serde_yaml_ng::from_value::<Rate>(rate.clone()) {
                Ok(rate) => rate.problem().into_iter().for_each(|it| problems.add(&place, it)),
                // A code that is none is said already.
                Err(_) if rate.get("code").is_some() => {}
                Err(error) => problems.add(&place, error.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::partners::{load, load_all};

    /// Everything that a seller may say; FILES.md explains it.
    fn explained() -> &'static str {
        let page = include_str!("../../../../docs/FILES.md");
        let (_, behind) = page.split_once("## Sellers and tax").unwrap();
        let (_, behind) = behind.split_once("```yaml\n").unwrap();
        behind.split_once("```").unwrap().0
    }

    #[track_caller]
    fn check(from: &str, to: &str, expected: &[&str]) {
        let yaml = explained();
        assert!(yaml.contains(from), "{from:?} is not on the page");
        let problems = load(&yaml.replacen(from, to, 1)).unwrap_err();
        let found: Vec<String> =
            problems.iter().map(|it| format!("{}: {}", it.place, it.reason)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_page_is_a_configuration_and_says_everything() {
        let all = load_all(explained()).unwrap();
        let (name, partner) = all.partners.iter().next().unwrap();
        assert_eq!((name.as_str(), partner.seller.as_deref()), ("SHOP1", Some("ACME")));
        assert_eq!(all.sold.direct.as_deref(), Some("ACME"));
        assert_eq!(all.sold.sellers["ACME"].vat_number.as_deref(), Some("FR40303265045"));
        let day = "2026-11-30".parse().unwrap();
        assert!(all.sold.tax_rates.on("FR", "standard", day).is_some());
        let super::Shape::Map(fields) = super::SELLER else { panic!("a map") };
        let super::Shape::Map(rate) = super::RATE else { panic!("a map") };
        let inner = super::ADDRESS.iter().chain(super::TEXTS).chain(rate);
        for field in fields.iter().chain(inner) {
            assert!(explained().contains(&format!("{}:", field.0)), "{}", field.0);
        }
    }

    #[test]
    fn the_sample_that_is_shipped_can_be_uncommented() {
        let sample = include_str!("../../../../partners.yml");
        let (partners, sold) = sample.split_once("# ---- sellers and tax").unwrap();
        let sold: String = sold
            .lines()
            .skip(1)
            .filter_map(|line| line.strip_prefix("#:").map(|line| format!("{line}\n")))
            .collect();
        let all = load_all(&format!("{partners}\n{sold}")).unwrap();
        assert!(!all.sold.sellers.is_empty() && all.sold.tax_rates.has("FR"));
        assert!(load_all(sample).unwrap().sold.sellers.is_empty(), "it is only a sample");
    }

    #[test]
    fn an_unknown_seller_is_named_with_the_one_that_was_meant() {
        let known = "sellers are ACME; did you mean \"ACME\"?";
        let wrong = format!("partners.SHOP1.seller: is \"ACNE\"; {known}");
        check("seller: ACME", "seller: ACNE", &[&wrong]);
        let wrong = format!("direct.seller: is \"ACMES\"; {known}");
        check("direct: {seller: ACME}", "direct: {seller: ACMES}", &[&wrong]);
        check(
            "currency: EUR              # of the partner",
            "currency: GBP # of the partner",
            &["partners.SHOP1.seller: is ACME, which sells in EUR; the prices are in GBP"],
        );
    }

    #[test]
    fn numbers_of_two_sellers_never_begin_alike() {
        let seller = |name: &str, prefix: &str| {
            format!(
                "  {name}: {{name: N, currency: EUR, time-zone: UTC, prices: net, series-prefix: {prefix}, language: de, \
                 address: {{street: a, postcode: b, city: c, country: DE}}}}\n"
            )
        };
        let problems = |a: &str, b: &str, warehouse: &str| {
            let yaml = format!(
                "partners:\n  P: {{currency: EUR, seller: A}}\n  Q: {{currency: EUR, seller: B, warehouse: {warehouse}}}\n\
                 sellers:\n{}{}",
                seller("A", a),
                seller("B", b)
            );
            let problems = load(&yaml).err().unwrap_or_default();
            problems.iter().map(|it| format!("{}: {}", it.place, it.reason)).collect::<Vec<_>>()
        };
        assert_eq!(problems("A", "B", "main"), [""; 0]);
        let same = "sellers.B.series-prefix: is \"A\", as that of A; each seller needs its own";
        assert_eq!(problems("A", "A", "west"), [same]);
        let alike = "sellers.B.series-prefix: numbers of warehouse main begin with \"X-Y-main\", as those of A in warehouse \
                     Y-main do; choose another prefix";
        let yaml = format!(
            "partners:\n  P: {{currency: EUR, seller: A, warehouse: Y-main}}\n  Q: {{currency: EUR, seller: B}}\nsellers:\n{}{}",
            seller("A", "X"),
            seller("B", "X-Y")
        );
        let found = load(&yaml).unwrap_err();
        assert_eq!(format!("{}: {}", found[0].place, found[0].reason), alike);
    }

    #[test]
    fn codes_of_rates_fit_the_rates() {
        let rate = "valid-from: 2014-01-01}    # the first day";
        for (from, to, expected) in [
            ("percent: 20", "code: E, percent: 20", "is above zero; of all codes only S has tax"),
            ("percent: 20", "code: S, percent: 0", "is zero; the code S is for rates above zero"),
            (
                "percent: 20",
                "code: AE, percent: 0",
                "has a code that needs `reason`: why no tax is taken",
            ),
        ] {
            assert!(explained().contains(rate));
            check(from, to, &[&format!("tax-rates.FR.standard[1]: {expected}")]);
        }
        check(
            "percent: 20",
            "code: X, percent: 20",
            &["tax-rates.FR.standard[1].code: is \"X\"; allowed are S Z E AE K G O"],
        );
    }

    #[test]
    fn numbers_and_rates_are_looked_at() {
        check(
            "siren: \"303265045\"",
            "siren: \"303265046\"",
            &["sellers.ACME.siren: is \"303265046\", whose check digit is wrong"],
        );
        check(
            "prices: gross",
            "prices: brutto",
            &["sellers.ACME.prices: is \"brutto\"; allowed are gross net"],
        );
        check(
            "city: Paris",
            "town: Paris",
            &[
                "sellers.ACME.address.town: is not known; known are street street2 postcode city country",
                "sellers.ACME.address.city: missing",
            ],
        );
        check(
            "percent: 5.5",
            "percent: 101",
            &["tax-rates.FR.reduced[0].percent: is not a number from 0 to 100"],
        );
        check(
            "valid-from: 2014-01-01}    # the first day",
            "valid-from: 2014-13-01} # the first day",
            &[
                "tax-rates.FR.standard[1].valid-from: is \"2014-13-01\", which is no day such as 2026-01-31",
            ],
        );
        check(
            "valid-from: 2000-04-01",
            "valid-from: 2014-01-01",
            &["tax-rates.FR.standard[1].valid-from: is 2014-01-01, as is another one's"],
        );
        check(
            "  FR:",
            "  France:",
            &["tax-rates.France: as a country, is \"France\", not two capitals as in ISO 3166"],
        );
    }
}
