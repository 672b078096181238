//! A last line with control totals, and what it is compared with.

use crate::support::{HEADER, Setting, plain};
use domain::partner::Trailer;
use tabular::Transform;

fn with_trailer() -> Setting {
    let mut setting = plain();
    let trailer =
        Trailer { marker: "T".into(), rows: Some(2), quantity: None, total: None, required: true };
    setting.format.trailer = Some(trailer);
    setting
}

#[test]
fn a_trailer_is_no_row_and_its_fields_come_with_the_summary() {
    let rows = "A1,P1,1,2,22/11/2026,c1,T\nT1,P1,1,2,22/11/2026,c1,\n\"T\",1,\" 2 \"\"\"\r\n\n";
    let file = [HEADER, rows].concat();
    for (workers, block) in [(1, usize::MAX), (1, 1), (2, 10)] {
        let mut setting = with_trailer();
        setting.limits.workers = workers;
        setting.limits.block_bytes = 64;
        let (part, summary) = setting.read(file.as_bytes(), block).unwrap();
        assert_eq!(part.batch.len(), 2);
        assert_eq!(summary.trailer.unwrap(), ["T", "1", "2 \""]);
        assert_eq!(summary.detected.footer, ["\"T\",1,\" 2 \"\"\""]);
    }
    let (_, summary) = with_trailer().read(HEADER.as_bytes(), 9).unwrap();
    assert_eq!(summary.trailer, None);
    // A broken trailer is still recognised, but has no fields.
    let broken = [HEADER, "T,\"1"].concat();
    assert_eq!(with_trailer().read(broken.as_bytes(), 9).unwrap().1.trailer.unwrap(), [""; 0]);
}

#[test]
fn nothing_may_follow_a_trailer() {
    for rows in ["T,1\nA1,P1,1,2,22/11/2026,c1,\n", "T,1\nT,1\n", "T,1\n\n\nx"] {
        let expected = "line 2 is the trailer, but other lines follow";
        assert_eq!(with_trailer().outcome([HEADER, rows].concat().as_bytes()), [expected]);
    }
}

#[test]
fn sums_are_of_all_rows_that_can_be_read() {
    let rows = "A1,P1,1,2.5,22/11/2026,c1,\nA1,P1,1,2.5,22/11/2026,c1,\nA2,,-3,-1,x,c1,\n\
                A3,P1,x,1,22/11/2026,c1,\nA4,P1,7,?,22/11/2026,c1,\nA5,P1\nA6,\"P1,\n";
    let file = [HEADER, rows].concat();
    for (workers, block) in [(1, usize::MAX), (7, 3)] {
        let mut setting = plain();
        setting.limits.workers = workers;
        setting.limits.block_bytes = 16;
        let mut transform = setting.transform().with_sums();
        file.as_bytes().chunks(block).for_each(|bytes| drop(transform.push(bytes).unwrap()));
        let sums = transform.finish().unwrap().1.sums;
        assert_eq!((sums.rows, sums.quantity, sums.total, sums.unread), (7, 6, 80_000, 4));
    }
    let mut setting = with_trailer();
    setting.format.footer_lines = 1;
    let made = Transform::new(&setting.format, &setting.rules, setting.zone, setting.limits);
    assert_eq!(made.unwrap_err().to_string(), "trailer and footer-lines exclude each other");
}
