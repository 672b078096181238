//! YAML with the line of everything, keys in their order and twice where they are given twice.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Deeper ones are no stack.
const DEPTH_MAX: usize = 32;
/// Aliases can make a small file large.
const NODES_MAX: usize = 100_000;

/// A value and the line it starts in, from 1.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    /// Numbers and booleans too: `faas-cli` reads them as text.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Why a file is no tree.
#[derive(Debug)]
pub(super) struct TreeError {
    pub(super) line: usize,
    pub(super) reason: String,
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&Key, &Self)> {
        let members = if let Value::Map(members) = &self.value { members.as_slice() } else { &[] };
        members.iter().map(|(key, node)| (key, node))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.members().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.members().find(|(key, _)| key.text == name).map(|(key, _)| key)
    }
}

/// Reads the first document of `text`; merge keys (`<<`) are carried out.
pub(super) fn parse(text: &str) -> Result<Node, TreeError> {
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
        // What stands here wins over what is merged, and the first that is merged over the others.
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
