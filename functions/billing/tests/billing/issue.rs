//! What a lane issues.

use crate::support::{World, back, build, id, of_partner, order, send, this_year};
use domain::inventory::Verdict;
use domain::invoice::{BalanceState, HeldCode};
use domain::person::Person;
use domain::stock::Refusal;
use domain::{PartnerId, WarehouseId};
use invoices::{Asking, Reading};
use messaging::publish::{self, Outgoing};
use messaging::{header, stored, streams};
use std::time::Duration;
use testkit::history::Rule;

#[tokio::test]
async fn a_sale_is_invoiced_once_with_its_person_and_its_return_is_credited() {
    let world = World::start().await;
    let sale = order("A1", 2, "12");
    let person = Person { name: Some("Ana López".into()), ..Person::default() };
    let placed = world.place(&sale, Some(person)).await;
    world.decided(placed, &sale, Verdict::Confirmed(Vec::new())).await;
    world.confirm(&of_partner("NET", order("B1", 1, "10"))).await;
    world.confirm(&of_partner("NOBODY", order("C1", 1, "10"))).await;
    world.refuse(&order("A2", 1, "10"), Refusal::Unreadable { detail: "x".into() }).await;
    let to = world.bill().await;
    assert_eq!(to, world.bill().await, "what comes again is decided");
    world.confirm(&back("R1", &sale, 1, "12")).await;
    world.bill().await;
    assert_eq!(
        world.numbers().await,
        ["A-main-2026-000001", "A-main-C2026-000001", "N-main-2026-000001"]
    );
    let documents = world.documents().await;
    let (invoice, credit) = (&documents[0], &documents[1]);
    assert_eq!(invoice.buyer.person.name.as_deref(), Some("Ana López"));
    assert_eq!(
        (invoice.totals.payable.to_string(), invoice.totals.tax.to_string()),
        ("24.00".into(), "4.00".into())
    );
    assert_eq!(
        (&credit.buyer, credit.totals.payable.to_string()),
        (&invoice.buyer, "12.00".into())
    );
    assert_eq!(credit.original.as_ref().unwrap().number, invoice.number);
    let balance = world.balance(&sale).await;
    assert_eq!((balance.open.to_string(), balance.state), ("12.00".into(), BalanceState::Open));

    // A fold needs no bodies.
    let subject = this_year("invoices.issued.main.A-main-C2026-000001");
    let fact = stored::last(&world.nats, streams::INVOICES, &subject);
    let fact = fact.await.unwrap().unwrap();
    for (name, value) in [
        (header::PARTNER, "DIRECT"),
        (header::ORDER, "R1"),
        (header::DOCUMENT, "credit_note"),
        (header::PAYABLE, "12.00"),
        (header::CURRENCY, "EUR"),
        (header::SELLER, "ACME"),
        (header::INVOICE, &this_year("A-main-2026-000001")),
        (header::ISSUED_ON, &credit.issued_on.to_string()),
    ] {
        assert_eq!(fact.header(name), Some(value), "{name}");
    }
    world.check().await;
}

#[tokio::test]
async fn a_cancelled_sale_is_credited_and_one_that_is_cancelled_with_its_confirmation_too() {
    let world = World::start().await;
    let (first, second) = (order("A1", 2, "12"), order("A2", 1, "5"));
    world.confirm(&first).await;
    world.bill().await;
    world.cancel(&first).await;
    // Both in one batch.
    world.confirm(&second).await;
    world.cancel(&second).await;
    world.confirm(&second.again().again()).await;
    world.bill().await;
    assert_eq!(world.balance(&first).await.state, BalanceState::Credited);
    let balance = world.balance(&second).await;
    assert_eq!((balance.attempt, balance.open.to_string()), (3, "5.00".into()));
    assert_eq!(world.numbers().await.len(), 5);
    world.check().await;
}

#[tokio::test]
async fn an_amended_sale_has_one_credit_note_and_one_more_invoice() {
    let world = World::start().await;
    let (first, second) = (order("A1", 2, "12"), order("A2", 1, "5"));
    let placed = world.confirm(&first).await;
    let to = world.bill().await;
    let (_, third) = {
        let (next, placed) = world.amend(order("A1", 3, "12"), &first, placed).await;
        world.bill().await;
        world.amend(order("A1", 1, "10"), &next, placed).await
    };
    // Another one together with its confirmation, and cancelled at once.
    let placed = world.confirm(&second).await;
    let (next, _) = world.amend(order("A2", 7, "5"), &second, placed).await;
    world.cancel(&next).await;
    assert!(to < world.bill().await);
    assert_eq!(world.bill().await, world.bill().await, "what comes again is decided");
    let balance = world.balance(&first).await;
    let said = (balance.attempt, balance.open.to_string(), balance.payable.to_string());
    assert_eq!(said, (3, "10.00".into(), "70.00".into()));
    assert_eq!(world.balance(&second).await.state, BalanceState::Credited);
    let documents = world.documents().await;
    let amounts = |credit: bool| {
        let of = documents.iter().filter(|it| it.number.contains("-C") == credit);
        of.map(|it| it.totals.payable.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(amounts(false), ["24.00", "36.00", "10.00", "5.00", "35.00"]);
    assert_eq!(amounts(true), ["24.00", "36.00", "5.00", "35.00"]);
    assert!(documents.iter().any(|it| it.supply.placed == third));
    world.check().await;
    let lost = this_year("invoices.issued.main.A-main-C2026-000002");
    let without = world.broken(move |message| message.subject != lost);
    assert_eq!(without.await, [Rule::NumberMissing, Rule::CreditWrong]);
}

#[tokio::test]
async fn the_history_checker_sees_what_is_missing() {
    let world = World::start().await;
    for number in 1..=3 {
        world.confirm(&order(&format!("A{number}"), 2, "12")).await;
    }
    world.bill().await;
    world.cancel(&order("A3", 2, "12")).await;
    world.bill().await;
    world.check().await;
    let without = async |number: &str| {
        let subject = this_year(&format!("invoices.issued.main.{number}"));
        world.broken(move |message| message.subject != subject).await
    };
    assert_eq!(without("A-main-2026-000002").await, [Rule::NumberMissing, Rule::NotInvoiced]);
    assert_eq!(without("A-main-2026-000003").await, [Rule::CreditWrong, Rule::NotInvoiced]);
    let unplaced = world.broken(|message| message.subject != "orders.confirmed.main.DIRECT.A1");
    assert_eq!(unplaced.await, [Rule::InvoiceUnfounded]);
}

#[tokio::test]
async fn what_follows_from_no_decision_is_no_order() {
    let world = World::start().await;
    let sale = order("A1", 2, "12");
    world.confirm(&sale).await;
    let fact = stored::last(&world.nats, streams::ORDERS, "orders.confirmed.main.DIRECT.A1");
    let payload = fact.await.unwrap().unwrap().payload;
    // Somebody without permissions puts a copy where a fact belongs.
    let foreign = Outgoing::new("orders.confirmed.main.DIRECT.FOREIGN".to_owned(), payload);
    publish::one(&world.nats, &foreign, None).await.unwrap();
    world.bill().await;
    assert_eq!(world.numbers().await, ["A-main-2026-000001"]);
    world.check().await;
}

#[tokio::test]
async fn a_fact_counts_for_the_order_of_its_subject_whatever_its_body_says() {
    let world = World::start().await;
    let sale = order("A1", 2, "12");
    world.confirm(&sale).await;
    let fact = stored::last(&world.nats, streams::ORDERS, "orders.confirmed.main.DIRECT.A1");
    let fact = fact.await.unwrap().unwrap();
    // Somebody who may publish for NET names an order of DIRECT, in the name of a decision.
    for (subject, from, to) in [
        ("orders.confirmed.main.NET.B1", "", ""),
        (
            "orders.confirmed.main.NET.B2",
            "\"partner\":\"DIRECT\",\"order_id\"",
            "\"partner\":\"NET\",\"order_id\"",
        ),
    ] {
        let payload = String::from_utf8_lossy(&fact.payload).replacen(from, to, 1);
        let forged = Outgoing::new(subject.to_owned(), payload.into())
            .header(header::DECISION, "x")
            .header(header::DECISION_SEQUENCE, "1");
        publish::one(&world.nats, &forged, None).await.unwrap();
    }
    world.bill().await;
    assert_eq!(world.numbers().await, ["A-main-2026-000001"]);
    let mut unreadable = 0;
    let account = (PartnerId::parse("NET").unwrap(), id("B1"));
    let balance = invoices::balance(&world.nats, &WarehouseId::main(), &account).await.unwrap();
    assert!(balance.is_none() && world.balance(&sale).await.documents.len() == 1);
    for sequence in 1..=streams::last_sequence(&world.nats, streams::ORDERS).await.unwrap() {
        if let Reading::Unreadable(why) =
            invoices::read(&world.nats, Asking { fact: sequence }).await.unwrap()
        {
            assert!(
                why.contains(
                    "is about order DIRECT/A1 of warehouse main; nothing is issued for it"
                ),
                "{why}"
            );
            unreadable += 1;
        }
    }
    assert_eq!(unreadable, 2);
}

#[tokio::test]
async fn a_change_of_the_configuration_holds_from_then_on_and_changes_no_document() {
    let world = World::start().await;
    let (first, second) = (order("A1", 1, "12"), order("A2", 1, "12"));
    world.confirm(&first).await;
    world.bill().await;
    let before = world.documents().await;
    world.configure("name: Acme SARL", "name: Acme SA");
    let mut names = Vec::new();
    for number in 2..200 {
        world.confirm(&order(&format!("A{number}"), 1, "12")).await;
        world.bill().await;
        names = world.documents().await.iter().map(|it| it.seller.name.clone()).collect();
        if names.last().is_some_and(|name| name == "Acme SA") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(names.last().map(String::as_str), Some("Acme SA"));
    assert_eq!(world.documents().await[0], before[0]);
    // A process that starts now finds what was issued as it was.
    let next =
        build(world.server.url_of(billing::NAME), &world.folder.path().join("partners.yml")).await;
    world.cancel(&first).await;
    let (status, body) = send(&next, world.batch(0).await).await;
    assert_eq!(status, 200, "{body}");
    let credits = world.documents().await;
    let credit = credits.iter().find(|it| it.number.contains("-C")).unwrap();
    assert_eq!(credit.lines, before[0].lines);
    assert_eq!(world.balance(&second).await.held, []);
    world.check().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_invoiced_holds_nobody_else() {
    let world = World::start().await;
    let mut sale = order("A1", 1, "12");
    sale.lines[0].tax_category = Some(domain::TaxCategory::parse("luxury").unwrap());
    world.confirm(&sale).await;
    world.confirm(&order("A2", 1, "12")).await;
    world.bill().await;
    assert_eq!(world.numbers().await, ["A-main-2026-000001"]);
    let balance = world.balance(&sale).await;
    assert_eq!((balance.state, balance.held[0].code), (BalanceState::Held, HeldCode::NoRate));
    let error = stored::last(&world.nats, streams::ERRORS, "errors.billing.main.DIRECT.A1").await;
    let error = error.unwrap().unwrap();
    assert_eq!(error.header(header::REASON), Some("no_rate"));
    assert!(String::from_utf8_lossy(&error.payload).contains("orderflow invoices retry DIRECT/A1"));
    world.check().await;
}

#[tokio::test]
async fn orders_of_a_partner_without_a_seller_are_passed_by() {
    let world = World::start().await;
    for number in 0..3 {
        world.confirm(&of_partner("NOBODY", order(&format!("C{number}"), 1, "10"))).await;
    }
    let to = world.bill().await;
    assert_eq!((world.numbers().await.len(), to), (0, 6));
    world.check().await;
}
