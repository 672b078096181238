//! What people may ask.

mod app;
mod lists;
mod live;
mod query;
mod sums;
mod totals;
mod windows;

pub(crate) use app::App;
pub(crate) use lists::{by, customers};
pub(crate) use sums::sums;
pub(crate) use totals::{health, totals};
pub(crate) use windows::windows;
