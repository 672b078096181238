//! TLS towards nats-server: its chain and name are checked as the client library checks them.

use async_nats::rustls::pki_types::ServerName;
use async_nats::rustls::{self, CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes TLS of a connection to `host`, which the certificate has to name. The roots are the system's, or
/// what `SSL_CERT_FILE` and `SSL_CERT_DIR` name; they are read each time, so that a new one counts at once.
///
/// # Errors
/// The connection is nobody's who may be talked to, and what to do.
pub(super) async fn connect(host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let config = tokio::task::spawn_blocking(config).await??;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        io::Error::other(format!("TLS: {host:?} is no name that a certificate has"))
    })?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| io::Error::new(error.kind(), explained(host, &error)))
}

fn config() -> io::Result<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    if let Some(error) = found.errors.first() {
        return Err(io::Error::other(format!("TLS: the system's certificates: {error}")));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// What is wrong, and what to do.
fn explained(host: &str, error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let what = match tls {
        Some(rustls::Error::InvalidCertificate(
            // The second, if a CA of the same name is known.
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => {
            "its certificate is of a CA that is not known here: add the CA to the system's certificates, or \
             name a file with it in SSL_CERT_FILE, which then counts instead of them"
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => {
            "its certificate has other names: use one of them in the URL of NATS, or a certificate with \
               this one"
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "it answers without TLS: begin its URL with nats:// only if that is meant"
        }
        Some(rustls::Error::AlertReceived(_)) => {
            "it refuses: does it want a certificate of its clients?"
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closes the connection: does it speak TLS 1.2 or 1.3, and does it want a certificate of its clients?"
        }
        _ => return format!("TLS with {host}: {error}"),
    };
    format!("TLS with {host}: {what} ({error})")
}
