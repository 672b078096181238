//! What mail servers answer, at each step, and what becomes of the mail.

use crate::smtp::{Do, Smtp, Step};
use crate::support::{World, ana, given, id, smtp};
use serde_json::{Value, json};

/// The delivery of one mail to a server that behaves so, in one of these states.
async fn one(
    states: &[&str],
    script: impl Fn(Step, &str, usize) -> Do + Send + Sync + 'static,
) -> (Value, Smtp) {
    let world = World::start().await;
    let server = Smtp::start(script).await;
    let notifier = world.notifier(&smtp(&server)).await;
    let event = given("A1", ana()).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    (notifier.delivery(id(&event), "mail", states).await, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_recipient_never_takes_is_failed_at_once_with_the_servers_words() {
    for (step, said) in [
        (Step::To, "550 5.1.1 <ana@example.org> no such user"),
        (Step::Data, "554 5.5.1 no valid recipients"),
        (Step::Text, "552 5.2.3 too large"),
    ] {
        let script = move |at: Step, _: &str, _| if at == step { Do::Say(said) } else { Do::Go };
        let (delivery, server) = one(&["failed"], script).await;
        let expected = said.replace("<ana@example.org>", "<(address)>");
        assert_eq!(delivery["answer"], expected, "{step:?}");
        assert_eq!(delivery["attempts"], 1);
        assert_eq!(server.mails(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn greylisting_is_an_attempt_and_the_connection_is_used_again() {
    let world = World::start().await;
    let script = |at: Step, to: &str, _| match at {
        Step::To if to == "later@example.org" => Do::Say("451 4.7.1 try later"),
        _ => Do::Go,
    };
    let server = Smtp::start(script).await;
    let notifier = world.notifier(&smtp(&server)).await;
    let later = given("A1", json!({"email": "later@example.org"})).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&later)).await;
    let waiting = notifier.delivery(id(&later), "mail", &["waiting"]).await;
    assert_eq!(waiting["answer"], "451 4.7.1 try later");
    assert_eq!((&waiting["attempts"], &waiting["unknown"]), (&json!(1), &json!(0)));
    assert!(waiting["due"].is_string(), "{waiting}");
    let good = given("A2", ana()).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&good)).await;
    notifier.delivery(id(&good), "mail", &["sent"]).await;
    assert_eq!(server.connections(), 1);
    // Its second attempt comes after the usual 5 s.
    server.reached(Step::To, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_closing_or_refuses_us_costs_the_mail_no_attempt() {
    for (step, said) in [
        (Step::Greeting, "421 4.3.2 closing"),
        (Step::Greeting, "554 5.7.1 your address is blocked"),
        (Step::From, "421 4.3.2 closing"),
        (Step::From, "550 5.7.1 this sender is not yours"),
        (Step::Text, "421 4.3.2 closing"),
    ] {
        let script = move |at: Step, _: &str, _| if at == step { Do::Say(said) } else { Do::Go };
        let (delivery, _server) = one(&["waiting", "failed"], script).await;
        assert_eq!(delivery["state"], "waiting", "{step:?} {said}: {delivery}");
        assert!(
            delivery["answer"].as_str().unwrap().contains(said.split_once(' ').unwrap().1),
            "{delivery}"
        );
        assert_eq!(delivery["unknown"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_before_the_text_is_no_attempt_and_after_it_unknown() {
    for step in [Step::Greeting, Step::Ehlo, Step::From, Step::To, Step::Data] {
        for hangs in [true, false] {
            let silent = move || if hangs { Do::Hang } else { Do::Cut };
            let script = move |at: Step, _: &str, _| if at == step { silent() } else { Do::Go };
            let (delivery, _server) = one(&["waiting", "failed"], script).await;
            let found = (&delivery["state"], &delivery["unknown"]);
            assert_eq!(found, (&json!("waiting"), &json!(0)), "{step:?}");
        }
    }
    let script = |at: Step, _: &str, _| if at == Step::Text { Do::Hang } else { Do::Go };
    let (delivery, _server) = one(&["waiting", "failed"], script).await;
    assert_eq!(
        (&delivery["state"], &delivery["unknown"]),
        (&json!("waiting"), &json!(1)),
        "{delivery}"
    );
    let answer = delivery["answer"].as_str().unwrap();
    assert!(answer.contains("no answer came within 2s: whether it arrived is unknown"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_text_is_unknown_and_repeated_under_the_same_id() {
    let script = |at: Step, _: &str, number| match at {
        Step::Text if number == 0 => Do::TakeAndCut,
        _ => Do::Go,
    };
    let (delivery, server) = one(&["sent"], script).await;
    assert_eq!((&delivery["attempts"], &delivery["unknown"]), (&json!(2), &json!(1)));
    assert_eq!(delivery["answer"], "250 2.0.0 queued as M1");
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert!(mails[0].header("Message-ID").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_is_replaced_at_once() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    for order in ["A1", "A2"] {
        let event = given(order, ana()).confirmed(&world.nats).await;
        notifier.bring(std::slice::from_ref(&event)).await;
        let sent = notifier.delivery(id(&event), "mail", &["sent", "waiting"]).await;
        assert_eq!(
            (&sent["state"], &sent["attempts"], &sent["unknown"]),
            (&json!("sent"), &json!(1), &json!(0))
        );
        server.cut();
    }
    assert_eq!((server.mails().len(), server.connections()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_beyond_ascii_is_refused_where_the_server_takes_none() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let event = given("A1", json!({"email": "grüße@example.org"})).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    let failed = notifier.delivery(id(&event), "mail", &["failed", "sent"]).await;
    assert!(failed["answer"].as_str().unwrap().contains("SMTPUTF8"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_for_no_delayed_acknowledgement() {
    const MAILS: usize = 100;
    let server = Smtp::good().await;
    let took = notifier::measure::mails("127.0.0.1", server.port, MAILS, 1).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (MAILS, 1));
    // With Nagle's algorithm each takes 40 ms and more.
    assert!(took < std::time::Duration::from_millis(30) * 100, "{took:?}");
}
