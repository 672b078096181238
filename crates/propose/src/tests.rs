//! Tests of whole proposals.

use super::aliases::Role;
use super::guess::*;
use super::proposal::*;

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

const ROW_NAMES: &str = "Order ID,SKU,Quantity,Unit Price,Date";

#[test]
fn rows_that_may_be_no_sales_need_a_condition_or_a_look() {
    let text = "Order ID,Order Status,SKU,Quantity,Unit Price,Date\n\
                1,completed,A,1,8.00,2026-03-01\n2,Cancelled,A,1,8.00,2026-03-01\n\
                3,refunded,A,2,8.00,2026-03-01\n4,completed,A,1,8.00,2026-03-02\n";
    let condition = "\"Order Status\" NOT IN ('Cancelled', 'refunded')";
    let proposal = check(text, &[("file.transform.where", condition)]);
    assert_eq!(proposal.condition.unwrap().trust, Trust::Unsure);
    let text = text.replace("Cancelled", "shipped").replace("refunded", "remboursé (client)");
    check(&text, &[("file.transform.where", "\"Order Status\" NOT IN ('remboursé (client)')")]);
    let text = text.replace("remboursé (client)", "paid");
    assert_eq!(check(&text, &[]).condition, None);
    let text = text.replace("Order Status", "Product Name").replace("paid", "Void filler");
    assert_eq!(check(&text, &[]).condition, None, "not a status");
}

#[test]
fn a_customer_on_the_first_row_of_an_order_only_continues_it() {
    let text = format!(
        "{ROW_NAMES},Customer\nC1,A,1,10.00,2026-03-01,ann\nC1,B,1,12.00,2026-03-01,\n\
         C2,A,1,10.00,2026-03-01,bob\n"
    );
    check(&text, &[("file.continued-rows", "true"), ("rules.customer-required", "true")]);
    // A guest's order has no customer in any row.
    let text = text.replace("ann", "");
    assert!(check(&text, &[]).continued_rows.is_none());
}

#[test]
fn empty_cells_that_rows_leave_out_are_proposed_and_looked_at() {
    let text = format!(
        "{ROW_NAMES},Note,Colour\n1,A,1,10.00,2026-03-01,x,red\n2,A,1,10.00,2026-03-01\n3,B,1,2.00,2026-03-02\n"
    );
    let proposal = check(&text, &[("file.short-rows", "fill")]);
    assert_eq!(proposal.short_rows.unwrap().trust, Trust::Unsure);
    let one = text.replace("3,B,1,2.00,2026-03-02\n", "3,B,1,2.00,2026-03-02,,\n");
    assert_eq!(check(&one, &[]).short_rows, None, "one alone may be cut");
}

#[test]
fn quantities_with_places_that_are_zero_are_quantities() {
    let text = format!("{ROW_NAMES}\n1,A,2.0000,10.00,2026-03-01\n2,A,1.0000,10.00,2026-03-01\n");
    check(&text, &[("file.columns.quantity", "Quantity")]);
    let grouped = text.replace("2.0000", "\"1,200.00\"");
    check(&grouped, &[("file.columns.quantity", "Quantity"), ("file.thousands-mark", ",")]);
    let text = text.replace("2.0000", "'-2").replace("1.0000", "1");
    check(&text, &[("file.columns.quantity", "Quantity")]);
}

#[test]
fn dates_of_a_column_have_one_order_and_lie_together() {
    let text =
        format!("{ROW_NAMES}\n1,A,1,10.00,4/23/26\n2,A,1,10.00,4/24/26\n3,A,1,10.00,5/1/26 9:05\n");
    let proposal = check(&text, &[("file.dates", "%m/%d/%y | %m/%d/%y %H:%M")]);
    assert_ne!(proposal.dates.trust, Trust::Unsure, "{}", proposal.dates.why);
    let text = text.replace("4/24/26", "12/31/69");
    let proposal = check(&text, &[]);
    assert_eq!(proposal.dates.trust, Trust::Unsure);
    assert!(
        proposal.dates.why.contains("12/31/69 is read as 2069-12-31"),
        "{}",
        proposal.dates.why
    );
    let text = format!("{ROW_NAMES}\n1,A,1,10.00,\"13.03.2026, 10:05\"\n");
    check(&text, &[("file.dates", "%d.%m.%Y, %H:%M")]);
}

#[test]
fn a_comma_may_separate_columns_and_decimals_if_there_are_quotes() {
    let text = format!("{ROW_NAMES}\n1,A,1,\"12,50\",2026-03-01\n2,A,1,\"3,00\",2026-03-01\n");
    check(&text, &[("file.delimiter", ","), ("file.decimal-mark", ",")]);
}

#[test]
fn a_name_of_a_column_may_have_several_lines() {
    let text = ROW_NAMES.replace("Order ID", "\"Order\nID\"") + "\n1,A,1,2.50,2026-03-01\n";
    check(&text, &[("file.columns.order-id", "Order ID")]);
}

#[test]
fn any_sign_that_makes_known_columns_may_separate_them() {
    for sign in ['~', '^', '#', '*'] {
        let text = format!("{ROW_NAMES}\n1,A,1,2.50,2026-03-01\n2,B,1,2.50,2026-03-02\n");
        let text = text.replace(',', &sign.to_string());
        check(
            &text,
            &[("file.delimiter", &sign.to_string()), ("file.columns.quantity", "Quantity")],
        );
    }
    let error = propose(b"Dear you: hello\nand: bye\n", true, &[]).unwrap_err();
    assert!(matches!(error, NoProposal::NoColumns(_)), "{error}");
}

#[test]
fn equal_rows_that_differ_in_what_is_not_read_are_kept_and_looked_at() {
    let text = "Order ID,Line Item ID,SKU,Quantity,Unit Price,Date\n\
                1,1,A,1,8.00,2026-03-01\n1,2,A,1,8.00,2026-03-01\n2,3,A,2,8.00,2026-03-01\n";
    let proposal = check(text, &[("rules.duplicates", "off")]);
    let twins = proposal.duplicates.unwrap();
    assert!(
        twins.why.starts_with("1 rows equal an earlier one but for \"Line Item ID\""),
        "{}",
        twins.why
    );
    // A row that came twice as it is stays a duplicate.
    let same = text.replace("1,2,A", "1,1,A");
    assert_eq!(check(&same, &[]).duplicates, None);
}

#[test]
fn a_header_with_another_delimiter_than_the_rows_is_named() {
    let text = format!("{ROW_NAMES}\n1;A;1;2.50;2026-03-01\n2;B;1;2.50;2026-03-02\n");
    let error = propose(text.as_bytes(), true, &[]).unwrap_err();
    assert_eq!(error, NoProposal::OtherDelimiter { header: ',', rows: ';' });
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_named() {
    let text = format!("{ROW_NAMES}\r1,A,1,2.50,2026-03-01\r");
    let error = propose(text.as_bytes(), true, &[]).unwrap_err().to_string();
    assert!(error.contains("carriage return"), "{error}");
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

#[test]
fn the_person_of_a_shop_whose_rows_continue_an_order() {
    // The columns of Shopify's export of orders.
    let proposal = check(
        "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Currency,\
         Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,\
         Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping City,Shipping Country\n\
         #1001,ann@example.com,2024-12-09 08:39:00 -0500,1,Lamp,12.50,L-1,EUR,\
         Ann,\"1 Road, B\",1 Road,B,,London,'SW1,,GB,+44 20 7946 0018,Ann,Quai 4,Lyon,FR\n\
         #1001,ann@example.com,,2,Cup,4.00,C-2,,,,,,,,,,,,,,,\n\
         #1002,bob@example.com,2024-12-30 09:00:00 -0500,1,Cup,4.00,C-2,EUR,Bob,2 Road,2 Road,,,London,'SW2,,GB,,,,,\n",
        &[
            ("file.columns.order-id", "Name"),
            ("file.columns.customer-id", "Email"),
            ("file.columns.email", "Email"),
            ("file.columns.name", "Billing Name"),
            ("file.columns.phone", "Billing Phone"),
            ("file.columns.billing.street", "Billing Street"),
            ("file.columns.billing.postal-code", "Billing Zip"),
            ("file.columns.billing.city", "Billing City"),
            ("file.columns.billing.country", "Billing Country"),
            ("file.columns.delivery.street", "Shipping Street"),
            ("file.columns.delivery.country", "Shipping Country"),
        ],
    );
    let trusts = |key: &str| {
        let guesses = proposal.guesses();
        let guess = guesses.iter().find(|guess| guess["setting"] == *key).unwrap();
        guess["confidence"].as_str().unwrap().to_owned()
    };
    assert_eq!(trusts("file.columns.email"), "sure");
    assert_eq!(trusts("file.columns.name"), "likely");
}

#[test]
fn the_person_of_a_plugin_of_another_shop() {
    // The columns of an export of WooCommerce.
    check(
        "Order Number,Order Date,SKU,Quantity,Item Price,First Name (Billing),Company (Billing),\
         Address 1&2 (Billing),City (Billing),State Code (Billing),Postcode (Billing),Country Code (Billing),\
         Email (Billing),Phone (Billing),Address 1&2 (Shipping),City (Shipping),Country Code (Shipping)\n\
         1,2024-01-01,A,2,3.00,Ann,,1 Road,London,,SW1,GB,ann@example.com,+442079460018,Quai 4,Lyon,FR\n",
        &[
            ("file.columns.email", "Email (Billing)"),
            ("file.columns.phone", "Phone (Billing)"),
            ("file.columns.billing.street", "Address 1&2 (Billing)"),
            ("file.columns.billing.country", "Country Code (Billing)"),
            ("file.columns.delivery.city", "City (Shipping)"),
        ],
    );
}

#[test]
fn persons_in_six_languages() {
    let values = "1,A,2,3.00,2024-01-01";
    for (header, address) in [
        ("email,phone,full name,street 1,street 2,postcode,town,country", "delivery"),
        (
            "E-Mail,Telefon,Kundenname,Lieferstraße 1,Lieferstraße 2,Liefer-PLZ,Lieferort,Lieferland",
            "delivery",
        ),
        (
            "Courriel,Téléphone,Nom du client,Rue de facturation 1,Rue de facturation 2,Code postal de facturation,\
          Ville de facturation,Pays de facturation",
            "billing",
        ),
        (
            "Correo electrónico,Teléfono,Nombre completo,Dirección de envío 1,Dirección de envío 2,Código postal de envío,\
          Ciudad de envío,País de envío",
            "delivery",
        ),
        (
            "Posta elettronica,Telefono,Nome,Indirizzo di consegna 1,Indirizzo di consegna 2,CAP di consegna,\
          Città di consegna,Paese di consegna",
            "delivery",
        ),
        (
            "E-mailadres,Telefoon,Naam,Factuurstraat 1,Factuurstraat 2,Factuurpostcode,Factuurplaats,Factuurland",
            "billing",
        ),
    ] {
        let names: Vec<&str> = header.split(',').collect();
        let text = format!(
            "order,sku,qty,price,date,{header}\n{values},a@b.de,+4930123456,Ann,Weg 1,Hof 2,10115,Berlin,DE\n"
        );
        let key = |part: &str| format!("file.columns.{address}.{part}");
        check(
            &text,
            &[
                ("file.columns.email", names[0]),
                ("file.columns.phone", names[1]),
                ("file.columns.name", names[2]),
                (&key("street"), &format!("{} | {}", names[3], names[4])),
                (&key("postal-code"), names[5]),
                (&key("city"), names[6]),
                (&key("country"), names[7]),
            ],
        );
    }
}

#[test]
fn what_cannot_be_used_of_a_person_is_left_out_or_unsure() {
    let head = "order,sku,qty,price,date";
    // Numbers without their country, names of countries.
    let text = format!(
        "{head},phone,Billing Street,Billing City,Billing Country\n1,A,2,3.00,2024-01-01,030 123,Weg 1,Berlin,Germany\n"
    );
    let proposal = check(&text, &[]);
    assert!(proposal.persons.is_empty(), "{:?}", proposal.persons);
    let name = domain::PartnerId::parse("NEW").unwrap();
    let yaml = proposal.yaml(&name, "a.csv");
    for note in [
        "# no phone: 0 % of the values in phone fit",
        "# no billing.country: 0 % of the values in Billing Country fit",
        "# no billing address: no column for its country can be used",
    ] {
        assert!(yaml.contains(note), "{note}: {yaml}");
    }
    // By what it holds; rows that differ; an address that may be either.
    let text = format!(
        "{head},who,full name,street,city,country\n1,A,2,3.00,2024-01-01,a@b.de,Ann,Weg 1,Berlin,DE\n\
         1,B,2,3.00,2024-01-01,a@b.de,Bob,Weg 1,Berlin,DE\n"
    );
    let proposal = check(&text, &[("file.columns.email", "who")]);
    assert_eq!(proposal.persons.len(), 5);
    for (column, guess) in proposal.persons {
        assert_eq!(guess.trust, Trust::Unsure, "{column:?} {}", guess.why);
    }
}

#[test]
fn a_returned_sale_stands_in_returns_only() {
    let trust = |quantity: i64| {
        let text = format!(
            "order,sku,qty,price,date,Original order\n1,A,2,3.00,2024-01-01,\n2,A,{quantity},3.00,2024-01-02,1\n"
        );
        let proposal = check(&text, &[("file.columns.returns", "Original order")]);
        proposal.persons[0].1.trust
    };
    assert_eq!((trust(-1), trust(1)), (Trust::Likely, Trust::Unsure));
}
