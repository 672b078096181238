//! Random expressions over random rows, compared with an independent evaluator that works row by row
//! and only as far as necessary.

mod language;
mod rows;

use self::language::{Choices, TEXTS};
use crate::support::plain;
use crate::transform::made;
use domain::partner::{Column as Role, Names};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_calculated_as_each_of_its_rows(
        choices in prop::collection::vec(any::<u8>(), 0..120),
        rows in prop::collection::vec(prop::array::uniform3(prop::sample::select(TEXTS.to_vec())), 1..20),
    ) {
        let mut choices = Choices(choices.iter());
        let (text, truth) = (choices.text(4), choices.truth(3));
        // NULL must be distinguishable from an empty text, and no text may be trimmed.
        let sql = format!("'<' || COALESCE({}, 'NULL') || '>'", text.sql());
        let mut setting = made(&[(Role::Description, &sql)], Some(&truth.sql()));
        setting.format.columns = plain().format.columns;
        setting.format.columns.description = None;
        setting.format.columns.order_id = Names::from("order");
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["order", "sku", "qty", "price", "date", "customer", "a", "b", "c"]).unwrap();
        let mut expected = Vec::new();
        for (n, row) in rows.iter().enumerate() {
            let id = format!("A{n}");
            let [a, b, c] = row;
            file.write_record([&id, "P1", "1", "2", "2026-11-22", "c1", a, b, c]).unwrap();
            let made = match truth.of(row) {
                Err(()) => "transform_failed".to_owned(),
                Ok(None | Some(false)) => continue,
                Ok(Some(true)) => match text.of(row) {
                    Err(()) => "transform_failed".to_owned(),
                    Ok(text) => match format!("<{}>", text.as_deref().unwrap_or("NULL")) {
                        text if text.len() > 4_096 => "transform_failed".to_owned(),
                        text if text.len() > 512 => "too_long".to_owned(),
                        text => text,
                    },
                },
            };
            expected.push((n as u64 + 2, made));
        }
        let (part, _) = setting.read(&file.into_inner().unwrap(), usize::MAX).unwrap();
        let accepted = part.batch.rows().map(|row| (row.line, row.description.to_owned()));
        let rejected = part.rejects.iter().map(|reject| (reject.line, reject.rule.to_string()));
        let mut found: Vec<(u64, String)> = accepted.chain(rejected).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected, "{} WHERE {}", sql, truth.sql());
    }
}
