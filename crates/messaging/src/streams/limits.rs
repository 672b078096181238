//! What an installation may choose for its streams.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::{BUCKETS, STREAMS};

const DAY: u64 = 24 * 60 * 60;
const UNITS: [(&str, u64); 4] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// What an installation chose. The default keeps the number of copies that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Copies of each message: 1, 3 or 5. Nothing keeps what is there, and makes new streams with 1.
    pub replicas: Option<usize>,
    /// By the name of a stream or bucket.
    pub limits: BTreeMap<String, Limits>,
    /// May a stream keep less than now, or in fewer copies?
    pub shrink: bool,
}

impl Settings {
    /// New streams with so many copies.
    #[must_use]
    pub fn copies(replicas: usize) -> Self {
        Self { replicas: Some(replicas), ..Self::default() }
    }

    /// With these limits; a later one for the same stream wins.
    #[must_use]
    pub fn with(mut self, limits: impl IntoIterator<Item = Limit>) -> Self {
        for Limit { stream, limits } in limits {
            let known = self.limits.entry(stream).or_default();
            known.replicas = limits.replicas.or(known.replicas);
            known.max_age = limits.max_age.or(known.max_age);
            known.max_bytes = limits.max_bytes.or(known.max_bytes);
        }
        self
    }
}

/// Limits of one stream; what is nothing is left to the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Copies of each message.
    pub replicas: Option<usize>,
    /// How long messages are kept; zero means for ever.
    pub max_age: Option<Duration>,
    /// Bytes on disk before the stream takes no more messages; -1 means any number.
    pub max_bytes: Option<i64>,
}

/// Limits of the stream of that name: `ORDERS:age=180d,bytes=20GiB,replicas=3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// A stream or bucket.
    pub stream: String,
    /// What it is to have.
    pub limits: Limits,
}

/// A text is no [`Limit`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {reason}; write for instance ORDERS:age=180d,bytes=20GiB,replicas=3")]
pub struct NoLimit {
    text: String,
    reason: String,
}

impl FromStr for Limit {
    type Err = NoLimit;

    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let wrong = |reason: String| NoLimit { text: text.to_owned(), reason };
        let (stream, rest) = text.split_once(':').ok_or_else(|| wrong("it has no colon".into()))?;
        let known = STREAMS.iter().map(|stream| stream.name).chain(BUCKETS.iter().copied());
        if !known.clone().any(|name| name == stream) {
            let known: Vec<&str> = known.collect();
            return Err(wrong(format!("there is no stream {stream}, but {}", known.join(", "))));
        }
        let mut limits = Limits::default();
        for part in rest.split(',') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| wrong(format!("{part:?} has no value")))?;
            match name {
                "age" => limits.max_age = Some(age(value).map_err(wrong)?),
                "bytes" => limits.max_bytes = Some(bytes(value).map_err(wrong)?),
                "replicas" => limits.replicas = Some(replicas(value).map_err(wrong)?),
                other => return Err(wrong(format!("{other:?} is not age, bytes or replicas"))),
            }
        }
        Ok(Self { stream: stream.to_owned(), limits })
    }
}

fn age(value: &str) -> Result<Duration, String> {
    let days = match value {
        "forever" => Some(0),
        // A century is more than anybody waits for, and no number of seconds overflows.
        value => value.strip_suffix('d').and_then(|days| days.parse().ok()),
    };
    let days = days.filter(|days: &u64| value == "forever" || (1..=36_500).contains(days));
    let days = days.ok_or_else(|| format!("age {value:?} is not 1d to 36500d, or forever"))?;
    Ok(Duration::from_secs(days * DAY))
}

fn bytes(value: &str) -> Result<i64, String> {
    if value == "any" {
        return Ok(-1);
    }
    let wrong = || format!("bytes {value:?} is not a number of KiB, MiB, GiB or TiB, or any");
    let unit = UNITS.iter().find_map(|(unit, size)| Some((value.strip_suffix(unit)?, *size)));
    let (number, size) = unit.ok_or_else(wrong)?;
    let number: u64 = number.parse().ok().filter(|number| 0 < *number).ok_or_else(wrong)?;
    let bytes = number.checked_mul(size).and_then(|bytes| i64::try_from(bytes).ok());
    bytes.ok_or_else(wrong)
}

fn replicas(value: &str) -> Result<usize, String> {
    match value {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        other => Err(format!("replicas {other:?}: 1, 3 and 5 are possible")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_with_their_units() {
        let limit: Limit = "ORDERS:age=180d,bytes=20GiB,replicas=3".parse().unwrap();
        assert_eq!(limit.stream, "ORDERS");
        assert_eq!(limit.limits.max_age, Some(Duration::from_secs(180 * DAY)));
        assert_eq!(limit.limits.max_bytes, Some(20 << 30));
        assert_eq!(limit.limits.replicas, Some(3));
        let limit: Limit = "FILES_LEDGER:age=forever,bytes=any".parse().unwrap();
        assert_eq!(
            (limit.limits.max_age, limit.limits.max_bytes),
            (Some(Duration::ZERO), Some(-1))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("ORDERS", "no colon"),
            ("ORDER:age=1d", "no stream ORDER, but FILES"),
            ("ORDERS:age", "has no value"),
            ("ORDERS:age=1h", "not 1d to 36500d"),
            ("ORDERS:age=0d", "not 1d to 36500d"),
            ("ORDERS:age=36501d", "not 1d to 36500d"),
            ("ORDERS:bytes=5", "KiB"),
            ("ORDERS:bytes=0GiB", "KiB"),
            ("ORDERS:bytes=99999999999TiB", "KiB"),
            ("ORDERS:replicas=2", "1, 3 and 5"),
            ("ORDERS:size=1GiB", "not age, bytes or replicas"),
        ] {
            let error = text.parse::<Limit>().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("for instance"), "{error}");
        }
    }

    #[test]
    fn a_later_limit_of_the_same_stream_wins_and_leaves_the_others() {
        let limits =
            ["ORDERS:age=10d,replicas=3", "ORDERS:age=20d"].map(|text| text.parse().unwrap());
        let settings = Settings::default().with(limits);
        let orders = settings.limits["ORDERS"];
        assert_eq!(orders.max_age, Some(Duration::from_secs(20 * DAY)));
        assert_eq!(orders.replicas, Some(3));
    }
}
