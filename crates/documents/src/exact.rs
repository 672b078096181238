//! Whole numbers, rounded half away from zero, without an upper limit.

use domain::money::DECIMALS;

/// `dividend / divisor` to the nearest whole number; `divisor` is above zero.
pub(crate) const fn divided(dividend: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if dividend < 0 { (dividend - half) / divisor } else { (dividend + half) / divisor }
}

/// Units of [`domain::Money`] rounded to the decimals of a currency.
pub(crate) fn rounded(units: i128, decimals: u32) -> i128 {
    let step = step(decimals);
    divided(units, step) * step
}

/// The smallest amount of a currency, in units of [`domain::Money`].
pub(crate) const fn step(decimals: u32) -> i128 {
    10_i128.pow(DECIMALS.saturating_sub(decimals))
}
