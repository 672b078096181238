//! What the headers of a fact say.

use super::balances::Balance;
use super::documents::Row;
use chrono::NaiveDate;
use domain::Money;
use domain::invoice::{BalanceState, DocumentKind};
use messaging::header;
use messaging::subject;
use state::fold::Event;

/// What a message is.
pub(crate) enum Said {
    Document(Row),
    /// With its order.
    Balance(Box<str>, Balance),
    /// Of a later release.
    Other,
}

/// `<partner>.<order>`, both as tokens.
fn order(event: &Event<'_>) -> Result<String, String> {
    Ok(format!("{}.{}", text(event, header::PARTNER)?, text(event, header::ORDER)?))
}

/// `<partner>.<customer>`, both as tokens.
pub(super) fn of_customer(event: &Event<'_>, customer: &str) -> Result<String, String> {
    Ok(format!("{}.{customer}", text(event, header::PARTNER)?))
}

pub(super) fn said(event: &Event<'_>) -> Result<Said, String> {
    let mut tokens = event.subject.split('.').skip(1);
    let (kind, warehouse) = (tokens.next(), tokens.next().unwrap_or_default());
    match kind {
        Some("issued") => {
            let number =
                tokens.next().and_then(subject::text).ok_or("the subject has no number")?;
            document(event, warehouse, number).map(Said::Document)
        }
        Some("balance") => Ok(Said::Balance(order(event)?.into(), balance(event, warehouse)?)),
        _ => Ok(Said::Other),
    }
}

fn document(event: &Event<'_>, warehouse: &str, number: String) -> Result<Row, String> {
    let kind = match text(event, header::DOCUMENT)? {
        "invoice" => DocumentKind::Invoice,
        "credit_note" => DocumentKind::CreditNote,
        other => return Err(format!("the header {} is {other:?}", header::DOCUMENT)),
    };
    Ok(Row {
        sequence: event.sequence,
        number: number.into(),
        kind,
        order: order(event)?.into(),
        customer: event.header(header::CUSTOMER).map(Box::from),
        seller: text(event, header::SELLER)?.into(),
        warehouse: warehouse.into(),
        currency: text(event, header::CURRENCY)?.into(),
        issued_on: day(event, header::ISSUED_ON)?,
        units: money(event, header::PAYABLE)?,
        original: event.header(header::INVOICE).map(Box::from),
    })
}

fn balance(event: &Event<'_>, warehouse: &str) -> Result<Balance, String> {
    let said = text(event, header::STATE)?;
    let state = BalanceState::ALL.into_iter().find(|state| state.as_str() == said);
    let due_on = event.header(header::DUE_ON).map(|_| day(event, header::DUE_ON)).transpose()?;
    let own = |name| event.header(name).map(Box::from);
    Ok(Balance {
        state: state.ok_or_else(|| format!("the header {} is {said:?}", header::STATE))?,
        open: money(event, header::OPEN)?,
        due_on,
        invoice: own(header::INVOICE),
        customer: own(header::CUSTOMER),
        seller: own(header::SELLER),
        currency: own(header::CURRENCY),
        reason: own(header::REASON),
        warehouse: warehouse.into(),
        changed_ms: event.time_ms,
    })
}

fn text<'e>(event: &Event<'e>, name: &'static str) -> Result<&'e str, String> {
    event.header(name).ok_or_else(|| format!("the header {name} is missing"))
}

fn money(event: &Event<'_>, name: &'static str) -> Result<i64, String> {
    let said = text(event, name)?;
    // A sum may be larger than what is read from outside.
    let (sign, digits) = said.strip_prefix('-').map_or((1, said), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let wrong = || format!("the header {name} is {said:?}, no amount");
    let places = domain::money::DECIMALS as usize;
    if places < part.len() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(wrong());
    }
    let units: i64 = format!("{whole}{part:0<places$}").parse().map_err(|_| wrong())?;
    Ok(Money::from_units(units * sign).units())
}

fn day(event: &Event<'_>, name: &'static str) -> Result<NaiveDate, String> {
    let said = text(event, name)?;
    said.parse().map_err(|_| format!("the header {name} is {said:?}, no day such as 2026-01-31"))
}
