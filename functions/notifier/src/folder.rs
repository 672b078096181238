//! Messages as files, where no provider is configured: on a developer's machine.

use state::effect::Answer;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt as _;

/// Files beside those of others, readable by their owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// Writes one message, under the same name on every attempt.
    pub(crate) async fn put(&self, name: &str, bytes: &[u8]) -> Answer {
        match self.write(name, bytes).await {
            Ok(()) => Answer::Sent { answer: format!("written to {name}") },
            Err(error) => {
                Answer::Away { why: format!("{}: {error}", self.0.display()), after: None }
            }
        }
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut folder = tokio::fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&self.0).await?;
        let (part, whole) = (self.0.join(format!(".{name}")), self.0.join(name));
        let mut file = tokio::fs::OpenOptions::new();
        let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&part).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        tokio::fs::rename(part, whole).await
    }
}

/// A name for a file: what it is about, and the beginning of its key.
pub(crate) fn name(notice: &str, about: &str, key: &str, end: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let about: String = about.chars().take(60).map(plain).collect();
    let key: String = key.chars().take(12).collect();
    let file = format!("{notice}-{about}-{key}.{end}");
    debug_assert_eq!(Path::new(&file).components().count(), 1);
    file
}
