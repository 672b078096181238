//! Files that should have come and did not: once for each partner and day, on `errors.alert.file.…`.

use crate::NAME;
use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::access::Account;
use intake::arrival::Arrived;
use intake::expected::{self, Overdue};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Event, Nats, events, streams, subject};
use serde::Serialize;

#[derive(Serialize)]
struct Alert<'a> {
    partner: &'a PartnerId,
    #[serde(flatten)]
    overdue: &'a Overdue,
    newest: Option<DateTime<Utc>>,
}

/// The partner's file that is overdue at `now`, if one is; the alert is stored then.
pub(crate) async fn look(
    nats: &Nats,
    account: &Account,
    now: DateTime<Utc>,
) -> Result<Option<Overdue>, String> {
    if account.settings.expected.is_none() {
        return Ok(None);
    }
    let partner = &account.partner;
    let newest = newest(nats, partner).await?;
    let Some(overdue) = expected::overdue(&account.settings, newest, now) else { return Ok(None) };
    let subject = subject::missing_file(partner, &overdue.date.to_string());
    let alert = Alert { partner, overdue: &overdue, newest };
    let source = format!("/functions/{NAME}");
    let mut event = Event::new(subject.clone(), &source, events::ALERT_FILE, &subject, alert);
    event.partner = Some(partner.clone());
    event.time = Some(now);
    let message = Outgoing::new(subject, event.to_bytes());
    match publish::one(nats, &message, Some(0)).await {
        Ok(Published::Stored(_)) => {
            tracing::error!(%partner, expected = overdue.expected, date = %overdue.date, "no file came");
        }
        Ok(Published::Occupied) => {}
        Err(error) => return Err(error.to_string()),
    }
    Ok(Some(overdue))
}

/// When the partner's last file to arrive was last changed.
async fn newest(nats: &Nats, partner: &PartnerId) -> Result<Option<DateTime<Utc>>, String> {
    let filter = format!("files.arrived.{partner}.>");
    let last = publish::last(nats, streams::FILES, &filter).await.map_err(|e| e.to_string())?;
    let Some(last) = last else { return Ok(None) };
    let event: Event<Arrived> =
        serde_json::from_slice(&last.payload).map_err(|error| error.to_string())?;
    let seconds = event.data.and_then(|arrived| i64::try_from(arrived.mtime).ok());
    Ok(seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
}
