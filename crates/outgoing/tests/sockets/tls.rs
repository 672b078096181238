//! Which servers are trusted.

use crate::support::{Names, Server, settings, speak};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use outgoing::{Client, Failure, Request};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A certificate authority whose certificate is in the file `ca.pem` of `dir`.
fn authority(dir: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let text = STANDARD.encode(authority.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(dir.join("ca.pem"), pem).unwrap();
    authority
}

/// A server for `localhost` on 127.0.0.1, with a certificate of `authority`.
async fn server(
    authority: &CertifiedIssuer<'static, KeyPair>,
    version: &'static SupportedProtocolVersion,
) -> Server {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap().der().clone();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(ring);
    let config = config.with_protocol_versions(&[version]).unwrap().with_no_client_auth();
    let key = key.serialize_der().try_into().unwrap();
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start("127.0.0.1", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(stream, |_| hyper::Response::new(Full::new(Bytes::from("ok")))).await;
            }
        }
    })
    .await
}

async fn call(server: &Server, host: &str, certificates: &Path) -> Result<Vec<u8>, Failure> {
    let mut settings = settings(server.at.port(), "127.0.0.1");
    settings.resolver = Names::new(&[&["127.0.0.1"]]);
    settings.certificates = Some(certificates.to_owned());
    let url = format!("https://{host}:{}/secret", server.at.port());
    Client::new(settings).unwrap().send(Request::get(url)).await.map(|answer| answer.body)
}

#[tokio::test]
async fn a_server_is_who_its_name_says_to_an_authority_that_is_trusted() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = authority(dir.path());
    self::authority(other.path());
    for version in [&TLS12, &TLS13] {
        let server = server(&authority, version).await;
        assert_eq!(call(&server, "localhost", &dir.path().join("ca.pem")).await.unwrap(), b"ok");
        for (host, dir, why) in [
            ("shop.example", &dir, "certificate not valid for name \"shop.example\""),
            ("localhost", &other, "invalid peer certificate"),
        ] {
            let failure = call(&server, host, &dir.path().join("ca.pem")).await.unwrap_err();
            assert!(matches!(&failure, Failure::NotSent { why, .. } if why.starts_with("no TLS")));
            let text = failure.to_string();
            assert!(text.contains(why) && !text.contains("secret"), "{text}");
        }
    }
}

#[test]
fn without_authorities_there_is_no_client() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(443, "");
    settings.certificates = Some(dir.path().join("none.pem"));
    let error = Client::new(settings).err().unwrap().to_string();
    assert!(error.contains("none.pem") && error.contains("SSL_CERT_FILE"), "{error}");
}

/// The test runs itself again as a child, since a process may not change its own environment.
#[tokio::test]
async fn the_environment_names_authorities_and_no_proxy() {
    const NAME: &str = "tls::the_environment_names_authorities_and_no_proxy";
    if let Some(port) = std::env::var_os("PORT_TO_CALL") {
        let port = port.to_str().unwrap().parse().unwrap();
        let client = Client::new(settings(port, "127.0.0.1,::1")).unwrap();
        let answer = client.send(Request::get(format!("https://localhost:{port}/"))).await.unwrap();
        assert_eq!(answer.body, b"ok");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&authority(dir.path()), &TLS13).await;
    let proxy = Server::raw("127.0.0.1", b"").await;
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args([NAME, "--exact"]).env("PORT_TO_CALL", server.at.port().to_string());
    child.env("SSL_CERT_FILE", dir.path().join("ca.pem"));
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    {
        child.env(name, proxy.url(""));
    }
    let output = child.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((server.connections(), proxy.connections()), (1, 0));
}
