//! The rules for values: convert a record to a clean row, or return the first rule that it breaks.

use crate::batch::Row;
use crate::column::Column;
use crate::config::Config;
use crate::continued::Order;
use crate::dates::LastDate;
use crate::extras;
use crate::fault::{Fault, shown};
use crate::fingerprint::Fingerprint;
use crate::header::Layout;
use crate::ids::{clean, id, optional, required, unguarded};
use crate::record::{Record, trim};
use crate::reject::Rule;
use crate::scanner::{Quoting, Span, part};
use domain::Money;
use domain::charge::ChargeRow;
use std::borrow::Cow;

/// Most bytes of a description, region or category.
pub(crate) const TEXT_BYTES_MAX: usize = 512;
/// Largest absolute quantity.
pub(crate) const QUANTITY_MAX: i64 = 1_000_000_000;
/// The reason for duplicates.
pub(crate) const DUPLICATE: &str = "equals an earlier row";

/// Buffers that are reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    last_date: LastDate,
    number: String,
}

/// The fingerprint of a row: equal for two rows exactly when all their cleaned columns are equal.
pub(crate) fn fingerprint(row: &Row<'_>, into: &mut Vec<u8>) -> Fingerprint {
    into.clear();
    let texts =
        [row.order_id, row.product_id, row.description, row.customer_id, row.region, row.category];
    for text in texts {
        into.extend_from_slice(text.as_bytes());
        into.push(0xFF); // Never part of UTF-8.
    }
    for number in [row.quantity, row.unit_price.units(), row.ordered_at] {
        into.extend_from_slice(&number.to_le_bytes());
    }
    if let Some(extra) = &row.extra {
        into.extend_from_slice(extra.to_json().as_bytes());
    }
    Fingerprint::of(into)
}

/// Converts a record, which may continue `order`, to a clean row.
pub(crate) fn read<'a>(
    config: &'a Config,
    record: &Record<'a>,
    order: Option<&'a Order>,
    scratch: &mut Scratch,
    line: u64,
) -> Result<Row<'a>, Fault> {
    let layout = record.layout;
    let field = |column: &Column| record.field(column);
    let own_id = field(&layout.order_id);
    let order = order.filter(|order| order.is_continued_by(own_id));
    let inherited = |text: &'a str, of: fn(&'a Order) -> &'a str| match order {
        Some(order) if text.is_empty() => of(order),
        _ => text,
    };

    let order_id = id(inherited(own_id, Order::id))
        .and_then(required)
        .map_err(|bad| bad.fault(&layout.order_id, Rule::MissingOrderId, Rule::BadOrderId))?;
    let product_id = id(field(&layout.product_id))
        .and_then(required)
        .map_err(|bad| bad.fault(&layout.product_id, Rule::MissingProductId, Rule::BadProductId))?;
    let charge = config.charges.get(product_id).copied();
    let product_id = match charge {
        None => known_product(config, product_id, &layout.product_id)?,
        Some(_) => product_id,
    };
    let customer_id = match &layout.customer_id {
        None => "",
        Some(column) if config.customer_required => id(inherited(field(column), Order::customer))
            .and_then(required)
            .map_err(|bad| bad.fault(column, Rule::MissingCustomer, Rule::BadCustomerId))?,
        Some(column) => optional(id(inherited(field(column), Order::customer)))
            .map_err(|bad| bad.fault(column, Rule::MissingCustomer, Rule::BadCustomerId))?,
    };
    let number = &mut scratch.number;
    let pieces = field(&layout.quantity);
    let quantity = match charge {
        Some(_) if pieces.is_empty() => 1,
        _ => quantity(pieces, &layout.quantity, config, number)?,
    };
    let price_column = &layout.unit_price;
    let unit_price = price(field(price_column), price_column, config, charge, number)?;
    let extra = extras::read(config, record, charge, quantity, unit_price, number)?;
    if let Some(column) = &layout.currency {
        config.currency.check(field(column), column)?;
    }
    let date = inherited(field(&layout.ordered_at), Order::date);
    let ordered_at = config.dates.read(date, &mut scratch.last_date).ok_or_else(|| {
        let reason = format!("{} is not a date in one of the partner's formats", shown(date));
        Fault::new(Rule::BadDate, &layout.ordered_at, reason)
    })?;
    let text = |column: &Option<Column>| unguarded(record.optional(column.as_ref()));
    let description = text(&layout.description);
    let region = unguarded(inherited(text(&layout.region), Order::region));
    let category = text(&layout.category);
    for (text, column) in
        [(description, &layout.description), (region, &layout.region), (category, &layout.category)]
    {
        check_length(text, column.as_ref())?;
    }
    let row = Row {
        line,
        order_id,
        product_id,
        description,
        quantity,
        unit_price,
        ordered_at,
        customer_id,
        region,
        category,
        extra,
    };
    check_lists(config, layout, &row)?;
    Ok(row)
}

/// Our id of a product.
fn known_product<'a>(config: &'a Config, id: &'a str, column: &Column) -> Result<&'a str, Fault> {
    let Some(products) = &config.products else { return Ok(id) };
    products.find(id).ok_or_else(|| {
        let reason = format!("{} is no product that we know", shown(id));
        Fault::new(Rule::UnknownProductId, column, reason)
    })
}

fn check_length(text: &str, column: Option<&Column>) -> Result<(), Fault> {
    match column {
        Some(column) if text.len() > TEXT_BYTES_MAX => {
            let reason = format!("has {} bytes, the limit is {TEXT_BYTES_MAX}", text.len());
            Err(Fault::new(Rule::TooLong, column, reason))
        }
        _ => Ok(()),
    }
}

/// Checks columns that must not be empty, and columns with a list of allowed texts.
fn check_lists(config: &Config, layout: &Layout, row: &Row<'_>) -> Result<(), Fault> {
    let fault = |rule, column, reason: Cow<'static, str>| {
        let column = layout.column(column).map(|column| column.name.clone());
        Fault { rule, column, reason }
    };
    for column in &config.required {
        if text(row, *column) == Some("") {
            return Err(fault(Rule::MissingValue, *column, "is empty".into()));
        }
    }
    for (column, values) in &config.values {
        let text = text(row, *column).filter(|text| !text.is_empty());
        if let Some(text) = text.filter(|text| !values.contains(*text)) {
            let reason = format!("{} is none of the {} values allowed", shown(text), values.len());
            return Err(fault(Rule::ValueNotAllowed, *column, reason.into()));
        }
    }
    Ok(())
}

/// The text of a text column.
fn text<'a>(row: &Row<'a>, column: domain::partner::Column) -> Option<&'a str> {
    use domain::partner::Column;
    match column {
        Column::OrderId => Some(row.order_id),
        Column::ProductId => Some(row.product_id),
        Column::Description => Some(row.description),
        Column::Region => Some(row.region),
        Column::Category => Some(row.category),
        Column::CustomerId => Some(row.customer_id),
        // Numbers and dates, and what `intake` allows in no rule.
        _ => None,
    }
}

/// The fingerprint of some columns of a row: equal for two rows exactly when these columns are equal.
pub(crate) fn key(
    row: &Row<'_>,
    columns: &[domain::partner::Column],
    into: &mut Vec<u8>,
) -> Fingerprint {
    use domain::partner::Column;
    into.clear();
    for column in columns {
        let number = match column {
            Column::Quantity => row.quantity,
            Column::UnitPrice => row.unit_price.units(),
            Column::OrderedAt => row.ordered_at,
            text_column => {
                into.extend_from_slice(text(row, *text_column).unwrap_or_default().as_bytes());
                into.push(0xFF);
                continue;
            }
        };
        into.extend_from_slice(&number.to_le_bytes());
    }
    Fingerprint::of(into)
}

/// Quantity and price of a rejected record, as far as they are numbers.
pub(crate) fn amounts(
    config: &Config,
    record: &Record<'_>,
    scratch: &mut Scratch,
) -> (Option<i64>, Option<Money>) {
    let (layout, number) = (record.layout, &mut scratch.number);
    let quantity = whole(record.field(&layout.quantity), config, number);
    (quantity, config.notation.amount(record.field(&layout.unit_price), number).ok())
}

/// The text in the order column of a record that is otherwise unreadable, if it can be read.
pub(crate) fn order_text(
    layout: &Layout,
    quoting: Quoting,
    record: &[u8],
    fields: &[Span],
) -> Option<String> {
    let span = fields.get(layout.order_id.at)?;
    let text = std::str::from_utf8(part(record, span.start, span.end)).ok()?;
    let text = if span.escaped { quoting.plain(text) } else { text.into() };
    Some(clean(trim(&text)).into_owned())
}

/// The order id in such a text.
pub(crate) fn order_id(text: &str) -> Option<String> {
    Some(id(text).and_then(required).ok()?.to_owned())
}

/// Writes `record` to `into` with unescaped quotes, and adjusts `fields`.
pub(crate) fn unescape(record: &str, quoting: Quoting, fields: &mut [Span], into: &mut String) {
    into.clear();
    for span in fields {
        let text = record.get(span.start..span.end).unwrap_or_default();
        let start = into.len();
        into.push_str(&if span.escaped { quoting.plain(text) } else { text.into() });
        *span = Span { start, end: into.len(), escaped: false };
    }
}

pub(crate) fn whole(text: &str, config: &Config, scratch: &mut String) -> Option<i64> {
    // `parse` accepts only a sign and digits.
    let number = text.parse::<i64>().ok();
    let number = number.or_else(|| {
        let plain = config.notation.plain(text, false, scratch)?;
        // `2.0000`: places that are all zero.
        let mark = char::from(config.notation.decimal_mark);
        let whole = match plain.split_once(mark) {
            Some((whole, places)) if places.bytes().all(|place| place == b'0') => whole,
            Some(_) => return None,
            None => plain,
        };
        whole.parse().ok()
    });
    number.filter(|n| (-QUANTITY_MAX..=QUANTITY_MAX).contains(n))
}

fn quantity(
    text: &str,
    column: &Column,
    config: &Config,
    scratch: &mut String,
) -> Result<i64, Fault> {
    match whole(text, config, scratch) {
        Some(0) => Err(Fault::new(Rule::ZeroQuantity, column, "is zero")),
        Some(number) => Ok(number),
        None => {
            let reason = format!(
                "{} is not a whole number between -{QUANTITY_MAX} and {QUANTITY_MAX}",
                shown(text)
            );
            Err(Fault::new(Rule::BadQuantity, column, reason))
        }
    }
}

fn price(
    text: &str,
    column: &Column,
    config: &Config,
    charge: Option<ChargeRow>,
    scratch: &mut String,
) -> Result<Money, Fault> {
    let price = config
        .notation
        .amount(text, scratch)
        .map_err(|error| Fault::new(Rule::BadPrice, column, format!("{} {error}", shown(text))))?;
    if charge.is_some() {
        return Ok(price);
    }
    if config.price_positive && price <= Money::ZERO {
        let reason = format!("{price} is not above zero");
        return Err(Fault::new(Rule::NonPositivePrice, column, reason));
    }
    if price < Money::ZERO {
        return Err(Fault::new(Rule::NegativePrice, column, format!("{price} is below zero")));
    }
    Ok(price)
}
