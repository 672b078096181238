//! Dates in a partner's formats and time zone.

use crate::config_error::ConfigError;
use crate::zones;
use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse, parse_and_remainder};
use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
};
use chrono_tz::Tz;
use std::fmt::Write as _;

/// The format that is parsed without the general parser.
const FAST: &str = "%Y-%m-%d %H:%M:%S";
/// Accepted years of orders.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// Reads dates.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    formats: Vec<Format>,
    zone: Tz,
}

/// The last date read, as text and time: the rows of an order mostly have the same date.
#[derive(Debug, Default)]
pub(crate) struct LastDate(String, i64);

#[derive(Clone, Debug)]
struct Format {
    fast: bool,
    items: Vec<Item<'static>>,
    /// The position of a zone name among them.
    zone_at: Option<usize>,
}

impl Dates {
    pub(crate) fn new(formats: &[String], time_zone: &str) -> Result<Self, ConfigError> {
        let zone = time_zone.parse().map_err(|_| ConfigError::TimeZone(time_zone.to_owned()))?;
        if formats.is_empty() {
            return Err(ConfigError::NoDateFormat);
        }
        let formats = formats.iter().map(|f| Format::new(f)).collect::<Result<_, _>>()?;
        Ok(Self { formats, zone })
    }

    /// Milliseconds since 1970 in UTC, by the first format that matches.
    ///
    /// A local time that occurs twice is the earlier one; one that is skipped by the clock is moved
    /// forward by the length of the jump.
    pub(crate) fn read(&self, text: &str, last: &mut LastDate) -> Option<i64> {
        if !text.is_empty() && last.0 == text {
            return Some(last.1);
        }
        let millis = self.formats.iter().find_map(|format| format.read(text, self.zone))?;
        last.0.clear();
        last.0.push_str(text);
        last.1 = millis;
        Some(millis)
    }
}

impl Format {
    fn new(format: &str) -> Result<Self, ConfigError> {
        let error = |problem| ConfigError::DateFormat { format: format.to_owned(), problem };
        let items = StrftimeItems::new(format)
            .parse_to_owned()
            .map_err(|_| error("is not a strftime format"))?;
        // The format must be able to read what it writes.
        let sample = DateTime::from_timestamp_millis(1_323_419_940_000).expect("a date in 2011");
        let mut written = String::new();
        let strict: Vec<_> = items.iter().map(|item| offset_as(item, "%:z")).collect();
        write!(written, "{}", sample.format_with_items(strict.iter()))
            .map_err(|_| error("cannot be written"))?;
        let items: Vec<_> = items.iter().map(|item| offset_as(item, "%#z")).collect();
        let zone_at = items.iter().position(|item| *item == Item::Fixed(Fixed::TimezoneName));
        let this = Self { fast: format == FAST, items, zone_at };
        match this.read(&written, Tz::UTC) {
            Some(_) => Ok(this),
            None => Err(error("does not make a date")),
        }
    }

    fn read(&self, text: &str, zone: Tz) -> Option<i64> {
        if self.fast
            && let Some(local) = fast(text.as_bytes())
        {
            return in_zone(local, zone);
        }
        let mut parsed = Parsed::new();
        let mut named = None;
        match self.zone_at.and_then(|at| self.items.split_at_checked(at)) {
            None => parse(&mut parsed, text, self.items.iter()).ok()?,
            // The general parser accepts any name and ignores it.
            Some((before, behind)) => {
                let rest = parse_and_remainder(&mut parsed, text, before.iter()).ok()?;
                let (name, rest) = zones::name(rest)?;
                parse(&mut parsed, rest, behind.iter().skip(1)).ok()?;
                named = Some(name);
            }
        }
        if parsed.offset().is_some() || parsed.timestamp().is_some() {
            let time = parsed.to_datetime().ok()?;
            return YEARS.contains(&time.year()).then(|| time.timestamp_millis());
        }
        let local = match parsed.to_naive_datetime_with_offset(0) {
            Ok(local) => local,
            Err(_) if has_time(&parsed) => return None,
            Err(_) => parsed.to_naive_date().ok()?.and_time(NaiveTime::MIN),
        };
        let Some(name) = named else { return in_zone(local, zone) };
        let time = local.checked_sub_offset(zones::offset(name, local, zone)?)?.and_utc();
        YEARS.contains(&time.year()).then(|| time.timestamp_millis())
    }
}

/// `item`, with an offset replaced by the format `like`: `%#z` reads `Z`, `+01`, `+0100` and `+01:00`
/// but cannot write; `%:z` writes.
fn offset_as(item: &Item<'static>, like: &'static str) -> Item<'static> {
    let first = |format| StrftimeItems::new(format).next();
    let offsets = ["%z", "%:z", "%#z"].map(first);
    if offsets.contains(&Some(item.clone())) {
        return first(like).unwrap_or_else(|| item.clone());
    }
    item.clone()
}

fn has_time(parsed: &Parsed) -> bool {
    parsed.hour_mod_12().is_some() || parsed.hour_div_12().is_some() || parsed.minute().is_some()
}

/// Reads `2011-12-09 08:39:00` with all digits in fixed positions.
fn fast(text: &[u8]) -> Option<NaiveDateTime> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h, b' ', i, j, b':', k, l, b':', m, n] = text else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
    };
    let year = i32::try_from(two(a, b)? * 100 + two(c, d)?).ok()?;
    NaiveDate::from_ymd_opt(year, two(e, f)?, two(g, h)?)?.and_hms_opt(
        two(i, j)?,
        two(k, l)?,
        two(m, n)?,
    )
}

fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    if !YEARS.contains(&local.year()) {
        return None;
    }
    if let Some(time) = zone.from_local_datetime(&local).earliest() {
        return Some(time.timestamp_millis());
    }
    // The clock jumped over this time: use the offset from before the jump.
    let offset = (1..=48).find_map(|half_hours| {
        let before = local.checked_sub_signed(TimeDelta::minutes(30 * half_hours))?;
        Some(zone.from_local_datetime(&before).earliest()?.offset().fix())
    })?;
    let utc = local.checked_sub_offset(offset)?;
    Some(utc.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, zone: &str, text: &str, expected: &str) {
        let dates = Dates::new(&[format.to_owned()], zone).unwrap();
        let got = dates.read(text, &mut LastDate::default()).map_or("none".to_owned(), |millis| {
            DateTime::from_timestamp_millis(millis).unwrap().format("%FT%T%.fZ").to_string()
        });
        assert_eq!(got, expected, "for {text:?}");
    }

    #[test]
    fn a_local_time_is_read_in_the_partners_zone() {
        check(FAST, "Europe/London", "2011-12-09 08:39:00", "2011-12-09T08:39:00Z");
        check(FAST, "Europe/London", "2011-07-01 08:39:00", "2011-07-01T07:39:00Z");
        check("%d/%m/%Y", "Europe/Madrid", "09/12/2011", "2011-12-08T23:00:00Z");
        check("%d/%m/%Y %H:%M", "UTC", "9/12/2011 8:05", "2011-12-09T08:05:00Z");
    }

    #[test]
    fn a_local_time_that_exists_twice_is_the_earlier_one() {
        check(FAST, "Europe/London", "2011-10-30 01:30:00", "2011-10-30T00:30:00Z");
    }

    #[test]
    fn a_skipped_local_time_is_moved_forward() {
        check(FAST, "Europe/London", "2011-03-27 01:30:00", "2011-03-27T01:30:00Z");
        check("%Y-%m-%d", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z");
    }

    #[test]
    fn an_offset_in_the_text_wins_over_the_zone() {
        check(
            "%Y-%m-%dT%H:%M:%S%:z",
            "Europe/London",
            "2011-07-01T08:39:00+02:00",
            "2011-07-01T06:39:00Z",
        );
        for offset in ["Z", "+00", "+0000", "-00:00"] {
            let text = format!("2011-07-01T08:39:00{offset}");
            check("%Y-%m-%dT%H:%M:%S%:z", "Europe/London", &text, "2011-07-01T08:39:00Z");
            check("%Y-%m-%dT%H:%M:%S%#z", "Europe/London", &text, "2011-07-01T08:39:00Z");
        }
        check("%s", "Europe/London", "1323419940", "2011-12-09T08:39:00Z");
    }

    #[test]
    fn the_name_of_a_zone_in_the_text_wins_over_the_partners() {
        let format = "%Y-%m-%d %H:%M:%S %Z";
        for (text, expected) in [
            ("2026-03-01 10:00:00 PST", "2026-03-01T18:00:00Z"),
            ("2026-06-02 10:00:00 PDT", "2026-06-02T17:00:00Z"),
            ("2026-06-02 10:00:00 cest", "2026-06-02T08:00:00Z"),
            ("2026-06-02 10:00:00 UTC", "2026-06-02T10:00:00Z"),
            ("2026-06-02 10:00:00 America/New_York", "2026-06-02T14:00:00Z"),
            // In summer this is British time, the partner's own zone.
            ("2026-06-02 10:00:00 BST", "2026-06-02T09:00:00Z"),
            // This could be Chicago or China.
            ("2026-06-02 10:00:00 CST", "none"),
            ("2026-06-02 10:00:00 XYZ", "none"),
            ("2026-06-02 10:00:00 ", "none"),
            ("2026-06-02 10:00:00", "none"),
        ] {
            check(format, "Europe/London", text, expected);
        }
        check(format, "America/Chicago", "2026-01-02 10:00:00 CST", "2026-01-02T16:00:00Z");
        check(format, "Asia/Kolkata", "2026-01-02 10:00:00 IST", "2026-01-02T04:30:00Z");
        // The hour that occurs twice.
        for (name, expected) in [("EDT", "05:30:00Z"), ("EST", "06:30:00Z")] {
            let text = format!("2026-11-01 01:30:00 {name}");
            check(format, "America/New_York", &text, &format!("2026-11-01T{expected}"));
        }
        check("%d/%m/%Y %H:%M (%Z)", "UTC", "02/01/2026 10:00 (CET)", "2026-01-02T09:00:00Z");
        check("%H:%M:%S %Z %d.%m.%Y", "UTC", "10:00:00 JST 02.01.2026", "2026-01-02T01:00:00Z");
    }

    #[test]
    fn texts_that_are_not_dates_are_refused() {
        for text in [
            "",
            "2011-13-09 08:39:00",
            "2011-02-29 08:39:00",
            "2011-12-09 24:00:00",
            "2011-12-09 08:39:00x",
            "x2011-12-09 08:39:00",
            "0011-12-09 08:39:00",
            "9/12/2011",
            "1969-12-31 23:59:59",
            "2011-12-09",
            "٢٠١١-12-09 08:39:00",
        ] {
            check(FAST, "UTC", text, "none");
        }
        check("%d/%m/%Y", "UTC", "09/12/11", "none");
    }

    #[test]
    fn a_format_that_makes_no_date_is_refused() {
        for format in ["%H:%M", "%Q", "%d/%m", "%Y-%m-%d %H", ""] {
            assert!(
                matches!(
                    Dates::new(&[format.to_owned()], "UTC"),
                    Err(ConfigError::DateFormat { .. })
                ),
                "{format:?} was taken"
            );
        }
        assert_eq!(Dates::new(&[], "UTC").unwrap_err(), ConfigError::NoDateFormat);
        assert!(matches!(Dates::new(&["%F".into()], "Mars/One"), Err(ConfigError::TimeZone(_))));
    }
}
