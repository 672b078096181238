//! `orderflow files …`: what status-checker says.

use anyhow::Result;
use axum::http::Method;
use clap::Subcommand;
use domain::PartnerId;
use machine::client::{Level, Pipeline};
use serde::Deserialize;
use serde_json::{Value, json};
use terminal::Failure;
use terminal::output;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow files list --partner US1
  orderflow files show orders.csv";

/// What became of files.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Files {
    /// All files that have arrived.
    List {
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
    },
    /// One file, by its name (all arrivals of it), its arrival id, or the beginning of that.
    Show {
        /// Name, arrival id, or the first characters of the id, at least 4, as `files list` shows them.
        file: String,
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
    },
}

/// What status-checker answers, as far as it is shown here.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub(crate) files: Vec<Value>,
    #[serde(default)]
    pub(crate) depots: Vec<Depot>,
    #[serde(default)]
    overdue: Vec<Value>,
}

/// One partner's folders.
#[derive(Debug, Deserialize)]
pub(crate) struct Depot {
    pub(crate) partner: String,
    #[serde(default)]
    pub(crate) inbox: Vec<InboxFile>,
    pub(crate) error: Option<String>,
}

/// Something in an inbox.
#[derive(Debug, Deserialize)]
pub(crate) struct InboxFile {
    pub(crate) name: String,
    /// Why it is never taken.
    #[serde(default)]
    pub(crate) never: Option<String>,
}

/// The fewest characters of an arrival id that are taken for its beginning.
const PREFIX_MIN: usize = 4;

/// One file of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FileStatus {
    pub(crate) partner: String,
    pub(crate) name: String,
    pub(crate) arrival: String,
    pub(crate) state: String,
    rows: Option<u64>,
    accepted: Option<u64>,
    rejected: Option<u64>,
    orders: Option<u64>,
    confirmed: Option<u64>,
    refused: Option<u64>,
    pending: Option<u64>,
    not_placed: Option<u64>,
    reason: Option<String>,
}

pub(crate) async fn run(global: &Global, command: &Files) -> Result<()> {
    let pipeline = global.pipeline()?;
    let status = status(&pipeline, false).await?;
    let of = |partner: &Option<PartnerId>| {
        let partner = partner.as_ref().map(ToString::to_string);
        status.files.iter().filter(move |file| {
            partner.as_deref().is_none_or(|partner| text(file, "partner") == partner)
        })
    };
    match command {
        Files::List { partner } => {
            let files: Vec<&Value> = of(partner).collect();
            if let (Some(partner), []) = (partner, files.as_slice()) {
                pipeline.partner_known(partner)?;
            }
            if pipeline.json {
                output::json(&json!({"files": files, "overdue": status.overdue}));
            } else {
                table(&files)?;
                for missing in &status.overdue {
                    let field = |name| text(missing, name);
                    output::line(format_args!(
                        "overdue: no file of {} since the deadline before {} (expected {})",
                        field("partner"),
                        field("deadline"),
                        field("expected")
                    ));
                }
            }
        }
        Files::Show { file, partner } => {
            let files = find(&of(partner).collect::<Vec<_>>(), file)?;
            if pipeline.json {
                output::json(&json!({"files": files}));
            } else {
                for file in files {
                    show(file);
                }
            }
        }
    }
    Ok(())
}

/// The files of this name or arrival id, else the one whose id begins like this.
///
/// # Errors
/// [`Failure::NotFound`], also where several ids begin like this.
fn find<'a>(files: &[&'a Value], wanted: &str) -> Result<Vec<&'a Value>, Failure> {
    let exact = |value: &&&Value| text(value, "name") == wanted || text(value, "arrival") == wanted;
    let exact: Vec<&Value> = files.iter().filter(exact).copied().collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let begins =
        |value: &&&Value| PREFIX_MIN <= wanted.len() && text(value, "arrival").starts_with(wanted);
    let found: Vec<&Value> = files.iter().filter(begins).copied().collect();
    let what = match found.len() {
        1 => return Ok(found),
        0 => format!("file {wanted}; orderflow files list shows names and arrivals"),
        count => {
            let ids: Vec<&str> = found.iter().map(|file| text(file, "arrival")).collect();
            format!(
                "one file {wanted}: {count} arrivals begin like this, give more of one of: {}",
                ids.join(", ")
            )
        }
    };
    Err(Failure::NotFound { what })
}

/// What status-checker says of the files; with `folders` it looks into the partners' folders too.
pub(crate) async fn status(pipeline: &Pipeline, folders: bool) -> Result<Status> {
    let path = format!("status-checker?depots={folders}");
    pipeline.call(Level::Read, Method::GET, &path, None).await
}

fn table(files: &[&Value]) -> Result<()> {
    let mut rows = Vec::new();
    for file in files {
        let file = FileStatus::deserialize(*file)?;
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        rows.push(vec![
            file.partner,
            output::name(&file.name).into_owned(),
            file.arrival.chars().take(8).collect(),
            file.state,
            number(file.rows),
            number(file.accepted),
            number(file.rejected),
            number(file.orders),
            number(file.confirmed),
            number(file.refused),
            number(file.pending),
            number(file.not_placed),
            file.reason.unwrap_or_default(),
        ]);
    }
    let head = [
        "partner",
        "file",
        "arrival",
        "state",
        "rows",
        "accepted",
        "rejected",
        "orders",
        "confirmed",
        "refused",
        "pending",
        "not placed",
        "reason",
    ];
    output::table(&head, &[4, 5, 6, 7, 8, 9, 10, 11], rows);
    Ok(())
}

/// Every field on a line of its own.
fn show(file: &Value) {
    let fields = file.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let rows = fields.map(|(name, value)| {
        let text = match value {
            Value::String(text) => output::name(text).into_owned(),
            Value::Array(items) => {
                let item = |item: &Value| item.as_str().map_or_else(|| item.to_string(), said);
                items.iter().map(item).collect::<Vec<_>>().join("\n")
            }
            other => other.to_string(),
        };
        vec![name.clone(), text]
    });
    output::table(&["field", "value"], &[], rows);
}

fn said(text: &str) -> String {
    output::name(text).into_owned()
}

fn text<'a>(file: &'a Value, field: &str) -> &'a str {
    file.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_its_arrival_or_the_beginning_of_that() {
        let file = |name: &str, arrival: &str| json!({"name": name, "arrival": arrival});
        let files = [file("a.csv", "1a3338b1ff"), file("a.csv", "1a33aaaa00"), file("1a33", "77")];
        let files: Vec<&Value> = files.iter().collect();
        let found = |wanted: &str| match find(&files, wanted) {
            Ok(found) => found.iter().map(|file| text(file, "arrival").to_owned()).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found("a.csv"), ["1a3338b1ff", "1a33aaaa00"]);
        assert_eq!(found("1a3338b1ff"), ["1a3338b1ff"]);
        assert_eq!(found("1a3338b1"), ["1a3338b1ff"]);
        assert_eq!(found("1a33"), ["77"], "a whole name is meant before the beginning of an id");
        for (wanted, expected) in [
            ("1a333", "1a3338b1ff"),
            ("1a3", "not found: file 1a3;"),
            ("nope", "orderflow files list"),
        ] {
            assert!(found(wanted)[0].contains(expected), "{wanted}: {:?}", found(wanted));
        }
        let several = find(&files[..2], "1a33").unwrap_err().to_string();
        assert!(several.contains("1a3338b1ff, 1a33aaaa00"), "{several}");
    }
}
