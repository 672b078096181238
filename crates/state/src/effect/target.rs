//! Who a message is for, without saying where that is.

use super::delivery::Cause;
use messaging::subject::{text, token};
use sha2::{Digest as _, Sha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
/// Digits of a pseudonym, and of what tells causes with the same id apart.
const DIGITS: usize = 32;

/// Turns addresses into names that tell nothing to who does not have the secret.
#[derive(Clone)]
pub struct Pseudonyms {
    secret: [u8; BLOCK],
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// With this secret, 16 random bytes or more. With another one every address has another name: what was
    /// sent before the change may then be sent again.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        let digest = Sha256::digest(secret);
        let key = if BLOCK < secret.len() { &digest[..] } else { secret };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self { secret: block }
    }

    /// The name of a text, 32 digits of `0-9 a-f`: its HMAC-SHA-256, cut.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.secret.map(|byte| byte ^ 0x36));
        let inner = inner.chain_update(text).finalize();
        let outer = Sha256::new().chain_update(self.secret.map(|byte| byte ^ 0x5c));
        cut(&outer.chain_update(inner).finalize())
    }
}

fn cut(digest: &[u8]) -> String {
    let mut digits = hex::encode(digest);
    digits.truncate(DIGITS);
    digits
}

/// Who a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    lane: String,
    name: String,
}

impl Target {
    /// Something that has an id, such as an endpoint: it is a lane of its own.
    #[must_use]
    pub fn id(lane: &str) -> Self {
        Self { lane: lane.to_owned(), name: "-".to_owned() }
    }

    /// One of many addresses that are reached through the same lane, such as `mail`.
    #[must_use]
    pub fn address(lane: &str, address: &str, pseudonyms: &Pseudonyms) -> Self {
        Self { lane: lane.to_owned(), name: pseudonyms.of(address) }
    }
}

/// Where a message stands in the outbox, and its delivery in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `<function>.<lane>.<event>.<digest>.<target>`, each as a token.
    key: String,
}

impl Place {
    pub(super) fn new(function: &str, target: &Target, cause: &Cause) -> Self {
        let mut digest = Sha256::new();
        for part in [&cause.source, &cause.kind, &cause.subject] {
            // With its length, so that no two causes give the same bytes.
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        let (lane, id, digest) = (token(&target.lane), token(&cause.id), cut(&digest.finalize()));
        Self { key: format!("{}.{lane}.{id}.{digest}.{}", token(function), target.name) }
    }

    /// The place of a message of the outbox, if a function put it there.
    pub(super) fn of_subject(subject: &str) -> Option<Self> {
        let key = subject.strip_prefix("outbox.")?;
        (key.split('.').count() == 5).then(|| Self { key: key.to_owned() })
    }

    /// The place that [`Place::id`] names, if it is one of this function.
    pub(super) fn of_id(function: &str, id: &str) -> Option<Self> {
        let place = Self::of_subject(&format!("outbox.{id}"))?;
        let is_token = |part: &str| text(part).is_some() && !part.is_empty();
        let is_ours = id.split('.').next() == Some(token(function).as_str());
        (is_ours && id.split('.').all(is_token)).then_some(place)
    }

    /// Its name for clients.
    pub(super) fn id(&self) -> &str {
        &self.key
    }

    pub(super) fn outbox(&self) -> String {
        format!("outbox.{}", self.key)
    }

    pub(super) fn delivery(&self) -> String {
        format!("$KV.{}.{}", messaging::streams::EFFECTS, self.key)
    }

    pub(super) fn lane(&self) -> String {
        self.key.split('.').nth(1).and_then(text).unwrap_or_default()
    }

    /// The same for all attempts.
    pub(super) fn idempotency_key(&self) -> String {
        hex::encode(Sha256::digest(&self.key))
    }
}

/// Subjects of the bucket under which deliveries of an event stand.
pub(super) fn of_event(function: &str, event: &str) -> String {
    let (function, event) = (token(function), token(event));
    format!("$KV.{}.{function}.*.{event}.>", messaging::streams::EFFECTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(id: &str, source: &str) -> Cause {
        let (kind, subject) = ("t".into(), "s".into());
        Cause { id: id.into(), source: source.into(), kind, subject }
    }

    #[test]
    fn pseudonyms_are_hmac() {
        // RFC 4231, test cases 2 and 6.
        let short = Pseudonyms::new(b"Jefe").of("what do ya want for nothing?");
        assert_eq!(short, "5bdcc146bf60754e6a042426089575c7");
        let long = Pseudonyms::new(&[0xaa; 131]);
        let of = long.of("Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(of, "60e431591ee0b67f0d8a26aacbf5b77f");
    }

    #[test]
    fn a_place_tells_no_address_and_is_one_for_each_event_and_target() {
        let names = Pseudonyms::new(b"secret");
        let mail = Target::address("mail", "ann@example.com", &names);
        let place = Place::new("notifier", &mail, &cause("US1:a.1", "/p"));
        assert!(!place.outbox().contains("ann"), "{}", place.outbox());
        assert_eq!(Place::of_subject(&place.outbox()), Some(place.clone()));
        assert_eq!(place.lane(), "mail");
        let bob = Target::address("mail", "bob@example.com", &names);
        for other in [
            Place::new("notifier", &bob, &cause("US1:a.1", "/p")),
            Place::new("notifier", &mail, &cause("US1:a.1", "/q")),
            Place::new("notifier", &mail, &cause("US1:a.2", "/p")),
            Place::new("notifier", &Target::id("mail"), &cause("US1:a.1", "/p")),
            Place::new("webhooks", &mail, &cause("US1:a.1", "/p")),
        ] {
            assert_ne!(other, place);
            assert_ne!(other.idempotency_key(), place.idempotency_key());
        }
        let filter = of_event("notifier", "US1:a.1");
        assert!(messaging::subject::matches(&filter, &place.delivery()));
    }
}
