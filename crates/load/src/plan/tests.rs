//! The generated messages are what they claim to be.

use super::*;
use domain::order::Terms;
use domain::raw;
use std::collections::{BTreeMap, HashMap};

fn messages(mix: &Mix, seed: u64, count: u64) -> Vec<Message> {
    let partners = vec![None, Some(PartnerId::parse("US1").unwrap())];
    let plan = Plan::new(mix, seed, partners, DateTime::UNIX_EPOCH).unwrap();
    let mut buffer = BytesMut::new();
    (1..=count).map(|index| plan.message(index, &mut buffer)).collect()
}

#[test]
fn the_same_seed_makes_the_same_orders_and_all_are_valid() {
    let bodies = |seed| {
        let messages = messages(&Mix::default(), seed, 200);
        messages.into_iter().map(|message| message.body).collect::<Vec<_>>()
    };
    assert_eq!(bodies(7), bodies(7));
    assert_ne!(bodies(7), bodies(8));
    for body in bodies(7) {
        let draft = raw::parse(&body, None).unwrap();
        assert!((1..=PIECES_MAX).contains(&draft.lines[0].quantity));
        draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
    }
}

#[test]
fn every_message_is_what_it_says() {
    let share = ALL / 10;
    let mix = Mix {
        duplicates: share,
        conflicts: share,
        broken: 2 * share,
        returns: share,
        lines: 4,
        products: 50,
        ..Mix::default()
    };
    let mut contents = HashMap::new();
    let mut counts = BTreeMap::new();
    for message in messages(&mix, 1, 5_000) {
        *counts.entry(message.what).or_insert(0) += 1;
        let draft = raw::parse(&message.body, None);
        if let What::Broken(fault) = message.what {
            // Which partners exist is checked elsewhere.
            assert_eq!(draft.is_ok(), fault == Fault::UnknownPartner, "{fault:?}");
            continue;
        }
        let draft = draft.unwrap();
        let key = (draft.partner.clone(), draft.order_id.clone());
        let before = contents.get(&key);
        match message.what {
            What::Duplicate => assert_eq!(before, Some(&draft.content())),
            What::Conflict => assert!(before.is_some_and(|hash| *hash != draft.content())),
            _ => assert_eq!(before, None),
        }
        assert_eq!(
            message.what == What::Return,
            draft.kind == domain::Kind::Return && before.is_none()
        );
        contents.entry(key).or_insert_with(|| draft.content());
    }
    let broken: i32 = Fault::ALL.iter().map(|fault| counts[&What::Broken(*fault)]).sum();
    for (what, expected) in [
        (broken, 1_000),
        (counts[&What::Duplicate], 500),
        (counts[&What::Conflict], 500),
        (counts[&What::Return], 300),
    ] {
        assert!((expected - 100..=expected + 100).contains(&what), "{counts:?}");
    }
}

#[test]
fn orders_have_charges_and_persons_and_are_valid() {
    let mix = Mix { charges: ALL / 2, persons: ALL / 2, returns: ALL / 4, ..Mix::default() };
    let messages = messages(&mix, 1, 1_000);
    let drafts = messages.iter().map(|message| raw::parse(&message.body, None).unwrap());
    let persons = drafts.clone().filter(|draft| draft.person.is_some()).count();
    assert!((400..600).contains(&persons), "{persons}");
    let with: Vec<_> = drafts.filter(|draft| !draft.charges.is_empty()).collect();
    assert!((400..600).contains(&with.len()), "{}", with.len());
    assert!(with.iter().any(|draft| draft.kind == domain::Kind::Return));
}

#[test]
fn a_return_that_names_its_sale_gives_all_of_it_back() {
    let mix = Mix { returns: ALL / 4, lines: 3, ..Mix::default() };
    let named = Mix { named_returns: ALL / 2, ..mix.clone() };
    let (mut sales, mut returns) = (BTreeMap::new(), 0);
    for (with, without) in messages(&named, 1, 1_000).into_iter().zip(messages(&mix, 1, 1_000)) {
        let draft = raw::parse(&with.body, None).unwrap();
        let lines = draft.lines.iter().map(|line| line.quantity).collect::<Vec<_>>();
        let Some(sale) = draft.returns else {
            assert_eq!(with.body, without.body, "the others are the same");
            sales.insert(draft.order_id, (draft.partner, lines));
            continue;
        };
        let (partner, sold) = &sales[&sale];
        assert!(sold.iter().eq(lines.iter().map(|quantity| -quantity).collect::<Vec<_>>().iter()));
        assert_eq!(*partner, draft.partner);
        returns += 1;
    }
    assert!((50..200).contains(&returns), "{returns}");
}

#[test]
fn a_hot_product_is_in_most_lines() {
    let mix = Mix { hot_product: ALL / 10 * 9, lines: 3, products: 1_000, ..Mix::default() };
    let (mut hot, mut all) = (0, 0);
    for message in messages(&mix, 1, 1_000) {
        for line in raw::parse(&message.body, None).unwrap().lines {
            all += 1;
            hot += u32::from(line.product_id.as_str() == "P001");
        }
    }
    assert!((all * 85..all * 95).contains(&(hot * 100)), "{hot} of {all}");
}

#[test]
fn distinct_orders_are_counted_without_making_them() {
    let mix = Mix { duplicates: ALL / 5, conflicts: ALL / 5, broken: ALL / 5, ..Mix::default() };
    let plan = Plan::new(&mix, 4, vec![None], DateTime::UNIX_EPOCH).unwrap();
    let ids = messages(&mix, 4, 1_000).into_iter().filter(|m| m.what == What::Sale);
    assert_eq!(plan.distinct(1_000), u64::try_from(ids.count()).unwrap());
    assert!((300..500).contains(&plan.distinct(1_000)));
}

#[test]
fn shares_that_do_not_fit_together_are_refused() {
    let mix = Mix { duplicates: ALL, broken: 1, ..Mix::default() };
    let plan = Plan::new(&mix, 1, vec![None], DateTime::UNIX_EPOCH);
    assert!(plan.unwrap_err().to_string().contains("more than 100 %"));
    // There is no earlier order to repeat, so all of them are new orders.
    let mix = Mix { duplicates: ALL, ..Mix::default() };
    assert!(messages(&mix, 1, 50).iter().all(|message| message.what == What::Sale));
}
