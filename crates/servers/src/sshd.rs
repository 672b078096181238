//! OpenSSH's `sshd` on loopback, with one SFTP folder and one key per partner.

use crate::child::Child;
use crate::{Error, program};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folders of a partner.
pub const FOLDERS: [&str; 4] = ["inbox", "depot", "archive", "quarantine"];

const PACKAGE: &str = "openssh-server";
/// Only this user may read uploaded files, whatever mode the partner's client requests.
const UMASK: &str = "0077";

/// How to start `sshd`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program; `sshd` from `PATH` or the `sbin` folders when not given.
    pub binary: Option<PathBuf>,
    /// Folder of configuration, keys and log; created if missing. Existing keys are used again.
    pub dir: PathBuf,
    /// The folder that contains the partners' folders; created if missing.
    pub root: PathBuf,
    /// Names of the partners.
    pub partners: Vec<String>,
    /// The port; a free one if `None`.
    pub port: Option<u16>,
}

impl Settings {
    /// Everything under `dir`, any port, the installed program.
    #[must_use]
    pub fn under(dir: impl Into<PathBuf>, partners: &[&str]) -> Self {
        let dir = dir.into();
        let root = dir.join("partners");
        let partners = partners.iter().map(ToString::to_string).collect();
        Self { binary: None, dir, root, partners, port: None }
    }
}

/// Keys and folders of a server.
#[derive(Debug)]
pub struct Home {
    settings: Settings,
    user: String,
    host_key: String,
}

/// A running server; its sessions end together with it.
pub type Server = crate::Server<Home>;

/// Creates missing keys and folders, starts a server and waits until it is ready.
///
/// # Errors
/// If a program is missing, a folder or key cannot be created, or the server ends immediately or is not
/// ready in time.
pub fn start(settings: Settings) -> Result<Server, Error> {
    let binary = program::resolve(settings.binary.as_deref(), "sshd", PACKAGE)?;
    let binary = fs::canonicalize(&binary).map_err(Error::file("find", &binary))?;
    let settings = absolute(settings)?;
    let host_key = generate_key(&host_key_path(&settings.dir), "orderflow")?;
    for partner in &settings.partners {
        prepare(&settings, partner)?;
    }
    authorize(&settings)?;
    if rustix::process::geteuid().is_root() {
        make_dir(Path::new("/run/sshd"), 0o755)?;
    }
    let user = run(Command::new("id").arg("-un"))?;
    let port = settings.port;
    Server::start(Home { settings, user, host_key }, binary, port, launch)
}

impl Server {
    /// The login name of every partner: the user who started the server.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.home.user
    }

    /// The server's public key as in `known_hosts`: `ssh-ed25519 AAAA…`.
    #[must_use]
    pub fn host_key(&self) -> &str {
        &self.home.host_key
    }

    /// File of the partner's private key.
    #[must_use]
    pub fn private_key(&self, partner: &str) -> PathBuf {
        key_path(&self.home.settings.dir, partner)
    }

    /// The partner's folder, in which its sessions start.
    #[must_use]
    pub fn root(&self, partner: &str) -> PathBuf {
        self.home.settings.root.join(partner)
    }

    /// A handle with which partners can be added, also from another thread.
    #[must_use]
    pub fn partners(&self) -> Partners {
        Partners { settings: self.home.settings.clone() }
    }
}

/// The partners of a server. Use only one of these for each server.
#[derive(Debug)]
pub struct Partners {
    settings: Settings,
}

impl Partners {
    /// Creates folder and key of another partner, also while the server runs. Returns the file of its
    /// private key.
    ///
    /// # Errors
    /// If the name cannot be a folder name, or a file cannot be written.
    pub fn add(&mut self, partner: &str) -> Result<PathBuf, Error> {
        prepare(&self.settings, partner)?;
        if !self.settings.partners.iter().any(|known| known == partner) {
            self.settings.partners.push(partner.to_owned());
        }
        authorize(&self.settings)?;
        Ok(key_path(&self.settings.dir, partner))
    }
}

/// `sshd` and forced commands need absolute paths without spaces, quotes, backslashes and percent
/// signs.
fn absolute(mut settings: Settings) -> Result<Settings, Error> {
    for path in [&mut settings.dir, &mut settings.root] {
        make_dir(path, 0o700)?;
        *path = fs::canonicalize(&*path).map_err(Error::file("find", &*path))?;
        let text = path.display().to_string();
        if let Some(character) =
            text.chars().find(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '%' | '\\'))
        {
            return Err(Error::Path { path: path.clone(), character });
        }
    }
    Ok(settings)
}

fn prepare(settings: &Settings, partner: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if partner.is_empty() || !partner.chars().all(plain) {
        return Err(Error::Name { name: partner.to_owned() });
    }
    for folder in FOLDERS {
        make_dir(&settings.root.join(partner).join(folder), 0o700)?;
    }
    generate_key(&key_path(&settings.dir, partner), partner).map(drop)
}

/// Writes the file with all partners' public keys, each restricted to SFTP in its own folder.
fn authorize(settings: &Settings) -> Result<(), Error> {
    let mut lines = String::new();
    for partner in &settings.partners {
        let public = public_key(&key_path(&settings.dir, partner))?;
        let folder = settings.root.join(partner);
        lines.push_str(&format!(
            "restrict,command=\"internal-sftp -u {UMASK} -d {}\" {public} {partner}\n",
            folder.display()
        ));
    }
    let file = settings.dir.join("authorized_keys");
    let new = settings.dir.join("authorized_keys.new");
    fs::write(&new, lines).map_err(Error::file("write", &new))?;
    fs::rename(&new, &file).map_err(Error::file("write", &file))
}

fn launch(home: &Home, binary: &Path, port: u16) -> Result<Child, Error> {
    let settings = &home.settings;
    let pid_file = settings.dir.join("sshd.pid");
    // A killed server leaves its pid file behind.
    drop(fs::remove_file(&pid_file));
    let config = settings.dir.join("sshd.conf");
    fs::write(&config, render(&settings.dir, port, version(binary)))
        .map_err(Error::file("write", &config))?;
    // -D: stay in the foreground; -e: log to standard error.
    let args = [OsString::from("-D"), "-e".into(), "-f".into(), config.into_os_string()];
    let mut child = Child::start(binary, &args, &settings.dir.join("sshd.log"))?;
    let pid = child.pid().to_string();
    // `sshd` writes the file after it has bound the port.
    child.wait_until(|| fs::read_to_string(&pid_file).is_ok_and(|text| text.trim() == pid))?;
    Ok(child)
}

fn render(dir: &Path, port: u16, version: (u32, u32)) -> String {
    let dir_text = dir.display();
    let host_key = host_key_path(dir);
    // Without root, sshd cannot read whether the account is locked and must ask PAM; with root in a
    // container, PAM's session modules fail.
    let pam = if rustix::process::geteuid().is_root() { "no" } else { "yes" };
    let mut config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile {dir_text}/sshd.pid\n\
         AuthorizedKeysFile {dir_text}/authorized_keys\nStrictModes no\nUsePAM {pam}\n\
         PermitRootLogin prohibit-password\nPubkeyAuthentication yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         Subsystem sftp internal-sftp\nUseDNS no\nPrintMotd no\nLogLevel INFO\n\
         MaxStartups 200\nMaxSessions 100\nLoginGraceTime 30\n\
         ClientAliveInterval 15\nClientAliveCountMax 4\n",
        host_key.display()
    );
    if (9, 8) <= version {
        // A wrong key of one partner must not block the others, who share its address.
        config.push_str("PerSourcePenalties no\n");
    }
    config
}

/// Version of the program; (0, 0) if it cannot be read.
fn version(binary: &Path) -> (u32, u32) {
    let output = Command::new(binary).arg("-V").stdin(Stdio::null()).output();
    let text = output.map(|o| [o.stdout, o.stderr].concat()).unwrap_or_default();
    parse_version(&String::from_utf8_lossy(&text)).unwrap_or_default()
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let rest = text.split_once("OpenSSH_")?.1;
    let (major, rest) = rest.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn host_key_path(dir: &Path) -> PathBuf {
    dir.join("host_ed25519")
}

fn key_path(dir: &Path, partner: &str) -> PathBuf {
    dir.join("keys").join(partner)
}

/// Creates the key pair if it does not exist, and returns the public key without its comment.
fn generate_key(path: &Path, comment: &str) -> Result<String, Error> {
    if let Some(dir) = path.parent() {
        make_dir(dir, 0o700)?;
    }
    if !path.exists() {
        let keygen = program::resolve(None, "ssh-keygen", "openssh-client")?;
        let mut command = Command::new(keygen);
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
        run(&mut command)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(Error::file("protect", path))?;
    public_key(path)
}

fn public_key(private: &Path) -> Result<String, Error> {
    let path = private.with_file_name(format!(
        "{}.pub",
        private.file_name().unwrap_or_default().to_string_lossy()
    ));
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(Error::file("create", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(Error::file("protect", path))
}

/// Runs a helper program to its end and returns its output.
fn run(command: &mut Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Spawn { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Ended {
            program,
            status: output.status.to_string(),
            tail: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_decides_about_options_that_older_servers_refuse() {
        assert_eq!(parse_version("OpenSSH_9.2p1 Debian-2, OpenSSL 3.0"), Some((9, 2)));
        assert_eq!(parse_version("OpenSSH_10.0p2, OpenSSL 3.5"), Some((10, 0)));
        assert_eq!(parse_version("something else"), None);
        assert!(!render(Path::new("/d"), 22, (9, 2)).contains("PerSourcePenalties"));
        assert!(render(Path::new("/d"), 22, (10, 0)).contains("PerSourcePenalties no"));
    }
}
