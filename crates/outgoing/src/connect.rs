//! Opens connections, only to allowed addresses.

use crate::failure::{Failure, chain, root};
use crate::policy::Policy;
use crate::resolve::Resolve;
use crate::settings::{Limits, Settings};
use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{Service as _, service_fn};

type BoxError = Box<dyn Error + Send + Sync>;
/// The connector for hyper's client.
pub(crate) type Connector =
    BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Most addresses of a name that are tried.
const TRIED_MAX: usize = 8;

/// Why a client could not be created.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No certificate authority is available, so no server could be trusted.
    #[error(
        "no certificate authority found{why}; install ca-certificates, or name a PEM file with SSL_CERT_FILE"
    )]
    NoCertificates {
        /// The error of the first file that could not be read, if any.
        why: String,
    },
    /// No protocol version is available.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

pub(crate) fn connector(settings: &Settings) -> Result<Connector, BuildError> {
    let dialer = Dialer {
        policy: settings.policy.clone(),
        resolver: Arc::clone(&settings.resolver),
        limits: settings.limits,
    };
    let tls = tls(settings.certificates.as_deref())?;
    let dial = service_fn(move |uri: Uri| {
        let dialer = dialer.clone();
        async move { dialer.connect(&uri).await.map(TokioIo::new) }
    });
    let https = HttpsConnector::from((dial, tls));
    let limit = settings.limits.connect.min(settings.limits.whole);
    let timed = service_fn(move |uri| {
        let connecting = https.clone().call(uri);
        async move {
            let late = |_| Err(Stop::Failed(format!("no connection within {limit:?}")).into());
            timeout(limit, connecting).await.unwrap_or_else(late)
        }
    });
    Ok(BoxCloneSyncService::new(timed))
}

/// Converts an error of hyper's client.
pub(crate) fn failure(url: String, error: &hyper_util::client::legacy::Error) -> Failure {
    match chain(error).find_map(|cause| cause.downcast_ref::<Stop>()) {
        Some(Stop::Refused(why)) => return Failure::Refused { url, why: why.clone() },
        Some(Stop::Failed(why)) => return Failure::NotSent { url, why: why.clone() },
        None => {}
    }
    let why = root(error);
    if error.is_connect() {
        // The dialer reports all other causes itself.
        return Failure::NotSent { url, why: format!("no TLS connection: {why}") };
    }
    // hyper reports a request as canceled only if it never began to write it.
    let canceled = |cause: &hyper::Error| cause.is_canceled();
    if chain(error).any(|cause| cause.downcast_ref().is_some_and(canceled)) {
        return Failure::NotSent { url, why };
    }
    Failure::Unknown { url, why }
}

#[derive(Clone)]
struct Dialer {
    policy: Policy,
    resolver: Arc<dyn Resolve>,
    limits: Limits,
}

impl Dialer {
    /// Checks every address of the host, then tries the allowed ones in order. hyper's own connector
    /// does not pass addresses in URLs to its resolver; here they are checked like names.
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, Stop> {
        let host = uri.host().unwrap_or_default();
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let (mut allowed, mut reasons) = (Vec::new(), Vec::new());
        for address in self.addresses(host).await? {
            match self.policy.address(address) {
                Ok(()) => allowed.push(address.to_canonical()),
                Err(why) => reasons.push(why),
            }
        }
        if allowed.is_empty() {
            reasons.truncate(TRIED_MAX);
            return Err(Stop::Refused(reasons.join("; ")));
        }
        reasons.clear();
        for address in allowed.into_iter().take(TRIED_MAX) {
            let address = SocketAddr::new(address, port);
            match timeout(self.limits.dial, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small requests are sent immediately; if the option cannot be set, they are only
                    // delayed.
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Ok(Err(error)) => reasons.push(format!("{address}: {error}")),
                Err(_) => reasons.push(format!("{address}: no answer in {:?}", self.limits.dial)),
            }
        }
        Err(Stop::Failed(reasons.join("; ")))
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Stop> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![address]);
        }
        let found = self.resolver.resolve(host).await;
        let found = found.map_err(|error| Stop::Failed(format!("{host}: {error}")))?;
        if found.is_empty() {
            return Err(Stop::Failed(format!("{host}: the name has no address")));
        }
        Ok(found)
    }
}

fn tls(file: Option<&Path>) -> Result<ClientConfig, BuildError> {
    let found = match file {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        return Err(BuildError::NoCertificates { why });
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    Ok(config.map_err(BuildError::Tls)?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::SystemResolver;

    /// The URL is not checked before: only the connector refuses addresses here, also in spellings that
    /// the operating system accepts.
    #[tokio::test]
    async fn the_connector_judges_addresses_in_urls_like_those_of_names() {
        let policy = Policy::from_env(&mut runtime::Env::from_pairs([("", ""); 0]));
        let (resolver, limits) = (Arc::new(SystemResolver), Limits::default());
        let dialer = Dialer { policy, resolver, limits };
        for host in [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "2130706433",
            "0x7f.1",
            "localhost",
        ] {
            let uri = Uri::try_from(format!("http://{host}/")).unwrap();
            let stop = dialer.connect(&uri).await.unwrap_err();
            assert!(matches!(stop, Stop::Refused(_)), "{host}: {stop}");
        }
    }
}
