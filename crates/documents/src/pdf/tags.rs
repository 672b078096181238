//! The structure of the text, for those who cannot see it: title, paragraphs, tables with heads.

use krilla::tagging::{Identifier, Node, TableHeaderScope, Tag, TagGroup, TagKind, TagTree};
use std::num::NonZeroU16;

/// A group of tags, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group(usize);

/// All groups, in the order of reading.
#[derive(Default)]
pub(super) struct Tags {
    groups: Vec<TagKind>,
    /// Groups in each group.
    inner: Vec<Vec<usize>>,
    /// Groups that are in no other.
    outer: Vec<usize>,
    /// What was drawn of each group.
    drawn: Vec<Vec<Identifier>>,
}

impl Tags {
    pub(super) fn title(&mut self, text: &str) -> Group {
        self.add(None, Tag::Hn(NonZeroU16::MIN, Some(text.to_owned())))
    }

    pub(super) fn paragraph(&mut self) -> Group {
        self.add(None, Tag::P)
    }

    pub(super) fn table(&mut self) -> Group {
        self.add(None, Tag::Table)
    }

    pub(super) fn row(&mut self, table: Group) -> Group {
        self.add(Some(table), Tag::TR)
    }

    pub(super) fn cell(&mut self, row: Group) -> Group {
        self.add(Some(row), Tag::TD)
    }

    /// The head of a column.
    pub(super) fn head(&mut self, row: Group) -> Group {
        self.add(Some(row), Tag::TH(TableHeaderScope::Column))
    }

    /// The head of a row.
    pub(super) fn name(&mut self, row: Group) -> Group {
        self.add(Some(row), Tag::TH(TableHeaderScope::Row))
    }

    fn add(&mut self, inside: Option<Group>, tag: impl Into<TagKind>) -> Group {
        let group = self.groups.len();
        self.groups.push(tag.into());
        self.inner.push(Vec::new());
        self.drawn.push(Vec::new());
        match inside.and_then(|Group(outer)| self.inner.get_mut(outer)) {
            Some(groups) => groups.push(group),
            None => self.outer.push(group),
        }
        Group(group)
    }

    /// Remembers what was drawn.
    pub(super) fn drew(&mut self, group: Group, identifier: Identifier) {
        self.drawn.get_mut(group.0).into_iter().for_each(|drawn| drawn.push(identifier));
    }

    pub(super) fn tree(self, language: &str) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
        for group in &self.outer {
            tree.push(self.node(*group));
        }
        tree
    }

    fn node(&self, group: usize) -> TagGroup {
        let kind = self.groups.get(group).expect("groups are made here").clone();
        let drawn = self.drawn.get(group).into_iter().flatten().copied().map(Node::Leaf);
        let inner = self.inner.get(group).into_iter().flatten();
        let inner = inner.map(|inner| Node::Group(self.node(*inner)));
        TagGroup::with_children(kind, drawn.chain(inner).collect())
    }
}
