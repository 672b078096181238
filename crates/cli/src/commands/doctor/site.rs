//! What is looked at: what `up` runs here, or the settings of an installation elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use domain::partner::Partners;
use machine::dir::DataDir;

use super::flags::Doctor;
use crate::global::Global;

/// Nothing stands for what is not looked at.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) nats: Option<String>,
    pub(super) gateway: Option<String>,
    /// Functions that are asked at an address of their own.
    pub(super) functions: BTreeMap<String, String>,
    pub(super) partners: Option<PathBuf>,
    /// The user's, which `up` makes those from.
    pub(super) partners_file: Option<PathBuf>,
    pub(super) secrets: Option<PathBuf>,
    /// Of `up`, with the store of nats-server in it.
    pub(super) data: Option<DataDir>,
    /// Named by site.json: its folder has what people show, and not what parts show each other.
    pub(super) is_elsewhere: bool,
    pub(super) replicas: Option<usize>,
}

impl Site {
    pub(super) fn find(global: &Global, args: &Doctor) -> Result<Self> {
        let given = Self {
            nats: args.nats.clone(),
            gateway: args.gateway.clone(),
            functions: BTreeMap::new(),
            partners: args.partners.clone(),
            partners_file: None,
            secrets: args.secrets_dir.clone(),
            data: None,
            is_elsewhere: false,
            replicas: args.replicas,
        };
        let elsewhere = given.nats.is_some()
            || given.gateway.is_some()
            || given.partners.is_some()
            || given.secrets.is_some();
        if elsewhere {
            return Ok(given);
        }
        let dir = DataDir::at(&global.data_dir);
        let run = dir.running()?;
        // An installation elsewhere has its store and its partners there, and perhaps no gateway.
        let is_here = run.pid != 0;
        let (partners, secrets) = (dir.partners(), dir.secrets());
        Ok(Self {
            nats: Some(run.nats),
            gateway: Some(run.gateway).filter(|gateway| !gateway.is_empty()),
            functions: run.functions,
            partners_file: run.partners_file,
            partners: Some(partners).filter(|path| is_here || path.is_file()),
            secrets: Some(secrets).filter(|path| is_here || path.is_dir()),
            data: is_here.then_some(dir),
            is_elsewhere: !is_here,
            replicas: given.replicas,
        })
    }

    /// The partners as far as they can be read; what is wrong with them is found elsewhere.
    pub(super) fn partners(&self) -> Partners {
        intake::partners::configured(self.partners.as_deref(), drop)
    }
}
