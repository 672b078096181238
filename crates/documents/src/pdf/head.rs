//! The upper part of the first page: seller, buyer in the window of the envelope, dates, title.

use super::font::Weight;
use super::sheet::{Align, LEFT, Mark, Op, RIGHT, Sheet, Style, mm};
use crate::view::View;

const NAME: Style = Style { size: 12.0, weight: Weight::Bold, grey: 0 };
const ADDRESS: Style = Style { size: 10.0, weight: Weight::Regular, grey: 0 };
const TITLE: Style = Style { size: 15.0, weight: Weight::Bold, grey: 0 };
const LABEL: Style = Style { grey: 90, size: 8.5, ..Style::BODY };
const VALUE: Style = Style { size: 8.5, ..Style::BODY };

/// Where things go.
struct Places {
    /// Left edge, upper edge and width of the buyer's address.
    buyer: (f32, f32, f32),
    facts: (f32, f32, f32),
    /// Width of the names of facts.
    names: f32,
}

/// DIN 5008, form B: the window is on the left, facts on the right of it.
const WINDOW_LEFT: Places = Places {
    buyer: (LEFT, mm(62.0), mm(80.0)),
    facts: (mm(120.0), mm(50.0), mm(70.0)),
    names: mm(32.0),
};

/// French envelopes: the window is on the right.
const WINDOW_RIGHT: Places = Places {
    buyer: (mm(108.0), mm(52.0), mm(80.0)),
    facts: (LEFT, mm(52.0), mm(74.0)),
    names: mm(32.0),
};

pub(super) fn write(sheet: &mut Sheet, view: &View) {
    let places = if view.window_right { &WINDOW_RIGHT } else { &WINDOW_LEFT };
    seller(sheet, view);
    let buyer = buyer(sheet, view, places);
    let facts = facts(sheet, view, places);
    if !view.window_right {
        marks(sheet);
    }
    sheet.y = buyer.max(facts).max(mm(90.0)) + mm(8.0);
    let title = Mark::Content(sheet.tags.title(&view.title));
    sheet.y = sheet.block(LEFT, sheet.y, RIGHT - LEFT, TITLE, &view.title, title) + mm(2.0);
    if let Some((name, address)) = view.delivery.split_first() {
        sheet.paragraph(LABEL, &format!("{name}{}{}", view.colon, address.join(", ")));
        sheet.y += mm(1.0);
    }
    sheet.y += mm(2.0);
}

fn seller(sheet: &mut Sheet, view: &View) {
    let mark = Mark::Content(sheet.tags.paragraph());
    let mut y = mm(15.0);
    for (index, line) in view.seller.iter().enumerate() {
        let style = if index == 0 { NAME } else { LABEL };
        y = sheet.block(LEFT, y, RIGHT - LEFT, style, line, mark);
    }
}

fn buyer(sheet: &mut Sheet, view: &View, places: &Places) -> f32 {
    let (x, mut y, width) = places.buyer;
    if !view.window_right {
        // So that the post knows where to send it back to. The seller is above already.
        let line = Style { size: 6.0, ..Style::SMALL };
        let sender = line.wrap(&view.sender, width).into_iter().next().unwrap_or_default();
        sheet.line(x, y - mm(4.2), Align::Left, line, sender, Mark::Artifact);
        sheet.rule(x, x + width, y - mm(1.4), 0.3, 150);
    }
    let mark = Mark::Content(sheet.tags.paragraph());
    for line in &view.buyer {
        y = sheet.block(x, y, width, ADDRESS, line, mark);
    }
    y
}

fn facts(sheet: &mut Sheet, view: &View, places: &Places) -> f32 {
    let (x, mut y, width) = places.facts;
    let table = sheet.tags.table();
    for (name, value) in &view.facts {
        let row = sheet.tags.row(table);
        let name_mark = Mark::Content(sheet.tags.name(row));
        let value_mark = Mark::Content(sheet.tags.cell(row));
        let left = sheet.block(x, y, places.names - mm(2.0), LABEL, name, name_mark);
        let at = x + places.names;
        let right = sheet.block(at, y, width - places.names, VALUE, value, value_mark);
        y = left.max(right) + mm(0.5);
    }
    y
}

/// Where to fold and where to punch, by DIN 5008.
fn marks(sheet: &mut Sheet) {
    for (y, to) in [(105.0, 8.0), (148.5, 9.0), (210.0, 8.0)] {
        let (from, to) = ((mm(4.0), mm(y)), (mm(to), mm(y)));
        sheet.add(Op::Rule { from, to, width: 0.3, grey: 150 });
    }
}
