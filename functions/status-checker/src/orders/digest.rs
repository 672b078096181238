//! SHA-256 of a file, as text in checkpoints.

use serde::{Deserialize, Deserializer, Serializer};
use std::borrow::Cow;

/// SHA-256.
pub(super) type Digest = [u8; 32];

pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(digest))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
    let text = Cow::<'_, str>::deserialize(from)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom("no SHA-256"))
}

/// A file as headers name it. None of our parts writes anything but a SHA-256.
pub(super) fn parse(file: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    hex::decode_to_slice(file, &mut digest).ok()?;
    Some(digest)
}
