use super::*;
use domain::inventory::{Cause, Identity, Outcome, Verdict};
use domain::stock::Movement as Moved;
use domain::{Kind, OrderId, PartnerId};

fn product(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}

fn entry(prev: u64, body: Body) -> Record<Body> {
    let id = format!("e{prev}");
    let at = chrono::DateTime::UNIX_EPOCH;
    Record::Decision(Entry { id, prev, at, decided_to: None, key: None, body })
}

fn first(body: Body) -> Body {
    Body::First(Box::new(body))
}

fn set(id: &str, level: i64) -> Body {
    Body::Set { key: None, available: [(product(id), level)].into() }
}

fn moved(id: &str, delta: i64) -> Body {
    let cause = Cause::Restock { reference: None };
    Body::Change(Box::new(Change { cause, moved: [(product(id), delta)].into(), by: None }))
}

fn orders(all: &[(&str, i64, Kind)]) -> Body {
    let outcome = |(n, (id, delta, kind)): (usize, &(&str, i64, Kind))| Outcome {
        sequence: n as u64,
        order: None,
        id: Some(Identity {
            partner: PartnerId::parse("DIRECT").unwrap(),
            order_id: OrderId::parse(&n.to_string()).unwrap(),
            kind: *kind,
            attempt: 1,
            file: None,
        }),
        verdict: Verdict::Confirmed(vec![Moved { product: product(id), delta: *delta }]),
        in_force: None,
    };
    let outcomes = all.iter().enumerate().map(outcome).collect();
    Body::Orders { outcomes, checked: Default::default() }
}

/// Entries 2, 4, 6, … of `main`, the first of which follows `prev`.
fn books(prev: u64, bodies: impl IntoIterator<Item = Body>) -> Books {
    let mut books = Books::default();
    let mut last = prev;
    for body in bodies {
        books.entry("main", last + 2, true, &entry(last, body));
        last += 2;
    }
    books
}

/// `number kind delta level` of a page.
#[track_caller]
fn check(page: &Page, expected: &[&str]) {
    let text = |n: Option<i64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let row =
        |m: &Movement| format!("{} {} {} {}", m.number, m.why.kind(), text(m.delta), text(m.level));
    assert_eq!(page.movements.iter().map(row).collect::<Vec<_>>(), expected);
}

#[test]
fn every_movement_has_what_was_there_after_it() {
    let sold = [("A", -2, Kind::Sale), ("B", -1, Kind::Sale), ("A", 1, Kind::Return)];
    let books = books(0, [first(set("A", 10)), orders(&sold), moved("A", 5), set("A", 3)]);
    let main = books.of("main").unwrap();
    let page = main.page(&product("A"), None, 10, None);
    assert!(page.is_complete && !page.has_more);
    check(
        &page,
        &[
            "8.0 set -11 3",
            "6.0 restock 5 14",
            "4.2 return 1 9",
            "4.0 reservation -2 8",
            "2.0 set 10 10",
        ],
    );
    check(&main.page(&product("B"), None, 10, None), &["4.1 reservation -1 -1"]);
    let nothing = main.page(&product("C"), None, 10, None);
    assert!(nothing.is_complete && nothing.movements.is_empty());
}

#[test]
fn pages_hold_each_movement_once() {
    let bodies = std::iter::once(first(set("A", 0))).chain((0..9).map(|_| moved("A", 1)));
    let books = books(0, bodies);
    let main = books.of("main").unwrap();
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = main.page(&product("A"), before, 4, None);
        before = page.movements.last().map(|last| last.number);
        all.extend(page.movements.iter().map(|m| (m.number.entry, m.level)));
        if !page.has_more {
            break;
        }
    }
    let expected: Vec<_> = (0..10).rev().map(|n| (2 + 2 * n as u64, Some(n))).collect();
    assert_eq!(all, expected);
}

#[test]
fn a_journal_whose_beginning_is_gone_is_counted_back_from_what_is_there_now() {
    let books = books(100, [moved("A", 5), moved("A", -2), set("B", 7), moved("B", 1)]);
    let main = books.of("main").unwrap();
    let page = main.page(&product("A"), None, 10, None);
    assert!(!page.is_complete);
    check(&page, &["104.0 restock -2 ?", "102.0 restock 5 ?"]);
    check(
        &main.page(&product("A"), None, 10, Some(20)),
        &["104.0 restock -2 20", "102.0 restock 5 22"],
    );
    check(&main.page(&product("B"), None, 10, Some(8)), &["108.0 restock 1 8", "106.0 set ? 7"]);
    // Behind an older page as well.
    let before = Some(Number { entry: 104, part: 0 });
    check(&main.page(&product("A"), before, 10, Some(20)), &["102.0 restock 5 22"]);
}

#[test]
fn a_journal_of_0_1_0_began_with_the_sample_products() {
    let books = books(0, [moved("P001", 5)]);
    let page = books.of("main").unwrap().page(&product("P001"), None, 10, None);
    check(&page, &["2.0 restock 5 55"]);
}

#[test]
fn what_is_no_entry_moves_nothing() {
    let mut books = books(0, [first(set("A", 1)), moved("A", 1)]);
    books.entry("main", 6, false, &entry(4, moved("A", 100)));
    books.entry("main", 7, true, &entry(2, moved("A", 100)));
    books.entry("main", 8, true, &entry(4, moved("A", 1)));
    let main = books.of("main").unwrap();
    assert_eq!(main.last(), 8);
    check(
        &main.page(&product("A"), None, 10, None),
        &["8.0 restock 1 3", "4.0 restock 1 2", "2.0 set 1 1"],
    );
}

#[test]
fn behind_a_hole_levels_are_not_known_until_they_are_set() {
    let mut books = books(0, [first(set("A", 1))]);
    books.entry("main", 9, true, &entry(8, moved("A", 1)));
    books.entry("main", 10, true, &entry(9, set("A", 4)));
    let page = books.of("main").unwrap().page(&product("A"), None, 10, None);
    assert!(!page.is_complete);
    check(&page, &["10.0 set ? 4", "9.0 restock 1 ?", "2.0 set 1 1"]);
}

#[test]
fn the_newest_movements_stay_and_it_says_that_older_ones_are_gone() {
    let most = PRODUCT_MAX + 5;
    let bodies = std::iter::once(first(set("A", 0))).chain((1..most).map(|_| moved("A", 1)));
    let mut books = books(0, bodies);
    assert_eq!(books.held(), PRODUCT_MAX);
    let page = |books: &Books| books.of("main").unwrap().page(&product("A"), None, 1, None);
    assert!(!page(&books).is_complete);
    check(&page(&books), &[&format!("{}.0 restock 1 {}", 2 * most, most - 1)]);
    books.forget(2 * most as u64);
    assert_eq!(books.held(), 1);
    let text = serde_json::to_string(&books).unwrap();
    let read: Books = serde_json::from_str(&text).unwrap();
    assert_eq!((page(&read), read.held()), (page(&books), 1));
}

#[test]
fn a_product_falls_again_only_after_it_was_not_below() {
    let books = books(
        0,
        [
            first(set("A", 9)),
            moved("A", -5),
            moved("A", -1),
            moved("A", 4),
            moved("A", -4),
            moved("A", 5),
        ],
    );
    let main = books.of("main").unwrap();
    let fallen = |threshold, told: Option<u64>| {
        let told = told.map(|entry| Number { entry, part: 0 });
        let found = main.fallen(&product("A"), threshold, told);
        found.map(|(movement, is_low)| (movement.number.entry, is_low))
    };
    assert_eq!(fallen(5, None), Some((10, false)));
    assert_eq!(fallen(5, Some(4)), Some((10, false)));
    assert_eq!(fallen(5, Some(10)), None);
    assert_eq!(fallen(8, None), Some((4, false)));
    assert_eq!(fallen(9, Some(4)), None);
    assert_eq!(fallen(3, None), None);
}

#[test]
fn with_many_products_each_has_fewer_movements() {
    let many: Vec<String> = (0..SHARD_MAX / 4).map(|n| n.to_string()).collect();
    let all = |n: i64| {
        let moved = many.iter().map(|id| (product(id), n)).collect();
        Body::Change(Box::new(Change { cause: Cause::Count { reason: None }, moved, by: None }))
    };
    let mut bodies = vec![first(all(1))];
    bodies.extend((0..7).map(|_| all(1)));
    let books = books(0, bodies);
    assert!(books.held() <= SHARD_MAX, "{}", books.held());
    let page = books.of("main").unwrap().page(&product("7"), None, 10, None);
    let levels: Vec<_> = page.movements.iter().map(|movement| movement.level).collect();
    assert_eq!(levels, [Some(8), Some(7), Some(6)]);
    assert!(!page.is_complete);
}
