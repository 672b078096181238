//! The whole pipeline as processes, on real servers.
#![cfg(test)]

mod backup;
mod decisions;
mod doctor;
mod faults;
mod installed;
mod monitoring;
mod operate;
mod provider;
mod rights;
mod simulate;
mod support;
mod up;
