//! YAML with the line of everything, keys in their order and twice where they are given twice.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Deeper ones are no stack.
const DEPTH_MAX: usize = 32;
/// Aliases can make a small file large.
const NODES_MAX: usize = 100_000;

/// A value and the line it starts in, from 1.
#[derive(Clone, Debug)]
pub struct Node {
    /// From 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Numbers and booleans too: `faas-cli` reads them as text.
    Text(String),
    /// `[a, b]`, or a line with `-` for each.
    List(Vec<Node>),
    /// Keys and values, in the order of the file; a key may be there twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub struct Key {
    /// As it is written, without quotes.
    pub text: String,
    /// From 1.
    pub line: usize,
}

/// Why a file is no tree.
#[derive(Debug)]
pub struct TreeError {
    /// From 1.
    pub line: usize,
    /// What the parser says.
    pub reason: String,
}

impl Node {
    /// Of a text, number or flag.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// Of a list.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// Of a map.
    pub fn members(&self) -> impl Iterator<Item = (&Key, &Self)> {
        let members = if let Value::Map(members) = &self.value { members.as_slice() } else { &[] };
        members.iter().map(|(key, node)| (key, node))
    }

    /// A member of a map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.members().find(|(key, _)| key.text == name).map(|(key, _)| key)
    }
}

impl Node {
    /// The line of the value at `place`, such as `partners.US1.file.dates[0]`; of the last part of it
    /// that is there, if not all is.
    #[must_use]
    pub fn line_of(&self, place: &str) -> usize {
        let (mut node, mut line, mut rest) = (self, self.line, place);
        loop {
            if let Some((index, behind)) = item(rest)
                && let Some(found) = node.items().get(index)
            {
                (node, line, rest) = (found, found.line, behind);
            } else if let Some((key, found, behind)) = member(node, rest) {
                (node, line, rest) = (found, key.line, behind);
            } else {
                return line;
            }
        }
    }
}

/// All numbers and flags become text, and of a key that is given twice the first is kept.
impl From<&Node> for serde_yaml_ng::Value {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::String(text.clone()),
            Value::List(items) => Self::Sequence(items.iter().map(Self::from).collect()),
            Value::Map(members) => {
                let mut map = serde_yaml_ng::Mapping::new();
                for (key, node) in members {
                    map.entry(key.text.as_str().into()).or_insert_with(|| Self::from(node));
                }
                Self::Mapping(map)
            }
        }
    }
}

/// `[3]` and what is behind it.
fn item(place: &str) -> Option<(usize, &str)> {
    let (index, rest) = place.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// The member that `place` begins with, with or without a dot before it. A key may contain dots.
fn member<'a, 'p>(node: &'a Node, place: &'p str) -> Option<(&'a Key, &'a Node, &'p str)> {
    let place = place.strip_prefix('.').unwrap_or(place);
    node.members().find_map(|(key, node)| {
        let rest = place.strip_prefix(key.text.as_str()).filter(|_| !key.text.is_empty())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key, node, rest))
    })
}

/// Reads the first document of `text`; merge keys (`<<`) are carried out.
///
/// # Errors
/// It is no YAML, or deeper or larger than any configuration.
pub fn parse(text: &str) -> Result<Node, TreeError> {
    let mut reader =
        Reader { events: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => {
                return Ok(Node { line: 1, value: Value::Null });
            }
            event => return reader.node(event, span, 0),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), TreeError> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(TreeError::from(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, TreeError> {
        let line = span.start.line();
        let wrong = |reason: String| TreeError { line, reason };
        if DEPTH_MAX < depth {
            return Err(wrong(format!("more than {DEPTH_MAX} levels deep")));
        }
        self.nodes += 1;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| wrong("an alias of nothing".to_owned()))?;
                self.nodes += size(&node);
                (node.value, 0)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (Value::List(items), anchor)
            }
            Event::MappingStart(anchor, _) => (Value::Map(self.members(depth)?), anchor),
            event => return Err(wrong(format!("{event:?} where a value has to be"))),
        };
        if NODES_MAX < self.nodes {
            return Err(wrong(format!("more than {NODES_MAX} values")));
        }
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, TreeError> {
        let mut members = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let text = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(TreeError { line, reason: "a key is not a text".to_owned() }),
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if text == "<<" {
                merged.push(node);
            } else {
                members.push((Key { text, line }, node));
            }
        }
        // Keys of the map itself win over merged ones, and earlier merged maps over later ones.
        for node in &merged {
            for source in std::iter::once(node).chain(node.items()) {
                for (key, node) in source.members() {
                    if members.iter().all(|(known, _)| known.text != key.text) {
                        members.push((key.clone(), node.clone()));
                    }
                }
            }
        }
        Ok(members)
    }
}

impl From<&ScanError> for TreeError {
    fn from(error: &ScanError) -> Self {
        Self { line: error.marker().line(), reason: error.info().to_owned() }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::Text(text.to_owned()),
    }
}

fn size(node: &Node) -> usize {
    let items: usize = node.items().iter().map(size).sum();
    let members: usize = node.members().map(|(_, node)| size(node)).sum();
    1 + items + members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_lines_through_anchors_and_merges() {
        let text = "a: &a\n  x: 1\n  y: two\nb:\n  <<: *a\n  x: 3\nc: *a\nd:\n  - e\n  -\n";
        let root = parse(text).unwrap();
        let b = root.get("b").unwrap();
        assert_eq!(b.get("x").unwrap().text(), Some("3"));
        assert_eq!(b.get("y").unwrap().text(), Some("two"));
        assert_eq!((b.key("x").unwrap().line, b.key("y").unwrap().line), (6, 3));
        assert_eq!(root.get("c").unwrap().get("x").unwrap().text(), Some("1"));
        let d = root.get("d").unwrap().items();
        assert_eq!((d[0].line, d[0].text()), (9, Some("e")));
        assert!(matches!(d[1].value, Value::Null));
    }

    #[test]
    fn a_place_has_the_line_of_its_last_part_that_is_there() {
        let root = parse("a:\n  b.c:\n    - x\n    -\n      d: 1\n  b: 2\n").unwrap();
        for (place, line) in [
            ("a", 1),
            ("a.b.c[1].d", 5),
            ("a.b.c[0]", 3),
            ("a.b.c[7]", 2),
            ("a.b", 6),
            ("a.missing", 1),
            ("z", 1),
        ] {
            assert_eq!(root.line_of(place), line, "{place}");
        }
    }

    #[test]
    fn what_is_no_tree_says_where() {
        let deep = "[".repeat(40);
        let aliases: String = (0..9)
            .map(|n| format!("k{}: &a{} [{}]\n", n + 1, n + 1, format!("*a{n},").repeat(9)))
            .collect();
        let bomb = format!("k0: &a0 [{}]\n{aliases}", "x,".repeat(9));
        for (text, line, reason) in [
            ("a: [", 1, ""),
            ("a: 1\nb: *c\n", 2, ""),
            ("a: 1\n? [x]\n: 2\n", 2, "a key is not a text"),
            (deep.as_str(), 1, "levels deep"),
            (bomb.as_str(), 6, "values"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.reason.contains(reason), "{error:?}");
            assert!(error.line.abs_diff(line) <= 1, "{error:?}");
        }
    }
}
