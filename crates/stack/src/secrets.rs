//! Secrets that are generated: tokens of doors, the key of pseudonyms, and passwords of NATS.

use std::collections::BTreeSet;

use messaging::persons;
use runtime::door::CONNECTOR_TOKEN;

use crate::{Stack, users};

/// The tokens in the functions' lists of secrets.
pub fn tokens(stack: &Stack) -> BTreeSet<String> {
    listed(stack).filter(|name| is_token(name)).map(str::to_owned).collect()
}

/// The tokens, the keys of pseudonyms and webhooks, and a password for each user of NATS.
///
/// They are random where they are made. What else the functions list is given by people: partners.yml, its tables, the
/// partners' keys and passwords.
pub fn made(stack: &Stack) -> BTreeSet<String> {
    let keys = listed(stack).filter(|name| [persons::SECRET, webhooks::SECRET].contains(name));
    let keys = keys.map(str::to_owned);
    tokens(stack).into_iter().chain(keys).chain(users::names(stack).map(users::secret)).collect()
}

fn listed(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.functions.values().flat_map(|function| &function.secrets).map(String::as_str)
}

fn is_token(name: &str) -> bool {
    name == CONNECTOR_TOKEN || name.starts_with("api-token-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn what_is_made_is_what_the_functions_list_and_nothing_that_people_give() {
        let text =
            "functions: {order-ingest: {secrets: [connector-token, api-token-new, partners.yml,
            sftp-key-us1, nats-order-ingest]}}";
        let stack = crate::parse(text, "t", |_| None).unwrap();
        let made: Vec<String> = made(&stack).into_iter().collect();
        let expected = [
            "api-token-new",
            "connector-token",
            "nats-connector",
            "nats-order-ingest",
            "nats-sender",
            "nats-setup",
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn every_function_lists_the_password_of_its_user() {
        for (name, function) in crate::built_in().functions {
            let has_user = catalogue::rights(&name).is_some();
            assert!(!has_user || function.secrets.contains(&users::secret(&name)), "{name}");
        }
    }
}
