//! A file into a partner's folder, as the partner would send it: over SFTP.

use std::fs::File;
use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result, anyhow, bail};
use domain::PartnerId;
use domain::partner::Sftp;
use intake::sftp::{Limits, Login, Session};
use terminal::{Failure, output};

use crate::dir::DataDir;

const BUFFER_BYTES: usize = 256 * 1024;

/// Writes `source` to `target` in the partner's folder, and says how many bytes that were.
pub async fn put(dir: &DataDir, partner: &PartnerId, source: File, target: &str) -> Result<u64> {
    let (server, secret) = server(dir, partner)?;
    let target = target.to_owned();
    let sent =
        tokio::task::spawn_blocking(move || upload(&source, &server, &secret, &target)).await;
    sent.context("sending")?
}

/// The partner's server, and the text of the key or password for it.
fn server(dir: &DataDir, partner: &PartnerId) -> Result<(Sftp, Secret)> {
    let path = dir.partners();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let partners = intake::partners::load(&text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("{}: {}", path.display(), problems.join("; "))
    })?;
    let Some(found) = partners.get(partner) else {
        let what = format!("partner {partner} in {}", path.display());
        return Err(Failure::NotFound { what }.into());
    };
    let Some(server) = found.sftp.clone() else {
        bail!("partner {partner} has no folder: it has no file section in partners.yml");
    };
    let secret = match (&server.private_key_secret, &server.password_secret) {
        (Some(name), _) => Secret::PrivateKey(dir.secret(name)?),
        (None, Some(name)) => Secret::Password(dir.secret(name)?),
        (None, None) => bail!("partner {partner} has neither key nor password"),
    };
    Ok((server, secret))
}

enum Secret {
    PrivateKey(String),
    Password(String),
}

/// Writes under a temporary name and renames; blocks.
fn upload(mut source: &File, server: &Sftp, secret: &Secret, target: &str) -> Result<u64> {
    let login = match secret {
        Secret::PrivateKey(key) => Login::PrivateKey(key),
        Secret::Password(password) => Login::Password(password),
    };
    let length = source.metadata().context("cannot read the file")?.len();
    let session = Session::connect(server, login, Limits::default())?;
    let mut upload = session.create(target)?;
    let template = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
    let bar = output::progress(length, template);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = source.read(&mut buffer).context("cannot read the file")?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
        upload.write_all(bytes).map_err(|error| upload.explain(&error))?;
        bar.inc(u64::try_from(count).unwrap_or_default());
    }
    let size = upload.size();
    upload.commit()?;
    bar.finish_and_clear();
    Ok(size)
}
