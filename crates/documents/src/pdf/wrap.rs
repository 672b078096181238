//! Text broken into lines.

use super::font::{Line, Weight, shape};

/// Breaks a text at blanks into lines that are not wider than `width` at this size. A word that is wider is broken
/// anywhere. Line breaks in the text stay; there is always one line.
pub(super) fn wrap(text: &str, weight: Weight, size: f32, width: f32) -> Vec<Line> {
    let most = width / size;
    text.split('\n').flat_map(|text| paragraph(text.trim_end(), weight, most)).collect()
}

fn paragraph(text: &str, weight: Weight, most: f32) -> Vec<Line> {
    let whole = shape(text, weight);
    if whole.width <= most {
        return vec![whole];
    }
    let space = shape(" ", weight).width;
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0.0);
    for word in text.split(' ').flat_map(|word| pieces(word, weight, most)) {
        let wide = shape(word.text, weight).width;
        let gap = if word.is_new && !line.is_empty() { space } else { 0.0 };
        if !line.is_empty() && most < used + gap + wide {
            lines.push(shape(&std::mem::take(&mut line), weight));
            used = 0.0;
        } else if gap != 0.0 {
            line.push(' ');
            used += gap;
        }
        line.push_str(word.text);
        used += wide;
    }
    lines.push(shape(&line, weight));
    lines
}

/// A word, or a part of one that is too wide for a line.
struct Piece<'a> {
    text: &'a str,
    /// Is there a blank before it?
    is_new: bool,
}

fn pieces<'a>(word: &'a str, weight: Weight, most: f32) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = word;
    loop {
        let fits = |text: &str| shape(text, weight).width <= most;
        let is_new = pieces.is_empty();
        if fits(rest) {
            pieces.push(Piece { text: rest, is_new });
            return pieces;
        }
        let ends: Vec<usize> = rest.char_indices().map(|(start, _)| start).skip(1).collect();
        let count = ends.partition_point(|end| fits(rest.get(..*end).unwrap_or_default()));
        // At least one character, or there would be no end.
        let end = ends.get(count.saturating_sub(1)).copied().unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        pieces.push(Piece { text, is_new });
        if behind.is_empty() {
            return pieces;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, width: f32, expected: &[&str]) {
        let lines = wrap(text, Weight::Regular, 10.0, width);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, expected);
        assert!(
            lines.iter().all(|line| line.width * 10.0 <= width || line.text.chars().count() == 1)
        );
    }

    #[test]
    fn words_stay_together_where_they_can() {
        check("a b", 100.0, &["a b"]);
        check("one two three", 45.0, &["one two", "three"]);
        check("Donaudampfschifffahrt x", 50.0, &["Donaudam", "pfschifffah", "rt x"]);
        check("", 50.0, &[""]);
        check("a\nb", 50.0, &["a", "b"]);
        // Not even one character fits.
        check("WW", 1.0, &["W", "W"]);
    }
}
