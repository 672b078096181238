//! Rules for values: each with its code, its column and a reason; the first that fails is reported.

use crate::support::{HEADER, Setting, check, plain};
use domain::partner::{Duplicates, Encoding};
use tabular::{ConfigError, Limits, Transform};

/// A row with `value` in one column and good values in the others.
fn with(column: &str, value: &str) -> String {
    let good = ["A1", "P1", "1", "2", "2026-11-22 10:00:00", "c1", "x"];
    let names = HEADER.trim_end().split(',');
    let fields = names.zip(good).map(|(name, good)| if name == column { value } else { good });
    fields.collect::<Vec<_>>().join(",") + "\n"
}

/// Checks the result of a row with `value` in `column`: `ok`, or rule and reason.
#[track_caller]
fn check_value(setting: &Setting, column: &str, value: &str, expected: &str) {
    let file = format!("{HEADER}{}", with(column, value));
    let (part, _) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    let got = part.rejects.first().map_or("ok".to_owned(), |reject| {
        assert_eq!(reject.column.as_deref(), Some(column));
        format!("{}: {}", reject.rule, reject.reason)
    });
    assert_eq!(got, expected, "for {column} {value:?}");
}

#[test]
fn ids_are_trimmed_required_and_limited() {
    let long = "x".repeat(129);
    for (column, rule) in
        [("order", "order_id"), ("sku", "product_id"), ("customer", "customer_id")]
    {
        let missing = rule.strip_prefix("customer").map_or(rule, |_| "customer");
        check_value(&plain(), column, "", &format!("missing_{missing}: is empty"));
        check_value(&plain(), column, " \t\u{A0}", &format!("missing_{missing}: is empty"));
        let too_long = format!("bad_{rule}: has 129 bytes, the limit is 128");
        check_value(&plain(), column, &long, &too_long);
        let control = format!("bad_{rule}: contains a control character");
        check_value(&plain(), column, "a\u{7}b", &control);
        check_value(&plain(), column, "a\u{85}b", &control);
        check_value(&plain(), column, "\"a\nb\"", &control);
        for good in ["*", ">", "a b.c", "🛒", &"x".repeat(128)] {
            check_value(&plain(), column, good, "ok");
        }
    }
}

#[test]
fn an_id_from_a_float_column_becomes_an_integer() {
    check(
        "17850.0,22.0,1,2,2026-11-22 10:00:00,\"012.0\",x\n\
         1.50,a.0,1,2,2026-11-22 10:00:00,.0,x\n",
        &["2: 17850 22 x1 2.00 012 [x]", "3: 1.50 a.0 x1 2.00 .0 [x]"],
    );
}

#[test]
fn a_customer_may_be_missing_where_none_is_required() {
    let mut setting = plain();
    setting.rules.customer_required = false;
    check_value(&setting, "customer", "", "ok");
    setting.format.columns.customer_id = None;
    setting.check(with("customer", "c7"), &["2: A1 P1 x1 2.00  [x]"]);
}

#[test]
fn a_quantity_is_a_whole_number_within_the_limit() {
    for good in ["1", "-1", "+5", " 7 ", "007", "1000000000", "-1000000000", "2.0000", "1."] {
        check_value(&plain(), "qty", good, "ok");
    }
    check_value(&plain(), "qty", "0", "zero_quantity: is zero");
    check_value(&plain(), "qty", "-0", "zero_quantity: is zero");
    for bad in [
        "",
        "x",
        "1.5",
        "2.0001",
        "1.0.0",
        "1e3",
        "1 0",
        "1000000001",
        "99999999999999999999",
        "٣",
        "--1",
    ] {
        let reason = format!("{bad:?} is not a whole number between -1000000000 and 1000000000");
        check_value(&plain(), "qty", bad, &format!("bad_quantity: {reason}"));
    }
}

#[test]
fn a_price_is_an_exact_decimal() {
    check_value(&plain(), "price", "0.0001", "ok");
    check_value(&plain(), "price", "£2", "bad_price: \"£2\" is not a decimal number");
    check_value(&plain(), "price", "", "bad_price: \"\" is not a decimal number");
    check_value(
        &plain(),
        "price",
        "1.23456",
        "bad_price: \"1.23456\" has more than 4 decimal places",
    );
    check_value(&plain(), "price", "0", "non_positive_price: 0.00 is not above zero");
    check_value(&plain(), "price", "-11062.06", "non_positive_price: -11062.06 is not above zero");
    let mut setting = plain();
    setting.rules.price_positive = false;
    check_value(&setting, "price", "0", "ok");
    check_value(&setting, "price", "-1", "negative_price: -1.00 is below zero");
}

#[test]
fn a_date_is_in_one_of_the_partners_formats() {
    check_value(&plain(), "date", "22/11/2026", "ok");
    check_value(
        &plain(),
        "date",
        "2026-02-30 10:00:00",
        "bad_date: \"2026-02-30 10:00:00\" is not a date in one of the partner's formats",
    );
    check_value(
        &plain(),
        "date",
        &"9".repeat(60),
        &format!("bad_date: \"{}\"… is not a date in one of the partner's formats", "9".repeat(40)),
    );
}

#[test]
fn a_description_has_a_limit() {
    check_value(&plain(), "text", &"é".repeat(256), "ok");
    let long = "x".repeat(513);
    check_value(&plain(), "text", &long, "too_long: has 513 bytes, the limit is 512");
}

#[test]
fn the_first_rule_that_fails_is_the_one_named() {
    let mut row = ["", "", "x", "x", "x", "", ""];
    row[6] = "y";
    let order = [
        (0, "A1", "missing_order_id order"),
        (1, "P1", "missing_product_id sku"),
        (5, "c1", "missing_customer customer"),
        (2, "0", "bad_quantity qty"),
        (2, "1", "zero_quantity qty"),
        (3, "0", "bad_price price"),
        (3, "1", "non_positive_price price"),
        (4, "1/1/2026", "bad_date date"),
    ];
    for (column, mended, expected) in order {
        check(row.join(",") + "\n", &[&format!("2: {expected}")]);
        row[column] = mended;
    }
    check(row.join(",") + "\n", &["2: A1 P1 x1 1.00 c1 [y]"]);
}

#[test]
fn a_row_equal_to_an_earlier_one_after_cleaning_is_a_duplicate() {
    let rows = "A1,P1,1,2.5,2026-11-22 10:00:00,17850,x\n\
                A1,P2,1,2.5,2026-11-22 10:00:00,17850,x\n \
                A1 ,\"P1\",+1,2.50,2026-11-22 10:00:00,17850.0,\" x\"\n\
                A1,P1,1,2.5,2026-11-22 10:00:00,17850,X\n";
    let first = "2: A1 P1 x1 2.50 17850 [x]";
    let second = "3: A1 P2 x1 2.50 17850 [x]";
    let last = "5: A1 P1 x1 2.50 17850 [X]";
    check(rows, &[first, second, "4: duplicate", last]);
    let mut setting = plain();
    setting.rules.duplicates = Duplicates::Off;
    setting.check(rows, &[first, second, "4: A1 P1 x1 2.50 17850 [x]", last]);
}

#[test]
fn text_that_moves_between_columns_is_no_duplicate() {
    check(
        "A1,1P,1,2,2026-11-22 10:00:00,c,x\nA11,P,1,2,2026-11-22 10:00:00,c,x\n",
        &["2: A1 1P x1 2.00 c [x]", "3: A11 P x1 2.00 c [x]"],
    );
}

#[test]
fn a_semicolon_file_in_windows_1252_with_decimal_commas_is_read() {
    let mut setting = plain();
    setting.format.delimiter = ';'.into();
    setting.format.decimal_mark = ',';
    setting.format.encoding = Encoding::Windows1252;
    setting.format.columns.description = Some("prix €".into());
    let file = b"order;sku;qty;price;date;customer;PRIX \x80\n\
                 A1;P1;1;2,5;22/11/2026;Zo\xEB;\x93\x80 5\x94\n\
                 A2;P1;1;2.5;22/11/2026;Zo\xEB;x\n";
    assert_eq!(setting.outcome(file), ["2: A1 P1 x1 2.50 Zoë [“€ 5”]", "3: bad_price price"]);
    let (part, _) = setting.read(file, 1).unwrap();
    assert_eq!(part.rejects[0].raw, "A2;P1;1;2.5;22/11/2026;Zoë;x".as_bytes());
}

#[test]
fn the_time_zone_of_the_partner_holds() {
    let mut setting = plain();
    setting.zone = "Europe/Madrid";
    let file = format!("{HEADER}{}", with("date", "2026-07-01 00:30:00"));
    let (part, summary) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    assert_eq!(part.batch.ordered_at, [1_782_858_600_000]);
    let date = summary.profile.iter().find(|column| column.column == "ordered_at").unwrap();
    assert_eq!(date.min.as_deref(), Some("2026-06-30T22:30:00Z"));
}

#[test]
fn the_profile_describes_the_accepted_rows() {
    let file = format!(
        "{HEADER}A1,P2,3,2.50,1/1/2026,c1,\nA2,P1,-4,10,2/1/2026,c1,héllo\nA3,P0,x,1,2/1/2026,c,a\n"
    );
    for block in [1, 1 << 20] {
        let (_, summary) = plain().read(file.as_bytes(), block).unwrap();
        let shown: Vec<String> = summary
            .profile
            .iter()
            .map(|column| {
                let (min, max) = (column.min.as_deref(), column.max.as_deref());
                let range = format!("{}..{}", min.unwrap_or("-"), max.unwrap_or("-"));
                format!("{} {}+{} {range}", column.column, column.count, column.empty)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "order_id 2+0 A1..A2",
                "product_id 2+0 P1..P2",
                "description 1+1 héllo..héllo",
                "quantity 2+0 -4..3",
                "unit_price 2+0 2.50..10.00",
                "ordered_at 2+0 2026-01-01T00:00:00Z..2026-01-02T00:00:00Z",
                "customer_id 2+0 c1..c1",
                "region 0+2 -..-",
                "category 0+2 -..-",
            ]
        );
    }
}

#[test]
fn an_impossible_configuration_is_refused_with_its_place() {
    let check = |change: &dyn Fn(&mut Setting), expected: &str| {
        let mut setting = plain();
        change(&mut setting);
        let made = Transform::new(&setting.format, &setting.rules, setting.zone, Limits::default());
        assert_eq!(made.unwrap_err().to_string(), expected);
    };
    check(&|s| s.format.delimiter = '€'.into(), &ConfigError::Delimiter('€').to_string());
    check(&|s| s.format.delimiter = '"'.into(), &ConfigError::Delimiter('"').to_string());
    check(
        &|s| s.format.decimal_mark = ' ',
        "decimal-mark ' ' is not allowed; it must be '.' or ','",
    );
    check(&|s| s.format.dates = vec![], "dates has no format");
    check(
        &|s| s.format.dates = vec!["%H:%M".into()],
        "dates has \"%H:%M\", which does not make a date",
    );
    check(
        &|s| s.zone = "Europe/Lndon",
        "time-zone \"Europe/Lndon\" is not an IANA time zone such as Europe/London",
    );
    check(&|s| s.format.columns.quantity = " ".into(), "columns.quantity is empty");
    check(
        &|s| s.format.columns.quantity = " PRICE".into(),
        "columns.quantity and columns.unit-price are both \"price\"",
    );
    check(
        &|s| s.format.columns.customer_id = None,
        "rules.customer-required is true, but columns.customer-id is not set",
    );
}
