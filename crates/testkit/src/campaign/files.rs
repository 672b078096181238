//! Sends sample files over SFTP, like a partner.

use super::pipeline::Pipeline;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const DAY: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US1/2011-12-09.csv"));
/// Number of orders in the day's file.
const DAY_ORDERS: u64 = 46;
const PARTNER: &str = "US1";
/// Every n-th file repeats the content of the one before under another name.
const REPEAT_EVERY: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// How often daily-checker is called.
const CHECK_EVERY: Duration = Duration::from_secs(4);

/// The files of one campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    pub(super) count: u32,
}

/// The answer of `files list`.
#[derive(Deserialize)]
struct List {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    state: String,
}

impl Files {
    fn is_repeat(number: u32) -> bool {
        number % REPEAT_EVERY == REPEAT_EVERY - 1
    }

    fn repeats(self) -> u32 {
        (0..self.count).filter(|number| Self::is_repeat(*number)).count().try_into().unwrap_or(0)
    }

    /// Number of different orders in all files.
    pub(super) fn orders(self) -> u64 {
        u64::from(self.count - self.repeats()) * DAY_ORDERS
    }

    /// Sends the files evenly over `length`, and calls daily-checker repeatedly.
    pub(super) async fn send(self, pipeline: &Pipeline, length: Duration) -> Result<()> {
        let started = Instant::now();
        let mut number = 0;
        while number < self.count || started.elapsed() < length {
            let due = length.mul_f64(f64::from(number) / f64::from(self.count.max(1)));
            if number < self.count && due <= started.elapsed() {
                self.send_one(pipeline, number).await?;
                number += 1;
            }
            // This call fails while a process is down; a later one succeeds.
            pipeline.orderflow(&["check"]).await?;
            sleep(CHECK_EVERY).await;
        }
        Ok(())
    }

    async fn send_one(self, pipeline: &Pipeline, number: u32) -> Result<()> {
        let content = if Self::is_repeat(number) { number - 1 } else { number };
        let path = pipeline.data_dir().join("day.csv");
        std::fs::write(&path, another_day(content)).context("a sample file")?;
        let path = path.display().to_string();
        let name = format!("day-{number}.csv");
        let args = ["send", &path, "--partner", PARTNER, "--name", &name];
        while !pipeline.orderflow(&args).await?.status.success() {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Problems with the states of the files at the end.
    pub(super) async fn problems(self, pipeline: &Pipeline) -> Result<Vec<String>> {
        let answer = pipeline.json(&["files", "list"]).await?;
        let answer = List::deserialize(&answer)?;
        let mut states = BTreeMap::<String, u32>::new();
        let mut problems = Vec::new();
        for File { name, state } in answer.files {
            if !matches!(state.as_str(), "done" | "duplicate") {
                problems.push(format!("the file {name} is {state}"));
            }
            *states.entry(state).or_default() += 1;
        }
        let of = |state: &str| states.get(state).copied().unwrap_or(0);
        let (done, duplicates) = (of("done"), of("duplicate"));
        let expected = (self.count - self.repeats(), self.repeats());
        if (done, duplicates) != expected {
            problems.push(format!(
                "{done} files are done and {duplicates} are duplicates, expected {} and {}",
                expected.0, expected.1
            ));
        }
        Ok(problems)
    }
}

/// The day's file with other order numbers, so that each copy is a different file.
fn another_day(number: u32) -> String {
    let mut text = String::with_capacity(DAY.len() * 2);
    for (index, line) in DAY.lines().enumerate() {
        let (mark, rest) = match line.strip_prefix('C') {
            Some(rest) => ("C", rest),
            None => ("", line),
        };
        let number = if index == 0 { String::new() } else { format!("{number:04}") };
        text.push_str(&format!("{mark}{number}{rest}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourth_file_repeats_the_one_before() {
        let files = Files { count: 6 };
        assert_eq!((files.repeats(), files.orders()), (1, 5 * DAY_ORDERS));
    }

    #[test]
    fn another_day_has_other_orders_and_the_same_lines() {
        let (first, second) = (another_day(1), another_day(2));
        assert_ne!(first, second);
        for day in [&first, &second] {
            assert_eq!(day.lines().count(), DAY.lines().count());
            assert_eq!(day.lines().next(), DAY.lines().next());
        }
    }
}
