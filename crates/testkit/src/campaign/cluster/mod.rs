//! The pipeline on three nats-servers whose members are killed, suspended, isolated, emptied and
//! upgraded.

mod carry_out;
mod options;
mod plan;
mod ring;
mod watch;

pub(super) use carry_out::run;
pub use options::Options;
pub(super) use ring::Ring;
pub(super) use watch::Figures;
