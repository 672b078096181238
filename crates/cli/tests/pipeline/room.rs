//! A full disk under the store of `up`.

use std::fs;

use testkit::disk::Disk;

use crate::support::{Up, eventually};

const BYTES: u64 = 256 << 20;

#[test]
fn after_a_full_disk_orders_are_taken_again_without_a_hand() {
    let mut up = Up::start(&[]);
    up.end("-TERM");
    let store = up.dir.path().join("data/nats/store");
    fs::remove_dir_all(&store).unwrap();
    fs::create_dir_all(&store).unwrap();
    let disk = match Disk::mount(&store, BYTES) {
        Ok(disk) => disk,
        // A small file system needs root; CI is.
        Err(error) => return assert!(!rustix::process::geteuid().is_root(), "{error:#}"),
    };
    up.again(&[]);
    let order = |id: usize| {
        let body = format!(r#"{{"order_id":"{id}","product_id":"P001","quantity":1,"price":1}}"#);
        up.send("POST", "/function/order-ingest", &body).0
    };
    assert_eq!(order(0), 201);
    disk.fill().unwrap();
    let mut id = 0;
    eventually("nothing is taken any more", || {
        id += 1;
        let status = order(id);
        // What others wrote meanwhile may have left some room.
        disk.fill().unwrap();
        status == 503
    });
    disk.empty().unwrap();
    eventually("orders are taken again", || {
        id += 1;
        matches!(order(id), 200 | 201)
    });
    up.json(&["wait", "--timeout", "60s"]);
    for verify in [["stock", "verify"], ["journal", "verify"]] {
        let said = up.orderflow(&verify);
        assert!(said.status.success(), "{said:?}");
    }
    up.end("-TERM");
    drop(disk);
}
