//! Control totals of a file: a trailer in it, a checksum or a manifest beside it.

use crate::spool::{Content, Pass};
use domain::control::{self, Compared, Figure, Source};
use domain::partner::{Partner, SideFiles, Trailer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Largest side file.
pub(crate) const SIDE_BYTES_MAX: usize = 64 << 10;

/// The side files of a file, as far as they are configured and exist.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    pub(crate) checksum: Option<Side>,
    pub(crate) manifest: Option<Side>,
}

/// A side file.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: String,
    /// At most one byte more than [`SIDE_BYTES_MAX`].
    pub(crate) bytes: Vec<u8>,
}

/// Why the control totals cannot be compared, which refuses the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the {} is missing", source_name.as_str())]
    Missing { source_name: Source },
    #[error("the {} has no field {field} for {}", source_name.as_str(), figure.as_str())]
    NoField { source_name: Source, figure: Figure, field: usize },
    #[error("{name} is larger than {SIDE_BYTES_MAX} bytes")]
    TooLarge { name: String },
    #[error("{name} cannot be read: {reason}")]
    Unreadable { name: String, reason: String },
    #[error("{name} does not name {file}")]
    OtherFile { name: String, file: String },
}

/// The comparisons, and why the file is refused, if it is.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) compared: Vec<Compared>,
    pub(crate) refusal: Option<String>,
}

/// Finds the side files of `file`; `read` returns the beginning of the file with this name, if it
/// exists.
pub(crate) fn sides<E>(
    partner: &Partner,
    file: &str,
    mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Sides, E> {
    let mut side = |suffix: Option<&String>| {
        let Some(suffix) = suffix else { return Ok(None) };
        let name = format!("{file}{suffix}");
        Ok(read(suffix)?.map(|bytes| Side { name, bytes }))
    };
    Ok(Sides {
        checksum: side(partner.inbox.checksum.as_ref())?,
        manifest: side(partner.inbox.manifest.as_ref())?,
    })
}

/// Compares the sender's declared totals with the computed ones.
pub(crate) fn compare(partner: &Partner, file: &str, sides: &Sides, pass: &Pass) -> Verdict {
    let mut verdict = Verdict::default();
    let Ok(content) = &pass.content else { return verdict };
    match stated(partner, file, sides, content) {
        Err(problem) => verdict.refusal = Some(problem.to_string()),
        Ok(all) => {
            for Stated { source, figure, text, mark } in all {
                let sums = &content.summary.sums;
                match control::compare(source, figure, &text, mark, sums, &pass.sha256) {
                    Ok(compared) => verdict.compared.push(compared),
                    Err(unclear) => verdict.refusal = Some(unclear.to_string()),
                }
            }
        }
    }
    let wrong = verdict.compared.iter().filter(|compared| !compared.agrees);
    let wrong: Vec<String> = wrong.map(ToString::to_string).collect();
    if !wrong.is_empty() {
        verdict.refusal = Some(wrong.join("; "));
    }
    verdict
}

/// A declared value, as written by the sender.
struct Stated {
    source: Source,
    figure: Figure,
    text: String,
    mark: char,
}

fn stated(
    partner: &Partner,
    file: &str,
    sides: &Sides,
    content: &Content,
) -> Result<Vec<Stated>, Problem> {
    let mut all = Vec::new();
    let format = partner.file.as_ref();
    if let Some(trailer) = format.and_then(|format| format.trailer.as_ref()) {
        let mark = format.map_or('.', |format| format.decimal_mark);
        match &content.summary.trailer {
            Some(fields) => in_trailer(trailer, fields, mark, &mut all)?,
            None if trailer.required => {
                return Err(Problem::Missing { source_name: Source::Trailer });
            }
            None => {}
        }
    }
    let required = partner.inbox.side_files == SideFiles::Required;
    match (&partner.inbox.checksum, &sides.checksum) {
        (Some(_), Some(side)) => {
            let text = in_checksum(side, file)?;
            let (source, figure) = (Source::Checksum, Figure::Sha256);
            all.push(Stated { source, figure, text, mark: '.' });
        }
        (Some(_), None) if required => {
            return Err(Problem::Missing { source_name: Source::Checksum });
        }
        _ => {}
    }
    match (&partner.inbox.manifest, &sides.manifest) {
        (Some(_), Some(side)) => in_manifest(side, file, &mut all)?,
        (Some(_), None) if required => {
            return Err(Problem::Missing { source_name: Source::Manifest });
        }
        _ => {}
    }
    Ok(all)
}

fn in_trailer(
    trailer: &Trailer,
    fields: &[String],
    mark: char,
    all: &mut Vec<Stated>,
) -> Result<(), Problem> {
    let source = Source::Trailer;
    for (figure, field) in [
        (Figure::Rows, trailer.rows),
        (Figure::Quantity, trailer.quantity),
        (Figure::Total, trailer.total),
    ] {
        let Some(field) = field else { continue };
        let text = field.checked_sub(1).and_then(|at| fields.get(at)).cloned();
        let text = text.ok_or(Problem::NoField { source_name: source, figure, field })?;
        all.push(Stated { source, figure, text, mark });
    }
    Ok(())
}

fn text(side: &Side) -> Result<&str, Problem> {
    let name = side.name.clone();
    if SIDE_BYTES_MAX < side.bytes.len() {
        return Err(Problem::TooLarge { name });
    }
    let bytes = side.bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&side.bytes);
    std::str::from_utf8(bytes)
        .map_err(|_| Problem::Unreadable { name, reason: "it is not UTF-8".into() })
}

/// The digest of `file` in lines in the format of `sha256sum`; a digest alone on its line needs no
/// name.
fn in_checksum(side: &Side, file: &str) -> Result<String, Problem> {
    let bad = |reason: &str| Problem::Unreadable { name: side.name.clone(), reason: reason.into() };
    let mut others = false;
    for line in text(side)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (digest, name) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad("it has no SHA-256 as sha256sum writes it"));
        }
        // A star means that the file was hashed in binary mode.
        let name = name.trim_start();
        let name = name.strip_prefix('*').unwrap_or(name);
        if name.is_empty() || name.rsplit(['/', '\\']).next() == Some(file) {
            return Ok(digest.to_owned());
        }
        others = true;
    }
    Err(if others {
        Problem::OtherFile { name: side.name.clone(), file: file.to_owned() }
    } else {
        bad("it is empty")
    })
}

/// Reads a JSON object, or a CSV with a header: `name` and any of the totals.
fn in_manifest(side: &Side, file: &str, all: &mut Vec<Stated>) -> Result<(), Problem> {
    let text = text(side)?;
    let entries = if text.trim_start().starts_with(['{', '[']) { json(text) } else { table(text) };
    let entries =
        entries.map_err(|reason| Problem::Unreadable { name: side.name.clone(), reason })?;
    let is_ours = |entry: &&Entry| entry.get("name").is_none_or(|name| name == file);
    let entry = entries
        .iter()
        .find(is_ours)
        .ok_or_else(|| Problem::OtherFile { name: side.name.clone(), file: file.to_owned() })?;
    let before = all.len();
    for figure in Figure::ALL {
        if let Some(text) = entry.get(figure.as_str()) {
            all.push(Stated { source: Source::Manifest, figure, text: text.clone(), mark: '.' });
        }
    }
    if all.len() == before {
        let names = Figure::ALL.map(Figure::as_str).join(" ");
        let reason = format!("it has none of {names}");
        return Err(Problem::Unreadable { name: side.name.clone(), reason });
    }
    Ok(())
}

/// The entry of one file in a manifest, by lower-case names.
type Entry = BTreeMap<String, String>;

fn json(text: &str) -> Result<Vec<Entry>, String> {
    type Object<'a> = BTreeMap<String, &'a RawValue>;
    let read = |text| serde_json::from_str::<Object<'_>>(text).map(|object| vec![object]);
    let objects = if text.trim_start().starts_with('[') {
        serde_json::from_str::<Vec<Object<'_>>>(text)
    } else {
        read(text)
    };
    let objects = objects.map_err(|error| error.to_string())?;
    // Keeps a number as written: as a float, an amount could change.
    let written = |value: &RawValue| {
        serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
    };
    let entry = |object: Object<'_>| {
        object.into_iter().map(|(key, value)| (key.to_lowercase(), written(value))).collect()
    };
    Ok(objects.into_iter().map(entry).collect())
}

fn table(text: &str) -> Result<Vec<Entry>, String> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_lowercase).collect(),
        Err(error) => return Err(error.to_string()),
    };
    let entry = |record: csv::StringRecord| {
        let pairs = names.iter().cloned().zip(record.iter().map(ToOwned::to_owned));
        pairs.filter(|(_, value)| !value.is_empty()).collect()
    };
    reader.records().map(|record| Ok(entry(record.map_err(|e| e.to_string())?))).collect()
}
