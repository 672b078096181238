//! A partner's format and rules, validated once and prepared for use.

use crate::amount::Notation;
use crate::column::folded;
use crate::config_error::ConfigError;
use crate::currency::Currency;
use crate::dates::Dates;
use crate::derive::Derivation;
use crate::scanner::Quoting;
use crate::trailer::End;
use domain::charge::ChargeRow;
use domain::partner::{
    Column, Delimiter, Duplicates, Encoding, FileFormat, Names, Products, Quote, QuoteEscape,
    Rules, ShortRows,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most lines that may be skipped before a header, and most lines of a footer.
pub(crate) const PREAMBLE_LINES_MAX: u32 = 1_000;
pub(crate) const FOOTER_LINES_MAX: usize = 20;

/// Most sets of unique columns; each set is remembered separately.
pub(crate) const UNIQUE_MAX: usize = 4;

/// Limits for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one record with its line end; a longer one is rejected.
    pub record_bytes_max: usize,
    /// Most bytes of a rejected record that are kept.
    pub raw_bytes_max: usize,
    /// Most rows of a file; one more refuses the file. At most 2³² − 1.
    pub rows_max: u64,
    /// Most bytes of memory for rows that are kept for comparison: 12 for each accepted row and at most
    /// 58 for each order, or 30 for a row whose order occurs in several places. More data goes to the
    /// [`Scratch`](crate::Scratch); finding it there needs another quarter of this memory, and sorting
    /// it temporarily an eighth.
    pub seen_bytes_max: usize,
    /// Bytes that are processed at once, at least 1. Each worker holds about twice as many.
    pub block_bytes: usize,
    /// Threads that read blocks ahead of the caller; below 2, the caller does everything.
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 64 << 10,
            raw_bytes_max: 4 << 10,
            rows_max: 25_000_000,
            seen_bytes_max: 96 << 20,
            block_bytes: 64 << 10,
            workers: 1,
        }
    }
}

/// A partner's format and rules, prepared for use.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) delimiter: Delimiter,
    pub(crate) encoding: Encoding,
    pub(crate) quoting: Quoting,
    /// The currency of prices.
    pub(crate) currency: Currency,
    pub(crate) notation: Notation,
    pub(crate) dates: Dates,
    pub(crate) preamble_lines: u32,
    pub(crate) footer_lines: usize,
    pub(crate) end: Option<End>,
    /// Whether quantities and totals are summed.
    pub(crate) sums: bool,
    pub(crate) continued_rows: bool,
    /// Whether a row with fewer fields than the header has empty ones at its end.
    pub(crate) fills_short_rows: bool,
    /// The used columns, with their possible names; a street has one entry for each of its lines.
    pub(crate) columns: Vec<(Column, Names)>,
    pub(crate) derivation: Option<Derivation>,
    /// Product codes of rows that are charges.
    pub(crate) charges: HashMap<Box<str>, ChargeRow>,
    pub(crate) customer_required: bool,
    /// Additional columns that must not be empty.
    pub(crate) required: Vec<Column>,
    pub(crate) values: Vec<(Column, HashSet<Box<str>>)>,
    pub(crate) unique: Vec<Vec<Column>>,
    pub(crate) products: Option<Arc<Products>>,
    pub(crate) price_positive: bool,
    pub(crate) duplicates: Duplicates,
    pub(crate) limits: Limits,
}

impl Config {
    pub(crate) fn new(
        format: &FileFormat,
        rules: &Rules,
        time_zone: &str,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        check_format(format)?;
        if limits.record_bytes_max < 16 {
            return Err(ConfigError::RecordLimit(limits.record_bytes_max));
        }
        if limits.block_bytes == 0 {
            return Err(ConfigError::BlockLimit);
        }
        let notation = notation(format)?;
        let transform = format.transform.as_ref();
        let derivation = transform.map(|transform| Derivation::new(transform, &notation));
        let derivation = derivation.transpose()?;
        let made: Vec<Column> = derivation.iter().flat_map(Derivation::roles).collect();
        if rules.customer_required
            && format.columns.customer_id.is_none()
            && !made.contains(&Column::CustomerId)
        {
            return Err(ConfigError::NoCustomerColumn);
        }
        if format.continued_rows && made.contains(&Column::OrderId) {
            return Err(ConfigError::MadeOrderId);
        }
        check_rules(format, rules, &made)?;
        let list = |(column, values): (&Column, &Vec<String>)| {
            (*column, values.iter().map(|value| value.trim().into()).collect())
        };
        let footer_lines = usize::try_from(format.footer_lines).unwrap_or(usize::MAX);
        Ok(Self {
            delimiter: format.delimiter,
            encoding: format.encoding,
            quoting: Quoting::of(format),
            currency: Currency::of(format),
            notation,
            dates: Dates::new(&format.dates, time_zone)?,
            preamble_lines: format.preamble_lines,
            footer_lines,
            end: End::of(format),
            sums: false,
            continued_rows: format.continued_rows,
            fills_short_rows: format.short_rows == ShortRows::Fill,
            columns: columns(format, &made)?,
            derivation,
            charges: format.charges.iter().map(|(code, row)| (code.trim().into(), *row)).collect(),
            customer_required: rules.customer_required
                || rules.required.contains(&Column::CustomerId),
            required: rules.required.clone(),
            values: rules.values.iter().map(list).collect(),
            unique: rules.unique.clone(),
            products: None,
            price_positive: rules.price_positive,
            duplicates: rules.duplicates,
            limits: Limits { rows_max: limits.rows_max.min(u64::from(u32::MAX)), ..limits },
        })
    }
}

/// May this sign enclose a field?
fn is_sign(sign: char) -> bool {
    sign.is_ascii_punctuation() && !matches!(sign, '\\' | '.' | '-')
}

fn check_format(format: &FileFormat) -> Result<(), ConfigError> {
    if let Delimiter::Is(delimiter) = format.delimiter
        && (!delimiter.is_ascii() || matches!(delimiter, '"' | '\r' | '\n' | '\0'))
    {
        return Err(ConfigError::Delimiter(delimiter));
    }
    match format.quote {
        Quote::Is(sign) if !is_sign(sign) || format.delimiter == Delimiter::Is(sign) => {
            return Err(ConfigError::Quote(sign));
        }
        Quote::None if format.quote_escape == QuoteEscape::Backslash => {
            return Err(ConfigError::QuoteEscape);
        }
        Quote::Is(_) | Quote::None => {}
    }
    if format.preamble_lines > PREAMBLE_LINES_MAX {
        return Err(ConfigError::PreambleLines(format.preamble_lines));
    }
    if usize::try_from(format.footer_lines).is_ok_and(|lines| lines > FOOTER_LINES_MAX) {
        return Err(ConfigError::FooterLines(format.footer_lines));
    }
    if format.footer_marker.as_ref().is_some_and(|marker| marker.trim().is_empty()) {
        return Err(ConfigError::FooterMarker);
    }
    if let Some(trailer) = &format.trailer {
        if trailer.marker.trim().is_empty() {
            return Err(ConfigError::TrailerMarker);
        }
        if format.footer_marker.is_some() {
            return Err(ConfigError::TrailerAndFooter("footer-marker"));
        }
        if format.footer_lines > 0 {
            return Err(ConfigError::TrailerAndFooter("footer-lines"));
        }
    }
    Ok(())
}

fn check_rules(format: &FileFormat, rules: &Rules, made: &[Column]) -> Result<(), ConfigError> {
    let named = rules.required.iter().map(|column| ("required", *column));
    let named = named.chain(rules.values.keys().map(|column| ("values", *column)));
    let named = named.chain(rules.unique.iter().flatten().map(|column| ("unique", *column)));
    for (rule, column) in named {
        if format.columns.names(column).is_none() && !made.contains(&column) {
            return Err(ConfigError::NoColumn { rule, column: column.key() });
        }
    }
    for column in rules.values.keys() {
        match column {
            Column::ProductId | Column::Description | Column::Region | Column::Category => {}
            _ => return Err(ConfigError::Values(column.key())),
        }
    }
    let least = rules.unique.iter().map(Vec::len).min();
    if UNIQUE_MAX < rules.unique.len() || least == Some(0) {
        let (sets, least) = (rules.unique.len(), least.unwrap_or(0));
        return Err(ConfigError::Unique { sets, least });
    }
    Ok(())
}

fn notation(format: &FileFormat) -> Result<Notation, ConfigError> {
    let decimal_mark = match format.decimal_mark {
        '.' => b'.',
        ',' => b',',
        other => return Err(ConfigError::DecimalMark(other)),
    };
    if let Some(mark) = format.thousands_mark
        && (!matches!(mark, '.' | ',' | ' ' | '\'') || mark == format.decimal_mark)
    {
        return Err(ConfigError::ThousandsMark(mark));
    }
    for sign in &format.currency_signs {
        let part_of_a_number =
            |c: char| c.is_numeric() || c.is_whitespace() || "+-()',".contains(c);
        if sign.is_empty() || sign.contains(part_of_a_number) {
            return Err(ConfigError::CurrencySign(sign.clone()));
        }
    }
    Ok(Notation {
        decimal_mark,
        thousands_mark: format.thousands_mark,
        currency_signs: format.currency_signs.clone(),
    })
}

/// The used columns of the file, except the computed ones in `made`.
fn columns(format: &FileFormat, made: &[Column]) -> Result<Vec<(Column, Names)>, ConfigError> {
    let columns = &format.columns;
    let mut used: Vec<(Column, Names)> = Vec::new();
    for role in Column::ALL {
        let is_made = made.contains(&role);
        let names = columns.names(role).filter(|names| !(is_made && names.is_empty()));
        let Some(names) = names else { continue };
        if is_made {
            return Err(ConfigError::MadeTwice(role.key()));
        }
        if names.iter().next().is_none() || names.iter().any(|name| name.trim().is_empty()) {
            return Err(ConfigError::EmptyColumn(role.key()));
        }
        for names in columns.in_file(role) {
            for name in names.iter() {
                let same = |other: &Names| other.iter().any(|other| folded(other) == folded(name));
                let taken =
                    used.iter().find(|(other, names)| !may_share(*other, role) && same(names));
                if let Some((first, _)) = taken {
                    return Err(ConfigError::SameColumn {
                        first: first.key(),
                        second: role.key(),
                        name: name.to_owned(),
                    });
                }
            }
            used.push((role, names));
        }
    }
    Ok(used)
}

/// May a column of the file be both of these? What is said of a person may be something else as well, such as a
/// customer's number that is an e-mail address.
pub(crate) fn may_share(one: Column, other: Column) -> bool {
    one != other && (one.is_person() || other.is_person())
}
