//! Which stack and which partners: named, lying here, or built in.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Stack, partners};
use crate::args::Up;
use crate::{output, stack};

/// What `up` is made from.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) stack: Stack,
    /// The text of partners.yml.
    pub(crate) partners: String,
    /// The tables beside it that it names.
    pub(crate) tables: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn read(args: &Up) -> Result<Sources> {
    // A provider has only what is deployed.
    let stack = if args.provider { Stack::default() } else { stack(args)? };
    let (partners, place) = choose(args.partners.as_deref(), "partners.yml", partners::BUILT_IN)?;
    let mut tables = BTreeMap::new();
    let folder = args.partners.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    match intake::partners::load(&partners) {
        Ok(partners) => {
            for (name, partner) in &partners {
                let table = |table: &str| {
                    let bytes = intake::partners::read_table(folder, table)?;
                    tables.insert(table.to_owned(), bytes.clone());
                    Ok(bytes)
                };
                problems.extend(
                    intake::partners::products(name, partner, table).err().into_iter().flatten(),
                );
            }
        }
        Err(found) => problems = found,
    }
    // Every partner without a folder gets one; everything else must be right here and now.
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::bail!("{place} has {} problems:\n{}", lines.len(), lines.join("\n"));
    }
    Ok(Sources { stack, partners, tables })
}

fn stack(args: &Up) -> Result<Stack> {
    let (stack, place) = choose(args.stack.as_deref(), "stack.yml", stack::BUILT_IN)?;
    let mut env = runtime::Env::from_process();
    let stack = stack::parse(&stack, &place, |name| env.optional::<String>(name))?;
    env.finish(|| Some(()))?;
    Ok(stack)
}

/// The text of the file that is given or lies here, else of the one that is built in; and its place.
pub(crate) fn choose(given: Option<&Path>, name: &str, built_in: &str) -> Result<(String, String)> {
    let here = Path::new(name);
    let path = given.or_else(|| here.is_file().then_some(here));
    let Some(path) = path else {
        return Ok((built_in.to_owned(), format!("the built-in {name}")));
    };
    output::note(format_args!("{name}: {}", path.display()));
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((text, path.display().to_string()))
}
