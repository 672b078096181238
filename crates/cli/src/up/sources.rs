//! Which stack and which partners: named, lying here, or built in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use intake::partners::Problem;

use super::{Stack, partners};
use crate::args::Up;
use crate::{output, stack};

const PARTNERS: &str = "partners.yml";

/// Tables by the name that partners.yml has for them.
pub(crate) type Tables = BTreeMap<String, Vec<u8>>;

/// What `up` is made from.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) stack: Stack,
    /// The file that it was read from and its text, unless it is built in.
    pub(crate) stack_file: Option<(PathBuf, String)>,
    /// The text of partners.yml.
    pub(crate) partners: String,
    /// The tables beside it that it names.
    pub(crate) tables: Tables,
    /// Where it stands, unless it is built in.
    pub(crate) partners_path: Option<PathBuf>,
}

pub(crate) fn read(args: &Up) -> Result<Sources> {
    // A provider has only what is deployed.
    let (stack, stack_file) = if args.provider { (Stack::default(), None) } else { stack(args)? };
    let given = args.partners.as_deref();
    let (partners, place) = choose(given, PARTNERS, partners::BUILT_IN)?;
    let partners_path = lying(given, PARTNERS);
    let folder = partners_path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    // Every partner without a folder gets one; everything else must be right here and now.
    let tables = tables(&partners, folder).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(
            "{place} has {}:\n{}",
            output::count(lines.len(), "problem"),
            lines.join("\n")
        )
    })?;
    Ok(Sources { stack, stack_file, partners, tables, partners_path })
}

/// The tables in `folder` that the partners of `text` name, or all that is wrong with either.
pub(crate) fn tables(text: &str, folder: &Path) -> Result<Tables, Vec<Problem>> {
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
    if problems.is_empty() { Ok(tables) } else { Err(problems) }
}

fn stack(args: &Up) -> Result<(Stack, Option<(PathBuf, String)>)> {
    const NAME: &str = "stack.yml";
    let (text, place) = choose(args.stack.as_deref(), NAME, stack::BUILT_IN)?;
    let mut env = runtime::Env::from_process();
    let stack = stack::parse(&text, &place, |name| env.optional::<String>(name))?;
    env.finish(|| Some(()))?;
    Ok((stack, lying(args.stack.as_deref(), NAME).map(|path| (path, text))))
}

/// The text of the file that is given or lies here, else of the one that is built in; and its place.
pub(crate) fn choose(given: Option<&Path>, name: &str, built_in: &str) -> Result<(String, String)> {
    let Some(path) = lying(given, name) else {
        return Ok((built_in.to_owned(), format!("the built-in {name}")));
    };
    output::note(format_args!("reading {}", path.display()));
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok((text, path.display().to_string()))
}

/// The file that is given or lies here.
fn lying(given: Option<&Path>, name: &str) -> Option<PathBuf> {
    let here = Path::new(name);
    given.or_else(|| here.is_file().then_some(here)).map(Path::to_owned)
}
