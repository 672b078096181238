//! Pages of a cache.

use super::{Cache, Cached, read_lock};
use crate::record::{Cursor, Found, Key, PAGE_MAX, Page, Record, Unreadable};
use std::collections::BTreeMap;
use std::ops::Bound;

/// What is behind `after` under the parts `prefix`.
fn behind<'a, V>(
    all: &'a BTreeMap<String, V>,
    prefix: &'a str,
    after: Option<&'a str>,
) -> impl Iterator<Item = (&'a String, &'a V)> {
    let from = match after.filter(|after| prefix <= *after) {
        Some(after) => Bound::Excluded(after),
        None => Bound::Included(prefix),
    };
    let from = all.range::<str, _>((from, Bound::Unbounded));
    from.take_while(move |(key, _)| key.starts_with(prefix))
}

fn start(prefix: Option<&Key>) -> String {
    prefix.map(|prefix| format!("{}.", prefix.as_str())).unwrap_or_default()
}

impl<T: Record> Cache<T> {
    /// The page of [`crate::record::Records::list`], of those records that `takes` takes; nothing while the cache was
    /// not read yet.
    #[must_use]
    pub fn page(
        &self,
        prefix: Option<&Key>,
        after: Option<&Cursor>,
        limit: usize,
        takes: impl Fn(&T) -> bool,
    ) -> Option<Cached<Page<T>>> {
        let age = self.age()?;
        let (prefix, after) = (start(prefix), after.map(Cursor::as_str));
        let known = read_lock(&self.known);
        let mut page = Page { records: Vec::new(), unreadable: Vec::new(), next: None };
        let mut taken = behind(&known.found, &prefix, after)
            .filter(|(_, found)| takes(&found.value))
            .peekable();
        while page.records.len() < limit.clamp(1, PAGE_MAX)
            && let Some((key, found)) = taken.next()
        {
            page.next = taken.peek().map(|_| Cursor::read(key));
            page.records.extend(Key::read(key).map(|key| (key, Found::clone(found))));
        }
        let end = page.next.as_ref().map(Cursor::as_str);
        let strays = behind(&known.unreadable, &prefix, after)
            .take_while(|(key, _)| end.is_none_or(|end| key.as_str() <= end));
        let stray = |(key, reason): (&String, &String)| Unreadable {
            key: key.clone(),
            reason: reason.clone(),
        };
        page.unreadable = strays.map(stray).collect();
        Some(Cached { value: page, age })
    }

    /// The cursor behind the first `count` records under the parts `prefix` that `takes` takes; behind the last
    /// one where there are fewer.
    #[must_use]
    pub fn behind(
        &self,
        prefix: Option<&Key>,
        count: usize,
        takes: impl Fn(&T) -> bool,
    ) -> Option<Cursor> {
        let (prefix, known) = (start(prefix), read_lock(&self.known));
        let taken = behind(&known.found, &prefix, None).filter(|(_, found)| takes(&found.value));
        taken.take(count).last().map(|(key, _)| Cursor::read(key))
    }

    /// How many records under the parts `prefix` `takes` takes: those up to `after`, and all. Nothing while the cache
    /// was not read yet.
    #[must_use]
    pub fn count(
        &self,
        prefix: Option<&Key>,
        after: Option<&Cursor>,
        takes: impl Fn(&T) -> bool,
    ) -> Option<(usize, usize)> {
        self.age()?;
        let (prefix, known) = (start(prefix), read_lock(&self.known));
        let taken = behind(&known.found, &prefix, None).filter(|(_, found)| takes(&found.value));
        let is_before = |key: &str| after.is_some_and(|after| key <= after.as_str());
        Some(taken.fold((0, 0), |(before, all), (key, _)| {
            (before + usize::from(is_before(key)), all + 1)
        }))
    }
}
