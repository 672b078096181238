//! Dependencies point one way, and the number of functions stays within OpenFaaS's limit.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::workspace::{Dependency, Package, packages, root};

/// OpenFaaS CE refuses the sixteenth function.
const FUNCTIONS_MAX: usize = 15;

/// The dependencies that a crate may have.
struct Layer {
    name: &'static str,
    /// Allowed members of the workspace.
    members: &'static [&'static str],
    /// Allowed crates from outside; `None`: any that [`OWNED`] does not reserve for others.
    others: Option<&'static [&'static str]>,
    rule: &'static str,
}

const LAYERS: &[Layer] = &[
    Layer {
        name: "domain",
        members: &[],
        others: Some(&[
            "chrono",
            "hex",
            "indexmap",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "unicode-normalization",
        ]),
        rule: "the business has no IO, no clock and no async",
    },
    Layer {
        name: "tabular",
        members: &["domain"],
        others: Some(&[
            "chrono",
            "chrono-tz",
            "csv",
            "encoding_rs",
            "memchr",
            "polars",
            "serde",
            "sqlparser",
            "thiserror",
            "unicode-normalization",
            "xxhash-rust",
        ]),
        rule: "it turns bytes into rows, independent of their source",
    },
    Layer {
        name: "documents",
        members: &["domain"],
        others: Some(&[
            "chrono",
            "flate2",
            "krilla",
            "minijinja",
            "rustybuzz",
            "serde",
            "thiserror",
            "unicode-bidi",
        ]),
        rule: "a document is made of an invoice alone, without IO and clock",
    },
    Layer {
        name: "messaging",
        members: &["domain"],
        others: None,
        rule: "it knows the business and NATS, and nobody who uses it",
    },
    Layer {
        name: "state",
        members: &["messaging"],
        others: None,
        rule: "it keeps what a function has to keep, and knows no business",
    },
    Layer {
        name: "stock",
        members: &["chassis", "domain", "messaging", "runtime", "state"],
        others: None,
        rule: "it is the journal of the stock, for those who write it and those who check it",
    },
    Layer {
        name: "invoices",
        members: &["chassis", "domain", "messaging", "state"],
        others: None,
        rule: "it is the journal of invoices, for those who write it and those who check it",
    },
    Layer {
        name: "archive",
        members: &["domain", "messaging", "state"],
        others: None,
        rule: "it keeps facts and adds them up, and knows nobody who asks",
    },
    Layer {
        name: "intake",
        members: &["domain", "messaging"],
        others: None,
        rule: "it brings files, and knows nothing of what is in them or who calls",
    },
    Layer {
        name: "runtime",
        members: &[],
        others: None,
        rule: "the shell of a function knows no business",
    },
    Layer {
        name: "outgoing",
        members: &["runtime"],
        others: None,
        rule: "it calls addresses that others name, and knows nothing of why",
    },
    Layer {
        name: "chassis",
        members: &["domain", "intake", "messaging", "runtime", "state"],
        others: None,
        rule: "it is what every function stands on, and knows none of them",
    },
    Layer {
        name: "products",
        members: &["chassis", "domain", "messaging", "state"],
        others: None,
        rule: "it is the products of the catalogue, for those who write them and those who read them",
    },
    Layer {
        name: "servers",
        members: &[],
        others: None,
        rule: "it starts programs, and does not know what for",
    },
    Layer {
        name: "connector",
        members: &["messaging", "runtime", "state"],
        others: None,
        rule: "it brings messages to functions, and knows none of them",
    },
    Layer {
        name: "terminal",
        members: &[],
        others: Some(&["anyhow", "comfy-table", "indicatif", "serde", "serde_json", "thiserror"]),
        rule: "it says what it is given, and knows nothing of it",
    },
    Layer {
        name: "propose",
        members: &["domain", "tabular"],
        others: Some(&[
            "chrono",
            "chrono-tz",
            "csv",
            "encoding_rs",
            "serde",
            "serde_json",
            "thiserror",
            "unicode-normalization",
        ]),
        rule: "a proposal is a function of the bytes: no IO, no clock",
    },
    Layer {
        name: "load",
        members: &["domain"],
        others: Some(&["bytes", "chrono", "fastrand", "serde", "serde_json", "thiserror", "tokio"]),
        rule: "generated orders depend only on a seed, not on their sender",
    },
    Layer {
        name: "stack",
        members: &["chassis", "connector", "domain", "intake", "messaging", "runtime", "terminal"],
        others: None,
        rule: "it says what stack.yml holds, and neither starts nor deploys it",
    },
    Layer {
        name: "machine",
        members: &[
            "connector",
            "domain",
            "intake",
            "messaging",
            "runtime",
            "products",
            "servers",
            "stack",
            "state",
            "stock",
            "terminal",
        ],
        others: None,
        rule: "it runs on one machine, and knows neither clusters nor flags",
    },
    Layer {
        name: "deploy",
        members: &[
            "chassis",
            "connector",
            "domain",
            "intake",
            "messaging",
            "runtime",
            "stack",
            "tabular",
            "terminal",
        ],
        others: None,
        rule: "it reads files, and starts nothing",
    },
    Layer {
        name: "bench",
        members: &[
            "connector",
            "domain",
            "load",
            "machine",
            "messaging",
            "runtime",
            "servers",
            "stack",
            "terminal",
        ],
        others: None,
        rule: "it measures the program from outside",
    },
    Layer {
        name: "testkit",
        members: &["domain", "load", "messaging", "servers", "state"],
        others: None,
        rule: "it looks at the pipeline from outside",
    },
    Layer {
        name: "orderflow-fuzz",
        members: &[
            "connector",
            "domain",
            "messaging",
            "order-ingest",
            "runtime",
            "state",
            "tabular",
        ],
        others: None,
        rule: "it brings bad input to what reads input",
    },
];

/// Crates that know the functions of this program: they build them, or read their names and settings.
const KNOW_FUNCTIONS: &[&str] = &["stack", "machine", "deploy", "bench"];
/// The dependencies that a function may have.
const FUNCTION: &[&str] = &[
    "archive",
    "domain",
    "tabular",
    "messaging",
    "state",
    "stock",
    "invoices",
    "products",
    "documents",
    "invoices",
    "chassis",
    "intake",
    "runtime",
    "outgoing",
];
/// The program that combines all crates.
const CLI: &str = "orderflow";

/// Crates from outside that only these members may use.
const OWNED: &[(&str, &[&str], &str)] = &[
    ("polars", &["tabular"], "it takes minutes to build, and its types change with every release"),
    ("parquet", &["archive"], "files that others read have one form"),
    ("krilla", &["documents"], "documents are made in one place"),
    ("lettre", &["notifier"], "mails go out through one outbox"),
    ("pgp", &["file-transformer"], "only who reads files has their keys"),
    ("ssh2", &["intake"], "partners' folders are reached through intake"),
    ("libssh2-sys", &["intake"], "only its version is named, to refuse old ones"),
    ("hyper-rustls", &["outgoing"], "what calls others' addresses is guarded in one place"),
    ("reqwest", &[], "hyper is there already"),
];

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
