//! Random bits for secrets.

use std::io::Read as _;

use anyhow::{Context as _, Result};

/// 256 random bits of the kernel.
///
/// # Errors
/// There is no `/dev/urandom`.
pub fn bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut source = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes)
}
