//! Files of templates: where they are, and their sections.

use super::shipped;
use crate::notice::Notice;
use std::collections::BTreeMap;
use std::path::Path;

/// What the file with the words of a language tells of.
pub(super) const WORDS: &str = "words";
const SECTIONS: [&str; 4] = ["subject", "intro", "closing", "sms"];
/// Scope of the shipped files.
pub(super) const SHIPPED: &str = "(shipped)";
/// Scope of a shop's own files, for all partners. Those of one partner have its name.
pub(super) const OWN: &str = "";
const FILE_BYTES_MAX: u64 = 256 * 1024;
const LAYOUTS: [&str; 2] = ["layout.txt", "layout.html"];

/// Scopes in the order in which a file is looked for.
pub(super) fn scopes(partner: &str) -> [String; 3] {
    [partner.to_owned(), OWN.to_owned(), SHIPPED.to_owned()]
}

/// Scope, notice and language of `<scope>/<notice>.<language>.txt`.
pub(super) fn parts(file: &str) -> Option<(&str, &str, &str)> {
    let (scope, name) = file.split_once('/')?;
    let (notice, language) = name.strip_suffix(".txt")?.split_once('.')?;
    Some((scope, notice, language))
}

/// The file of a template's name, as people know it.
pub(super) fn file_of(name: &str) -> String {
    let mut parts = name.split('/');
    let (scope, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or(name));
    if scope.is_empty() { file.to_owned() } else { format!("{scope}/{file}") }
}

/// Something that is wrong with a template: the file, the line, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

/// What files hold.
pub(super) struct Files(BTreeMap<String, File>);

enum File {
    /// A layout.
    Whole(String),
    /// Name and text of each section; blank lines stand for what comes before it, so that lines count as in the file.
    Sections(Vec<(String, String)>),
}

impl Files {
    pub(super) fn shipped() -> Self {
        let mut files = Self(BTreeMap::new());
        for (name, text) in shipped::FILES {
            let added = files.put(SHIPPED, name, text);
            debug_assert_eq!(added, Ok(()), "{name}");
        }
        files
    }

    /// The files of a folder, and of folders in it that are named after partners; what is wrong with them.
    pub(super) fn add(&mut self, folder: &Path) -> Vec<Broken> {
        let mut broken = Vec::new();
        self.read(folder, OWN, &mut broken);
        broken
    }

    fn read(&mut self, folder: &Path, scope: &str, broken: &mut Vec<Broken>) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return broken.push(Broken(format!("{}: {error}", folder.display()))),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            // Of editors, and of mounted volumes.
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            if path.is_dir() {
                match scope == OWN && domain::PartnerId::parse(name).is_ok() {
                    true => self.read(&path, name, broken),
                    false => broken
                        .push(Broken(format!("{}: is not named after a partner", path.display()))),
                }
                continue;
            }
            let read = match std::fs::metadata(&path) {
                Ok(data) if FILE_BYTES_MAX < data.len() => {
                    Err(format!("has {} bytes, the limit is {FILE_BYTES_MAX}", data.len()))
                }
                Ok(_) => std::fs::read_to_string(&path).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let put = read.and_then(|text| self.put(scope, name, &text));
            if let Err(reason) = put {
                broken.push(Broken(format!("{}: {reason}", path.display())));
            }
        }
    }

    fn put(&mut self, scope: &str, name: &str, text: &str) -> Result<(), String> {
        let file = match LAYOUTS.contains(&name) {
            true => File::Whole(text.to_owned()),
            false => File::Sections(sections(name, text)?),
        };
        self.0.insert(format!("{scope}/{name}"), file);
        Ok(())
    }

    /// Name and source of each template. Sections that a layout for HTML takes have two: one of them escapes.
    pub(super) fn sources(&self) -> impl Iterator<Item = (String, String)> {
        let mut sources = Vec::new();
        for (file, content) in &self.0 {
            match content {
                File::Whole(text) => sources.push((file.clone(), text.clone())),
                File::Sections(sections) => {
                    for (section, text) in sections {
                        sources.push((format!("{file}/{section}"), text.clone()));
                        sources.push((format!("{file}/{section}.html"), text.clone()));
                    }
                }
            }
        }
        sources.into_iter()
    }

    /// The sections of each file.
    pub(super) fn sections(self) -> BTreeMap<String, Vec<String>> {
        let names = |content: File| match content {
            File::Whole(_) => Vec::new(),
            File::Sections(sections) => sections.into_iter().map(|(name, _)| name).collect(),
        };
        self.0.into_iter().map(|(file, content)| (file, names(content))).collect()
    }
}

/// Takes a file apart.
fn sections(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let form = "is no template: names are NOTICE.LANGUAGE.txt, words.LANGUAGE.txt, layout.txt and layout.html";
    let (notice, language) =
        name.strip_suffix(".txt").and_then(|name| name.split_once('.')).ok_or(form)?;
    let is_words = notice == WORDS;
    if !is_words && Notice::named(notice).is_none() {
        let known: Vec<&str> = Notice::ALL.iter().map(|notice| notice.name()).collect();
        return Err(format!("tells of {notice:?}; known are {WORDS} {}", known.join(" ")));
    }
    if domain::person::language_problem(language).is_some() {
        return Err(format!("has the language {language:?}; the form is fr or fr-CA"));
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let head = line.trim().strip_prefix("---").and_then(|rest| rest.strip_suffix("---"));
        if let Some(section) = head.map(str::trim).filter(|section| !section.is_empty()) {
            if !is_words && !SECTIONS.contains(&section) {
                return Err(format!(
                    "line {number}: has the section {section:?}; known are {}",
                    SECTIONS.join(" ")
                ));
            }
            if found.iter().any(|(known, _)| known == section) {
                return Err(format!("line {number}: has the section {section:?} twice"));
            }
            found.push((section.to_owned(), "\n".repeat(number)));
        } else if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        } else if !line.trim().is_empty() {
            return Err(format!(
                "line {number}: stands before the first section, as `--- subject ---`"
            ));
        }
    }
    for needed in if is_words { &["greeting"][..] } else { &["subject", "intro"][..] } {
        if !found.iter().any(|(name, _)| name == needed) {
            return Err(format!("has no section `--- {needed} ---`"));
        }
    }
    Ok(found)
}
