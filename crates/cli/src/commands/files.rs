//! `orderflow files …`: what status-checker says.

use anyhow::Result;
use axum::http::Method;
use domain::PartnerId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Level, Pipeline};
use crate::args::{Files, Global};
use crate::failure::Failure;
use crate::output;

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
    reason: Option<String>,
}

pub(crate) async fn run(global: &Global, command: &Files) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
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
            let found =
                |value: &&Value| text(value, "name") == file || text(value, "arrival") == file;
            let files: Vec<&Value> = of(partner).filter(found).collect();
            if files.is_empty() {
                return Err(Failure::NotFound { what: format!("file {file}") }.into());
            }
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
        "reason",
    ];
    output::table(&head, &[4, 5, 6, 7, 8, 9, 10], rows);
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
