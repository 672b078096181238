//! Every target holds for the files in `seeds/`, and for damaged copies of them.
#![cfg(test)]

use orderflow_fuzz::{TARGETS, Target};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_target_holds_for_its_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn every_target_has_a_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets");
    let mut programs: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut names = TARGETS.map(|(name, _)| name);
    programs.sort();
    names.sort_unstable();
    assert_eq!(programs, names);
}

/// Damage to a seed: bytes are inserted, removed, changed or repeated.
#[derive(Clone, Debug)]
enum Damage {
    Change(prop::sample::Index, u8),
    Insert(prop::sample::Index, String),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let pieces = [
        "\"",
        "{",
        "[",
        "null",
        "-0",
        "1e400",
        "\\u0000",
        "\\ud800",
        ",",
        "\u{feff}",
        "99999999999",
        "\"lines\":[]",
        "é",
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        (at(), prop::sample::select(pieces.to_vec()))
            .prop_map(|(at, text)| Damage::Insert(at, text.to_owned())),
        (at(), 1..20_usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        (at(), 1..60_usize).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for damage in all {
        if bytes.is_empty() {
            return bytes;
        }
        match damage {
            Damage::Change(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Damage::Insert(at, text) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, text.bytes());
            }
            Damage::Remove(at, len) => {
                let at = at.index(bytes.len());
                let end = (at + len).min(bytes.len());
                bytes.drain(at..end);
            }
            Damage::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let again = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

fn check(target: Target, name: &str) {
    let seeds = seeds(name);
    let strategy = (prop::sample::select(seeds), prop::collection::vec(damage(), 0..6));
    let config =
        ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let run = runner.run(&strategy, |(seed, all)| {
        target(&damaged(seed, &all));
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn every_target_holds_for_damaged_seeds() {
    for (name, target) in TARGETS {
        check(target, name);
    }
}

#[test]
fn every_target_holds_for_anything() {
    for (_, target) in TARGETS {
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200))| target(&bytes));
        proptest!(|(text in any::<String>())| target(text.as_bytes()));
    }
}
