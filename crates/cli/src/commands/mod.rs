//! One verb a file: its flags, help, examples and what it does.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod files;
pub(crate) mod function;
pub(crate) mod journal;
pub(crate) mod lint;
pub(crate) mod manifests;
pub(crate) mod orders;
pub(crate) mod partners;
pub(crate) mod schema;
pub(crate) mod send;
pub(crate) mod setup;
pub(crate) mod simulate;
pub(crate) mod stock;
pub(crate) mod up;
pub(crate) mod wait;

pub(crate) use bench::Bench;
pub(crate) use check::Check;
pub(crate) use doctor::Doctor;
pub(crate) use files::Files;
pub(crate) use function::Function;
pub(crate) use journal::Journal;
pub(crate) use lint::Lint;
pub(crate) use manifests::Manifests;
pub(crate) use orders::Orders;
pub(crate) use partners::Partners;
pub(crate) use schema::Schema;
pub(crate) use send::Send;
pub(crate) use setup::Setup;
pub(crate) use simulate::Simulate;
pub(crate) use stock::Stock;
pub(crate) use up::Up;
pub(crate) use wait::Wait;
