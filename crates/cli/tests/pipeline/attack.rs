//! What strangers, mistaken programs and restarts do to the whole pipeline, in short.

use std::path::PathBuf;

use testkit::campaign::attack::{self, Options};

#[tokio::test]
async fn strangers_and_restarts_lose_double_and_stop_no_order() {
    for nats_server in testkit::nats_servers() {
        let options = Options {
            orderflow: PathBuf::from(env!("CARGO_BIN_EXE_orderflow")),
            nats_server,
            starts: 2,
            orders: 40,
        };
        let report = attack::run(&options).await.unwrap();
        assert!(report.is_clean(), "{:?}: {report}", options.nats_server);
    }
}
