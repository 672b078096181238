use super::*;
use crate::order::Terms;
use crate::{Order, raw};
use serde_json::json;

fn order(id: &str, lines: &[(&str, i64)], sale: Option<&str>) -> Order {
    let lines: Vec<_> = lines
        .iter()
        .map(|(product, quantity)| json!({"product_id": product, "quantity": quantity, "price": 1}))
        .collect();
    let json = json!({"order_id": id, "lines": lines, "returns": sale});
    raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

fn pieces(of: &[(&str, i64)]) -> Pieces {
    of.iter().map(|(product, n)| (ProductId::parse(product).unwrap(), *n)).collect()
}

/// A sale of five A on two lines and two B.
fn sold() -> Confirmed {
    Confirmed::new(5, order("S", &[("A", 4), ("B", 2), ("A", 1)], None))
}

/// What happens to the sale: `+` is shipped, `-` returned, `!` a return that is cancelled.
fn after(steps: &[(char, &str, i64)]) -> Confirmed {
    let mut sale = sold();
    let id = OrderId::parse("S").unwrap();
    for (what, product, n) in steps {
        let back = order("R", &[(product, -n)], Some("S"));
        match what {
            '+' => {
                let Shipped { shipped, shipment, .. } =
                    ship(&sale, Some(&[(product, *n)])).unwrap();
                sale = Confirmed { shipped, shipments: shipment.number, ..sale };
            }
            '-' => sale = returned(&sale, sale.returning(&id, &back).unwrap()),
            _ => sale = returned(&sale, sale.keeping(&id, &back)),
        }
    }
    sale
}

fn returned(sale: &Confirmed, after: super::super::Returned) -> Confirmed {
    Confirmed { returned: after.returned, of_shipped: after.of_shipped, ..sale.clone() }
}

fn ship(sale: &Confirmed, products: Option<&[(&str, i64)]>) -> Result<Shipped, NotShipped> {
    let shipping = Shipping {
        products: products.map(pieces),
        carrier: Some("DHL".into()),
        tracking: None,
        shipped_at: DateTime::UNIX_EPOCH,
        by: None,
    };
    sale.ship((PartnerId::direct(), OrderId::parse("S").unwrap()), shipping)
}

#[track_caller]
fn check(steps: &[(char, &str, i64)], left: &[(&str, i64)]) {
    assert_eq!(after(steps).left_to_ship(), pieces(left));
}

#[test]
fn a_sale_is_shipped_in_parts_and_never_more_of_it_than_is_left() {
    check(&[], &[("A", 5), ("B", 2)]);
    check(&[('+', "A", 3)], &[("A", 2), ("B", 2)]);
    let part = after(&[('+', "A", 3)]);
    let NotShipped::TooMuch(over) = ship(&part, Some(&[("A", 3), ("B", 2), ("C", 1)])).unwrap_err()
    else {
        panic!("less is left")
    };
    let expected =
        [("A", 3, 2, 5, 3), ("C", 1, 0, 0, 0)].map(|(id, wanted, left, sold, shipped)| {
            let over = TooMuch { wanted, left, sold, shipped, withdrawn: 0 };
            (ProductId::parse(id).unwrap(), over)
        });
    assert_eq!(over, expected);
    let rest = ship(&part, None).unwrap();
    assert_eq!((rest.shipment.number, rest.complete), (2, true));
    assert_eq!(rest.shipment.products, pieces(&[("A", 2), ("B", 2)]));
    assert_eq!(rest.shipped, pieces(&[("A", 5), ("B", 2)]));
    let whole = Confirmed { shipped: rest.shipped, shipments: 2, ..part };
    assert_eq!(ship(&whole, None), Err(NotShipped::Complete));
    assert!(matches!(ship(&whole, Some(&[("B", 1)])), Err(NotShipped::TooMuch(_))));
    for none in [0, -1] {
        assert!(matches!(ship(&sold(), Some(&[("A", none)])), Err(NotShipped::TooMuch(_))));
    }
}

#[test]
fn what_came_back_without_having_been_shipped_is_not_shipped() {
    check(&[('-', "A", 2)], &[("A", 3), ("B", 2)]);
    check(&[('-', "A", 2), ('+', "A", 3)], &[("B", 2)]);
    // What was shipped before it came back leaves the rest to ship.
    check(&[('+', "A", 2), ('-', "A", 2)], &[("A", 3), ("B", 2)]);
    // One of the two that come back was never sent.
    check(&[('+', "A", 1), ('-', "A", 2)], &[("A", 3), ("B", 2)]);
    check(&[('+', "A", 5), ('-', "A", 5), ('+', "B", 2)], &[]);
    // A return that is cancelled can be shipped if it was not before, and else is at the customer's.
    check(&[('-', "A", 2), ('!', "A", 2)], &[("A", 5), ("B", 2)]);
    check(&[('+', "A", 2), ('-', "A", 2), ('!', "A", 2)], &[("A", 3), ("B", 2)]);
    check(&[('-', "A", 2), ('+', "A", 3), ('!', "A", 2)], &[("A", 2), ("B", 2)]);
}

#[test]
fn whatever_happens_no_more_is_out_than_was_sold() {
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (id, a) = (OrderId::parse("S").unwrap(), ProductId::parse("A").unwrap());
    for _ in 0..2_000 {
        let (mut sale, mut returns) = (sold(), Vec::new());
        for _ in 0..12 {
            let n = i64::try_from(1 + next(4)).unwrap();
            let back = order("R", &[("A", -n)], Some("S"));
            match next(3) {
                0 => {
                    if let Ok(shipped) = ship(&sale, Some(&[("A", n)])) {
                        sale = Confirmed { shipped: shipped.shipped, ..sale };
                    }
                }
                1 => {
                    if let Ok(after) = sale.returning(&id, &back) {
                        sale = returned(&sale, after);
                        returns.push(back);
                    }
                }
                _ => {
                    if let Some(back) = returns.pop() {
                        sale = returned(&sale, sale.keeping(&id, &back));
                    }
                }
            }
            let (shipped, back) = (of(&sale.shipped, &a), of(&sale.returned, &a));
            let (of_shipped, withdrawn) = (of(&sale.of_shipped, &a), sale.withdrawn(&a));
            assert!((0..=shipped).contains(&of_shipped) && of_shipped <= back, "{sale:?}");
            assert!(0 <= withdrawn && shipped + withdrawn <= 5 && back <= 5, "{sale:?}");
        }
    }
}

#[test]
fn a_return_is_not_shipped_and_what_was_shipped_is_not_cancelled() {
    let back = Confirmed::new(7, order("R", &[("A", -1)], None));
    assert_eq!(ship(&back, None), Err(NotShipped::Return));
    let id = OrderId::parse("S").unwrap();
    assert_eq!(sold().untouched(&id, "cancelled"), Ok(()));
    let kept = after(&[('+', "A", 3)]).untouched(&id, "cancelled").unwrap_err();
    assert_eq!(kept.code(), "shipped");
    assert!(kept.detail.starts_with("3 of the 5 A were shipped before"), "{}", kept.detail);
    let json = serde_json::to_value(crate::stock::Refusal::ExceedsSale(kept)).unwrap();
    assert_eq!((&json["reason"], &json["code"]), (&json!("unreadable"), &json!("shipped")));
    let again: crate::stock::Refusal = serde_json::from_value(json).unwrap();
    assert_eq!(again.code(), "shipped");
}
