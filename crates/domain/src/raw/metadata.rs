//! What a sender adds for itself, from JSON.

use super::read::{Fields, Place, Reader};
use super::shown;
use crate::order::{METADATA_BYTES_MAX, METADATA_PAIRS_MAX, Metadata};
use serde_json::Value;

impl Reader {
    pub(super) fn metadata(&mut self, fields: &Fields) -> Option<Metadata> {
        let pairs = self.member(fields, "metadata", "a JSON object", Value::as_object)?;
        let Some(pairs) = pairs else { return Some(Metadata::new()) };
        self.at_most(METADATA_PAIRS_MAX, pairs.len(), "metadata", "pairs")?;
        let pairs = pairs.iter().map(|(name, value)| {
            let text = match value {
                _ if name.trim().is_empty() => Err("has an empty name".to_owned()),
                Value::String(text) => Ok(text),
                other => Err(format!("is {}, not text", shown::value(other))),
            };
            match text {
                Ok(text) => Some((name.clone(), text.clone())),
                Err(reason) => self.wrong(Place::Metadata, name, reason),
            }
        });
        // All are read before one that is bad ends it.
        let pairs: Vec<Option<(String, String)>> = pairs.collect();
        let metadata: Metadata = pairs.into_iter().collect::<Option<_>>()?;
        let bytes: usize = metadata.iter().map(|(name, text)| name.len() + text.len()).sum();
        if METADATA_BYTES_MAX < bytes {
            let reason =
                format!("has {bytes} bytes of names and texts, the limit is {METADATA_BYTES_MAX}");
            return self.wrong(Place::Order, "metadata", reason);
        }
        Some(metadata)
    }
}
