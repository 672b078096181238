//! `orderflow partners reload`: nobody has to be told, since everything follows the file. This checks it
//! and waits until every function works with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use machine::dir::DataDir;
use machine::http::{Call, Http};
use serde_json::json;
use stack::catalogue;
use stack::{partners, sources};
use terminal::Failure;
use terminal::output;

use super::source::{Source, load};
use crate::global::{Global, duration};

/// `partners reload`
#[derive(Debug, Args)]
pub(crate) struct PartnersReload {
    /// Where they are configured: what `up` follows, or what the functions elsewhere have as a secret.
    #[command(flatten)]
    pub(crate) source: Source,
    /// The metrics of a function elsewhere, such as a forwarded port; may be given several times. Without
    /// it, the functions of `up` are asked.
    #[arg(long = "metrics", value_name = "URL")]
    pub(crate) metrics: Vec<String>,
    /// Give up after this time: 30s, 5m.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

const LOOK: Duration = Duration::from_millis(200);
const ANSWER_MAX: Duration = Duration::from_secs(2);
const METRIC: &str = "partners_configuration{digest=\"";

/// Who is asked: a function, and the address of its metrics.
struct Asked {
    name: String,
    url: String,
    knows: Knows,
}

/// Which configuration a function works with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Knows {
    /// The one with this digest.
    Digest(String),
    /// None: it does not read partners.
    Nothing,
    /// It did not answer.
    Unknown(String),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.knows {
            Knows::Digest(digest) => write!(f, "{} works with {digest}", self.name),
            Knows::Nothing => write!(f, "{} does not read partners", self.name),
            Knows::Unknown(why) => write!(f, "{}: {why}", self.name),
        }
    }
}

pub(super) async fn run(global: &Global, args: &PartnersReload) -> Result<()> {
    let (text, place) =
        sources::choose(args.source.path.as_deref(), "partners.yml", partners::BUILT_IN)?;
    let count = load(&text, &place)?.len();
    let folder = args.source.path.as_deref().and_then(Path::parent).map(Path::to_owned);
    let deadline = Instant::now() + args.timeout;
    let (digest, mut asked) = if args.metrics.is_empty() {
        let dir = DataDir::at(&global.data_dir);
        let run = dir.running()?;
        let addresses = catalogue::NAMES.iter().filter_map(|name| {
            let address = run.processes.get(*name)?.metrics?;
            Some(((*name).to_owned(), format!("http://{address}/metrics")))
        });
        let asked: Vec<_> = addresses.map(Asked::new).collect();
        if asked.is_empty() {
            bail!(
                "where the functions run is not known here: name the addresses of their metrics, \
                 --metrics http://localhost:8081/metrics"
            );
        }
        let folder = folder.unwrap_or_default();
        let written = taken_by_up(&dir, &text, &folder, deadline).await;
        let Some(written) = written else {
            let open = format!(
                "orderflow up has not taken over {place}: it follows another file, or says what is \
                 wrong where it runs"
            );
            return Err(Failure::TimeIsUp { seconds: args.timeout.as_secs(), open }.into());
        };
        (intake::partners::digest(&written), asked)
    } else {
        let asked = args.metrics.iter().map(|url| Asked::new((url.clone(), url.clone())));
        (intake::partners::digest(&text), asked.collect())
    };
    wait(&mut asked, &digest, deadline, args.timeout).await?;
    let reads = |asked: &&Asked| asked.knows != Knows::Nothing;
    let names: Vec<&str> = asked.iter().filter(reads).map(|asked| asked.name.as_str()).collect();
    if global.json {
        output::json(&json!({"partners": count, "digest": digest, "functions": names}));
    } else {
        let known = format!("{place}: {count} partners, {digest}");
        output::line(format_args!("{known}, known to {}", names.join(", ")));
    }
    Ok(())
}

impl Asked {
    fn new((name, url): (String, String)) -> Self {
        Self { name, url, knows: Knows::Unknown("not asked yet".into()) }
    }

    async fn ask(&mut self, http: &Http) {
        let call = Call { url: self.url.clone(), timeout: ANSWER_MAX, ..Call::default() };
        self.knows = match http.send(call).await {
            Ok(answer) if answer.status.is_success() => {
                told(&String::from_utf8_lossy(&answer.body))
            }
            Ok(answer) => Knows::Unknown(format!("{} answers {}", self.url, answer.status)),
            Err(error) => Knows::Unknown(format!("{error:#}")),
        };
    }

    /// Nothing is to be waited for.
    fn is_done(&self, digest: &str) -> bool {
        match &self.knows {
            Knows::Digest(known) => known == digest,
            Knows::Nothing => true,
            Knows::Unknown(_) => false,
        }
    }
}

/// What a function's metrics tell.
fn told(metrics: &str) -> Knows {
    let rest = metrics.lines().find_map(|line| line.strip_prefix(METRIC));
    match rest.and_then(|rest| rest.split_once('"')) {
        Some((digest, _)) => Knows::Digest(digest.to_owned()),
        None => Knows::Nothing,
    }
}

/// Asks until all know it.
async fn wait(
    asked: &mut [Asked],
    digest: &str,
    deadline: Instant,
    timeout: Duration,
) -> Result<()> {
    let http = Http::new();
    loop {
        for asked in asked.iter_mut().filter(|asked| !asked.is_done(digest)) {
            asked.ask(&http).await;
            if asked.is_done(digest) && asked.knows != Knows::Nothing {
                output::note(format_args!("{} has taken it over", asked.name));
            }
        }
        let open: Vec<_> =
            asked.iter().filter(|asked| !asked.is_done(digest)).map(ToString::to_string).collect();
        if open.is_empty() {
            return Ok(());
        }
        if deadline <= Instant::now() {
            let open = format!(
                "{}, and not with {digest}; the reason is in its log and on errors.alert.partners.>",
                open.join(", ")
            );
            return Err(Failure::TimeIsUp { seconds: timeout.as_secs(), open }.into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What `up` has written for its functions, once it comes from `text` and the tables in `folder`.
async fn taken_by_up(
    dir: &DataDir,
    text: &str,
    folder: &Path,
    deadline: Instant,
) -> Option<String> {
    loop {
        if let Some(written) = written(dir.partners(), text, folder) {
            return Some(written);
        }
        if deadline <= Instant::now() {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn written(path: PathBuf, text: &str, folder: &Path) -> Option<String> {
    let tables = sources::tables(text, folder).ok()?;
    let is_there = |(name, table): (&String, &Vec<u8>)| {
        std::fs::read(path.with_file_name(name)).is_ok_and(|there| there == *table)
    };
    let written = std::fs::read_to_string(&path).ok()?;
    (tables.iter().all(is_there) && partners::is_from(&written, text)).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_tell_which_configuration_is_known() {
        let metrics = "# HELP partners_configuration 1 for …\n# TYPE partners_configuration gauge\n\
                       partners_configuration{digest=\"00ff\"} 1\nfiles_total 3\n";
        assert_eq!(told(metrics), Knows::Digest("00ff".into()));
        assert_eq!(told("files_total 3\n"), Knows::Nothing);
    }
}
