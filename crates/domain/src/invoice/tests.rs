use super::*;
use crate::seller::{Percent, Prices};
use proptest::prelude::*;

fn taxed(percent: &str) -> Taxed {
    let percent = Percent::try_from(Money::parse(percent).unwrap()).unwrap();
    let code = if percent.value() == Money::ZERO { TaxCode::Z } else { TaxCode::S };
    Taxed { code, percent, reason: None }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn parts<'a>(parts: &[(&str, Option<&'a Taxed>)]) -> Vec<Part<'a>> {
    parts.iter().map(|(amount, tax)| Part { amount: money(amount), tax: *tax }).collect()
}

fn shown(amounts: &[Money]) -> Vec<String> {
    amounts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_half_is_rounded_away_from_zero_at_the_currency_s_decimals() {
    for (amount, decimals, expected) in [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.0049", 2, "0.00"),
        ("2.5", 0, "3.00"),
        ("-2.5", 0, "-3.00"),
        ("1.2345", 3, "1.235"),
        ("1.2345", 4, "1.2345"),
    ] {
        assert_eq!(rounded(money(amount), decimals).to_string(), expected, "{amount}");
    }
}

#[test]
fn net_prices_are_taxed_per_rate_and_not_per_line() {
    let (standard, reduced) = (taxed("20"), taxed("5.5"));
    // Three times 0.20 × 0.33 would be 0.07 each; the rate's sum gives 0.20.
    let lines = parts(&[
        ("0.333", Some(&standard)),
        ("0.333", Some(&standard)),
        ("0.333", Some(&standard)),
        ("10", Some(&reduced)),
    ]);
    let made = amounts(Prices::Net, 2, &lines, &[]).unwrap();
    assert_eq!(shown(&made.lines), ["0.33", "0.33", "0.33", "10.00"]);
    let taxes: Vec<_> = made.taxes.iter().map(|t| (t.base, t.amount)).collect();
    assert_eq!(taxes, [(money("10"), money("0.55")), (money("0.99"), money("0.20"))]);
    assert_eq!((made.totals.payable, made.totals.rounding), (money("11.74"), Money::ZERO));
}

#[test]
fn what_is_paid_never_moves_with_prices_that_hold_the_tax() {
    let standard = taxed("20");
    // No net amount has a gross one of 0.03 at 20 %: 0.02 gives 0.02, 0.03 gives 0.04.
    let made = amounts(Prices::Gross, 2, &parts(&[("0.03", Some(&standard))]), &[]).unwrap();
    let totals = made.totals;
    assert_eq!(totals.payable, money("0.03"));
    assert_eq!((totals.gross, totals.rounding), (money("0.04"), money("-0.01")));

    let lines =
        parts(&[("19.99", Some(&standard)), ("19.99", Some(&standard)), ("0", Some(&standard))]);
    let made = amounts(Prices::Gross, 2, &lines, &[]).unwrap();
    assert_eq!(shown(&made.lines), ["16.66", "16.66", "0.00"]);
    assert_eq!((made.totals.net, made.totals.tax), (money("33.32"), money("6.66")));
}

#[test]
fn a_charge_without_a_category_is_divided_over_the_rates() {
    let (standard, reduced) = (taxed("20"), taxed("5.5"));
    let lines = parts(&[("60", Some(&standard)), ("40", Some(&reduced))]);
    let charges = parts(&[("-10", None), ("4.99", Some(&standard))]);
    let made = amounts(Prices::Net, 2, &lines, &charges).unwrap();
    let discount: Vec<_> = made.charges[0].iter().map(|(tax, _, net)| (tax, *net)).collect();
    assert_eq!(discount, [(&reduced, money("-4")), (&standard, money("-6"))]);
    let totals = made.totals;
    assert_eq!((totals.allowances, totals.charges), (money("10"), money("4.99")));
    assert_eq!(totals.net, money("94.99"));
}

#[test]
fn currencies_without_decimals_and_with_three_are_rounded_to_theirs() {
    let rate = taxed("10");
    let yen = amounts(Prices::Gross, 0, &parts(&[("1000", Some(&rate))]), &[]).unwrap();
    assert_eq!((yen.totals.net, yen.totals.tax), (money("909"), money("91")));
    let dinar = amounts(Prices::Net, 3, &parts(&[("1.2345", Some(&rate))]), &[]).unwrap();
    assert_eq!((dinar.totals.net, dinar.totals.tax), (money("1.235"), money("0.124")));
}

#[test]
fn sums_that_cannot_be_held_are_an_error() {
    let rate = taxed("20");
    let huge = Part { amount: Money::from_units(i64::MAX), tax: Some(&rate) };
    assert_eq!(amounts(Prices::Net, 2, &[huge, huge], &[]), Err(TooLarge));
}

proptest! {
    /// The rules of EN 16931, exactly, whatever was ordered.
    #[test]
    fn sums_and_taxes_agree(
        gross in any::<bool>(),
        decimals in 0_u32..=3,
        lines in prop::collection::vec((0_i64..100_000_000, 0_usize..4), 1..40),
        charges in prop::collection::vec((-10_000_000_i64..10_000_000, 0_usize..5), 0..6),
    ) {
        let rates = ["0", "2.1", "5.5", "20"].map(taxed);
        let line = |(units, rate): &(i64, usize)| Part {
            amount: Money::from_units(*units),
            tax: rates.get(*rate),
        };
        let lines: Vec<_> = lines.iter().map(line).collect();
        let charges: Vec<_> = charges.iter().map(line).collect();
        let prices = if gross { Prices::Gross } else { Prices::Net };
        let made = amounts(prices, decimals, &lines, &charges).unwrap();
        let sum = |amounts: &mut dyn Iterator<Item = Money>| amounts.map(Money::units).sum::<i64>();
        let totals = made.totals;
        let parts = made.charges.iter().flatten();
        // BR-CO-10 to 16.
        prop_assert_eq!(totals.lines.units(), sum(&mut made.lines.iter().copied()));
        prop_assert_eq!(
            totals.net.units(),
            totals.lines.units() - totals.allowances.units() + totals.charges.units()
        );
        prop_assert_eq!(totals.gross.units(), totals.net.units() + totals.tax.units());
        prop_assert_eq!(totals.payable.units(), totals.gross.units() + totals.rounding.units());
        for tax in &made.taxes {
            // BR-CO-17 and BR-S-08, without the tolerance that validators have.
            let exact = i128::from(tax.base.units()) * i128::from(tax.tax.percent.value().units());
            let exact = divided(exact, 1_000_000 * i128::from(step(decimals)));
            prop_assert_eq!(i128::from(tax.amount.units()), exact * i128::from(step(decimals)));
            let of_lines = lines.iter().zip(&made.lines).filter(|(line, _)| line.tax == Some(&tax.tax));
            let of_charges = parts.clone().filter(|(of, _, _)| *of == tax.tax);
            let base = sum(&mut of_lines.map(|(_, net)| *net))
                + sum(&mut of_charges.map(|(_, _, net)| *net));
            prop_assert_eq!(tax.base.units(), base);
        }
        // Every charge is there as a whole.
        for (charge, parts) in charges.iter().zip(&made.charges) {
            prop_assert_eq!(charge.amount.units(), sum(&mut parts.iter().map(|(_, amount, _)| *amount)));
        }
        if gross {
            let ordered = sum(&mut lines.iter().chain(&charges).map(|part| part.amount));
            prop_assert_eq!(totals.payable, rounded(Money::from_units(ordered), decimals));
            // Half a step of a rate's sum, and as much for a base that does not exist.
            let most = step(decimals) * i64::try_from(made.taxes.len() + 1).unwrap();
            prop_assert!(totals.rounding.units().abs() <= most, "{:?}", totals);
        } else {
            prop_assert_eq!(totals.rounding, Money::ZERO);
        }
    }
}
