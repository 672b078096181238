//! Below the table: tax by rate, totals, payment terms and notes. Also the footer of each page.

use super::font::Weight;
use super::sheet::{Align, BOTTOM, LEFT, Mark, RIGHT, Sheet, Style, mm};
use crate::view::View;

const PAYABLE: Style = Style { size: 11.0, weight: Weight::Bold, grey: 0 };
const NOTE: Style = Style { size: 8.0, grey: 60, ..Style::BODY };
const ROW: f32 = Style::BODY.leading() + mm(0.9);
/// Right edges of rate, base and tax; the rate is aligned left.
const TAXES: [f32; 3] = [LEFT, mm(68.0), mm(92.0)];
/// Where totals begin.
const TOTALS: f32 = mm(108.0);

pub(super) fn write(sheet: &mut Sheet, view: &View) {
    let rows = view.totals.len().max(view.taxes.len() + 1) as f32;
    let height = rows * ROW + mm(10.0);
    if !sheet.has_room(height) {
        sheet.break_page();
    }
    let top = sheet.y + mm(5.0);
    let left = taxes(sheet, view, top);
    let right = totals(sheet, view, top);
    sheet.y = left.max(right) + mm(4.0);
    for line in &view.reasons {
        sheet.paragraph(Style::BODY, line);
    }
    if !view.reasons.is_empty() {
        sheet.y += mm(2.0);
    }
    for (index, line) in view.payment.iter().enumerate() {
        sheet.paragraph(if index == 0 { Style::STRONG } else { Style::BODY }, line);
    }
    sheet.y += mm(3.0);
    for line in &view.notes {
        sheet.paragraph(NOTE, line);
        sheet.y += mm(0.5);
    }
}

fn taxes(sheet: &mut Sheet, view: &View, mut y: f32) -> f32 {
    let table = sheet.tags.table();
    let heads = view.tax_heads.map(str::to_owned);
    for (index, texts) in std::iter::once(&heads).chain(&view.taxes).enumerate() {
        let row = sheet.tags.row(table);
        let style = if index == 0 { Style { size: 8.0, ..Style::STRONG } } else { Style::TABLE };
        for (column, (x, text)) in TAXES.iter().zip(texts).enumerate() {
            let tag = if index == 0 { sheet.tags.head(row) } else { sheet.tags.cell(row) };
            let align = if column == 0 { Align::Left } else { Align::Right };
            sheet.line(*x, y, align, style, style.shape(text), Mark::Content(tag));
        }
        y += ROW;
        if index == 0 {
            sheet.rule(LEFT, mm(92.0), y - mm(1.2), 0.4, 0);
        }
    }
    y
}

fn totals(sheet: &mut Sheet, view: &View, mut y: f32) -> f32 {
    let table = sheet.tags.table();
    for total in &view.totals {
        let style = if total.is_payable { PAYABLE } else { Style::BODY };
        if total.is_payable {
            sheet.rule(TOTALS, RIGHT, y + mm(0.4), 0.8, 0);
            y += mm(2.0);
        }
        let row = sheet.tags.row(table);
        let name = Mark::Content(sheet.tags.name(row));
        sheet.line(TOTALS, y, Align::Left, style, style.shape(&total.name), name);
        let amount = Mark::Content(sheet.tags.cell(row));
        sheet.line(RIGHT, y, Align::Right, style, style.shape(&total.amount), amount);
        y += if total.is_payable { PAYABLE.leading() } else { ROW };
    }
    y
}

/// Who the seller is, number and page, on every page. It is read aloud once.
pub(super) fn feet(sheet: &mut Sheet, view: &View) {
    let legal = Style::SMALL.wrap(&view.legal, mm(122.0));
    let first = Mark::Content(sheet.tags.paragraph());
    let pages = std::mem::take(&mut sheet.pages);
    let count = pages.len();
    for (index, page) in pages.into_iter().enumerate() {
        sheet.pages.push(page);
        let mut y = BOTTOM + mm(5.0);
        sheet.rule(LEFT, RIGHT, y - mm(1.5), 0.4, 150);
        let number = index + 1;
        let text = format!("{} · {} {number} {} {count}", view.number, view.page, view.of);
        let line = Style::SMALL.shape(&text);
        sheet.line(RIGHT, y, Align::Right, Style::SMALL, line, Mark::Artifact);
        for line in &legal {
            let mark = if index == 0 { first } else { Mark::Artifact };
            sheet.line(LEFT, y, Align::Left, Style::SMALL, line.clone(), mark);
            y += Style::SMALL.leading();
        }
    }
}
