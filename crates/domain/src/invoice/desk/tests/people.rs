//! Payments, and credit by hand.

use super::*;

#[test]
fn payments_are_known_by_their_references_and_nobody_pays_too_much_in_error() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 2, "10")]));
    let account = shop.last().account();
    let number = shop.last().number.clone();
    let mut pay = |amount: &str, reference: &str| {
        let payment = Payment {
            document: number.clone(),
            amount: money(amount),
            paid_on: "2026-12-01".parse().unwrap(),
            reference: reference.into(),
            by: None,
        };
        let balance = shop.balances.get(&account).cloned();
        let done = shop.desk(&[], |desk| {
            desk.know_balance(account.clone(), balance);
            desk.pay(&account, payment)
        });
        (done.map_err(|refused| refused.0), shop.of("A1").open.to_string(), shop.of("A1").state)
    };
    assert_eq!(pay("5", "b-1"), (Ok(true), "15.00".into(), BalanceState::PartlyPaid));
    assert_eq!(pay("5", "b-1"), (Ok(false), "15.00".into(), BalanceState::PartlyPaid));
    let (refused, ..) = pay("6", "b-1");
    assert!(refused.unwrap_err().contains("was recorded before, with 5.00 of 2026-12-01"));
    assert_eq!(pay("15", "b-2"), (Ok(true), "0.00".into(), BalanceState::Paid));
    assert_eq!(pay("1", "b-3"), (Ok(true), "-1.00".into(), BalanceState::Refund));
    assert_eq!(pay("-1", "b-4"), (Ok(true), "0.00".into(), BalanceState::Paid));
}

#[test]
fn an_invoice_is_credited_by_hand_as_a_whole_or_by_pieces() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 3, "10"), ("P2", 1, "5")]));
    let invoice = shop.last().clone();
    let mut credit = |what: CreditWhat| {
        let balance = shop.balances.get(&invoice.account()).cloned();
        let made = shop.desk(&[], |desk| {
            desk.know_balance(invoice.account(), balance);
            desk.credit_by_hand(&invoice, &what, "broken")
        });
        shop.check();
        made.map(|made| (made.number, made.totals.payable.to_string())).map_err(|it| it.0)
    };
    let pieces = |count| CreditWhat::Pieces([(ProductId::parse("P1").unwrap(), count)].into());
    assert_eq!(credit(pieces(1)), Ok(("A-main-C2026-000001".into(), "10.00".into())));
    let refused = "3 pieces of P1 would be credited, and 2 are left of the invoice";
    assert_eq!(credit(pieces(3)), Err(refused.into()));
    assert_eq!(credit(CreditWhat::Rest), Ok(("A-main-C2026-000002".into(), "25.00".into())));
    let refused = "nothing is left of A-main-2026-000001 to be credited";
    assert_eq!(credit(CreditWhat::Rest), Err(refused.into()));
}
