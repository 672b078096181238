//! What people ask.

use crate::smtp::{Do, Smtp, Step};
use crate::support::{World, ana, given, id, smtp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_a_customer_gets_and_what_a_text_message_takes() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let shown = notifier.get("/preview?notice=order_cancelled&language=fr-CA&partner=US1").await;
    assert_eq!((shown.status, &shown.body["language"]), (200, &json!("fr")), "{shown:?}");
    assert_eq!(shown.body["sms"], "Lamps & Co : votre commande A-1001 est annulée.");
    assert_eq!(shown.body["sms_size"], json!({"encoding": "gsm7", "units": 47, "segments": 1}));
    assert!(shown.body["html"].as_str().unwrap().contains("<html lang=\"fr\">"));
    let german = notifier.get("/preview?partner=US2").await;
    assert_eq!(german.body["from"], "Two <two@two.example>");
    assert_eq!(german.body["subject"], "Ihre Bestellung A-1001 ist bestätigt");
    let alert = notifier.get("/preview?notice=alert_partners").await;
    assert_eq!(alert.body.get("sms"), None);
    let wrong = notifier.get("/preview?notice=order_lost").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.to_string().contains("known are order_confirmed"), "{wrong:?}");
    assert_eq!(notifier.get("/preview?language=french").await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_says_the_servers_words_at_once_and_is_kept_nowhere() {
    let world = World::start().await;
    let script = |at: Step, to: &str, _| match at {
        Step::To if to.starts_with("gone") => Do::Say("550 5.1.1 no such user"),
        _ => Do::Go,
    };
    let server = Smtp::start(script).await;
    let notifier = world.notifier(&smtp(&server)).await;
    let tried = notifier.post("/test", &json!({"to": "ops@shop.example", "language": "es"})).await;
    assert_eq!(tried.body["outcome"], "sent", "{tried:?}");
    assert_eq!(tried.body["answer"], "250 2.0.0 queued as M0");
    let gone = notifier.post("/test", &json!({"to": "gone@shop.example"})).await;
    assert_eq!(
        (&gone.body["outcome"], &gone.body["answer"]),
        (&json!("never"), &json!("550 5.1.1 no such user"))
    );
    assert_eq!(notifier.post("/test", &json!({"to": "nobody"})).await.status, 422);
    let sms = notifier.post("/test", &json!({"to": "+33612345678", "channel": "sms"})).await;
    assert!(
        sms.status == 409 && sms.body["detail"].as_str().unwrap().contains("ORDERFLOW_SMS_URL"),
        "{sms:?}"
    );
    assert_eq!(world.texts(messaging::streams::OUTBOX, ">").await, <[&str; 0]>::default());
    let body = json!({"to": "a@b.example"}).to_string();
    let read = notifier.send("POST", "/test", ("read", "application/json"), &body).await;
    assert_eq!(read.status, 403, "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again_and_no_answer_or_record_holds_an_address() {
    let world = World::start().await;
    let script = |at: Step, _: &str, _| match at {
        Step::To => Do::Say("550 5.1.1 ANA@example.org (Ana, +33612345678) is unknown"),
        _ => Do::Go,
    };
    let server = Smtp::start(script).await;
    let (port, settings) = (server.port, smtp(&server));
    let notifier = world.notifier(&settings).await;
    let event = given("A1", ana()).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    let failed = notifier.delivery(id(&event), "mail", &["failed"]).await;
    assert_eq!(failed["answer"], "550 5.1.1 (address) (Ana, (address)) is unknown");
    for stream in ["KV_EFFECTS", messaging::streams::NOTIFICATIONS, messaging::streams::ERRORS] {
        for text in world.texts(stream, ">").await {
            let lower = text.to_lowercase();
            assert!(!lower.contains("example.org") && !text.contains("Secret"), "{stream}: {text}");
        }
    }
    drop(server);
    let server = Smtp::on(port, |_, _, _| Do::Go, None, false).await;
    assert_eq!(notifier.post("/deliveries/again", &json!({"id": failed["id"]})).await.status, 200);
    let sent = notifier.delivery(id(&event), "mail", &["sent"]).await;
    assert_eq!(sent["attempts"], 2);
    assert_eq!(server.taken(1).await[0].to, "ana@example.org");
}
