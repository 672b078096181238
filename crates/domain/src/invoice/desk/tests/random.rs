//! Random sales and returns.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn whatever_comes_back_no_more_is_credited_than_was_invoiced(
        net in any::<bool>(),
        lines in prop::collection::vec((1..4_i64, 0..99_999_i64, any::<bool>()), 1..5),
        returns in prop::collection::vec((0..5_usize, 1..3_i64), 0..12),
        cancelled in any::<bool>(),
    ) {
        let mut shop = Shop::new(if net { "net" } else { "gross" });
        let of_line = |index: usize, quantity: i64| {
            let (_, price, reduced) = lines[index];
            let mut one = order("A1", &[(&format!("P{index}"), quantity, "1")]).lines.remove(0);
            one.unit_price = Money::from_units(price);
            one.tax_category = reduced.then(|| TaxCategory::parse("reduced").unwrap());
            one
        };
        let mut sale = order("A1", &[("P", 1, "1")]);
        sale.lines = (0..lines.len()).map(|index| of_line(index, lines[index].0)).collect();
        prop_assert_eq!(shop.sell(sale.clone()), Outcome::Issued);
        let invoiced = shop.last().totals.payable;
        for (number, (index, pieces)) in returns.iter().enumerate() {
            let index = index % lines.len();
            let mut one = back(&format!("R{number}"), "A1", &[("P", -1, "1")]);
            one.lines = vec![of_line(index, -pieces)];
            let left = shop.of("A1").returned.get(&one.lines[0].product_id).copied();
            let fits = left.unwrap_or(0) + pieces <= lines[index].0;
            let expected = if fits { Outcome::Issued } else { Outcome::Held(HeldCode::ExceedsInvoice) };
            prop_assert_eq!(shop.give_back(one), expected);
        }
        if cancelled {
            shop.decide(HeldWhat::Cancellation, sale);
        }
        shop.check();
        let balance = shop.of("A1");
        let all = (0..lines.len()).all(|index| {
            let product = ProductId::parse(&format!("P{index}")).unwrap();
            balance.returned.get(&product) == Some(&lines[index].0)
        });
        prop_assert!(balance.credited <= invoiced);
        if all || cancelled {
            prop_assert_eq!(balance.credited, invoiced);
            prop_assert!(balance.left.iter().all(|left| (left.base, left.amount) == (Money::ZERO, Money::ZERO)));
        }
    }
}
