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
        shop.desk(&events, |desk| desk.retry(&account, &events, 1 << 20).outcomes)
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
fn a_return_that_was_tried_before_its_sale_waits_for_nothing_behind_it() {
    let mut shop = Shop::new("gross");
    shop.direct = None;
    let sold = shop.event(HeldWhat::Invoice, order("A1", &[("P1", 2, "10")]));
    let returned = shop.event(HeldWhat::Return, back("R1", "A1", &[("P1", -1, "10")]));
    let account = sold.account();
    for event in [&sold, &returned] {
        let outcome = shop.desk(std::slice::from_ref(event), |desk| desk.decide(event, 1 << 20));
        assert_eq!(outcome, Some(Outcome::NoSeller));
    }
    let retry = |shop: &mut Shop, events: &[Event]| {
        shop.desk(events, |desk| {
            (desk.retry(&account, events, 1 << 20).outcomes, desk.is_changed())
        })
    };
    let both = [sold, returned];
    assert_eq!(retry(&mut shop, &both), (vec![Outcome::NoSeller; 2], false));
    shop.direct = Some("ACME".into());
    // By itself, as a lane brings one that comes later.
    let held = Outcome::Held(HeldCode::NoOriginal);
    assert_eq!(retry(&mut shop, &both[1..]), (vec![held], true));
    assert_eq!(retry(&mut shop, &both[1..]), (vec![held], false), "nothing came of it");
    assert_eq!(retry(&mut shop, &both), (vec![Outcome::Issued; 2], true));
    assert_eq!((shop.of("A1").held.len(), shop.of("A1").open), (0, money("10")));
    assert_eq!(retry(&mut shop, &both), (vec![Outcome::Nothing; 2], false));
    shop.check();
}

#[test]
fn what_does_not_fit_into_an_entry_stays_held() {
    let mut shop = Shop::new("gross");
    let sale = category(order("A1", &[("P1", 9, "10")]), &["luxury"]);
    let mut events = vec![shop.event(HeldWhat::Invoice, sale)];
    for n in 0..9 {
        events
            .push(shop.event(HeldWhat::Return, back(&format!("R{n}"), "A1", &[("P1", -1, "10")])));
    }
    for event in &events {
        shop.desk(std::slice::from_ref(event), |desk| desk.decide(event, 1 << 20));
    }
    assert_eq!(shop.of("A1").held.len(), 10);
    let luxury = json!({"FR": {"luxury": [{"percent": 33, "valid-from": "2026-01-01"}]}});
    shop.rates = serde_json::from_value(luxury).unwrap();
    let mut turns = 0;
    while !shop.of("A1").held.is_empty() {
        let held = shop.of("A1").held.len();
        let retried = shop.desk(&events, |desk| desk.retry(&events[0].account(), &events, 12_000));
        assert!(shop.of("A1").held.len() < held);
        assert_eq!(retried.is_cut, !shop.of("A1").held.is_empty());
        turns += 1;
    }
    assert!(1 < turns);
    assert_eq!((shop.documents.len(), shop.of("A1").state), (10, BalanceState::Credited));
    shop.check();
}

#[test]
fn a_credit_note_that_waits_hides_nothing_that_is_open() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 2, "10")]));
    shop.give_back(back("R1", "A1", &[("P1", -1, "25")]));
    assert_eq!((shop.of("A1").held.len(), shop.of("A1").state), (1, BalanceState::Open));
    // The next attempt waits for its invoice: nobody can pay that.
    let next = Order { attempt: 3, ..category(order("A1", &[("P1", 2, "10")]), &["luxury"]) };
    shop.decide(HeldWhat::Cancellation, order("A1", &[("P1", 2, "10")]));
    shop.sell(next);
    assert_eq!(shop.of("A1").state, BalanceState::Held);
}

#[test]
fn no_day_of_issue_is_far_ahead() {
    let mut shop = Shop::new("gross");
    let now = shop.now;
    // A wrong time zone for a moment, and a clock that is corrected: the series has its last day until that comes.
    shop.now += chrono::TimeDelta::hours(40);
    shop.sell(order("A1", &[("P1", 1, "10")]));
    shop.now = now;
    assert_eq!(shop.sell(order("A2", &[("P1", 1, "10")])), Outcome::Issued);
    assert_eq!(shop.last().issued_on.to_string(), "2026-12-02");
    shop.now += chrono::TimeDelta::days(400);
    shop.sell(order("A3", &[("P1", 1, "10")]));
    shop.now = now;
    let held = Outcome::Held(HeldCode::SeriesAhead);
    assert_eq!(shop.sell(order("A4", &[("P1", 1, "10")])), held);
    let text = "the last number of the series was issued on 2028-01-04, and 2026-12-02 is the latest day that may be (48 \
                hours ahead of UTC): a clock was wrong then. Wait until that day is near, or give sellers.ACME.series-prefix \
                in partners.yml, \"A\", another value, then orderflow invoices retry DIRECT/A4";
    assert_eq!(shop.held("A4"), text);
    shop.seller().series_prefix = "B".into();
    assert_eq!(shop.sell(order("A4", &[("P1", 1, "10")])), Outcome::Issued);
    assert_eq!(shop.last().number, "B-main-2026-000001");
}

#[test]
fn a_sale_that_is_cancelled_while_it_waits_is_never_invoiced() {
    let mut shop = Shop::new("gross");
    let sale = category(order("A1", &[("P1", 2, "10")]), &["luxury"]);
    shop.sell(sale.clone());
    assert_eq!(shop.decide(HeldWhat::Cancellation, sale), Outcome::Nothing);
    assert_eq!((shop.of("A1").held.len(), shop.documents.len()), (0, 0));
}
