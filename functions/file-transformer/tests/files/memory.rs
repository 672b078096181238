//! More files at once than there is memory for.

use crate::support::{US3_HEADER, World, us3};
use intake::ledger::State;

const ORDERS: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_finds_no_memory_is_given_up_and_done_later() {
    let world = World::start().await;
    // Both may begin, with 8 MiB each, and neither can be read beside the other to its end.
    let settings = world.settings().into_iter();
    let settings = settings.chain([("ORDERFLOW_FILES_MEMORY_MIB", "17".into())]);
    let router = file_transformer::build(&mut runtime::Env::from_pairs(settings)).await;
    let world = World { router: router.unwrap().into_router(), ..world };
    let put = |name: &str| {
        let orders = (0..ORDERS).map(|n| us3(&format!("{name}-{n}"), 1));
        let content = US3_HEADER.to_owned() + &orders.collect::<String>();
        world.put("US3", &format!("{name}.csv"), content.as_bytes())
    };
    let files = [put("a"), put("b")];
    let said = world.call(&files).await;
    assert_eq!(said, ["(wait) no memory is free: other files are being processed"]);
    assert_eq!(world.orders().await.len(), 20_000, "nothing of the other one is sent");
    let waits = |name: &&str| world.files("US3").contains_key(&format!("inbox/{name}.csv"));
    let waiting: Vec<_> = ["a", "b"].iter().filter(|name| waits(name)).collect();
    let [name] = waiting.as_slice() else { panic!("{waiting:?}") };

    let file = files.iter().find(|file| file["data"]["name"] == format!("{name}.csv"));
    assert_eq!(world.done(file.unwrap()).await.state, State::Done);
    assert_eq!(world.orders().await.len(), 40_000);
}
