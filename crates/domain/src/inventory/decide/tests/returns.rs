//! Returns that name their sale.

use super::*;
use crate::inventory::{Pieces, Returned};

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

/// A sale of six P001 on two lines and two P002, of which `returned` came back.
fn sold(returned: &[(&str, i64)]) -> Confirmed {
    let sale = order("S", &[("P001", 4), ("P002", 2), ("P001", 2)], None);
    Confirmed { returned: pieces(returned), ..Confirmed::new(5, sale) }
}

fn decide_one(order: &Order, looked: Lookup, sale: Lookup) -> Verdict {
    let data = serde_json::value::to_raw_value(order).unwrap();
    let input = Input { looked, sale, ..input(9, &data) };
    decide_all(&State::seeded().stock, &[input]).outcomes.remove(0).verdict
}

/// What becomes of a return of these lines, when so much came back before.
#[track_caller]
fn check(returned: &[(&str, i64)], lines: &[(&str, i64)], expected: Result<Returned, &str>) {
    let verdict =
        decide_one(&order("R", lines, Some("S")), Lookup::Nothing, Lookup::Found(sold(returned)));
    match (verdict, expected) {
        (Verdict::Returned { sale, movements }, Ok(expected)) => {
            assert_eq!(sale, expected);
            assert!(movements.iter().all(|movement| 0 < movement.delta), "{movements:?}");
        }
        (Verdict::Refused(refusal), Err(expected)) => assert_eq!(refusal.to_string(), expected),
        (verdict, _) => panic!("{verdict:?}"),
    }
}

fn after(returned: &[(&str, i64)], complete: bool) -> Returned {
    let order_id = OrderId::parse("S").unwrap();
    let (returned, of_shipped) = (pieces(returned), Pieces::new());
    Returned { order_id, attempt: 1, placed: 5, returned, of_shipped, complete }
}

#[test]
fn of_each_product_no_more_comes_back_than_is_left_of_the_sale() {
    check(&[], &[("P001", -6)], Ok(after(&[("P001", 6)], false)));
    check(&[("P001", 6)], &[("P002", -2)], Ok(after(&[("P001", 6), ("P002", 2)], true)));
    check(&[("P001", 1)], &[("P001", -2), ("P001", -3)], Ok(after(&[("P001", 6)], false)));
    check(
        &[("P001", 1)],
        &[("P001", -3), ("P001", -3)],
        Err("exceeds_sale: 6 of P001 would come back, but 5 of the 6 that were sold in S are left"),
    );
    check(
        &[],
        &[("P002", -1), ("P003", -1)],
        Err("exceeds_sale: 1 of P003 would come back, but 0 of the 0 that were sold in S are left"),
    );
}

#[test]
fn only_a_confirmed_sale_is_returned() {
    let back = order("R", &[("P001", -1)], Some("S"));
    let Verdict::Refused(refusal) = decide_one(&back, Lookup::Nothing, Lookup::Nothing) else {
        panic!("there is no such sale")
    };
    assert!(
        refusal.to_string().starts_with("exceeds_sale: there is no confirmed sale S of DIRECT")
    );
    let earlier = Confirmed::new(5, order("S", &[("P001", -3)], None));
    let Verdict::Refused(refusal) = decide_one(&back, Lookup::Nothing, Lookup::Found(earlier))
    else {
        panic!("it is a return")
    };
    let expected = "exceeds_sale: order S is a return; only what was sold can be returned";
    assert_eq!(refusal.to_string(), expected);
    // Without a sale nothing is compared.
    let plain = order("R", &[("P001", -9)], None);
    let verdict = decide_one(&plain, Lookup::Nothing, Lookup::Unknown);
    assert!(matches!(verdict, Verdict::Confirmed(_)), "{verdict:?}");
}

#[test]
fn a_return_that_is_cancelled_gives_the_sale_its_pieces_back() {
    let back = order("R", &[("P001", -2)], Some("S"));
    let cancels = Cancels { attempt: 1, placed: 7, decision: "d".into() };
    let (cancelling, own) =
        (back.cancelling(cancels), || Lookup::Found(Confirmed::new(7, back.clone())));
    for (before, expected) in [
        (&[("P001", 2)][..], after(&[], false)),
        (&[("P001", 3), ("P002", 2)], after(&[("P001", 1), ("P002", 2)], false)),
    ] {
        let verdict = decide_one(&cancelling, own(), Lookup::Found(sold(before)));
        let Verdict::ReturnCancelled { attempt: 1, sale, movements } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!((sale, movements[0].delta), (expected, -2));
    }
    // A sale that is not kept any more has nothing to be told.
    let verdict = decide_one(&cancelling, own(), Lookup::Nothing);
    assert!(matches!(verdict, Verdict::Cancelled { .. }), "{verdict:?}");
}

#[test]
fn a_sale_of_which_something_was_returned_is_not_cancelled() {
    let sale = order("S", &[("P001", 4), ("P002", 2), ("P001", 2)], None);
    let cancelling = sale.cancelling(Cancels { attempt: 1, placed: 5, decision: "d".into() });
    let verdict = decide_one(&cancelling, Lookup::Found(sold(&[("P001", 1)])), Lookup::Unknown);
    let Verdict::Kept(refusal) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(refusal.code(), "exceeds_sale");
    let verdict = decide_one(&cancelling, Lookup::Found(sold(&[])), Lookup::Unknown);
    assert!(matches!(verdict, Verdict::Cancelled { .. }), "{verdict:?}");
}

#[test]
fn a_decision_ends_before_what_changes_a_sale_again() {
    let back = |id: &str| order(id, &[("P001", -4)], Some("S"));
    let sale = order("S", &[("P001", 4), ("P002", 2), ("P001", 2)], None);
    let cancelling = sale.cancelling(Cancels { attempt: 1, placed: 5, decision: "d".into() });
    let other = order("R3", &[("P001", -4)], Some("T"));
    for (orders, expected) in [
        (vec![back("R1"), back("R2")], 1),
        (vec![cancelling.clone(), back("R1")], 1),
        (vec![back("R1"), cancelling], 1),
        (vec![sale, back("R1")], 1),
        (vec![back("R1"), other], 2),
    ] {
        let data = orders.iter().map(|order| serde_json::value::to_raw_value(order).unwrap());
        let data: Vec<_> = data.collect();
        let inputs: Vec<_> = (8..)
            .zip(&data)
            .map(|(sequence, data)| Input {
                looked: Lookup::Found(sold(&[])),
                sale: Lookup::Found(sold(&[])),
                ..input(sequence, data)
            })
            .collect();
        assert_eq!(decide_all(&State::seeded().stock, &inputs).outcomes.len(), expected);
    }
}

#[test]
fn a_sale_is_looked_up_for_its_returns_and_for_nothing_else() {
    let unknown = |order: &Order| {
        let data = serde_json::value::to_raw_value(order).unwrap();
        let input = Input { looked: Lookup::Unknown, sale: Lookup::Unknown, ..input(1, &data) };
        decide(&State::seeded().stock, &WarehouseId::main(), &[input], usize::MAX).is_err()
    };
    assert!(unknown(&order("R", &[("P001", -1)], Some("S"))));
    assert!(
        !unknown(&order("R", &[("P001", -1)], None)) && !unknown(&order("S", &[("P001", 1)], None))
    );
}

#[test]
fn what_names_no_sale_that_can_be_is_no_order() {
    let read = |json| raw::read(&json, None).unwrap_err()[0].to_string();
    let line =
        |quantity| json!({"order_id": "R", "product": "A", "quantity": quantity, "price": 1});
    let with = |quantity, sale| {
        let mut json = line(quantity);
        json["returns"] = sale;
        json
    };
    let above = "returns: names a sale that is returned, but the quantities are above zero";
    assert_eq!(read(with(1, json!("S"))), above);
    assert_eq!(read(with(-1, json!("R"))), "returns: is the return itself; name the sale");
    assert!(read(with(-1, json!([]))).starts_with("returns: is a list"));
    assert_eq!(raw::read(&with(-1, json!(7)), None).unwrap().returns.unwrap().as_str(), "7");
    let mut placed = order("S", &[("P001", 1)], None);
    placed.returns = Some(OrderId::parse("X").unwrap());
    assert!(placed.problem().unwrap().starts_with("returns names a sale"));
}
