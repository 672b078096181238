//! What `up` is told.

use std::path::PathBuf;

/// What `up` is told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where everything lives that it starts and writes.
    pub data_dir: PathBuf,
    /// Port of the gateway on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Every function and the connector is a process of its own.
    pub processes: bool,
    /// Prometheus runs beside the pipeline.
    pub prometheus: bool,
    /// nats-servers that run already, separated by commas; nothing starts one here.
    pub nats: Option<String>,
    /// Functions are deployed through an OpenFaaS gateway, each as a process of its own.
    pub provider: bool,
    /// The gateway in front of the provider.
    pub gateway: Option<String>,
    /// The partners; without it ./partners.yml, else the built-in sample partners.
    pub partners: Option<PathBuf>,
    /// The functions; without it ./stack.yml, else the built-in one.
    pub stack: Option<PathBuf>,
    /// Set in the environment of every function and of the connector, over everything else.
    pub environment: Vec<(String, String)>,
}
