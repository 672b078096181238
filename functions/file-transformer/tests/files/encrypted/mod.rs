//! Files that are encrypted with OpenPGP.

mod gpg;
mod judged;
mod keys;
mod refused;
mod signed;

use crate::support::{US3_HEADER, World, repository, us3};
use domain::PartnerId;
use domain::partner::Partner;
use file_transformer::dry_run::{self, Beside};
use gpg::Gpg;
use intake::access::Keys;
use intake::ledger::{Outcome, State};
use serde_json::Value;
use std::io::Read as _;

const DECRYPT: &str =
    "      decrypt: {private-key-secret: us3-pgp, signer-key-secret: us3-signer}\n";
const DATES: &str = "      dates: [\"%Y-%m-%dT%H:%M:%S%:z\", \"%Y-%m-%d %H:%M:%S\"]\n";

/// Three orders, one of them with a bad row.
fn orders() -> Vec<u8> {
    let rows = [us3("A1", 1), us3("A2", 2), us3("A3", 0)];
    [US3_HEADER, &rows.concat()].concat().into_bytes()
}

/// A partner as `partners.yml` has it.
fn partner(name: &str) -> Partner {
    let yaml = std::fs::read_to_string(repository().join("partners.yml")).unwrap();
    intake::partners::load(&yaml).unwrap().remove(&PartnerId::parse(name).unwrap()).unwrap()
}

/// What became of a file: a summary and the rejects, or the reason why it is refused.
fn judge(name: &str, partner: &Partner, keys: Option<Keys>, file: &[u8]) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("orders.csv.gpg");
    std::fs::write(&path, file).unwrap();
    let beside = Beside { keys, ..Beside::default() };
    let name = PartnerId::parse(name).unwrap();
    let verdict = dry_run::judge(&name, partner, &beside, &path, dir.path()).unwrap();
    if let Outcome::Refused { reason } = verdict.outcome {
        return Err(reason);
    }
    let receipt: Value = serde_json::from_slice(&verdict.receipt).unwrap();
    let fields = ["rows", "accepted", "rejected", "orders", "found", "columns"];
    let mut text: String = fields.iter().map(|field| format!("{}\n", receipt[field])).collect();
    let mut rejects = verdict.files.unwrap().rejects;
    std::io::Seek::rewind(&mut rejects).unwrap();
    rejects.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn us3_judges(keys: Option<Keys>, file: &[u8]) -> Result<String, String> {
    judge("US3", &partner("US3"), keys, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_and_signed_file_goes_from_the_inbox_to_its_orders() {
    let gpg = Gpg::new();
    gpg.make("ours", ["ed25519", "cv25519"], "");
    gpg.make("theirs", ["ed25519", "cv25519"], "");
    let secrets = [
        ("secrets/us3-pgp", &*gpg.private_key("ours", "")),
        ("secrets/us3-signer", &*gpg.public_key("theirs")),
    ];
    let with = format!("{DECRYPT}{DATES}");
    let world = World::with_tables(DATES, &with, &secrets).await;
    let arguments = ["--sign", "--encrypt", "-u", "theirs", "-r", "ours"];
    let file = gpg.pipe(&arguments, &orders());
    let event = world.put("US3", "orders.csv.gpg", &file);
    let record = world.done(&event).await;
    let counts = record.counts;
    assert_eq!((record.state, counts.rows, counts.rejected, counts.orders), (State::Done, 3, 1, 2));
    // What is kept is what came.
    assert_eq!(world.files("US3")[record.results.original.as_ref().unwrap()], file);
    let published = world.orders().await;
    let ids = published.keys().filter_map(|id| id.split(':').nth(1));
    assert!(ids.eq(["A1", "A2"]), "{published:?}");
    let rejects = world.text("US3", record.results.rejects.as_ref());
    assert!(rejects.lines().nth(1).unwrap().starts_with("4,quantity,"), "{rejects}");

    // Neither a file that is cut nor one that is not encrypted at all.
    let refused = [
        ("cut.csv.gpg", &file[..file.len() - 1], "the encrypted file is damaged"),
        ("orders.csv", &orders(), "the file is not encrypted, as file.decrypt wants it"),
    ];
    for (name, content, expected) in refused {
        let record = world.done(&world.put("US3", name, content)).await;
        let receipt = world.receipt("US3", &record);
        let reason = receipt["reason"].as_str().unwrap();
        assert!(reason.starts_with(expected), "{reason}");
        assert_eq!(world.files("US3")[record.results.original.as_ref().unwrap()], content);
    }
    assert_eq!(world.orders().await, published);
}
