//! What `up` is made from: files that are named, lie here, or are built in.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use stack::Stack;
use stack::sources::{self, Tables, choose, found};
use terminal::output;

use super::settings::Settings;

const PARTNERS: &str = "partners.yml";
const STACK: &str = "stack.yml";

/// What `up` is made from.
#[derive(Debug)]
pub struct Sources {
    /// The functions.
    pub stack: Stack,
    /// The file that they were read from and its text, unless it is built in.
    pub stack_file: Option<(PathBuf, String)>,
    /// The text of partners.yml.
    pub partners: String,
    /// The tables beside it that it names.
    pub tables: Tables,
    /// Where it stands, unless it is built in.
    pub partners_path: Option<PathBuf>,
}

impl Sources {
    /// Reads and checks them.
    ///
    /// # Errors
    /// A file cannot be read or used; every problem of the partners is named.
    pub(super) fn read(settings: &Settings) -> Result<Self> {
        // A provider has only what is deployed.
        let (stack, stack_file) =
            if settings.provider { (Stack::default(), None) } else { functions(settings)? };
        let given = settings.partners.as_deref();
        let (partners, place) = choose(given, PARTNERS, stack::partners::BUILT_IN)?;
        let partners_path = found(given, PARTNERS);
        let folder = partners_path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        // Every partner without a folder gets one; everything else must be right here and now.
        let tables = sources::tables(&partners, folder).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let count = output::count(lines.len(), "problem");
            anyhow!("{place} has {count}:\n{}", lines.join("\n"))
        })?;
        Ok(Self { stack, stack_file, partners, tables, partners_path })
    }
}

fn functions(settings: &Settings) -> Result<(Stack, Option<(PathBuf, String)>)> {
    let given = settings.stack.as_deref();
    let (text, place) = choose(given, STACK, stack::BUILT_IN)?;
    let mut env = runtime::Env::from_process();
    let stack = stack::parse(&text, &place, |name| env.optional::<String>(name))?;
    env.finish(|| Some(()))?;
    Ok((stack, found(given, STACK).map(|path| (path, text))))
}
