//! The second pass: after every order was judged, the rows are written to the output, the rejects and
//! the orders, each a temporary file.

use crate::failure::Failure;
use crate::spool::{Apart, Content, SpooledReject, SpooledRow};
use chrono::DateTime;
use domain::assemble::{Assembled, OrderFault, Orders};
use domain::charge::{Charge, ChargeKind};
use domain::extra::{Extra, PersonTexts, Shown};
use domain::ids::IdError;
use domain::order::Line;
use domain::partner::Partner;
use domain::person::{self, Person};
use domain::{CustomerId, Money, OrderId, ProductId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::Path;
use tabular::output::{OutputWriter, RejectsWriter};
use tabular::{Batch, Reject, Row, Rule};

/// Most rejects of each rule that a receipt shows.
const EXAMPLES_MAX: u64 = 3;

/// The results of a readable file.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) output: File,
    pub(crate) rejects: File,
    /// One order per line, as sent to the subject `orders`.
    pub(crate) orders: File,
    /// SHA-256 of the orders.
    pub(crate) orders_sha256: String,
    /// Rows in the output.
    pub(crate) accepted: u64,
    /// Rows in the rejects, by rule.
    pub(crate) rejected_by_rule: BTreeMap<&'static str, u64>,
    /// The first rejects of each rule, without their content.
    pub(crate) examples: Vec<Example>,
}

/// A rejected row in a receipt, without personal data.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Example {
    pub(crate) line: u64,
    pub(crate) column: Option<String>,
    pub(crate) rule: &'static str,
    pub(crate) reason: String,
}

impl Results {
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected_by_rule.values().sum()
    }
}

/// An order as sent to the subject `orders`.
#[derive(Debug, Serialize)]
struct Draft<'a> {
    order_id: &'a str,
    timestamp: String,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Buyer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<Charge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_given: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returns: Option<OrderId>,
}

/// Who buys: by number, by what is said of the person, or both.
#[derive(Debug, Serialize)]
struct Buyer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<CustomerId>,
    #[serde(flatten)]
    person: Person,
}

/// Writes all results. The inner error: too many bytes of orders wait for further lines.
pub(crate) fn write(
    content: &mut Content,
    partner: &Partner,
    scratch: &Path,
) -> Result<Result<Results, Apart>, Failure> {
    let bytes_max = content.bounds.open_bytes_max;
    let file = || tempfile::tempfile_in(scratch).map_err(Failure::scratch);
    let shown = partner.file.as_ref().map(Shown::of).unwrap_or_default();
    let output = OutputWriter::new(BufWriter::new(file()?), shown);
    let mut writing = Writing {
        output: output.map_err(Failure::scratch)?,
        shown,
        rejects: RejectsWriter::new(BufWriter::new(file()?)).map_err(Failure::scratch)?,
        orders: BufWriter::new(file()?),
        orders_sha256: Sha256::new(),
        draft: Vec::new(),
        delimiter: delimiter(&content.summary.detected.delimiter),
        verdicts: &content.orders,
        currency: &partner.currency,
        open: HashMap::new(),
        open_bytes: 0,
        accepted: 0,
        rejected_by_rule: BTreeMap::new(),
        examples: Vec::new(),
    };
    let mut rejects = content.rejects.reader()?;
    let mut rejects = rejects.deserialize::<SpooledReject>();
    let mut next = rejects.next().transpose().map_err(Failure::spool)?;
    let mut rows = content.rows.reader()?;
    let mut record = csv::StringRecord::new();
    while rows.read_record(&mut record).map_err(Failure::spool)? {
        let row: SpooledRow<'_> = record.deserialize(None).map_err(Failure::spool)?;
        while let Some(reject) = next.take_if(|reject| reject.line < row.line) {
            writing.reject(reject)?;
            next = rejects.next().transpose().map_err(Failure::spool)?;
        }
        writing.row(&row.row()?)?;
        if bytes_max < writing.open_bytes {
            return Ok(Err(Apart { line: row.line, bytes_max }));
        }
    }
    while let Some(reject) = next.take() {
        writing.reject(reject)?;
        next = rejects.next().transpose().map_err(Failure::spool)?;
    }
    writing.finish().map(Ok)
}

struct Writing<'a> {
    output: OutputWriter<BufWriter<File>>,
    /// Which optional columns the results have.
    shown: Shown,
    rejects: RejectsWriter<BufWriter<File>>,
    orders: BufWriter<File>,
    orders_sha256: Sha256,
    /// The order that was written last.
    draft: Vec<u8>,
    /// The delimiter of the file.
    delimiter: u8,
    verdicts: &'a Orders,
    currency: &'a str,
    /// Orders that still miss lines: few, if a file keeps the lines of an order together.
    open: HashMap<Box<str>, Open>,
    open_bytes: usize,
    accepted: u64,
    rejected_by_rule: BTreeMap<&'static str, u64>,
    examples: Vec<Example>,
}

/// Approximate memory of a line besides its texts.
const LINE_BYTES: usize = 250;
/// The same of a text about a person.
const TEXT_BYTES: usize = 64;

#[derive(Default)]
struct Open {
    bytes: usize,
    customer: Option<CustomerId>,
    person: PersonTexts,
    returns: Option<OrderId>,
    region: Option<String>,
    lines: Vec<Line>,
    charges: Vec<Charge>,
    /// Its rows so far.
    rows: u32,
}

impl Writing<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Failure> {
        let lost = || Failure::Scratch(std::io::Error::other("a row of no order"));
        match self.verdicts.verdict(row.order_id).ok_or_else(lost)? {
            Ok(order) => {
                self.accepted += 1;
                let mut batch = Batch::default();
                batch.push(row);
                self.output.write(&batch).map_err(Failure::scratch)?;
                self.add(row, order)
            }
            Err(fault) => {
                let (rule, reason) = explain(fault);
                self.reject(SpooledReject {
                    line: row.line,
                    column: None,
                    rule,
                    reason: format!("order {}: {reason}", row.order_id),
                    raw: cleaned(row, self.delimiter, self.shown)?,
                })
            }
        }
    }

    /// Adds a row to its order, and writes the order once it has all its rows.
    fn add(&mut self, row: &Row<'_>, order: &Assembled) -> Result<(), Failure> {
        let bad = |_| Failure::Scratch(std::io::Error::other("an id that was checked is bad"));
        let mut open = self.open.remove(row.order_id).unwrap_or_default();
        self.open_bytes -= open.bytes;
        open.rows += 1;
        if open.customer.is_none() && !row.customer_id.is_empty() {
            open.customer = Some(CustomerId::stored(row.customer_id).map_err(bad)?);
        }
        open.region = open.region.or_else(|| text(row.region));
        if let Some(extra) = &row.extra {
            open.bytes += extra.person.values().map(|text| TEXT_BYTES + text.len()).sum::<usize>();
            open.person.extend(extra.person.clone());
            open.returns = open.returns.or_else(|| extra.returns.clone());
        }
        match row.extra.as_ref().and_then(|extra| extra.charge) {
            Some(charge) => open.charges.extend(charge.kind().map(|kind| of_row(row, kind))),
            None => open.lines.push(line(row).map_err(bad)?),
        }
        if open.rows < order.rows {
            let texts = [row.product_id, row.description, row.category].map(str::len);
            open.bytes += LINE_BYTES + texts.into_iter().sum::<usize>();
            self.open_bytes += open.bytes;
            self.open.insert(row.order_id.into(), open);
            return Ok(());
        }
        open.charges.extend(order.charges_of_columns());
        let (id, person) = (open.customer, person::of_columns(open.person));
        let is_known = id.is_some() || !person.is_empty();
        let time = DateTime::from_timestamp_millis(order.ordered_at).unwrap_or_default();
        let draft = Draft {
            order_id: row.order_id,
            timestamp: time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            currency: self.currency,
            customer: is_known.then_some(Buyer { id, person }),
            region: open.region,
            lines: open.lines,
            charges: open.charges,
            tax_given: order.tax_given(),
            returns: open.returns,
        };
        self.draft.clear();
        serde_json::to_writer(&mut self.draft, &draft)
            .map_err(|error| Failure::Scratch(error.into()))?;
        self.draft.push(b'\n');
        self.orders_sha256.update(&self.draft);
        self.orders.write_all(&self.draft).map_err(Failure::scratch)
    }

    fn reject(&mut self, reject: SpooledReject) -> Result<(), Failure> {
        let of_rule = self.rejected_by_rule.entry(reject.rule.code()).or_default();
        *of_rule += 1;
        if *of_rule <= EXAMPLES_MAX {
            self.examples.push(Example {
                line: reject.line,
                column: reject.column.clone(),
                rule: reject.rule.code(),
                reason: masked(&reject.reason),
            });
        }
        let reject = Reject {
            line: reject.line,
            column: reject.column.map(Into::into),
            rule: reject.rule,
            reason: reject.reason.into(),
            raw: reject.raw.into_bytes(),
            order_id: None,
        };
        self.rejects.write(&[reject]).map_err(Failure::scratch)
    }

    fn finish(self) -> Result<Results, Failure> {
        let whole = |writer: BufWriter<File>| {
            let mut file =
                writer.into_inner().map_err(|error| Failure::Scratch(error.into_error()))?;
            file.rewind().map_err(Failure::scratch)?;
            Ok::<_, Failure>(file)
        };
        Ok(Results {
            output: whole(self.output.finish().map_err(Failure::scratch)?)?,
            rejects: whole(self.rejects.finish().map_err(Failure::scratch)?)?,
            orders: whole(self.orders)?,
            orders_sha256: hex::encode(self.orders_sha256.finalize()),
            accepted: self.accepted,
            rejected_by_rule: self.rejected_by_rule,
            examples: self.examples,
        })
    }
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The order line of a row.
fn line(row: &Row<'_>) -> Result<Line, IdError> {
    let extra = row.extra.as_deref();
    Ok(Line {
        product_id: ProductId::stored(row.product_id)?,
        quantity: row.quantity,
        unit_price: row.unit_price,
        description: text(row.description),
        category: text(row.category),
        discount: extra.and_then(|extra| extra.line_discount),
        tax_category: extra.and_then(|extra| extra.tax_category.clone()),
    })
}

/// The charge of a row. Its amount was checked before.
fn of_row(row: &Row<'_>, kind: ChargeKind) -> Charge {
    Charge {
        kind,
        description: text(row.description).or_else(|| text(row.product_id)),
        amount: row.unit_price.times(row.quantity).unwrap_or_default(),
        tax_category: row.extra.as_ref().and_then(|extra| extra.tax_category.clone()),
    }
}

/// Masks addresses: a reason quotes the content of a field, which may be an address in the wrong
/// column.
fn masked(reason: &str) -> String {
    let is_address = |word: &str| {
        let name = word.trim_matches(|c: char| !c.is_alphanumeric());
        name.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
    };
    let words = reason.split(' ').map(|word| if is_address(word) { "…@…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// The delimiter of a file, by its name in the receipt.
fn delimiter(name: &str) -> u8 {
    match name.as_bytes() {
        b"tab" => b'\t',
        [byte] => *byte,
        _ => b',',
    }
}

/// A row that is good by itself but belongs to a refused order, as in an output but with the delimiter
/// of its file. The original line of such a row is not kept.
fn cleaned(row: &Row<'_>, delimiter: u8, shown: Shown) -> Result<String, Failure> {
    let time = DateTime::from_timestamp_millis(row.ordered_at).unwrap_or_default();
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let (quantity, unit_price) = (row.quantity.to_string(), row.unit_price.to_string());
    let ordered_at = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let fields = [
        row.order_id,
        row.product_id,
        row.description,
        &quantity,
        &unit_price,
        &ordered_at,
        row.customer_id,
        row.region,
        row.category,
    ];
    let none = Extra::default();
    let extra: Vec<String> = shown.texts(row.extra.as_deref().unwrap_or(&none)).collect();
    let fields = fields.into_iter().chain(extra.iter().map(String::as_str));
    writer.write_record(fields).map_err(Failure::spool)?;
    let bytes = writer.into_inner().map_err(|error| Failure::Scratch(error.into_error()))?;
    Ok(String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned())
}

fn explain(fault: OrderFault) -> (Rule, &'static str) {
    match fault {
        OrderFault::BadLine => (Rule::OrderBadLine, "another of its lines was rejected"),
        OrderFault::CustomersDiffer => (Rule::OrderCustomers, "its lines name different customers"),
        OrderFault::MixedSigns => (Rule::OrderSigns, "it has quantities above and below zero"),
        OrderFault::WrongSign => {
            (Rule::OrderWrongSign, "its id says sale or return, its quantities the other")
        }
        OrderFault::TooLarge => {
            (Rule::OrderTooLarge, "it has more than 1000 lines, 100 charges or 256 KiB")
        }
        OrderFault::TotalTooLarge => (Rule::OrderTooLarge, "its total is too large"),
        OrderFault::NoLines => (Rule::OrderWithoutLines, "it has charges and no line"),
        OrderFault::ValuesDiffer => {
            (Rule::OrderValues, "its rows say different shipping, discount, tax or returned sale")
        }
        OrderFault::DiscountAdds => (Rule::OrderCharges, "a discount makes its amount larger"),
        OrderFault::BelowNothing => {
            (Rule::OrderCharges, "its charges take off more than its lines come to")
        }
        OrderFault::PersonsDiffer => {
            (Rule::OrderPersons, "its rows say different things of the person who buys")
        }
        OrderFault::AddressIncomplete => {
            (Rule::OrderAddress, "an address of it has no street, city or country")
        }
        OrderFault::ReturnsWrong => (
            Rule::OrderReturns,
            "it names a sale that it returns, and is a sale, or that sale itself",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_refused_order_is_a_record_in_the_delimiter_of_its_file() {
        let row = Row {
            line: 8,
            order_id: "A1",
            product_id: "P;1",
            description: "Vin rouge, \"brut\"",
            quantity: 6,
            unit_price: domain::Money::from_units(84_000),
            ordered_at: 0,
            customer_id: "c1",
            region: "",
            category: "",
            extra: None,
        };
        for (name, sign) in [(",", b','), (";", b';'), ("tab", b'\t'), ("|", b'|')] {
            assert_eq!(delimiter(name), sign);
            let raw = cleaned(&row, sign, Shown::default()).unwrap();
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).delimiter(sign).from_reader(raw.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let fields: Vec<&str> = record.iter().collect();
            let expected = [
                "A1",
                "P;1",
                "Vin rouge, \"brut\"",
                "6",
                "8.40",
                "1970-01-01T00:00:00Z",
                "c1",
                "",
                "",
            ];
            assert_eq!(fields, expected, "{raw}");
        }
    }

    #[test]
    fn an_address_in_a_reason_is_masked() {
        for (reason, expected) in [
            ("\"ann@example.com\" is not a whole number", "…@… is not a whole number"),
            ("<Ann.B+x@mail.example.org>, is empty", "…@… is empty"),
            ("\"a@b\" and @ and 5 @ 2.50", "\"a@b\" and @ and 5 @ 2.50"),
            ("is empty", "is empty"),
        ] {
            assert_eq!(masked(reason), expected);
        }
    }
}
