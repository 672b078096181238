//! Writes XML: elements in the order of the calls, every text escaped.

use std::fmt::Write as _;

/// What is written so far.
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self { text: r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned() }
    }

    /// An element with others in it.
    pub(crate) fn inside(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.inside_with(name, &[], inside);
    }

    /// An element with attributes, and others in it.
    pub(crate) fn inside_with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.text.push('<');
        self.text.push_str(name);
        for (attribute, value) in attributes {
            write!(self.text, " {attribute}=\"").expect("a string takes all");
            self.escaped(value);
            self.text.push('"');
        }
        self.text.push('>');
        inside(self);
        write!(self.text, "</{name}>").expect("a string takes all");
    }

    /// An element with a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.inside(name, |xml| xml.escaped(text));
    }

    /// An element with one attribute and a text.
    pub(crate) fn text_with(&mut self, name: &str, attribute: (&str, &str), text: &str) {
        self.inside_with(name, &[attribute], |xml| xml.escaped(text));
    }

    /// As [`Xml::text`], if there is a text.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.text(name, text);
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// What XML 1.0 has no character for, not even escaped, is shown as U+FFFD.
    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\r' => self.text.push_str("&#13;"),
                '\t' | '\n' => self.text.push(c),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.text.push('\u{fffd}'),
                _ => self.text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_everywhere() {
        let mut xml = Xml::new();
        xml.text_with("a", ("b", "\"<'"), "x & y > z\r\u{1}\u{fffe}é");
        xml.maybe("c", Some(" "));
        let expected = "<a b=\"&quot;&lt;'\">x &amp; y &gt; z&#13;\u{fffd}\u{fffd}é</a>";
        assert!(xml.finish().ends_with(expected));
    }
}
