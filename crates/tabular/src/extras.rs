//! Optional fields of a row: charges, discounts, tax, the sale that is returned, the person who buys.

use crate::column::Column;
use crate::config::Config;
use crate::fault::{Fault, shown};
use crate::ids::{clean, id, is_placeholder, optional, unguarded};
use crate::record::Record;
use crate::reject::Rule;
use domain::charge::ChargeRow;
use domain::extra::{Extra, PersonTexts};
use domain::partner::Column as Role;
use domain::{Money, OrderId, TaxCategory, TaxCategoryError, person};

/// Reads the optional fields; returns `None` quickly if there are none. `charge` means that the row is
/// a charge and not a line of its order.
pub(crate) fn read(
    config: &Config,
    record: &Record<'_>,
    charge: Option<ChargeRow>,
    quantity: i64,
    unit_price: Money,
    scratch: &mut String,
) -> Result<Option<Box<Extra>>, Fault> {
    let columns = &record.layout.extras;
    if columns.is_empty() && charge.is_none() {
        return Ok(None);
    }
    let mut extra = Extra { charge, ..Extra::default() };
    for (role, column) in columns {
        let text = record.field(column);
        if text.is_empty() {
            continue;
        }
        let mut amount = || {
            config.notation.amount(text, scratch).map_err(|error| {
                Fault::new(Rule::BadPrice, column, format!("{} {error}", shown(text)))
            })
        };
        match role {
            Role::TaxCategory => extra.tax_category = Some(tax_category(text, column)?),
            Role::Returns => extra.returns = returns(text, column)?,
            Role::LineDiscount => {
                let amount = amount()?;
                if charge.is_none() {
                    extra.line_discount = line_discount(amount, quantity, unit_price, column)?;
                }
            }
            Role::Shipping => extra.shipping = Some(amount()?),
            Role::Discount => extra.discount = Some(amount()?.magnitude()),
            Role::TaxGiven => extra.tax_given = Some(amount()?),
            role => add_person(*role, text, column, &mut extra.person)?,
        }
    }
    Ok((extra != Extra::default()).then(|| Box::new(extra)))
}

fn tax_category(text: &str, column: &Column) -> Result<TaxCategory, Fault> {
    TaxCategory::parse(text).map_err(|error| {
        let rule = match error {
            TaxCategoryError::TooLong(_) => Rule::TooLong,
            TaxCategoryError::Empty | TaxCategoryError::Control => Rule::ValueNotAllowed,
        };
        Fault::new(rule, column, error.to_string())
    })
}

/// The sale that is returned.
fn returns(text: &str, column: &Column) -> Result<Option<OrderId>, Fault> {
    let text = clean(text);
    let text =
        optional(id(&text)).map_err(|bad| bad.fault(column, Rule::BadReturns, Rule::BadReturns))?;
    let sale = (!text.is_empty()).then(|| OrderId::stored(text)).transpose();
    sale.map_err(|error| Fault::new(Rule::BadReturns, column, error.to_string()))
}

/// Adds what a column says of the person. No reason repeats it.
fn add_person(
    role: Role,
    text: &str,
    column: &Column,
    into: &mut PersonTexts,
) -> Result<(), Fault> {
    let text = unguarded(text);
    let rule = person_rule(role);
    // Somebody may be called Null.
    if rule != Rule::BadPersonText && is_placeholder(text) {
        return Ok(());
    }
    person::add_column(role, text, into).map_err(|reason| Fault::new(rule, column, reason))
}

/// The rule that a bad text of this column breaks.
fn person_rule(role: Role) -> Rule {
    match role {
        Role::Email => Rule::BadEmail,
        Role::Phone => Rule::BadPhone,
        Role::VatNumber => Rule::BadVatNumber,
        Role::Language => Rule::BadLanguage,
        Role::BillingCountry | Role::DeliveryCountry => Rule::BadCountry,
        _ => Rule::BadPersonText,
    }
}

/// A discount column contains the reduction, whatever its sign. Zero means no discount.
fn line_discount(
    amount: Money,
    quantity: i64,
    unit_price: Money,
    column: &Column,
) -> Result<Option<Money>, Fault> {
    let discount = amount.magnitude();
    // If the product exceeds the limit, the order is refused for that reason.
    let whole = unit_price.times(quantity.abs());
    match whole {
        Some(whole) if whole < discount => {
            let reason = format!("{discount} is more than the line's {whole}");
            Err(Fault::new(Rule::BadDiscount, column, reason))
        }
        _ => Ok(Some(discount).filter(|discount| *discount != Money::ZERO)),
    }
}
