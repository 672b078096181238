//! The whole pipeline as processes, on real servers.
#![cfg(test)]

mod again;
mod amend;
mod attack;
mod backup;
mod decisions;
mod doctor;
mod faults;
mod full_disk;
mod installed;
mod memory;
mod monitoring;
mod newcomer;
mod operate;
mod persons;
mod products;
mod provider;
mod rebase;
mod rights;
mod simulate;
mod stalls;
mod support;
mod tokens;
mod truth;
mod up;
mod users;
mod webhooks;
