//! The table of lines and charges, over as many pages as it needs.

use super::font::{Line, Weight};
use super::sheet::{Align, LEFT, Mark, RIGHT, Sheet, Style, mm};
use super::tags::Group;
use crate::view::{Row, View};

const HEAD: Style = Style { weight: Weight::Bold, size: 8.0, ..Style::BODY };
const CELL: Style = Style::TABLE;
const CARRY: Style = Style { grey: 70, ..Style::TABLE };
/// Between columns.
const GAP: f32 = mm(3.5);
/// Above and below the text of a row.
const PAD: f32 = mm(1.1);

/// A column of figures, or the description.
struct Column {
    head: Vec<Line>,
    /// Its left edge, or its right one if it is aligned there.
    x: f32,
    width: f32,
    align: Align,
}

/// The table with its widths.
struct Table<'a> {
    view: &'a View,
    columns: Vec<Column>,
    head_height: f32,
    tag: Group,
}

/// What stands in the columns of a row, in their order; the description is empty.
fn cells<'a>(view: &View, row: &'a Row) -> Vec<&'a str> {
    let mut cells = vec![row.position.as_str(), "", &row.quantity, &row.price, &row.rate];
    cells.extend(view.columns.net.map(|_| row.net.as_str()));
    cells.push(&row.amount);
    cells
}

/// As [`cells`], of the sums so far.
fn sums<'a>(view: &View, row: &'a Row) -> Vec<&'a str> {
    let mut cells = vec!["", "", "", "", ""];
    cells.extend(view.columns.net.map(|_| row.sum_net.as_str()));
    cells.push(&row.sum);
    cells
}

const DESCRIPTION: usize = 1;
/// No column is narrower: heads are broken less, and short invoices look like long ones.
const LEAST: [f32; 5] = [0.0, 0.0, 0.0, mm(19.0), mm(10.0)];

pub(super) fn write(sheet: &mut Sheet, view: &View) {
    let table = Table::new(sheet, view);
    table.head(sheet, true);
    let mut before: Option<&Row> = None;
    for (index, row) in view.rows.iter().enumerate() {
        let lines = table.description(row);
        let is_last = index + 1 == view.rows.len();
        let carry = if is_last { 0.0 } else { CELL.leading() + 2.0 * PAD };
        if !sheet.has_room(height(&lines) + carry) {
            before.into_iter().for_each(|row| table.carried(sheet, view.carried, row));
            sheet.break_page();
            table.head(sheet, false);
            before.into_iter().for_each(|row| table.carried(sheet, view.brought, row));
        }
        table.row(sheet, row, lines);
        before = Some(row);
    }
}

fn height(lines: &[(Style, Line)]) -> f32 {
    lines.iter().map(|(style, _)| style.leading()).sum::<f32>() + 2.0 * PAD
}

impl<'a> Table<'a> {
    fn new(sheet: &mut Sheet, view: &'a View) -> Self {
        let heads = &view.columns;
        let mut names =
            vec![heads.position, heads.description, heads.quantity, heads.price, heads.rate];
        names.extend(heads.net);
        names.push(heads.amount);
        let least = LEAST.into_iter().chain(std::iter::repeat(mm(17.0)));
        let mut widths: Vec<f32> =
            names.iter().zip(least).map(|(name, least)| longest_word(name).max(least)).collect();
        for row in &view.rows {
            for cells in [cells(view, row), sums(view, row)] {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = width.max(CELL.shape(cell).width * CELL.size);
                }
            }
        }
        let gaps = GAP * (names.len() as f32 - 1.0);
        let used: f32 = widths.iter().sum::<f32>() - widths.get(DESCRIPTION).unwrap_or(&0.0);
        let rest = (RIGHT - LEFT - gaps - used).max(mm(25.0));
        widths.get_mut(DESCRIPTION).into_iter().for_each(|width| *width = rest);
        let mut x = LEFT;
        let mut columns = Vec::with_capacity(names.len());
        for (index, (name, width)) in names.iter().zip(widths).enumerate() {
            let align = if index <= DESCRIPTION { Align::Left } else { Align::Right };
            let edge = if align == Align::Left { x } else { x + width };
            // Half a point more, so that rounding breaks no word.
            columns.push(Column { head: HEAD.wrap(name, width + 0.5), x: edge, width, align });
            x += width + GAP;
        }
        let most = columns.iter().map(|column| column.head.len()).max().unwrap_or(1);
        let head_height = most as f32 * HEAD.leading() + mm(1.5);
        Self { view, columns, head_height, tag: sheet.tags.table() }
    }

    /// The heads of all columns, at their lower edge. On later pages they are repeated.
    fn head(&self, sheet: &mut Sheet, is_first: bool) {
        let row = is_first.then(|| sheet.tags.row(self.tag));
        let bottom = sheet.y + self.head_height;
        for column in &self.columns {
            let mark = row.map_or(Mark::Artifact, |row| Mark::Content(sheet.tags.head(row)));
            let mut y = bottom - mm(1.5) - column.head.len() as f32 * HEAD.leading();
            for line in &column.head {
                sheet.line(column.x, y, column.align, HEAD, line.clone(), mark);
                y += HEAD.leading();
            }
        }
        sheet.rule(LEFT, RIGHT, bottom, 0.8, 0);
        sheet.y = bottom;
    }

    /// The description, and under it what belongs to it.
    fn description(&self, row: &Row) -> Vec<(Style, Line)> {
        let width = self.columns.get(DESCRIPTION).map_or(0.0, |column| column.width);
        let lines = |style: Style, text: &str| {
            style.wrap(text, width).into_iter().map(move |line| (style, line)).collect()
        };
        let mut all: Vec<(Style, Line)> = lines(CELL, &row.description);
        if !row.details.is_empty() {
            all.extend::<Vec<_>>(lines(Style::SMALL, &row.details));
        }
        all
    }

    fn row(&self, sheet: &mut Sheet, row: &Row, description: Vec<(Style, Line)>) {
        let tag = sheet.tags.row(self.tag);
        sheet.y += PAD;
        let mut mark = Mark::Artifact;
        let cells = cells(self.view, row);
        for (index, (column, text)) in self.columns.iter().zip(cells).enumerate() {
            let cell = sheet.tags.cell(tag);
            if index == DESCRIPTION {
                mark = Mark::Content(cell);
            }
            if !text.is_empty() {
                let mark = Mark::Content(cell);
                sheet.line(column.x, sheet.y, column.align, CELL, CELL.shape(text), mark);
            }
        }
        let x = self.columns.get(DESCRIPTION).map_or(LEFT, |column| column.x);
        for (style, line) in description {
            // Only a description that is longer than a page comes here.
            if !sheet.has_room(style.leading()) {
                sheet.break_page();
                self.head(sheet, false);
                sheet.y += PAD;
            }
            sheet.line(x, sheet.y, Align::Left, style, line, mark);
            sheet.y += style.leading();
        }
        sheet.y += PAD;
        sheet.rule(LEFT, RIGHT, sheet.y, 0.4, 215);
    }

    /// The sums up to a row: at the end of a page and at the beginning of the next.
    fn carried(&self, sheet: &mut Sheet, name: &str, row: &Row) {
        let y = sheet.y + PAD;
        let x = self.columns.get(DESCRIPTION).map_or(LEFT, |column| column.x);
        sheet.line(x, y, Align::Left, CARRY, CARRY.shape(name), Mark::Artifact);
        for (column, text) in self.columns.iter().zip(sums(self.view, row)) {
            if !text.is_empty() {
                let line = CARRY.shape(text);
                sheet.line(column.x, y, column.align, CARRY, line, Mark::Artifact);
            }
        }
        sheet.y = y + CARRY.leading() + PAD;
        sheet.rule(LEFT, RIGHT, sheet.y, 0.4, 215);
    }
}

/// A head is broken at blanks only.
fn longest_word(name: &str) -> f32 {
    let widths = name.split(' ').map(|word| HEAD.shape(word).width * HEAD.size);
    widths.fold(0.0, f32::max)
}
