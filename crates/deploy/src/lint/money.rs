//! Currency signs that somebody has written by hand and that mean other money, at their place in partners.yml.

use domain::partner::Partner;

use super::finding::{Findings, Rule};
use super::subject::Subject;
use intake::yaml::{self, Node};

pub(super) fn look(subject: &Subject, findings: &mut Findings) {
    let Some(file) = &subject.partners else { return };
    // What is wrong with the partners is found by reading the settings.
    let partners = intake::partners::configured(Some(file), drop);
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Ok(root) = yaml::parse(&text) else { return };
    for (name, partner) in partners.iter() {
        let name = name.as_str();
        let signs = root.get("partners").and_then(|node| node.get(name)?.get("file"));
        let line = signs.and_then(|node: &Node| node.key("currency-signs")).map_or(1, |k| k.line);
        for (sign, meanings) in foreign(partner) {
            let path = format!("partners.{name}.file.currency-signs");
            let wrong = format!(
                "{sign:?} means {}: such a price is taken as {}",
                meanings.join(" or "),
                partner.currency
            );
            let mend = "leave the sign out, and rows with it are rejected; or correct `currency`";
            findings.add_in(file, Rule::CurrencySign, line, path, wrong, mend);
        }
    }
}

/// Its signs that are known and never stand for its currency.
fn foreign(partner: &Partner) -> impl Iterator<Item = (&str, &'static [&'static str])> {
    let signs = partner.file.iter().flat_map(|file| &file.currency_signs);
    let known = signs.map(|sign| (sign.as_str(), tabular::currency::meanings(sign)));
    known.filter(|(_, meanings)| {
        !meanings.is_empty() && !meanings.contains(&partner.currency.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_other_money_has_its_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("partners.yml");
        let lint = |currency: &str, signs: &str| {
            let yaml = format!(
                "partners:\n  A:\n    currency: {currency}\n    file:\n      currency-signs: {signs}\n      \
                 columns: {{order-id: A, product-id: B, quantity: C, unit-price: D, ordered-at: E}}\n"
            );
            std::fs::write(&file, yaml).unwrap();
            let mut findings = Findings::default();
            let subject = Subject {
                folder: folder.path().to_owned(),
                partners: Some(file.clone()),
                secrets: None,
                gateway_timeout: std::time::Duration::from_secs(60),
                now: chrono::DateTime::UNIX_EPOCH,
            };
            look(&subject, &mut findings);
            findings.lines(std::path::Path::new("stack.yml"), |_| true)
        };
        for (currency, signs) in
            [("EUR", "[€, eur]"), ("CAD", "[$, C$]"), ("DKK", "[kr, kr.]"), ("EUR", "[Taler]")]
        {
            assert_eq!(lint(currency, signs), [""; 0], "{currency} {signs}");
        }
        let lines = lint("EUR", "[€, £, USD]");
        let place =
            format!("{}:5: warning currency-sign: partners.A.file.currency-signs", file.display());
        assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with(&place)), "{lines:?}");
        assert!(lines[0].contains("\"£\" means GBP: such a price is taken as EUR"), "{lines:?}");
    }
}
