//! Files do not depend on each other in circles, so that each can be read and tested after those it
//! uses.

use crate::source::{Uses, uses};
use crate::workspace::{packages, root};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders whose circles are known: the beginning of their paths, and the reason.
const KNOWN: &[(&str, &str)] = &[
    (
        "crates/state/src/effect",
        "what is delivered, where to, and why not stand in one type's files",
    ),
    ("crates/messaging/tests/nats/", "what its tests share stands in their main file"),
    ("crates/state/src/fold", "the fold and what reads and saves it share its inside"),
    ("crates/state/src/record", "the record, its errors and its writer share limits"),
    ("functions/order-processor/src/", "what handlers share stands where they are put together"),
    ("functions/status-checker/src/http/", "both read the clock"),
];

/// All files that can be reached from `file`.
fn reached<'a>(uses: &'a Uses, file: &'a Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for other in uses.get(file).into_iter().flat_map(|used| used.keys()) {
            if reached.insert(other.as_path()) {
                open.push(other);
            }
        }
    }
    reached
}

/// The files of each circle.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<PathBuf>> {
    let mut circles = BTreeSet::new();
    for file in uses.keys() {
        let from_here = reached(uses, file);
        if from_here.contains(file.as_path()) {
            let back =
                from_here.into_iter().filter(|other| reached(uses, other).contains(file.as_path()));
            circles.insert(back.map(Path::to_owned).collect());
        }
    }
    circles
}

/// A description of a circle: which file uses what of which.
fn said(uses: &Uses, circle: &BTreeSet<PathBuf>, root: &Path) -> String {
    let name = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string();
    let mut lines = Vec::new();
    for file in circle {
        for (other, names) in &uses[file] {
            if circle.contains(other) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                lines.push(format!(
                    "  {} uses {} of {}",
                    name(file),
                    names.join(", "),
                    name(other)
                ));
            }
        }
    }
    lines.join("\n")
}

#[test]
fn no_files_use_each_other() {
    let root = root();
    let mut problems = Vec::new();
    let mut found = BTreeSet::new();
    for package in packages() {
        for target in &package.targets {
            let uses = uses(&target.src_path);
            for circle in circles(&uses) {
                let is_in = |room: &str| {
                    let begin = format!("{}/{room}", root.display());
                    circle.iter().all(|file| file.display().to_string().starts_with(&begin))
                };
                match KNOWN.iter().find(|(room, _)| is_in(room)) {
                    Some((room, _)) => drop(found.insert(*room)),
                    None => {
                        let (count, said) = (circle.len(), said(&uses, &circle, &root));
                        problems.push(format!("{count} files in a circle:\n{said}"));
                    }
                }
            }
        }
    }
    for (room, _) in KNOWN.iter().filter(|(room, _)| !found.contains(room)) {
        problems.push(format!("{room} has no circle any longer: take it out of KNOWN"));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&[&str]]) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = circles(&uses(&dir.path().join("lib.rs")));
    let expected: BTreeSet<BTreeSet<PathBuf>> = expected
        .iter()
        .map(|files| files.iter().map(|file| dir.path().join(file)).collect())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let modules = ("lib.rs", "mod a; mod b; mod c;");
    for (a, b) in [
        ("use crate::b::B;", "use super::a::A;"),
        ("fn f() { crate::b::g() }", "fn f() { super::a::g() }"),
        ("use super::{b::{self, B}, c};", "use crate::a; fn f() -> a::A { a::A }"),
        ("use super::b as other; type T = other::B;", "use crate::a::*;"),
        (
            "macro_rules! m { () => { $crate::b::B } }\nfn f() { println!(\"{}\", super::b::B) }",
            "use super::a::A;",
        ),
    ] {
        check(&[modules, ("a.rs", a), ("b.rs", b), ("c.rs", "")], &[&["a.rs", "b.rs"]]);
    }
    let third = [
        modules,
        ("a.rs", "use super::b::B;"),
        ("b.rs", "use super::c::C;"),
        ("c.rs", "use crate::a::A;"),
    ];
    check(&third, &[&["a.rs", "b.rs", "c.rs"]]);
    // A parent module with code counts like any other file.
    let parent = [("lib.rs", "mod a; pub struct L; fn f() { a::g() }"), ("a.rs", "use super::L;")];
    check(&parent, &[&["lib.rs", "a.rs"]]);
}

#[test]
fn facades_tests_and_other_crates_make_no_circles() {
    // A facade only re-exports, so the paths through it are followed.
    let face = [
        ("lib.rs", "mod room; pub use room::One; mod other;"),
        ("room/mod.rs", "mod one; mod two; pub use one::One; pub use two::Two;"),
        ("room/one.rs", "use super::Two; pub struct One;"),
        ("room/two.rs", "pub struct Two;"),
        ("other.rs", "use crate::{One, room::Two}; fn f(one: One, two: Two) {}"),
    ];
    check(&face, &[]);
    let tests = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use super::b::B; #[cfg(test)] mod tests { use super::*; } #[cfg(test)] use std::b::B;",
        ),
        (
            "b.rs",
            "pub struct B; #[cfg(test)] mod tests { use crate::a::A; fn f() { crate::a::g() } }",
        ),
    ];
    check(&tests, &[]);
    let variant = [
        (
            "lib.rs",
            "mod a; pub use a::{A, Other}; pub enum E { A(u8), /** It. */ Other { of: u8 } }",
        ),
        ("a.rs", "use super::E; pub struct A; pub struct Other;"),
    ];
    check(&variant, &[]);
    let outside = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use b::B; use ::b::C;"),
        ("b.rs", "use super::a::A;"),
    ];
    check(&outside, &[]);
}
