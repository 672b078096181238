//! Lists of records, page by page.

use super::{Error, Found, Key, Record, Records};
use crate::wire::Wire;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Most records of a page.
pub const PAGE_MAX: usize = 1_000;
/// Records that are read at once.
const AT_ONCE: usize = 16;

/// Where a page ended. Its text is kept by clients, and its form is nobody's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor that was written so. One that somebody made up begins somewhere.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some records, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The records.
    pub records: Vec<(Key, Found<T>)>,
    /// What was passed over.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; nothing at the end.
    pub next: Option<Cursor>,
}

/// Something in the bucket that is no record of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its key in the bucket.
    pub key: String,
    /// Why it is none.
    pub reason: String,
}

impl<T: Record, W: Wire> Records<T, W> {
    /// At most `limit` records (1 to [`PAGE_MAX`]) whose keys begin with the parts `prefix`, after `after`.
    ///
    /// In the order of their keys as they stand in the bucket, so that a record that is there all the time is
    /// on exactly one page, whatever is written meanwhile. Each page reads the keys of all records under
    /// `prefix`: for more than some ten thousand use a [`super::Cache`].
    ///
    /// # Errors
    /// No answer. A value that cannot be read is no error: it is named in the page.
    pub async fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<T>, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut keys = self.keys(prefix, after).await?;
        let mut page = Page { records: Vec::new(), unreadable: Vec::new(), next: None };
        while page.records.len() < limit && !keys.is_empty() {
            let rest = limit - page.records.len();
            let some: Vec<String> = keys.iter().take(rest).cloned().collect();
            page.next = some.last().cloned().map(Cursor);
            keys.retain(|key| some.last().is_some_and(|last| last < key));
            // Owned keys: the compiler cannot tell that a closure would take one of any lifetime.
            let read = some.into_iter().map(|key| async move {
                let entry = self.entry(&key).await;
                (key, entry)
            });
            let mut read = futures_util::stream::iter(read).buffered(AT_ONCE);
            while let Some((key, entry)) = read.next().await {
                page.add(&key, entry)?;
            }
        }
        if keys.is_empty() {
            page.next = None;
        }
        Ok(page)
    }

    /// Keys under `prefix` after `after`, of deleted records as well.
    async fn keys(
        &self,
        prefix: Option<&Key>,
        after: Option<&Cursor>,
    ) -> Result<BTreeSet<String>, Error> {
        let all = Self::prefix();
        let filter = match prefix {
            Some(prefix) => format!("{all}{}.>", prefix.as_str()),
            None => format!("{all}>"),
        };
        let mut keys = BTreeSet::new();
        let mut each = |message: crate::wire::Message| {
            if let Some(key) = message.subject.strip_prefix(&all)
                && after.is_none_or(|after| after.0.as_str() < key)
            {
                keys.insert(key.to_owned());
            }
        };
        self.wire.read(&Self::stream(), &filter, 1, false, &mut each).await?;
        Ok(keys)
    }
}

impl<T: Record> Page<T> {
    fn add(
        &mut self,
        stored: &str,
        entry: Result<super::Standing<super::Entry<T>>, Error>,
    ) -> Result<(), Error> {
        let unreadable = |reason: String| Unreadable { key: stored.to_owned(), reason };
        let Some(key) = Key::read(stored) else {
            self.unreadable.push(unreadable("this is no key of a record".into()));
            return Ok(());
        };
        match entry {
            Ok((sequence, entry)) => {
                let found = entry.and_then(|entry| entry.found(sequence));
                self.records.extend(found.map(|found| (key, found)));
            }
            Err(Error::Unreadable { source, .. }) => {
                self.unreadable.push(unreadable(source.to_string()));
            }
            Err(error @ Error::Unclear(_)) => return Err(error),
        }
        Ok(())
    }
}
