//! Templates, handlers and copied paths, as `faas-cli build` looks for them.

use std::path::{Component, Path};

use super::finding::{Findings, Rule};
use super::function::Function;
use super::subject::Subject;
use intake::yaml::Node;

/// Our template, whose Dockerfile builds a package of the workspace.
const OURS: &str = "rust-http";

pub(super) fn look(
    root: &Node,
    functions: &[Function<'_>],
    subject: &Subject,
    findings: &mut Findings,
) {
    let configuration = root.get("configuration");
    let pulled: Vec<&str> = configuration
        .and_then(|node| node.get("templates"))
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.get("name")?.text())
        .collect();
    let copies =
        configuration.and_then(|node| node.get("copy")).map(Node::items).unwrap_or_default();
    for function in functions {
        let skips = function.node.get("skip_build").and_then(Node::text) == Some("true");
        if skips {
            continue;
        }
        template(function, &pulled, &subject.folder, findings);
        handler(function, &subject.folder, findings);
        if function.lang() == OURS && !copies.is_empty() {
            package(function, &subject.folder, findings);
        }
    }
    for node in copies {
        let Some(path) = node.text() else { continue };
        let mut parts = Path::new(path).components().peekable();
        let inside = parts.all(|part| matches!(part, Component::CurDir | Component::Normal(_)));
        let is_here = Path::new(path).components().all(|part| part == Component::CurDir);
        let wrong = if !inside || is_here {
            format!("{path:?} is not below the folder of this file: faas-cli refuses it")
        } else if !subject.folder.join(path).exists() {
            format!("{path:?} is not there")
        } else {
            continue;
        };
        findings.add(Rule::Copy, node.line, "configuration.copy", wrong, "");
    }
}

fn template(function: &Function<'_>, pulled: &[&str], folder: &Path, findings: &mut Findings) {
    let lang = function.lang();
    let file = folder.join("template").join(lang).join("template.yml");
    if lang.is_empty() || pulled.contains(&lang) || file.is_file() {
        return;
    }
    let wrong =
        format!("no ./template/{lang}/template.yml: faas-cli asks its store on the Internet");
    let mend = "faas-cli template pull …, or name it in configuration.templates";
    findings.add(Rule::Template, function.line_of("lang"), function.path("lang"), wrong, mend);
}

fn handler(function: &Function<'_>, folder: &Path, findings: &mut Findings) {
    let Some(handler) = function.node.get("handler").and_then(Node::text) else { return };
    if !folder.join(handler).is_dir() {
        let wrong = format!("{handler:?} is no folder");
        findings.add(
            Rule::Handler,
            function.line_of("handler"),
            function.path("handler"),
            wrong,
            "",
        );
    }
}

/// In a workspace the Dockerfile must be told which package is meant.
fn package(function: &Function<'_>, folder: &Path, findings: &mut Findings) {
    let Some(handler) = function.node.get("handler").and_then(Node::text) else { return };
    let manifest = folder.join(handler).join("Cargo.toml");
    let name = std::fs::read_to_string(manifest).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("name = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    });
    let Some(name) = name else { return };
    let given = function.text_in("build_args", "FUNCTION");
    if given == Some(name.as_str()) {
        return built(function, &name, findings);
    }
    let wrong = match given {
        Some(given) => format!("is {given:?}, and the package in the handler's folder is {name:?}"),
        None => "is missing: the Dockerfile does not know which package to build".to_owned(),
    };
    let line = function.line_in("build_args", "FUNCTION");
    let mend = format!("FUNCTION: {name}");
    findings.add(Rule::BuildArg, line, function.path("build_args.FUNCTION"), wrong, mend);
}

/// Of the packages that `FUNCTIONS` names, one goes into the image.
fn built(function: &Function<'_>, name: &str, findings: &mut Findings) {
    let Some(given) = function.text_in("build_args", "FUNCTIONS") else { return };
    if given.split_whitespace().any(|package| package == name) {
        return;
    }
    let line = function.line_in("build_args", "FUNCTIONS");
    let wrong =
        format!("is {given:?}, which leaves out {name:?}: the image's program is not built");
    let mend = format!("FUNCTIONS: {name}");
    findings.add(Rule::BuildArg, line, function.path("build_args.FUNCTIONS"), wrong, mend);
}
