//! What becomes of lines of files.

use super::*;
use crate::OrderId;
use crate::charge::ChargeRow;
use crate::partner::Column;

fn line<'a>(order_id: &'a str, customer_id: &'a str, at: i64, quantity: i64) -> LineFacts<'a> {
    let unit_price = Money::parse("1.5").unwrap();
    let text_bytes = 10;
    LineFacts {
        order_id,
        customer_id,
        ordered_at: at,
        quantity,
        unit_price,
        text_bytes,
        extra: None,
    }
}

fn add_all(orders: &mut Orders, lines: &[LineFacts<'_>]) {
    for line in lines {
        orders.add(*line).unwrap();
    }
}

#[track_caller]
fn check(rules: &Rules, lines: &[LineFacts<'_>], bad: &[&str], expected: &str) {
    let mut orders = Orders::new(rules, ORDERS_MAX);
    add_all(&mut orders, lines);
    bad.iter().for_each(|id| orders.add_bad_line(id).unwrap());
    let verdict = match orders.verdict("A") {
        Some(Ok(order)) => {
            let Assembled { kind, rows, ordered_at, .. } = order;
            format!("{kind:?} {rows} {ordered_at} {}", order.total())
        }
        Some(Err(fault)) => format!("{fault:?}"),
        None => "nothing".into(),
    };
    assert_eq!(verdict, expected);
}

#[test]
fn lines_of_one_order_belong_together_wherever_they_stand() {
    let lines = [line("A", "c", 5, 1), line("B", "d", 1, 1), line("A", "c", 3, 2)];
    check(&Rules::default(), &lines, &[], "Sale 2 3 4.50");
    check(&Rules::default(), &[line("A", "c", 5, -2)], &[], "Return 1 5 -3.00");
    check(&Rules::default(), &[], &["A"], "nothing");
}

#[test]
fn lines_that_contradict_each_other_make_no_order() {
    let rules = Rules::default();
    check(&rules, &[line("A", "c", 1, 1), line("A", "d", 1, 1)], &[], "CustomersDiffer");
    check(&rules, &[line("A", "c", 1, 1), line("A", "c", 1, -1)], &[], "MixedSigns");
    check(&rules, &vec![line("A", "c", 1, 1); LINES_MAX + 1], &[], "TooLarge");
    let large = LineFacts { text_bytes: 1_500, ..line("A", "c", 1, 1) };
    check(&rules, &vec![large; 200], &[], "TooLarge");
    check(&rules, &[line("A", "c", 1, 600_000_000)], &[], "Sale 1 1 900000000.00");
    check(&rules, &[line("A", "c", 1, 700_000_000)], &[], "TotalTooLarge");
    check(&rules, &[line("A", "c", 1, -400_000_000); 2], &[], "TotalTooLarge");
}

#[test]
fn a_bad_line_rejects_its_order_where_the_partner_wants_all_or_nothing() {
    check(&Rules::default(), &[line("A", "c", 1, 1)], &["A"], "BadLine");
    check(&Rules::default(), &[line("A", "c", 1, 1)], &["B"], "Sale 1 1 1.50");
    let rules = Rules { on_bad_line: OnBadLine::DropLine, ..Rules::default() };
    check(&rules, &[line("A", "c", 1, 1)], &["A"], "Sale 1 1 1.50");
}

#[test]
fn the_prefix_and_the_sign_of_a_return_agree() {
    let rules = Rules { return_prefix: Some("A".into()), ..Rules::default() };
    check(&rules, &[line("A", "c", 1, -1)], &[], "Return 1 1 -1.50");
    check(&rules, &[line("A", "c", 1, 1)], &[], "WrongSign");
    let rules = Rules { return_prefix: Some("C".into()), ..Rules::default() };
    check(&rules, &[line("A", "c", 1, -1)], &[], "WrongSign");
}

#[test]
fn totals_count_what_becomes_of_the_orders() {
    let mut orders = Orders::new(&Rules::default(), ORDERS_MAX);
    for line in [line("A", "c", 1, 2), line("B", "c", 1, -1), line("C", "c", 1, 1)] {
        orders.add(line).unwrap();
    }
    orders.add_bad_line("C").unwrap();
    let totals = orders.totals();
    assert_eq!((totals.sales, totals.returns, totals.rejected), (1, 1, 1));
    assert_eq!(totals.sales_total.to_string(), "3.00");
    assert_eq!(totals.returns_total.to_string(), "-1.50");
}

#[test]
fn an_order_of_which_no_line_was_accepted_is_rejected() {
    for on_bad_line in [OnBadLine::RejectOrder, OnBadLine::DropLine] {
        let mut orders = Orders::new(&Rules { on_bad_line, ..Rules::default() }, ORDERS_MAX);
        // Before, and behind, the line that makes "B" an order.
        for id in ["A", "A", "B"] {
            orders.add_bad_line(id).unwrap();
        }
        orders.add(line("B", "c", 1, 1)).unwrap();
        orders.add_bad_line("B").unwrap();
        let totals = orders.totals();
        let expected = match on_bad_line {
            OnBadLine::RejectOrder => (0, 2),
            OnBadLine::DropLine => (1, 1),
        };
        assert_eq!((totals.sales, totals.rejected), expected);
    }
}

#[test]
fn a_file_may_have_as_many_orders_as_the_limit_says() {
    let mut orders = Orders::new(&Rules::default(), 2);
    for id in ["A", "B", "A", "B"] {
        orders.add(line(id, "c", 1, 1)).unwrap();
        orders.add_bad_line(id).unwrap();
    }
    let error = orders.add(line("C", "c", 1, 1)).unwrap_err();
    assert_eq!(error.to_string(), "the file has more than 2 orders");
    assert_eq!(orders.add_bad_line("C"), Err(error));
}

fn charge<'a>(order_id: &'a str, quantity: i64, price: &str, extra: &'a Extra) -> LineFacts<'a> {
    let unit_price = Money::parse(price).unwrap();
    LineFacts { unit_price, extra: Some(extra), ..line(order_id, "c", 1, quantity) }
}

fn row(charge: ChargeRow) -> Extra {
    Extra { charge: Some(charge), ..Extra::default() }
}

#[test]
fn rows_of_charges_are_part_of_the_total_and_no_lines() {
    let [shipping, coupon, tax] =
        [ChargeRow::Shipping, ChargeRow::Discount, ChargeRow::Tax].map(row);
    let rows = [
        charge("A", 1, "4.90", &shipping),
        line("A", "c", 1, 2),
        charge("A", 1, "-1.50", &coupon),
        charge("A", 1, "0.99", &tax),
    ];
    let rules = Rules::default();
    check(&rules, &rows, &[], "Sale 4 1 6.40");
    let mut orders = Orders::new(&rules, ORDERS_MAX);
    add_all(&mut orders, &rows);
    let totals = orders.totals();
    assert_eq!(totals.sales_total.to_string(), "6.40");
    let amount = |text: &str| Money::parse(text).unwrap();
    let expected =
        [(ChargeKind::Shipping, amount("4.90")), (ChargeKind::Discount, amount("-1.50"))];
    assert_eq!(totals.charges, expected.into());
    let order = orders.verdict("A").unwrap().unwrap();
    assert_eq!(order.tax_given(), Some(amount("0.99")));
    // A sale may have a charge with the sign of a return, and the other way round.
    check(
        &rules,
        &[line("A", "c", 1, -4), charge("A", 1, "2", &row(ChargeRow::Fee))],
        &[],
        "Return 2 1 -4.00",
    );
    check(
        &rules,
        &[line("A", "c", 1, -4), charge("A", -1, "-2", &coupon)],
        &[],
        "Return 2 1 -4.00",
    );
}

#[test]
fn charges_in_columns_count_once_for_their_order() {
    let amount = |text: &str| Some(Money::parse(text).unwrap());
    let said = Extra {
        shipping: amount("5"),
        discount: amount("1"),
        tax_given: amount("0.2"),
        ..Extra::default()
    };
    let rules = Rules::default();
    let rows = [charge("A", 2, "1.50", &said), charge("A", 1, "1.50", &said), line("A", "c", 1, 1)];
    check(&rules, &rows, &[], "Sale 3 1 10.00");
    let other = Extra { shipping: amount("6"), ..Extra::default() };
    check(&rules, &[rows[0], charge("A", 1, "1.50", &other)], &[], "ValuesDiffer");
    // Taken off a return as well: less is given back.
    let back = Extra { discount: amount("1"), ..Extra::default() };
    check(&rules, &[charge("A", -2, "1.50", &back)], &[], "Return 1 1 -2.00");
    let line_discount = Extra { line_discount: amount("0.50"), ..Extra::default() };
    check(&rules, &[charge("A", 2, "1.50", &line_discount)], &[], "Sale 1 1 2.50");
    check(&rules, &[charge("A", -2, "1.50", &line_discount)], &[], "Return 1 1 -2.50");
}

#[test]
fn charges_that_cannot_be_refuse_their_order() {
    let rules = Rules::default();
    let [coupon, shipping] = [ChargeRow::Discount, ChargeRow::Shipping].map(row);
    check(&rules, &[charge("A", 1, "5", &shipping)], &[], "NoLines");
    check(&rules, &[line("A", "c", 1, 2), charge("A", 1, "1", &coupon)], &[], "DiscountAdds");
    check(&rules, &[line("A", "c", 1, -2), charge("A", 1, "-1", &coupon)], &[], "DiscountAdds");
    check(&rules, &[line("A", "c", 1, 2), charge("A", 1, "-3.01", &coupon)], &[], "BelowNothing");
    let many = vec![charge("A", 1, "1", &shipping); 101];
    check(&rules, &[&[line("A", "c", 1, 1)], &many[..]].concat(), &[], "TooLarge");
    let large = charge("A", 1, "600000000", &shipping);
    check(&rules, &[line("A", "c", 1, 1), large, large], &[], "TotalTooLarge");
    // Rows of charges may leave the customer out, but not name another one.
    let nobody = LineFacts { customer_id: "", ..charge("A", 1, "5", &shipping) };
    check(&rules, &[nobody, line("A", "c", 1, 2)], &[], "Sale 2 1 8.00");
    check(&rules, &[line("A", "c", 1, 2), nobody], &[], "Sale 2 1 8.00");
    let other = LineFacts { customer_id: "d", ..nobody };
    check(&rules, &[line("A", "c", 1, 2), other], &[], "CustomersDiffer");
}

fn said(texts: &[(Column, &str)]) -> Extra {
    let person = texts.iter().map(|(column, text)| (*column, (*text).to_owned())).collect();
    Extra { person, ..Extra::default() }
}

#[test]
fn rows_say_the_same_of_a_person_or_one_row_says_it() {
    let rules = Rules::default();
    let with = |extra| LineFacts { extra: Some(extra), ..line("A", "c", 1, 1) };
    let name = said(&[(Column::Name, "Ana")]);
    let more = said(&[(Column::Name, "Ana"), (Column::Email, "a@b.c")]);
    let other = said(&[(Column::Name, "Bob")]);
    let plain = line("A", "c", 1, 1);
    check(&rules, &[plain, with(&name), with(&more), plain], &[], "Sale 4 1 6.00");
    check(&rules, &[with(&name), plain, with(&other)], &[], "PersonsDiffer");
    // Another order may have another person.
    let of_b = LineFacts { order_id: "B", ..with(&other) };
    check(&rules, &[with(&name), of_b], &[], "Sale 1 1 1.50");
    let street = said(&[(Column::BillingStreet, "1 rue"), (Column::BillingCity, "Paris")]);
    let country = said(&[(Column::BillingCountry, "FR")]);
    check(&rules, &[with(&street), with(&country)], &[], "Sale 2 1 3.00");
    check(&rules, &[with(&street)], &[], "AddressIncomplete");
    check(&rules, &[with(&country)], &[], "AddressIncomplete");
}

#[test]
fn only_the_first_row_that_fills_a_column_is_needed_again() {
    let mut orders = Orders::new(&Rules::default(), ORDERS_MAX);
    let plain = orders.bytes();
    let more = said(&[(Column::Name, "Ana"), (Column::Email, "a@b.c")]);
    let name = said(&[(Column::Name, "Ana")]);
    let mut add = |extra| orders.add(LineFacts { extra, ..line("A", "c", 1, 1) }).unwrap();
    assert_eq!(add(None), Firsts::default());
    let first = add(Some(&name));
    assert!(first.has(Column::Name) && !first.has(Column::Email));
    let second = add(Some(&more));
    assert!(!second.has(Column::Name) && second.has(Column::Email));
    assert_eq!(add(Some(&more)), Firsts::default());
    assert_eq!(orders.bytes() - plain, 160 + 320 + 160, "however many rows say it");
}

#[test]
fn a_return_names_another_order_and_a_sale_names_none() {
    let rules = Rules::default();
    let names =
        |sale: &str| Extra { returns: Some(OrderId::parse(sale).unwrap()), ..Extra::default() };
    let (sale, other, itself) = (names("S"), names("T"), names("A"));
    let row = |quantity, extra| LineFacts { extra: Some(extra), ..line("A", "c", 1, quantity) };
    check(&rules, &[row(-1, &sale), line("A", "c", 1, -1)], &[], "Return 2 1 -3.00");
    check(&rules, &[row(-1, &sale), row(-1, &other)], &[], "ValuesDiffer");
    check(&rules, &[row(1, &sale)], &[], "ReturnsWrong");
    check(&rules, &[row(-1, &itself)], &[], "ReturnsWrong");
}

#[test]
fn what_is_said_in_a_thousand_rows_counts_once_for_the_size_of_the_order() {
    let long = "x".repeat(300);
    let person = said(&[(Column::Name, &long), (Column::Company, &long)]);
    let row = LineFacts { extra: Some(&person), ..line("A", "c", 1, 1) };
    check(&Rules::default(), &vec![row; LINES_MAX], &[], "Sale 1000 1 1500.00");
}
