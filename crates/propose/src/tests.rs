//! Tests of whole proposals.

use super::aliases::Role;
use super::guess::*;
use super::proposal::*;

mod odd;
mod persons;

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) -> Proposal {
    let proposal = propose(text.as_bytes(), true, &[]).unwrap();
    let guesses = proposal.guesses();
    for (setting, value) in expected {
        let found = guesses.iter().find(|guess| guess["setting"] == *setting);
        let found = found.unwrap_or_else(|| panic!("no {setting} in {guesses:#?}"));
        assert_eq!(found["value"], *value, "{setting}: {}", found["reason"]);
    }
    let name = domain::PartnerId::parse("NEW").unwrap();
    let yaml = proposal.yaml(&name, "a.csv");
    intake::partners::load(&yaml).unwrap_or_else(|problems| panic!("{problems:?}\n{yaml}"));
    proposal
}

#[test]
fn a_german_shop() {
    check(
        "Bestellnummer;Artikelnummer;Bezeichnung;Menge;Einzelpreis EUR;Bestelldatum;Kundennummer\n\
         B1;A-1;Seife;2;1,50;29.12.2024 08:39;K1\nB2;A-2;Tuch;1;12,00;30.12.2024 09:00;K2\n",
        &[
            ("currency", "EUR"),
            ("file.delimiter", ";"),
            ("file.decimal-mark", ","),
            ("file.dates", "%d.%m.%Y %H:%M"),
            ("file.columns.order-id", "Bestellnummer"),
            ("file.columns.product-id", "Artikelnummer"),
            ("file.columns.description", "Bezeichnung"),
            ("file.columns.quantity", "Menge"),
            ("file.columns.unit-price", "Einzelpreis EUR"),
            ("file.columns.ordered-at", "Bestelldatum"),
            ("file.columns.customer-id", "Kundennummer"),
            ("rules.customer-required", "true"),
        ],
    );
}

#[test]
fn an_export_of_an_auction_house() {
    check(
        "\n\"Sales Record Number\",\"Order Number\",\"Buyer Username\",\"Item Title\",\"Custom Label\",\
         \"Quantity\",\"Sold For\",\"Total Price\",\"Sale Date\"\n\
         \"101\",\"07-1\",\"ann_b\",\"Lamp, brass\",\"L-1\",\"1\",\"$1,012.99\",\"$1,012.99\",\"Dec-09-24\"\n\
         \"102\",\"07-2\",\"bob\",\"Cup\",\"C-2\",\"2\",\"$4.00\",\"$8.00\",\"Dec-30-24\"\n\
         \n\"2\",\"record(s) downloaded\"\nSeller ID : shop\n",
        &[
            ("currency", "USD"),
            ("file.thousands-mark", ","),
            ("file.currency-signs", "$"),
            ("file.footer-lines", "2"),
            ("file.dates", "%b-%d-%y"),
            ("file.columns.order-id", "Order Number"),
            ("file.columns.product-id", "Custom Label"),
            ("file.columns.unit-price", "Sold For"),
            ("file.columns.customer-id", "Buyer Username"),
            ("file.columns.description", "Item Title"),
        ],
    );
}

#[test]
fn an_export_of_a_shop_whose_rows_continue_an_order() {
    let proposal = check(
        "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Currency\n\
         #1001,ann@example.com,2024-12-09 08:39:00 -0500,1,Lamp,12.50,L-1,EUR\n\
         #1001,,,2,Cup,4.00,C-2,\n#1002,bob@example.com,2024-12-30 09:00:00 -0500,1,Cup,4.00,C-2,EUR\n",
        &[
            ("currency", "EUR"),
            ("file.continued-rows", "true"),
            ("file.dates", "%Y-%m-%d %H:%M:%S%:z"),
            ("file.columns.order-id", "Name"),
            ("file.columns.product-id", "Lineitem sku"),
            ("file.columns.quantity", "Lineitem quantity"),
            ("file.columns.description", "Lineitem name"),
            ("file.columns.customer-id", "Email"),
            ("rules.customer-required", "true"),
        ],
    );
    assert_eq!(proposal.footer_lines, None);
}

#[test]
fn a_total_is_told_from_a_price_by_multiplication() {
    let proposal = check(
        "order,sku,qty,price,single,date\n1,A,2,3.00,1.50,2024-01-01\n2,B,3,6.00,2.00,2024-01-02\n",
        &[("file.columns.unit-price", "single")],
    );
    assert_eq!(proposal.unused, ["price"]);
    let proposal = check(
        "order,sku,qty,price,total,date\n1,A,2,3.00,6.00,2024-01-01\n2,B,3,6.00,18.00,2024-01-02\n",
        &[("file.columns.unit-price", "price")],
    );
    let (_, price) = proposal.columns.iter().find(|(role, _)| *role == Role::UnitPrice).unwrap();
    assert_eq!((price.trust, price.why.as_str()), (Trust::Sure, "quantity × it = \"total\""));
}

#[test]
fn columns_with_unknown_names_are_found_by_content_and_unsure() {
    let proposal = check(
        "a1,b2,c3,d4,e5\nO-1,P-1,2,3.00,2024-01-01\nO-2,P-2,3,6.00,2024-01-02\nO-2,P-3,1,6.00,2024-01-02\n",
        &[
            ("file.columns.order-id", "a1"),
            ("file.columns.product-id", "b2"),
            ("file.columns.quantity", "c3"),
            ("file.columns.unit-price", "d4"),
            ("file.columns.ordered-at", "e5"),
        ],
    );
    assert!(proposal.columns.iter().all(|(_, guess)| guess.trust == Trust::Unsure));
}

#[test]
fn returns_have_a_letter_in_front_only_if_all_do() {
    let file = |third: &str| {
        format!(
            "InvoiceNo,StockCode,Quantity,UnitPrice,InvoiceDate\n1,A,2,3.00,2024-01-01\n\
             C2,B,-1,6.00,2024-01-02\n{third},B,-1,6.00,2024-01-02\n"
        )
    };
    check(&file("C3"), &[("rules.return-prefix", "C")]);
    let proposal = check(&file("3"), &[]);
    assert_eq!(proposal.return_prefix, None);
}

#[test]
fn a_column_that_was_named_by_hand_is_taken() {
    let text = "x,y,sku,qty,price,date\n1,7,A,2,3.00,2024-01-01\n";
    let named = [(Role::OrderId, "Y".to_owned())];
    let proposal = propose(text.as_bytes(), true, &named).unwrap();
    let (role, guess) = &proposal.columns[0];
    assert_eq!((*role, guess.value.as_str(), guess.trust), (Role::OrderId, "y", Trust::Sure));
    let named = [(Role::OrderId, "z".to_owned())];
    let error = propose(text.as_bytes(), true, &named).unwrap_err().to_string();
    assert!(error.starts_with("--column order-id=z: the file has no such column"), "{error}");
}

#[test]
fn missing_columns_are_named_with_those_of_the_file() {
    let error = propose(b"name of dog,colour,age\nRex,red,x\n", true, &[]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("product-id, quantity, unit-price, ordered-at"), "{text}");
    assert!(text.contains("name of dog"), "{text}");
}

#[test]
fn text_of_a_file_cannot_leave_its_comment_or_its_quotes() {
    let text = "\"order\n  evil: 1\",sku,qty,price,date,\"c: #\u{7}\"\n1,A,2,3.00,2024-01-01,x\n";
    let proposal = propose(text.as_bytes(), true, &[]).unwrap();
    let name = domain::PartnerId::parse("NEW").unwrap();
    let yaml = proposal.yaml(&name, "a\nb.csv");
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&yaml).unwrap();
    assert_eq!(value["partners"]["NEW"]["file"]["columns"]["order-id"], "order evil: 1");
}

#[track_caller]
fn trust(text: &str, role: Role) -> Trust {
    let proposal = propose(text.as_bytes(), true, &[]).unwrap();
    proposal.columns.iter().find(|(found, _)| *found == role).unwrap().1.trust
}

#[test]
fn a_name_that_its_values_contradict_is_unsure() {
    let head = "order,sku,qty,price,date";
    let good = format!("{head}\n1,A,2,3.00,2024-01-01\n2,B,3,6.00,2024-01-02\n");
    for role in [Role::OrderId, Role::ProductId, Role::Quantity, Role::UnitPrice] {
        assert_eq!(trust(&good, role), Trust::Sure, "{role:?}");
    }
    // A total that is not quantity × price.
    let text = format!("{head},total\n1,A,2,3.00,2024-01-01,3.00\n2,B,3,6.00,2024-01-02,6.00\n");
    assert_eq!(trust(&text, Role::UnitPrice), Trust::Unsure);
    // A postal code as price, a number as quantity, and a price as order.
    let text = format!("{head}\n1,A,2,80331,2024-01-01\n2,B,3,10115,2024-01-02\n");
    assert_eq!(trust(&text, Role::UnitPrice), Trust::Unsure);
    let text = format!("{head}\n1,A,2,01067,2024-01-01\n2,B,3,99,2024-01-02\n");
    assert_eq!(trust(&text, Role::UnitPrice), Trust::Unsure);
    let text = format!("{head}\n1,A,40017,3.00,2024-01-01\n2,B,40018,6.00,2024-01-02\n");
    assert_eq!(trust(&text, Role::Quantity), Trust::Unsure);
    let text = format!("{head}\n1.50,A,2,3.00,2024-01-01\n2.50,B,3,6.00,2024-01-02\n");
    assert_eq!(trust(&text, Role::OrderId), Trust::Unsure);
}

#[test]
fn a_shop_that_never_quotes() {
    check(
        "order\tsku\tqty\tprice\tdate\ttext\n1\tA\t2\t3.00\t2024-01-01\tMonitor 27\"\n\
         2\tB\t1\t3.00\t2024-01-01\t\"Cosy throw\n3\tB\t1\t3.00\t2024-01-01\tCup\n\
         4\tB\t1\t3.00\t2024-01-01\tPan 10\"\n",
        &[("file.quote", "none"), ("file.delimiter", "\t")],
    );
    let text = "order,sku,qty,price,date,text\n1,A,2,3.00,2024-01-01,\"27\"\", wide\"\n";
    assert_eq!(check(text, &[]).quotes, None);
}

#[test]
fn a_footer_is_likely_only_where_it_cannot_be_a_row_that_is_cut() {
    let rows = "order,sku,qty,price,date\n1,A,2,3.00,2024-01-01\n2,B,3,6.00,2024-01-02\n";
    let footer = |end: &str| {
        let proposal = propose(format!("{rows}{end}").as_bytes(), true, &[]).unwrap();
        proposal.footer_lines.map(|guess| (guess.value, guess.trust))
    };
    assert_eq!(footer(""), None);
    assert_eq!(footer("End of report\n"), Some((1, Trust::Unsure)));
    assert_eq!(footer("3,A"), Some((1, Trust::Unsure)));
    assert_eq!(footer("2 rows\nEnd of report"), Some((2, Trust::Unsure)));
    assert_eq!(footer("2 rows\nEnd of report\n"), Some((2, Trust::Likely)));
}

#[test]
fn a_column_of_currencies_is_proposed_and_the_usual_one_is_the_partners() {
    let proposal = check(
        "order,sku,qty,price,date,currency\n1,A,2,3.00,2024-01-01,SEK\n2,B,3,6.00,2024-01-02,EUR\n\
         3,B,3,6.00,2024-01-02,EUR\n",
        &[("currency", "EUR"), ("file.columns.currency", "currency")],
    );
    assert_eq!(proposal.currency.trust, Trust::Unsure);
}

#[test]
fn a_header_that_stands_again_is_no_row() {
    let text = "order,sku,qty,price,date\n1,A,2,3.00,2024-01-01\nOrder,SKU,Qty,Price,Date\n2,B,3,6.00,2024-01-02\n";
    for role in [Role::Quantity, Role::UnitPrice, Role::OrderedAt] {
        assert_eq!(trust(text, role), Trust::Sure, "{role:?}");
    }
}

#[test]
fn a_column_of_currencies_is_known_by_other_names_and_by_what_it_holds() {
    for (name, codes, expected, trust) in [
        ("Ccy", ["GBP", "EUR", "GBP"], "GBP", Trust::Unsure),
        ("in", ["GBP", "GBP", "GBP"], "GBP", Trust::Sure),
        ("Currency", ["US Dollar", "US Dollar", "€"], "USD", Trust::Unsure),
        ("Currency", ["Euro", "", "€"], "EUR", Trust::Sure),
        ("Currency", ["THB", "THB", "XYZ"], "THB", Trust::Unsure),
    ] {
        let rows = (1..).zip(codes).map(|(n, code)| format!("{n},A,2,3.00,2024-01-01,{code}\n"));
        let text = format!("order,sku,qty,price,date,{name}\n{}", rows.collect::<String>());
        let proposal = check(&text, &[("currency", expected), ("file.columns.currency", name)]);
        assert_eq!(proposal.currency.trust, trust, "{name}: {}", proposal.currency.why);
        // The column is used.
        assert!(proposal.unused.is_empty(), "{:?}", proposal.unused);
    }
}

#[test]
fn a_total_of_a_line_is_told_from_a_price_by_the_same_product_in_another_quantity() {
    let head = "order,sku,qty,price,date\n";
    let price = |rows: &str| {
        let proposal = propose(format!("{head}{rows}").as_bytes(), true, &[]).unwrap();
        let (_, guess) =
            proposal.columns.into_iter().find(|(role, _)| *role == Role::UnitPrice).unwrap();
        (guess.trust, guess.why)
    };
    let (trust, why) =
        price("1,A,3,30.00,2024-01-01\n2,A,1,10.00,2024-01-02\n3,B,2,5.00,2024-01-02\n");
    assert_eq!(trust, Trust::Unsure, "{why}");
    assert!(why.contains("product \"A\" costs 10.00 at quantity 1 and 30.00 at 3"), "{why}");
    // Totals are rounded to cents.
    let (trust, why) = price("1,A,3,10.00,2024-01-01\n2,A,1,3.33,2024-01-02\n");
    assert_eq!(trust, Trust::Unsure, "{why}");
    for rows in [
        "1,A,3,10.00,2024-01-01\n2,A,1,10.00,2024-01-02\n",
        // A discount for large quantities; and two prices at one quantity.
        "1,A,3,8.00,2024-01-01\n2,A,1,10.00,2024-01-02\n",
        "1,A,3,30.00,2024-01-01\n2,A,3,10.00,2024-01-02\n",
    ] {
        assert_eq!(price(rows).0, Trust::Sure, "{rows}");
    }
}

#[test]
fn a_time_zone_is_unsure_unless_dates_have_their_own() {
    let head = "order,sku,qty,price,date\n";
    let zone = |date: &str| {
        check(&format!("{head}1,A,2,3.00,{date}\n"), &[("time-zone", "UTC")]).time_zone.trust
    };
    assert_eq!(zone("2024-01-01 09:00:00"), Trust::Unsure);
    assert_eq!(zone("2024-01-01T09:00:00+01:00"), Trust::Likely);
}
