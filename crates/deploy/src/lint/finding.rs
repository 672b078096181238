//! Rules, and what breaks them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use terminal::output;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is refused, dropped in silence, or does not do what it says.
    Error,
    /// It works, and may not be what was meant.
    Warning,
}

macro_rules! rules {
    ($($rule:ident $code:literal $level:ident,)+) => {
        /// What a stack is held against; `docs/OPENFAAS.md` says what each is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Rule { $($rule,)+ }

        impl Rule {
            /// All of them, as in the table of `docs/OPENFAAS.md`.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$rule,)+];

            pub(super) const fn code(self) -> &'static str {
                match self { $(Self::$rule => $code,)+ }
            }

            pub(super) const fn level(self) -> Level {
                match self { $(Self::$rule => Level::$level,)+ }
            }
        }
    };
}

rules! {
    Yaml "yaml" Error,
    Variable "variable" Error,
    KeyUnknown "key-unknown" Error,
    KeyMissing "key-missing" Error,
    KeyTwice "key-twice" Error,
    Value "value" Error,
    FunctionsMax "functions-max" Error,
    Name "name" Error,
    Image "image" Error,
    ImageLatest "image-latest" Error,
    Namespace "namespace" Error,
    Constraints "constraints" Warning,
    Label "label" Error,
    Annotation "annotation" Error,
    Limits "limits" Error,
    Requests "requests" Warning,
    Quantity "quantity" Error,
    Root "root" Warning,
    Schedule "schedule" Error,
    ScheduleZone "schedule-zone" Error,
    ScheduleTopic "schedule-topic" Error,
    Topic "topic" Error,
    AnnotationUnknown "annotation-unknown" Error,
    AnnotationValue "annotation-value" Error,
    AnnotationIdle "annotation-idle" Warning,
    Lane "lane" Error,
    StockPolicy "stock-policy" Warning,
    CurrencySign "currency-sign" Warning,
    PartnerFolder "partner-folder" Warning,
    TaxRates "tax-rates" Warning,
    NoSeller "no-seller" Warning,
    Batch "batch" Error,
    Timeout "timeout" Error,
    Shutdown "shutdown" Error,
    Setting "setting" Error,
    SettingUnknown "setting-unknown" Error,
    Watchdog "watchdog" Warning,
    SecretName "secret-name" Error,
    SecretUnlisted "secret-unlisted" Error,
    SecretUnused "secret-unused" Warning,
    SecretAbsent "secret-absent" Error,
    Template "template" Error,
    Handler "handler" Error,
    Copy "copy" Error,
    BuildArg "build-arg" Error,
}

impl Rule {
    /// Does it mean that stack.yml is not read as it is meant?
    pub(super) const fn is_of_reading(self) -> bool {
        matches!(
            self,
            Self::Yaml
                | Self::Variable
                | Self::KeyUnknown
                | Self::KeyMissing
                | Self::KeyTwice
                | Self::Value
        )
    }

    /// Is it about building and deploying an image?
    pub(super) const fn is_of_images(self) -> bool {
        matches!(
            self,
            Self::Image
                | Self::ImageLatest
                | Self::Template
                | Self::Handler
                | Self::Copy
                | Self::BuildArg
                | Self::Limits
                | Self::Requests
                | Self::Quantity
                | Self::Root
                | Self::SecretUnlisted
                | Self::SecretUnused
        )
    }
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    /// The file that it is about; nothing for stack.yml.
    file: Option<PathBuf>,
    pub(super) line: usize,
    /// Which key, such as `functions.daily-checker.image`; empty for the file.
    pub(super) path: String,
    /// What is wrong, with the value.
    pub(super) wrong: String,
    /// How to mend it; empty where that is the same as what is wrong.
    pub(super) mend: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(
        &mut self,
        rule: Rule,
        line: usize,
        path: impl Into<String>,
        wrong: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let (path, wrong, mend) = (path.into(), wrong.into(), mend.into());
        self.0.push(Finding { rule, file: None, line, path, wrong, mend });
    }

    /// The same in another file than the stack.
    pub(super) fn add_in(
        &mut self,
        file: &Path,
        rule: Rule,
        line: usize,
        path: impl Into<String>,
        wrong: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(rule, line, path, wrong, mend);
        if let Some(last) = self.0.last_mut() {
            last.file = Some(file.to_owned());
        }
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|finding| finding.line);
    }

    /// How many are this bad.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.rule.level() == level).count()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Finding] {
        &self.0
    }

    /// One line for each whose rule is wanted, as [`Findings::print`] prints it.
    pub(super) fn lines(&self, file: &Path, wanted: impl Fn(Rule) -> bool) -> Vec<String> {
        let wanted = self.0.iter().filter(|finding| wanted(finding.rule));
        wanted.map(|finding| finding.text(file)).collect()
    }

    /// One line each, `FILE:LINE: LEVEL RULE: PATH: WHAT; HOW TO MEND IT`, or a JSON array.
    pub fn print(&self, file: &Path, as_json: bool) {
        if as_json {
            output::json(&self.0.iter().map(|finding| finding.json(file)).collect::<Vec<_>>());
            return;
        }
        for finding in &self.0 {
            output::line(finding.text(file));
        }
    }
}

impl Finding {
    fn level(&self) -> &'static str {
        match self.rule.level() {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }

    fn text(&self, file: &Path) -> String {
        let Self { rule, line, path, wrong, mend, .. } = self;
        let file = self.file.as_deref().unwrap_or(file);
        let (file, level, rule) = (file.display(), self.level(), rule.code());
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let mend = if mend.is_empty() { String::new() } else { format!("; {mend}") };
        format!("{file}:{line}: {level} {rule}: {path}{wrong}{mend}")
    }

    fn json(&self, file: &Path) -> Value {
        let file = self.file.as_deref().unwrap_or(file);
        json!({
            "file": file.display().to_string(),
            "line": self.line,
            "level": self.level(),
            "rule": self.rule.code(),
            "path": self.path,
            "wrong": self.wrong,
            "mend": self.mend,
        })
    }
}
