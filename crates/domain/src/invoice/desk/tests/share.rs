//! Pieces of an order with charges and discounts.

use super::*;
use proptest::prelude::*;

fn pieces(wanted: &[(&str, i64)]) -> CreditWhat {
    let product = |id: &str| ProductId::parse(id).unwrap();
    CreditWhat::Pieces(wanted.iter().map(|(id, count)| (product(id), *count)).collect())
}

impl Shop {
    /// Credits the invoice of an order by hand; gives what is paid back.
    fn credit(&mut self, id: &str, what: &CreditWhat) -> Result<String, String> {
        let account = (PartnerId::direct(), OrderId::parse(id).unwrap());
        let balance = self.balances.get(&account).cloned();
        let number = balance.as_ref().and_then(|it| it.invoice.clone()).unwrap();
        let invoice = self.documents.iter().find(|it| it.number == number).unwrap().clone();
        let made = self.desk(&[], |desk| {
            desk.know_balance(account, balance);
            desk.credit_by_hand(&invoice, what, "broken")
        });
        self.check();
        made.map(|made| made.totals.payable.to_string()).map_err(|refused| refused.0)
    }

    fn kinds(&self) -> Vec<(ChargeKind, String)> {
        let charges = self.last().charges.iter();
        charges.map(|charge| (charge.kind, charge.amount.to_string())).collect()
    }
}

#[test]
fn pieces_have_their_share_of_a_coupon_and_of_shipping() {
    for prices in ["gross", "net"] {
        let mut shop = Shop::new(prices);
        let mut sale = order("A1", &[("P1", 2, "60"), ("P2", 1, "30")]);
        sale.charges = vec![
            Charge::new(ChargeKind::Discount, money("-100")),
            Charge::new(ChargeKind::Shipping, money("5")),
        ];
        shop.sell(sale);
        let whole = shop.last().totals.payable;
        assert!(shop.credit("A1", &pieces(&[("P1", 1)])).is_ok());
        let shared =
            [(ChargeKind::Discount, "-40.00".into()), (ChargeKind::Shipping, "2.00".into())];
        assert_eq!(shop.kinds(), shared);
        assert!(shop.credit("A1", &pieces(&[("P1", 1)])).is_ok());
        assert_eq!(shop.kinds(), shared);
        assert!(shop.credit("A1", &pieces(&[("P2", 1)])).is_ok());
        let shared =
            [(ChargeKind::Discount, "-20.00".into()), (ChargeKind::Shipping, "1.00".into())];
        assert_eq!(shop.kinds(), shared);
        assert_eq!((shop.of("A1").credited, shop.of("A1").payable_left), (whole, Money::ZERO));
    }
}

#[test]
fn prices_with_tax_are_given_back_as_they_were_paid() {
    let mut shop = Shop::new("gross");
    shop.sell(order("A1", &[("P1", 3, "19.99")]));
    for _ in 0..3 {
        assert_eq!(shop.credit("A1", &pieces(&[("P1", 1)])).as_deref(), Ok("19.99"));
    }
    // A thousand pieces for a third of a cent each.
    let mut sale = order("A2", &[("P1", 1_000, "1")]);
    sale.lines[0].discount = Some(money("996.67"));
    shop.sell(sale);
    assert_eq!(shop.credit("A2", &pieces(&[("P1", 500)])).as_deref(), Ok("1.66"));
    assert_eq!(shop.credit("A2", &pieces(&[("P1", 500)])).as_deref(), Ok("1.67"));
}

#[test]
fn a_return_at_the_sale_s_prices_has_its_share_of_the_coupon_and_one_at_others_has_not() {
    let mut shop = Shop::new("gross");
    let sale = |id: &str| {
        let mut sale = order(id, &[("P1", 2, "100")]);
        sale.charges = vec![
            Charge::new(ChargeKind::Discount, money("-100.01")),
            Charge::new(ChargeKind::Shipping, money("5")),
        ];
        sale
    };
    shop.sell(sale("A1"));
    assert_eq!(shop.give_back(back("R1", "A1", &[("P1", -1, "100")])), Outcome::Issued);
    assert_eq!(shop.last().totals.payable, money("49.99"));
    assert_eq!(shop.give_back(back("R2", "A1", &[("P1", -1, "100")])), Outcome::Issued);
    assert_eq!(shop.of("A1").payable_left, money("5"), "the shipping");
    assert_eq!(shop.decide(HeldWhat::Cancellation, sale("A1")), Outcome::Issued);
    assert_eq!(shop.kinds(), [(ChargeKind::Shipping, "5.00".into())]);
    // Who names another price means what is given back.
    shop.sell(sale("A2"));
    assert_eq!(shop.give_back(back("R3", "A2", &[("P1", -1, "50")])), Outcome::Issued);
    assert_eq!(shop.last().totals.payable, money("50"));
    shop.check();
}

#[test]
fn a_rate_below_zero_and_one_without_lines_are_shared_too() {
    let mut shop = Shop::new("gross");
    let of = |kind, amount: &str, category: &str| Charge {
        tax_category: Some(TaxCategory::parse(category).unwrap()),
        ..Charge::new(kind, money(amount))
    };
    let mut sale =
        category(order("A1", &[("P1", 1, "10"), ("P2", 1, "1")]), &["standard", "reduced"]);
    sale.charges = vec![of(ChargeKind::Discount, "-8", "reduced")];
    shop.sell(sale);
    shop.credit("A1", &pieces(&[("P1", 1)])).unwrap();
    shop.credit("A1", &pieces(&[("P2", 1)])).unwrap();
    assert_eq!(shop.of("A1").payable_left, Money::ZERO);
    let mut sale = order("A2", &[("P1", 4, "10")]);
    sale.charges = vec![of(ChargeKind::Shipping, "4", "reduced")];
    shop.sell(sale);
    assert_eq!(shop.credit("A2", &pieces(&[("P1", 1)])).as_deref(), Ok("11.00"));
    assert_eq!(shop.kinds(), [(ChargeKind::Shipping, "1.00".into())]);
}

#[test]
fn the_largest_amounts_are_shared_too() {
    for prices in ["gross", "net"] {
        let mut shop = Shop::new(prices);
        let mut sale = order("A1", &[("P1", 90, "10000000"), ("P2", 1, "0.01")]);
        sale.charges = vec![Charge::new(ChargeKind::Discount, money("-100000000"))];
        assert_eq!(shop.sell(sale), Outcome::Issued);
        let whole = shop.last().totals.payable;
        for (product, count) in [("P1", 1), ("P2", 1), ("P1", 89)] {
            shop.credit("A1", &pieces(&[(product, count)])).unwrap();
        }
        assert_eq!((shop.of("A1").credited, shop.of("A1").payable_left), (whole, Money::ZERO));
    }
}

proptest! {
    /// Whatever is credited piece by piece, by hand or by returns at the sale's prices: nothing is refused as long as
    /// pieces are left, no rate is credited beyond what it has, and all of it is the invoice.
    #[test]
    fn credit_notes_by_pieces_add_up_to_the_invoice(
        net in any::<bool>(),
        decimals in prop::sample::select(vec!["EUR", "JPY", "KWD"]),
        lines in prop::collection::vec((1..5_i64, 0..300_000_i64, any::<bool>(), 0..3_i64), 1..5),
        charges in prop::collection::vec((-30_000..30_000_i64, 0..3_u8), 0..4),
        steps in prop::collection::vec((0..5_usize, 1..3_i64, any::<bool>()), 0..20),
        by_pieces in any::<bool>(),
    ) {
        let mut shop = Shop::new(if net { "net" } else { "gross" });
        shop.seller().currency = decimals.into();
        let step = shop_step(decimals);
        let of_line = |index: usize, quantity: i64| {
            let (sold, price, reduced, off) = lines[index];
            let mut one = order("A1", &[(&format!("P{index}"), quantity, "1")]).lines.remove(0);
            one.unit_price = Money::from_units(price - price % step);
            let off = (price - price % step) / 4 * off;
            one.discount = (0 < off && quantity == sold).then(|| Money::from_units(off));
            one.tax_category = reduced.then(|| TaxCategory::parse("reduced").unwrap());
            one
        };
        let mut sale = order("A1", &[("P", 1, "1")]);
        sale.currency = decimals.into();
        sale.lines = (0..lines.len()).map(|index| of_line(index, lines[index].0)).collect();
        let total: i64 = sale.lines.iter().map(|line| line.total().unwrap().units()).sum();
        let mut off = 0;
        for (amount, category) in &charges {
            // An order is not below zero.
            let amount = (amount - amount % step).max(-(total + off) / step * step);
            off += amount;
            let category = ["standard", "reduced"].get(usize::from(*category));
            sale.charges.push(Charge {
                tax_category: category.map(|name| TaxCategory::parse(name).unwrap()),
                ..Charge::new(ChargeKind::Other, Money::from_units(amount))
            });
        }
        prop_assert_eq!(shop.sell(sale.clone()), Outcome::Issued);
        let invoiced = shop.last().totals.payable;
        prop_assume!(Money::ZERO <= invoiced);
        for (number, (index, count, is_return)) in steps.iter().enumerate() {
            let (index, product) = (index % lines.len(), format!("P{}", index % lines.len()));
            let gone = shop.of("A1").returned.get(&ProductId::parse(&product).unwrap()).copied();
            if lines[index].0 < gone.unwrap_or(0) + count || !shop.of("A1").has_rest() {
                continue;
            }
            // Without a discount of its own: with one, the sender says what comes back.
            if *is_return && lines[index].3 == 0 && charges.iter().all(|it| it.0 <= 0) && !by_pieces {
                let mut one = back(&format!("R{number}"), "A1", &[("P", -1, "1")]);
                one.currency = decimals.into();
                one.lines = vec![of_line(index, -count)];
                let of_line = format!("{:?}", one.lines);
                let done = shop.give_back(one);
                prop_assert_eq!(done, Outcome::Issued, "{} {}", of_line, shop.held("A1"));
            } else {
                let done = shop.credit("A1", &pieces(&[(&product, *count)]));
                prop_assert!(done.is_ok(), "{:?}", done);
            }
            let balance = shop.of("A1");
            prop_assert!(Money::ZERO <= balance.payable_left && balance.payable_left <= invoiced);
            if by_pieces {
                for credit in shop.documents.iter().skip(1) {
                    prop_assert!(credit.taxes.iter().all(|tax| is_near(tax, step)), "{:?}", credit);
                }
            }
        }
        for (index, (sold, ..)) in lines.iter().enumerate() {
            let product = format!("P{index}");
            let gone = shop.of("A1").returned.get(&ProductId::parse(&product).unwrap()).copied();
            let left = sold - gone.unwrap_or(0);
            if 0 < left && shop.of("A1").has_rest() {
                prop_assert!(shop.credit("A1", &pieces(&[(&product, left)])).is_ok());
            }
        }
        shop.check();
        let balance = shop.of("A1");
        prop_assert_eq!((balance.credited, balance.payable_left), (invoiced, Money::ZERO));
        prop_assert!(balance.left.iter().all(|left| (left.base, left.amount) == (Money::ZERO, Money::ZERO)));
    }
}

fn shop_step(currency: &str) -> i64 {
    crate::invoice::step(crate::Currency::parse(currency).unwrap().decimals())
}

/// Is the tax that of the base, but for two steps?
fn is_near(tax: &TaxTotal, step: i64) -> bool {
    let exact = i128::from(tax.base.units()) * i128::from(tax.tax.percent.value().units());
    let exact = exact / (100 * i128::from(crate::money::SCALE));
    (i128::from(tax.amount.units()) - exact).abs() <= 2 * i128::from(step)
}
