//! Finds out from the source text which files of a crate use which.
//!
//! A file uses another one if its code names an item that is defined there, by `use` or by a path. A
//! file that only declares and re-exports (a facade) has no code; names through it are resolved to the
//! file that defines them. Code for tests does not count.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// By file: the files that it uses, and the names.
pub(crate) type Uses = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// The modules of one crate; the first is its root.
#[derive(Default)]
struct Tree {
    modules: Vec<Module>,
}

#[derive(Default)]
struct Module {
    parent: Option<usize>,
    file: PathBuf,
    /// The folder with the files of its child modules.
    folder: PathBuf,
    children: BTreeMap<String, usize>,
    imports: Vec<Import>,
    /// Paths and names in its code.
    names: BTreeSet<Vec<String>>,
}

struct Import {
    path: Vec<String>,
    /// Its local name; `*` for all.
    name: String,
    /// `pub use`: re-exported, and used only if its name occurs in the code.
    is_passed_on: bool,
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// The uses between the files of the crate with this root.
pub(crate) fn uses(root: &Path) -> Uses {
    let mut tree = Tree::default();
    let folder = root.parent().unwrap().to_owned();
    tree.add(None, root.to_owned(), folder);
    let mut uses = Uses::new();
    for (index, module) in tree.modules.iter().enumerate() {
        let mut add = |target: Option<Target>, name: String| {
            let Some(Target::Item(at)) = target else { return };
            let other = &tree.modules[at].file;
            if *other != module.file {
                let of_file = uses.entry(module.file.clone()).or_default();
                of_file.entry(other.clone()).or_default().insert(name);
            }
        };
        for import in module.imports.iter().filter(|import| !import.is_passed_on) {
            let target = tree.find(index, &import.path, 0);
            match (target, import.name.as_str()) {
                (Some(Target::Module(at)), "*") => add(Some(Target::Item(at)), "*".into()),
                _ => add(target, import.path.join("::")),
            }
        }
        for path in &module.names {
            add(tree.find(index, path, 0), path.join("::"));
        }
    }
    uses
}

impl Tree {
    fn add(&mut self, parent: Option<usize>, file: PathBuf, folder: PathBuf) -> usize {
        let text = std::fs::read_to_string(&file).unwrap();
        let tokens: TokenStream = text.parse().unwrap_or_else(|_| panic!("{}", file.display()));
        let index = self.modules.len();
        self.modules.push(Module { parent, file, folder, ..Module::default() });
        self.read(index, &tokens.into_iter().collect::<Vec<_>>());
        index
    }

    fn read(&mut self, module: usize, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let is_attribute = is_punct(Some(token), '#');
            if is_attribute && let Some(TokenTree::Group(group)) = tokens.get(at + 1) {
                at += 2;
                if is_of_tests(group.stream()) {
                    at = behind_item(tokens, at);
                }
            } else if is_attribute && is_punct(tokens.get(at + 1), '!') {
                at += 3;
            } else if is_word(token, "mod") && ident(tokens.get(at + 1)).is_some() {
                at = self.child(module, tokens, at + 1);
            } else if is_word(token, "use") && !is_punct(tokens.get(at + 1), '<') {
                let end = behind_item(tokens, at);
                let is_passed_on = is_public(tokens, at);
                let tree = &tokens[at + 1..end.saturating_sub(1)];
                import(tree, &[], is_passed_on, &mut self.modules[module].imports);
                at = end;
            } else if is_word(token, "enum") {
                at = self.variants(module, tokens, at + 1);
            } else if let TokenTree::Group(group) = token {
                self.read(module, &group.stream().into_iter().collect::<Vec<_>>());
                at += 1;
            } else {
                at = self.name(module, tokens, at);
            }
        }
    }

    /// `NAME;` or `NAME { … }` after `mod`.
    fn child(&mut self, module: usize, tokens: &[TokenTree], at: usize) -> usize {
        let name = ident(tokens.get(at)).unwrap();
        let folder = self.modules[module].folder.clone();
        let child = match tokens.get(at + 1) {
            Some(TokenTree::Group(group)) => {
                let file = self.modules[module].file.clone();
                let index = self.modules.len();
                let folder = folder.join(&name);
                self.modules.push(Module {
                    parent: Some(module),
                    file,
                    folder,
                    ..Module::default()
                });
                self.read(index, &group.stream().into_iter().collect::<Vec<_>>());
                index
            }
            _ => {
                let given = path_attribute(tokens.get(..at.saturating_sub(1)).unwrap_or_default());
                let beside = self.modules[module].file.parent().unwrap();
                let files = [
                    given.map_or_else(PathBuf::new, |given| beside.join(given)),
                    folder.join(format!("{name}.rs")),
                    folder.join(&name).join("mod.rs"),
                ];
                let file = files.into_iter().find(|file| file.is_file());
                let file = file.unwrap_or_else(|| panic!("no file of {name} in {folder:?}"));
                self.add(Some(module), file, folder.join(&name))
            }
        };
        self.modules[module].children.insert(name, child);
        at + 2
    }

    /// Reads the types of an enum's variants. Names of variants are not uses of items with the same
    /// name.
    fn variants(&mut self, module: usize, tokens: &[TokenTree], from: usize) -> usize {
        let end = behind_item(tokens, from);
        let Some(TokenTree::Group(body)) = tokens.get(end - 1) else { return end };
        let body: Vec<TokenTree> = body.stream().into_iter().collect();
        for variant in body.split(|token| is_punct(Some(token), ',')) {
            let name = variant.iter().position(|token| matches!(token, TokenTree::Ident(_)));
            self.read(module, variant.get(name.map_or(0, |name| name + 1)..).unwrap_or_default());
        }
        end
    }

    /// Reads the path that begins here, if there is one.
    fn name(&mut self, module: usize, tokens: &[TokenTree], mut at: usize) -> usize {
        let before = |back: usize, mark| {
            at.checked_sub(back).is_some_and(|at| is_punct(tokens.get(at), mark))
        };
        // A field, a method, a lifetime, or the rest of a path.
        let is_part = before(1, '.') && !before(2, '.')
            || before(1, ':') && before(2, ':')
            || before(1, '\'');
        let Some(first) = ident(tokens.get(at)) else { return at + 1 };
        let mut path = vec![first];
        at += 1;
        while is_punct(tokens.get(at), ':')
            && is_punct(tokens.get(at + 1), ':')
            && let Some(next) = ident(tokens.get(at + 2))
        {
            path.push(next);
            at += 3;
        }
        if !is_part {
            self.modules[module].names.insert(path);
        }
        at
    }

    /// The target of `path` in `module`; `None` if it leads out of the crate or is a local name.
    fn find(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        // Two facades may re-export each other's names.
        if 16 < depth {
            return None;
        }
        let mut here = module;
        let mut rest = path;
        let mut is_relative = true;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "crate" => here = 0,
                "super" => here = self.modules[here].parent?,
                "self" => {}
                _ => break,
            }
            (rest, is_relative) = (more, false);
        }
        while let Some((name, more)) = rest.split_first() {
            let of_module = &self.modules[here];
            if let Some(child) = of_module.children.get(name) {
                (here, rest, is_relative) = (*child, more, false);
                continue;
            }
            let mut imports = of_module.imports.iter();
            match imports.find(|import| import.name == *name && import.path != path) {
                Some(import) => match self.find(here, &import.path, depth + 1)? {
                    Target::Module(at) => (here, rest, is_relative) = (at, more, false),
                    item @ Target::Item(_) => return Some(item),
                },
                None if is_relative => return None,
                None => return Some(Target::Item(here)),
            }
        }
        Some(Target::Module(here))
    }
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    if let Some(TokenTree::Ident(ident)) = token { Some(ident.to_string()) } else { None }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// The file in `#[path = "…"]` directly before a `mod`.
fn path_attribute(before: &[TokenTree]) -> Option<String> {
    let Some(TokenTree::Group(attribute)) = before.last() else { return None };
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match (ident(tokens.first())?.as_str(), tokens.last()) {
        ("path", Some(TokenTree::Literal(file))) => {
            Some(file.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// `pub` or `pub(…)` before `at`.
fn is_public(tokens: &[TokenTree], at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let is_pub = |token: Option<&TokenTree>| token.is_some_and(|token| is_word(token, "pub"));
    is_pub(word(1)) || matches!(word(1), Some(TokenTree::Group(_))) && is_pub(word(2))
}

/// `cfg(test)`, also together with other conditions; not `cfg(not(test))`.
fn is_of_tests(attribute: TokenStream) -> bool {
    let mut tokens = attribute.into_iter();
    let is_cfg = tokens.next().is_some_and(|token| is_word(&token, "cfg"));
    let Some(TokenTree::Group(group)) = tokens.next() else { return false };
    let text = group.stream().to_string();
    is_cfg
        && text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        && !text.contains("not")
}

/// The position after the item that begins at `at`: after its semicolon or its braces.
fn behind_item(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut is_use = false;
    while let Some(token) = tokens.get(at) {
        at += 1;
        is_use |= is_word(token, "use");
        let is_body =
            matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_punct(Some(token), ';') || (is_body && !is_use) {
            break;
        }
    }
    at
}

/// The paths of `a::{b, c as d, e::*}`.
fn import(tokens: &[TokenTree], before: &[String], is_passed_on: bool, all: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let mut name = None;
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "as" => {
                name = tokens.next().map(ToString::to_string);
            }
            TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => name = Some("*".to_owned()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')) {
                    if !part.is_empty() {
                        import(part, &path, is_passed_on, all);
                    }
                }
                return;
            }
            _ => {}
        }
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    all.push(Import { path, name, is_passed_on });
}
