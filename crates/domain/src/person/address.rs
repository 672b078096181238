//! Where somebody lives or works.

use super::countries;
use super::text::name_problem;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most lines above the city.
pub const ADDRESS_LINES_MAX: usize = 4;
/// Most characters of a postal code.
const POSTAL_CODE_MAX: usize = 20;

/// An address as it is written on a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Street and what belongs to it: 1 to 4 lines of at most 300 characters.
    pub lines: Vec<String>,
    /// As the country writes it; some have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// At most 300 characters.
    pub city: String,
    /// State or province, where addresses have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// ISO 3166: two capitals.
    pub country: String,
}

impl Address {
    /// What is wrong with it, by the path of the field; `at` is its own.
    pub(super) fn problems(&self, at: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut wrong = |field: String, reason: Option<String>| {
            found.extend(reason.map(|reason| Problem { field, reason }));
        };
        let count = self.lines.len();
        let many = (!(1..=ADDRESS_LINES_MAX).contains(&count))
            .then(|| format!("has {count} lines; 1 to {ADDRESS_LINES_MAX} are allowed"));
        wrong(format!("{at}.lines"), many);
        for (index, line) in self.lines.iter().enumerate().take(ADDRESS_LINES_MAX) {
            wrong(format!("{at}.lines[{index}]"), name_problem(line));
        }
        let code = self.postal_code.as_deref();
        wrong(format!("{at}.postal_code"), code.and_then(postal_code_problem));
        wrong(format!("{at}.city"), name_problem(&self.city));
        wrong(format!("{at}.region"), self.region.as_deref().and_then(name_problem));
        wrong(format!("{at}.country"), country_problem(&self.country));
        found
    }
}

pub(super) fn country_problem(code: &str) -> Option<String> {
    let unknown = "is not the code of a country: two capitals such as FR (ISO 3166)";
    (!countries::is_code(code)).then(|| unknown.to_owned())
}

pub(super) fn postal_code_problem(text: &str) -> Option<String> {
    let count = text.chars().count();
    match POSTAL_CODE_MAX < count {
        true => Some(format!("has {count} characters, the limit is {POSTAL_CODE_MAX}")),
        false => name_problem(text),
    }
}
