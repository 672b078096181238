//! The accounts of nats-server in a cluster.

use stack::{Stack, users};

const FILE: &str = include_str!("accounts.conf");

/// nats-server's accounts with a user for each function of ours.
pub(super) fn accounts(stack: &Stack) -> String {
    FILE.replace("@USERS@", &users::list(stack))
}
