//! What an order said before it was amended, as the header [`header::EARLIER`] lists it.

use crate::header;
use crate::stored::Standing;

/// Most earlier contents of an order: so often it can be amended. One takes up to 160 bytes of a header.
pub const EARLIER_MAX: usize = 16;

/// A content that an attempt had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier<'a> {
    /// Stream sequence of the attempt.
    pub sequence: u64,
    /// As its header [`header::CONTENT`] says it.
    pub content: &'a str,
    /// Digest of what it said of a person.
    pub person: Option<&'a str>,
}

impl<'a> Earlier<'a> {
    /// What an attempt says itself.
    #[must_use]
    pub fn own(placed: &'a Standing) -> Self {
        let content = placed.header(header::CONTENT).unwrap_or_default();
        Self { sequence: placed.sequence, content, person: placed.header(header::PERSON) }
    }

    /// What the attempts before it said, the first one first.
    pub fn of(placed: &'a Standing) -> impl Iterator<Item = Self> {
        let listed = placed.header(header::EARLIER).unwrap_or_default();
        listed.split(", ").filter_map(Self::parse)
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split(' ');
        let sequence = words.next()?.parse().ok()?;
        let content = words.next()?;
        let person = words.next().filter(|person| *person != "-");
        Some(Self { sequence, content, person })
    }

    /// The header of an attempt that has another content than `placed`. Nothing if that is one too many.
    #[must_use]
    pub fn list(placed: &Standing) -> Option<String> {
        let own = Earlier::own(placed);
        let is_other = |it: &Earlier<'_>| (it.content, it.person) != (own.content, own.person);
        let all: Vec<_> = Earlier::of(placed).filter(is_other).chain([own]).collect();
        let text = |Earlier { sequence, content, person }: &Earlier<'_>| {
            format!("{sequence} {content} {}", person.unwrap_or("-"))
        };
        (all.len() <= EARLIER_MAX).then(|| all.iter().map(text).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::HeaderMap;

    fn placed(sequence: u64, headers: &[(&str, &str)]) -> Standing {
        let mut all = HeaderMap::new();
        headers.iter().for_each(|(name, value)| all.insert(*name, *value));
        let (subject, payload) = (String::new(), Vec::new().into());
        Standing { sequence, subject, headers: all, payload, time_ms: 0 }
    }

    #[test]
    fn every_content_is_listed_once_and_so_many_are_the_most() {
        let first = placed(7, &[(header::CONTENT, "2:a"), (header::PERSON, "p")]);
        let mut list = Earlier::list(&first).unwrap();
        assert_eq!(list, "7 2:a p");
        let second = placed(9, &[(header::CONTENT, "2:b"), (header::EARLIER, &list)]);
        list = Earlier::list(&second).unwrap();
        assert_eq!(list, "7 2:a p, 9 2:b -");
        let third = placed(11, &[(header::CONTENT, "2:b"), (header::EARLIER, &list)]);
        assert_eq!(Earlier::list(&third).unwrap(), "7 2:a p, 11 2:b -");
        let all: Vec<_> = Earlier::of(&third).map(|it| (it.sequence, it.person)).collect();
        assert_eq!(all, [(7, Some("p")), (9, None)]);
        assert_eq!(Earlier::of(&first).count(), 0);
        for number in 0..EARLIER_MAX {
            let content = format!("3:{number}");
            let headers = [(header::CONTENT, content.as_str()), (header::EARLIER, &list)];
            match Earlier::list(&placed(20, &headers)) {
                Some(more) => list = more,
                None => return assert_eq!(number, EARLIER_MAX - 2),
            }
        }
        panic!("more than {EARLIER_MAX} are listed");
    }
}
