//! The currency of prices: a row in another currency is not accepted.

use crate::column::{Column, folded};
use crate::fault::{Fault, shown};
use crate::reject::Rule;
use domain::currency::IN_SHOPS;
use domain::partner::FileFormat;

/// Names of currency columns, in folded form.
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
/// Signs and words for currencies; of several currencies, the most common one is first.
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
    // Several countries have a dollar.
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

/// The codes of ISO 4217 that `text`, a code, sign or name of a currency, can mean, the most common one
/// first; none for an unknown text.
#[must_use]
pub fn meanings(text: &str) -> &'static [&'static str] {
    if let Some(at) = IN_SHOPS.iter().position(|code| code.eq_ignore_ascii_case(text)) {
        return IN_SHOPS.get(at..=at).unwrap_or_default();
    }
    let lower = text.to_lowercase();
    SIGNS.iter().find(|(sign, _)| *sign == lower).map_or(&[], |(_, codes)| codes)
}

/// Is a column with this name a currency column?
#[must_use]
pub fn is_column(name: &str) -> bool {
    NAMES.contains(&folded(name).as_str())
}

/// The partner's currency, and how a file may write it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Currency {
    /// The ISO 4217 code; `None` if unknown, and then nothing is checked.
    code: Option<String>,
    /// Additional signs and codes that are accepted for it.
    taken: Vec<String>,
    /// Whether the configuration names the column. A column found only by its name may contain
    /// something else.
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

    /// Should a currency column be found by its name?
    pub(crate) fn is_looked_for(&self) -> bool {
        self.code.is_some() && !self.named
    }

    /// Checks the currency of a row.
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
        // A column found by its name may contain something else: dates (valuta) or rates.
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
