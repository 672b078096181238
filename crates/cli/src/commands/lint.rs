//! `orderflow lint`: what is wrong with a stack.yml, before a cluster finds it out or does not.
//!
//! Offline: it reads files, and asks the functions in this program how they read their settings.
//! `docs/OPENFAAS.md` has the table of rules.

mod calls;
mod community;
mod files;
mod finding;
mod lanes;
mod money;
mod policies;
mod resources;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod variables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::args::{Global, Lint};
use crate::output;
pub(crate) use calls::unread as unread_annotations;
use finding::{Findings, Level, Rule};
use tree::Node;

/// How long `orderflow up` and the chart's gateway wait for a function.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn run(global: &Global, args: &Lint) -> Result<()> {
    let path = &args.stack;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let beside = folder.join("partners.yml");
    let partners = args.partners.clone().or_else(|| beside.is_file().then_some(beside));
    let subject = Subject {
        folder,
        partners,
        secrets: args.secrets.clone(),
        gateway_timeout: args.gateway_timeout,
    };
    let mut env = runtime::Env::from_process();
    let mut findings = look(&text, &subject, |name| env.optional::<String>(name)).await;
    env.finish(|| Some(()))?;
    policies::look(&subject, &mut findings);
    money::look(&subject, &mut findings);
    findings.print(path, global.json);
    let (errors, warnings) = (findings.count(Level::Error), findings.count(Level::Warning));
    let warnings = output::count(warnings, "warning");
    if errors > 0 {
        bail!("{}: {}, {warnings}", path.display(), output::count(errors, "error"));
    }
    output::note(format_args!("{}: no errors, {warnings}", path.display()));
    Ok(())
}

/// What `lint` says of a stack that runs on this machine, a line each. What only building an image or
/// deploying it needs is left out.
pub(crate) async fn notes(path: &Path, text: &str, partners: Option<&Path>) -> Result<Vec<String>> {
    let subject = Subject {
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        partners: partners.map(Path::to_owned),
        secrets: None,
        gateway_timeout: GATEWAY_TIMEOUT,
    };
    let mut env = runtime::Env::from_process();
    let findings = look(text, &subject, |name| env.optional::<String>(name)).await;
    env.finish(|| Some(()))?;
    Ok(findings.lines(path, |rule| !rule.is_of_images()))
}

/// What a stack is held against.
#[derive(Debug)]
struct Subject {
    /// Where it lies: `faas-cli` looks for templates, handlers and copies from here.
    folder: PathBuf,
    partners: Option<PathBuf>,
    secrets: Option<PathBuf>,
    gateway_timeout: Duration,
}

/// All findings, in the order of the lines.
async fn look(
    text: &str,
    subject: &Subject,
    mut variable: impl FnMut(&str) -> Option<String>,
) -> Findings {
    let mut findings = Findings::default();
    variables::look(text, &mut variable, &mut findings);
    let text = crate::stack::substitute(text, |name, default| {
        variable(name).filter(|value| !value.is_empty()).or_else(|| default.map(str::to_owned))
    });
    let root = match tree::parse(&text) {
        Ok(root) => root,
        Err(error) => {
            findings.add(Rule::Yaml, error.line, "", error.reason, "");
            return findings;
        }
    };
    schema::look(&root, &mut findings);
    let functions = functions(&root);
    community::look(&functions, &mut findings);
    for function in &functions {
        resources::look(function, &mut findings);
        calls::look(function, subject, &mut findings);
        settings::look(function, subject, &mut findings).await;
    }
    lanes::look(&functions, subject, &mut findings);
    files::look(&root, &functions, subject, &mut findings);
    findings.sort();
    findings
}

/// A function of the stack.
struct Function<'a> {
    name: &'a str,
    line: usize,
    node: &'a Node,
}

fn functions(root: &Node) -> Vec<Function<'_>> {
    let Some(functions) = root.get("functions") else { return Vec::new() };
    let functions = functions.members();
    functions.map(|(key, node)| Function { name: &key.text, line: key.line, node }).collect()
}

impl Function<'_> {
    /// Where something of it stands: `functions.NAME.KEY`.
    fn path(&self, key: &str) -> String {
        format!("functions.{}.{key}", self.name)
    }

    /// The line of one of its keys, or its own.
    fn line_of(&self, key: &str) -> usize {
        self.node.key(key).map_or(self.line, |key| key.line)
    }

    /// The line of a member of one of its maps.
    fn line_in(&self, map: &str, member: &str) -> usize {
        let key = self.node.get(map).and_then(|node| node.key(member));
        key.map_or_else(|| self.line_of(map), |key| key.line)
    }

    /// A member of one of its maps, as text.
    fn text_in(&self, map: &str, member: &str) -> Option<&str> {
        self.node.get(map)?.get(member)?.text()
    }

    fn lang(&self) -> &str {
        self.node.get("lang").and_then(Node::text).unwrap_or_default()
    }

    /// The secrets it lists, with their lines.
    fn secrets(&self) -> impl Iterator<Item = (&str, usize)> {
        let items = self.node.get("secrets").map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((item.text()?, item.line)))
    }
}
