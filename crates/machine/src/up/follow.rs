//! The partners while `up` runs: one that is added to the file gets its folder and key here, and the
//! functions, which follow what this writes, take it over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use domain::partner::Partners;
use servers::sshd;
use stack::lanes;
use stack::partners::{self, Folders};
use stack::sources::{self, Tables};
use terminal::output;

use crate::dir::{DataDir, write_atomic};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The file's text, and its tables or what is wrong.
type Seen = (String, Result<Tables, String>);

/// What has to know the partners of this machine.
pub(super) struct Machine {
    dir: DataDir,
    sshd: sshd::Partners,
    port: u16,
    user: String,
    host_key: String,
    is_provider: bool,
    /// What order-processor is given; nothing where that is not known here.
    filters: Option<BTreeSet<String>>,
}

impl Machine {
    pub(super) fn new(
        dir: &DataDir,
        sshd: &sshd::Server,
        filters: Option<BTreeSet<String>>,
        is_provider: bool,
    ) -> Self {
        Self {
            dir: dir.clone(),
            sshd: sshd.partners(),
            port: sshd.port(),
            user: sshd.user().to_owned(),
            host_key: sshd.host_key().to_owned(),
            is_provider,
            filters,
        }
    }

    /// Makes what the partners of `text` lack, and writes it down for the functions. Blocks.
    pub(super) fn install(&mut self, text: &str, tables: &Tables) -> Result<()> {
        for name in partners::without_folder(text)? {
            let path = self.sshd.add(&name)?;
            let key = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            self.dir.write_secret(&partners::key_secret(&name), &key)?;
        }
        let folders = Folders { port: self.port, user: &self.user, host_key: &self.host_key };
        let text = partners::with_folders(text, &folders)?;
        // First: what names them must find them.
        for (name, table) in tables {
            write_atomic(&self.dir.partners().with_file_name(name), table, 0o644)?;
            if self.is_provider {
                self.dir.write_secret(name, table)?;
            }
        }
        write_atomic(&self.dir.partners(), text.as_bytes(), 0o644)?;
        if self.is_provider {
            // A function that lists it has the partners of this machine.
            self.dir.write_secret("partners.yml", &text)?;
        }
        Ok(())
    }

    /// Takes the file and its tables over when they have changed; what is wrong changes nothing and is
    /// said once.
    pub(super) async fn follow(mut self, path: PathBuf, text: String, tables: Tables) {
        let mut before = (text, Ok(tables));
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let here = path.clone();
            let look = tokio::task::spawn_blocking(move || {
                let said = self.look(&here, &mut before);
                (self, before, said)
            });
            let Ok((machine, seen, said)) = look.await else {
                return output::note("the partners are no longer followed");
            };
            (self, before) = (machine, seen);
            match said {
                Ok(None) => {}
                Ok(Some(partners)) => {
                    let count = partners.len();
                    output::note(format_args!("{}: {count} partners now", path.display()));
                    let filters = self.filters.iter();
                    for note in filters.flat_map(|filters| lanes::notes(&partners, filters)) {
                        output::note(format_args!("warning: {note}"));
                    }
                }
                Err(error) => output::note(format_args!(
                    "{} is not taken over, what was before still holds: {error:#}",
                    path.display()
                )),
            }
        }
    }

    /// The partners, if something is not as it was `before`.
    fn look(&mut self, path: &Path, before: &mut Seen) -> Result<Option<Partners>> {
        // Gone, or being replaced: nothing that could be taken over.
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
        let folder = path.parent().unwrap_or(Path::new(""));
        let tables = sources::tables(&text, folder).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            lines.join("; ")
        });
        let seen = (text, tables);
        if seen == *before {
            return Ok(None);
        }
        before.clone_from(&seen);
        let (text, tables) = seen;
        self.install(&text, &tables.map_err(Error::msg)?)?;
        Ok(Some(intake::partners::load(&text).unwrap_or_default()))
    }
}
