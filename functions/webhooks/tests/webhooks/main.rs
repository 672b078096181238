//! Webhooks on a real server, to endpoints that answer as they are told.
#![cfg(test)]

mod endpoint;
mod kills;
mod official;
mod partners;
mod sending;
mod silent;
mod support;
