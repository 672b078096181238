//! Signatures of Standard Webhooks 1.0 (HMAC-SHA-256, `v1`).
//!
//! Secrets are not kept: each is derived from the secret `webhooks-key`, the subscription and a version, which a rotation
//! raises.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, sign};
use runtime::Secret;

/// What a signing secret begins with.
const PREFIX: &str = "whsec_";

/// Derives the secrets of subscriptions.
pub(crate) struct Secrets(Key);

impl Secrets {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Key::new(HMAC_SHA256, secret.expose().as_bytes()))
    }

    /// The 32 bytes with which messages of a subscription are signed.
    fn bytes(&self, partner: &str, id: &str, version: u32) -> Vec<u8> {
        // Partner and id contain no line end, so two subscriptions never give the same text.
        let text = format!("{partner}\n{id}\n{version}");
        sign(&self.0, text.as_bytes()).as_ref().to_vec()
    }

    /// The secret as its holder configures it: `whsec_` and Base64.
    pub(crate) fn shown(&self, partner: &str, id: &str, version: u32) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.bytes(partner, id, version)))
    }

    /// The header `webhook-signature`: a signature with each version, separated by blanks.
    pub(crate) fn signatures(
        &self,
        (partner, id): (&str, &str),
        versions: &[u32],
        message: &Message<'_>,
    ) -> String {
        let of = |version: &u32| message.signed(&self.bytes(partner, id, *version));
        versions.iter().map(of).collect::<Vec<_>>().join(" ")
    }
}

/// What is signed.
pub(crate) struct Message<'a> {
    /// `webhook-id`: the same for all attempts. Without a dot.
    pub(crate) id: &'a str,
    /// `webhook-timestamp`: seconds since 1970, of this attempt.
    pub(crate) timestamp: i64,
    pub(crate) body: &'a str,
}

impl Message<'_> {
    fn signed(&self, key: &[u8]) -> String {
        let text = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let tag = sign(&Key::new(HMAC_SHA256, key), text.as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specifications_libraries() {
        // From the tests of standard-webhooks/libraries.
        let message = Message {
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            timestamp: 1_649_367_553,
            body: r#"{"email":"test@example.com","username":"test_user"}"#,
        };
        let key = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        assert_eq!(message.signed(&key), "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn each_subscription_and_version_has_a_secret_of_its_own() {
        let secrets = Secrets::new(&Secret::new("0123456789abcdef0123456789abcdef"));
        let one = secrets.shown("US1", "shop", 1);
        assert!(one.starts_with("whsec_") && one.len() == 6 + 44, "{one}");
        for (partner, id, version) in [("US2", "shop", 1), ("US1", "shop2", 1), ("US1", "shop", 2)]
        {
            assert_ne!(secrets.shown(partner, id, version), one);
        }
        assert_eq!(secrets.shown("US1", "shop", 1), one);
        let message = Message { id: "m", timestamp: 1, body: "{}" };
        let both = secrets.signatures(("US1", "shop"), &[2, 1], &message);
        assert_eq!(both.split(' ').count(), 2);
    }
}
