#![doc = include_str!("../README.md")]

pub mod assemble;
pub mod charge;
pub mod control;
pub mod currency;
pub mod extra;
pub mod ids;
pub mod inventory;
pub mod invoice;
mod kind;
pub mod money;
mod nearest;
pub mod order;
pub mod partner;
pub mod person;
pub mod problem;
pub mod product;
pub mod raw;
pub mod seller;
pub mod stock;
mod tax;
pub mod text;

pub use currency::Currency;
pub use ids::{CustomerId, OrderId, PartnerId, ProductId, WarehouseId};
pub use money::Money;
pub use nearest::nearest;
pub use order::{Kind, Line, Order};
pub use product::Product;
pub use tax::{TAX_CATEGORY_BYTES_MAX, TaxCategory, TaxCategoryError};
