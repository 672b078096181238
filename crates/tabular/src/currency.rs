//! What prices are in: a row of another currency is other money.

use crate::column::{Column, folded};
use crate::fault::{Fault, shown};
use crate::reject::Rule;
use domain::partner::FileFormat;

/// What a column of currencies is called, as names of columns are compared.
const NAMES: [&str; 22] = [
    "currency",
    "currencycode",
    "currencyiso",
    "isocurrency",
    "ordercurrency",
    "ordercurrencycode",
    "itemcurrency",
    "pricecurrency",
    "currencyname",
    "ccy",
    "ccycode",
    "orderccy",
    "priceccy",
    "wahrung",
    "waehrung",
    "devise",
    "moneda",
    "valuta",
    "divisa",
    "waluta",
    "moeda",
    "mena",
];
/// Codes of ISO 4217 that are met in shops.
const CODES: [&str; 36] = [
    "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON", "BGN",
    "CAD", "AUD", "NZD", "SGD", "HKD", "JPY", "CNY", "KRW", "TWD", "THB", "INR", "BRL", "MXN",
    "ZAR", "TRY", "ILS", "AED", "SAR", "UAH", "IDR", "MYR", "PHP", "VND",
];
/// Signs and words of currencies; of several, the usual one stands first.
const SIGNS: [(&str, &[&str]); 51] = [
    ("€", &["EUR"]),
    ("euro", &["EUR"]),
    ("euros", &["EUR"]),
    ("£", &["GBP"]),
    ("pound sterling", &["GBP"]),
    ("pounds sterling", &["GBP"]),
    ("british pound", &["GBP"]),
    ("british pounds", &["GBP"]),
    ("sterling", &["GBP"]),
    // Half a dozen countries call theirs dollar.
    ("$", &["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"]),
    ("us$", &["USD"]),
    ("$us", &["USD", "CAD"]),
    ("us dollar", &["USD"]),
    ("us dollars", &["USD"]),
    ("u.s. dollar", &["USD"]),
    ("c$", &["CAD"]),
    ("ca$", &["CAD"]),
    ("can$", &["CAD"]),
    ("canadian dollar", &["CAD"]),
    ("a$", &["AUD"]),
    ("au$", &["AUD"]),
    ("australian dollar", &["AUD"]),
    ("nz$", &["NZD"]),
    ("new zealand dollar", &["NZD"]),
    ("s$", &["SGD"]),
    ("hk$", &["HKD"]),
    ("mx$", &["MXN"]),
    ("nt$", &["TWD"]),
    ("r$", &["BRL"]),
    ("real", &["BRL"]),
    ("¥", &["JPY", "CNY"]),
    ("￥", &["JPY", "CNY"]),
    ("yen", &["JPY"]),
    ("円", &["JPY"]),
    ("元", &["CNY"]),
    ("rmb", &["CNY"]),
    ("₹", &["INR"]),
    ("₩", &["KRW"]),
    ("zł", &["PLN"]),
    ("złoty", &["PLN"]),
    ("zloty", &["PLN"]),
    ("kč", &["CZK"]),
    ("ft", &["HUF"]),
    ("lei", &["RON"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("kr.", &["DKK", "SEK", "NOK", "ISK"]),
    ("sfr", &["CHF"]),
    ("swiss franc", &["CHF"]),
    ("₺", &["TRY"]),
    ("₪", &["ILS"]),
    ("₴", &["UAH"]),
];

/// Codes of ISO 4217 that `text`, a code, sign or name of a currency, may mean, the usual one first;
/// none of a text that is not known.
#[must_use]
pub fn meanings(text: &str) -> &'static [&'static str] {
    if let Some(at) = CODES.iter().position(|code| code.eq_ignore_ascii_case(text)) {
        return CODES.get(at..=at).unwrap_or_default();
    }
    let lower = text.to_lowercase();
    SIGNS.iter().find(|(sign, _)| *sign == lower).map_or(&[], |(_, codes)| codes)
}

/// Is a column of this name one that says what prices are in?
#[must_use]
pub fn is_column(name: &str) -> bool {
    NAMES.contains(&folded(name).as_str())
}

/// The partner's currency, and how a file may write it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Currency {
    /// ISO 4217; nothing if it is not known, and then nothing is checked.
    code: Option<String>,
    /// Further signs and codes that are taken for it.
    taken: Vec<String>,
    /// The partner names the column. One that was only found by its name may hold something else.
    named: bool,
}

impl Currency {
    pub(crate) fn of(format: &FileFormat) -> Self {
        let made = format.transform.as_ref();
        let made =
            made.is_some_and(|made| made.columns.contains_key(&domain::partner::Column::Currency));
        let named = format.columns.currency.is_some() || made;
        Self { code: None, taken: format.currency_signs.clone(), named }
    }

    pub(crate) fn set(&mut self, code: &str) {
        self.code = Some(code.to_owned());
    }

    /// Is a column looked for that nobody has named?
    pub(crate) fn is_looked_for(&self) -> bool {
        self.code.is_some() && !self.named
    }

    /// Checks what a row says of its currency.
    pub(crate) fn check(&self, text: &str, column: &Column) -> Result<(), Fault> {
        let Some(code) = self.code.as_deref().filter(|code| !code.eq_ignore_ascii_case(text))
        else {
            return Ok(());
        };
        if text.is_empty() || self.taken.iter().any(|sign| sign.eq_ignore_ascii_case(text)) {
            return Ok(());
        }
        if meanings(text).contains(&code) {
            return Ok(());
        }
        // Such a column may hold something else: days (valuta) or rates.
        let says_money = |c: char| c.is_alphabetic() || !c.is_ascii() || c == '$';
        if !self.named && !text.contains(says_money) {
            return Ok(());
        }
        let reason = format!(
            "{} is not {code}, the partner's currency; currency-signs says what else is taken for it",
            shown(text)
        );
        Err(Fault::new(Rule::OtherCurrency, column, reason))
    }
}
