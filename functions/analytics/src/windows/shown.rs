//! Windows as people see them: of any size that divides a day.

use super::close::Now;
use super::hours::{HELD_SECONDS, Hours, SECONDS, final_to, last_ms, window_of};
use super::message::time;
use super::over::is_over;
use crate::amount::{Code, Units, exact};
use crate::invoiced::{self, Shown, Sums};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

const DAY: i64 = 24 * 3_600;

/// The length of windows: `5s`, `1m`, `1h`. It divides a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(i64);

impl Size {
    /// As the events have it.
    pub(crate) const FIVE_SECONDS: Self = Self(SECONDS);

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no size of windows: seconds, minutes or hours that divide a day, such as 5s, 1m or 1h"
            )
        };
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return Err(wrong()),
        };
        let seconds = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
        let seconds = seconds.filter(|seconds| 0 < *seconds && DAY % seconds == 0);
        seconds.map(Self).ok_or_else(wrong)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WindowSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]+[smh]$", "examples": ["5s", "1m", "1h"]})
    }
}

/// What was invoiced in a window of time, by when it was stored.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsWindow")]
pub(crate) struct Window {
    /// Its first second.
    pub(crate) start: String,
    /// The second behind its last one.
    pub(crate) end: String,
    /// Documents: invoices and credit notes.
    count: u64,
    /// Invoices less credit notes in `currency`; exact.
    #[schemars(with = "f64")]
    total: Box<RawValue>,
    /// The currency of `total`.
    currency: Option<String>,
    /// By currency.
    pub(crate) totals: BTreeMap<String, Shown>,
    /// Is it over, and has each of its five seconds its final result? What comes later all the same is a correction, and
    /// is counted here too. `null` where that is not known: nothing was issued since this process began, and so it does
    /// not know how long ago the last document was.
    #[serde(rename = "final")]
    pub(crate) is_final: Option<bool>,
}

/// Windows, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsWindows")]
pub(crate) struct List {
    size: Size,
    /// Those in which something was issued.
    pub(crate) windows: Vec<Window>,
    /// Are there more than `limit`?
    more: bool,
}

/// Which windows are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) size: Size,
    pub(crate) currency: Option<Code>,
    /// The first second, and the one behind the last.
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) limit: usize,
}

/// The windows that are asked for, at `now` by the stream's time.
pub(crate) fn list(shards: &[&Hours], asked: &Asked, now: Now) -> List {
    let Size(size) = asked.size;
    let begin = |second: i64| second - second.rem_euclid(size);
    // Some hours are held for longer, until another one takes their place.
    let held = last_ms(shards).map_or(0, |(_, ms)| begin(ms / 1_000 - HELD_SECONDS));
    let from = asked.from.map_or(held, begin).max(held);
    // Windows are whole: the one that holds the second before `to` is the last.
    let to = asked.to.map_or(i64::MAX, |to| begin(to.saturating_sub(1)).saturating_add(size));
    // One more than asked for, so that it is known whether there are more.
    let mut found = BTreeMap::<i64, Sums>::new();
    for hours in shards {
        for (second, sums) in hours.seconds.range(from..to.max(from)).rev() {
            let start = begin(*second);
            let is_full = asked.limit < found.len();
            if is_full && found.first_key_value().is_some_and(|(first, _)| start < *first) {
                break;
            }
            found.entry(start).or_default().merge(sums);
            if asked.limit + 1 < found.len() {
                found.pop_first();
            }
        }
    }
    let more = asked.limit < found.len();
    let windows = found.iter().rev().take(asked.limit);
    let final_to = final_to(shards);
    let window = |(start, sums): (&i64, &Sums)| {
        let end = start + size;
        // What is stored says so whenever this process began.
        let is_past = end <= final_to || now.ms.is_some_and(|ms| is_over(end, ms));
        let is_final = match is_settled(shards, *start, end) {
            true if is_past => Some(true),
            true if now.is_least => None,
            _ => Some(false),
        };
        Window::new(*start, end, sums, asked.currency, is_final)
    };
    List { size: asked.size, windows: windows.map(window).collect(), more }
}

/// Is all that was issued between two seconds in final results and corrections?
fn is_settled(shards: &[&Hours], start: i64, end: i64) -> bool {
    let known = shards.iter().flat_map(|hours| hours.windows.range(window_of(start)..end));
    known.into_iter().all(|(_, known)| known.last == 0 || known.is_settled())
}

impl Window {
    fn new(
        start: i64,
        end: i64,
        sums: &Sums,
        currency: Option<Code>,
        is_final: Option<bool>,
    ) -> Self {
        let most = sums.iter().max_by_key(|(code, sum)| (sum.invoices, std::cmp::Reverse(*code)));
        let currency = currency.or_else(|| most.map(|(code, _)| code));
        let of_currency = sums.iter().find(|(code, _)| Some(*code) == currency);
        let total = of_currency.map(|(_, sum)| sum.total);
        Self {
            start: time(start),
            end: time(end),
            count: sums.count(),
            total: exact(total.unwrap_or(Units(0))),
            currency: currency.map(String::from),
            totals: invoiced::shown(sums),
            is_final,
        }
    }
}

/// What a listener was told.
#[derive(Debug, Default)]
pub(crate) struct Live(BTreeMap<String, String>);

impl Live {
    /// Those windows that are new to the listener, or other than before, the oldest first, as JSON.
    pub(crate) fn news(&mut self, list: &List) -> Vec<String> {
        let mut news = Vec::new();
        let mut shown = BTreeMap::new();
        for window in list.windows.iter().rev() {
            let json = serde_json::to_string(window).unwrap_or_default();
            if self.0.get(&window.start) != Some(&json) {
                news.push(json.clone());
            }
            shown.insert(window.start.clone(), json);
        }
        self.0 = shown;
        news
    }
}
