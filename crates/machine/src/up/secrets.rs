//! Tokens and passwords, made at the first start and kept.

use anyhow::Result;
use stack::{Stack, secrets};

use crate::dir::DataDir;
use crate::random;

/// Makes the tokens and the passwords of NATS that the functions of the built-in stack and of `stack` list, as far as they
/// are not there. The command shows them too, whatever runs.
pub(crate) fn ensure(dir: &DataDir, stack: &Stack) -> Result<()> {
    for name in secrets::made(&stack::built_in()).union(&secrets::made(stack)) {
        if dir.secret(name).is_ok_and(|text| !text.is_empty()) {
            continue;
        }
        dir.write_secret(name, hex::encode(random::bytes()?))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn secrets_are_long_different_and_kept() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let text = "functions: {order-ingest: {secrets: [api-token-of-mine, partners.yml]}}";
        let stack = stack::parse(text, "t", |_| None).unwrap();
        ensure(&dir, &stack).unwrap();
        let names: BTreeSet<String> = secrets::made(&stack::built_in());
        let read = || -> Vec<String> {
            let names = names.iter().map(String::as_str).chain(["api-token-of-mine"]);
            names.map(|name| dir.secret(name).unwrap()).collect()
        };
        let made = read();
        assert!(made.iter().all(|secret| secret.len() == 64));
        let different: BTreeSet<_> = made.iter().collect();
        assert_eq!(different.len(), made.len());
        ensure(&dir, &stack).unwrap();
        assert_eq!(read(), made);
        assert!(dir.secret("partners.yml").is_err(), "that is given by people");
    }
}
