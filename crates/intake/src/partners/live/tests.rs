use super::*;

const ONE: &str = "partners:\n  A: {currency: EUR}\n";
/// A partner with files, whose last section may go on.
const FILES: &str = "partners:
  A:
    currency: EUR
    sftp:
      host: h
      user: u
      host-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
      password-secret: a
    file:
      columns: {order-id: o, product-id: p, quantity: q, unit-price: u, ordered-at: d}
";

fn source(path: PathBuf) -> Source {
    Source::open(Some(path), Box::new(|_| Err("no secrets".into())), |wrong| panic!("{wrong}"))
        .unwrap()
}

#[test]
fn a_change_is_taken_over_only_if_all_of_it_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, ONE).unwrap();
    let (source, look) = source(path.clone()).look();
    assert!(matches!(look, Look::Same));

    std::fs::write(&path, "partners:\n  A: {currency: euro}\n").unwrap();
    let (source, look) = source.look();
    let Look::Bad(problems) = look else { panic!("it was taken") };
    assert_eq!(problems[0].place, "partners.A.currency");
    assert_eq!(source.current.partners.len(), 1);
    let (source, look) = source.look();
    assert!(matches!(look, Look::Same), "it is said once");

    std::fs::write(&path, format!("{ONE}  B: {{currency: USD}}\n")).unwrap();
    let (source, look) = source.look();
    assert!(matches!(look, Look::New));
    assert_eq!(source.current.partners.len(), 2);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(source.look().1, Look::Bad(..)));
}

#[test]
fn what_the_reader_of_a_configuration_finds_wrong_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, ONE).unwrap();
    let check: Check = |found| {
        let wrong = found.partners.keys().filter(|name| name.as_str() == "B");
        wrong.map(|name| Problem::new(name.to_string(), "wrong")).collect()
    };
    let secrets: Secrets = Box::new(|_| Err("no secrets".into()));
    let open = |path, secrets| Source::open_for_files(Some(path), secrets, check, drop);
    let source = open(path.clone(), secrets).unwrap();
    std::fs::write(&path, format!("{ONE}  B: {{currency: USD}}\n")).unwrap();
    let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
    assert_eq!(problems[0].to_string(), "B: wrong");
    assert_eq!(source.current.partners.len(), 1);
    assert!(open(path, Box::new(|_| Err("no secrets".into()))).is_none());
}

#[test]
fn a_partner_stays_with_its_warehouse() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, ONE).unwrap();
    let mut source = source(path.clone());
    let west = "partners:\n  A: {currency: EUR, warehouse: west}\n";
    // Also one that was away for a while.
    for before in [ONE, "partners:\n  B: {currency: EUR}\n"] {
        std::fs::write(&path, before).unwrap();
        source = source.look().0;
        std::fs::write(&path, west).unwrap();
        let (back, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
        source = back;
        assert_eq!(
            problems[0].to_string(),
            "partners.A.warehouse: was main; a partner's warehouse never changes"
        );
    }
}

#[test]
fn a_secret_that_changes_is_a_change_and_a_missing_one_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, FILES).unwrap();
    let secret = dir.path().join("a");
    std::fs::write(&secret, "one").unwrap();
    let place = secret.clone();
    let secrets: Secrets =
        Box::new(move |_| std::fs::read_to_string(&place).map_err(|error| error.to_string()));
    let source = Source::open(Some(path), secrets, |wrong| panic!("{wrong}")).unwrap();
    assert_eq!(source.current.accounts.len(), 1);
    std::fs::write(&secret, "two").unwrap();
    let (source, look) = source.look();
    assert!(matches!(look, Look::New));
    std::fs::remove_file(&secret).unwrap();
    let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
    assert_eq!(problems[0].place, "secret a");
    assert_eq!(source.current.accounts.len(), 1);
}

#[test]
fn a_look_up_that_changes_is_a_change_and_a_missing_one_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    let looks_up = format!("{FILES}      transform: {{look-ups: {{x: x.csv}}}}\n");
    std::fs::write(&path, looks_up).unwrap();
    let table = dir.path().join("x.csv");
    std::fs::write(&table, "from,to\na,1\n").unwrap();
    let open = || {
        let secrets: Secrets = Box::new(|_| Ok("secret".into()));
        Source::open_for_files(Some(path.clone()), secrets, |_| Vec::new(), drop)
    };
    let looked_up = |source: &Source| {
        let account = source.current.accounts.values().next().unwrap();
        assert_eq!(account.settings.file.as_ref(), Some(&account.format));
        serde_json::to_string(&account.format.transform.as_ref().unwrap().look_ups).unwrap()
    };
    let source = open().unwrap();
    assert_eq!(looked_up(&source), r#"{"x":{"a":"1"}}"#);
    std::fs::write(&table, "from,to\na,2\n").unwrap();
    let (source, look) = source.look();
    assert!(matches!(look, Look::New));
    assert_eq!(looked_up(&source), r#"{"x":{"a":"2"}}"#);
    std::fs::remove_file(&table).unwrap();
    let (source, Look::Bad(problems)) = source.look() else { panic!("it was taken") };
    assert_eq!(problems[0].place, "partners.A.file.transform.look-ups.x");
    assert_eq!(looked_up(&source), r#"{"x":{"a":"2"}}"#);
    assert!(open().is_none());
}

#[test]
fn only_who_reads_files_has_the_keys_of_encrypted_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    let decrypt = "      decrypt: {private-key-secret: b, passphrase-secret: c}\n";
    std::fs::write(&path, format!("{FILES}{decrypt}")).unwrap();
    let known = |names: &'static [&str]| -> Secrets {
        let found = |name: &str| names.contains(&name).then(|| format!("text of {name}"));
        Box::new(move |name| found(name).ok_or_else(|| "missing".into()))
    };
    let source = Source::open(Some(path.clone()), known(&["a"]), |wrong| panic!("{wrong}"));
    assert!(source.unwrap().current.accounts.values().all(|account| account.keys.is_none()));
    let open = |secrets, report: &mut dyn FnMut(Problem)| {
        Source::open_for_files(Some(path.clone()), secrets, |_| Vec::new(), report)
    };
    let source = open(known(&["a", "b", "c"]), &mut |wrong| panic!("{wrong}")).unwrap();
    let keys = source.current.accounts.values().next().unwrap().keys.clone().unwrap();
    assert_eq!(keys.private_key, "text of b");
    assert_eq!(keys.passphrase.as_deref(), Some("text of c"));
    // All that are missing are said at once.
    let mut missing = Vec::new();
    assert!(open(known(&[]), &mut |wrong| missing.push(wrong.place)).is_none());
    assert_eq!(missing, ["secret a", "secret b", "secret c"]);
}
