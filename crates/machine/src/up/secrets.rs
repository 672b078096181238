//! Tokens and passwords, made at the first start and kept.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use runtime::door::{ADMIN_TOKEN, CONNECTOR_TOKEN, ORDERS_TOKEN, READ_TOKEN};
use stack::catalogue;

use crate::dir::DataDir;

const TOKENS: [&str; 4] = [CONNECTOR_TOKEN, ORDERS_TOKEN, READ_TOKEN, ADMIN_TOKEN];

/// Makes the tokens that are not there, and a password of NATS for each function: its list of secrets
/// names one. The nats-server here asks nobody for it.
pub(crate) fn ensure(dir: &DataDir) -> Result<()> {
    let tokens = TOKENS.map(str::to_owned);
    let passwords = catalogue::NAMES.map(|function| format!("nats-{function}"));
    for name in tokens.iter().chain(&passwords) {
        if dir.secret(name).is_ok_and(|text| !text.is_empty()) {
            continue;
        }
        dir.write_secret(name, &token()?)?;
    }
    Ok(())
}

/// 256 random bits of the kernel.
fn token() -> Result<String> {
    let mut bytes = [0; 32];
    let mut source = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_different_and_kept() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        ensure(&dir).unwrap();
        let read = || TOKENS.map(|n| dir.secret(n).unwrap());
        let tokens = read();
        assert!(tokens.iter().all(|token| token.len() == 64));
        let different: std::collections::BTreeSet<_> = tokens.iter().collect();
        assert_eq!(different.len(), TOKENS.len());
        ensure(&dir).unwrap();
        assert_eq!(read(), tokens);
    }
}
