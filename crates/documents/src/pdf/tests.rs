//! Pages before they are drawn: heads, sums that are carried over, margins.

use super::sheet::{BOTTOM, HEIGHT, LEFT, Op, RIGHT, Sheet};
use super::{head, sums, table};
use crate::view::View;
use domain::invoice::Document;
use serde_json::{Value, json};

/// An invoice with so many lines of 1.00.
fn document(lines: usize, prices: &str, description: &str) -> Document {
    let tax = json!({"code": "S", "percent": "20"});
    let line = json!({
        "product_id": "P1", "description": description, "quantity": 1, "unit_price": "1.20", "tax": tax,
        "net": "1.00", "amount": "1.20"
    });
    let totals = json!({"lines": "1", "allowances": "0", "charges": "0", "net": "1", "tax": "0.20", "gross": "1.20",
        "rounding": "0", "payable": "1.20"});
    let address =
        json!({"street": "Hauptstraße 1", "postcode": "10115", "city": "Berlin", "country": "DE"});
    let document: Value = json!({
        "number": "R-1", "kind": "invoice", "issued_on": "2026-11-29", "issued_at": "2026-11-29T12:00:00Z",
        "supply": {"partner": "P", "order_id": "O-1", "attempt": 1, "placed": 1, "warehouse": "main",
            "ordered_at": "2026-11-29T12:00:00Z", "supplied_on": "2026-11-29"},
        "seller": {"id": "S", "name": "Laden", "address": address, "time_zone": "Europe/Berlin", "language": "de"},
        "buyer": {}, "currency": "EUR", "decimals": 2, "prices": prices, "lines": vec![line; lines],
        "taxes": [{"code": "S", "percent": "20", "base": "1", "amount": "0.20"}], "totals": totals, "layout": 1
    });
    serde_json::from_value(document).unwrap()
}

fn sheet(document: &Document) -> Sheet {
    let view = View::of(document);
    let mut sheet = Sheet::new();
    head::write(&mut sheet, &view);
    table::write(&mut sheet, &view);
    sums::write(&mut sheet, &view);
    sums::feet(&mut sheet, &view);
    sheet
}

fn text(op: &Op) -> Option<&str> {
    match op {
        Op::Text { line, .. } => Some(&line.text),
        Op::Rule { .. } => None,
    }
}

/// The texts of each page, in the order of drawing.
fn texts(sheet: &Sheet) -> Vec<Vec<&str>> {
    sheet.pages.iter().map(|page| page.iter().filter_map(text).collect()).collect()
}

/// What is beside a name, behind it.
fn after<'a>(page: &[&'a str], name: &str, last: bool) -> Vec<&'a str> {
    let at = if last {
        page.iter().rposition(|text| *text == name)
    } else {
        page.iter().position(|text| *text == name)
    };
    page.iter().skip(at.unwrap() + 1).copied().take(2).collect()
}

#[test]
fn sums_are_carried_from_page_to_page() {
    let document = document(120, "gross", "Tee");
    let sheet = sheet(&document);
    let pages = texts(&sheet);
    assert!(3 < pages.len(), "{}", pages.len());
    let mut lines = 0;
    for (page, next) in pages.iter().zip(pages.iter().skip(1)) {
        lines += page.iter().filter(|text| **text == "Tee").count();
        let expected = [format!("{lines},00"), {
            let cents = lines * 120;
            format!("{},{:02}", cents / 100, cents % 100)
        }];
        assert_eq!(after(page, "Übertrag", true), expected);
        assert_eq!(after(next, "Übertrag", false), expected);
    }
    lines += pages.last().unwrap().iter().filter(|text| **text == "Tee").count();
    assert_eq!(lines, 120);
}

#[test]
fn every_page_has_head_number_and_page() {
    let document = document(120, "net", "Tee");
    let sheet = sheet(&document);
    let pages = texts(&sheet);
    for (index, page) in pages.iter().enumerate() {
        let foot = format!("R-1 · Seite {} von {}", index + 1, pages.len());
        assert!(page.contains(&foot.as_str()), "{page:?}");
        assert!(page.contains(&"Bezeichnung") || !page.contains(&"Tee"), "{page:?}");
    }
}

#[test]
fn nothing_is_beyond_the_margins() {
    for (lines, description) in [
        (1, "Tee"),
        (
            70,
            "Ein langer Name, der in mehrere Zeilen gebrochen wird, weil er länger als die Spalte ist",
        ),
        (2, &"x".repeat(9_000)),
        (3, &"Wort ".repeat(2_000)),
    ] {
        let document = document(lines, "gross", description);
        for (number, page) in sheet(&document).pages.iter().enumerate() {
            for op in page {
                let Op::Text { x, y, style, line, .. } = op else { continue };
                let end = x + line.width * style.size;
                assert!(LEFT - 0.1 <= *x && end <= RIGHT + 0.1, "{} ends at {end}", line.text);
                let is_foot =
                    line.text.starts_with("R-1 · Seite") || line.text.starts_with("Laden");
                let limit = if is_foot { HEIGHT - 20.0 } else { BOTTOM };
                assert!(0.0 < *y && *y <= limit, "page {number}: {} is at {y}", line.text);
            }
        }
    }
}

#[test]
fn a_character_without_glyph_is_seen_and_its_text_kept() {
    use super::font::{Weight, shape};
    let unknown = shape("\u{fffd}", Weight::Regular).runs.remove(0).glyphs.remove(0).glyph_id;
    let line = shape("a緑b", Weight::Regular);
    let glyphs: Vec<_> = line.runs.iter().flat_map(|run| &run.glyphs).collect();
    assert_eq!(glyphs.len(), 3);
    assert_eq!(glyphs[1].glyph_id, unknown);
    assert_eq!(line.text.get(glyphs[1].text_range.clone()), Some("緑"));
}

#[test]
fn arabic_runs_from_right_to_left() {
    use super::font::{Weight, shape};
    let line = shape("x محمد 12", Weight::Regular);
    let order: Vec<usize> =
        line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.text_range.start).collect();
    // The number is read from the left, and stands on the left of the name.
    assert_eq!(order, [0, 1, 11, 12, 10, 8, 6, 4, 2]);
}
