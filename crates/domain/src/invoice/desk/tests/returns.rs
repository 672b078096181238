//! What comes back of a sale, and what is left of it.

use super::*;

#[test]
fn a_return_credits_its_sale_by_the_rates_of_the_sale_and_the_last_one_takes_the_rest() {
    let mut shop = Shop::new("net");
    shop.sell(order("A1", &[("P1", 3, "0.99")]));
    assert_eq!(shop.last().totals.payable, money("3.56"), "2.97 and 0.59");
    // Rates that change behind the invoice do not count.
    shop.rates = TaxRates::default();
    for (id, left) in [("R1", "2.37"), ("R2", "1.18"), ("R3", "0.00")] {
        assert_eq!(shop.give_back(back(id, "A1", &[("P1", -1, "0.99")])), Outcome::Issued);
        assert_eq!(shop.of("A1").payable_left, money(left), "{id}");
    }
    assert_eq!(shop.last().totals.tax, money("0.19"), "the rest");
    assert_eq!(shop.of("A1").state, BalanceState::Credited);
    assert_eq!(shop.give_back(back("R3", "A1", &[("P1", -1, "0.99")])), Outcome::Nothing);
    assert_eq!(
        shop.give_back(back("R4", "A1", &[("P1", -1, "0.99")])),
        Outcome::Held(HeldCode::ExceedsInvoice)
    );
    assert!(shop.held("A1").starts_with(
        "1 pieces of P1 would be credited, and 0 are left of the invoice. Cancel the return"
    ));
    shop.check();
}

#[test]
fn a_return_that_gives_more_than_was_paid_is_held() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 2, "10")]));
    assert_eq!(
        shop.give_back(back("R1", "A1", &[("P1", -1, "25")])),
        Outcome::Held(HeldCode::ExceedsInvoice)
    );
    assert!(
        shop.held("A1").contains("25.00 would be credited, and 20.00 is left"),
        "{}",
        shop.held("A1")
    );
    // Less than was paid is the shop's own business.
    assert_eq!(shop.give_back(back("R2", "A1", &[("P1", -2, "7")])), Outcome::Issued);
    assert_eq!(shop.of("A1").payable_left, money("6"));
    shop.check();
}

#[test]
fn charges_are_taxed_and_returned_and_what_is_left_of_them_is_credited_by_a_cancellation() {
    let mut shop = Shop::new("gross");
    let shipping = |amount: &str| Charge {
        tax_category: Some(TaxCategory::parse("standard").unwrap()),
        ..Charge::new(ChargeKind::Shipping, money(amount))
    };
    let mut sale = order("A1", &[("P1", 2, "10"), ("P2", 1, "5")]);
    sale.lines[1].tax_category = Some(TaxCategory::parse("reduced").unwrap());
    sale.charges = vec![shipping("4.90"), Charge::new(ChargeKind::Discount, money("-5"))];
    assert_eq!(shop.sell(sale.clone()), Outcome::Issued);
    assert_eq!(shop.last().totals.payable, money("24.90"));
    let mut one = back("R1", "A1", &[("P1", -1, "10")]);
    one.charges = vec![shipping("-4.90"), Charge::new(ChargeKind::Fee, money("2"))];
    assert_eq!(shop.give_back(one), Outcome::Issued);
    assert_eq!(shop.last().totals.payable, money("12.90"));
    assert_eq!(shop.decide(HeldWhat::Cancellation, sale), Outcome::Issued);
    assert_eq!((shop.last().totals.payable, shop.of("A1").open), (money("12"), Money::ZERO));
    shop.check();
}

#[test]
fn what_is_left_beside_lines_is_shown_as_it_was_invoiced_and_adds_up() {
    let mut shop = Shop::new("gross");
    let mut sale = order("A1", &[("P1", 2, "10")]);
    let charge = |kind, amount: &str| Charge {
        tax_category: Some(TaxCategory::parse("standard").unwrap()),
        ..Charge::new(kind, money(amount))
    };
    sale.charges = vec![charge(ChargeKind::Shipping, "5"), charge(ChargeKind::Discount, "-6")];
    shop.sell(sale.clone());
    shop.give_back(back("R1", "A1", &[("P1", -1, "10")]));
    assert_eq!(shop.decide(HeldWhat::Cancellation, sale), Outcome::Issued);
    let document = shop.last();
    let kinds: Vec<_> = document.charges.iter().map(|charge| charge.kind).collect();
    assert_eq!(kinds, [ChargeKind::Shipping, ChargeKind::Discount]);
    let amounts = document.lines.iter().map(|line| line.amount);
    let amounts = amounts.chain(document.charges.iter().map(|charge| charge.amount));
    assert_eq!(amounts.fold(Money::ZERO, plus), document.totals.payable);
    shop.check();
}

#[test]
fn a_cancelled_return_is_invoiced_again_and_can_come_back() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 2, "10")]));
    let one = back("R1", "A1", &[("P1", -1, "10")]);
    shop.give_back(one.clone());
    assert_eq!(shop.decide(HeldWhat::ReturnCancelled, one.clone()), Outcome::Issued);
    assert_eq!(shop.decide(HeldWhat::ReturnCancelled, one.clone()), Outcome::Nothing);
    assert_eq!((shop.of("A1").open, shop.of("A1").payable_left), (money("20"), money("20")));
    assert_eq!(shop.last().original.as_ref().unwrap().number, "A-main-C2026-000001");
    assert_eq!(shop.give_back(Order { attempt: 3, ..one }), Outcome::Issued);
    assert_eq!(shop.give_back(back("R2", "A1", &[("P1", -1, "10")])), Outcome::Issued);
    assert_eq!(shop.of("A1").payable_left, Money::ZERO);
    shop.check();
}

#[test]
fn a_return_without_a_sale_is_the_seller_s_choice() {
    let mut shop = Shop::new("gross");
    let alone = order("R1", &[("P1", -1, "10")]);
    assert_eq!(alone.kind, Kind::Return);
    assert_eq!(shop.give_back(alone.clone()), Outcome::Held(HeldCode::NoSale));
    assert_eq!(shop.decide(HeldWhat::ReturnCancelled, alone.clone()), Outcome::Nothing);
    assert_eq!(shop.of("R1").held, [], "it is cancelled, and waits for nothing");
    shop.seller().returns_without_sale = WithoutSale::Allow;
    assert_eq!(shop.give_back(Order { attempt: 3, ..alone }), Outcome::Issued);
    assert_eq!((shop.last().original.is_none(), shop.of("R1").open), (true, money("-10")));
    assert_eq!(shop.of("R1").state, BalanceState::Refund);
    shop.check();
}
