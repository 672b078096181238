//! The users of nats-server, for a cluster and for one machine: what each part may do there.

use crate::{Stack, catalogue};

/// Who makes and changes streams: the set-up, the command, people.
pub const ADMIN: &str = "setup";
/// The connector.
pub const CONNECTOR: &str = "connector";
/// Programs that send orders.
pub const SENDER: &str = "sender";

/// Those that are no function.
const OTHERS: &str = include_str!("users.conf");

/// The users that there are with the functions of `stack`, by name.
pub fn names(stack: &Stack) -> impl Iterator<Item = &str> {
    [ADMIN, CONNECTOR, SENDER].into_iter().chain(functions(stack))
}

/// The list `users` of nats-server's configuration. Passwords are variables: [`variable`].
pub fn list(stack: &Stack) -> String {
    functions(stack).fold(OTHERS.to_owned(), |list, name| list + &function(name))
}

/// The variable for the password of a user in [`list`]: `NATS_ORDER_INGEST_PASSWORD`.
pub fn variable(user: &str) -> String {
    format!("NATS_{}_PASSWORD", user.to_ascii_uppercase().replace('-', "_"))
}

/// The secret with the password of a user.
pub fn secret(user: &str) -> String {
    format!("nats-{user}")
}

fn functions(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.functions.keys().map(String::as_str).filter(|name| catalogue::rights(name).is_some())
}

fn function(name: &str) -> String {
    catalogue::rights(name)
        .map_or_else(String::new, |rights| rights.user(name, &format!("${}", variable(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_a_password_of_its_own() {
        let stack = crate::built_in();
        let list = list(&stack);
        for name in names(&stack) {
            let login = format!("{{ user: {name}, password: ${}", variable(name));
            assert_eq!(list.matches(&login).count(), 1, "{login}");
        }
        assert_eq!(list.matches("{ user: ").count(), names(&stack).count());
    }

    #[test]
    fn a_function_that_is_not_in_the_stack_is_no_user() {
        let text = "functions: {order-ingest: {}}";
        let stack = crate::parse(text, "t", |_| None).unwrap();
        assert_eq!(names(&stack).collect::<Vec<_>>(), [ADMIN, CONNECTOR, SENDER, "order-ingest"]);
        assert!(!list(&stack).contains("order-processor, password"));
    }
}
