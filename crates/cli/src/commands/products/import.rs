//! `products import`: what a file would change, and changing it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use axum::http::Method;
use domain::{Product, ProductId};
use futures_util::StreamExt as _;
use machine::client::{Level, Pipeline, key};
use products::sheet::{self, Fault, Row};
use serde_json::{Value, json};
use terminal::output;

use super::list::{self, Known};
use crate::confirm::{Yes, confirm};

/// Products that are written at once.
const AT_ONCE: usize = 16;
/// Lines about what is created and changed; all of what is refused is shown.
const SHOWN_MAX: usize = 40;

/// What a file would change.
#[derive(Default)]
struct Plan {
    created: Vec<Product>,
    /// With the revision that is changed, and how.
    changed: Vec<(Product, u64, String)>,
    unchanged: usize,
    refused: Vec<Fault>,
}

impl Plan {
    fn of(rows: &[Row], known: &BTreeMap<ProductId, Known>) -> Self {
        let mut plan = Self::default();
        for row in rows {
            let current = known.get(&row.id);
            match (row.product(current.map(|known| &known.product)), current) {
                (Err(faults), _) => plan.refused.extend(faults),
                (Ok(product), None) => plan.created.push(product),
                (Ok(product), Some(known)) if product == known.product => plan.unchanged += 1,
                (Ok(product), Some(known)) => {
                    let how = difference(&known.product, &product);
                    plan.changed.push((product, known.revision, how));
                }
            }
        }
        plan
    }

    fn preview(&self) -> Vec<String> {
        let created = self.created.iter().map(|product| {
            let Product { id, name, price, currency, .. } = product;
            format!("+ {id}: {}, {price} {currency}", output::name(name))
        });
        let changed =
            self.changed.iter().map(|(product, _, how)| format!("~ {}: {how}", product.id));
        let mut lines: Vec<String> = changed.chain(created).take(SHOWN_MAX).collect();
        let all = self.created.len() + self.changed.len();
        if SHOWN_MAX < all {
            lines.push(format!("… and {} more", all - SHOWN_MAX));
        }
        lines.extend(self.refused.iter().map(|fault| format!("✗ {fault}")));
        lines.push(self.figures());
        lines
    }

    fn figures(&self) -> String {
        let Self { created, changed, unchanged, refused } = self;
        let (created, changed) = (created.len(), changed.len());
        let refused = output::count(refused.len(), "problem");
        format!("{created} to create, {changed} to change, {unchanged} unchanged, {refused}")
    }

    fn json(&self, is_imported: bool) -> Value {
        let ids = |products: &mut dyn Iterator<Item = &Product>| -> Vec<String> {
            products.map(|product| product.id.to_string()).collect()
        };
        json!({
            "imported": is_imported,
            "created": ids(&mut self.created.iter()),
            "changed": ids(&mut self.changed.iter().map(|(product, ..)| product)),
            "unchanged": self.unchanged,
            "refused": self.refused.iter().map(|fault| {
                json!({"line": fault.line, "column": fault.column, "reason": fault.reason})
            }).collect::<Vec<_>>(),
        })
    }
}

/// `price 2.50 → 2.75`.
fn difference(before: &Product, after: &Product) -> String {
    let fields = |product| match serde_json::to_value(product) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let text = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => output::name(text).into_owned(),
        Some(value) => value.to_string(),
    };
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let other = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let shown =
        other.map(|name| format!("{name} {} → {}", text(before.get(name)), text(after.get(name))));
    shown.collect::<Vec<_>>().join(", ")
}

pub(super) async fn run(pipeline: &Pipeline, file: &Path, dry_run: bool, yes: Yes) -> Result<()> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let plan = match sheet::read(&bytes) {
        Err(refused) => Plan { refused, ..Plan::default() },
        Ok(rows) => Plan::of(&rows, &list::all(pipeline, &[], None).await?),
    };
    let preview = plan.preview();
    if !plan.refused.is_empty() {
        if pipeline.json {
            output::json(&plan.json(false));
        }
        preview.iter().for_each(output::note);
        let count = output::count(plan.refused.len(), "problem");
        bail!("{name}: nothing is imported; mend {count} in the file, and import it again");
    }
    if dry_run {
        match pipeline.json {
            true => output::json(&plan.json(false)),
            false => preview.iter().for_each(output::line),
        }
        return Ok(());
    }
    if 0 < plan.created.len() + plan.changed.len() {
        confirm(&preview, &format!("Import {name}?"), yes)?;
    }
    let failed = write(pipeline, &plan).await;
    let (created, changed) = (plan.created.len(), plan.changed.len());
    if let Some(first) = failed.first() {
        let (count, all) = (failed.len(), created + changed);
        failed.iter().skip(1).take(SHOWN_MAX).for_each(|error| output::note(format!("✗ {error}")));
        bail!(
            "{count} of {all} products are not imported, the others are: {first}\nrun the same import \
             again: what is done already is left as it is"
        );
    }
    if pipeline.json {
        output::json(&plan.json(true));
    } else {
        let unchanged = plan.unchanged;
        output::line(format_args!("{created} created, {changed} changed, {unchanged} unchanged"));
    }
    Ok(())
}

/// Writes each at the state that was looked at. What failed, each with its product.
async fn write(pipeline: &Pipeline, plan: &Plan) -> Vec<String> {
    let created = plan.created.iter().map(|product| (product, None));
    let changed = plan.changed.iter().map(|(product, revision, _)| (product, Some(*revision)));
    let writes = created.chain(changed).map(|(product, revision)| async move {
        let put = put(pipeline, product, revision).await;
        put.map_err(|error| format!("{}: {error:#}", product.id)).err()
    });
    let writes: Vec<_> = writes.collect();
    futures_util::stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .filter_map(async |it| it)
        .collect()
        .await
}

async fn put(pipeline: &Pipeline, product: &Product, revision: Option<u64>) -> Result<()> {
    let tag = revision.map(|revision| format!("\"{revision}\""));
    let at = match &tag {
        Some(tag) => ("if-match", tag.as_str()),
        None => ("if-none-match", "*"),
    };
    let body = serde_json::to_vec(product).context("the product")?;
    let more = Some((key(), body));
    let path = list::path(&product.id);
    let put = pipeline.call_at::<Value>(Level::Admin, Method::PUT, &path, &[at], more).await;
    put.map(drop).map_err(|error| anyhow!("{error:#}"))
}
