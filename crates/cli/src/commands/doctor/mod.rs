//! `orderflow doctor`: is everything as it has to be, and if not, what to do about it.
//!
//! Looks, and changes nothing; three things leave a trace for a moment, because they can be seen in no
//! other way: a consumer that gives out nothing and an empty file in a partner's depot show clocks, and
//! a message in a bucket shows whether the server still stores what it is given.

mod clocks;
mod denied;
mod disk;
mod errors;
mod facts;
mod finding;
mod flags;
mod gateway;
mod held;
mod lanes;
mod nats;
mod partners;
mod readers;
mod secrets;
mod site;
mod storage;
mod streams;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;
use terminal::output;

use crate::global::Global;
use finding::{Finding, Level};
pub(crate) use flags::Doctor;
use site::Site;

/// The subjects that order-processor and billing are given, as the gateway of the pipeline says; nothing where that is not
/// known.
///
/// # Errors
/// Nothing runs.
pub(crate) async fn given(global: &Global) -> Result<Option<BTreeSet<String>>> {
    let site = Site::find(global, &Doctor::default())?;
    Ok(gateway::filters(&site).await)
}

pub(crate) async fn run(global: &Global, args: &Doctor) -> Result<()> {
    let site = Site::find(global, args)?;
    let mut report = Report { json: global.json, all: Vec::new() };
    report.add(disk::look(&site));
    report.add(secrets::look(&site));
    report.add(nats::look(&site).await);
    report.add(site.data.as_ref().and_then(denied::look).into_iter().collect());
    report.add(gateway::look(&site).await);
    report.add(held::look(&site).await.into_iter().collect());
    report.add(partners::look(&site).await);
    report.end()
}

struct Report {
    json: bool,
    all: Vec<Finding>,
}

impl Report {
    /// What people read is said as soon as it is known.
    fn add(&mut self, findings: Vec<Finding>) {
        if !self.json {
            findings.iter().for_each(output::line);
        }
        self.all.extend(findings);
    }

    fn end(self) -> Result<()> {
        if self.json {
            output::json(&self.all.iter().map(Finding::json).collect::<Vec<Value>>());
        }
        let count = |level| self.all.iter().filter(|found| found.level == level).count();
        let (bad, warnings) = (count(Level::Bad), count(Level::Warning));
        if bad > 0 {
            bail!("{bad} of {} checks failed, {warnings} warnings", self.all.len());
        }
        output::note(format_args!("{} checks, {warnings} warnings", self.all.len()));
        Ok(())
    }
}
