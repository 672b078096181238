//! A Prometheus for the pipeline on this machine, with the rules and alerts of an installation.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use servers::prometheus::Settings;
use stack::{Stack, expected};

use crate::dir::{DataDir, Run, write_atomic};

const RULES: &str = include_str!("../../../../k8s/monitoring/rules.yml");
/// Soon enough to watch it while one tries something.
const CONFIG: &str = "\
global: { scrape_interval: 2s, evaluation_interval: 5s }
rule_files: [rules.yml, expected.yml]
scrape_configs:
  - job_name: orderflow
    file_sd_configs:
      - files: [targets.json]
";

/// Writes its configuration, and says how it is started. Its targets are written as parts start.
pub(crate) fn settings(dir: &DataDir, stack: &Stack) -> Result<Settings> {
    let folder = folder(dir);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let config = folder.join("prometheus.yml");
    write_atomic(&config, CONFIG.as_bytes(), 0o644)?;
    write_atomic(&folder.join("rules.yml"), RULES.as_bytes(), 0o644)?;
    // JSON is YAML.
    let expected = expected::rules(stack).to_string();
    write_atomic(&folder.join("expected.yml"), expected.as_bytes(), 0o644)?;
    write_targets(dir, &Run::default())?;
    Ok(Settings { binary: None, dir: folder, config, port: None })
}

/// Tells a running Prometheus where the metrics of all parts are now.
pub(crate) fn write_targets(dir: &DataDir, run: &Run) -> Result<()> {
    let targets = run.processes.iter().filter_map(|(part, process)| {
        Some(json!({"targets": [process.metrics?.to_string()], "labels": {"part": part}}))
    });
    let text = Value::Array(targets.collect()).to_string();
    write_atomic(&folder(dir).join("targets.json"), text.as_bytes(), 0o644)
}

fn folder(dir: &DataDir) -> PathBuf {
    dir.root().join("prometheus")
}
