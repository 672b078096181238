//! A function as stack.yml has it, with the lines where everything stands.

use intake::yaml::Node;

/// A function of the stack.
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) node: &'a Node,
}

/// All of them, in the order of the file.
pub(super) fn functions(root: &Node) -> Vec<Function<'_>> {
    let Some(functions) = root.get("functions") else { return Vec::new() };
    let functions = functions.members();
    functions.map(|(key, node)| Function { name: &key.text, line: key.line, node }).collect()
}

impl Function<'_> {
    /// Where something of it stands: `functions.NAME.KEY`.
    pub(super) fn path(&self, key: &str) -> String {
        format!("functions.{}.{key}", self.name)
    }

    /// The line of one of its keys, or its own.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.node.key(key).map_or(self.line, |key| key.line)
    }

    /// The line of a member of one of its maps.
    pub(super) fn line_in(&self, map: &str, member: &str) -> usize {
        let key = self.node.get(map).and_then(|node| node.key(member));
        key.map_or_else(|| self.line_of(map), |key| key.line)
    }

    /// A member of one of its maps, as text.
    pub(super) fn text_in(&self, map: &str, member: &str) -> Option<&str> {
        self.node.get(map)?.get(member)?.text()
    }

    pub(super) fn lang(&self) -> &str {
        self.node.get("lang").and_then(Node::text).unwrap_or_default()
    }

    /// The secrets it lists, with their lines.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&str, usize)> {
        let items = self.node.get("secrets").map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((item.text()?, item.line)))
    }
}
