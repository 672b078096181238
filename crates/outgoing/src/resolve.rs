//! Addresses of names.

use futures_util::future::BoxFuture;
use std::io;
use std::net::IpAddr;

/// Finds the addresses of a name.
pub trait Resolve: Send + Sync {
    /// All addresses of `host`, the best first. Each of them is judged by the caller.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect())
        })
    }
}
