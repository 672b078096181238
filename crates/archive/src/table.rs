//! Parquet: rows of named columns. Amounts are decimals with four places, times are microseconds in UTC.

use chrono::{DateTime, Utc};
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

use crate::day::Day;

/// What a column holds. Each may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Number,
    Text,
    Time,
    Date,
    Amount,
    Flag,
}

/// The name and type of a column.
pub(crate) type Head = (&'static str, Type);

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    None,
    Number(i64),
    Text(String),
    Time(DateTime<Utc>),
    Date(Day),
    /// In units of 10⁻⁴.
    Amount(i128),
    Flag(bool),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn of<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::None, cell)
    }
}

/// The values of a column, and which rows have one.
#[derive(Debug)]
enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Bool(Vec<bool>),
}

#[derive(Debug)]
struct Column {
    values: Values,
    /// 1 where a row has a value.
    has: Vec<i16>,
}

impl Column {
    fn new(kind: Type) -> Self {
        let values = match kind {
            Type::Number | Type::Time => Values::Long(Vec::new()),
            Type::Date => Values::Int(Vec::new()),
            Type::Text => Values::Bytes(Vec::new()),
            Type::Amount => Values::Fixed(Vec::new()),
            Type::Flag => Values::Bool(Vec::new()),
        };
        Self { values, has: Vec::new() }
    }

    /// Adds a value; one of another type than the column's counts as none.
    fn push(&mut self, cell: Cell) {
        let has = match (&mut self.values, cell) {
            (Values::Long(values), Cell::Number(number)) => {
                values.push(number);
                true
            }
            (Values::Long(values), Cell::Time(time)) => {
                values.push(time.timestamp_micros());
                true
            }
            (Values::Int(values), Cell::Date(day)) => {
                values.push(day.number());
                true
            }
            (Values::Bytes(values), Cell::Text(text)) => {
                values.push(ByteArray::from(text.into_bytes()));
                true
            }
            (Values::Fixed(values), Cell::Amount(units)) => {
                values.push(FixedLenByteArray::from(units.to_be_bytes().to_vec()));
                true
            }
            (Values::Bool(values), Cell::Flag(flag)) => {
                values.push(flag);
                true
            }
            (_, none) => {
                debug_assert_eq!(none, Cell::None, "a column holds values of one type");
                false
            }
        };
        self.has.push(i16::from(has));
    }

    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let has = Some(&*self.has);
        match &self.values {
            Values::Long(values) => writer.typed::<Int64Type>().write_batch(values, has, None),
            Values::Int(values) => writer.typed::<Int32Type>().write_batch(values, has, None),
            Values::Bytes(values) => writer.typed::<ByteArrayType>().write_batch(values, has, None),
            Values::Fixed(values) => {
                writer.typed::<FixedLenByteArrayType>().write_batch(values, has, None)
            }
            Values::Bool(values) => writer.typed::<BoolType>().write_batch(values, has, None),
        }
        .map(drop)
    }
}

/// Rows that are written together.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    count: usize,
}

impl Rows {
    pub(crate) fn new(heads: &[Head]) -> Self {
        let columns = heads.iter().map(|(_, kind)| Column::new(*kind)).collect();
        Self { columns, count: 0 }
    }

    /// Adds a row, with a value for each column.
    pub(crate) fn push<const N: usize>(&mut self, row: [Cell; N]) {
        debug_assert_eq!(self.columns.len(), N, "a row has all columns");
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
        self.count += 1;
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// A file in the making.
pub(crate) struct Table {
    writer: SerializedFileWriter<Vec<u8>>,
    /// How many are in it.
    pub(crate) rows: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Table {
    /// An empty one. `name` is that of the table.
    pub(crate) fn new(name: &str, heads: &[Head]) -> Result<Self, ParquetError> {
        let column = |(name, kind): &Head| {
            let kind = match kind {
                Type::Number => return format!("  optional int64 {name};\n"),
                Type::Flag => return format!("  optional boolean {name};\n"),
                Type::Text => format!("binary {name} (STRING)"),
                Type::Time => format!("int64 {name} (TIMESTAMP(MICROS,true))"),
                Type::Date => format!("int32 {name} (DATE)"),
                Type::Amount => format!("fixed_len_byte_array(16) {name} (DECIMAL(38,4))"),
            };
            format!("  optional {kind};\n")
        };
        let columns: String = heads.iter().map(column).collect();
        let schema = Arc::new(parse_message_type(&format!("message {name} {{\n{columns}}}"))?);
        // Every reader knows gzip, and the workspace has it already.
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .set_created_by("orderflow".to_owned())
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        Ok(Self { writer, rows: 0 })
    }

    /// Adds a group of rows.
    pub(crate) fn write(&mut self, rows: &Rows) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in &rows.columns {
            let Some(mut writer) = group.next_column()? else { break };
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.rows += rows.count as u64;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.writer.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    #[test]
    fn a_file_has_exact_amounts_and_times_and_says_what_it_does_not_know() {
        let heads = [
            ("sequence", Type::Number),
            ("text", Type::Text),
            ("at", Type::Time),
            ("on", Type::Date),
            ("amount", Type::Amount),
            ("flag", Type::Flag),
        ];
        let at: DateTime<Utc> = "2026-01-31T23:59:59.000001Z".parse().unwrap();
        let mut table = Table::new("orders", &heads).unwrap();
        for _ in 0..2 {
            let mut rows = Rows::new(&heads);
            rows.push([
                Cell::Number(7),
                Cell::text("é,\"x\""),
                Cell::Time(at),
                Cell::Date(Day::parse("1970-01-03").unwrap()),
                Cell::Amount(-i128::from(u64::MAX)),
                Cell::Flag(true),
            ]);
            rows.push([const { Cell::None }; 6]);
            table.write(&rows).unwrap();
        }
        assert_eq!(table.rows, 4);
        let bytes = bytes::Bytes::from(table.finish().unwrap());
        let reader = SerializedFileReader::new(bytes).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let fields = |index: usize| -> Vec<Field> {
            rows[index].get_column_iter().map(|(_, field)| field.clone()).collect()
        };
        let known = fields(2);
        assert_eq!(known[0], Field::Long(7));
        assert_eq!(known[1], Field::Str("é,\"x\"".to_owned()));
        assert_eq!(known[2], Field::TimestampMicros(at.timestamp_micros()));
        assert_eq!(known[3], Field::Date(2));
        assert_eq!(known[4].to_string(), "-1844674407370955.1615");
        assert_eq!(known[5], Field::Bool(true));
        assert!(fields(3).iter().all(|field| *field == Field::Null));
    }
}
