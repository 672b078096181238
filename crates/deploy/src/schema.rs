//! JSON Schemas of the two configurations, from which editors complete and explain, and the OpenAPI document.
//!
//! What is wrong is said by `lint` and by `intake::partners`, with file, line and the name that was
//! probably meant; a validator of schemas knows neither.

use std::collections::BTreeMap;

use clap::ValueEnum;
use domain::partner::Partner;
use domain::seller::{Seller, TaxRates};
use schemars::{JsonSchema, schema_for};
use serde_json::Value;
use stack::catalogue;

use crate::lint;

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum File {
    /// partners.yml
    Partners,
    /// stack.yml
    Stack,
    /// What functions answer over HTTP: an OpenAPI document.
    Api,
}

/// Who sends files, and how they look.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "partners.yml of orderflow")]
#[expect(dead_code, reason = "only its shape is asked for")]
struct Partners {
    /// By name: letters, digits, _ and -.
    partners: BTreeMap<String, Partner>,
    /// Whose invoices orders get, by name.
    sellers: Option<BTreeMap<String, Seller>>,
    /// The built-in partner `DIRECT`.
    direct: Option<Direct>,
    /// By country (ISO 3166: two capitals) and tax category.
    #[schemars(rename = "tax-rates")]
    tax_rates: Option<TaxRates>,
}

/// The built-in partner `DIRECT`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is asked for")]
struct Direct {
    /// Who sells, by its name among `sellers`.
    seller: String,
}

/// The schema, as `docs/schema` has it.
#[must_use]
pub fn text(file: File) -> String {
    let schema: Value = match file {
        File::Partners => schema_for!(Partners).into(),
        File::Stack => lint::stack_schema(),
        File::Api => chassis::openapi::document(&catalogue::operations()),
    };
    format!("{schema:#}\n")
}

#[cfg(test)]
mod examples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_what_the_types_say() {
        for (file, name, published) in [
            (File::Partners, "partners", include_str!("../../../docs/schema/partners.json")),
            (File::Stack, "stack", include_str!("../../../docs/schema/stack.json")),
            (File::Api, "api", include_str!("../../../docs/schema/api.json")),
        ] {
            assert!(
                text(file) == published,
                "docs/schema/{name}.json is old; scripts/write-derived writes it again"
            );
        }
    }

    #[test]
    fn the_page_says_who_may_call_what() {
        let page = include_str!("../../../docs/API.md");
        let table = chassis::openapi::roles(&catalogue::operations());
        assert!(page.contains(&table), "put this table into docs/API.md:\n{table}");
    }

    /// The schema of what stands at a key, with references followed.
    fn at<'a>(root: &'a Value, schema: &'a Value, key: &str) -> Option<&'a Value> {
        let schema = followed(root, schema);
        let own = schema.pointer(&format!("/properties/{key}"));
        own.or_else(|| schema.get("additionalProperties").filter(|rest| rest.is_object()))
    }

    pub(super) fn followed<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        let options = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let one = std::iter::once(schema).chain(options).find_map(|one| one.get("$ref"));
        let path = one.and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        path.and_then(|path| root.pointer(path)).unwrap_or(schema)
    }

    /// Every key of `value` is known.
    fn compare(root: &Value, schema: &Value, value: &Value, place: &str) {
        let Value::Object(map) = value else { return };
        for (key, value) in map {
            let place = format!("{place}.{key}");
            let of_key = at(root, schema, key).unwrap_or_else(|| panic!("{place} is not known"));
            compare(root, of_key, value, &place);
        }
    }

    #[test]
    fn the_schemas_know_what_our_own_configurations_say() {
        for (file, yaml) in
            [(File::Partners, stack::partners::BUILT_IN), (File::Stack, stack::BUILT_IN)]
        {
            let schema: Value = serde_json::from_str(&text(file)).unwrap();
            let mut yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(yaml).unwrap();
            yaml.apply_merge().unwrap();
            compare(&schema, &schema, &serde_json::to_value(yaml).unwrap(), "");
        }
    }
}
