//! What of partners.yml may not be meant, at its place: partners of one warehouse whose stock policies
//! differ, and partners without a folder.

use std::path::Path;

use domain::partner::Partners;

use super::finding::{Findings, Rule};
use super::subject::Subject;
use crate::policies;
use intake::yaml::{self, Node};

pub(super) fn look(subject: &Subject, findings: &mut Findings) {
    let Some(file) = &subject.partners else { return };
    // What is wrong with the partners is found by reading the settings.
    let partners = intake::partners::configured(Some(file), drop);
    let mend = "give them the same `stock`, or warehouses of their own, if that is not meant";
    folders(&partners, file, findings);
    for clash in policies::clashes(partners.iter()) {
        let name = clash.partner.as_str();
        let line = line_of(file, name, "stock");
        let path = format!("partners.{name}.stock");
        findings.add_in(file, Rule::StockPolicy, line, path, clash.text, mend);
    }
}

/// One finding for all partners without a folder.
fn folders(partners: &Partners, file: &Path, findings: &mut Findings) {
    let names = policies::without_folder(partners);
    let Some(first) = names.first() else { return };
    let (line, path) = (line_of(file, first, "sftp"), format!("partners.{first}.sftp"));
    let (wrong, mend) = (policies::deaf(&names), policies::GIVE_FOLDER);
    findings.add_in(file, Rule::PartnerFolder, line, path, wrong, mend);
}

/// The line where a setting of a partner is written, else that of its name.
fn line_of(file: &Path, name: &str, setting: &str) -> usize {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Ok(root) = yaml::parse(&text) else { return 1 };
    let Some(partners) = root.get("partners") else { return 1 };
    let written = partners.get(name).and_then(|partner: &Node| partner.key(setting));
    written.or_else(|| partners.key(name)).map_or(1, |key| key.line)
}
