//! `orderflow partners list`.

use anyhow::Result;
use domain::partner::{FilePolicy, OnBadLine};
use serde_json::json;
use terminal::output;

use super::source::{Source, read};
use crate::global::Global;

pub(super) fn run(global: &Global, source: &Source) -> Result<()> {
    let (partners, place) = read(source)?;
    if global.json {
        output::json(&json!({"place": place, "partners": partners}));
        return Ok(());
    }
    let rows = partners.iter().map(|(name, partner)| {
        let format = partner.file.as_ref();
        let files = format.map_or("none".to_owned(), |format| {
            format!("'{}' {}", format.delimiter, serde_word(&format.encoding))
        });
        let policy = match (partner.rules.policy, partner.rules.on_bad_line) {
            (FilePolicy::RejectFile, _) => "reject file",
            (FilePolicy::RejectRows, OnBadLine::RejectOrder) => "reject order",
            (FilePolicy::RejectRows, OnBadLine::DropLine) => "drop line",
        };
        vec![
            name.to_string(),
            partner.warehouse.to_string(),
            partner.currency.clone(),
            partner.seller.clone().unwrap_or_default(),
            partner.time_zone.clone(),
            serde_word(&partner.stock),
            files,
            policy.to_owned(),
            partner.sftp.as_ref().map_or_else(String::new, |sftp| {
                format!("{}@{}:{}/{}", sftp.user, sftp.host, sftp.port, sftp.path)
            }),
        ]
    });
    let head = [
        "partner",
        "warehouse",
        "currency",
        "seller",
        "time zone",
        "stock",
        "files",
        "bad line",
        "folder",
    ];
    output::table(&head, &[], rows);
    Ok(())
}

/// A choice as the configuration writes it.
fn serde_word(choice: &impl serde::Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
