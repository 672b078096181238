//! What a function says of its records.

use super::wrong::Wrong;
use crate::role::{Role, Scope};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;
use state::record::Record;

/// Does a list have this record?
pub type Filter<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// A record that people edit over HTTP.
///
/// The parts of its key are fields of it. In the path they have the same names, and are texts:
///
/// ```
/// # use chassis::{Resource, Role, Wrong};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # use state::record::{Record, Unique};
/// #[derive(Clone, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Product { id: String, name: String, price_cents: u32 }
///
/// impl Record for Product {
///     const BUCKET: &'static str = "PRODUCTS";
///     const EVENT: &'static str = "orderflow.product.changed.v1";
///     const SUBJECT: &'static str = "products.changed";
///     const STREAM: &'static str = "PRODUCTS";
///     const SOURCE: &'static str = "/functions/inventory";
///
///     fn unique(&self) -> Vec<Unique> {
///         Unique::new("name", [self.name.to_lowercase()]).into_iter().collect()
///     }
/// }
///
/// impl Resource for Product {
///     const PATH: &'static str = "/products/{id}";
///     const NAME: &'static str = "product";
///     const READ: Role = Role::ProductsRead;
///     const WRITE: Role = Role::Products;
///
///     fn check(&self, wrong: &mut Wrong) {
///         wrong.text("name", &self.name, 100);
///         wrong.unless(0 < self.price_cents, "price_cents", "is 0");
///     }
/// }
/// ```
pub trait Resource: Record + JsonSchema {
    /// Path of one record: `/products/{id}`. The list is at the part before the first brace. Where the first
    /// part is `partner`, the token of a partner sees and changes its own ones only.
    const PATH: &'static str;
    /// What one is called: `product`.
    const NAME: &'static str;
    /// Who may look at them.
    const READ: Role;
    /// Who may change them.
    const WRITE: Role;

    /// Parameters that cut the list, beside the first parts of the key: `active` for `?active=true`. With any of
    /// them each replica holds all records in memory, and makes lists from there.
    const FILTERS: &'static [&'static str] = &[];

    /// What the filter `name`, one of [`Resource::FILTERS`], takes for `value`.
    ///
    /// # Errors
    /// The value can be none: why.
    fn filter(name: &str, value: &str) -> Result<Filter<Self>, String> {
        let _ = value;
        Err(format!("{name} is no filter"))
    }

    /// Says what is wrong with it. It runs before [`Record::unique`] is asked.
    fn check(&self, wrong: &mut Wrong) {
        let _ = wrong;
    }
}

/// A member of every answer; what comes with it in a request is passed over.
pub(super) const REVISION: &str = "revision";

/// The path of all of them: `/products`.
pub(super) fn collection<T: Resource>() -> &'static str {
    T::PATH.split("/{").next().unwrap_or_default()
}

/// What all of them are called: `products`.
pub(super) fn plural<T: Resource>() -> &'static str {
    collection::<T>().rsplit('/').next().unwrap_or_default()
}

/// The names of the parts of a key.
pub(super) fn parts<T: Resource>() -> impl Iterator<Item = &'static str> + Clone {
    T::PATH.split("/{").skip(1).map(|part| part.trim_end_matches('}'))
}

/// A part of a key in a path.
pub(super) fn encoded(part: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().fold(String::new(), |text, byte| match keep(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}

pub(super) fn scope<T: Resource>() -> Scope {
    if has_partner::<T>() { Scope::Own } else { Scope::NoPartner }
}

/// Does a record belong to the partner in the first part of its key?
pub(super) fn has_partner<T: Resource>() -> bool {
    parts::<T>().next() == Some("partner")
}

/// The parts of the key of a value.
pub(super) fn key_of<T: Resource>(value: &Value) -> Vec<String> {
    let of = |part| value.get(part).and_then(Value::as_str).unwrap_or_default().to_owned();
    parts::<T>().map(of).collect()
}

/// # Panics
/// A part of the path is no field of the type.
pub(super) fn assert_has_its_key<T: Resource>() {
    let schema = T::json_schema(&mut SchemaGenerator::default());
    let fields = schema.get("properties").and_then(Value::as_object);
    let has = |name: &str| fields.is_some_and(|fields| fields.contains_key(name));
    let (path, name) = (T::PATH, T::NAME);
    for part in parts::<T>() {
        assert!(has(part), "{path} names {part}, which is no field of a {name}");
    }
    assert!(!has(REVISION), "a {name} may have no field {REVISION}: every answer has one");
}
