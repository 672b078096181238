//! An answer that does not arrive.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_answer_is_lost_can_be_repeated() {
    let shop = Shop::start().await;
    assert_eq!(shop.place("no", 60).await, 201);
    shop.decide().await;
    let body = json!({"order_id": "no", "attempt": 1});
    shop.world.server.kill();
    assert_eq!(send(&shop.world.router, "/retry", "admin", body.to_string()).await.0, 503);
    shop.world.server.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = shop.post("/retry", body.clone()).await;
        if answer.starts_with("20") {
            break;
        }
        assert!(answer.starts_with("503") && Instant::now() < deadline, "{answer}");
    }
    shop.decide().await;
    assert_eq!(shop.post("/retry", body).await, "200 refused 2");
    assert_eq!(shop.history().await.summary.placed, 2);
}
