//! Dependencies point one way, and the number of functions stays within OpenFaaS's limit.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::layers::{CLI, FUNCTION, KNOW_FUNCTIONS, LAYERS, OWNED};
use crate::workspace::{Dependency, Package, packages, root};

/// OpenFaaS CE refuses the sixteenth function.
const FUNCTIONS_MAX: usize = 15;

impl Package {
    fn is_function(&self) -> bool {
        self.manifest_path.parent().and_then(Path::parent).is_some_and(|p| p.ends_with("functions"))
    }

    /// Names of its dependencies, except those for tests.
    fn uses(&self, member: bool) -> impl Iterator<Item = &str> {
        let built = self.dependencies.iter().filter(|one| one.kind.as_deref() != Some("dev"));
        built.filter(move |one| one.path.is_some() == member).map(|one| one.name.as_str())
    }
}

/// All violations, each with its rule.
fn problems(packages: &[Package]) -> Vec<String> {
    let functions: BTreeSet<&str> =
        packages.iter().filter(|p| p.is_function()).map(|p| p.name.as_str()).collect();
    let mut problems = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let layer = LAYERS.iter().find(|layer| layer.name == name);
        let (members, rule) = match layer {
            Some(layer) => (layer.members, layer.rule),
            None if package.is_function() => {
                (FUNCTION, "functions share crates, and never know each other or who calls them")
            }
            None if name == CLI => {
                for used in package.uses(true).filter(|used| *used == "testkit") {
                    problems.push(format!("{name} uses {used}: testkit is for tests"));
                }
                continue;
            }
            None => {
                problems.push(format!("{name} has no rule: say in this test what it may use"));
                continue;
            }
        };
        let knows = |used: &str| KNOW_FUNCTIONS.contains(&name) && functions.contains(used);
        for used in package.uses(true).filter(|used| !members.contains(used) && !knows(used)) {
            let what = if functions.contains(used) { "the function " } else { "" };
            problems.push(format!("{name} uses {what}{used}: {rule}"));
        }
        let others = layer.and_then(|layer| layer.others);
        for used in package.uses(false) {
            if others.is_some_and(|others| !others.contains(&used)) {
                problems.push(format!("{name} uses {used}: {rule}"));
            }
        }
    }
    for package in packages {
        for (owned, owners, rule) in OWNED {
            if package.uses(false).any(|used| used == *owned)
                && !owners.contains(&package.name.as_str())
            {
                problems.push(format!("{} uses {owned}: {rule}", package.name));
            }
        }
    }
    problems
}

#[track_caller]
fn check(package: (&str, &str), uses: &[(&str, bool)], expected: &[&str]) {
    let (folder, name) = package;
    let function = Package {
        name: "order-ingest".into(),
        manifest_path: "/x/functions/order-ingest/Cargo.toml".into(),
        dependencies: Vec::new(),
        targets: Vec::new(),
    };
    let dependencies = uses.iter().map(|(name, member)| Dependency {
        name: (*name).into(),
        kind: None,
        path: member.then(|| "/x".into()),
    });
    let package = Package {
        name: name.into(),
        manifest_path: format!("/x/{folder}/{name}/Cargo.toml").into(),
        dependencies: dependencies.collect(),
        targets: Vec::new(),
    };
    assert_eq!(problems(&[function, package]), expected);
}

#[test]
fn dependencies_point_one_way() {
    let problems = problems(&packages());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_rule_names_a_member() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for name in LAYERS.iter().map(|layer| layer.name).chain([CLI]) {
        assert!(names.contains(name), "{name} has a rule and is no member");
    }
}

#[test]
fn a_wrong_dependency_is_reported_with_its_rule() {
    let rule = "the business has no IO, no clock and no async";
    check(("crates", "domain"), &[("tokio", false)], &[&format!("domain uses tokio: {rule}")]);
    check(("crates", "domain"), &[("runtime", true)], &[&format!("domain uses runtime: {rule}")]);
    let rule = "functions share crates, and never know each other or who calls them";
    check(
        ("functions", "billing"),
        &[("messaging", true), ("order-ingest", true), ("connector", true), ("testkit", true)],
        &[
            &format!("billing uses the function order-ingest: {rule}"),
            &format!("billing uses connector: {rule}"),
            &format!("billing uses testkit: {rule}"),
        ],
    );
    check(
        ("functions", "billing"),
        &[("polars", false)],
        &[
            "billing uses polars: it takes minutes to build, and its types change with every release",
        ],
    );
    check(
        ("crates", "connector"),
        &[("orderflow", true)],
        &["connector uses orderflow: it brings messages to functions, and knows none of them"],
    );
    check(("crates", "orderflow"), &[("connector", true), ("order-ingest", true)], &[]);
    check(
        ("crates", "orderflow"),
        &[("testkit", true)],
        &["orderflow uses testkit: testkit is for tests"],
    );
    check(("crates", "new"), &[], &["new has no rule: say in this test what it may use"]);
}

#[derive(Deserialize)]
struct Stack {
    functions: BTreeMap<String, Function>,
}

#[derive(Deserialize)]
struct Function {
    handler: PathBuf,
}

#[test]
fn each_function_of_the_stack_is_a_folder_and_a_package_of_that_name() {
    let text = std::fs::read_to_string(root().join("stack.yml")).unwrap();
    let stack: Stack = serde_yaml_ng::from_str(&text).unwrap();
    let count = stack.functions.len();
    assert!(count <= FUNCTIONS_MAX, "{count} functions; OpenFaaS CE takes {FUNCTIONS_MAX}");
    let packages = packages();
    for (name, function) in &stack.functions {
        let folder = Path::new("functions").join(name);
        let said = function.handler.strip_prefix(".").unwrap_or(&function.handler);
        assert_eq!(said, folder, "function {name}: its handler is its folder");
        let manifest = root().join(&folder).join("Cargo.toml");
        let package = packages.iter().find(|package| package.manifest_path == manifest);
        let package = package.map(|package| package.name.as_str());
        assert_eq!(package, Some(name.as_str()), "function {name}: {folder:?} holds its package");
    }
    for package in packages.iter().filter(|package| package.is_function()) {
        assert!(
            stack.functions.contains_key(&package.name),
            "{} is not in stack.yml",
            package.name
        );
    }
}
