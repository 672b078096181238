//! What holds for any order, and for any bytes.

use super::*;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ a-zé🛒\"\\\\.]{0,12}")
}

/// Charges that take nothing off, so that no total falls below zero.
fn charges() -> impl Strategy<Value = Vec<(&'static str, i64, Option<String>)>> {
    let kind = prop::sample::select(vec!["shipping", "fee", "gift_wrap", "rounding", "other"]);
    prop::collection::vec((kind, 0..=1_000_000_i64, text()), 0..3)
}

/// A line: product, pieces (the sign comes later), price in units of 10⁻⁴, texts.
fn line() -> impl Strategy<Value = (String, i64, i64, Option<String>, Option<String>)> {
    ("[A-Za-z0-9 .=*>é]{0,9}[A-Z]", 1..=10_000_i64, 0..=100_000_000_i64, text(), text())
}

prop_compose! {
    /// An order in its long form.
    fn order()(
        id in "[ -~é🛒]{0,20}[A-Z0-9]",
        lines in prop::collection::vec(line(), 1..6),
        sign in prop_oneof![Just(1), Just(-1)],
        time in prop::option::of(0..=253_402_300_799_i64),
        currency in prop::option::of("[A-Z]{3}"),
        customer in prop::option::of(("[a-z0-9]{1,8}", any::<bool>())),
        region in text(),
        charges in charges(),
        metadata in prop::collection::btree_map("[a-z.]{1,4}", "[ -~é]{0,12}", 0..4),
        total in any::<bool>(),
    ) -> Value {
        let sum: i64 = lines.iter().map(|(_, pieces, price, ..)| sign * pieces * price).sum();
        let sum = sum + sign * charges.iter().map(|(_, amount, _)| amount).sum::<i64>();
        let charges: Vec<Value> = charges
            .into_iter()
            .map(|(kind, amount, description)| json!({
                "kind": kind, "amount": Money::from_units(sign * amount), "description": description,
            }))
            .collect();
        let lines: Vec<Value> = lines
            .into_iter()
            .map(|(product, pieces, price, description, category)| json!({
                "product_id": product, "quantity": sign * pieces,
                "unit_price": Money::from_units(price), "description": description,
                "category": category,
            }))
            .collect();
        let customer = customer.map(|(id, vip)| json!({"id": id, "vip": vip}));
        let total = total.then(|| Money::from_units(sum));
        json!({"order_id": id, "lines": lines, "timestamp": time, "currency": currency,
            "customer": customer, "region": region, "charges": charges, "metadata": metadata, "total": total})
    }
}

/// The members of all objects, in an order that `seed` chooses.
fn shuffled(value: &Value, seed: u64) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let key = |name: &str| {
                name.bytes().fold(seed, |key, b| key.wrapping_mul(0x100_0000_01b3) ^ u64::from(b))
            };
            members.sort_by_key(|(name, _)| key(name));
            let members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", json!(name), shuffled(value, seed)))
                .collect();
            format!("{{{}}}", members.join(" ,"))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| shuffled(item, seed)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// The short form of an order with one line, with the other names of fields.
fn short(order: &Value) -> Option<Value> {
    let mut short = order.as_object()?.clone();
    let Some(Value::Array(lines)) = short.remove("lines") else { return None };
    let [line] = lines.as_slice() else { return None };
    for (name, other) in [
        ("product_id", "product"),
        ("quantity", "quantity"),
        ("unit_price", "price"),
        ("description", "description"),
        ("category", "category"),
    ] {
        short.insert(other.into(), line[name].clone());
    }
    let time = short.remove("timestamp")?;
    short.insert("ordered_at".into(), time);
    if let Some(Value::Object(customer)) = short.remove("customer") {
        short.insert("customer".into(), customer["id"].clone());
        short.insert("vip".into(), customer["vip"].clone());
    }
    Some(short.into())
}

/// Names of fields, wherever they stand.
fn fields() -> Vec<&'static str> {
    let lists =
        [read::ORDER_FIELDS, read::LINE_FIELDS, buyer::CUSTOMER_FIELDS, charges::CHARGE_FIELDS];
    lists.concat()
}

fn any_json() -> impl Strategy<Value = Value> {
    let name =
        prop_oneof![prop::sample::select(fields()).prop_map(str::to_owned), any::<String>(),];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["US1", "sale", "2026-01-02T03:04:05Z", "EUR", "1.50"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..9)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(json in any_json()) {
        let text = json.to_string();
        let by_text = parse(text.as_bytes(), None).map_err(Error::into_problems);
        // As this parser reads the numbers: the last digit of a large one may differ.
        let json: Value = serde_json::from_str(&text).unwrap();
        let as_sent = |problem| sent::as_sent(text.as_bytes(), problem);
        let by_json = read(&json, None);
        let by_json = by_json.map_err(|problems| problems.into_iter().map(as_sent).collect());
        prop_assert_eq!(&by_text, &by_json);
        if let Err(problems) = by_text {
            prop_assert!((1..=PROBLEMS_MAX + 1).contains(&problems.len()));
            prop_assert!(problems.iter().all(|p| !p.reason.is_empty() && p.reason.len() < 1_000));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = parse(&bytes, None) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn an_order_survives_being_written(order in order()) {
        let draft = read(&order, None).unwrap();
        let again = parse(&serde_json::to_vec(&draft).unwrap(), None).unwrap();
        prop_assert_eq!(&again, &draft);
        let terms = crate::order::Terms::direct();
        let placed = draft.place(&terms, chrono::DateTime::UNIX_EPOCH).unwrap();
        let json = serde_json::to_vec(&placed).unwrap();
        prop_assert_eq!(serde_json::from_slice::<crate::Order>(&json).unwrap(), placed);
    }

    #[test]
    fn neither_form_nor_order_of_fields_changes_the_content(order in order(), seed in any::<u64>()) {
        let hash = read(&order, None).unwrap().content();
        let other = parse(shuffled(&order, seed).as_bytes(), None).unwrap();
        prop_assert_eq!(other.content(), hash.clone());
        if let Some(short) = short(&order) {
            prop_assert_eq!(read(&short, None).unwrap().content(), hash);
        }
    }

    #[test]
    fn another_price_is_another_content(order in order(), units in 1..100_i64) {
        let draft = read(&order, None).unwrap();
        let mut other = draft.clone();
        let price = &mut other.lines[0].unit_price;
        *price = price.plus(Money::from_units(units)).unwrap();
        prop_assert_ne!(draft.content(), other.content());
    }

    #[test]
    fn a_total_is_the_sum_of_its_lines(order in order()) {
        let draft = read(&order, None).unwrap();
        let sum = |unit: &dyn Fn(&crate::Line) -> i64| draft.lines.iter().map(|l| l.quantity * unit(l)).sum::<i64>();
        let charges: i64 = draft.charges.iter().map(|charge| charge.amount.units()).sum();
        prop_assert_eq!(draft.total.units(), sum(&|line| line.unit_price.units()) + charges);
    }
}
