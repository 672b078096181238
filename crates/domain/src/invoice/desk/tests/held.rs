//! What cannot be issued, and what becomes of it.

use super::*;

/// What a sale is held for, and the text.
#[track_caller]
fn held(shop: &mut Shop, sale: Order, code: HeldCode, text: &str) {
    let id = sale.order_id.to_string();
    assert_eq!(shop.sell(sale), Outcome::Held(code));
    assert_eq!(shop.held(&id), text);
    assert_eq!(shop.of(&id).state, BalanceState::Held);
}

#[test]
fn what_cannot_be_invoiced_waits_and_says_what_to_do() {
    let mut shop = Shop::new("gross");
    let sale = |id: &str| order(id, &[("P1", 1, "10"), ("P2", 1, "10")]);
    held(
        &mut shop,
        category(sale("A1"), &["standard", "luxury"]),
        HeldCode::NoRate,
        "lines[1] has the tax category \"luxury\"; no rate of it holds on 2026-11-30 in FR. Add it under tax-rates.FR in \
         partners.yml, then orderflow invoices retry DIRECT/A1",
    );
    held(
        &mut shop,
        category(sale("A2"), &["reverse"]),
        HeldCode::NoVatNumber,
        "tax-rates.FR.reverse has the code AE, which needs the VAT numbers of seller and buyer; the order names no VAT \
         number of the buyer. Add it, or cancel the order and place it with another tax category; then orderflow \
         invoices retry DIRECT/A2",
    );
    held(
        &mut shop,
        category(sale("A3"), &["exempt", "other-exempt"]),
        HeldCode::TwoReasons,
        "tax-rates.FR.other-exempt in partners.yml has another reason for the code E than another rate of this order; a \
         document has one for each code. Make them the same, then orderflow invoices retry DIRECT/A3",
    );
    held(
        &mut shop,
        Order { currency: "USD".into(), ..sale("A4") },
        HeldCode::Currency,
        "the order is in USD, and the seller ACME sells in EUR (sellers.ACME.currency in partners.yml). Name a seller \
         with that currency in direct.seller, then orderflow invoices retry DIRECT/A4",
    );
    // None of them took a number.
    assert_eq!(shop.sell(sale("A5")), Outcome::Issued);
    assert_eq!(shop.numbers(), ["A-main-2026-000001"]);
    shop.direct = None;
    assert_eq!(shop.sell(sale("A6")), Outcome::NoSeller);
    shop.check();
}

#[test]
fn what_was_held_is_decided_again_by_the_configuration_of_now() {
    let mut shop = Shop::new("gross");
    let sale = category(order("A1", &[("P1", 2, "10")]), &["luxury"]);
    let sold = shop.event(HeldWhat::Invoice, sale);
    let returned = shop.event(HeldWhat::Return, back("R1", "A1", &[("P1", -1, "10")]));
    let events = [sold, returned];
    for event in &events {
        shop.desk(std::slice::from_ref(event), |desk| desk.decide(event, 1 << 20));
    }
    let since = shop.now;
    shop.now += chrono::TimeDelta::days(1);
    let account = events[0].account();
    let again = |shop: &mut Shop| {
        let all: Vec<_> = events.iter().cloned().map(Some).collect();
        shop.desk(&events, |desk| desk.retry(&account, &all, 1 << 20))
    };
    let still = [Outcome::Held(HeldCode::NoRate), Outcome::Held(HeldCode::NoOriginal)];
    assert_eq!(again(&mut shop), still);
    assert!(shop.of("A1").held.iter().all(|held| held.since == since));
    let luxury = json!({"FR": {"luxury": [{"percent": 33, "valid-from": "2026-01-01"}]}});
    shop.rates = serde_json::from_value(luxury).unwrap();
    assert_eq!(again(&mut shop), [Outcome::Issued, Outcome::Issued]);
    assert_eq!((shop.of("A1").held.len(), shop.of("A1").open), (0, money("10")));
    shop.check();
}

#[test]
fn a_sale_that_is_cancelled_while_it_waits_is_never_invoiced() {
    let mut shop = Shop::new("gross");
    let sale = category(order("A1", &[("P1", 2, "10")]), &["luxury"]);
    shop.sell(sale.clone());
    assert_eq!(shop.decide(HeldWhat::Cancellation, sale), Outcome::Nothing);
    assert_eq!((shop.of("A1").held.len(), shop.documents.len()), (0, 0));
}
