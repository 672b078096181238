//! Detects the format of dates, and whether the day or the month comes first.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime};

use super::aliases::Role;
use super::assigned::Assigned;
use super::guess::{Guess, Trust};
use super::table::Table;

/// Most dates that are examined.
const VALUES_MAX: usize = 2_000;
/// Most values that are examined to find out whether a column contains dates at all.
const FIT_VALUES_MAX: usize = 100;
/// Most formats of one column.
const FORMATS_MAX: usize = 3;

/// Days, the unambiguous ones first; among the ambiguous ones, those with the day first.
const DAYS: [&str; 22] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b-%d-%Y",
    "%b-%d-%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d-%m-%y",
    "%m-%d-%y",
];
/// Times that may follow a day.
const TIMES: [&str; 11] = [
    "",
    " %H:%M:%S",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M:%S%.f",
    "T%H:%M",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %H:%M:%S%.f",
    ", %H:%M",
    ", %H:%M:%S",
];
/// Dates of a file that lie further apart are a mistake: `31.12.69` is read as 2069.
const DAYS_APART_MAX: i64 = 20 * 366;
/// Offsets that may follow a time.
const OFFSETS: [&str; 3] = ["", "%:z", " %Z"];

/// What suggests that the day or the month comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    DayFirst,
    MonthFirst,
    None,
}

impl Hint {
    /// The United States write the month first, and use decimal points and commas as delimiters.
    pub(super) fn of(table: &Table, assigned: &Assigned, delimiter: char) -> Self {
        let prices = assigned.values(table, Role::UnitPrice);
        let names = table.columns.iter().map(|column| column.name.as_str());
        let is_american = |text: &str| text.contains('$') || text.contains("USD");
        if prices.iter().any(|price| is_american(price)) || names.into_iter().any(is_american) {
            Self::MonthFirst
        } else if delimiter == ';' || prices.iter().any(|price| price.contains(['€', '£'])) {
            Self::DayFirst
        } else {
            Self::None
        }
    }
}

/// The day in `text` according to `format`, if it matches and the year is plausible for an order.
fn read(text: &str, format: &str) -> Option<NaiveDate> {
    let day = if let Some(format) = format.strip_suffix(" %Z") {
        let (text, name) = text.rsplit_once(' ')?;
        let is_name = name.chars().all(|c| c.is_ascii_uppercase())
            && (2..=5).contains(&name.len())
            && !matches!(name, "AM" | "PM");
        NaiveDateTime::parse_from_str(text, format).ok().filter(|_| is_name)?.date()
    } else if format.ends_with('z') {
        // The reader also accepts `Z`, `+01` and ` +0100`.
        DateTime::parse_from_str(text, &format.replace("%:z", "%#z")).ok()?.date_naive()
    } else if format.contains("%H") || format.contains("%I") {
        NaiveDateTime::parse_from_str(text, format).ok()?.date()
    } else {
        NaiveDate::parse_from_str(text, format).ok()?
    };
    (1970..=2100).contains(&day.year()).then_some(day)
}

/// All formats; an offset needs a time.
fn all_formats() -> impl Iterator<Item = String> {
    DAYS.into_iter().flat_map(|day| {
        TIMES.into_iter().flat_map(move |time| {
            let offsets = OFFSETS.into_iter().filter(move |o| o.is_empty() || !time.is_empty());
            offsets.map(move |offset| format!("{day}{time}{offset}"))
        })
    })
}

/// The share of values, in percent, that are dates of any format.
pub(super) fn fit<'a>(values: impl Iterator<Item = &'a String>) -> usize {
    let values: Vec<&String> = values.take(FIT_VALUES_MAX).collect();
    let (mut rest, mut good) = (values.clone(), 0);
    while let Some(first) = rest.first() {
        let format = all_formats().find(|format| read(first, format).is_some());
        let before = rest.len();
        match format {
            Some(format) => {
                rest.retain(|text| read(text, &format).is_none());
                good += before - rest.len();
            }
            None => drop(rest.remove(0)),
        }
    }
    good * 100 / values.len().max(1)
}

/// The formats of a column's values.
pub(super) fn formats(values: &[String], hint: Hint) -> Guess<Vec<String>> {
    let filled = values.iter().filter(|value| !value.is_empty());
    let mut rest: Vec<&String> = filled.take(VALUES_MAX).collect();
    let all = rest.len();
    let mut guess: Guess<Vec<String>> = Guess::new(Trust::Sure, Vec::new(), String::new());
    while guess.value.len() < FORMATS_MAX && !rest.is_empty() {
        // A column has one order of day and month.
        let order = guess.value.iter().find_map(|format| is_day_first(format));
        let Some(best) = best(&rest, hint, order) else { break };
        guess.trust = guess.trust.min(best.trust);
        if guess.why.is_empty() || best.trust != Trust::Sure {
            guess.why = best.why;
        }
        rest.retain(|text| read(text, &best.value).is_none());
        guess.value.push(best.value);
    }
    if !rest.is_empty() {
        guess.trust = guess.trust.min(Trust::Likely);
        guess.why = format!("{}; {} of {all} dates fit none", guess.why, rest.len());
    }
    if let Some((text, day)) = far(values, &guess.value) {
        guess.trust = Trust::Unsure;
        guess.why = format!("{text} is read as {day}, which is far from the others");
    }
    guess
}

/// A date that lies far from the one in the middle.
fn far<'a>(values: &'a [String], formats: &[String]) -> Option<(&'a str, NaiveDate)> {
    let day = |text: &str| formats.iter().find_map(|format| read(text, format));
    let mut days: Vec<(NaiveDate, &str)> = values
        .iter()
        .take(VALUES_MAX)
        .filter_map(|text| Some((day(text)?, text.as_str())))
        .collect();
    days.sort_unstable();
    let (middle, _) = *days.get(days.len() / 2)?;
    let is_far = |(day, _): &&(NaiveDate, &str)| DAYS_APART_MAX < (*day - middle).num_days().abs();
    days.iter().find(is_far).map(|(day, text)| (*text, *day))
}

/// Does the day come before the month? Nothing if the format leaves no doubt about which is which.
fn is_day_first(format: &str) -> Option<bool> {
    let (day, month) = (format.find("%d")?, format.find("%m")?);
    let is_open = !format.starts_with("%Y");
    is_open.then_some(day < month)
}

/// The format that matches most of the values.
fn best(values: &[&String], hint: Hint, order: Option<bool>) -> Option<Guess<String>> {
    let count = |format: &str| values.iter().filter(|text| read(text, format).is_some()).count();
    let is_other = |format: &String| {
        order.zip(is_day_first(format)).is_some_and(|(order, other)| order != other)
    };
    let formats = all_formats().filter(|format| !is_other(format));
    let mut scored: Vec<(usize, String)> =
        formats.map(|format| (count(&format), format)).filter(|(n, _)| *n > 0).collect();
    // The sort is stable: among equals, the first in the list wins.
    scored.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let (most, first) = scored.first()?.clone();
    let of = format!("{most} of {} dates", values.len());
    let Some((other_count, other)) = scored.iter().find(|(_, other)| *other == swapped(&first))
    else {
        return Some(Guess::new(Trust::Sure, first, format!("it reads {of}")));
    };
    if *other_count < most {
        // A day beyond 12 decides, unless it is a single mistake.
        let trust = if *other_count * 100 < most * 99 { Trust::Sure } else { Trust::Likely };
        let why = format!("it reads {of}, {other} {other_count}");
        return Some(Guess::new(trust, first, why));
    }
    Some(decide(values, first, other.clone(), hint))
}

/// `format` with day and month swapped.
fn swapped(format: &str) -> String {
    format.replace("%d", "\0").replace("%m", "%d").replace('\0', "%m")
}

/// Both formats match all values. The dates of a file are mostly close together, which decides;
/// otherwise the rest of the file gives a hint.
fn decide(values: &[&String], one: String, other: String, hint: Hint) -> Guess<String> {
    let span = |format: &str| {
        let mut days: Vec<NaiveDate> =
            values.iter().filter_map(|text| read(text, format)).collect();
        days.sort_unstable();
        match (days.first(), days.last()) {
            (Some(first), Some(last)) => (*last - *first).num_days(),
            _ => 0,
        }
    };
    let is_day_first = |format: &String| format.find("%d") < format.find("%m");
    let (day_first, month_first) = if is_day_first(&one) { (one, other) } else { (other, one) };
    let (days, months) = (span(&day_first), span(&month_first));
    let example = values.first().map(|text| text.as_str()).unwrap_or_default();
    let (value, trust, why) = match (days, months, hint) {
        (days, months, _) if days * 8 < months => (
            &day_first,
            Trust::Likely,
            format!("day first, they lie {days} days apart, else {months}"),
        ),
        (days, months, _) if months * 8 < days => (
            &month_first,
            Trust::Likely,
            format!("month first, they lie {months} days apart, else {days}"),
        ),
        (_, _, Hint::MonthFirst) => {
            (&month_first, Trust::Unsure, "dollars: month first".to_owned())
        }
        (_, _, Hint::DayFirst) => {
            (&day_first, Trust::Unsure, "semicolons or a European currency: day first".to_owned())
        }
        (_, _, Hint::None) => (&day_first, Trust::Unsure, "nothing decides it".to_owned()),
    };
    let other = swapped(value);
    let why = format!("AMBIGUOUS: {example} may be {value} or {other}; {why}");
    Guess::new(trust, value.clone(), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], hint: Hint, expected: &[&str], trust: Trust) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let guess = formats(&values, hint);
        assert_eq!(
            (guess.value, guess.trust),
            (expected.iter().map(|f| (*f).into()).collect(), trust),
            "{}",
            guess.why
        );
    }

    #[test]
    fn formats_of_well_known_exports_are_found() {
        for (text, format) in [
            ("2011-12-09 08:39:00", "%Y-%m-%d %H:%M:%S"),
            ("2024-12-09 08:39:00 -0500", "%Y-%m-%d %H:%M:%S%:z"),
            ("2024-12-09T08:39:00Z", "%Y-%m-%dT%H:%M:%S%:z"),
            ("2024-12-09T08:39:00+01:00", "%Y-%m-%dT%H:%M:%S%:z"),
            ("2024-12-09 08:39:00 PST", "%Y-%m-%d %H:%M:%S %Z"),
            ("Dec-29-24", "%b-%d-%y"),
            ("29 Dec 2024", "%d %b %Y"),
            ("Dec 29, 2024", "%b %d, %Y"),
            ("29.12.2024 08:39", "%d.%m.%Y %H:%M"),
            ("29/12/24", "%d/%m/%y"),
            ("12/29/2024 1:05 PM", "%m/%d/%Y %I:%M %p"),
            ("20241229", "%Y%m%d"),
        ] {
            check(&[text], Hint::None, &[format], Trust::Sure);
            assert_eq!(fit([text.to_owned()].iter()), 100, "{text}");
        }
    }

    #[test]
    fn a_day_beyond_twelve_decides_which_comes_first() {
        check(&["01/02/2024", "13/02/2024"], Hint::MonthFirst, &["%d/%m/%Y"], Trust::Sure);
        check(&["01/02/2024", "02/13/2024"], Hint::DayFirst, &["%m/%d/%Y"], Trust::Sure);
    }

    #[test]
    fn dates_close_together_decide_it_likely() {
        let march = ["01/03/2024", "02/03/2024", "03/03/2024", "04/03/2024"];
        check(&march, Hint::MonthFirst, &["%d/%m/%Y"], Trust::Likely);
        let guess = formats(&march.map(String::from), Hint::None);
        assert!(
            guess.why.contains("AMBIGUOUS: 01/03/2024 may be %d/%m/%Y or %m/%d/%Y"),
            "{}",
            guess.why
        );
    }

    #[test]
    fn undecidable_dates_are_unsure() {
        check(&["01/02/2024", "03/04/2024"], Hint::None, &["%d/%m/%Y"], Trust::Unsure);
        check(&["01/02/2024", "03/04/2024"], Hint::MonthFirst, &["%m/%d/%Y"], Trust::Unsure);
        check(&["01/02/2024", "03/04/2024"], Hint::DayFirst, &["%d/%m/%Y"], Trust::Unsure);
    }

    #[test]
    fn a_column_may_have_more_than_one_format() {
        check(
            &["2024-12-29", "2024-12-30", "31/12/2024", "soon"],
            Hint::None,
            &["%Y-%m-%d", "%d/%m/%Y"],
            Trust::Likely,
        );
        assert_eq!(fit(["2024-12-29", "31/12/2024", "x", "y"].map(String::from).iter()), 50);
    }
}
