//! What prices are in: a row of another currency is other money.

use crate::header::Column;
use crate::reject::Rule;
use crate::rules::{Fault, shown};
use domain::partner::FileFormat;

/// What a column of currencies is called, as names of columns are compared.
pub(crate) const NAMES: [&str; 16] = [
    "currency",
    "currencycode",
    "currencyiso",
    "isocurrency",
    "ordercurrency",
    "itemcurrency",
    "pricecurrency",
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
/// Signs and words of currencies. A dollar may be that of half a dozen countries.
const SIGNS: [(&str, &[&str]); 14] = [
    ("€", &["EUR"]),
    ("euro", &["EUR"]),
    ("£", &["GBP"]),
    ("$", &["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"]),
    ("us$", &["USD"]),
    ("r$", &["BRL"]),
    ("¥", &["JPY", "CNY"]),
    ("円", &["JPY"]),
    ("元", &["CNY"]),
    ("₹", &["INR"]),
    ("₩", &["KRW"]),
    ("zł", &["PLN"]),
    ("kč", &["CZK"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
];

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
        let lower = text.to_lowercase();
        let sign = SIGNS.iter().find(|(sign, _)| *sign == lower);
        if sign.is_some_and(|(_, codes)| codes.contains(&code)) {
            return Ok(());
        }
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !self.named && !is_code && sign.is_none() {
            return Ok(());
        }
        let reason = format!(
            "{} is not {code}, the partner's currency; currency-signs says what else is taken for it",
            shown(text)
        );
        Err(Fault::new(Rule::OtherCurrency, column, reason))
    }
}
