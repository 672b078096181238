//! Judges a file like file-transformer does, but without a server: nothing is placed or moved.

use crate::control::{self, SIDE_BYTES_MAX};
use crate::decrypt;
use crate::failure::Failure;
use crate::judged::Judged;
use crate::packed::{Caps, Packing};
use crate::receipt::Receipt;
use crate::spool::{self, Bounds, Reading};
use crate::unpack::{self, Source};
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
    /// Format and rules do not fit together.
    #[error("the configuration cannot be used: {0}")]
    Configuration(String),
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The packed content cannot be read.
    #[error("cannot read {path}: {reason}")]
    Packed {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A temporary file cannot be used.
    #[error("{0}")]
    Scratch(String),
}

/// The beginning of a file, unpacked if it is gzip or a zip archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Sample {
    /// At most the requested number of bytes.
    pub bytes: Vec<u8>,
    /// Whether this is the whole content.
    pub is_whole: bool,
}

/// The result for a file.
#[derive(Debug)]
pub struct Verdict {
    /// Accepted, or refused as a whole. Only the pipeline knows whether the content was processed
    /// before.
    pub outcome: Outcome,
    /// The receipt as JSON. The names of results and the arrival are empty.
    pub receipt: Vec<u8>,
    /// The results. `None` for a file that is unreadable as a whole.
    pub files: Option<Files>,
}

/// Temporary files, each positioned at its beginning.
#[derive(Debug)]
pub struct Files {
    /// The accepted rows as CSV, cleaned.
    pub output: File,
    /// The rejected rows as CSV.
    pub rejects: File,
    /// The orders that would be placed, one per line, as JSON.
    pub orders: File,
}

/// The data of a partner outside its configuration.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Its tables.
    pub products: Option<Arc<Products>>,
    /// The keys for its encrypted files.
    pub keys: Option<Keys>,
}

/// Judges the file at `path`; temporary files are created in the folder `scratch`. Blocks.
///
/// # Errors
/// If the file, the scratch folder or the partner's configuration cannot be used.
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
    let files = judged.results.map(|results| Files {
        output: results.output,
        rejects: results.rejects,
        orders: results.orders,
    });
    Ok(Verdict { outcome, receipt, files })
}

/// The first `bytes_max` bytes of the content of the file at `path`; temporary files are created in the
/// folder `scratch`. Blocks.
///
/// # Errors
/// If the file or the scratch folder cannot be used, or the file is encrypted or packed in an
/// unsupported way.
pub fn sample(path: &Path, bytes_max: usize, scratch: &Path) -> Result<Sample, Error> {
    let of_file = |source| Error::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(of_file)?;
    let packed_max = file.metadata().map_err(of_file)?.len();
    let mut source = Source::new(|block: &mut [u8]| {
        unpack::fill(block, |rest| file.read(rest)).map_err(|error| Stop::Error(of_file(error)))
    });
    let caps = Caps { bytes_max: u64::MAX, packed_max, scratch };
    let mut bytes = Vec::new();
    let read = source.packing().and_then(|packing| match packing {
        Some(Packing::Pgp) => Ok(Err(decrypt::refusal(source.keep(scratch)?).into())),
        packing => unpack::content(&mut source, packing, caps, |some| {
            let room = bytes_max - bytes.len();
            bytes.extend_from_slice(some.get(..room).unwrap_or(some));
            if room < some.len() { Err(Stop::Enough) } else { Ok(()) }
        }),
    });
    match read {
        Ok(Ok(())) => Ok(Sample { bytes, is_whole: true }),
        Ok(Err(packed)) => Err(Error::Packed { path: path.to_owned(), reason: packed.to_string() }),
        Err(Stop::Enough) => Ok(Sample { bytes, is_whole: false }),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why reading a file stops.
enum Stop {
    Enough,
    Error(Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Error(failure.into())
    }
}

/// The beginning of a side file of the file at `path`, if it exists.
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

/// Problems of the partners' transforms, which only the reader can detect.
#[must_use]
pub fn problems(partners: &Partners) -> Vec<Problem> {
    let wrong = partners.iter().filter_map(|(name, partner)| {
        let format = partner.file.as_ref().filter(|format| format.transform.is_some())?;
        let limits = Limits::default();
        let error = Transform::new(format, &partner.rules, &partner.time_zone, limits).err()?;
        Some(Problem::new(format!("partners.{name}.file"), error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn sampled(content: &[u8], bytes_max: usize) -> Result<Sample, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        std::fs::write(&path, content).unwrap();
        sample(&path, bytes_max, folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sample_is_the_content_up_to_the_limit() {
        let whole = |bytes: &[u8]| Sample { bytes: bytes.to_vec(), is_whole: true };
        let begun = |bytes: &[u8]| Sample { bytes: bytes.to_vec(), is_whole: false };
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"a,b\n1,2\n").unwrap();
        let gzip = gzip.finish().unwrap();
        for content in [b"a,b\n1,2\n", &gzip[..]] {
            assert_eq!(sampled(content, 8), Ok(whole(b"a,b\n1,2\n")));
            assert_eq!(sampled(content, 7), Ok(begun(b"a,b\n1,2")));
        }
        assert_eq!(sampled(b"", 8), Ok(whole(b"")));
    }

    #[test]
    fn the_error_says_why_a_file_cannot_be_unpacked() {
        let broken = sampled(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff], 8).unwrap_err();
        assert!(broken.contains("the gzip file is broken behind 0 unpacked bytes"), "{broken}");
        let broken = sampled(b"PK\x05\x06", 8).unwrap_err();
        assert!(broken.contains("its end is missing"), "{broken}");
        let closed = sampled(b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n", 8).unwrap_err();
        assert!(closed.contains("damaged, or no OpenPGP message"), "{closed}");
    }
}
