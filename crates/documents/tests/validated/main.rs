#![cfg(test)]
//! Documents that validators of others were given, byte for byte: every kind of line, tax, seller and script.
//!
//! The test puts them into `target/tmp/invoices`. `scripts/validate-invoices` has them validated, and writes
//! `validated.txt`.

mod cases;
mod draft;
mod rules;
mod shown;

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("invoices")
}

/// What is made of a document, by the ends of the names of its files.
fn made(document: &domain::invoice::Document) -> [(&'static str, Vec<u8>); 3] {
    let pdf = documents::pdf(document).unwrap();
    let xml = documents::xml(document).into_bytes();
    [("html", documents::html(document).unwrap().into_bytes()), ("pdf", pdf), ("xml", xml)]
}

#[test]
fn bytes_are_those_that_were_validated() {
    let folder = folder();
    std::fs::create_dir_all(&folder).unwrap();
    let mut hashes = BTreeMap::new();
    for (name, document) in cases::all() {
        for (end, bytes) in made(&document) {
            let file = format!("{name}.{end}");
            std::fs::write(folder.join(&file), &bytes).unwrap();
            if end != "html" {
                hashes.insert(file, hex::encode(Sha256::digest(&bytes)));
            }
        }
    }
    let validated = include_str!("../validated.txt");
    let lines = validated.lines().filter(|line| !line.starts_with('#'));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let validated: BTreeMap<String, String> =
        words.map(|words| (words[0].to_owned(), words[1].to_owned())).collect();
    let files: BTreeSet<&String> = hashes.keys().chain(validated.keys()).collect();
    let changed: Vec<_> =
        files.into_iter().filter(|file| hashes.get(*file) != validated.get(*file)).collect();
    assert!(
        changed.is_empty(),
        "{changed:?} in {} are not as they were validated: look at them, and run scripts/validate-invoices",
        folder.display()
    );
}

#[test]
fn a_document_makes_the_same_bytes_again() {
    for (name, document) in cases::all() {
        let again = serde_json::from_slice(&serde_json::to_vec(&document).unwrap()).unwrap();
        assert_eq!(document, again, "{name}");
        assert!(made(&document) == made(&again), "{name}");
    }
}
