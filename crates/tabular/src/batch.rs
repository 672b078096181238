//! Accepted rows, stored by column.

use domain::Money;
use domain::extra::Extra;

/// The texts of one column, concatenated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextColumn {
    text: String,
    ends: Vec<usize>,
}

impl TextColumn {
    /// The text of row `i`.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&str> {
        let end = *self.ends.get(i)?;
        let start = match i {
            0 => 0,
            _ => *self.ends.get(i - 1)?,
        };
        self.text.get(start..end)
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            text
        })
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// An empty column with capacity for a similar one.
    fn room(&self) -> Self {
        let text = String::with_capacity(self.text.len() + self.text.len() / 8);
        Self { text, ends: Vec::with_capacity(self.ends.len() + self.ends.len() / 8) }
    }

    /// Adds the texts of rows `from..to` of another column.
    fn extend(&mut self, other: &Self, from: usize, to: usize) {
        let start = from.checked_sub(1).and_then(|i| other.ends.get(i)).copied().unwrap_or(0);
        let Some(ends) = other.ends.get(from..to) else { return };
        let base = self.text.len();
        let end = ends.last().copied().unwrap_or(start);
        self.text.push_str(other.text.get(start..end).unwrap_or_default());
        self.ends.extend(ends.iter().map(|end| end - start + base));
    }
}

impl<'a> FromIterator<&'a str> for TextColumn {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut column = Self::default();
        texts.into_iter().for_each(|text| column.push(text));
        column
    }
}

/// Accepted rows in file order, stored by column.
///
/// Every text is trimmed; for a column that the file does not have, the texts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Physical line on which the row begins; the file's first line is 1.
    pub line: Vec<u64>,
    /// The partner's order number; valid for [`domain::OrderId`].
    pub order_id: TextColumn,
    /// SKU; valid for [`domain::ProductId`].
    pub product_id: TextColumn,
    /// Name of the product, at most 512 bytes.
    pub description: TextColumn,
    /// Number of pieces, never zero; negative for a return.
    pub quantity: Vec<i64>,
    /// Price of one piece in units of 10⁻⁴.
    pub unit_price: Vec<i64>,
    /// Time of the order, in milliseconds since 1970, UTC.
    pub ordered_at: Vec<i64>,
    /// The buyer; valid for [`domain::CustomerId`], or empty.
    pub customer_id: TextColumn,
    /// Country or sales region, at most 512 bytes.
    pub region: TextColumn,
    /// Product category, at most 512 bytes.
    pub category: TextColumn,
    /// Optional fields of some rows: row number, ascending, and the fields.
    pub extras: Vec<(usize, Extra)>,
}

/// One accepted row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Physical line on which it begins.
    pub line: u64,
    /// The partner's order number.
    pub order_id: &'a str,
    /// SKU.
    pub product_id: &'a str,
    /// Name of the product.
    pub description: &'a str,
    /// Pieces.
    pub quantity: i64,
    /// Price of one piece.
    pub unit_price: Money,
    /// Time of the order, in milliseconds since 1970, UTC.
    pub ordered_at: i64,
    /// The buyer, or empty.
    pub customer_id: &'a str,
    /// Country or sales region.
    pub region: &'a str,
    /// Product category.
    pub category: &'a str,
    /// Optional fields.
    pub extra: Option<Box<Extra>>,
}

impl Batch {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Row `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> Option<Row<'_>> {
        Some(Row {
            line: *self.line.get(i)?,
            order_id: self.order_id.get(i)?,
            product_id: self.product_id.get(i)?,
            description: self.description.get(i)?,
            quantity: *self.quantity.get(i)?,
            unit_price: Money::from_units(*self.unit_price.get(i)?),
            ordered_at: *self.ordered_at.get(i)?,
            customer_id: self.customer_id.get(i)?,
            region: self.region.get(i)?,
            category: self.category.get(i)?,
            extra: self.extra(i).map(|extra| Box::new(extra.clone())),
        })
    }

    /// The optional fields of row `i`.
    fn extra(&self, i: usize) -> Option<&Extra> {
        if self.extras.is_empty() {
            return None;
        }
        let place = self.extras.binary_search_by_key(&i, |(row, _)| *row).ok()?;
        self.extras.get(place).map(|(_, extra)| extra)
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).filter_map(|i| self.row(i))
    }

    /// An empty batch with capacity for a similar one.
    pub(crate) fn room(&self) -> Self {
        let rows = self.len() + self.len() / 8;
        Self {
            line: Vec::with_capacity(rows),
            order_id: self.order_id.room(),
            product_id: self.product_id.room(),
            description: self.description.room(),
            quantity: Vec::with_capacity(rows),
            unit_price: Vec::with_capacity(rows),
            ordered_at: Vec::with_capacity(rows),
            customer_id: self.customer_id.room(),
            region: self.region.room(),
            category: self.category.room(),
            extras: Vec::new(),
        }
    }

    /// All rows except those with the ascending numbers in `out`.
    pub(crate) fn without(&self, out: &[usize]) -> Self {
        let mut kept = self.room();
        let mut from = 0;
        for &row in out {
            kept.extend(self, from, row);
            from = row + 1;
        }
        kept.extend(self, from, self.len());
        kept
    }

    /// Adds rows `from..to` of another batch.
    fn extend(&mut self, other: &Self, from: usize, to: usize) {
        let base = self.len();
        let extras = other.extras.iter().filter(|(row, _)| (from..to).contains(row));
        self.extras.extend(extras.map(|(row, extra)| (row - from + base, extra.clone())));
        let numbers = |mine: &mut Vec<i64>, theirs: &[i64]| {
            mine.extend_from_slice(theirs.get(from..to).unwrap_or_default());
        };
        self.line.extend_from_slice(other.line.get(from..to).unwrap_or_default());
        self.order_id.extend(&other.order_id, from, to);
        self.product_id.extend(&other.product_id, from, to);
        self.description.extend(&other.description, from, to);
        numbers(&mut self.quantity, &other.quantity);
        numbers(&mut self.unit_price, &other.unit_price);
        numbers(&mut self.ordered_at, &other.ordered_at);
        self.customer_id.extend(&other.customer_id, from, to);
        self.region.extend(&other.region, from, to);
        self.category.extend(&other.category, from, to);
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: &Row<'_>) {
        if let Some(extra) = &row.extra {
            self.extras.push((self.len(), Extra::clone(extra)));
        }
        self.line.push(row.line);
        self.order_id.push(row.order_id);
        self.product_id.push(row.product_id);
        self.description.push(row.description);
        self.quantity.push(row.quantity);
        self.unit_price.push(row.unit_price.units());
        self.ordered_at.push(row.ordered_at);
        self.customer_id.push(row.customer_id);
        self.region.push(row.region);
        self.category.push(row.category);
    }
}

impl<'a> FromIterator<Row<'a>> for Batch {
    fn from_iter<I: IntoIterator<Item = Row<'a>>>(rows: I) -> Self {
        let mut batch = Self::default();
        rows.into_iter().for_each(|row| batch.push(&row));
        batch
    }
}
