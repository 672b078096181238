//! A file judged as file-transformer would, without a server: nothing is placed or moved.

use crate::control::{self, SIDE_BYTES_MAX};
use crate::failure::Failure;
use crate::judged::Judged;
use crate::receipt::Receipt;
use crate::spool::{self, Bounds, Reading};
use crate::unpack;
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::partner::{Partner, Partners, Products};
use intake::access::Keys;
use intake::ledger::{Outcome, Record};
use intake::partners::Problem;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tabular::{Limits, Transform};

/// Why a file could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The partner has no `file` section.
    #[error("partner {0} has no file section in this configuration")]
    NoFormat(PartnerId),
    /// The format and the rules do not fit together.
    #[error("the configuration cannot be used: {0}")]
    Configuration(String),
    /// The file.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Temporary files.
    #[error("{0}")]
    Scratch(String),
}

/// What would become of a file.
#[derive(Debug)]
pub struct Verdict {
    /// Accepted, or refused as a whole. Whether the content was known already, only the pipeline
    /// can say.
    pub outcome: Outcome,
    /// The receipt as JSON. Names of results and the arrival are empty.
    pub receipt: Vec<u8>,
    /// The rejected rows as CSV, from its beginning. Nothing for a file that is unreadable as a
    /// whole.
    pub rejects: Option<File>,
}

/// What a partner has beside its configuration.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Its tables.
    pub products: Option<Arc<Products>>,
    /// What opens its encrypted files.
    pub keys: Option<Keys>,
}

/// Judges the file at `path`; temporary files go to the folder `scratch`. Blocks.
///
/// # Errors
/// The file or the scratch folder cannot be used, or the partner's configuration cannot.
pub fn judge(
    partner: &PartnerId,
    settings: &Partner,
    beside: &Beside,
    path: &Path,
    scratch: &Path,
) -> Result<Verdict, Error> {
    let of_file = |source| Error::File { path: path.to_owned(), source };
    let format = settings.file.as_ref().ok_or_else(|| Error::NoFormat(partner.clone()))?;
    let mut file = File::open(path).map_err(of_file)?;
    let data = file.metadata().map_err(of_file)?;
    if !data.is_file() {
        return Err(of_file(std::io::Error::other("it is no file")));
    }
    let bounds = Bounds::default();
    let Beside { products, keys } = beside;
    let (products, keys) = (products.clone(), keys.as_ref());
    let reading =
        Reading { partner: settings, format, products, keys, bounds, share: None, scratch };
    let pass = spool::pass(&reading, |block| {
        unpack::fill(block, |rest| file.read(rest)).map_err(of_file)
    })?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let sides = control::sides(settings, &name, |suffix| side(path, suffix))?;
    let judged = Judged::new(pass, &name, &sides, settings, scratch)?;
    let refusal = judged.refusal(settings);
    let outcome = refusal.map_or(Outcome::Accepted, |reason| Outcome::Refused { reason });
    let changed = data.modified().map_or(DateTime::UNIX_EPOCH, DateTime::<Utc>::from);
    let seconds = u64::try_from(changed.timestamp()).unwrap_or(0);
    let mut record =
        Record::new(String::new(), partner.clone(), name, data.len(), seconds, changed);
    record.sha256 = Some(judged.pass.sha256.clone());
    record.counts = judged.counts();
    let receipt = Receipt::new(&record, &outcome, settings, judged.readable().as_ref()).json();
    let rejects = judged.results.map(|results| results.rejects);
    Ok(Verdict { outcome, receipt, rejects })
}

/// The start of a file beside the one at `path`, if it is there.
fn side(path: &Path, suffix: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    let path = PathBuf::from(name);
    let of_file = |source| Error::File { path: path.clone(), source };
    match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_file(error)),
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(SIDE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(of_file)?;
            Ok(Some(bytes))
        }
    }
}

/// What is wrong with the partners' transforms, which only who reads files can say.
#[must_use]
pub fn problems(partners: &Partners) -> Vec<Problem> {
    let wrong = partners.iter().filter_map(|(name, partner)| {
        let format = partner.file.as_ref().filter(|format| format.transform.is_some())?;
        let limits = Limits::default();
        let error = Transform::new(format, &partner.rules, &partner.time_zone, limits).err()?;
        Some(Problem { place: format!("partners.{name}.file"), reason: error.to_string() })
    });
    wrong.collect()
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Configuration(reason) => Self::Configuration(reason),
            other => Self::Scratch(other.to_string()),
        }
    }
}
