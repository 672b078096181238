//! A partner's configuration, as plain data. Reading it from a file, and checking it, is
//! `intake`'s work; using its format is `tabular`'s.

mod columns;
mod encoding;
mod expected;
mod format;
mod names;
mod notify;
mod policy;
mod products;
mod signs;
mod transform;

pub use columns::{AddressColumns, Column, Columns};
pub use encoding::{Encoding, UnknownEncoding};
pub use expected::{Expected, ExpectedError};
pub use format::{Decrypt, FileFormat, ShortRows, Trailer};
pub use names::Names;
pub use notify::{Notify, QuietHours};
pub use products::Products;
pub use signs::{Delimiter, Quote, QuoteEscape};
pub use transform::{LookUp, Transform};

use crate::{PartnerId, WarehouseId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All partners, by name.
pub type Partners = BTreeMap<PartnerId, Partner>;

/// One partner.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Partner {
    /// The warehouse whose stock its orders take. Never changes once orders were placed.
    #[serde(default = "WarehouseId::main")]
    #[schemars(with = "String")]
    pub warehouse: WarehouseId,
    /// ISO 4217 code of its prices.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// Who sells to its customers, by its name among `sellers`: whose invoices its orders get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// IANA name, for dates without an offset.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// What is done about stock when it orders.
    #[serde(default)]
    pub stock: StockPolicy,
    /// Are the prices of its orders compared with the catalogue's?
    #[serde(default)]
    pub prices: Prices,
    /// By how much a price may differ from the catalogue's, in percent of that.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub price_tolerance: f64,
    /// Where its folder is. Without it the partner cannot drop files (`orderflow up` gives every
    /// partner with a `file` section a folder on its own server).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sftp: Option<Sftp>,
    /// When a file in its inbox is complete.
    #[serde(default)]
    pub inbox: Inbox,
    /// When its files have to be there, in its time zone: `daily by 07:30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expected: Option<Expected>,
    /// How its files look. Without it the partner cannot drop files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFormat>,
    /// Name of a CSV beside the configuration: the products that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<String>,
    /// Name of a CSV beside the configuration: what the partner calls our products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_ids: Option<String>,
    /// What becomes of bad rows and orders.
    #[serde(default)]
    pub rules: Rules,
    /// How its customers are told what becomes of their orders.
    #[serde(default, skip_serializing_if = "Notify::is_default")]
    pub notify: Notify,
}

fn utc() -> String {
    "UTC".into()
}

/// What is done about stock when an order is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StockPolicy {
    /// Available stock never falls below zero; an unknown product refuses the order.
    #[default]
    Enforce,
    /// As `enforce` for products whose stock was ever set or imported; others are moved, not
    /// checked.
    IfKnown,
    /// Stock may fall below zero; an unknown product refuses the order.
    Backorder,
    /// Stock is moved, nothing is checked.
    Ignore,
}

impl StockPolicy {
    /// Do this partner's orders keep the stock of known products from falling below zero? Then
    /// nobody's order takes those products below zero.
    #[must_use]
    pub const fn has_floor(self) -> bool {
        matches!(self, Self::Enforce | Self::IfKnown)
    }
}

/// What becomes of an order whose prices are not the catalogue's, or whose products are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prices {
    /// Nobody looks.
    #[default]
    Off,
    /// It is placed, and the log and a metric say so.
    Warn,
    /// It is not placed.
    Refuse,
}

/// How to reach a partner's folder.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sftp {
    /// Name or address.
    pub host: String,
    /// TCP port.
    #[serde(default = "ssh_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Login.
    pub user: String,
    /// The server's public key as in `known_hosts`, `ssh-ed25519 AAAA…`. Pinned: any other refuses.
    pub host_key: String,
    /// Name of the secret that holds the private key (OpenSSH or PEM format).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_secret: Option<String>,
    /// Name of the secret that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<String>,
    /// The partner's folder; relative to where the login starts, or absolute.
    #[serde(default = "here")]
    pub path: String,
}

fn ssh_port() -> u16 {
    22
}

fn here() -> String {
    ".".into()
}

/// When a file in the inbox is complete.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Inbox {
    /// A file is complete when `<name><done-marker>` stands beside it. Without it: age and rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_marker: Option<String>,
    /// `<name><checksum>` stands beside it and has its SHA-256, as `sha256sum` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// `<name><manifest>` stands beside it, a JSON object or a CSV, and says what it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Does a file wait for these two?
    pub side_files: SideFiles,
    /// Further endings of names under which the partner writes what is not complete; with a `*` at the
    /// end, beginnings. Capitals do not matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub temporary: Vec<String>,
    /// Seconds since the last change, by the server's clock.
    pub min_age_seconds: u32,
    /// Largest file that is read, in bytes.
    pub max_bytes: u64,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            done_marker: None,
            checksum: None,
            manifest: None,
            side_files: SideFiles::Required,
            temporary: Vec::new(),
            min_age_seconds: 5,
            max_bytes: 2 << 30,
        }
    }
}

/// Does a file wait for its checksum and its manifest?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideFiles {
    /// It does, and is refused without.
    Required,
    /// They are compared with if they are there.
    Optional,
}

/// What becomes of bad rows and orders.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rules {
    /// Is a customer required on each line?
    pub customer_required: bool,
    /// Further columns in which something must stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<Column>,
    /// What may stand in a column, exactly, if anything does.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Column, Vec<String>>,
    /// Columns that no two rows have the same values in, taken together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<Vec<Column>>,
    /// Must a product be in the catalogue, or, without one, among our products of `product-ids`?
    pub known_products: bool,
    /// Must a price be above zero? Otherwise zero is allowed; below zero never.
    pub price_positive: bool,
    /// Orders whose id starts with this are returns. All their quantities are negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_prefix: Option<String>,
    /// What becomes of an order with a bad line.
    pub on_bad_line: OnBadLine,
    /// What is done about rows whose cleaned columns are all equal to an earlier row's.
    pub duplicates: Duplicates,
    /// What becomes of a file with bad rows.
    pub policy: FilePolicy,
    /// With more than this share of bad rows the whole file is refused, in percent.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub error_budget_percent: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            customer_required: true,
            required: Vec::new(),
            values: BTreeMap::new(),
            unique: Vec::new(),
            known_products: false,
            price_positive: true,
            return_prefix: None,
            on_bad_line: OnBadLine::RejectOrder,
            duplicates: Duplicates::WholeFile,
            policy: FilePolicy::RejectRows,
            error_budget_percent: 100.0,
        }
    }
}

/// What becomes of an order with a bad line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadLine {
    /// All its lines are rejected.
    RejectOrder,
    /// It is placed without the bad lines.
    DropLine,
}

/// Which rows are compared to find duplicates. The second and later ones are rejected as
/// `duplicate`, which harms no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// None: they are lines like any other.
    #[serde(alias = "keep")]
    Off,
    /// Those of one order that stand together; takes memory for one order.
    PerOrder,
    /// All rows of the file.
    #[serde(alias = "reject")]
    WholeFile,
}

/// What becomes of a file with bad rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FilePolicy {
    /// The bad rows go to the rejects, the others are accepted.
    RejectRows,
    /// One bad row refuses the whole file.
    RejectFile,
}
