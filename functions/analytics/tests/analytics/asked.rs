//! What people ask, and what is refused.

use crate::orders::order;
use crate::support::World;
use domain::Money;
use domain::inventory::Verdict;
use domain::order::Order;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_sees_its_own_figures_and_people_find_the_six_fields() {
    let world = World::start().await;
    world.orders(0..20).await;
    for n in 1..=10 {
        world.issue(n).await;
    }
    let replica = world.replica().await;
    let all = replica.get("/").await;
    for field in [
        "total_orders",
        "total_revenue",
        "orders_by_region",
        "top_products",
        "error_count",
        "last_update",
    ] {
        assert!(!all[field].is_null(), "{field}: {all}");
    }
    assert!(all["total_revenue"].is_number(), "{all}");
    let own = replica.get_as("/", "us1", "*/*").await.json();
    assert_eq!(own, replica.get("/?partner=US1").await);
    let partners = replica.get("/by/partner").await;
    let us1 = partners["rows"].as_array().unwrap().iter().find(|row| row["key"] == "US1").unwrap();
    assert_eq!((&own["total_orders"], &own["revenue"]), (&us1["orders"], &us1["revenue"]));
    let by = replica.get_as("/by/partner", "us1", "*/*").await.json();
    assert_eq!(by["rows"], json!([us1]));
    let customers = replica.get_as("/customers/top", "us1", "*/*").await.json();
    let customers = customers["customers"].as_array().unwrap();
    assert!(!customers.is_empty() && customers.iter().all(|one| one["partner"] == "US1"));
    for (path, token, status) in [
        ("/", "nobody", 401),
        ("/windows", "us1", 403),
        ("/?partner=US2", "us1", 403),
        ("/by/colour", "read", 404),
        ("/by/region?order=revenue", "read", 400),
        ("/by/region?limit=0", "read", 400),
        ("/windows?size=7s", "read", 400),
        ("/windows?from=yesterday", "read", 400),
        ("/?currency=EURO", "read", 400),
        ("/?currency=JPY", "read", 404),
        ("/by/region?currency=JPY", "read", 404),
        ("/customers/top?currency=JPY", "read", 404),
        ("/windows?currency=JPY", "read", 404),
        ("/windows?currency=USD", "read", 200),
        ("/?colour=red", "read", 400),
    ] {
        assert_eq!(replica.get_as(path, token, "*/*").await.status, status, "{path}");
    }
    let unknown = replica.get_as("/?currency=JPY", "read", "*/*").await.json();
    let detail = unknown["detail"].as_str().unwrap();
    assert!(detail.starts_with("currency: there are no amounts in JPY; there are in "), "{detail}");
    assert!(detail.contains("EUR") && detail.contains("USD"), "{detail}");
}

/// A quiet system is no wrong question, and a list as CSV adds up.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_two_currencies_counts_each_order_once() {
    let world = World::start().await;
    let replica = world.replica().await;
    assert_eq!(replica.get_as("/?currency=JPY", "read", "*/*").await.status, 200);
    for (n, currency, total) in [(8, "JPY", "1200"), (9, "JPY", "7"), (11, "KWD", "0.5")] {
        let total = Money::parse(total).unwrap();
        let order = Order { currency: currency.into(), total, ..order(n) };
        world.decide(&order, Verdict::Confirmed(Vec::new())).await;
    }
    let listed = replica.get_as("/by/vip?format=csv", "read", "*/*").await;
    let rows: Vec<Vec<&str>> =
        listed.text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let by = replica.get("/by/vip").await;
    let sum = |of: &dyn Fn(&serde_json::Value) -> i64| -> i64 {
        by["rows"].as_array().unwrap().iter().map(of).sum()
    };
    for (column, field) in [(1, "orders"), (2, "returns"), (3, "pieces")] {
        let found: i64 = rows.iter().map(|row| row[column].parse::<i64>().unwrap_or(0)).sum();
        assert_eq!(found, sum(&|row| row[field].as_i64().unwrap()), "{field}: {}", listed.text);
    }
    assert!(rows.iter().any(|row| row[1].is_empty()), "two currencies: {}", listed.text);
    let amounts: Vec<String> = rows.iter().map(|row| row[4..].join(" ")).collect();
    assert_eq!(amounts, ["JPY 7", "KWD 0.500", "JPY 1200"], "with their decimals");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_as_csv_and_health_needs_no_token() {
    let world = World::start().await;
    world.orders(6..9).await;
    world.issue(1).await;
    let replica = world.replica().await;
    let health = replica.get("/health").await;
    assert_eq!(health["status"], "healthy");
    assert!(health["last_update"].is_number(), "{health}");
    assert_eq!(replica.get_as("/health", "", "*/*").await.status, 200);
    for (path, accept, head, lines) in [
        ("/by/partner", "text/csv", "partner,orders,returns,pieces,currency,revenue", 4),
        ("/by/product?format=csv", "*/*", "product,orders,returns,pieces,currency,revenue", 6),
        ("/customers/top", "text/csv", "partner,customer,currency,invoices,credit_notes,total", 2),
        ("/windows?format=csv", "*/*", "start,end,currency,invoices,credit_notes,total,final", 2),
    ] {
        // It is read by then.
        replica.get("/windows").await;
        let answered = replica.get_as(path, "read", accept).await;
        assert!(answered.head.contains("content-type: text/csv"), "{answered:?}");
        let found: Vec<&str> = answered.text.lines().collect();
        assert_eq!((found[0], found.len()), (head, lines), "{path}: {found:?}");
    }
}
