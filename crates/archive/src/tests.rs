//! Questions over many days; days in a store are tested with the function `analytics`.

use crate::amount::Code;
use crate::ask::{Answer, Asked, By, Sum, Tally};
use crate::cube::{Cube, Kept, OTHERS, ROWS_MAX};
use crate::fact::{Counted, What};
use crate::issued::Issued;
use crate::{Day, amount::Units, documents};
use messaging::{header, subject};
use serde_json::{Value, json};
use state::fold::Event;

fn order(more: &Value) -> Counted {
    let mut order = json!({"kind": "sale", "ordered_at": "2026-01-31T23:30:00Z", "currency": "EUR", "total": "24.90",
        "lines": [{"product_id": "P1", "quantity": 2, "unit_price": "10.00", "category": "lamps"}],
        "charges": [{"kind": "shipping", "amount": "4.90"}]});
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    serde_json::from_value(order).unwrap()
}

fn asked(by: By, sum: Sum) -> Asked {
    let day = |text| Day::parse(text).unwrap();
    let (from, to) = (day("2026-01-01"), day("2026-12-31"));
    Asked { from, to, by, sum, partner: None, currency: None, limit: 5_000 }
}

fn answer(asked: &Asked, cubes: &[Cube]) -> Answer {
    let mut tally = Tally::new(asked);
    for cube in cubes {
        // As it is kept.
        tally.kept(&Kept::read(&cube.to_bytes()).unwrap());
    }
    tally.answer(None, Vec::new())
}

fn keys(answer: &Answer) -> Vec<&str> {
    answer.rows.iter().map(|row| &*row.key).collect()
}

#[test]
fn an_order_counts_on_its_own_day_whenever_it_is_amended_or_cancelled() {
    let mut days = [Cube::default(), Cube::default(), Cube::default()];
    days[0].decided("US1", &What::Confirmed(order(&json!({}))));
    days[0].decided("US1", &What::Confirmed(order(&json!({"ordered_at": "2026-02-01T00:00:00Z"}))));
    let next = json!({"total": "4.90", "lines": [], "amends": {"order": {"kind": "sale",
        "ordered_at": "2026-01-31T23:30:00Z", "currency": "EUR", "total": "24.90",
        "lines": [{"product_id": "P1", "quantity": 2, "unit_price": "10.00", "category": "lamps"}]}}});
    days[1].decided("US1", &What::Confirmed(order(&next)));
    let cancelled = json!({"ordered_at": "2026-02-01T00:00:00Z"});
    days[2].decided("US1", &What::Cancelled(order(&cancelled)));
    days[2].decided("US1", &What::Refused("insufficient_stock".to_owned()));
    let by_day = answer(&asked(By::Day, Sum::Revenue), &days);
    let shown = serde_json::to_value(&by_day.rows).unwrap();
    assert_eq!(shown[0]["key"], "2026-01-31");
    assert_eq!(shown[0]["revenue"], json!({"EUR": "4.90"}));
    assert_eq!((&shown[0]["orders"], &shown[1]["orders"]), (&json!(1), &json!(0)));
    let mut january = asked(By::Month, Sum::Orders);
    january.to = Day::parse("2026-01-31").unwrap();
    assert_eq!(keys(&answer(&january, &days)), ["2026-01"]);
    let of_other = Asked { partner: Some("US2".to_owned()), ..asked(By::Day, Sum::Orders) };
    assert!(answer(&of_other, &days).rows.is_empty());
    let product = answer(&asked(By::Product, Sum::Pieces), &days);
    assert_eq!(product.rows[0].pieces, Some(0));
}

#[test]
fn an_address_as_the_number_of_a_customer_is_not_archived() {
    for (id, kept) in [("C7", Some("C7")), ("ana@shop.example", None)] {
        let order = order(&json!({"customer": {"id": id}}));
        assert_eq!(order.customer(), kept);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(header::CUSTOMER, subject::token(id));
        let event = Event {
            source: 0,
            sequence: 1,
            time_ms: 1,
            subject: "invoices.issued.main.A1",
            headers: Some(&headers),
            payload: None,
            kept_from: 0,
        };
        assert_eq!(documents::customer(&event).as_deref(), kept);
    }
}

#[test]
fn documents_are_told_by_seller_and_day_of_issue_and_are_no_orders() {
    let mut cube = Cube::default();
    for (day, is_credit, payable) in [("2026-03-01", false, 500), ("2026-03-02", true, 200)] {
        let currency = Code::parse("EUR").unwrap();
        let issued =
            Issued { partner: "US1", customer: None, is_credit, currency, payable: Units(payable) };
        cube.issued(Day::parse(day).unwrap(), "acme", &issued);
    }
    let cubes = [cube];
    let sold = answer(&asked(By::Seller, Sum::Invoiced), &cubes);
    let shown = serde_json::to_value(&sold.rows).unwrap();
    let row =
        json!([{"key": "acme", "invoices": 1, "credit_notes": 1, "invoiced": {"EUR": "0.03"}}]);
    assert_eq!(shown, row);
    assert_eq!(keys(&answer(&asked(By::Day, Sum::Invoices), &cubes)), ["2026-03-01", "2026-03-02"]);
    assert!(answer(&asked(By::Partner, Sum::Orders), &cubes).rows.is_empty());
    asked(By::Region, Sum::Invoiced).check().unwrap_err();
    asked(By::Seller, Sum::Orders).check().unwrap_err();
}

#[test]
fn a_year_of_a_thousand_products_is_exact_and_in_order() {
    let mut day = Day::parse("2026-01-01").unwrap();
    let mut cubes = Vec::new();
    // Each fourth day is enough to see what a year takes.
    for n in 0..92_i64 {
        let mut cube = Cube::default();
        let at = format!("{day}T12:00:00Z");
        for product in 0..1_000 {
            let lines = json!([{"product_id": format!("P{product}"), "quantity": product + 1, "unit_price": "1.00"}]);
            let order =
                order(&json!({"ordered_at": at, "lines": lines, "charges": [], "total": "1.00"}));
            cube.decided(if n % 2 == 0 { "US1" } else { "US2" }, &What::Confirmed(order));
        }
        cubes.push(cube);
        day = day.next().next().next().next();
    }
    let by_product = asked(By::Product, Sum::Pieces);
    let kept: Vec<Kept> = cubes.iter().map(|cube| Kept::read(&cube.to_bytes()).unwrap()).collect();
    let since = std::time::Instant::now();
    let mut tally = Tally::new(&by_product);
    kept.iter().for_each(|kept| tally.kept(kept));
    let found = tally.answer(None, Vec::new());
    println!("{} sums in {:?}", kept.iter().map(Kept::rows).sum::<usize>(), since.elapsed());
    assert_eq!((found.rows.len(), found.more), (1_000, false));
    assert_eq!((&*found.rows[0].key, found.rows[0].pieces), ("P999", Some(92_000)));
    let few = answer(&Asked { limit: 10, ..by_product }, &cubes[..1]);
    assert_eq!((few.rows.len(), few.more), (10, true));
}

#[test]
fn what_finds_no_room_is_added_up_and_said() {
    let mut cube = Cube::default();
    cube.decided("US1", &What::Confirmed(order(&json!({"region": "FR"}))));
    cube.fill(ROWS_MAX);
    cube.decided("US1", &What::Confirmed(order(&json!({"region": "ES"}))));
    cube.decided("US1", &What::Confirmed(order(&json!({"region": "FR"}))));
    let cubes = [cube];
    let regions = answer(&asked(By::Region, Sum::Orders), &cubes);
    assert_eq!(keys(&regions), ["FR", OTHERS]);
    assert!(regions.note.unwrap().contains("at most"));
    assert_eq!(answer(&asked(By::Partner, Sum::Orders), &cubes).rows[0].orders, Some(3));
}
