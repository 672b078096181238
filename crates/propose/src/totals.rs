//! Distinguishes the price of one piece from the total of a line.

use std::collections::HashMap;

/// Names of columns with totals.
pub(super) const NAMES: [&str; 14] = [
    "total",
    "subtotal",
    "amount",
    "sum",
    "gesamt",
    "gesamtpreis",
    "summe",
    "betrag",
    "montant",
    "importe",
    "totale",
    "importo",
    "totaal",
    "bedrag",
];

/// Half a cent in units of 10⁻⁴; totals are rounded to cents.
const ROUNDED: i64 = 50;

/// Why the prices seem to be totals of their lines: the price of the same product grows in proportion
/// to the number of pieces.
pub(super) fn of_lines(
    pieces: &[Option<i64>],
    prices: &[Option<i64>],
    products: &[String],
) -> Option<String> {
    let mut by_product: HashMap<&str, Vec<(i64, i64)>> = HashMap::new();
    for ((pieces, price), product) in pieces.iter().zip(prices).zip(products) {
        if let (Some(pieces @ 1..), Some(price @ 1..)) = (pieces, price) {
            by_product.entry(product).or_default().push((*pieces, *price));
        }
    }
    let (mut growing, mut constant, mut example) = (0_usize, 0_usize, None);
    for product in products.iter().filter(|product| !product.is_empty()) {
        let Some(lines) = by_product.remove(product.as_str()) else { continue };
        let Some(first) = lines.first().copied() else { continue };
        let Some(other) = lines.iter().copied().find(|(pieces, _)| *pieces != first.0) else {
            continue;
        };
        if first.1 == other.1 {
            constant += 1;
        } else if lines.iter().all(|line| are_in_step(first, *line)) {
            growing += 1;
            example = example.or(Some((product, first.min(other), first.max(other))));
        }
    }
    let (product, few, many) = example.filter(|_| constant <= growing)?;
    let shown = |units: i64| domain::Money::from_units(units);
    Some(format!(
        "product {product:?} costs {} at quantity {} and {} at {}, as a total of its line would",
        shown(few.1),
        few.0,
        shown(many.1),
        many.0
    ))
}

/// Is the price per piece the same in both lines, each given as pieces and total?
fn are_in_step(one: (i64, i64), other: (i64, i64)) -> bool {
    let off = one.1.checked_mul(other.0).zip(other.1.checked_mul(one.0));
    let rounded = one.0.checked_add(other.0).and_then(|pieces| pieces.checked_mul(ROUNDED));
    off.zip(rounded).is_some_and(|((a, b), most)| (a - b).abs() <= most)
}

/// Do most of the rows that can show it contradict `pieces` × `prices` = `totals`?
pub(super) fn differ(
    pieces: &[Option<i64>],
    prices: &[Option<i64>],
    totals: &[Option<i64>],
) -> bool {
    let (mut all, mut bad) = (0_usize, 0_usize);
    for ((pieces, price), total) in pieces.iter().zip(prices).zip(totals) {
        let (Some(pieces), Some(price), Some(total)) = (pieces, price, total) else { continue };
        if *pieces == 1 || *price == 0 {
            continue;
        }
        all += 1;
        bad += usize::from(
            pieces.checked_mul(*price).is_none_or(|p| (p - total).unsigned_abs() > 100),
        );
    }
    0 < all && all < bad * 2
}

/// Does `pieces` × `prices` = `totals` hold in nearly all rows that can show it?
pub(super) fn are_products(
    pieces: &[Option<i64>],
    prices: &[Option<i64>],
    totals: &[Option<i64>],
) -> bool {
    let (mut all, mut good) = (0_usize, 0_usize);
    for ((pieces, price), total) in pieces.iter().zip(prices).zip(totals) {
        let (Some(pieces), Some(price), Some(total)) = (pieces, price, total) else { continue };
        // With one piece, the total equals the price anyway.
        if *pieces == 1 || *price == 0 {
            continue;
        }
        all += 1;
        // Totals are rounded to cents.
        let is_near = |product: i64| (product - total).unsigned_abs() <= 100;
        good += usize::from(pieces.checked_mul(*price).is_some_and(is_near));
    }
    2 <= all && all * 95 <= good * 100
}
