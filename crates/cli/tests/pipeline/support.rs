//! `orderflow up` as a process.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `up` in a folder of its own, ended when dropped.
pub(crate) struct Up {
    pub(crate) child: Child,
    pub(crate) dir: tempfile::TempDir,
    gateway: String,
}

impl Up {
    pub(crate) fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (child, gateway) = launch(command(dir.path()), dir.path(), args);
        Self { child, dir, gateway }
    }

    /// Starts it in `dir`, with the programs of `path`.
    pub(crate) fn start_on(dir: tempfile::TempDir, path: &str) -> Self {
        let mut command = command(dir.path());
        command.env("PATH", path);
        let (child, gateway) = launch(command, dir.path(), &[]);
        Self { child, dir, gateway }
    }

    /// What it has written for people since it was started.
    pub(crate) fn notes(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }

    /// Starts it again in its folder, after it has ended.
    pub(crate) fn again(&mut self, args: &[&str]) {
        let dir = self.dir.path();
        (self.child, self.gateway) = launch(command(dir), dir, args);
    }

    /// Starts it again in its folder, with the programs of `path`.
    pub(crate) fn again_on(&mut self, path: &str) {
        let dir = self.dir.path();
        let mut command = command(dir);
        command.env("PATH", path);
        (self.child, self.gateway) = launch(command, dir, &[]);
    }

    pub(crate) fn orderflow(&self, args: &[&str]) -> Output {
        command(self.dir.path()).args(args).output().unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.orderflow(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command on a terminal where somebody types `answer`: exit code, and what was shown.
    pub(crate) fn typed(&self, args: &[&str], answer: &str) -> (Option<i32>, String) {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let terminal = fs::File::options().read(true).write(true).open(name.to_str().unwrap());
        let terminal = terminal.unwrap();
        let mut child = command(self.dir.path())
            .args(args)
            .stdin(terminal.try_clone().unwrap())
            .stderr(terminal)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut ours = fs::File::from(ours);
        ours.write_all(answer.as_bytes()).unwrap();
        let status = child.wait().unwrap();
        // All of its ends are closed: what was shown is read up to the error that says so.
        let (mut shown, mut block) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = ours.read(&mut block) {
            shown.extend_from_slice(&block[..count]);
        }
        (status.code(), String::from_utf8_lossy(&shown).into_owned())
    }

    pub(crate) fn run_file(&self) -> Value {
        let path = self.dir.path().join("data/run.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    pub(crate) fn pid_of(&self, name: &str) -> i64 {
        self.run_file()["processes"][name]["pid"].as_i64().unwrap()
    }

    /// Pids of all that it has started, by run.json.
    pub(crate) fn pids(&self) -> Vec<i64> {
        let run = self.run_file();
        let processes = run["processes"].as_object().unwrap();
        processes.values().map(|process| process["pid"].as_i64().unwrap()).collect()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.send("GET", path, "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        send(&self.gateway, method, path, body)
    }

    /// Sends a request with the token `api-token-admin`.
    pub(crate) fn send_as_admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let token = fs::read_to_string(self.dir.path().join("data/secrets/api-token-admin"));
        let header = format!("Authorization: Bearer {}\r\n", token.unwrap().trim());
        send_with(&self.gateway, method, path, &header, body)
    }

    pub(crate) fn end(&mut self, signal: &str) {
        kill(signal, i64::from(self.child.id()));
        let child = &mut self.child;
        eventually("up ends", || child.try_wait().unwrap().is_some());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        kill("-TERM", i64::from(self.child.id()));
        self.child.wait().unwrap();
    }
}

/// `up`, ready, and the address of its gateway.
fn launch(mut command: Command, dir: &Path, args: &[&str]) -> (Child, String) {
    let mut child = command
        .args(["up", "--port", "0"])
        .args(args)
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(dir.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let stderr = fs::read_to_string(dir.join("stderr")).unwrap();
    let gateway = line.trim().strip_prefix("ready http://");
    let gateway = gateway.unwrap_or_else(|| panic!("{line:?} is not ready: {stderr}"));
    (child, gateway.to_owned())
}

/// Status and body of what `address` answers.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    send(address, "GET", path, "")
}

pub(crate) fn send(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    send_with(address, method, path, "", body)
}

/// With further lines of headers.
fn send_with(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}");
    write!(stream, "{head}\r\n{headers}\r\n{body}").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    command.arg("--data-dir").arg(dir.join("data")).stdin(Stdio::null());
    command
}

pub(crate) fn kill(signal: &str, pid: i64) {
    Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Not there, or only its exit status is left.
pub(crate) fn is_gone(pid: i64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

/// `pid (name) state parent group …`, and the name may contain anything.
pub(crate) fn group_of(pid: i64) -> i64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_ascii_whitespace().nth(2).unwrap().parse().unwrap()
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 60 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
