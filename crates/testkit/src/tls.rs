//! A certificate authority for a test, and server certificates.

pub use servers::nats::Tls;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority that is trusted only by clients that get its file.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
}

impl Authority {
    /// Creates an authority with this name with the program `openssl`; its files are in `dir`.
    ///
    /// # Panics
    /// If the program is missing or fails.
    #[must_use]
    pub fn new(name: &str, dir: impl Into<PathBuf>) -> Self {
        let authority = Self { dir: dir.into() };
        let (certificate, key) = (authority.file(), authority.key());
        let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
        certify(&certificate, &key, &format!("/CN={name}"), &extensions, None);
        authority
    }

    /// The file with its certificate, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.join("ca.key")
    }

    /// Creates a certificate for a server with these names and addresses; clients must use TLS.
    ///
    /// # Panics
    /// If the program fails.
    pub fn server(&self, names: &[&str]) -> Tls {
        let tls = of_server(&self.dir, names);
        let kind = |name: &&str| match name.parse::<IpAddr>() {
            Ok(address) => format!("IP:{address}"),
            Err(_) => format!("DNS:{name}"),
        };
        let names: Vec<String> = names.iter().map(kind).collect();
        let names = format!("subjectAltName={}", names.join(","));
        let extensions = ["basicConstraints=critical,CA:FALSE", &names];
        certify(&tls.certificate, &tls.key, "/CN=server", &extensions, Some(self));
        tls
    }
}

/// Where [`Authority::server`] with the folder `dir` puts the files for a server with these names.
#[must_use]
pub fn of_server(dir: &Path, names: &[&str]) -> Tls {
    let path = |end: &str| dir.join(format!("{}.{end}", names.join("+")));
    Tls { certificate: path("pem"), key: path("key"), is_optional: false }
}

/// Creates a key and its certificate, signed by `by` or by itself.
fn certify(
    certificate: &Path,
    key: &Path,
    name: &str,
    extensions: &[&str],
    by: Option<&Authority>,
) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-nodes", "-days", "30", "-subj", name, "-out"]).arg(certificate);
    command.arg("-keyout").arg(key);
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    if let Some(by) = by {
        command.arg("-CA").arg(by.file()).arg("-CAkey").arg(by.key());
    }
    let made = command.output();
    let made = made.unwrap_or_else(|error| {
        panic!("openssl: {error}; on Debian: apt-get install openssl");
    });
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
}
