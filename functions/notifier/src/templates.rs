//! The texts: by notice, language and partner, the shipped ones and the shop's own.
//!
//! A file has sections, each behind a line `--- name ---`: `subject`, `intro`, `closing` and `sms` of a notice, or the
//! words of a language. The layouts put them together. All are compiled and rendered with samples at start, so that a
//! mistake is named by file and line before a customer's message depends on it.

mod load;
mod sample;
mod shipped;

pub(crate) use load::Broken;
pub(crate) use sample::sample;

use crate::notice::Notice;
use load::{Files, WORDS};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Steps of one template, so that an endless loop ends. The longest shipped one takes about 30 a line of an order.
const FUEL: u64 = 200_000;
/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;
/// Of any shop, and the last resort.
pub(crate) const LANGUAGES: [&str; 4] = ["en", "fr", "es", "de"];

/// A message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) language: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Nothing where the notice has no short form.
    pub(crate) sms: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    /// Sections, by file: `<scope>/<notice>.<language>.txt`.
    files: BTreeMap<String, Vec<String>>,
}

impl Templates {
    /// The shipped ones, and over them those of a folder.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, Vec<Broken>> {
        let mut files = Files::shipped();
        let mut broken = folder.map(|folder| files.add(folder)).unwrap_or_default();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        for (name, source) in files.sources() {
            if let Err(error) = environment.add_template_owned(name, source) {
                broken.push(named(&error));
            }
        }
        let templates = Self { environment, files: files.sections() };
        if broken.is_empty() {
            broken = templates.try_samples();
        }
        broken.sort_by(|a, b| a.0.cmp(&b.0));
        broken.dedup();
        if broken.is_empty() { Ok(templates) } else { Err(broken) }
    }

    /// Every notice with samples, in every language that it is there in: as shipped, with the shop's own files, and with
    /// those of each partner that has some.
    fn try_samples(&self) -> Vec<Broken> {
        let (mut scopes, mut languages) = (BTreeSet::from([load::OWN]), BTreeSet::new());
        for file in self.files.keys() {
            scopes.extend(file.split_once('/').map(|(scope, _)| scope));
            languages.extend(load::parts(file).map(|(_, _, language)| language));
        }
        let mut broken = Vec::new();
        for scope in scopes {
            for language in &languages {
                for notice in
                    Notice::ALL.into_iter().filter(|notice| self.has(*notice, language, scope))
                {
                    for is_full in [true, false] {
                        let facts = sample(notice, language, is_full, None);
                        broken.extend(self.in_language(notice, language, scope, &facts).err());
                    }
                }
            }
        }
        broken
    }

    /// A notice in the first of `languages` that has it. If the shop's own template fails with these facts, the log
    /// says so and the shipped one is taken: a customer is told all the same.
    pub(crate) fn render(
        &self,
        notice: Notice,
        languages: &[String],
        partner: &str,
        facts: &Value,
    ) -> Result<Rendered, Broken> {
        let known = |language: &&String| self.has(notice, language, partner);
        let language = languages.iter().find(known).map_or("en", String::as_str);
        self.in_language(notice, language, partner, facts).or_else(|Broken(why)| {
            tracing::error!(why, "a template fails; the shipped one is used");
            let language = if LANGUAGES.contains(&language) { language } else { "en" };
            self.at(notice, language, &[load::SHIPPED], facts)
        })
    }

    /// Is there a template of the notice in this language?
    pub(crate) fn has(&self, notice: Notice, language: &str, partner: &str) -> bool {
        let name = format!("{}.{language}.txt", notice.name());
        let is_there = |scope: &String| self.files.contains_key(&format!("{scope}/{name}"));
        load::scopes(partner).iter().any(is_there)
    }

    fn in_language(
        &self,
        notice: Notice,
        language: &str,
        partner: &str,
        facts: &Value,
    ) -> Result<Rendered, Broken> {
        let scopes = load::scopes(partner);
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        self.at(notice, language, &scopes, facts)
    }

    /// Renders a notice with the files of the first scope that has each.
    fn at(
        &self,
        notice: Notice,
        language: &str,
        scopes: &[&str],
        facts: &Value,
    ) -> Result<Rendered, Broken> {
        let file = |name: &str| {
            let of = |scope: &&str| format!("{scope}/{name}");
            scopes.iter().map(of).find(|file| self.files.contains_key(file))
        };
        let missing = |name: &str| Broken(format!("{name}: is missing"));
        let name = format!("{}.{language}.txt", notice.name());
        let notice_file = file(&name).ok_or_else(|| missing(&name))?;
        let words_name = format!("{WORDS}.{language}.txt");
        let words_file = file(&words_name).ok_or_else(|| missing(&words_name))?;
        let section = |file: &str, section: &str, end: &str| {
            // What stands before a section counts its lines.
            self.one(&format!("{file}/{section}{end}"), facts).map(|text| text.trim().to_owned())
        };
        let has = |section: &str| {
            self.files.get(&notice_file).is_some_and(|it| it.iter().any(|it| it == section))
        };
        let mut words = BTreeMap::new();
        for word in self.files.get(&words_file).into_iter().flatten() {
            words.insert(word.clone(), section(&words_file, word, "")?);
        }
        let greeting = words.get("greeting").cloned().unwrap_or_default();
        let subject = one_line(&section(&notice_file, "subject", "")?, SUBJECT_CHARS_MAX);
        let part = |name: &str, end: &str| match has(name) {
            true => section(&notice_file, name, end),
            false => Ok(String::new()),
        };
        let (intro, closing) = (part("intro", "")?, part("closing", "")?);
        let charges = charges(facts, &words);
        let common = context! {
            language, greeting, words, charges, subject => subject.clone(), ..facts.clone()
        };
        let text = file("layout.txt").ok_or_else(|| missing("layout.txt"))?;
        let text = self.one(&text, &context! { intro, closing, ..common.clone() })?;
        let text = squeezed(&text);
        let html = file("layout.html").ok_or_else(|| missing("layout.html"))?;
        let (intro, closing) = (part("intro", ".html")?, part("closing", ".html")?);
        let (intro, closing) = (paragraphs(&intro), paragraphs(&closing));
        let html = self.one(&html, &context! { intro, closing, ..common })?;
        let sms = has("sms").then(|| section(&notice_file, "sms", "")).transpose()?;
        let sms = sms.map(|sms| one_line(&sms, usize::MAX));
        Ok(Rendered { language: language.to_owned(), subject, text, html, sms })
    }

    fn one(&self, name: &str, context: &Value) -> Result<String, Broken> {
        let template = self.environment.get_template(name).map_err(|error| named(&error))?;
        template.render(context).map_err(|error| named(&error))
    }
}

/// Charges with their names in the language, where the order says none.
fn charges(facts: &Value, words: &BTreeMap<String, String>) -> Vec<Value> {
    let text = |value: Value| value.as_str().map(str::to_owned);
    let charges = facts.get_attr("order").and_then(|order| order.get_attr("charges"));
    let charges = charges.ok().and_then(|charges| charges.try_iter().ok());
    let named = |charge: Value| {
        let of = |name: &str| charge.get_attr(name).ok().and_then(text);
        let kind = of("kind").unwrap_or_default();
        let name = of("description").or_else(|| words.get(&kind).cloned()).unwrap_or(kind);
        context! { name => one_line(&name, SUBJECT_CHARS_MAX), amount => of("amount") }
    };
    charges.into_iter().flatten().map(named).collect()
}

/// A text with one blank line where there are more: what is left out of a layout leaves them.
fn squeezed(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// Text that is escaped already, in its paragraphs.
fn paragraphs(text: &str) -> Vec<Value> {
    let parts = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Value::from_safe_string(part.replace('\n', "<br>\n"))).collect()
}

/// One line without control characters, at most so many characters.
fn one_line(text: &str, chars_max: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in plain.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line.chars().take(chars_max).collect()
}

/// File, line and reason of an error.
fn named(error: &minijinja::Error) -> Broken {
    let mut error: &minijinja::Error = error;
    // The innermost one names the place.
    while let Some(inner) = std::error::Error::source(error).and_then(|it| it.downcast_ref()) {
        error = inner;
    }
    let file = load::file_of(error.name().unwrap_or("a template"));
    let line = error.line().map(|line| format!(" line {line}:")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    Broken(format!("{file}:{line} {}{detail}", error.kind()))
}

#[cfg(test)]
mod tests;
