//! `orderflow partners add`: partners of one file into another, which keeps its comments.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use machine::dir;
use serde_yaml_ng::{Mapping, Value};
use terminal::output;

use super::source::{Source, load};

/// `partners add`
#[derive(Debug, Args)]
pub(crate) struct PartnersAdd {
    /// Partners as in `partners.yml`, such as a corrected proposal.
    pub(crate) file: PathBuf,
    /// Where they are put.
    #[command(flatten)]
    pub(crate) source: Source,
    /// Put them in the place of partners of the same names.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Take lines that a proposal marks as unsure, unseen: columns that are needed, and the encoding.
    #[arg(long)]
    pub(crate) accept_unsure: bool,
}

pub(super) fn run(args: &PartnersAdd) -> Result<()> {
    let target = args.source.path.clone().unwrap_or_else(|| PathBuf::from("partners.yml"));
    let new = read(&args.file)?;
    let added = load(&new, &args.file.display().to_string())?;
    ensure!(!added.is_empty(), "{} has no partner", args.file.display());
    let unsure = unsure(&new);
    ensure!(
        args.accept_unsure || unsure.is_empty(),
        "{} has lines that are only guessed, and decide what an order is:\n{}\nlook at each of them, correct it \
         and take its comment away; or --accept-unsure",
        args.file.display(),
        unsure.join("\n")
    );
    let old = match read(&target) {
        Err(_) if !target.exists() => "partners:\n".to_owned(),
        read => read?,
    };
    if !matches!(partners_of(&old), Ok(map) if map.is_empty()) {
        load(&old, &target.display().to_string())?;
    }
    let merged = merge(&old, &new, args.replace)?;
    load(&merged, &format!("{} with {}", target.display(), args.file.display()))?;
    dir::write_atomic(&target, merged.as_bytes(), mode(&target))?;
    for name in added.keys() {
        output::line(format_args!("{name} is in {}", target.display()));
    }
    Ok(())
}

/// Lines of a proposal that must not be wrong, and are only guessed.
fn unsure(text: &str) -> Vec<String> {
    const NEEDED: [&str; 12] = [
        "order-id",
        "product-id",
        "quantity",
        "unit-price",
        "ordered-at",
        "encoding",
        // What money and dates mean.
        "currency",
        "currency-signs",
        "decimal-mark",
        "thousands-mark",
        "dates",
        // Which rows are sales.
        "where",
    ];
    let guessed = text.lines().filter(|line| {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        NEEDED.contains(&key) && line.contains(" # unsure: ")
    });
    guessed.map(|line| line.trim().to_owned()).collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().map_or(0o644, |data| data.permissions().mode() & 0o777)
}

/// `old` with the partners of `new`: text for text, so that comments stay, and compared by meaning
/// afterwards, so that nothing else changes.
fn merge(old: &str, new: &str, replace: bool) -> Result<String> {
    let (before, added) = (partners_of(old)?, partners_of(new)?);
    let mut expected = before.clone();
    let mut text = old.to_owned();
    for name in added.keys() {
        let shown = name.as_str().unwrap_or_default();
        if before.contains_key(name) {
            ensure!(replace, "{shown} is there already; --replace puts the new one in its place");
            text = without(&text, shown);
        }
    }
    expected.extend(added);
    let place = Block::of(&text)?;
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let block = Block::of(new)?;
    let moved = block.lines(new).map(|line| match line.get(block.indent..) {
        Some(rest) if !line.trim().is_empty() => format!("{:1$}{rest}", "", place.indent),
        _ => line.trim().to_owned(),
    });
    lines.splice(place.end..place.end, moved);
    let text = lines.join("\n") + "\n";
    match partners_of(&text) {
        Ok(found) if found == expected => Ok(text),
        _ => bail!(
            "the partner cannot be inserted line by line (does the file use braces or anchors?); \
             add it by hand"
        ),
    }
}

/// The map `partners`; an empty one for `partners:` without anything.
fn partners_of(text: &str) -> Result<Mapping> {
    let document: Value = serde_yaml_ng::from_str(text).context("is no YAML")?;
    match document.get("partners") {
        Some(Value::Mapping(map)) => Ok(map.clone()),
        Some(Value::Null) => Ok(Mapping::new()),
        _ => bail!("has no map `partners`"),
    }
}

/// The lines below `partners:`.
struct Block {
    start: usize,
    end: usize,
    /// Blanks before a partner's name.
    indent: usize,
}

impl Block {
    fn of(text: &str) -> Result<Self> {
        let key = text.lines().position(|line| {
            line.split('#').next().is_some_and(|line| line.trim_end() == "partners:")
        });
        let Some(key) = key else {
            bail!("there is no line with only `partners:`; add the partner by hand");
        };
        let below = || text.lines().enumerate().skip(key + 1);
        let inside = below().take_while(|(_, line)| !is_content(line) || line.starts_with(' '));
        let end = inside.filter(|(_, line)| is_content(line)).map(|(at, _)| at + 1).last();
        let first = below().find(|(_, line)| is_content(line) && line.starts_with(' '));
        let indent = first.map_or(2, |(_, line)| indent(line));
        Ok(Self { start: key + 1, end: end.unwrap_or(key + 1), indent })
    }

    fn lines<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        text.lines().skip(self.start).take(self.end - self.start)
    }
}

/// More than blanks and a comment.
fn is_content(line: &str) -> bool {
    !matches!(line.trim_start().chars().next(), None | Some('#'))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// `text` without the lines of one partner.
fn without(text: &str, name: &str) -> String {
    let (mut kept, mut inside) = (String::new(), None);
    for line in text.lines() {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let is_name = key.trim_matches(['"', '\'']) == name;
        // A comment that stands to the left belongs to what comes next.
        if inside.is_some_and(|depth| !line.trim().is_empty() && indent(line) <= depth) {
            inside = None;
        }
        if inside.is_none() && is_name && indent(line) > 0 && is_content(line) {
            inside = Some(indent(line));
        }
        if inside.is_none() {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# Ours.\npartners:\n  # The first.\n  A: {currency: EUR}  # of old\n\n  B:\n    currency: USD\n# The end.\n";
    const NEW: &str =
        "# Proposed.\npartners:\n    C:\n        # why\n        currency: GBP   # sure\n";

    #[test]
    fn a_partner_comes_behind_the_others_and_every_comment_stays() {
        assert_eq!(
            merge(OLD, NEW, false).unwrap(),
            "# Ours.\npartners:\n  # The first.\n  A: {currency: EUR}  # of old\n\n  B:\n    currency: USD\n  C:\n      # why\n      currency: GBP   # sure\n# The end.\n"
        );
        assert_eq!(
            merge("partners:\n", NEW, false).unwrap(),
            "partners:\n  C:\n      # why\n      currency: GBP   # sure\n"
        );
    }

    #[test]
    fn what_is_needed_and_only_guessed_is_named() {
        for line in [
            "order-id: \"a\"  # unsure: by what it holds",
            "currency: EUR # unsure: the file names no currency",
            "currency-signs: [\"€\"] # unsure: others too",
            "decimal-mark: \",\" # unsure: may be thousands",
            "dates: [\"%d/%m/%Y\"] # unsure: AMBIGUOUS",
            "encoding: windows-1252 # unsure: no text",
        ] {
            let text =
                format!("partners:\n  A:\n    {line}\n    quantity: \"b\"  # sure: a usual name\n");
            assert_eq!(unsure(&text), [line]);
            assert!(unsure(&text.replace("unsure: ", "looked at: ")).is_empty());
        }
        assert!(unsure("    time-zone: UTC # unsure: a file does not name it\n").is_empty());
    }

    #[test]
    fn one_that_is_there_is_replaced_only_if_told_so() {
        let new = "partners:\n  B: {currency: GBP}\n";
        let error = merge(OLD, new, false).unwrap_err().to_string();
        assert_eq!(error, "B is there already; --replace puts the new one in its place");
        let text = merge(OLD, new, true).unwrap();
        assert!(text.contains("B: {currency: GBP}") && !text.contains("USD"), "{text}");
        assert!(text.contains("# The first.") && text.contains("# The end."), "{text}");
    }

    #[test]
    fn what_cannot_be_put_together_line_by_line_is_refused() {
        for (old, new) in [
            ("partners: {A: {currency: EUR}}\n", NEW),
            (OLD, "partners: {C: {currency: GBP}}\n"),
            ("- a\n", NEW),
            ("other: 1\n", NEW),
        ] {
            assert!(merge(old, new, false).is_err(), "{old}{new}");
        }
    }
}
