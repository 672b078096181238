//! Names of time zones after a time: `PST`, `CEST`, `Europe/Paris`.

use chrono::{FixedOffset, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{OffsetName as _, Tz};

/// Names with a unique offset, in minutes. Ambiguous names (`IST`, `CST`, `BST`) are not listed; they
/// are accepted if the partner's own zone uses them.
const NAMES: [(&str, i32); 44] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("UT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("MEZ", 60),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("TRT", 180),
    ("NST", -210),
    ("NDT", -150),
    ("ADT", -180),
    ("EST", -300),
    ("EDT", -240),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("BRT", -180),
    ("ART", -180),
    ("CLT", -240),
    ("SAST", 120),
    ("PKT", 300),
    ("WIB", 420),
    ("SGT", 480),
    ("HKT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("ACDT", 630),
];
/// The offset of `name` at `local`; the partner's zone is `zone`.
pub(crate) fn offset(name: &str, local: NaiveDateTime, zone: Tz) -> Option<FixedOffset> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    // If a time occurs twice, the name decides.
    let own = |zone: Tz| {
        let found = zone.offset_from_local_datetime(&local);
        let offsets = [found.earliest(), found.latest()];
        offsets.into_iter().flatten().find(|o| o.abbreviation().is_some_and(is)).map(|o| o.fix())
    };
    if let Some(offset) = own(zone) {
        return Some(offset);
    }
    let minutes = NAMES.iter().find(|(known, _)| is(known)).map(|(_, m)| *m);
    if let Some(minutes) = minutes {
        return FixedOffset::east_opt(minutes * 60);
    }
    if !name.contains('/') {
        return None;
    }
    let zone: Tz = name.parse().ok()?;
    zone.offset_from_local_datetime(&local).earliest().map(|offset| offset.fix())
}

/// The name at the start of `text`, and the rest.
pub(crate) fn name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_');
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
}
