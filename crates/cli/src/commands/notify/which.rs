//! What several verbs need.

use clap::Args;
use domain::PartnerId;
use machine::client::query_value;

/// Which text.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// What it tells, such as `order_confirmed`.
    #[arg(default_value = "order_confirmed")]
    pub(super) notice: String,
    /// Its language; the partner's if nothing is said.
    #[arg(long)]
    pub(super) language: Option<String>,
    /// As a customer of this partner gets it.
    #[arg(long)]
    pub(super) partner: Option<PartnerId>,
}

/// A query of those that are given.
pub(super) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!("&{name}={}", query_value(value))).collect()
}
