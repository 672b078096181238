//! `orderflow products …`: the catalogue, over HTTP on inventory.

mod import;
mod list;

use std::io::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use axum::http::Method;
use clap::Subcommand;
use domain::ProductId;
use machine::client::{Level, Pipeline, key};
use products::sheet;
use serde_json::{Map, Value, json};
use terminal::Failure;
use terminal::output;

use crate::confirm::{Yes, confirm};
use crate::global::Global;
use list::path;

const EXAMPLES: &str = "Examples:
  orderflow products list --category grocery
  orderflow products show P001
  orderflow products set P001 price=18.99 low_stock=5
  orderflow products set P006 name=Mug price=4.50 currency=EUR metadata.colour=red
  orderflow products export products.csv
  orderflow products import products.csv --dry-run
  orderflow products import products.csv --yes
  orderflow products delete P006";

const IMPORT: &str = "The file is CSV in UTF-8 with a header: id, and any of name, price, currency, category,
tax_category, active, low_stock and metadata.NAME. A new product needs name, price and currency. A column that is not
there changes nothing, an empty cell takes the value away, and products that are not in the file stay as they are.
The same file again changes nothing, so that an import that was interrupted is run again.

Examples:
  orderflow products import products.csv --dry-run
  orderflow products import products.csv --yes";

/// Products of the catalogue.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Products {
    /// List products in the order of their ids.
    List {
        /// With this in the name.
        #[arg(long)]
        name: Option<String>,
        /// Of this category.
        #[arg(long)]
        category: Option<String>,
        /// Those that are sold, or with `false` those that are not.
        #[arg(long)]
        active: Option<bool>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a product.
    #[command(alias = "get")]
    Show {
        /// Which one.
        product: ProductId,
    },
    /// Change fields of a product, or make it.
    Set {
        /// Which one.
        product: ProductId,
        /// `FIELD=VALUE`; nothing behind the `=` takes the value away. Fields are those of `import`.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        fields: Vec<Field>,
    },
    /// Delete a product. Orders that wait are decided by stock alone, as before.
    Delete {
        /// Which one.
        product: ProductId,
        #[command(flatten)]
        yes: Yes,
    },
    /// Make and change products as a CSV says.
    #[command(after_help = IMPORT)]
    Import {
        /// The file.
        file: PathBuf,
        /// Only show what would be created, changed and refused.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        yes: Yes,
    },
    /// Write all products as a CSV that `import` reads.
    Export {
        /// The file, which is replaced; without it, standard output.
        file: Option<PathBuf>,
    },
}

/// A field and its new value.
#[derive(Clone, Debug)]
pub(crate) struct Field(String, String);

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("is no FIELD=VALUE, such as price=18.99")?;
        Ok(Self(name.trim().to_owned(), value.to_owned()))
    }
}

pub(crate) async fn run(global: &Global, command: &Products) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Products::List { name, category, active, limit } => {
            let filters = [
                ("name", name.clone()),
                ("category", category.clone()),
                ("active", active.map(|active| active.to_string())),
            ];
            list::run(&pipeline, &filters, *limit).await
        }
        Products::Show { product } => show(&pipeline, product).await,
        Products::Set { product, fields } => set(&pipeline, product, fields).await,
        Products::Delete { product, yes } => delete(&pipeline, product, *yes).await,
        Products::Import { file, dry_run, yes } => {
            import::run(&pipeline, file, *dry_run, *yes).await
        }
        Products::Export { file } => export(&pipeline, file.as_ref()).await,
    }
}

fn print(pipeline: &Pipeline, product: &Value) {
    if pipeline.json {
        return output::json(product);
    }
    for (name, value) in product.as_object().into_iter().flatten() {
        match value.as_object() {
            None => output::line(format_args!("{name}: {}", shown(value))),
            Some(pairs) => pairs.iter().for_each(|(member, value)| {
                output::line(format_args!("{name}.{}: {}", output::name(member), shown(value)));
            }),
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| output::name(text).into_owned())
}

async fn show(pipeline: &Pipeline, product: &ProductId) -> Result<()> {
    let found: Value = pipeline.call(Level::Read, Method::GET, &path(product), None).await?;
    print(pipeline, &found);
    Ok(())
}

/// The fields as a merge patch.
fn patch(fields: &[Field]) -> Map<String, Value> {
    let mut patch = Map::new();
    for Field(name, text) in fields {
        let value = match (name.as_str(), text.as_str()) {
            (_, "") => Value::Null,
            ("active" | "low_stock", text) => text.parse().unwrap_or_else(|_| text.into()),
            (_, text) => text.into(),
        };
        match name.split_once('.') {
            None => drop(patch.insert(name.clone(), value)),
            Some((object, member)) => {
                let object = patch.entry(object).or_insert_with(|| json!({}));
                if let Some(object) = object.as_object_mut() {
                    object.insert(member.to_owned(), value);
                }
            }
        }
    }
    patch
}

async fn set(pipeline: &Pipeline, product: &ProductId, fields: &[Field]) -> Result<()> {
    let mut patch = patch(fields);
    let body = || serde_json::to_vec(&patch).context("the fields");
    let more = Some((key(), body()?));
    let changed = pipeline.call(Level::Admin, Method::PATCH, &path(product), more).await;
    let stored: Value = match changed {
        Err(error) if matches!(error.downcast_ref(), Some(Failure::NotFound { .. })) => {
            patch.insert("id".to_owned(), product.as_str().into());
            let more = Some((key(), serde_json::to_vec(&patch).context("the fields")?));
            pipeline.call(Level::Admin, Method::POST, "inventory/products", more).await?
        }
        other => other?,
    };
    print(pipeline, &stored);
    Ok(())
}

async fn delete(pipeline: &Pipeline, product: &ProductId, yes: Yes) -> Result<()> {
    let found: Value = pipeline.call(Level::Read, Method::GET, &path(product), None).await?;
    let name = found.get("name").map(shown).unwrap_or_default();
    confirm(&[format!("{product}: {name}")], "Delete this product?", yes)?;
    let more = Some((key(), Vec::new()));
    let _: Value = pipeline.call(Level::Admin, Method::DELETE, &path(product), more).await?;
    if pipeline.json {
        output::json(&json!({"deleted": product}));
    } else {
        output::line(format_args!("{product} is deleted; its stock is as it was"));
    }
    Ok(())
}

async fn export(pipeline: &Pipeline, file: Option<&PathBuf>) -> Result<()> {
    let all = list::all(pipeline, &[], None).await?;
    let bytes = sheet::write(all.values().map(|known| &known.product)).context("the CSV")?;
    let Some(file) = file else {
        // A reader that has closed the pipe has what it wants.
        return match std::io::stdout().lock().write_all(&bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        };
    };
    std::fs::write(file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    output::note(format_args!("{} in {}", output::count(all.len(), "product"), file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_a_merge_patch() {
        let fields: Vec<Field> = [
            "name=Mug = red",
            "price=4.50",
            "active=false",
            "low_stock=many",
            "category=",
            "metadata.a=1",
            "metadata.b=",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        let expected = json!({"name": "Mug = red", "price": "4.50", "active": false, "low_stock": "many",
            "category": null, "metadata": {"a": "1", "b": null}});
        assert_eq!(Value::from(patch(&fields)), expected);
        assert!("price".parse::<Field>().is_err());
    }
}
