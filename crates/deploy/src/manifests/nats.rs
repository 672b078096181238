//! The users of nats-server: what each function may do there.

use stack::{Stack, catalogue};

const FILE: &str = include_str!("accounts.conf");

/// nats-server's accounts with a user for each function of ours.
pub(super) fn accounts(stack: &Stack) -> String {
    let users = stack.functions.keys().filter_map(|name| Some((name, catalogue::rights(name)?)));
    let users: String = users.map(|(name, rights)| rights.user(name)).collect();
    FILE.replace("@FUNCTIONS@", &users)
}
