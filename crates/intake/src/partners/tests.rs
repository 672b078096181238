mod columns;
mod folders;
mod page;

use super::load::*;
use super::shape::PARTNER;
use crate::problem::Problem;
use crate::shape::Shape;
use serde_yaml_ng::{Mapping, Value};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// A configuration with every setting.
const GOOD: &str = "
partners:
  US1:
    warehouse: main
    currency: GBP
    seller: S
    time-zone: Europe/London
    stock: ignore
    sftp:
      host: sftp.example.com
      port: 2222
      user: us1
      host-key: {KEY}
      private-key-secret: us1-key
      path: /data/us1
    inbox:
      done-marker: .done
      checksum: .sha256
      manifest: .json
      side-files: optional
      temporary: [.wip]
      min-age-seconds: 5
      max-bytes: 1000000
    expected: mon-fri by 07:30
    catalogue: catalogue.csv
    product-ids: us1.csv
    file:
      delimiter: \";\"
      quote: \"'\"
      quote-escape: backslash
      line-ends-in-fields: false
      encoding: cp1252
      decimal-mark: \",\"
      thousands-mark: \".\"
      currency-signs: [£, GBP]
      preamble-lines: 1
      footer-lines: 2
      footer-marker: Total
      continued-rows: true
      short-rows: fill
      decrypt: {private-key-secret: us1-pgp, passphrase-secret: us1-pgp-passphrase,
        signer-key-secret: us1-signer, required: true}
      dates: [\"%d/%m/%Y\", \"%Y-%m-%dT%H:%M:%S%:z\"]
      columns:
        order-id: [InvoiceNo, Order No]
        product-id: StockCode
        quantity: Quantity
        unit-price: UnitPrice
        customer-id: CustomerID
        description: Description
        region: Country
        category: Category
        line-discount: Line discount
        tax-category: Tax class
        shipping: Shipping
        discount: Discount
        tax-given: Tax
        returns: Original
        name: Buyer
        email: [Mail, CustomerID]
        phone: Phone
        company: Company
        vat-number: VAT
        language: Language
        billing: {street: [Street, Street 2], postal-code: ZIP, city: City, region: State, country: Land}
        delivery: {street: To, postal-code: To ZIP, city: To city, region: To state}
      charges: {SHIP: shipping, \"4711\": discount}
      transform:
        columns:
          ordered-at: day || ' ' || time
          delivery.country: upper(code)
        where: status <> 'cancelled'
        look-ups:
          skus: {\"0815\": P1}
          groups: groups.csv
    rules:
      customer-required: true
      required: [description]
      values: {region: [GB, IE], product-id: [A], description: [B], category: [C]}
      unique: [[order-id, product-id]]
      known-products: true
      price-positive: true
      return-prefix: C
      on-bad-line: drop-line
      duplicates: reject
      policy: reject-rows
      error-budget-percent: 12.5
    notify: {name: S, from: S <s@example.org>, reply-to: h@example.org, language: en, mail: true, sms: false,
      quiet-hours: '21:00-08:00'}
sellers:
  S: {name: S, address: {street: a, postcode: b, city: c, country: GB}, currency: GBP, language: en,
    time-zone: Europe/London, prices: gross, series-prefix: S}
";

fn good() -> String {
    GOOD.replace("{KEY}", KEY)
}

fn problems(yaml: &str) -> Vec<String> {
    let problem = |problem: &Problem| format!("{}: {}", problem.place, problem.reason);
    load(yaml).unwrap_err().iter().map(problem).collect()
}

/// The good configuration with one text replaced has exactly these problems.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    let yaml = good();
    assert!(yaml.contains(from), "{from:?} is not in the sample");
    assert_eq!(problems(&yaml.replacen(from, to, 1)), expected);
}

#[test]
fn a_full_configuration_is_read() {
    let partners = load(&good()).unwrap();
    let partner = partners.get("US1").unwrap();
    assert_eq!(partner.sftp.as_ref().unwrap().port, 2222);
    assert_eq!(partner.inbox.done_marker.as_deref(), Some(".done"));
    assert_eq!(partner.file.as_ref().unwrap().delimiter, ';'.into());
}

#[test]
fn the_smallest_configuration_has_defaults() {
    let partners = load("partners:\n  WEB: {currency: EUR}\n").unwrap();
    let partner = partners.get("WEB").unwrap();
    assert_eq!((partner.time_zone.as_str(), partner.inbox.min_age_seconds), ("UTC", 5));
    assert!(load("partners: {}").unwrap().is_empty());
}

#[test]
fn every_setting_that_is_written_is_known() {
    fn compare(place: &str, map: &Mapping, shape: &Shape) {
        let Shape::Map(fields) = shape else {
            // Keys of tables are anybody's.
            let is_free = matches!(shape, Shape::Tables(_) | Shape::Named(_));
            assert!(is_free, "{place} is a map");
            return;
        };
        let names: Vec<_> = map.keys().map(|key| key.as_str().unwrap()).collect();
        for field in *fields {
            // Of the two secrets, as of footer and trailer, one excludes the other; a column is named
            // or made.
            let excluded = ["password-secret", "trailer"].contains(&field.0)
                || ["columns", "delivery"].contains(&place);
            assert!(names.contains(&field.0) || excluded, "{place} {}", field.0);
            if let Some(Value::Mapping(inner)) = map.get(field.0) {
                compare(field.0, inner, &field.2);
            }
        }
        assert!(names.iter().all(|name| fields.iter().any(|field| field.0 == *name)), "{place}");
    }
    let partners = load(&good()).unwrap();
    let value = serde_yaml_ng::to_value(partners.get("US1").unwrap()).unwrap();
    compare("partner", value.as_mapping().unwrap(), &PARTNER);
}

#[test]
fn all_problems_of_all_partners_are_listed_with_their_places() {
    let yaml = "
partners:
  US1:
    currency: euro
    colour: red
    file:
      delimiter: ab
      columns: {order-id: A, product-id: a, unit-price: P, ordered-at: D}
  US 2:
    time-zone: Mars/Olympus
  DIRECT: {currency: EUR}
  7: {currency: EUR}
other: 1
";
    assert_eq!(
        problems(yaml),
        [
            "other: is not known; known are partners sellers direct tax-rates",
            "partners.US1.currency: is \"euro\", not three capitals as in ISO 4217",
            "partners.US1.colour: is not known; known are warehouse currency seller time-zone stock prices price-tolerance sftp \
             inbox expected file catalogue product-ids rules notify",
            "partners.US1.file.delimiter: is \"ab\", neither one character nor tab or auto",
            "partners.US1.file.columns.quantity: missing",
            "partners.US1.file.columns.product-id: is \"a\", as is order-id",
            "partners.US 2: as a name, contains ' '; allowed are A-Z a-z 0-9 _ -",
            "partners.US 2.time-zone: is \"Mars/Olympus\", which is no IANA time zone",
            "partners.US 2.currency: missing",
            "partners.DIRECT: is built in and cannot be configured",
            "partners.7: is not text; put it in quotes",
        ]
    );
}

#[test]
fn how_customers_are_told_is_checked_field_by_field() {
    let good = "partners:\n  A: {currency: EUR, notify: {name: Lamps, from: Lamps Ltd <orders@example.org>,
      reply-to: help@example.org, language: fr-CA, sms: false, quiet-hours: '21:00-08:00'}}\n";
    let notify = load(good).unwrap().into_values().next().unwrap().notify;
    assert_eq!((notify.mail, notify.sms), (true, false));
    assert_eq!(notify.quiet_hours.unwrap().to_string(), "21:00-08:00");
    let wrong = "partners:\n  A:\n    currency: EUR\n    notify: {from: Lamps, reply-to: 'x <y>', language: french,
      mail: maybe, quiet-hours: night, colour: red}\n";
    let found = problems(wrong);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(
        found.iter().any(|it| it.contains("notify.from: names no e-mail address")),
        "{found:?}"
    );
    assert!(found.iter().any(|it| it.contains("21:00-08:00")), "{found:?}");
}

#[test]
fn what_is_no_configuration_says_so() {
    assert_eq!(problems(""), ["partners: missing"]);
    assert_eq!(problems("partners: [1]"), ["partners: is not a map from names to partners"]);
    assert_eq!(problems("partners:\n  US1: 5\n"), ["partners.US1: is not a map of settings"]);
    assert!(problems("partners: {a: 1").concat().starts_with("partners: is not valid YAML: "));
    let twice = problems("partners:\n  A: {currency: EUR}\n  A: {currency: EUR}\n");
    assert_eq!(twice, ["partners.A: is given twice; keep one"]);
    let large = " ".repeat(BYTES_MAX + 1);
    assert_eq!(problems(&large), ["partners: has 4194305 bytes, the limit is 4194304"]);
}

#[test]
fn numbers_and_choices_have_limits() {
    check("2222", "0", &["partners.US1.sftp.port: is not a whole number from 1 to 65535"]);
    check("2222", "ssh", &["partners.US1.sftp.port: is not a whole number from 1 to 65535"]);
    check(
        "12.5",
        "100.1",
        &["partners.US1.rules.error-budget-percent: is not a number from 0 to 100"],
    );
    check(
        "12.5",
        ".nan",
        &["partners.US1.rules.error-budget-percent: is not a number from 0 to 100"],
    );
    check(
        "stock: ignore",
        "stock: maybe",
        &["partners.US1.stock: is \"maybe\"; allowed are enforce if-known backorder ignore"],
    );
    check(
        "stock: ignore",
        "prices: dear",
        &["partners.US1.prices: is \"dear\"; allowed are off warn refuse"],
    );
    check(
        "stock: ignore",
        "price-tolerance: -1",
        &["partners.US1.price-tolerance: is not a number from 0 to 100"],
    );
    check(
        "price-positive: true",
        "price-positive: 1",
        &["partners.US1.rules.price-positive: is not true or false"],
    );
}

#[test]
fn the_delimiter_is_not_the_decimal_mark() {
    let quoted = good().replace("delimiter: \";\"", "delimiter: \",\"");
    assert!(load(&quoted).is_ok(), "in quotes both may be the same");
    let bare = quoted.replace("quote: \"'\"", "quote: none");
    let bare = bare.replace("      quote-escape: backslash\n", "");
    let problems: Vec<String> = load(&bare).unwrap_err().iter().map(ToString::to_string).collect();
    let reason = "is \",\", which separates the columns, and quote is none";
    assert_eq!(problems, [format!("partners.US1.file.decimal-mark: {reason} (line 32)")]);
    check(
        "delimiter: \";\"",
        "delimiter: é",
        &[
            "partners.US1.file.delimiter: is 'é'; allowed are tab, blank and ASCII signs but . - ' and \"",
        ],
    );
    assert!(load(&good().replace("delimiter: \";\"", "delimiter: \"\\t\"")).is_ok());
}

#[test]
fn a_quote_is_one_sign_or_none_and_is_not_the_delimiter() {
    let file = "partners.US1.file";
    let allowed = "allowed are none and one ASCII sign but . - and \\";
    for (quote, shown) in
        [("ab", "ab"), ("''", ""), ("é", "é"), ("a", "a"), ("'-'", "-"), (".", ".")]
    {
        let reason = format!("{file}.quote: is {shown:?}; {allowed}");
        check("quote: \"'\"", &format!("quote: {quote}"), &[&reason]);
    }
    let same = format!("{file}.quote: is \";\", which separates the columns");
    check("quote: \"'\"", "quote: ';'", &[&same]);
    let without = format!("{file}.quote-escape: says how a quote is written, but quote is none");
    check("quote: \"'\"", "quote: none", &[&without]);
    let escape = format!("{file}.quote-escape: is \"slash\"; allowed are doubled backslash");
    check("quote-escape: backslash", "quote-escape: slash", &[&escape]);
    let yaml = good().replace("      quote-escape: backslash\n", "");
    assert!(load(&yaml.replace("quote: \"'\"", "quote: none")).is_ok());
}

#[test]
fn an_encoding_has_a_name_that_is_known() {
    let known = "is no encoding that is known; known are auto and the names of the WHATWG's standard, \
                 such as utf-8, utf-16, windows-1252, windows-1251, iso-8859-2, shift_jis, euc-kr, \
                 gb18030 and big5";
    for name in ["klingon", "utf-32", "''"] {
        let shown = name.trim_matches('\'');
        let reason = format!("partners.US1.file.encoding: {shown:?} {known}");
        check("encoding: cp1252", &format!("encoding: {name}"), &[&reason]);
    }
    for name in ["auto", "Shift_JIS", "latin1", "UTF-16", "iso-2022-jp"] {
        assert!(
            load(&good().replace("encoding: cp1252", &format!("encoding: {name}"))).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_trailer_is_the_last_line_and_what_stands_beside_a_file_has_an_ending_of_its_own() {
    let trailer = "trailer: {marker: T, rows: 1, sum: 2}\n      footer-marker: Total";
    check(
        "footer-marker: Total",
        trailer,
        &[
            "partners.US1.file.trailer.rows: is not a whole number from 2 to 100",
            "partners.US1.file.trailer.sum: is not known; known are marker rows quantity total \
             required",
            "partners.US1.file.trailer: excludes footer-marker: the trailer is the last line",
            "partners.US1.file.trailer: excludes footer-lines: the trailer is the last line",
        ],
    );
    let place = "partners.US1.inbox";
    let same = format!("{place}.manifest: is \".sha256\", as is checksum");
    check("manifest: .json", "manifest: .sha256", &[&same]);
    let slash = format!("{place}.checksum: contains `/`");
    check("checksum: .sha256", "checksum: /a", &[&slash]);
    let side_files = format!("{place}.side-files: is \"maybe\"; allowed are required optional");
    check("side-files: optional", "side-files: maybe", &[&side_files]);
    let all = format!("{place}.temporary[0]: would be every name");
    let star = format!("{place}.temporary[3]: has a `*` that is not at its end");
    check("temporary: [.wip]", "temporary: ['*', .wip, 'new-*', '*.wip']", &[&all, &star]);
}

#[test]
fn a_rule_is_about_columns_that_the_file_has() {
    let rules = "partners.US1.rules";
    check(
        "        region: Country\n        category: Category\n",
        "",
        &[
            &format!("{rules}.values: names region, which is not among the file's columns"),
            &format!("{rules}.values: names category, which is not among the file's columns"),
        ],
    );
    let colour = "allowed are order-id product-id quantity unit-price ordered-at customer-id \
                  description region category";
    check(
        "required: [description]",
        "required: [colour]",
        &[&format!("{rules}.required[0]: is \"colour\"; {colour}")],
    );
    check(
        "[[order-id, product-id]]",
        "[[], order-id]",
        &[&format!("{rules}.unique[0]: is empty"), &format!("{rules}.unique[1]: is not a list")],
    );
    let many = "[[order-id], [order-id], [order-id], [order-id], [order-id]]";
    let reason = format!("{rules}.unique: has 5 sets of columns, the limit is 4");
    check("[[order-id, product-id]]", many, &[&reason]);
    let known = "known are product-id description region category";
    let reason = format!("{rules}.values.quantity: is not known; {known}");
    check("values: {region: [GB, IE]", "values: {quantity: [a]", &[&reason]);
}

#[test]
fn tables_stand_beside_the_configuration() {
    let place = "partners.US1.catalogue";
    check("catalogue.csv", "run.json", &[&format!("{place}: is \"run.json\", which is no .csv")]);
    let allowed = "allowed are A-Z a-z 0-9 - _ . and no dot in front";
    check("catalogue.csv", "../c.csv", &[&format!("{place}: is \"../c.csv\"; {allowed}")]);
    check(
        "    catalogue: catalogue.csv\n    product-ids: us1.csv\n",
        "",
        &[
            "partners.US1.rules.known-products: is true, but there is neither catalogue nor product-ids",
        ],
    );
}

#[test]
fn dates_are_formats_that_name_a_day() {
    let place = "partners.US1.file.dates[0]";
    let reason = "is \"%Y-%m-%d %#z\", which cannot be written";
    check("%d/%m/%Y", "%Y-%m-%d %#z", &[&format!("{place}: {reason}")]);
    check("%d/%m/%Y", "%Q", &[&format!("{place}: is \"%Q\", which is no strftime format")]);
    check("%d/%m/%Y", "%H:%M", &[&format!("{place}: is \"%H:%M\", which does not name the year")]);
    check("%d/%m/%Y", "%m %Y", &[&format!("{place}: is \"%m %Y\", which does not name the day")]);
    assert!(load(&good().replace("%d/%m/%Y", "%s")).is_ok());
}

#[test]
fn a_file_is_expected_on_days_by_a_time() {
    check(
        "mon-fri by 07:30",
        "sometimes",
        &[
            "partners.US1.expected: is \"sometimes\"; the form is `daily by 07:30` or `mon-fri by 18:00`",
        ],
    );
}

#[test]
fn names_of_partners_differ_by_more_than_capitals() {
    let two = |a: &str, b: &str| {
        format!("partners:\n  {a}: {{currency: EUR}}\n  {b}: {{currency: EUR}}\n")
    };
    let reason = "as a name, differs from US-1 only by capitals or by _ and -";
    assert_eq!(problems(&two("us-1", "US-1")), [format!("partners.us-1: {reason}")]);
    assert_eq!(problems(&two("US_1", "US-1")), [format!("partners.US_1: {reason}")]);
    assert!(load(&two("US1", "US-1")).is_ok());
}
