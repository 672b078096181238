//! Making streams and buckets, and changing those that are there.

use super::ask::{Failure, info, replace};
use super::config::Target;
use super::handover::Handover;
use super::identity::Identity;
use super::inspect::{self, Difference};
use super::{ORDERS, STREAMS, Settings, formerly};
use crate::{Nats, migrate};
use async_nats::jetstream::stream::Info;
use std::collections::BTreeSet;
use std::fmt;

/// What set-up did about one stream or bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The stream or bucket.
    pub name: String,
    /// What was done, or why it could not be done.
    pub outcome: Result<Done, String>,
    /// The server answered that it will not do it: without another setting, of here or of the server,
    /// another attempt meets the same.
    pub refused: bool,
    /// What was left as it is, because the stream would keep less or be less safe.
    pub left: Vec<Difference>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was not there before.
    Made,
    /// It was not there before, and has a subject now that another stream kept.
    TookOver(String),
    /// Nothing: its settings are as they should be, or were left.
    Present,
    /// These settings were changed.
    Changed(Vec<Difference>),
    /// It was given the name by which journals know it; nothing else was changed.
    Named,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.outcome {
            Ok(Done::Made) => write!(f, "✓ {name} made")?,
            Ok(Done::TookOver(what)) => write!(f, "✓ {name} made: {what}")?,
            Ok(Done::Present) => write!(f, "✓ {name}")?,
            Ok(Done::Named) => write!(f, "✓ {name} named in its description")?,
            Ok(Done::Changed(changes)) => {
                let changes: Vec<String> = changes.iter().map(Difference::change).collect();
                write!(f, "✓ {name} changed: {}", changes.join(", "))?;
            }
            Err(reason) => write!(f, "✗ {name}: {reason}")?,
        }
        for left in &self.left {
            write!(f, "\n! {name} is left as it is: {left}; it would keep less")?;
        }
        Ok(())
    }
}

/// Makes every stream and bucket that is not there, and changes settings of the others that are not as
/// `settings` say. Can be run again at any time: what is equal is not touched.
///
/// Nothing gets smaller or less safe unless [`Settings::shrink`] is set: such differences are left and
/// named. How many copies there are, and how long and how much is kept, stays as it is where `settings` do not
/// say. Description, metadata, placement, sources and whatever else orderflow does not set itself stay
/// as they are.
pub async fn setup(nats: &Nats, settings: Settings) -> Vec<Step> {
    let mut steps = Vec::new();
    let like_orders = like_orders(nats, &settings).await;
    for target in Target::all() {
        let name = target.title();
        let done = match still_needed(nats, target, &steps).await {
            Ok(()) => Box::pin(ensure(nats, target, &settings, &like_orders)).await,
            Err(failure) => Err(failure),
        };
        steps.push(match done {
            Ok((done, left)) => Step { name, outcome: Ok(done), refused: false, left },
            Err(Failure { reason, refused }) => {
                Step { name, outcome: Err(reason), refused, left: Vec::new() }
            }
        });
    }
    steps
}

/// The settings for what is made: as many copies as ORDERS has, where nothing is said.
async fn like_orders(nats: &Nats, settings: &Settings) -> Settings {
    let has = info(nats, ORDERS).await.ok().flatten().map(|info| info.config.num_replicas);
    Settings { replicas: settings.replicas.or(has), ..settings.clone() }
}

/// A stream that still keeps a subject of another stream is left as it is while that one cannot be made: otherwise
/// nobody would keep the subject.
async fn still_needed(nats: &Nats, target: Target, steps: &[Step]) -> Result<(), Failure> {
    for stream in STREAMS {
        let Some(subject) = stream.subjects.iter().find(|it| formerly(it) == Some(target.key()))
        else {
            continue;
        };
        let failed = |step: &&Step| step.name == stream.name && step.outcome.is_err();
        let Some(failed) = steps.iter().find(failed) else { continue };
        let kept = info(nats, &target.stream()).await?.map(|info| info.config.subjects);
        if kept.is_some_and(|kept| kept.iter().any(|kept| kept == subject)) {
            let reason = format!("it keeps the subject {subject} until {} is there", failed.name);
            return Err(Failure { reason, refused: failed.refused });
        }
    }
    Ok(())
}

async fn ensure(
    nats: &Nats,
    target: Target,
    settings: &Settings,
    when_made: &Settings,
) -> Result<(Done, Vec<Difference>), Failure> {
    if let Some(info) = info(nats, &target.stream()).await? {
        return adjust(nats, target, settings, &info).await;
    }
    let handover = Handover::of(nats, target).await?;
    let mut config = target.config(when_made, None);
    alone(nats, config.num_replicas)?;
    if matches!(target, Target::Stream(_)) {
        let name = nats.unique();
        config.description = Some(Identity { name, also: Vec::new() }.write(""));
    }
    if let Some(handover) = &handover {
        // It gets its name first: a server may write another creation time when it changes a stream.
        let from = handover.from();
        if let Some(info) = info(nats, &from.stream()).await? {
            Box::pin(adjust(nats, from, settings, &info)).await?;
        }
        handover.take(nats).await?;
    }
    let made = nats.js.create_stream(&config).await;
    match (made, info(nats, &target.stream()).await) {
        (Ok(_), _) => {
            let done = handover.map_or(Done::Made, |handover| Done::TookOver(handover.text()));
            Ok((done, Vec::new()))
        }
        // Somebody else made it at the same time.
        (Err(_), Ok(Some(info))) => adjust(nats, target, settings, &info).await,
        (Err(error), _) => {
            if let Some(handover) = &handover {
                handover.give_back(nats).await;
            }
            Err(error.into())
        }
    }
}

/// Copies need servers.
fn alone(nats: &Nats, replicas: usize) -> Result<(), Failure> {
    let alone = nats.client.server_info().cluster.is_none_or(|cluster| cluster.is_empty());
    if 1 < replicas && alone {
        let reason = format!("{replicas} copies need a cluster; this nats-server stands alone");
        return Err(Failure { reason, refused: true });
    }
    Ok(())
}

/// Brings a stream that is there to the settings.
async fn adjust(
    nats: &Nats,
    target: Target,
    settings: &Settings,
    info: &Info,
) -> Result<(Done, Vec<Difference>), Failure> {
    let wanted = target.config(settings, Some(&info.config));
    // A server that stands alone takes more copies, and does not find the stream after its next start.
    if info.config.num_replicas < wanted.num_replicas {
        alone(nats, wanted.num_replicas)?;
    }
    let differences = inspect::differences(&info.config, &wanted);
    let (left, mut changes): (Vec<_>, Vec<_>) =
        differences.into_iter().partition(|found| found.shrinks() && !settings.shrink);
    changes.extend(left.iter().filter_map(Difference::added_subjects));
    let description = match target {
        Target::Stream(_) => description(nats, target, info).await?,
        Target::Bucket(_) => None,
    };
    if changes.is_empty() && description.is_none() {
        return Ok((Done::Present, left));
    }
    let description = description.map(|text| ("description".to_owned(), Some(text.into())));
    let changed = changes.iter().map(|found| (found.setting.clone(), found.should_be.clone()));
    replace(nats, &target.stream(), changed.chain(description)).await?;
    Ok((if changes.is_empty() { Done::Named } else { Done::Changed(changes) }, left))
}

/// The description that a stream lacks; nothing if it has its name, and all names under which journals
/// know it.
async fn description(nats: &Nats, target: Target, info: &Info) -> Result<Option<String>, Failure> {
    let text = info.config.description.as_deref().unwrap_or_default();
    let mut identity = Identity::of(info);
    let mut names = BTreeSet::new();
    if target.key() == ORDERS {
        names = migrate::names_of_orders(nats, &identity).await.map_err(Failure::passing)?;
    }
    if Identity::read(text).is_some() && names.is_empty() {
        return Ok(None);
    }
    identity.also.extend(names);
    Ok(Some(identity.write(text)))
}
