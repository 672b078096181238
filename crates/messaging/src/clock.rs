//! What time it is at nats-server.

use crate::Nats;
use crate::stored::LookupError;
use crate::streams::JOURNAL;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How long a consumer is kept that could not be removed.
const KEPT: Duration = Duration::from_secs(5);

/// The time of the server that leads. nats-server 2.9 says it only of what is made just then, so a consumer from which
/// nothing is fetched is made, and removed.
///
/// # Errors
/// The server did not answer.
pub async fn server_time(nats: &Nats) -> Result<DateTime<Utc>, LookupError> {
    let wrong = |reason| LookupError::new("the server's time".to_owned(), reason);
    let config = pull::Config {
        description: Some("tells the server's time".to_owned()),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::None,
        inactive_threshold: KEPT,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let stream = nats.js.get_stream_no_info(JOURNAL).await;
    let stream = stream.map_err(|error| wrong(error.to_string()))?;
    let consumer = stream.create_consumer(config).await;
    let consumer = consumer.map_err(|error| wrong(error.to_string()))?;
    let info = consumer.cached_info();
    if let Err(error) = stream.delete_consumer(&info.name).await {
        tracing::debug!(%error, "the consumer stays for a moment");
    }
    let created = info.created.unix_timestamp_nanos();
    Ok(DateTime::from_timestamp_nanos(i64::try_from(created).unwrap_or_default()))
}
