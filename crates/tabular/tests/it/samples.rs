//! Reads the shipped samples with the shipped partners.

use crate::support::Setting;
use domain::PartnerId;
use domain::partner::Partners;
use tabular::output::{OutputWriter, RejectsWriter};
use tabular::{Limits, Part, Summary};

#[derive(serde::Deserialize)]
struct File {
    partners: Partners,
}

fn read(partner: &str, file: &[u8]) -> (Part, Summary) {
    let config: File = serde_yaml_ng::from_str(include_str!("../../../../partners.yml")).unwrap();
    let partner = &config.partners[&PartnerId::parse(partner).unwrap()];
    let setting = Setting {
        format: partner.file.clone().unwrap(),
        rules: partner.rules.clone(),
        zone: Box::leak(partner.time_zone.clone().into_boxed_str()),
        limits: Limits::default(),
    };
    let whole = setting.read(file, usize::MAX).unwrap();
    for (workers, block_bytes) in
        [(1, 64), (1, 4 << 20), (2, 64), (2, 4096), (2, 70_000), (7, 64), (7, 1000), (7, 4 << 20)]
    {
        let mut setting = setting.clone();
        setting.limits = Limits { workers, block_bytes, ..setting.limits };
        assert_eq!(setting.read(file, 4096).unwrap(), whole, "{workers} {block_bytes}");
    }
    whole
}

fn rejects(part: &Part) -> Vec<String> {
    let show = |reject: &tabular::Reject| {
        let order = reject.order_id.as_deref().unwrap_or("?");
        format!("{} {order} {}: {}", reject.line, reject.rule, reject.reason)
    };
    part.rejects.iter().map(show).collect()
}

/// The counts are those of Python's csv module with the same rules.
#[test]
fn a_real_day_has_the_counts_of_an_independent_program() {
    let (part, summary) = read("US1", include_bytes!("../../../../samples/US1/2011-12-09.csv"));
    assert_eq!((summary.rows, summary.accepted), (1632, 617));
    let rules: Vec<_> = summary.rejected_by_rule.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    assert_eq!(rules, [("duplicate", 7), ("missing_customer", 1008)]);
    let first = |rule: &str| part.rejects.iter().find(|r| r.rule.code() == rule).unwrap().line;
    assert_eq!((first("missing_customer"), first("duplicate")), (176, 1336));
    let total = part.batch.rows().map(|row| row.unit_price.times(row.quantity).unwrap().units());
    assert_eq!(total.sum::<i64>(), 155_405_900);
    let distinct = |column: &tabular::TextColumn| {
        column.iter().collect::<std::collections::HashSet<_>>().len()
    };
    assert_eq!((distinct(&part.batch.order_id), distinct(&part.batch.product_id)), (46, 461));
    let range = |name: &str| {
        let column = summary.profile.iter().find(|column| column.column == name).unwrap();
        format!("{}..{}", column.min.as_deref().unwrap(), column.max.as_deref().unwrap())
    };
    assert_eq!(range("quantity"), "-80995..80995");
    assert_eq!(range("unit_price"), "0.12..224.69");
    assert_eq!(range("ordered_at"), "2011-12-09T08:39:00Z..2011-12-09T12:50:00Z");
    assert_eq!(range("customer_id"), "12423..18102");
    assert_eq!(range("region"), "Belgium..United Kingdom");
}

#[test]
fn the_french_spanish_shop_has_two_bad_rows() {
    let (part, summary) = read("US2", include_bytes!("../../../../samples/US2/orders.csv"));
    assert_eq!((summary.rows, summary.accepted), (12, 10));
    assert_eq!(
        rejects(&part),
        [
            "9 CMD-2044 bad_quantity: \"deux\" is not a whole number between -1000000000 and \
             1000000000",
            "11 CMD-2046 bad_date: \"31/11/2026\" is not a date in one of the partner's formats",
        ]
    );
    let row = part.batch.row(7).unwrap();
    assert_eq!(row.description, "Savon \"Provence\" à 5 €");
    assert_eq!((row.customer_id, row.region), ("Zoë Núñez", "España"));
}

#[test]
fn the_shop_of_single_products_has_one_broken_line() {
    let (part, summary) = read("US3", include_bytes!("../../../../samples/US3/orders.csv"));
    assert_eq!((summary.rows, summary.accepted), (10, 9));
    let expected =
        "8 ORD-1007 unclosed_quote: a quote is not closed within 65536 bytes or the file";
    assert_eq!(rejects(&part), [expected]);
}

#[test]
fn written_rows_are_read_again_without_a_reject() {
    let (part, _) = read("US2", include_bytes!("../../../../samples/US2/orders.csv"));
    let mut output = OutputWriter::new(Vec::new(), domain::extra::Shown::default()).unwrap();
    output.write(&part.batch).unwrap();
    let output = output.finish().unwrap();
    let mut setting = crate::support::plain();
    setting.format.dates = vec!["%Y-%m-%dT%H:%M:%S%:z".into()];
    let columns = &mut setting.format.columns;
    columns.order_id = "order_id".into();
    columns.product_id = "product_id".into();
    columns.quantity = "quantity".into();
    columns.unit_price = "unit_price".into();
    columns.ordered_at = "ordered_at".into();
    columns.customer_id = Some("customer_id".into());
    columns.description = Some("description".into());
    columns.region = Some("region".into());
    columns.category = Some("category".into());
    let (again, _) = setting.read(&output, 64).unwrap();
    let plain = |part: &Part| {
        part.batch.rows().map(|row| tabular::Row { line: 0, ..row }).collect::<tabular::Batch>()
    };
    assert_eq!(plain(&again), plain(&part));
    let mut file = RejectsWriter::new(Vec::new()).unwrap();
    file.write(&part.rejects).unwrap();
    assert_eq!(file.finish().unwrap().split(|byte| *byte == b'\n').count(), 4);
}
