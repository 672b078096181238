//! Which files are meant: named, lying here, or built in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use intake::partners::{Problem, located};
use terminal::output;

/// Tables by the name that partners.yml has for them.
pub type Tables = BTreeMap<String, Vec<u8>>;

/// The tables in `folder` that the partners of `text` name, or all that is wrong with either.
pub fn tables(text: &str, folder: &Path) -> Result<Tables, Vec<Problem>> {
    let mut tables = Tables::new();
    let mut problems = Vec::new();
    for (name, partner) in &mut intake::partners::load(text)? {
        let table = |table: &str| {
            let bytes = intake::partners::read_table(folder, table)?;
            tables.insert(table.to_owned(), bytes.clone());
            Ok(bytes)
        };
        let found = intake::partners::tables(name, partner, table);
        problems.extend(found.err().into_iter().flatten());
    }
    if problems.is_empty() { Ok(tables) } else { Err(located(problems, text)) }
}

/// The text of the file that is given or lies here, else of the one that is built in; and its place.
pub fn choose(given: Option<&Path>, name: &str, built_in: &str) -> Result<(String, String)> {
    let Some(path) = found(given, name) else {
        return Ok((built_in.to_owned(), format!("the built-in {name}")));
    };
    output::note(format_args!("reading {}", path.display()));
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok((text, path.display().to_string()))
}

/// The file that is given, else the one of this name in the current folder.
pub fn found(given: Option<&Path>, name: &str) -> Option<PathBuf> {
    let here = Path::new(name);
    given.or_else(|| here.is_file().then_some(here)).map(Path::to_owned)
}
