//! What `partners new` finds out about a file, and what the reader finds out with `auto`, is the same.
//! (`propose::agree` asks the same of many more files, without the program.)

use encoding_rs::Encoding;
use serde_json::Value;

use crate::support::{Here, repository, sample};

const HEAD: &str = "order,sku,name,qty,price,date";
const ROWS: [&str; 3] =
    ["1,A,{},2,3.00,2024-01-13", "2,B,{},1,4.50,2024-01-14", "3,C,{},5,1.25,2024-01-15"];

/// A file with this word in every row.
fn file(word: &str) -> String {
    let rows = ROWS.map(|row| row.replace("{}", word));
    format!("{HEAD}\n{}\n", rows.join("\n"))
}

fn in_encoding(name: &str, text: &str) -> Vec<u8> {
    match name {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        name => Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
    }
}

/// How the reader found the file, with what `new` proposes and with `auto` for what both look for.
fn both(here: &Here, bytes: &[u8]) -> (Value, Value) {
    here.write("a.csv", bytes);
    let proposal = here.json(&["new", "a.csv", "--name", "A"]);
    let yaml = proposal["yaml"].as_str().unwrap();
    let auto: Vec<String> = yaml
        .lines()
        .map(|line| match line.trim_start().split(':').next() {
            Some("encoding") => "      encoding: auto".to_owned(),
            Some("delimiter") => "      delimiter: auto".to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    assert_eq!(auto.iter().filter(|line| line.ends_with(": auto")).count(), 2, "{yaml}");
    here.write("a.yml", auto.join("\n"));
    let receipt = here.json(&["check", "a.csv", "--partners", "a.yml"]);
    (proposal, receipt)
}

#[test]
fn what_can_be_told_is_told_alike() {
    let here = Here::new();
    let plain = file("Tasse");
    let texts: [(&str, Vec<u8>); 15] = [
        ("plain", plain.clone().into_bytes()),
        ("utf-8", file("Größe ⌀ 12").into_bytes()),
        ("bom", format!("\u{feff}{}", file("Größe")).into_bytes()),
        ("bom of utf-16", in_encoding("utf-16le", &format!("\u{feff}{}", file("Größe")))),
        ("utf-16le", in_encoding("utf-16le", &plain)),
        ("utf-16be", in_encoding("utf-16be", &plain)),
        ("windows-1252", in_encoding("windows-1252", &file("Größe"))),
        ("iso-2022-jp", in_encoding("iso-2022-jp", &file("歯ブラシ"))),
        ("semicolon", plain.replace(',', ";").into_bytes()),
        ("tab", plain.replace(',', "\t").into_bytes()),
        ("pipe", plain.replace(',', "|").into_bytes()),
        ("sep line", format!("sep=;\n{}", plain.replace(',', ";")).into_bytes()),
        ("a title", format!("My shop\n\n{plain}").into_bytes()),
        ("header again", format!("{plain}{plain}").replace("1,A", "7,A").into_bytes()),
        ("a remark", format!("{plain}\nThank you\nMy shop\n").into_bytes()),
    ];
    for (name, bytes) in texts {
        let (proposal, auto) = both(&here, &bytes);
        let proposed = &proposal["receipt"];
        assert_eq!(proposed["found"], auto["found"], "{name}");
        agrees(name, &proposal);
        for figure in ["rows", "accepted", "rejected"] {
            assert_eq!(proposed[figure], auto[figure], "{name}: {figure}");
        }
        assert!(auto["accepted"].as_u64() >= Some(3), "{name}: {auto}");
    }
}

#[test]
fn what_cannot_be_told_is_unsure_and_the_reader_refuses_it_with_the_same_candidates() {
    let here = Here::new();
    for (name, word) in [
        ("shift_jis", "歯ブラシ"),
        ("euc-kr", "칫솔"),
        ("windows-1251", "Чайник"),
        ("gb18030", "牙刷"),
    ] {
        let (proposal, auto) = both(&here, &in_encoding(name, &file(word)));
        let guesses = proposal["guesses"].as_array().unwrap();
        let guess = guesses.iter().find(|guess| guess["setting"] == "file.encoding").unwrap();
        assert_eq!(guess["confidence"], "unsure", "{name}");
        let (why, refused) = (guess["reason"].as_str().unwrap(), auto["reason"].as_str().unwrap());
        let candidate = format!("{name} ({word})");
        assert!(why.contains(&candidate) && refused.contains(&candidate), "{why}\n{refused}");
        let listed = |text: &str| text.rsplit(": ").next().unwrap().to_owned();
        assert_eq!(listed(why), listed(refused), "{name}");
        assert_eq!(auto["accepted"].as_u64().unwrap_or(0), 0, "{name}");
    }
}

/// The proposal was made from what is then read with it.
#[track_caller]
fn agrees(name: &str, proposal: &Value) {
    let (seen, receipt) = (&proposal["seen"], &proposal["receipt"]);
    let found = &receipt["found"];
    assert_eq!(seen["header_line"], found["header_line"], "{name}");
    assert_eq!(seen["rows"], receipt["rows"], "{name}: {found}");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    assert_eq!(list(&seen["header_again"]), list(&found["header_again"]), "{name}");
    let guesses = proposal["guesses"].as_array().unwrap();
    let footer = guesses.iter().find(|guess| guess["setting"] == "file.footer-lines");
    let footer = footer.map_or("0", |guess| guess["value"].as_str().unwrap());
    assert_eq!(footer, list(&found["footer"]).len().to_string(), "{name}: {found}");
}

#[test]
fn a_proposal_is_made_from_the_rows_that_are_read_with_it() {
    let here = Here::new();
    let mut files: Vec<(String, Vec<u8>)> =
        ["US1/2011-12-09.csv", "US2/orders.csv", "US3/orders.csv"]
            .map(|path| (path.to_owned(), std::fs::read(sample(path)).unwrap()))
            .into();
    let folder = repository().join("crates/cli/tests/offline/files");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(20 < files.len());
    for (name, bytes) in files {
        here.write("a.csv", bytes);
        let proposal = here.json(&["new", "a.csv", "--name", "A"]);
        match &proposal["receipt"]["reason"] {
            Value::Null => agrees(&name, &proposal),
            reason => assert!(name.contains("in-other-order"), "{name}: {reason}"),
        }
    }
}
