//! Own checks: the set keeps to the rules, and each rule is broken once.

use crate::cases;
use domain::Money;
use domain::invoice::{Document, TaxCode};
use domain::seller::Prices;

/// Documents that break a rule on purpose: they are shown, but are no electronic invoices.
const BROKEN: &[(&str, &[&str])] = &[
    (
        "dinar",
        &[
            "BR-DEC-09",
            "BR-DEC-12",
            "BR-DEC-13",
            "BR-DEC-14",
            "BR-DEC-18",
            "BR-DEC-23",
            "BR-DEC-19",
            "BR-DEC-20",
        ],
    ),
    ("guest", &["BR-11"]),
];

/// Breaks a rule in a way that validators of others forgive.
const FORGIVEN: (&str, &[&str]) = ("credit-of-the-rest", &["BR-CO-17"]);

fn rules(document: &Document) -> Vec<&'static str> {
    documents::check(document).iter().map(|broken| broken.rule).collect()
}

#[test]
fn the_set_keeps_to_the_rules() {
    for (name, document) in cases::all() {
        let expected = BROKEN.iter().chain([&FORGIVEN]).find(|(broken, _)| *broken == name);
        let expected = expected.map_or(&[][..], |(_, rules)| rules);
        assert_eq!(rules(&document), expected, "{name}: {:?}", documents::check(&document));
        // Neither a guest nor a dinar has wrong amounts, nor a credit note that takes the rest.
        assert_eq!(documents::check_amounts(&document), [], "{name}");
    }
}

#[test]
fn only_electronic_invoices_say_that_they_are() {
    for (name, document) in cases::all() {
        let pdf = documents::pdf(&document).unwrap();
        let has = |text: &[u8]| pdf.windows(text.len()).any(|window| window == text);
        assert_eq!(documents::is_electronic(&document), !BROKEN.iter().any(|(it, _)| *it == name));
        let is_broken = BROKEN.iter().any(|(broken, _)| *broken == name);
        assert_eq!(has(b"urn:factur-x"), !is_broken, "{name}");
        assert_eq!(has(b"(factur-x.xml)"), !is_broken, "{name}");
    }
}

#[track_caller]
fn check(name: &str, change: impl FnOnce(&mut Document), expected: &[&str]) {
    let (_, mut document) = cases::all().into_iter().find(|(it, _)| *it == name).unwrap();
    change(&mut document);
    assert_eq!(rules(&document), expected, "{:?}", documents::check(&document));
}

fn cent() -> Money {
    Money::parse("0.01").unwrap()
}

fn add(amount: &mut Money) {
    *amount = amount.plus(cent()).unwrap();
}

#[test]
fn a_cent_too_much_is_found_in_every_sum() {
    let name = "discounts-and-charges";
    check(name, |it| add(&mut it.lines[0].net), &["BR-24", "BR-CO-10", "BR-CO-13", "BR-S-08"]);
    check(name, |it| add(&mut it.lines[0].amount), &["BR-24"]);
    check(name, |it| add(&mut it.totals.lines), &["BR-CO-10", "BR-CO-13"]);
    check(name, |it| add(&mut it.totals.allowances), &["BR-CO-11", "BR-CO-13"]);
    check(name, |it| add(&mut it.totals.charges), &["BR-CO-12", "BR-CO-13"]);
    check(name, |it| add(&mut it.totals.net), &["BR-CO-13", "BR-CO-13", "BR-CO-15"]);
    check(name, |it| add(&mut it.totals.tax), &["BR-CO-14", "BR-CO-15"]);
    check(name, |it| add(&mut it.totals.gross), &["BR-CO-15", "BR-CO-16"]);
    check(name, |it| add(&mut it.totals.rounding), &["BR-CO-16", "rounding"]);
    check(name, |it| add(&mut it.totals.payable), &["BR-CO-16"]);
    check(name, |it| add(&mut it.taxes[0].base), &["BR-S-08"]);
    check(name, |it| add(&mut it.taxes[0].amount), &["BR-CO-14", "BR-CO-17"]);
    check(name, |it| add(&mut it.charges[0].net), &["BR-CO-12", "BR-CO-13", "BR-S-08"]);
    check("four-rates-gross", |it| add(&mut it.totals.payable), &["BR-CO-16"]);
    check("rounding", |it| add(&mut it.totals.payable), &["BR-CO-16", "gross"]);
    // So much may the rounding of five charges be.
    check("four-rates-gross", |it| (0..5).for_each(|_| add(&mut it.charges[0].amount)), &[]);
    check("four-rates-gross", |it| (0..6).for_each(|_| add(&mut it.charges[0].amount)), &["gross"]);
}

#[test]
fn others_forgive_less_than_one_unit_of_tax_and_nothing_else() {
    let with = |name: &str, change: fn(&mut Document)| {
        let (_, mut document) = cases::all().into_iter().find(|(it, _)| *it == name).unwrap();
        change(&mut document);
        documents::is_electronic(&document)
    };
    fn tax(document: &mut Document, by: &str) {
        let by = Money::parse(by).unwrap();
        let totals = &mut document.totals;
        let sums = [&mut totals.tax, &mut totals.gross, &mut totals.payable];
        let amounts = sums.into_iter().chain([&mut document.taxes[0].amount]);
        amounts.for_each(|amount| *amount = amount.plus(by).unwrap());
    }
    assert!(with("one-line", |_| ()));
    assert!(with("one-line", |it| tax(it, "0.99")));
    assert!(!with("one-line", |it| tax(it, "1.00")));
    assert!(!with("reverse-charge", |it| tax(it, "0.01")));
    assert!(!with("one-line", |it| add(&mut it.totals.lines)));
    let nowhere =
        |it: &mut Document| (it.buyer.person.billing, it.buyer.person.delivery) = (None, None);
    assert!(!with("one-line", nowhere));
}

#[test]
fn wrong_amounts_are_found_in_documents_of_any_kind() {
    let wrong = |name: &str, change: fn(&mut Document)| {
        let (_, mut document) = cases::all().into_iter().find(|(it, _)| *it == name).unwrap();
        change(&mut document);
        let wrong = documents::check_amounts(&document);
        wrong.iter().map(|broken| broken.rule).collect::<Vec<_>>()
    };
    assert_eq!(wrong("guest", |it| add(&mut it.totals.tax)), ["BR-CO-14", "BR-CO-15"]);
    assert_eq!(wrong("one-line", |it| add(&mut it.taxes[0].amount)), ["BR-CO-14", "BR-CO-17"]);
    assert_eq!(wrong("credit-whole", |it| add(&mut it.taxes[0].base)), ["BR-S-08"]);
}

#[test]
fn who_sells_and_buys_is_looked_at() {
    check("one-line", |it| it.number.clear(), &["BR-02"]);
    check("one-line", |it| it.currency = "XYZ".into(), &["BR-05"]);
    check("one-line", |it| it.seller.name = " ".into(), &["BR-06"]);
    check("one-line", |it| it.seller.address.country = "fr".into(), &["BR-09"]);
    check("zero-rate", |it| it.seller.vat_number = None, &["BR-CO-26", "BR-S-02", "BR-Z-02"]);
    check("one-line", |it| it.seller.vat_number = Some("123".into()), &["BR-CO-09"]);
    check("one-line", |it| it.seller.electronic_address = Some("1".into()), &["BR-62"]);
    check("one-line", |it| it.buyer.electronic_address = Some("0225:".into()), &["BR-63"]);
    check(
        "one-line",
        |it| (it.buyer.person.billing, it.buyer.person.delivery) = (None, None),
        &["BR-11"],
    );
    let nobody = |it: &mut Document| (it.seller.vat_number, it.seller.siren) = (None, None);
    check("one-line", nobody, &["BR-CO-26", "BR-S-02"]);
    check("credit-whole", |it| it.original.as_mut().unwrap().number.clear(), &["BR-55"]);
}

#[test]
fn categories_of_tax_have_rules_of_their_own() {
    let rate = |percent: &str| Money::parse(percent).unwrap().try_into().unwrap();
    check("reverse-charge", |it| it.buyer.person.vat_number = None, &["BR-AE-02"]);
    check("within-the-union", |it| it.buyer.person.vat_number = None, &["BR-IC-02"]);
    check("exempt-seller", |it| it.seller.siren = None, &["BR-CO-26", "BR-E-02"]);
    check("within-the-union", |it| it.seller.vat_number = None, &["BR-CO-26", "BR-IC-02"]);
    check("exempt-seller", |it| it.taxes[0].tax.reason = None, &["BR-E-10"]);
    check("export", |it| it.taxes[0].tax.code = TaxCode::O, &["BR-O-02", "BR-O-08", "BR-CO-18"]);
    let taxed = |it: &mut Document| {
        it.taxes[0].tax.percent = rate("1");
        it.lines[0].tax.percent = rate("1");
    };
    check("reverse-charge", taxed, &["BR-AE-09", "BR-AE-05"]);
    let untaxed = |it: &mut Document| {
        it.taxes[0].tax.percent = rate("0");
        it.lines[0].tax.percent = rate("0");
    };
    check("one-line", untaxed, &["BR-CO-17", "BR-S-05"]);
}

#[test]
fn lines_and_what_they_come_to() {
    check("one-line", |it| it.lines[0].quantity = 0, &["BR-22", "BR-24", "BR-24"]);
    let negative = |it: &mut Document| it.lines[0].unit_price = it.lines[0].unit_price.negated();
    check("one-line", negative, &["BR-27", "BR-24", "BR-24"]);
    check(
        "credit-of-charges",
        |it| it.charges.clear(),
        &["BR-16", "BR-CO-11", "BR-CO-12", "BR-CO-13", "BR-S-08"],
    );
    // Net prices have no rounding.
    check("rounding", |it| it.prices = Prices::Net, &["rounding"]);
}

#[test]
fn what_france_asks_for_is_named_by_its_field() {
    let missing = |name: &str, change: fn(&mut Document)| {
        let (_, mut document) = cases::all().into_iter().find(|(it, _)| *it == name).unwrap();
        change(&mut document);
        let missing = documents::missing_for_france(&document);
        missing.into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    assert_eq!(missing("one-line", |_| ()), [""; 0]);
    assert_eq!(missing("zero-rate", |_| ()), [""; 0]);
    assert_eq!(missing("four-rates-gross", |_| ()), ["buyer.electronic_address"]);
    assert_eq!(missing("credit-whole", |it| it.original = None), ["original"]);
    let fields = missing("one-line", |it| {
        it.seller.siren = None;
        it.seller.supplies = None;
        it.seller.electronic_address = None;
        it.seller.penalties = Some(" ".into());
        it.seller.recovery_costs = None;
        it.seller.discount_terms = None;
    });
    let expected = [
        "seller.siren",
        "seller.electronic-address",
        "seller.supplies",
        "seller.texts.penalties",
        "seller.texts.recovery-costs",
        "seller.texts.discount-terms",
    ];
    assert_eq!(fields, expected);
}
