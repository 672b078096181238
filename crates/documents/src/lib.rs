#![doc = include_str!("../README.md")]

mod check;
mod cii;
mod countries;
mod error;
mod exact;
mod format;
mod france;
mod html;
mod party;
mod pdf;
mod price;
mod sums;
mod view;
mod words;
mod xml;

pub use check::{Broken, check, check_amounts, is_electronic};
pub use cii::xml;
pub use error::{Error, LAYOUT};
pub use france::{Missing, missing_for_france, missing_of_seller};
pub use html::html;
pub use pdf::pdf;
