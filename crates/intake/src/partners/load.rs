//! From text to partners, or everything that is wrong with it.

use super::sellers::{self, Sold};
use super::{across, shape as partner};
use crate::problem::{Kind, Problem, Problems, located, repeated};
use crate::shape;
use crate::yaml;
use domain::PartnerId;
use domain::partner::{Partner, Partners};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Most bytes of a configuration.
pub const BYTES_MAX: usize = 4 << 20;
/// The keys at the top level.
const KEYS: [&str; 4] = ["partners", "sellers", "direct", "tax-rates"];

/// All that a configuration says.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Who sends orders.
    pub partners: Partners,
    /// Who sells, and with which tax.
    pub sold: Sold,
}

/// Reads a configuration: a map `partners` from names to partners, and maps of sellers and of tax rates. Returns
/// the partners.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(yaml: &str) -> Result<Partners, Vec<Problem>> {
    load_all(yaml).map(|loaded| loaded.partners)
}

/// As [`load`], with sellers and tax.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load_all(yaml: &str) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Problems::default();
    let loaded = read(yaml, &mut problems);
    shared_folders(&loaded.partners, &mut problems);
    like_names(&loaded.partners, &mut problems);
    if problems.0.is_empty() { Ok(loaded) } else { Err(located(problems.0, yaml)) }
}

/// The partners that the file at `path` configures. What is wrong goes to `report`, and then there
/// are none; so it does when there is no path, which the reader of the settings has reported.
pub fn configured(path: Option<&Path>, report: impl FnMut(Problem)) -> Partners {
    let Some(path) = path else { return Partners::new() };
    let loaded = match std::fs::read_to_string(path) {
        Ok(yaml) => load(&yaml),
        Err(error) => {
            let (place, reason) = (path.display().to_string(), error.to_string());
            Err(vec![Problem::new(place, reason)])
        }
    };
    loaded.unwrap_or_else(|problems| {
        problems.into_iter().for_each(report);
        Partners::new()
    })
}

fn read(yaml: &str, problems: &mut Problems) -> Loaded {
    let mut partners = Partners::new();
    if BYTES_MAX < yaml.len() {
        problems.add("partners", format!("has {} bytes, the limit is {BYTES_MAX}", yaml.len()));
        return Loaded::default();
    }
    let document: Value = match serde_yaml_ng::from_str(yaml) {
        Ok(document) => document,
        Err(error) => {
            problems.0 = yaml::parse(yaml).map_or_else(|_| Vec::new(), |root| repeated(&root));
            if problems.0.is_empty() {
                problems.add("partners", format!("is not valid YAML: {error}"));
            }
            return Loaded::default();
        }
    };
    let Value::Mapping(top) = document else {
        problems.add("partners", "missing");
        return Loaded::default();
    };
    let is_known = |key: &Value| key.as_str().is_some_and(|key| KEYS.contains(&key));
    for key in top.keys().filter(|key| !is_known(key)) {
        let key = shape::key_text(key);
        let reason = shape::unknown(&key, KEYS.into_iter());
        problems.add_of(Kind::Unknown, key, reason);
    }
    match top.get("partners") {
        None => problems.add("partners", "missing"),
        Some(Value::Mapping(map)) => {
            for (name, value) in map {
                if let Some((name, partner)) = read_partner(name, value, problems) {
                    partners.insert(name, partner);
                }
            }
        }
        Some(_) => problems.add("partners", "is not a map from names to partners"),
    }
    let sold = sellers::read(&top, &partners, problems);
    Loaded { partners, sold }
}

fn read_partner(
    name: &Value,
    value: &Value,
    problems: &mut Problems,
) -> Option<(PartnerId, Partner)> {
    let before = problems.0.len();
    let place = format!("partners.{}", shape::key_text(name));
    let id = match name.as_str().map(PartnerId::parse) {
        Some(Ok(id)) if id == PartnerId::direct() => {
            problems.add(&place, "is built in and cannot be configured");
            None
        }
        Some(Ok(id)) => Some(id),
        Some(Err(error)) => {
            problems.add(&place, format!("as a name, {error}"));
            None
        }
        None => {
            problems.add(&place, "is not text; put it in quotes");
            None
        }
    };
    shape::check(&place, value, &partner::PARTNER, problems);
    across::check(&place, value, problems);
    if problems.0.len() != before {
        return None;
    }
    match serde_yaml_ng::from_value::<Partner>(value.clone()) {
        Ok(partner) => Some((id?, partner)),
        // The shape and the types disagree; a test holds them together.
        Err(error) => {
            problems.add(place, error.to_string());
            None
        }
    }
}

/// Two partners in one folder would take each other's files.
fn shared_folders(partners: &Partners, problems: &mut Problems) {
    let mut owners = BTreeMap::new();
    for (name, partner) in partners {
        let Some(sftp) = &partner.sftp else { continue };
        let path = sftp.path.trim_end_matches('/').trim_start_matches("./").to_owned();
        let folder = (sftp.host.to_lowercase(), sftp.port, sftp.user.clone(), path);
        // The same login may start in another folder for another key.
        let folder = (folder, sftp.private_key_secret.clone(), sftp.password_secret.clone());
        if let Some(owner) = owners.insert(folder, name) {
            let reason = format!("is the same folder as that of {owner}");
            problems.add(format!("partners.{name}.sftp.path"), reason);
        }
    }
}

/// What is named after a partner outside, a Secret of Kubernetes or a folder of some servers, knows no
/// capitals, and the former no `_`.
fn like_names(partners: &Partners, problems: &mut Problems) {
    let mut owners = BTreeMap::new();
    for name in partners.keys() {
        let plain = name.to_string().to_ascii_lowercase().replace('_', "-");
        if let Some(owner) = owners.insert(plain, name) {
            let reason = format!("as a name, differs from {owner} only by capitals or by _ and -");
            problems.add(format!("partners.{name}"), reason);
        }
    }
}
