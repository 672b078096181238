//! Logins that change while the function runs.

use crate::support::{US3_HEADER, World, eventually, us3};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_changed_costs_no_attempt_and_works_once_the_secret_says_so() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", (US3_HEADER.to_owned() + &us3("1", 1)).as_bytes());
    // The server takes another key for US3 now: that of US2, who has none any more.
    let file = world.sshd.dir().join("authorized_keys");
    let lines = std::fs::read_to_string(&file).unwrap();
    let of = |name: &str| lines.lines().find(|line| line.ends_with(name)).unwrap();
    let key = |line: &str| line.rsplit_once("\" ").unwrap().1.to_owned();
    let (us2, us3) = (key(of("US2")), of("US3"));
    std::fs::write(&file, us3.replace(&key(us3), &us2) + "\n").unwrap();

    let failed = world.call(std::slice::from_ref(&event)).await;
    let [reason] = &failed[..] else { panic!("{failed:?}") };
    assert!(reason.starts_with("(wait) 127.0.0.1:"), "{reason}");
    assert!(reason.contains(&format!("refuses the login of {}", world.sshd.user())), "{reason}");
    assert_eq!(world.names("US3"), ["inbox/a.csv"]);

    let secret = world.sshd.dir().join("secrets/US3-key");
    std::fs::write(secret, world.sshd.private_key("US2")).unwrap();
    eventually(async || world.call(std::slice::from_ref(&event)).await.is_empty().then_some(()))
        .await;
    assert_eq!(world.orders().await.len(), 1);
}
