//! Pages as they are put together, before anything is drawn: how many there are is known only at the end.

use super::font::{Line, Weight, shape};
use super::tags::{Group, Tags};
use super::wrap::wrap;

/// Points of a millimetre.
pub(super) const fn mm(millimetres: f32) -> f32 {
    millimetres * 72.0 / 25.4
}

/// A4.
pub(super) const WIDTH: f32 = mm(210.0);
pub(super) const HEIGHT: f32 = mm(297.0);
/// Text begins and ends here.
pub(super) const LEFT: f32 = mm(25.0);
pub(super) const RIGHT: f32 = mm(190.0);
/// Where text begins on all pages but the first.
const TOP: f32 = mm(20.0);
/// Where text ends, above the foot.
pub(super) const BOTTOM: f32 = mm(268.0);

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    /// 0 is black.
    pub(super) grey: u8,
}

impl Style {
    pub(super) const BODY: Self = Self { size: 9.0, weight: Weight::Regular, grey: 0 };
    pub(super) const STRONG: Self = Self { weight: Weight::Bold, ..Self::BODY };
    pub(super) const TABLE: Self = Self { size: 8.5, ..Self::BODY };
    pub(super) const SMALL: Self = Self { size: 7.0, grey: 90, ..Self::BODY };

    /// From one line to the next.
    pub(super) const fn leading(self) -> f32 {
        self.size * 1.32
    }

    pub(super) fn shape(self, text: &str) -> Line {
        shape(text, self.weight)
    }

    pub(super) fn wrap(self, text: &str, width: f32) -> Vec<Line> {
        wrap(text, self.weight, self.size, width)
    }
}

/// What a drawn thing is to somebody who cannot see it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// Part of the text, in this group of tags.
    Content(Group),
    /// Repeated or ornament.
    Artifact,
}

/// Something to draw.
#[derive(Debug)]
pub(super) enum Op {
    /// A line of text from `x` on, at the base line `y`.
    Text { x: f32, y: f32, style: Style, line: Line, mark: Mark },
    /// A straight line.
    Rule { from: (f32, f32), to: (f32, f32), width: f32, grey: u8 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Pages so far, and where the next thing goes.
pub(super) struct Sheet {
    pub(super) pages: Vec<Vec<Op>>,
    pub(super) tags: Tags,
    /// The upper edge of what comes next.
    pub(super) y: f32,
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self { pages: vec![Vec::new()], tags: Tags::default(), y: 0.0 }
    }

    pub(super) fn add(&mut self, op: Op) {
        self.pages.last_mut().expect("there is a first page").push(op);
    }

    /// Is there so much space above the foot?
    pub(super) fn has_room(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    pub(super) fn break_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// One line, whose upper edge is `y`; `x` is its left or right end.
    pub(super) fn line(
        &mut self,
        x: f32,
        y: f32,
        align: Align,
        style: Style,
        line: Line,
        mark: Mark,
    ) {
        let x = match align {
            Align::Left => x,
            Align::Right => x - line.width * style.size,
        };
        self.add(Op::Text { x, y: y + style.size, style, line, mark });
    }

    /// A text in lines under each other, from `y` on; gives back where it ends.
    pub(super) fn block(
        &mut self,
        x: f32,
        mut y: f32,
        width: f32,
        style: Style,
        text: &str,
        mark: Mark,
    ) -> f32 {
        for line in style.wrap(text, width) {
            self.line(x, y, Align::Left, style, line, mark);
            y += style.leading();
        }
        y
    }

    /// A paragraph over the whole width at the current place, over pages if need be.
    pub(super) fn paragraph(&mut self, style: Style, text: &str) {
        let mark = Mark::Content(self.tags.paragraph());
        for line in style.wrap(text, RIGHT - LEFT) {
            if !self.has_room(style.leading()) {
                self.break_page();
            }
            self.line(LEFT, self.y, Align::Left, style, line, mark);
            self.y += style.leading();
        }
    }

    /// A horizontal line.
    pub(super) fn rule(&mut self, x: f32, to: f32, y: f32, width: f32, grey: u8) {
        self.add(Op::Rule { from: (x, y), to: (to, y), width, grey });
    }
}
