//! The stages of a benchmark.

use clap::ValueEnum;

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// From the start of a function to its first answer, and its memory when idle.
    Start,
    /// Stored messages to a function that does nothing.
    Connector,
    /// One-line orders of a thousand products, from the first message to the last decision.
    Orders,
    /// The same with one product.
    HotProduct,
    /// The same with twenty warehouses.
    Warehouses,
    /// A file over SFTP, and one of 3,000 rows, from the moment it was found.
    File,
    /// From publish to decided, at a steady rate.
    Latency,
    /// Resident memory of every process over time, at a steady rate.
    Memory,
}

impl Stage {
    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Connector => "connector",
            Self::Orders => "orders",
            Self::HotProduct => "hot-product",
            Self::Warehouses => "warehouses",
            Self::File => "file",
            Self::Latency => "latency",
            Self::Memory => "memory",
        }
    }
}
