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
    sellers(file, findings);
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

/// Sellers of whose country no rate of tax is configured, and partners without a seller where there are some.
fn sellers(file: &Path, findings: &mut Findings) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // What is wrong with them is found by reading the settings.
    let (Ok(loaded), Ok(root)) = (intake::partners::load_all(&text), yaml::parse(&text)) else {
        return;
    };
    for (name, seller) in &loaded.sold.sellers {
        let country = &seller.address.country;
        if !loaded.sold.tax_rates.has(country) {
            let path = format!("sellers.{name}.address.country");
            let wrong = format!(
                "{country} has no `tax-rates`, so nothing says what its sales are taxed with"
            );
            let mend = "say the rates of that country, each with the day from which it holds";
            findings.add_in(file, Rule::TaxRates, root.line_of(&path), path, wrong, mend);
        }
    }
    let without = loaded.partners.iter().filter(|(_, partner)| partner.seller.is_none());
    let without: Vec<&str> = without.map(|(name, _)| name.as_str()).collect();
    if let (Some(first), false) = (without.first(), loaded.sold.sellers.is_empty()) {
        let path = format!("partners.{first}");
        let wrong = format!("no seller is named for {}", without.join(", "));
        let mend = "give each a `seller`: whose invoices its orders get";
        findings.add_in(file, Rule::NoSeller, root.line_of(&path), path, wrong, mend);
    }
}

/// The line where a setting of a partner is written, else that of its name.
fn line_of(file: &Path, name: &str, setting: &str) -> usize {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Ok(root) = yaml::parse(&text) else { return 1 };
    let Some(partners) = root.get("partners") else { return 1 };
    let written = partners.get(name).and_then(|partner: &Node| partner.key(setting));
    written.or_else(|| partners.key(name)).map_or(1, |key| key.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seller_without_rates_and_a_partner_without_a_seller_have_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("partners.yml");
        let lint = |more: &str| {
            let yaml = format!(
                "partners:\n  A: {{currency: EUR, seller: S}}\n  B: {{currency: EUR}}\nsellers:\n  S:\n    \
                 {{name: S, currency: EUR, time-zone: UTC, prices: net, series-prefix: S, language: de,\n    \
                 address: {{street: a, postcode: b, city: c, country: DE}}}}\n{more}"
            );
            std::fs::write(&file, yaml).unwrap();
            let mut findings = Findings::default();
            sellers(&file, &mut findings);
            findings.lines(Path::new("stack.yml"), |_| true)
        };
        let lines = lint("").join("\n");
        let rates =
            "partners.yml:7: warning tax-rates: sellers.S.address.country: DE has no `tax-rates`";
        let without = "partners.yml:3: warning no-seller: partners.B: no seller is named for B";
        assert!(lines.contains(rates) && lines.contains(without), "{lines}");
        let lines = lint("tax-rates: {DE: {standard: [{percent: 19, valid-from: 2021-01-01}]}}\n");
        assert!(lines.len() == 1 && lines[0].contains("no-seller"), "{lines:?}");
    }
}
