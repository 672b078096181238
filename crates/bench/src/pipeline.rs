//! A pipeline for a benchmark: one process for each part, in a temporary folder.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream::stream::Stream;
use axum::http::Method;
use machine::client::{Level, Pipeline};
use messaging::{Nats, streams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::made::{Orders, PRODUCTS, partner};
use crate::optional::Optional;
use crate::usage;

/// How long the start may take.
const START_MAX: Duration = Duration::from_secs(60);
/// How long the shutdown may take.
const STOP_MAX: Duration = Duration::from_secs(40);
/// Enough stock to confirm every order.
const PLENTY: i64 = 1_000_000_000;

pub(crate) struct Own {
    pub(crate) pipeline: Pipeline,
    pub(crate) nats: Nats,
    child: Child,
    data_dir: PathBuf,
    _dir: TempDir,
}

impl Own {
    /// Starts a pipeline with `warehouses` partners, each with its own warehouse, and all functions but some.
    pub(crate) async fn start(warehouses: u32, without: &[Optional]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("orderflow-bench").tempdir();
        let dir = dir.context("cannot make a folder for the benchmark")?;
        let partners = write(&dir, "partners.yml", &partners(warehouses))?;
        let stack = write(&dir, "stack.yml", &functions(warehouses, without)?)?;
        let data_dir = dir.path().join("data");
        let mut command =
            Command::new(std::env::current_exe().context("cannot find this program")?);
        command.arg("--data-dir").arg(&data_dir).args(["up", "--processes", "--port", "0"]);
        command.arg("--partners").arg(partners).arg("--stack").arg(stack);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Ctrl-C ends the benchmark, and dropping the child ends the pipeline.
        let mut child = command.kill_on_drop(true).spawn().context("cannot start the pipeline")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("ready") {
                    return true;
                }
            }
            false
        };
        if !timeout(START_MAX, ready).await.unwrap_or(false) {
            let log = data_dir.join("logs/up.log");
            let log = std::fs::read_to_string(log).unwrap_or_default();
            bail!("the pipeline did not start; its log ends with {:?}", log.lines().last());
        }
        let pipeline = Pipeline::find(&data_dir, false)?;
        let nats = pipeline.nats().await?;
        let own = Self { pipeline, nats, child, data_dir, _dir: dir };
        for warehouse in 1..=warehouses {
            own.stock(&warehouse_name(warehouse)).await?;
        }
        Ok(own)
    }

    async fn stock(&self, warehouse: &str) -> Result<()> {
        let available: serde_json::Map<String, Value> = Orders::of(1, PRODUCTS)?
            .products()
            .map(|name| (name.to_owned(), PLENTY.into()))
            .collect();
        let body = json!({"warehouse": warehouse, "available": available});
        let body = Some((warehouse.to_owned(), serde_json::to_vec(&body)?));
        let call = self.pipeline.call(Level::Admin, Method::PUT, "inventory/stock", body);
        call.await.map(|_: Value| ())
    }

    pub(crate) async fn orders(&self) -> Result<Stream> {
        Ok(self.nats.js.get_stream(streams::ORDERS).await?)
    }

    /// What every process has used so far.
    pub(crate) fn usage(&self) -> Result<usage::All> {
        Ok(usage::all(&Pipeline::find(&self.data_dir, false)?.run))
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        if timeout(STOP_MAX, self.child.wait()).await.is_err() {
            bail!("the pipeline did not end within {} s", STOP_MAX.as_secs());
        }
        Ok(())
    }
}

fn write(dir: &TempDir, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.path().join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn warehouse_name(number: u32) -> String {
    if number == 1 { "main".to_owned() } else { format!("w{number}") }
}

fn partners(warehouses: u32) -> String {
    let mut text = "partners:\n".to_owned();
    for number in 1..=warehouses {
        let (partner, warehouse) = (partner(number), warehouse_name(number));
        let line = write!(
            text,
            "  {partner}:\n    currency: EUR\n    warehouse: {warehouse}\n    stock: enforce\n    \
             file:\n      columns: {{ order-id: order_id, product-id: product_id, quantity: \
             quantity, unit-price: price, ordered-at: timestamp, customer-id: customer }}\n"
        );
        line.expect("text is written to memory");
    }
    text
}

/// The built-in stack file without some functions, and with a lane for each warehouse.
fn functions(warehouses: u32, without: &[Optional]) -> Result<String> {
    let built_in = without.iter().fold(stack::BUILT_IN.to_owned(), |stack, function| {
        crate::optional::leave_out(&stack, function.as_str())
    });
    let lanes: Vec<String> = (1..=warehouses).map(warehouse_name).collect();
    let (one, all) = ("orderflow.lanes: \"main\"", lanes.join(" "));
    if !built_in.contains(one) {
        bail!("the built-in stack.yml has no {one}");
    }
    Ok(built_in.replace(one, &format!("orderflow.lanes: \"{all}\"")))
}
