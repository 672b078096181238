//! From a file that nobody has configured to a configured partner.

use crate::support::{Here, sample};
use serde_json::Value;

#[track_caller]
fn guess<'a>(proposal: &'a Value, setting: &str) -> (&'a str, &'a str) {
    let guesses = proposal["guesses"].as_array().unwrap();
    let guess = guesses.iter().find(|guess| guess["setting"] == setting).unwrap();
    (guess["value"].as_str().unwrap(), guess["confidence"].as_str().unwrap())
}

#[test]
fn a_file_of_ones_own_becomes_a_partner_in_three_commands() {
    let here = Here::new();
    let file = sample("US1/2011-12-09.csv");
    let (code, text) = here.says(&["new", &file, "--name", "UK1", "--out", "uk1.yml"]);
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("1632 rows: 1625 accepted, 7 rejected"), "{text}");
    assert!(text.contains("orderflow partners add uk1.yml"), "{text}");
    let yaml = here.read("uk1.yml");
    assert!(yaml.contains("customer-id: \"CustomerID\""), "{yaml}");
    // The file names no currency, which decides what its orders cost.
    let (code, text) = here.says(&["add", "uk1.yml"]);
    assert!(code == 1 && text.contains("currency: USD"), "{text}");
    let corrected =
        yaml.replace("currency: USD", "currency: GBP").replace("# unsure: the file names no", "#");
    here.write("uk1.yml", corrected);

    let (code, text) = here.says(&["add", "uk1.yml"]);
    assert_eq!((code, text.as_str()), (0, "UK1 is in partners.yml\n"));
    assert!(here.read("partners.yml").contains("# sure: "), "comments go with it");
    let (code, _) = here.says(&["check", &file, "--partner", "UK1"]);
    assert_eq!(code, 6);

    // Again, it is there already, and nothing changes.
    let before = here.read("partners.yml");
    let (code, text) = here.says(&["add", "uk1.yml"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("UK1 is there already; --replace"), "{text}");
    assert_eq!(here.read("partners.yml"), before);
    assert_eq!(here.says(&["add", "uk1.yml", "--replace"]).0, 0);
    assert_eq!(here.read("partners.yml"), before);
    let (code, text) = here.says(&["new", &file, "--out", "uk1.yml"]);
    assert_eq!(code, 1);
    assert!(text.contains("uk1.yml is there already"), "{text}");
}

#[test]
fn what_a_spreadsheet_in_europe_writes_is_recognised() {
    let here = Here::new();
    let proposal = here.json(&["new", &sample("US2/orders.csv"), "--name", "ES1"]);
    assert_eq!(guess(&proposal, "file.delimiter"), (";", "sure"));
    assert_eq!(guess(&proposal, "file.encoding"), ("windows-1252", "likely"));
    assert_eq!(guess(&proposal, "file.decimal-mark"), (",", "sure"));
    assert_eq!(guess(&proposal, "currency"), ("EUR", "sure"));
    assert_eq!(guess(&proposal, "file.columns.order-id"), ("N° de commande", "sure"));
    assert_eq!(guess(&proposal, "file.columns.unit-price").0, "Prix unitaire (€)");
    assert_eq!(guess(&proposal, "file.columns.region"), ("País", "sure"));
    // The same two bad rows, and the order of one of them, as by the configuration made by hand.
    let receipt = &proposal["receipt"];
    assert_eq!((receipt["rows"].as_u64(), receipt["accepted"].as_u64()), (Some(12), Some(9)));
}

#[test]
fn a_packed_file_is_looked_into() {
    let here = Here::new();
    let file = sample("US2/orders.csv");
    let packed = std::process::Command::new("gzip").args(["-c", &file]).output().unwrap().stdout;
    let path = here.path("orders.csv.gz");
    std::fs::write(&path, packed).unwrap();
    let of = |file: &str| here.json(&["new", file, "--name", "ES1"])["guesses"].take();
    assert_eq!(of(path.to_str().unwrap()), of(&file));
}

#[test]
fn a_day_that_may_be_a_month_is_said_aloud() {
    let here = Here::new();
    here.write("a.csv", "order,sku,qty,price,date\n1,A,2,3.00,01/02/2024\n2,B,1,1.00,03/04/2024\n");
    let output = here.partners(&["new", "a.csv"]);
    let [yaml, report] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("AMBIGUOUS: 01/02/2024 may be %d/%m/%Y or %m/%d/%Y"), "{report}");
    assert!(report.contains("please look at what is only guessed"), "{report}");
    // What stands on standard output is the configuration and nothing else.
    here.write("new.yml", &yaml);
    let (code, text) = here.says(&["add", "new.yml"]);
    assert!(code == 1 && text.contains("AMBIGUOUS") && text.contains("currency: USD"), "{text}");
    assert!(report.contains("time-zone"), "{report}");
    // Once somebody has looked at these lines, it is added.
    let looked_at = |line: &str| match line.trim_start() {
        text if text.starts_with("dates") || text.starts_with("currency") => {
            line.replace("# unsure", "# looked at")
        }
        _ => line.to_owned(),
    };
    here.write("new.yml", yaml.lines().map(looked_at).collect::<Vec<_>>().join("\n"));
    let (code, text) = here.says(&["add", "new.yml"]);
    assert_eq!((code, text.as_str()), (0, "NEW is in partners.yml\n"));
}

#[test]
fn other_money_does_not_become_the_partners() {
    let here = Here::new();
    let head = "order,sku,qty,price,date\n";
    let row = |n: usize, price: &str| format!("{n},A,1,{price},2024-01-13\n");
    let rows =
        |prices: &[&str]| -> String { (1..).zip(prices).map(|(n, price)| row(n, price)).collect() };
    let prices = ["€1.50", "2.00 €", "€ 3.00", "EUR 4.00", "$ 12.50", "£12.50"];
    here.write("a.csv", format!("{head}{}", rows(&prices)));
    let proposal = here.json(&["new", "a.csv"]);
    assert_eq!(guess(&proposal, "currency"), ("EUR", "unsure"));
    assert_eq!(guess(&proposal, "file.currency-signs"), ("EUR €", "unsure"));
    let receipt = &proposal["receipt"];
    assert_eq!((&receipt["accepted"], &receipt["rejected"]), (&4.into(), &2.into()), "{receipt:#}");
    here.says(&["new", "a.csv", "--out", "a.yml"]);
    let (code, text) = here.says(&["add", "a.yml"]);
    assert!(code == 1 && text.contains("\"$\" (1 row), \"£\" (1 row)"), "{text}");
    for line in ["currency: EUR", "currency-signs: ["] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{text}");
    }
    // Five currencies, and those of one's own in every row.
    here.write("b.csv", format!("{head}{}", rows(&["$1", "$2", "US$3", "A$4", "C$5", "6 kr"])));
    let proposal = here.json(&["new", "b.csv"]);
    assert_eq!(guess(&proposal, "file.currency-signs"), ("US$ $", "unsure"));
    assert_eq!(proposal["receipt"]["accepted"], 3);
    here.write("c.csv", format!("{head}{}", rows(&["€1.50", "EUR 2.00"])));
    here.says(&["new", "c.csv", "--name", "C", "--out", "c.yml"]);
    assert_eq!(here.says(&["add", "c.yml"]), (0, "C is in partners.yml\n".to_owned()));
}

#[test]
fn a_needed_column_that_is_only_guessed_is_not_added_unseen() {
    let here = Here::new();
    here.write("a.csv", "a1,b2,c3,d4,e5\nO-1,P-1,2,3.00,2024-01-01\nO-2,P-2,3,6.00,2024-01-02\n");
    assert_eq!(here.says(&["new", "a.csv", "--out", "a.yml"]).0, 0);
    let (code, text) = here.says(&["add", "a.yml"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("quantity: \"c3\"") && text.contains("--accept-unsure"), "{text}");
    assert_eq!(here.says(&["add", "a.yml", "--accept-unsure"]).0, 0);
    // So is one that somebody has looked at.
    here.write("b.yml", here.read("a.yml").replace("NEW:", "B:").replace("# unsure", "# seen"));
    assert_eq!(here.says(&["add", "b.yml"]).0, 0);
    // And a text in an encoding that is not the one guessed.
    let mut file = b"order,sku,qty,price EUR,date,text\n1,A,2,3.00,2024-01-01,".to_vec();
    file.extend(b"\xd7\xe0\xe9\xed\xe8\xea\n");
    here.write("c.csv", file);
    here.says(&["new", "c.csv", "--name", "C", "--out", "c.yml"]);
    let (code, text) = here.says(&["add", "c.yml"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("encoding: windows-1252") && text.contains("windows-1251 (Чайник)"),
        "{text}"
    );
}

#[test]
fn what_is_no_table_of_orders_says_what_is_missing() {
    let here = Here::new();
    here.write("a.csv", "name of dog,colour,age\nRex,red,x\n");
    here.write("b.csv", b"PK\x03\x04\0\0\0");
    here.write("c.csv", b"a,b\0\n");
    here.write("d.csv", "order,sku,qty\n");
    for (args, expected) in [
        (&["new", "a.csv"][..], "name it with --column product-id=NAME"),
        (&["new", "a.csv", "--column", "price=x"], "is \"price\"; known are order-id"),
        (&["new", "a.csv", "--column", "order-id=x"], "the file has no such column"),
        (&["new", "b.csv"], "cannot read b.csv: the zip file cannot be taken"),
        (&["new", "c.csv"], "zero bytes"),
        (&["new", "d.csv"], "no row behind the names of the columns"),
        (&["new", "gone.csv"], "cannot read gone.csv"),
        (&["new", "a.csv", "--name", "a b"], "invalid value"),
    ] {
        let (code, text) = here.says(args);
        assert!(code == 1 || code == 2, "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
    }
}

#[test]
fn what_cannot_be_read_says_what_would_help() {
    let here = Here::new();
    let table = "注文番号,商品コード,数量,単価,日付,顧客\nA1,P1,2,3.00,2024-01-01,歯ブラシ\n";
    here.write("jp.csv", &encoding_rs::SHIFT_JIS.encode(table).0);
    let (code, text) = here.says(&["new", "jp.csv"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--encoding") && text.contains("shift_jis (注文番号"), "{text}");
    let columns = [
        "order-id=注文番号",
        "product-id=商品コード",
        "quantity=数量",
        "unit-price=単価",
        "ordered-at=日付",
    ];
    let columns = columns.iter().flat_map(|column| ["--column", *column]);
    let args = ["new", "jp.csv", "--encoding", "sjis"].into_iter().chain(columns);
    let proposal = here.json(&args.collect::<Vec<_>>());
    assert_eq!(guess(&proposal, "file.encoding"), ("shift_jis", "sure"));
    assert_eq!(guess(&proposal, "file.columns.order-id"), ("注文番号", "sure"));
    assert_eq!(proposal["receipt"]["accepted"], 1, "{proposal:#}");
    let (code, text) = here.says(&["new", "jp.csv", "--encoding", "klingon"]);
    assert!(code == 2 && text.contains("known are auto"), "{text}");

    for rows in
        ["O-1,P-1,2,3.00,2024-01-01\n", "O-1,P-1,2,3.00,2024-01-01\nO-2,P-1,1,3.00,2024-01-02\n"]
    {
        here.write("rows.csv", rows);
        let (code, text) = here.says(&["new", "rows.csv"]);
        let expected =
            "O-1, P-1, 2, 3.00, 2024-01-01; it looks like a row: put a line with the names";
        assert!(code == 1 && text.contains(expected), "{text}");
    }
}

#[test]
fn a_partner_that_would_break_the_configuration_is_not_added() {
    let here = Here::new();
    let ours = "# Ours.\npartners:\n  A: {currency: EUR}  # of old\n";
    here.write("partners.yml", ours);
    here.write("bad.yml", "partners:\n  B: {currency: euro}\n");
    here.write("none.yml", "partners: {}\n");
    here.write("good.yml", "# Theirs.\npartners:\n  B:\n    currency: EUR  # why\n");
    for (file, expected) in [
        ("bad.yml", "partners.B.currency: is \"euro\""),
        ("none.yml", "none.yml has no partner"),
        ("gone.yml", "cannot read gone.yml"),
    ] {
        let (code, text) = here.says(&["add", file]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(expected), "{text}");
        assert_eq!(here.read("partners.yml"), ours);
    }
    assert_eq!(here.says(&["add", "good.yml"]).0, 0);
    assert_eq!(here.read("partners.yml"), format!("{ours}  B:\n    currency: EUR  # why\n"));
}

/// As a marketplace and a shop system write them.
#[test]
fn exports_of_well_known_programs_are_read_as_proposed() {
    let here = Here::new();
    here.write(
        "auction.csv",
        "\n\"Sales Record Number\",\"Order Number\",\"Buyer Username\",\"Item Title\",\
         \"Custom Label\",\"Quantity\",\"Sold For\",\"Total Price\",\"Sale Date\"\n\
         \"101\",\"07-1\",\"ann_b\",\"Lamp, brass\",\"L-1\",\"1\",\"$1,012.99\",\"$1,012.99\",\"Dec-09-24\"\n\
         \"102\",\"07-2\",\"bob\",\"Cup\",\"C-2\",\"2\",\"$4.00\",\"$8.00\",\"Dec-30-24\"\n\
         \n\"2\",\"record(s) downloaded\"\nSeller ID : shop\n",
    );
    here.write(
        "shop.csv",
        "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Currency\n\
         #1001,ann@example.com,2024-12-09 08:39:00 -0500,1,Lamp,12.50,L-1,EUR\n\
         #1001,,,2,Cup,4.00,C-2,\n\
         #1002,bob@example.com,2024-12-30 09:00:00 -0500,1,Cup,4.00,C-2,EUR\n",
    );
    for (file, rows, orders, total) in
        [("auction.csv", 2, 2, "1020.99"), ("shop.csv", 3, 2, "24.50")]
    {
        let proposal = here.json(&["new", file]);
        let receipt = &proposal["receipt"];
        assert_eq!(receipt["accepted"], rows, "{file}: {proposal:#}");
        assert_eq!(
            (&receipt["rejected"], &receipt["orders"]["sales"]),
            (&0.into(), &orders.into())
        );
        assert_eq!(receipt["orders"]["sales_total"], total, "{file}");
    }
}
