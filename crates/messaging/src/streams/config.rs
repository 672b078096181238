//! What a stream or bucket of ours is to be like.

use super::{BUCKETS, Definition, STREAMS, Settings, bucket_keeps};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;

/// A stream or bucket of ours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Stream(&'static Definition),
    Bucket(&'static str),
}

impl Target {
    /// All of them, streams first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let streams = STREAMS.iter().map(Self::Stream);
        streams.chain(BUCKETS.iter().copied().map(Self::Bucket))
    }

    /// As people call it.
    pub(super) fn title(self) -> String {
        match self {
            Self::Stream(stream) => stream.name.to_owned(),
            Self::Bucket(name) => format!("bucket {name}"),
        }
    }

    /// Its name in [`Settings::limits`].
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Stream(stream) => stream.name,
            Self::Bucket(name) => name,
        }
    }

    /// The name of the stream that it is.
    pub(super) fn stream(self) -> String {
        match self {
            Self::Stream(stream) => stream.name.to_owned(),
            Self::Bucket(name) => format!("KV_{name}"),
        }
    }

    /// How it is to be. Copies, age and bytes are left as they are where the settings say nothing: they
    /// belong to the installation.
    pub(super) fn config(self, settings: &Settings, is: Option<&Config>) -> Config {
        let limits = settings.limits.get(self.key()).copied().unwrap_or_default();
        let replicas = limits.replicas.or(settings.replicas);
        let replicas = replicas.or(is.map(|is| is.num_replicas)).unwrap_or(1);
        let mut config = match self {
            Self::Stream(definition) => stream(definition),
            Self::Bucket(name) => bucket(name, replicas),
        };
        config.num_replicas = replicas;
        let kept = is.map_or((config.max_age, config.max_bytes), |is| (is.max_age, is.max_bytes));
        config.max_age = limits.max_age.unwrap_or(kept.0);
        config.max_bytes = limits.max_bytes.unwrap_or(kept.1);
        config
    }
}

fn stream(stream: &Definition) -> Config {
    Config {
        name: stream.name.into(),
        subjects: stream.subjects.iter().map(ToString::to_string).collect(),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_age: stream.keeps.unwrap_or_default(),
        duplicate_window: Duration::from_secs(120),
        deny_delete: !stream.erasable,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Default::default()
    }
}

// The client's own `create_key_value` fails on nats-server 2.9, so a bucket is made as the stream
// that it is.
fn bucket(name: &str, replicas: usize) -> Config {
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        max_age: bucket_keeps(name).unwrap_or_default(),
        duplicate_window: Duration::from_secs(120),
        allow_rollup: true,
        deny_delete: true,
        // A direct get may be answered by a follower that is behind; with one copy there is none.
        allow_direct: replicas == 1,
        max_messages: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Default::default()
    }
}
