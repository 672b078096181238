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

/// What was seen of the file.
struct Seen {
    /// The text and the tables that hold.
    taken: (String, Tables),
    /// The text that the last look could not take over, and why not.
    wrong: Option<(String, String)>,
    /// The one that was complained about, if that is the last that was said.
    said: Option<(String, String)>,
}

/// What is worth a word.
enum News {
    /// These partners hold now.
    Taken(Partners),
    /// After a complaint the file is again what holds.
    Back(Partners),
}

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
    /// said once, and so is its end.
    pub(super) async fn follow(mut self, path: PathBuf, text: String, tables: Tables) {
        let mut seen = Seen { taken: (text, tables), wrong: None, said: None };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let here = path.clone();
            let look = tokio::task::spawn_blocking(move || {
                let news = self.look(&here, &mut seen);
                (self, seen, news)
            });
            let Ok((machine, after, news)) = look.await else {
                return output::note("the partners are no longer followed");
            };
            (self, seen) = (machine, after);
            let place = path.display();
            match news {
                Ok(None) => {}
                Ok(Some(News::Taken(partners))) => {
                    output::note(format_args!("{place}: {} partners now", partners.len()));
                    let filters = self.filters.iter();
                    for note in filters.flat_map(|filters| lanes::notes(&partners, filters)) {
                        output::note(format_args!("warning: {note}"));
                    }
                }
                Ok(Some(News::Back(partners))) => output::note(format_args!(
                    "{place} is valid again, and as it was taken over before: {} partners",
                    partners.len()
                )),
                Err(error) => output::note(format_args!(
                    "{place} is not taken over, what was before still holds: {error:#}"
                )),
            }
        }
    }

    /// What is new. An error is reported when two looks have found it, since the file may be half written.
    fn look(&mut self, path: &Path, seen: &mut Seen) -> Result<Option<News>> {
        // Gone, or being replaced: nothing that could be taken over.
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
        let folder = path.parent().unwrap_or(Path::new(""));
        let partners = || intake::partners::load(&text).unwrap_or_default();
        match self.take_over(&text, folder, &mut seen.taken) {
            Ok(is_new) => {
                seen.wrong = None;
                let was_wrong = seen.said.take().is_some();
                Ok(match (is_new, was_wrong) {
                    (true, _) => Some(News::Taken(partners())),
                    (false, true) => Some(News::Back(partners())),
                    (false, false) => None,
                })
            }
            Err(error) => {
                let wrong = Some((text, format!("{error:#}")));
                let is_whole = seen.wrong == wrong;
                seen.wrong.clone_from(&wrong);
                if !is_whole || seen.said == wrong {
                    return Ok(None);
                }
                seen.said = wrong;
                Err(error)
            }
        }
    }

    /// Installs it unless that is what was `taken` last; tells whether it was another.
    fn take_over(
        &mut self,
        text: &str,
        folder: &Path,
        taken: &mut (String, Tables),
    ) -> Result<bool> {
        let tables = sources::tables(text, folder).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Error::msg(lines.join("; "))
        })?;
        let found = (text.to_owned(), tables);
        if found == *taken {
            return Ok(false);
        }
        self.install(&found.0, &found.1)?;
        *taken = found;
        Ok(true)
    }
}
