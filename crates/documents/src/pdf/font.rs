//! The two faces, read once, and text shaped with them.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use std::ops::Range;
use std::sync::LazyLock;
use unicode_bidi::{BidiInfo, Level};

static REGULAR: LazyLock<Face> =
    LazyLock::new(|| Face::read(include_bytes!("../../fonts/DejaVuSansCondensed.ttf")));
static BOLD: LazyLock<Face> =
    LazyLock::new(|| Face::read(include_bytes!("../../fonts/DejaVuSansCondensed-Bold.ttf")));

/// Shown for a character that the font does not have. The text that is copied out of the PDF has the character.
const UNKNOWN: char = '\u{fffd}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    fn face(self) -> &'static Face {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }

    pub(super) fn font(self) -> Font {
        self.face().font.clone()
    }
}

struct Face {
    font: Font,
    shaper: rustybuzz::Face<'static>,
    /// For text in Latin letters, which is most of it.
    plan: rustybuzz::ShapePlan,
}

impl Face {
    fn read(bytes: &'static [u8]) -> Self {
        let font = Font::new(bytes.into(), 0).expect("the font is part of the program");
        let shaper = rustybuzz::Face::from_slice(bytes, 0).expect("as krilla read it");
        let latin = Some(rustybuzz::script::LATIN);
        let plan = rustybuzz::ShapePlan::new(&shaper, Direction::LeftToRight, latin, None, &[]);
        Self { font, shaper, plan }
    }

    fn has(&self, c: char) -> bool {
        self.shaper.glyph_index(c).is_some_and(|glyph| glyph.0 != 0)
    }
}

/// A text on one line, ready to be drawn. Widths are those at size 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) runs: Vec<Run>,
    pub(super) width: f32,
}

/// Glyphs of one direction, from left to right.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) width: f32,
}

/// Shapes a text, which has no line breaks. Arabic and Hebrew run from right to left within it.
pub(super) fn shape(text: &str, weight: Weight) -> Line {
    let face = weight.face();
    let runs: Vec<Run> = if text.chars().all(|c| c < '\u{590}') {
        vec![run(face, text, 0..text.len(), Level::ltr())]
    } else {
        // The first letter with a direction decides, as in HTML with `dir="auto"`.
        let bidi = BidiInfo::new(text, None);
        let lines = bidi.paragraphs.iter().map(|paragraph| {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            let level = |run: &Range<usize>| levels.get(run.start).copied();
            runs.into_iter()
                .map(|range| (level(&range).unwrap_or(Level::ltr()), range))
                .collect::<Vec<_>>()
        });
        lines.flatten().map(|(level, range)| run(face, text, range, level)).collect()
    };
    let width = runs.iter().map(|run| run.width).sum();
    Line { text: text.to_owned(), runs, width }
}

fn run(face: &Face, text: &str, range: Range<usize>, level: Level) -> Run {
    let mut buffer = UnicodeBuffer::new();
    let mut starts = Vec::with_capacity(range.len() + 1);
    for (offset, c) in text.get(range.clone()).unwrap_or_default().char_indices() {
        let start = range.start + offset;
        let shown = match c {
            _ if face.has(c) => c,
            // Marks between characters are no characters to miss.
            _ if is_ignorable(c) => continue,
            c if c.is_whitespace() || c.is_control() => ' ',
            _ => UNKNOWN,
        };
        starts.push(start);
        buffer.add(shown, u32::try_from(start).unwrap_or(u32::MAX));
    }
    starts.push(range.end);
    buffer.guess_segment_properties();
    let rightward = level.is_ltr();
    buffer.set_direction(if rightward { Direction::LeftToRight } else { Direction::RightToLeft });
    let is_latin = rightward && buffer.script() == rustybuzz::script::LATIN;
    let output = if is_latin {
        rustybuzz::shape_with_plan(&face.shaper, &face.plan, buffer)
    } else {
        rustybuzz::shape(&face.shaper, &[], buffer)
    };
    placed(face, &output, &starts)
}

fn placed(face: &Face, output: &rustybuzz::GlyphBuffer, starts: &[usize]) -> Run {
    let em = face.font.units_per_em();
    let unknown = face.shaper.glyph_index(UNKNOWN).map_or(0, |glyph| glyph.0);
    let infos = output.glyph_infos();
    // A cluster ends where the next one begins.
    let mut clusters: Vec<usize> = infos.iter().map(|info| info.cluster as usize).collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters.extend(starts.last());
    let mut width = 0.0;
    let mut glyphs = Vec::with_capacity(infos.len());
    for (info, position) in infos.iter().zip(output.glyph_positions()) {
        let start = info.cluster as usize;
        let next = clusters.partition_point(|cluster| *cluster <= start);
        let end = clusters.get(next).copied().unwrap_or(start);
        let [advance, x, y] =
            [position.x_advance, position.x_offset, position.y_offset].map(|it| units(it) / em);
        width += advance;
        let glyph = if info.glyph_id == 0 { u32::from(unknown) } else { info.glyph_id };
        glyphs.push(KrillaGlyph::new(GlyphId::new(glyph), advance, x, y, 0.0, start..end, None));
    }
    Run { glyphs, width }
}

#[expect(clippy::cast_precision_loss, reason = "units of a font are below 2^24")]
const fn units(units: i32) -> f32 {
    units as f32
}

/// Joiners, marks of direction, and selectors of variants.
const fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}
