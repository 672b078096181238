//! Connections that are protected, and logins.

use crate::smtp::{Do, Smtp, Step};
use crate::support::{World, ana, given, id};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use testkit::tls::Authority;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) fn acceptor(authority: &Authority, names: &[&str]) -> TlsAcceptor {
    let files = authority.server(names);
    let chain = CertificateDer::pem_file_iter(&files.certificate).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// What becomes of a mail through this URL.
async fn one(url: &str, authority: &Path, states: &[&str]) -> Value {
    let world = World::start().await;
    let secrets = world.dir.path().join("mail-secrets");
    std::fs::create_dir_all(&secrets).unwrap();
    let settings = [
        ("ORDERFLOW_SMTP_URL", url),
        ("ORDERFLOW_SMS_URL", "none"),
        ("ORDERFLOW_SMTP_CA", authority.to_str().unwrap()),
    ];
    let settings: Vec<_> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut env = runtime::Env::from_pairs(world.pairs(&settings));
    for (name, text) in crate::support::SECRETS.into_iter().chain([("smtp-password", "hunter2")]) {
        env = env.with_secret(name, text);
    }
    let notifier = crate::support::Served::of(notifier::build(&mut env).await.unwrap()).await;
    let event = given("A1", ana()).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    notifier.delivery(id(&event), "mail", states).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_through_starttls_and_tls_with_a_login() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours", dir.path());
    for (scheme, is_smtps) in [("smtp", false), ("smtps", true)] {
        let tls = acceptor(&authority, &["localhost"]);
        let server = Smtp::on(0, |_, _, _| Do::Go, Some(tls), is_smtps).await;
        let url = format!("{scheme}://shop%40example.org@localhost:{}", server.port);
        let sent = one(&url, &authority.file(), &["sent", "waiting"]).await;
        assert_eq!(sent["state"], "sent", "{scheme}: {sent}");
        assert!(server.steps().contains(&Step::Auth), "{scheme}: {:?}", server.steps());
        assert_eq!(server.steps().contains(&Step::StartTls), !is_smtps);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_name_or_authority_gets_no_mail_and_no_password() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) =
        (Authority::new("ours", ours.path()), Authority::new("theirs", theirs.path()));
    for (authority, name) in [(&ours, "mail.other.example"), (&theirs, "localhost")] {
        for (scheme, is_smtps) in [("smtp", false), ("smtps", true)] {
            let tls = acceptor(authority, &[name]);
            let server = Smtp::on(0, |_, _, _| Do::Go, Some(tls), is_smtps).await;
            let url = format!("{scheme}://shop@localhost:{}", server.port);
            let waiting = one(&url, &ours.file(), &["waiting", "sent", "failed"]).await;
            assert_eq!(waiting["state"], "waiting", "{waiting}");
            assert_eq!(waiting["unknown"], 0);
            let answer = waiting["answer"].as_str().unwrap().to_lowercase();
            assert!(answer.contains("certificate"), "{answer}");
            assert!(!server.steps().contains(&Step::Auth));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_or_with_another_opinion_of_our_login_gets_no_mail() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours", dir.path());
    let server = Smtp::good().await;
    let waiting =
        one(&format!("smtp://localhost:{}", server.port), &authority.file(), &["waiting", "sent"])
            .await;
    assert!(waiting["answer"].as_str().unwrap().contains("offers no STARTTLS"), "{waiting}");
    let tls = acceptor(&authority, &["localhost"]);
    let refuses = |at: Step, _: &str, _| {
        if at == Step::Auth { Do::Say("535 5.7.8 bad credentials") } else { Do::Go }
    };
    let server = Smtp::on(0, refuses, Some(tls), false).await;
    let url = format!("smtp://shop@localhost:{}", server.port);
    let waiting = one(&url, &authority.file(), &["waiting", "failed", "sent"]).await;
    assert_eq!(waiting["answer"], "535 5.7.8 bad credentials");
    // Servers lock out who tries again and again.
    let tried = server.steps().iter().filter(|step| **step == Step::Auth).count();
    assert_eq!((&waiting["state"], tried), (&json!("waiting"), 1));
}
