//! The identity of a file that arrived.

use domain::PartnerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Type of the event that says that a file arrived.
pub const ARRIVED: &str = "orderflow.file.arrived.v1";

/// Data of that event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Whose file.
    pub partner: PartnerId,
    /// Its name in the inbox.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change, seconds since 1970 by the server's clock.
    pub mtime: u64,
    /// [`id`] of it, or [`again`] of that.
    pub arrival: String,
}

/// The first 32 hexadecimal digits of a SHA-256 over partner, path, size and time of last change:
/// the same file seen twice is the same arrival, the same name with new content is another one.
#[must_use]
pub fn id(partner: &PartnerId, path: &str, size: u64, mtime: u64) -> String {
    let mut hash = Sha256::new();
    // No part can contain the separator: names of partners are plain, paths have no NUL.
    hash.update(format!("{partner}\0{path}\0{size}\0{mtime}"));
    short(hash)
}

/// The next arrival of a file that came once more with the same name, size and time of change,
/// after everything was done about `arrival`.
#[must_use]
pub fn again(arrival: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("again\0{arrival}"));
    short(hash)
}

fn short(hash: Sha256) -> String {
    let mut id = hex::encode(hash.finalize());
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_makes_another_arrival() {
        let us1 = PartnerId::parse("US1").unwrap();
        let us2 = PartnerId::parse("US2").unwrap();
        let ids = [
            id(&us1, "inbox/a.csv", 10, 20),
            id(&us2, "inbox/a.csv", 10, 20),
            id(&us1, "inbox/b.csv", 10, 20),
            id(&us1, "inbox/a.csv", 11, 20),
            id(&us1, "inbox/a.csv", 10, 21),
            id(&us1, "inbox/a.csv", 1, 20),
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(ids.first().unwrap(), &id(&us1, "inbox/a.csv", 10, 20));
        let next = again(&ids[0]);
        assert!(next.len() == 32 && !ids.contains(&next) && again(&next) != next);
    }
}
