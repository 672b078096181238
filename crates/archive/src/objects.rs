//! Files in the object store of NATS, written once.
//!
//! They lie as any client of NATS expects objects to lie (`nats object ls ARCHIVE`): pieces on `$O.ARCHIVE.C.<id>`, and
//! one message on `$O.ARCHIVE.M.<name>` that names them. The pieces come first, are read again, and only then named. A
//! name that is taken is never written again: it says what is in the file. The id of the pieces begins with the day that
//! the file is about, so that what a killed writer left is known as such once that day is written by somebody else.

use crate::day::Day;
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use chrono::Utc;
use messaging::publish::{Outgoing, Published};
use messaging::streams::{ARCHIVE, ARCHIVE_OBJECTS};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use state::wire::{Message, Wire};
use std::collections::{BTreeMap, HashSet};

/// Bytes of a piece, as clients of NATS choose it.
const PIECE_BYTES: usize = 128 * 1024;
/// Most bytes of a file.
pub(crate) const OBJECT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The description of an object, in the form of NATS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Its name.
    pub(crate) name: String,
    bucket: String,
    /// The id of its pieces.
    nuid: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was written.
    mtime: String,
    chunks: u64,
    /// `SHA-256=` and the digest in base64.
    digest: String,
    options: Options,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    max_chunk_size: u64,
}

/// The objects of the archive.
#[derive(Clone, Debug)]
pub(crate) struct Objects<W> {
    wire: W,
    piece_bytes: usize,
}

fn meta_subject(name: &str) -> String {
    format!("$O.{ARCHIVE}.M.{}", URL_SAFE.encode(name))
}

fn pieces_subject(id: &str) -> String {
    format!("$O.{ARCHIVE}.C.{id}")
}

#[expect(clippy::disallowed_methods, reason = "a store of objects says when each was written")]
fn now() -> String {
    Utc::now().to_rfc3339()
}

fn digest(bytes: &[u8]) -> String {
    format!("SHA-256={}", URL_SAFE.encode(Sha256::digest(bytes)))
}

impl<W: Wire> Objects<W> {
    /// `message_bytes_max` is what the server takes.
    pub(crate) fn new(wire: W, message_bytes_max: usize) -> Self {
        Self { wire, piece_bytes: PIECE_BYTES.min(message_bytes_max / 2).max(1) }
    }

    /// The object of a name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Object>, Error> {
        let found = self.wire.last(ARCHIVE_OBJECTS, &meta_subject(name)).await?;
        found.map(|found| read_meta(&found)).transpose()
    }

    /// Writes a file of `day`; one that is there under this name is left, and returned. It is read again before it is
    /// named.
    pub(crate) async fn put(&self, day: Day, name: &str, bytes: &Bytes) -> Result<Object, Error> {
        if let Some(object) = self.find(name).await? {
            return Ok(object);
        }
        let id = format!("{day}-{}", self.wire.unique());
        let subject = pieces_subject(&id);
        let (mut last, mut chunks) = (0, 0);
        for piece in bytes.chunks(self.piece_bytes) {
            let message = Outgoing::new(subject.clone(), bytes.slice_ref(piece));
            match self.wire.put(message, last).await? {
                Published::Stored(sequence) => last = sequence,
                Published::Occupied => {
                    return Err(Error::Damaged {
                        name: name.to_owned(),
                        reason: "a piece is not where it was written".to_owned(),
                    });
                }
            }
            chunks += 1;
        }
        let object = Object {
            name: name.to_owned(),
            bucket: ARCHIVE.to_owned(),
            nuid: id,
            size: bytes.len() as u64,
            mtime: now(),
            chunks,
            digest: digest(bytes),
            options: Options { max_chunk_size: self.piece_bytes as u64 },
        };
        self.read(&object).await?;
        let meta = serde_json::to_vec(&object).map_err(|error| Error::damaged(name, error))?;
        match self.wire.put(Outgoing::new(meta_subject(name), meta.into()), 0).await? {
            Published::Stored(_) => Ok(object),
            // Somebody else was faster, with the same content.
            Published::Occupied => {
                self.remove_pieces(&object.nuid).await?;
                let found = self.find(name).await?;
                found.ok_or_else(|| Error::damaged(name, "it was removed while it was written"))
            }
        }
    }

    /// What is in it.
    pub(crate) async fn get(&self, name: &str) -> Result<Bytes, Error> {
        let found = self.find(name).await?;
        let object = found.ok_or_else(|| Error::damaged(name, "it is not there"))?;
        self.read(&object).await
    }

    async fn read(&self, object: &Object) -> Result<Bytes, Error> {
        let subject = pieces_subject(&object.nuid);
        let (mut whole, mut pieces, mut is_too_large) = (Vec::new(), 0_u64, false);
        let mut each = |message: Message| {
            is_too_large |= OBJECT_BYTES_MAX < whole.len() + message.payload.len();
            if !is_too_large {
                whole.extend_from_slice(&message.payload);
            }
            pieces += 1;
        };
        self.wire.read(ARCHIVE_OBJECTS, &subject, 1, true, &mut each).await?;
        let wrong = |reason: String| Err(Error::damaged(&object.name, reason));
        if is_too_large {
            return wrong(format!("it has more than {OBJECT_BYTES_MAX} bytes"));
        }
        if pieces != object.chunks {
            return wrong(format!("{pieces} of its {} pieces are there", object.chunks));
        }
        if digest(&whole) != object.digest {
            return wrong("it is not what was written".to_owned());
        }
        Ok(whole.into())
    }

    /// Removes an object: first its name, then its pieces.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Error> {
        let Some(object) = self.find(name).await? else { return Ok(()) };
        self.wire.remove(ARCHIVE_OBJECTS, &meta_subject(name), u64::MAX - 1).await?;
        self.remove_pieces(&object.nuid).await
    }

    async fn remove_pieces(&self, id: &str) -> Result<(), Error> {
        Ok(self.wire.remove(ARCHIVE_OBJECTS, &pieces_subject(id), u64::MAX - 1).await?)
    }

    /// All objects, by name.
    pub(crate) async fn list(&self) -> Result<BTreeMap<String, Object>, Error> {
        let (mut found, mut wrong) = (BTreeMap::new(), None);
        let mut each = |message: Message| match read_meta(&message) {
            Ok(object) => drop(found.insert(object.name.clone(), object)),
            Err(error) => wrong = Some(error),
        };
        let filter = format!("$O.{ARCHIVE}.M.*");
        self.wire.read(ARCHIVE_OBJECTS, &filter, 1, true, &mut each).await?;
        wrong.map_or(Ok(found), Err)
    }

    /// Removes what writers of days up to `to` left behind that `is_named` does not name; how many objects and pieces
    /// of objects. Nobody can name it any more: each day is named once.
    pub(crate) async fn sweep(
        &self,
        to: Day,
        is_named: impl Fn(&str) -> bool + Send,
    ) -> Result<u64, Error> {
        let mut removed = 0;
        let mut kept = HashSet::new();
        for (name, object) in self.list().await? {
            let day = object.nuid.get(..DAY_BYTES).and_then(Day::parse);
            if is_named(&name) || day.is_none_or(|day| to < day) {
                kept.insert(object.nuid);
                continue;
            }
            self.remove(&name).await?;
            removed += 1;
        }
        let mut left = HashSet::new();
        let mut each = |message: Message| {
            let id = message.subject.rsplit('.').next().unwrap_or_default();
            let day = id.get(..DAY_BYTES).and_then(Day::parse);
            if day.is_some_and(|day| day <= to) && !kept.contains(id) {
                left.insert(id.to_owned());
            }
        };
        let filter = format!("$O.{ARCHIVE}.C.*");
        self.wire.read(ARCHIVE_OBJECTS, &filter, 1, false, &mut each).await?;
        for id in left {
            self.remove_pieces(&id).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Of a day's name.
const DAY_BYTES: usize = "2026-01-31".len();

fn read_meta(message: &Message) -> Result<Object, Error> {
    serde_json::from_slice(&message.payload)
        .map_err(|error| Error::damaged(&message.subject, error))
}
