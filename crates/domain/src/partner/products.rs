//! The products that a partner's rows are looked up among.

use std::collections::{HashMap, HashSet};

/// What a partner calls our products, and which there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Products {
    ours: HashMap<Box<str>, Box<str>>,
    known: Option<HashSet<Box<str>>>,
}

impl Products {
    /// `ours` has our id for what the partner calls a product; an id that is not in it stands for
    /// itself. With `known`, what is not in that either is no product.
    #[must_use]
    pub fn new(ours: HashMap<Box<str>, Box<str>>, known: Option<HashSet<Box<str>>>) -> Self {
        Self { ours, known }
    }

    /// Our id of what the partner calls `id`; nothing for what is no product.
    #[must_use]
    pub fn find<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let id = self.ours.get(id).map_or(id, |ours| ours);
        self.known.as_ref().is_none_or(|known| known.contains(id)).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_ours_by_the_map_or_by_itself_and_has_to_be_known_where_that_is_wanted() {
        let ours = || HashMap::from([("a".into(), "P1".into()), ("b".into(), "P9".into())]);
        let all = Products::new(ours(), None);
        assert_eq!(["a", "b", "P1", "x"].map(|id| all.find(id)), ["P1", "P9", "P1", "x"].map(Some));
        let known = Products::new(ours(), Some(HashSet::from(["P1".into()])));
        assert_eq!(
            ["a", "b", "P1", "x", ""].map(|id| known.find(id)),
            [Some("P1"), None, Some("P1"), None, None]
        );
    }
}
