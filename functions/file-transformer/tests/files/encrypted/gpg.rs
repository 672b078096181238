//! The `gpg` of the system, with keys of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// What a command says. Whatever it asks is answered yes.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path());
        command.args(["--batch", "--yes", "--quiet", "--no-auto-check-trustdb"]);
        command.args(["--trust-model", "always", "--pinentry-mode", "loopback"]);
        let output = command.args(arguments).stdin(Stdio::null()).output();
        let output = output.expect("gpg is installed (scripts/install-packages tests)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        output.stdout
    }

    /// Makes a key that signs and one that decrypts, by their kinds.
    #[track_caller]
    pub(crate) fn make(&self, name: &str, kinds: [&str; 2], passphrase: &str) {
        let passphrase = ["--passphrase", passphrase];
        let make = ["--quick-generate-key", name, kinds[0], "sign,cert", "never"];
        self.run(&[&passphrase[..], &make].concat());
        let listed = self.run(&["--with-colons", "--list-keys", name]);
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr")).unwrap();
        let fingerprint = line.split(':').nth(9).unwrap();
        let add = ["--quick-add-key", fingerprint, kinds[1], "encr", "never"];
        self.run(&[&passphrase[..], &add].concat());
    }

    pub(crate) fn private_key(&self, name: &str, passphrase: &str) -> String {
        let export = ["--passphrase", passphrase, "--armor", "--export-secret-keys", name];
        String::from_utf8(self.run(&export)).unwrap()
    }

    pub(crate) fn public_key(&self, name: &str) -> String {
        String::from_utf8(self.run(&["--armor", "--export", name])).unwrap()
    }

    /// What becomes of `content` with these arguments.
    #[track_caller]
    pub(crate) fn pipe(&self, arguments: &[&str], content: &[u8]) -> Vec<u8> {
        let file: PathBuf = self.home.path().join("orders.csv");
        std::fs::write(&file, content).unwrap();
        self.run(&[arguments, &["--output", "-", file.to_str().unwrap()]].concat())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // It started a gpg-agent for these keys.
        let kill = Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", self.home.path())
            .status();
        assert!(kill.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
