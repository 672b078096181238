//! `orderflow schema`: JSON Schemas of the configurations, and the OpenAPI document.

use clap::Args;
use deploy::schema::{File, text};
use terminal::output;

const EXAMPLES: &str = "Examples:
  orderflow schema partners > partners.schema.json
  orderflow schema stack
  orderflow schema api > openapi.json";

/// Print the JSON Schema of a configuration, from which editors complete and explain, or the OpenAPI document.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schema {
    /// Which one.
    file: File,
}

pub(crate) fn run(args: &Schema) {
    output::line(text(args.file).trim_end());
}
