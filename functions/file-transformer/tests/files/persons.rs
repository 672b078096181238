//! Files that say who buys, and which sale is returned.

use crate::crashes::same_end;
use crate::support::World;
use domain::raw;
use intake::ledger::{Record, State};
use messaging::streams;
use serde_json::{Value, json};

const FROM: &str = "        category: category\n";
const COLUMNS: &str = "        email: mail
        name: name
        phone: phone
        company: company
        vat-number: vat
        language: language
        returns: original
        billing: {street: [street, street 2], postal-code: zip, city: city, region: state, country: land}
        delivery: {street: to, city: to city, country: region}
    rules: {customer-required: false}
";
const HEADER: &str = "order_id,product_id,quantity,price,timestamp,customer,region,category,mail,name,phone,company,\
     vat,language,original,street,street 2,zip,city,state,land,to,to city\n";
/// Parts of what is said of persons, which must not be where it does not belong.
const SECRETS: [&str; 5] = ["Zaphodia", "zaphodia", "Geheimgasse", "441632", "LU87654321"];

async fn world() -> World {
    World::with(FROM, &format!("{FROM}{COLUMNS}")).await
}

/// A row: order, product, quantity, the customer's number, and what is said of the person by header.
fn row(order: &str, product: &str, quantity: i64, customer: &str, said: &[(&str, &str)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let fields = HEADER.trim_end().split(',').map(|name| {
        let said = said.iter().find(|(other, _)| *other == name).map(|(_, text)| quoted(text));
        said.unwrap_or_else(|| match name {
            "order_id" => order.to_owned(),
            "product_id" => product.to_owned(),
            "quantity" => quantity.to_string(),
            "price" => "1.50".to_owned(),
            "timestamp" => "2026-01-01 09:00:00".to_owned(),
            "customer" => customer.to_owned(),
            _ => String::new(),
        })
    });
    fields.collect::<Vec<_>>().join(",") + "\n"
}

const ANA: [(&str, &str); 12] = [
    ("mail", "zaphodia@example.org"),
    ("name", "Zaphodia \"Z\" Beeb"),
    ("phone", "+44 (1632) 960-123"),
    ("company", "Zaphodia, Ltd"),
    ("vat", "lu 876 543 21"),
    ("language", "fr_FR"),
    ("street", "Geheimgasse 1"),
    ("street 2", "Stiege 2"),
    ("zip", "1010.0"),
    ("city", "Wien"),
    ("state", "W"),
    ("land", "at"),
];

fn ana() -> Value {
    json!({"name": "Zaphodia \"Z\" Beeb", "email": "zaphodia@example.org", "phone": "+441632960123",
        "company": "Zaphodia, Ltd", "vat_number": "LU87654321", "language": "fr-FR",
        "billing": {"lines": ["Geheimgasse 1", "Stiege 2"], "postal_code": "1010", "city": "Wien",
            "region": "W", "country": "AT"}})
}

fn with_id(mut person: Value, id: &str) -> Value {
    person["id"] = id.into();
    person
}

/// The orders that were published for a file with these rows, its record, and rejects.
async fn read(world: &World, name: &str, rows: &[String]) -> (Vec<Value>, Record, String) {
    let before = world.messages(streams::INTAKE, "orders").await.len();
    let event = world.put("US3", name, (HEADER.to_owned() + &rows.concat()).as_bytes());
    let record = world.done(&event).await;
    assert_eq!(record.state, State::Done, "{record:?}");
    let orders = world.messages(streams::INTAKE, "orders").await.into_iter().skip(before);
    let orders: Vec<Value> = orders.map(|(_, event)| event["data"].clone()).collect();
    for order in &orders {
        raw::read(order, None).unwrap_or_else(|problems| panic!("{problems:?} {order}"));
    }
    let rejects = match &record.results.rejects {
        Some(_) => world.text("US3", record.results.rejects.as_ref()),
        None => String::new(),
    };
    (orders, record, rejects)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_in_one_row_or_the_same_in_all() {
    let world = world().await;
    let guest = [("mail", "g@example.org"), ("name", "محمد بن سلمان")];
    let to = [("to", "Quai 4\nBât. B"), ("to city", "Lyon"), ("region", "fr")];
    let long = "名".repeat(300);
    let rows = [
        // In the second row only; in every row; another order between.
        row("1", "P1", 1, "c1", &[]),
        row("2", "P1", 1, "", &guest),
        row("1", "P2", 1, "c1", &ANA),
        row("1", "P3", 1, "c1", &ANA[..3]),
        row("2", "P2", 1, "", &guest),
        // A number that is an e-mail address, an address of several lines in one field, nothing.
        row("3", "P1", 1, "zaphodia@example.org", &[("phone", "n/a"), ("name", "Null")]),
        row("4", "P1", 1, "c4", &to),
        row("5", "P1", 1, "c5", &[]),
        row("6", "P1", 1, "c6", &[("name", &long)]),
    ];
    let (orders, record, _) = read(&world, "a.csv", &rows).await;
    assert_eq!((record.counts.accepted, record.counts.rejected), (9, 0));
    let customers: Vec<(&Value, Value)> =
        orders.iter().map(|order| (&order["order_id"], order["customer"].clone())).collect();
    let order = |id: &str| customers.iter().find(|(other, _)| **other == *id).unwrap().1.clone();
    assert_eq!(order("1"), with_id(ana(), "c1"));
    assert_eq!(order("2"), json!({"name": "محمد بن سلمان", "email": "g@example.org"}));
    assert_eq!(order("3"), json!({"id": "zaphodia@example.org", "name": "Null"}));
    let delivery = json!({"lines": ["Quai 4", "Bât. B"], "city": "Lyon", "country": "FR"});
    assert_eq!(order("4"), json!({"id": "c4", "delivery": delivery}));
    assert_eq!(order("5"), json!({"id": "c5"}));
    assert_eq!(order("6"), json!({"id": "c6", "name": long}));
    // The results of good rows have nothing of it.
    let output = world.text("US3", record.results.output.as_ref());
    assert!(output.starts_with("order_id,") && output.contains(",category,returns\n"), "{output}");
    for text in [output, world.receipt("US3", &record).to_string()] {
        let found =
            SECRETS.iter().filter(|it| text.replace("zaphodia@example.org,", "").contains(**it));
        assert_eq!(found.collect::<Vec<_>>(), [&""; 0], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_value_has_a_rule_of_its_own_and_is_not_repeated() {
    let world = world().await;
    let long = "Zaphodia".repeat(40);
    let bad = [
        ("mail", "zaphodia", "bad_email", "is not an e-mail address such as name@example.org"),
        ("phone", "01632 441632", "bad_phone", "is not +, country and 7 to 15 digits in all"),
        ("vat", "1Zaphodia", "bad_vat_number", "has another form"),
        ("language", "Zaphodia", "bad_language", "is not a language such as fr"),
        ("land", "Zaphodia", "bad_country", "is not the code of a country"),
        ("region", "Zaphodia", "bad_country", "is not the code of a country"),
        ("name", &long, "bad_person_text", "has 320 characters, the limit is 300"),
        ("zip", &long, "bad_person_text", "has 320 characters, the limit is 20"),
        ("company", "Zapho\ndia", "bad_person_text", "contains a control character"),
        ("street", "Zaphodia\n2\n3\n4\n5", "bad_person_text", "has 5 lines"),
        ("original", "4.51E+12", "bad_returns", "is a number that a spreadsheet has shortened"),
    ];
    for (at, (column, text, rule, reason)) in bad.into_iter().enumerate() {
        // The number of the customer is not the e-mail address here.
        let said = [(column, text), ("mail", "x@example.org")];
        let rows = [
            row(&format!("{at}-1"), "P1", 1, "c", &said),
            row(&format!("{at}-2"), "P1", 1, "c", &[]),
        ];
        let (orders, record, rejects) = read(&world, &format!("{at}.csv"), &rows).await;
        assert_eq!(orders.len(), 1, "{rejects}");
        let mut lines = csv::Reader::from_reader(rejects.as_bytes());
        let line = lines.records().next().unwrap().unwrap();
        assert_eq!((&line[0], &line[1], &line[2]), ("2", column, rule));
        assert!(line[3].contains(reason), "{}", &line[3]);
        assert!(!line[3].contains(text) || rule == "bad_returns", "{}", &line[3]);
        assert_eq!(world.receipt("US3", &record)["rejected_by_rule"], json!({rule: 1}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_differ_or_an_incomplete_address_reject_their_order() {
    let world = world().await;
    let name = |name| row("1", "P1", 1, "c", &[("name", name)]);
    let of = |order: &str, quantity, said: &[_]| row(order, "P2", quantity, "c", said);
    let rows = [
        name("Zaphodia"),
        name("Zaphodia B"),
        of("2", 1, &[("street", "Geheimgasse"), ("city", "Wien")]),
        of("3", 1, &[("original", "2")]),
        of("4", -1, &[("original", "4")]),
        of("5", -1, &[("original", "1")]),
        row("5", "P3", -1, "c", &[("original", "2")]),
        of("6", -1, &[("original", "1")]),
        row("6", "P3", -1, "c", &[]),
        of("7", -1, &[]),
    ];
    let (orders, record, rejects) = read(&world, "a.csv", &rows).await;
    assert_eq!(
        world.receipt("US3", &record)["rejected_by_rule"],
        json!({"order_persons_differ": 2, "order_address_incomplete": 1, "order_returns_wrong": 2,
            "order_values_differ": 2})
    );
    assert_eq!(
        orders.iter().map(|it| &it["returns"]).collect::<Vec<_>>(),
        [&json!("1"), &Value::Null]
    );
    assert_eq!(orders[0]["lines"].as_array().unwrap().len(), 2);
    let differ = "order 1: its rows say different things of the person who buys";
    assert!(rejects.contains(differ), "{rejects}");
    // A row that is good by itself has no more than the columns of the output.
    assert!(SECRETS.iter().all(|secret| !rejects.contains(secret)), "{rejects}");
    let output = world.text("US3", record.results.output.as_ref());
    assert!(output.contains("6,P2,,-1,1.50,2026-01-01T14:00:00Z,c,,,1\n"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_thousand_rows_has_its_person_once() {
    let world = world().await;
    let rows: Vec<String> = (0..1_000).map(|n| row("1", &format!("P{n}"), 1, "c1", &ANA)).collect();
    let (orders, ..) = read(&world, "a.csv", &rows).await;
    assert_eq!(orders[0]["lines"].as_array().unwrap().len(), 1_000);
    assert_eq!(orders[0]["customer"], with_id(ana(), "c1"));
    assert_eq!(orders[0].to_string().matches("Geheimgasse").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_at_any_step_the_orders_of_persons_are_the_same() {
    let rows = [
        row("1", "P1", 1, "c1", &[]),
        row("2", "P1", 0, "c2", &ANA),
        row("3", "P1", 3, "", &ANA),
        row("1", "P2", 1, "c1", &ANA),
    ];
    let content = HEADER.to_owned() + &rows.concat();
    Box::pin(same_end(world, content.as_bytes())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_file_is_refused_repeats_nothing_of_its_rows() {
    let world = world().await;
    let file = row("1", "P1", 1, "c1", &ANA);
    let event = world.put("US3", "a.csv", file.as_bytes());
    let record = world.done(&event).await;
    assert_eq!(record.state, State::Refused);
    let told = world.messages(streams::FILES, ">").await;
    for text in
        [format!("{record:?}"), format!("{told:?}"), world.receipt("US3", &record).to_string()]
    {
        assert!(text.contains("a line with values that are not repeated here"), "{text}");
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}
