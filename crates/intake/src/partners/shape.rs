//! What a partner looks like in the configuration.

use super::checks;
use crate::shape::{Field, OPTIONAL, REQUIRED, Shape};
use domain::partner::Column;

pub(super) static PARTNER: Shape = Shape::Map(&[
    Field("warehouse", OPTIONAL, Shape::Text(checks::warehouse)),
    Field("currency", REQUIRED, Shape::Text(checks::currency)),
    Field("seller", OPTIONAL, Shape::Text(checks::text)),
    Field("time-zone", OPTIONAL, Shape::Text(checks::time_zone)),
    Field("stock", OPTIONAL, Shape::OneOf(&["enforce", "if-known", "backorder", "ignore"])),
    Field("prices", OPTIONAL, Shape::OneOf(&["off", "warn", "refuse"])),
    Field("price-tolerance", OPTIONAL, Shape::Percent),
    Field("sftp", OPTIONAL, Shape::Map(SFTP)),
    Field("inbox", OPTIONAL, Shape::Map(INBOX)),
    Field("expected", OPTIONAL, Shape::Text(checks::expected)),
    Field("file", OPTIONAL, Shape::Map(FILE)),
    Field("catalogue", OPTIONAL, Shape::Text(checks::table_name)),
    Field("product-ids", OPTIONAL, Shape::Text(checks::table_name)),
    Field("rules", OPTIONAL, Shape::Map(RULES)),
    Field("notify", OPTIONAL, Shape::Map(NOTIFY)),
]);

const NOTIFY: &[Field] = &[
    Field("name", OPTIONAL, Shape::Text(checks::text)),
    Field("from", OPTIONAL, Shape::Text(checks::mailbox)),
    Field("reply-to", OPTIONAL, Shape::Text(checks::mailbox)),
    Field("language", OPTIONAL, Shape::Text(domain::person::language_problem)),
    Field("mail", OPTIONAL, Shape::Flag),
    Field("sms", OPTIONAL, Shape::Flag),
    Field("quiet-hours", OPTIONAL, Shape::Text(checks::quiet_hours)),
];

const SFTP: &[Field] = &[
    Field("host", REQUIRED, Shape::Text(checks::word)),
    Field("port", OPTIONAL, Shape::Whole { min: 1, max: 65_535 }),
    Field("user", REQUIRED, Shape::Text(checks::word)),
    Field("host-key", REQUIRED, Shape::Text(checks::host_key)),
    Field("private-key-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("password-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("path", OPTIONAL, Shape::Text(checks::path)),
];

const INBOX: &[Field] = &[
    Field("done-marker", OPTIONAL, Shape::Text(checks::marker)),
    Field("checksum", OPTIONAL, Shape::Text(checks::marker)),
    Field("manifest", OPTIONAL, Shape::Text(checks::marker)),
    Field("side-files", OPTIONAL, Shape::OneOf(&["required", "optional"])),
    Field("temporary", OPTIONAL, Shape::List(&Shape::Text(checks::temporary))),
    Field("min-age-seconds", OPTIONAL, Shape::Whole { min: 0, max: 86_400 }),
    Field("max-bytes", OPTIONAL, Shape::Whole { min: 1, max: 1 << 40 }),
];

const FILE: &[Field] = &[
    Field("delimiter", OPTIONAL, Shape::Text(checks::delimiter)),
    Field("encoding", OPTIONAL, Shape::Text(checks::encoding)),
    Field("quote", OPTIONAL, Shape::Text(checks::quote)),
    Field("quote-escape", OPTIONAL, Shape::OneOf(&["doubled", "backslash"])),
    Field("line-ends-in-fields", OPTIONAL, Shape::Flag),
    Field("decimal-mark", OPTIONAL, Shape::OneOf(&[".", ","])),
    Field("thousands-mark", OPTIONAL, Shape::OneOf(&[".", ",", " ", "'"])),
    Field("currency-signs", OPTIONAL, Shape::List(&Shape::Text(checks::currency_sign))),
    Field("dates", OPTIONAL, Shape::List(&Shape::Text(checks::date_format))),
    Field("preamble-lines", OPTIONAL, Shape::Whole { min: 0, max: 1_000 }),
    Field("footer-lines", OPTIONAL, Shape::Whole { min: 0, max: 20 }),
    Field("footer-marker", OPTIONAL, Shape::Text(checks::text)),
    Field("trailer", OPTIONAL, Shape::Map(TRAILER)),
    Field("continued-rows", OPTIONAL, Shape::Flag),
    Field("short-rows", OPTIONAL, Shape::OneOf(&["reject", "fill"])),
    Field("decrypt", OPTIONAL, Shape::Map(DECRYPT)),
    Field("columns", REQUIRED, Shape::Map(COLUMNS)),
    Field("charges", OPTIONAL, Shape::Named(&Shape::OneOf(CHARGES))),
    Field("transform", OPTIONAL, Shape::Map(TRANSFORM)),
];

/// What a row with a product code may be that is no product.
const CHARGES: &[&str] = &["shipping", "discount", "fee", "gift_wrap", "rounding", "other", "tax"];

const DECRYPT: &[Field] = &[
    Field("private-key-secret", REQUIRED, Shape::Text(checks::secret_name)),
    Field("passphrase-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("signer-key-secret", OPTIONAL, Shape::Text(checks::secret_name)),
    Field("required", OPTIONAL, Shape::Flag),
];

const TRAILER: &[Field] = &[
    Field("marker", REQUIRED, Shape::Text(checks::text)),
    Field("rows", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("quantity", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("total", OPTIONAL, Shape::Whole { min: 2, max: 100 }),
    Field("required", OPTIONAL, Shape::Flag),
];

/// Optional keys of one shape, and others.
macro_rules! optional {
    ($shape:expr; $($name:literal)+ $(, $field:expr)*) => {
        &[$(Field($name, OPTIONAL, $shape)),+ $(, $field)*]
    };
}

/// Five of them must be here or in [`MADE`]; [`super::across`] checks that.
const COLUMNS: &[Field] = optional!(Shape::Names(checks::text);
    "order-id" "product-id" "quantity" "unit-price" "ordered-at" "customer-id" "description" "region"
    "category" "currency" "line-discount" "tax-category" "shipping" "discount" "tax-given"
    "returns" "name" "email" "phone" "company" "vat-number" "language",
    Field("billing", OPTIONAL, Shape::Map(ADDRESS)), Field("delivery", OPTIONAL, Shape::Map(ADDRESS)));

/// What an address needs, [`super::across`] checks.
const ADDRESS: &[Field] =
    optional!(Shape::Names(checks::text); "street" "postal-code" "city" "region" "country");

const COLUMN: Shape = Shape::OneOf(&[
    "order-id",
    "product-id",
    "quantity",
    "unit-price",
    "ordered-at",
    "customer-id",
    "description",
    "region",
    "category",
]);

const VALUES: &[Field] = optional!(Shape::List(&Shape::Text(checks::text));
    "product-id" "description" "region" "category");

/// What expressions are, only `tabular` knows.
const TRANSFORM: &[Field] = &[
    Field("columns", OPTIONAL, Shape::Map(MADE)),
    Field("where", OPTIONAL, Shape::Text(checks::expression)),
    Field("look-ups", OPTIONAL, Shape::Tables(checks::table_name)),
];

const MADE: &[Field] = optional!(Shape::Text(checks::expression);
    "order-id" "product-id" "quantity" "unit-price" "ordered-at" "customer-id" "description" "region"
    "category" "currency" "line-discount" "tax-category" "shipping" "discount" "tax-given"
    "returns" "name" "email" "phone" "company" "vat-number" "language"
    "billing.street" "billing.postal-code" "billing.city" "billing.region" "billing.country"
    "delivery.street" "delivery.postal-code" "delivery.city" "delivery.region" "delivery.country");

const RULES: &[Field] = &[
    Field("customer-required", OPTIONAL, Shape::Flag),
    Field("required", OPTIONAL, Shape::List(&COLUMN)),
    Field("values", OPTIONAL, Shape::Map(VALUES)),
    Field("unique", OPTIONAL, Shape::List(&Shape::List(&COLUMN))),
    Field("known-products", OPTIONAL, Shape::Flag),
    Field("price-positive", OPTIONAL, Shape::Flag),
    Field("return-prefix", OPTIONAL, Shape::Text(checks::text)),
    Field("on-bad-line", OPTIONAL, Shape::OneOf(&["reject-order", "drop-line"])),
    Field(
        "duplicates",
        OPTIONAL,
        Shape::OneOf(&["off", "per-order", "whole-file", "keep", "reject"]),
    ),
    Field("policy", OPTIONAL, Shape::OneOf(&["reject-rows", "reject-file"])),
    Field("error-budget-percent", OPTIONAL, Shape::Percent),
];

/// Is it the name of a column of ours?
pub(super) fn is_column(name: &str) -> bool {
    COLUMNS.iter().any(|field| field.0 == name)
}

/// Is it the name of a column about the person who buys?
pub(super) fn is_person(name: &str) -> bool {
    Column::PERSON.iter().any(|column| column.key() == name)
}
