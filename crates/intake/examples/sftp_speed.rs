//! How fast a file is read over SFTP, beside `sftp` of OpenSSH reading the same one from the same server:
//! `cargo run --release -p intake --example sftp_speed -- [MEGABYTES [ROUNDS]]`.

use anyhow::{Context as _, bail};
use domain::partner::Sftp;
use intake::sftp::{Limits, Login, Session};
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;
use testkit::sshd::Server;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (megabytes, rounds) = (number(500)?, number(3)?);
    let server = Server::start(&["US1"]);
    let file = server.root("US1").join("inbox/orders.csv");
    std::fs::write(&file, vec![b'x'; megabytes * 1_000_000])?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{megabytes} MB, in turn; MB/s")?;
    for _ in 0..rounds {
        let start = Instant::now();
        ours(&server, megabytes)?;
        let ours = start.elapsed().as_secs_f64();
        let start = Instant::now();
        theirs(&server)?;
        let theirs = start.elapsed().as_secs_f64();
        let rate = |seconds: f64| megabytes as f64 / seconds;
        let share = 100.0 * theirs / ours;
        writeln!(out, "ours {:.0}, sftp {:.0}: {share:.0} %", rate(ours), rate(theirs))?;
    }
    Ok(())
}

fn ours(server: &Server, megabytes: usize) -> anyhow::Result<()> {
    let settings = Sftp {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: server.user(),
        host_key: server.host_key(),
        private_key_secret: None,
        password_secret: None,
        path: ".".into(),
    };
    let key = server.private_key("US1");
    let session = Session::connect(&settings, Login::PrivateKey(&key), Limits::default())?;
    let mut reader = session.open_read("inbox/orders.csv")?;
    // As file-transformer reads.
    let mut block = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match reader.read(&mut block)? {
            0 => break,
            len => bytes += len,
        }
    }
    if bytes != megabytes * 1_000_000 {
        bail!("{bytes} bytes were read");
    }
    Ok(())
}

fn theirs(server: &Server) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    std::fs::write(&key, server.private_key("US1"))?;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let mut command = Command::new("sftp");
    command.args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    command.arg("-P").arg(server.port().to_string()).arg("-i").arg(&key);
    command.arg(format!("{}@127.0.0.1:inbox/orders.csv", server.user())).arg("/dev/null");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("sftp")?;
    if !status.success() {
        bail!("sftp ended with {status}");
    }
    Ok(())
}
