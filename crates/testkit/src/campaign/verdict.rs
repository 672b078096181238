//! The result of a campaign.

use super::cluster::Figures;
use super::files::Files;
use super::options::Options;
use super::progress::say;
use super::site::Site;
use crate::history::{self, History, Summary};
use anyhow::Result;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Most missing messages that are named.
const MISSING_SHOWN: usize = 10;
/// How long a failing check is repeated.
const CHECK_MAX: Duration = Duration::from_secs(60);
/// Most broken rules that are named.
const VIOLATIONS_SHOWN: usize = 50;

/// The result of a campaign.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Everything that is lost, doubled, negative or contradictory, or did not recover.
    pub problems: Vec<String>,
    /// Numbers of the history.
    pub summary: Summary,
    /// Number of killed processes.
    pub kills: u64,
    /// Number of connections with a fault.
    pub faults: u64,
    /// How often the leader of orders, of decisions or of the meta group changed.
    pub leader_changes: u64,
    /// A line for each kind of fault: how often, and the recovery time.
    pub table: String,
    /// Total time.
    pub elapsed: Duration,
    /// The folder with all files, if it was kept.
    pub kept: Option<PathBuf>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.summary;
        writeln!(f, "{}", self.table)?;
        writeln!(
            f,
            "messages on orders: {} ({} duplicates, {} conflicts, {} dead letters); orders: {} \
             placed ({} of them again), {} confirmed, {} refused, {} cancelled; {} entries in the \
             journal",
            s.sent,
            s.duplicates,
            s.conflicts,
            s.dead,
            s.placed,
            s.further,
            s.confirmed,
            s.refused,
            s.cancelled,
            s.entries
        )?;
        for problem in &self.problems {
            writeln!(f, "✗ {problem}")?;
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "kept in {}", kept.display())?;
        }
        let mark = if self.problems.is_empty() { "✓ nothing is" } else { "✗ something is" };
        write!(
            f,
            "{mark} lost, doubled, negative or contradictory: seed {}, {} kills, {} network faults \
             and {} changes of leaders, {} s",
            self.seed,
            self.kills,
            self.faults,
            self.leader_changes,
            self.elapsed.as_secs()
        )
    }
}

/// Returns a problem if decisions took too long to continue after changes of leaders.
fn too_slow(figures: &Figures, gap_max: Duration) -> Option<String> {
    let (median, longest) = figures.gap?;
    let text = || {
        let (median, longest) = (median.as_secs_f64(), longest.as_secs_f64());
        format!("another leader: no decision for {median:.1} s (median; longest {longest:.1} s)")
    };
    (gap_max < median).then(text)
}

/// The problem that a checking command reports repeatedly. A single failure does not count, because
/// members may be electing a leader; a real problem stays.
async fn refuted(site: &Site, args: &[&str]) -> Result<Option<String>> {
    let started = Instant::now();
    loop {
        let output = site.pipeline.orderflow(args).await?;
        if output.status.success() {
            return Ok(None);
        }
        if CHECK_MAX < started.elapsed() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            return Ok(Some(format!("orderflow {}: {said}{error}", args.join(" "))));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Compares what was sent with what is stored, after everything is decided.
pub(super) async fn of(
    options: &Options,
    site: &Site,
    files: Files,
    started: Instant,
) -> Result<Outcome> {
    say("reading the history");
    let url = site.pipeline.run()?.nats;
    let report = History::read(&url).await?.check(history::Options::default());
    let mut problems = site.tally.problems();
    let violations = &report.violations;
    problems.extend(violations.iter().take(VIOLATIONS_SHOWN).map(ToString::to_string));
    if violations.len() > VIOLATIONS_SHOWN {
        problems.push(format!("{} broken rules in all", violations.len()));
    }
    let found = site.load.look_for().await?;
    if !found.missing.is_empty() {
        let some: Vec<_> = found.missing.iter().take(MISSING_SHOWN).collect();
        let count = found.missing.len();
        problems.push(format!("{count} confirmed messages are not there, among them {some:?}"));
    }
    let summary = report.summary;
    let placed = options.maker().distinct(options.orders) + files.orders();
    let first = summary.placed - summary.further;
    if first != placed {
        problems.push(format!("{first} orders are placed, {placed} were sent"));
    }
    for args in [["journal", "verify"], ["stock", "verify"]] {
        problems.extend(refuted(site, &args).await?);
    }
    if summary.dead != found.broken {
        let (dead, broken) = (summary.dead, found.broken);
        problems.push(format!("{dead} messages are dead letters, {broken} are no orders"));
    }
    problems.extend(files.problems(&site.pipeline).await?);
    let faults = site.faults();
    let mut table = site.tally.table(&faults);
    let figures = site.ring.as_ref().map(|ring| ring.watch.figures());
    if let Some(figures) = &figures {
        table.push_str(&format!("\n{}", figures.table));
        let gap_max = site.ring.as_ref().map_or(Duration::MAX, |ring| ring.options.gap_max);
        problems.extend(too_slow(figures, gap_max));
    }
    Ok(Outcome {
        seed: options.seed,
        problems,
        summary,
        kills: site.tally.count("kill "),
        faults: faults.values().sum(),
        leader_changes: figures.map_or(0, |figures| figures.changes),
        table,
        elapsed: started.elapsed(),
        kept: None,
    })
}
