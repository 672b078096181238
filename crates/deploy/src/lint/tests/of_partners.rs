//! What the stack and partners.yml say of each other.

use stack::partners;

use super::*;

#[tokio::test]
async fn a_function_that_reaches_folders_needs_the_logins_of_partners() {
    let host_key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    let folders = partners::Folders { port: 22, user: "orderflow", host_key };
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = partners::with_folders(partners::BUILT_IN, &folders).unwrap();
    std::fs::write(file.path(), text).unwrap();
    let subject = Subject { partners: Some(file.path().to_owned()), ..subject() };

    let missing = found(stack::BUILT_IN, &subject).await;
    assert_eq!(missing.len(), 9, "three partners, three functions: {missing:?}");
    assert!(missing.iter().all(|found| found.contains(" secret-unlisted ")), "{missing:?}");

    let keys = "partners.yml, sftp-key-us1, sftp-key-us2, sftp-key-us3]";
    let listed = stack::BUILT_IN.replace("partners.yml]", keys);
    let mut listed = found(&listed, &subject).await;
    listed.dedup();
    let unused = listed.iter().filter(|found| found.contains(" secret-unused "));
    assert_eq!(
        listed.len(),
        5,
        "billing, inventory, notifier, order-ingest and order-processor reach no folder: {listed:?}"
    );
    assert_eq!(unused.count(), 5, "{listed:?}");
}

#[tokio::test]
async fn who_reads_files_needs_the_tables_and_keys_that_partners_name() {
    let folders = partners::Folders {
        port: 22,
        user: "orderflow",
        host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    };
    let dir = tempfile::tempdir().unwrap();
    let text = partners::BUILT_IN
        .replacen("  US1:\n", "  US1:\n    catalogue: catalogue.csv\n", 1)
        .replacen("    file:\n", "    file:\n      decrypt: {private-key-secret: us1-pgp}\n", 1);
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, partners::with_folders(&text, &folders).unwrap()).unwrap();
    let subject = Subject { partners: Some(path), ..subject() };
    let findings = look(stack::BUILT_IN, &subject, |_| None).await;
    let said: String = findings.all().iter().map(|found| format!("{}\n", found.wrong)).collect();
    for secret in ["catalogue.csv", "us1-pgp"] {
        let line = format!("the function needs {secret:?}, which is not in its list");
        assert_eq!(said.matches(&line).count(), 1, "{said}");
    }
}

/// A partner of another warehouse than those that have a lane.
#[tokio::test]
async fn a_warehouse_without_a_lane_is_found_with_the_line_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let partners = folder.path().join("partners.yml");
    let text = partners::BUILT_IN.replacen("  US1:\n", "  US1:\n    warehouse: w2\n", 1);
    assert_ne!(text, partners::BUILT_IN);
    std::fs::write(&partners, text).unwrap();
    let subject = Subject { partners: Some(partners), ..subject() };
    let lanes = |lanes: &str| {
        let lines: Vec<_> = stack::BUILT_IN.lines().collect();
        let at = lines.iter().position(|line| line.contains("orderflow.lanes:")).unwrap();
        let (key, _) = lines[at].split_once(':').unwrap();
        let text = stack::BUILT_IN.replace(lines[at], &format!("{key}: {lanes}"));
        (at + 1, text)
    };
    let place = "functions.order-processor.annotations.orderflow.lanes";
    for (given, warehouses) in [("main w2", 0), ("main", 1), ("w3", 2)] {
        let (line, text) = lanes(given);
        let expected = vec![format!("{line} lane {place}"); warehouses];
        assert_eq!(found(&text, &subject).await, expected, "{given}");
    }
    for given in ["main", "main,w2"] {
        let findings = look(&lanes(given).1, &subject, |_| None).await;
        let finding = findings.all().iter().find(|one| one.wrong.contains("warehouse w2 of US1"));
        let finding = finding.unwrap();
        assert!(finding.mend.contains("orderflow.lanes: \"main w2\""), "{finding:?}");
        assert!(finding.mend.contains("start `orderflow up` again"), "{finding:?}");
    }
}

#[test]
fn what_may_not_be_meant_of_partners_has_its_file_and_line() {
    let subject = subject();
    let mut findings = Findings::default();
    policies::look(&subject, &mut findings);
    let lines = findings.lines(Path::new("stack.yml"), |_| true);
    let file = subject.partners.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let at = |part: &str| {
        let line = 1 + text.lines().position(|line| line.contains(part)).unwrap();
        format!("{}:{line}: warning", file.display())
    };
    let expected = [
        format!(
            "{} partner-folder: partners.US1.sftp: no `sftp` for US1, US2, US3: `orderflow up` gives \
             each a folder of its own, and an installation looks for no files of them; add `sftp`",
            at("  US1:")
        ),
        format!("{} stock-policy: partners.US2.stock: warehouse main", at("stock: ignore")),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&expected), "{expected}: {line}");
    }
}
