//! Overdue files: one alert for each partner and day, on `errors.alert.file.…`.

use crate::NAME;
use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::access::Account;
use intake::arrival::Arrived;
use intake::expected::{self, Overdue};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Event, Nats, events, stored, streams, subject, tail};
use serde::Serialize;

#[derive(Serialize)]
struct Alert<'a> {
    partner: &'a PartnerId,
    #[serde(flatten)]
    overdue: &'a Overdue,
    newest: Option<DateTime<Utc>>,
}

/// The overdue file of the partner at `now`, if there is one; its alert is then stored.
pub(crate) async fn look(
    nats: &Nats,
    account: &Account,
    now: DateTime<Utc>,
) -> Result<Option<Overdue>, String> {
    if account.settings.expected.is_none() {
        return Ok(None);
    }
    let partner = &account.partner;
    let is_overdue = |newest| expected::overdue(&account.settings, newest, now);
    if is_overdue(last(nats, partner).await?).is_none() {
        return Ok(None);
    }
    // A file with an earlier modification time may have arrived after the expected one.
    let newest = newest(nats, partner).await?;
    let Some(overdue) = is_overdue(newest) else { return Ok(None) };
    let subject = subject::missing_file(partner, &overdue.date.to_string());
    let alert = Alert { partner, overdue: &overdue, newest };
    let source = format!("/functions/{NAME}");
    let mut event = Event::new(subject.clone(), &source, events::ALERT_FILE, &subject, alert);
    event.partner = Some(partner.clone());
    event.time = Some(now);
    let message = Outgoing::new(subject, event.to_bytes());
    match publish::one(nats, &message, Some(0)).await {
        Ok(Published::Stored(_)) => {
            tracing::error!(%partner, expected = overdue.expected, date = %overdue.date, "the file is missing");
        }
        Ok(Published::Occupied) => {}
        Err(error) => return Err(error.to_string()),
    }
    Ok(Some(overdue))
}

/// The modification time of the partner's last file to arrive.
async fn last(nats: &Nats, partner: &PartnerId) -> Result<Option<DateTime<Utc>>, String> {
    let last = stored::last(nats, streams::FILES, &arrived(partner)).await;
    Ok(last.map_err(|error| error.to_string())?.and_then(|last| changed(&last.payload)))
}

/// The latest modification time of all files of the partner.
async fn newest(nats: &Nats, partner: &PartnerId) -> Result<Option<DateTime<Utc>>, String> {
    let (mut newest, filter) = (None, arrived(partner));
    let read = tail::read(nats, streams::FILES, &filter, 1, false, |message| {
        newest = newest.max(changed(&message.payload));
    });
    read.await.map_err(|error| error.to_string())?;
    Ok(newest)
}

fn arrived(partner: &PartnerId) -> String {
    format!("files.arrived.{partner}.>")
}

fn changed(event: &[u8]) -> Option<DateTime<Utc>> {
    let event: Event<Arrived> = serde_json::from_slice(event).ok()?;
    DateTime::from_timestamp(i64::try_from(event.data?.mtime).ok()?, 0)
}
