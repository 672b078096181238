//! Which sources are read together. One consumer for each stream: the server looks at each message of a stream for
//! each of its consumers, whatever their filters let pass.

use super::event::Source;
use async_nats::jetstream::stream::Info;
use messaging::subject;

/// Sources of one stream that are read by one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Together {
    pub(super) stream: &'static str,
    pub(super) headers_only: bool,
    /// Places in [`Fold::SOURCES`](super::Fold::SOURCES).
    pub(super) sources: Vec<usize>,
    /// It matches what they match, and perhaps more.
    filter: String,
}

impl Together {
    pub(super) fn all(sources: &[Source]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (index, &Source { stream, filter, headers_only }) in sources.iter().enumerate() {
            let known = |it: &&mut Self| it.stream == stream && it.headers_only == headers_only;
            match all.iter_mut().find(known) {
                Some(together) => {
                    together.sources.push(index);
                    together.filter = common(&together.filter, filter);
                }
                None => {
                    let (sources, filter) = (vec![index], filter.to_owned());
                    all.push(Self { stream, headers_only, sources, filter });
                }
            }
        }
        all
    }

    /// What a consumer filters. Nothing where each message of the stream matches, or where the filter is wider than
    /// each of its subjects, which nats-server 2.9 refuses.
    pub(super) fn filter(&self, info: &Info) -> Option<&str> {
        let subjects = &info.config.subjects;
        let is_all = subjects.iter().all(|all| subject::covers(&self.filter, all));
        let is_part = subjects.iter().any(|all| subject::covers(all, &self.filter));
        (is_part && !is_all).then_some(&self.filter)
    }
}

/// A filter that matches what both match.
fn common(one: &str, other: &str) -> String {
    if one == other {
        return one.to_owned();
    }
    let (one, other): (Vec<_>, Vec<_>) = (one.split('.').collect(), other.split('.').collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    // `a.>` does not match `a`.
    let same = same.min(one.len() - 1).min(other.len() - 1);
    let tokens = one.into_iter().take(same).chain([">"]);
    tokens.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_filter_matches_what_both_match() {
        for (one, other, expected) in [
            ("orders.placed.>", "orders.refused.>", "orders.>"),
            ("orders.>", "orders.>", "orders.>"),
            ("orders.>", "orders.placed.>", "orders.>"),
            ("a.b", "a.b.c", "a.>"),
            ("a.b", "a.c", "a.>"),
            ("a", "b", ">"),
            ("a.*.c", "a.*.d", "a.*.>"),
        ] {
            let found = common(one, other);
            assert_eq!(found, expected, "{one} {other}");
            assert_eq!(common(other, one), expected, "{other} {one}");
            assert!(subject::covers(&found, one) && subject::covers(&found, other), "{found}");
        }
    }

    #[test]
    fn sources_of_one_stream_are_read_together() {
        let source = |stream, filter, headers_only| Source { stream, filter, headers_only };
        let sources = [
            source("A", "a.b.>", true),
            source("B", "a.b.>", true),
            source("A", "a.c.>", true),
            source("A", "a.c.>", false),
        ];
        let all = Together::all(&sources);
        let places: Vec<_> = all.iter().map(|it| (it.stream, &*it.sources, &*it.filter)).collect();
        let expected: [(_, &[usize], _); 3] =
            [("A", &[0, 2], "a.>"), ("B", &[1], "a.b.>"), ("A", &[3], "a.c.>")];
        assert_eq!(places, expected);
    }
}
