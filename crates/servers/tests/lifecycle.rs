//! Servers start, keep their data when killed, and end with their parent.
#![cfg(test)]

use servers::{cluster, nats, prometheus, sshd};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn first_bytes(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 8];
    stream.read_exact(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer).into_owned()
}

fn lives(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn nats_server_comes_back_on_its_port_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = nats::start(nats::Settings::under(dir.path())).unwrap();
    let (port, pid) = (server.port(), server.pid());
    assert!(first_bytes(port).starts_with("INFO {"));
    server.kill();
    assert!(!lives(pid) && TcpStream::connect(("127.0.0.1", port)).is_err());
    server.restart().unwrap();
    assert!(first_bytes(port).starts_with("INFO {"));
    let last = server.pid();
    drop(server);
    assert!(!lives(last));
}

#[test]
fn a_second_server_does_not_take_the_first_ones_port() {
    let dir = tempfile::tempdir().unwrap();
    let first = nats::start(nats::Settings::under(dir.path().join("1"))).unwrap();
    let settings =
        nats::Settings { port: Some(first.port()), ..nats::Settings::under(dir.path().join("2")) };
    let error = nats::start(settings).unwrap_err().to_string();
    assert!(error.contains("ended at once"), "{error}");
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn the_error_of_a_missing_program_names_its_package() {
    let dir = tempfile::tempdir().unwrap();
    let settings = nats::Settings {
        binary: Some("/nowhere/nats-server".into()),
        ..nats::Settings::under(dir.path())
    };
    assert_eq!(
        nats::start(settings).unwrap_err().to_string(),
        "/nowhere/nats-server is not installed; on Debian: apt-get install nats-server"
    );
}

fn sftp(server: &sshd::Server, partner: &str, batch: &str) -> std::process::Output {
    use std::io::Write as _;
    let mut child = Command::new("sftp")
        .args(["-q", "-b", "-", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes"])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-F", "/dev/null"])
        .args(["-P", &server.port().to_string(), "-i"])
        .arg(server.private_key(partner))
        .arg(format!("{}@127.0.0.1", server.user()))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_partners_login_starts_in_its_own_folder_and_allows_only_sftp() {
    let dir = tempfile::tempdir().unwrap();
    let server = sshd::start(sshd::Settings::under(dir.path(), &["US1"])).unwrap();
    assert!(server.host_key().starts_with("ssh-ed25519 AAAA"));
    let output = sftp(&server, "US1", "ls -1\n");
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    for folder in sshd::FOLDERS {
        assert!(listing.contains(folder), "{output:?}");
    }
    server.partners().add("US2").unwrap();
    assert!(sftp(&server, "US2", "put /etc/hostname inbox/a\n").status.success());
    assert!(server.root("US2").join("inbox/a").is_file());
    let shell = Command::new("ssh")
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "BatchMode=yes", "-F", "/dev/null", "-p", &server.port().to_string(), "-i"])
        .arg(server.private_key("US1"))
        .args([&format!("{}@127.0.0.1", server.user()), "id"])
        .output()
        .unwrap();
    assert!(!shell.status.success() && !String::from_utf8_lossy(&shell.stdout).contains("uid="));
}

#[test]
fn what_partners_upload_is_for_one_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let server = sshd::start(sshd::Settings::under(dir.path(), &["US1"])).unwrap();
    let batch = "put /etc/hostname inbox/b\nmkdir new\n";
    assert!(sftp(&server, "US1", batch).status.success());
    let root = server.root("US1");
    for path in
        [root.parent().unwrap(), &root.join("inbox"), &root.join("inbox/b"), &root.join("new")]
    {
        let others = path.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(others, 0, "{}", path.display());
    }
}

#[test]
fn sshd_keeps_keys_and_port_over_a_restart_and_its_sessions_die_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = sshd::start(sshd::Settings::under(dir.path(), &["US1"])).unwrap();
    let (port, key) = (server.port(), server.host_key().to_owned());
    let mut open = TcpStream::connect(("127.0.0.1", port)).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut byte = [0; 1];
    open.read_exact(&mut byte).unwrap();
    server.kill();
    // The session process has ended too, so the connection closes instead of waiting for us.
    let mut rest = Vec::new();
    let ended = open.read_to_end(&mut rest);
    assert!(
        !matches!(&ended, Err(e) if e.kind() == std::io::ErrorKind::WouldBlock),
        "the session lives on: {ended:?}"
    );
    server.restart().unwrap();
    assert_eq!((server.port(), server.host_key()), (port, key.as_str()));
    assert!(sftp(&server, "US1", "ls\n").status.success());
    drop(server);
    let again = sshd::start(sshd::Settings::under(dir.path(), &["US1"])).unwrap();
    assert_eq!(again.host_key(), key);
}

#[test]
fn names_and_paths_that_sshd_cannot_take_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = sshd::start(sshd::Settings::under(dir.path(), &["../x"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "partner \"../x\" cannot be a folder name; allowed are A-Z a-z 0-9 _ -"
    );
    let blank = dir.path().join("a b");
    let error = sshd::start(sshd::Settings::under(&blank, &["US1"])).unwrap_err();
    assert!(error.to_string().contains("contains ' '"), "{error}");
}

/// The child process of the next test: it holds a server until it is killed.
#[test]
fn holds_a_server_for_the_next_test() {
    let Some(dir) = std::env::var_os("SERVERS_TEST_HOLD") else { return };
    let dir = std::path::PathBuf::from(dir);
    // Started from a thread that ends, which must not end the server.
    let start = dir.clone();
    let started = std::thread::spawn(move || nats::start(nats::Settings::under(start)));
    let server = started.join().unwrap().unwrap();
    std::fs::write(dir.join("held.new"), server.pid().to_string()).unwrap();
    std::fs::rename(dir.join("held.new"), dir.join("held")).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_dies_with_a_parent_that_was_killed_but_not_with_the_thread_that_started_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_server_for_the_next_test"])
        .env("SERVERS_TEST_HOLD", dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let held = dir.path().join("held");
    until("the server was not started", || held.exists());
    let pid = std::fs::read_to_string(&held).unwrap().parse().unwrap();
    assert!(lives(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    if servers::program::find("setpriv").is_some() {
        until("the server outlived its parent", || !lives(pid));
    } else {
        Command::new("kill").arg(pid.to_string()).status().unwrap();
    }
}

#[test]
fn prometheus_answers_survives_a_restart_and_says_what_is_wrong_with_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    std::fs::write(&config, "global: { scrape_interval: 1s }\n").unwrap();
    let settings = |config: &Path| prometheus::Settings {
        binary: None,
        dir: dir.path().join("prometheus"),
        config: config.to_owned(),
        port: None,
    };
    let mut server = prometheus::start(settings(&config)).unwrap();
    let url = server.url();
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_ok());
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    let pid = server.pid();
    drop(server);
    assert!(!lives(pid));

    std::fs::write(&config, "scrape_configs: many\n").unwrap();
    let error = prometheus::start(settings(&config)).unwrap_err().to_string();
    assert!(error.contains("ended at once") && error.contains("ScrapeConfig"), "{error}");
    let missing =
        prometheus::Settings { binary: Some("/nowhere/prometheus".into()), ..settings(&config) };
    assert_eq!(
        prometheus::start(missing).unwrap_err().to_string(),
        "/nowhere/prometheus is not installed; on Debian: apt-get install prometheus"
    );
}

#[test]
fn a_cluster_has_another_leader_after_the_kill_of_one_and_takes_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings = cluster::Settings { binary: None, count: 3, sync_always: false, users: None };
    let mut cluster = cluster::start(dir.path(), settings).unwrap();
    let first = cluster.meta_leader().unwrap();
    cluster.members_mut()[first].kill();
    cluster.wait_for_leader().unwrap();
    let second = cluster.meta_leader().unwrap();
    assert_ne!(first, second);
    cluster.members_mut()[first].restart().unwrap();
    cluster.wait_for_leader().unwrap();
    assert!(cluster.members().iter().all(|member| member.monitor("/healthz").is_some()));
}
