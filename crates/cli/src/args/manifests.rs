//! What can be typed after `manifests`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `manifests`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Manifests {
    /// Who makes pods of it.
    #[arg(long = "for", value_name = "PLATFORM")]
    pub(crate) platform: Platform,
    /// The functions; without it ./stack.yml, else the built-in ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: Option<PathBuf>,
}

/// Who runs functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Platform {
    /// The operator of OpenFaaS: objects of the kind Function.
    Openfaas,
    /// Kubernetes alone: Deployments, Services, cron jobs.
    Plain,
    /// Knative Serving, and cron jobs.
    Knative,
}

impl Platform {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Openfaas => "openfaas",
            Self::Plain => "plain",
            Self::Knative => "knative",
        }
    }
}
