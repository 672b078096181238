//! Everything that is looked at, one after the other.

use std::path::Path;

use anyhow::{Result, bail};
use intake::yaml;

use super::finding::{Findings, Rule};
use super::function::functions;
use super::subject::Subject;
use super::{
    calls, community, files, lanes, money, policies, resources, schema, settings, variables,
};

/// What is wrong with the stack `text`, and with what it says together with the partners.
///
/// # Errors
/// A variable of the environment that the stack names is no text.
pub async fn check(text: &str, subject: &Subject) -> Result<Findings> {
    let mut env = runtime::Env::from_process();
    let mut findings = look(text, subject, |name| env.optional::<String>(name)).await;
    env.finish(|| Some(()))?;
    policies::look(subject, &mut findings);
    money::look(subject, &mut findings);
    Ok(findings)
}

/// What [`check`] says of a stack that runs on this machine, a line each. What only building an image or
/// deploying it needs is left out.
///
/// # Errors
/// As [`check`], and where the stack is not read as it is meant: each such place is named.
pub async fn notes(path: &Path, text: &str, subject: &Subject) -> Result<Vec<String>> {
    let mut env = runtime::Env::from_process();
    let findings = look(text, subject, |name| env.optional::<String>(name)).await;
    env.finish(|| Some(()))?;
    let misread = findings.lines(path, Rule::is_of_reading);
    if !misread.is_empty() {
        let file = path.display();
        bail!(
            "{file} is not read as it is meant; correct it (orderflow lint {file} checks it):\n{}",
            misread.join("\n")
        );
    }
    Ok(findings.lines(path, |rule| !rule.is_of_images()))
}

/// All findings, in the order of the lines.
pub(super) async fn look(
    text: &str,
    subject: &Subject,
    mut variable: impl FnMut(&str) -> Option<String>,
) -> Findings {
    let mut findings = Findings::default();
    variables::look(text, &mut variable, &mut findings);
    let text = stack::substitute(text, |name, default| {
        variable(name).filter(|value| !value.is_empty()).or_else(|| default.map(str::to_owned))
    });
    let root = match yaml::parse(&text) {
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
