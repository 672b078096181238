//! Measures each stage of the pipeline on this machine, on servers and processes of its own.

mod connector;
mod file;
mod latency;
mod made;
mod optional;
mod orders;
mod pipeline;
mod row;
mod run;
mod stage;
mod start;
mod usage;

pub use optional::Optional;
pub use row::Row;
pub use run::{Settings, run};
pub use stage::Stage;
