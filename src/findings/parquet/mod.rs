//! Snapshots as Parquet files: the columns of the source's table, zstd, row groups of bounded size.
//!
//! What no column takes, or takes only as another type, is in the column `Unmapped`, as JSON: a file says all
//! that its records say.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod cells;

use super::line::Line;
use crate::source::{Column, ColumnType, ENVELOPE, Own, Source};
use cells::Cells;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Kept parts in one file: some 60 MB of JSON, so that a file is worth opening and stays in memory while it
/// is written.
pub const PARTS_IN_A_FILE: usize = 64;
/// Text of the records in one row group at most, in bytes, save for the record that crosses it.
const ROW_GROUP_BYTES: usize = 8_000_000;
/// zstd's own default.
const LEVEL: i32 = 3;
/// The column of what no other takes.
pub const REST: &str = "Unmapped";

/// Writes one file: a row group in memory, and the compressed ones before it.
pub struct Writer {
    file: SerializedFileWriter<Vec<u8>>,
    /// The envelope's columns first, [`REST`] last.
    columns: Vec<(ColumnType, Cells)>,
    /// The column of a record's field, by its name in lower case.
    places: HashMap<String, usize>,
    /// Text of the records in the row group so far.
    bytes: usize,
}

/// The columns of a source's files, in their order; [`REST`] comes behind them.
pub fn columns(source: &Source) -> Vec<Column> {
    let own = Own::compiled().columns(&source.table);
    source.table.all_columns().chain(own).copied().collect()
}

impl Writer {
    /// A file of that source's records.
    ///
    /// # Errors
    ///
    /// Never in practice: the columns are the catalogue's.
    pub fn new(source: &Source) -> Result<Writer> {
        let columns = columns(source);
        let mut fields: Vec<_> =
            columns.iter().map(|column| field(column.name, column.kind)).collect::<Result<_>>()?;
        fields.push(field(REST, ColumnType::Dynamic)?);
        let schema = Arc::new(Type::group_type_builder("snapshot").with_fields(fields).build()?);
        let compression = Compression::ZSTD(ZstdLevel::try_new(LEVEL)?);
        let properties = WriterProperties::builder().set_compression(compression).build();
        let places = columns.iter().enumerate().skip(ENVELOPE.len());
        let places = places.map(|(index, column)| (column.field.to_lowercase(), index));
        let kinds = columns.iter().map(|column| column.kind).chain([ColumnType::Dynamic]);
        Ok(Writer {
            file: SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?,
            places: places.collect(),
            columns: kinds.map(|kind| (kind, Cells::of(kind))).collect(),
            bytes: 0,
        })
    }

    /// Adds a record, whose text has so many bytes.
    ///
    /// # Errors
    ///
    /// Where a row group can't be written, which is to memory.
    pub fn take(&mut self, line: Line, bytes: usize) -> Result<()> {
        let rest = self.columns.len() - 1;
        for (index, column) in ENVELOPE.iter().enumerate() {
            let said = line.said(column.name).map_or(Value::Null, Value::from);
            let (kind, cells) = &mut self.columns[index];
            cells.push(*kind, &said);
        }
        let mut unmapped = Map::new();
        let mut values: Vec<Option<Value>> = vec![None; rest];
        for (name, value) in line.own {
            match self.places.get(&name.to_lowercase()) {
                Some(&index) if values[index].is_none() => {
                    let (kind, _) = self.columns[index];
                    match cells::fits(kind, &value) {
                        true => values[index] = Some(value),
                        false => drop(unmapped.insert(name, value)),
                    }
                }
                _ => drop(unmapped.insert(name, value)),
            }
        }
        for (index, value) in values.into_iter().enumerate().skip(ENVELOPE.len()) {
            let (kind, cells) = &mut self.columns[index];
            cells.push(*kind, &value.unwrap_or_default());
        }
        let unmapped = if unmapped.is_empty() { Value::Null } else { Value::Object(unmapped) };
        self.columns[rest].1.push(ColumnType::Dynamic, &unmapped);
        self.bytes += bytes;
        if self.bytes >= ROW_GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let (Some(mut column), Some((kind, cells))) = (group.next_column()?, columns.next()) {
            std::mem::replace(cells, Cells::of(*kind)).write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.bytes = 0;
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// As [`Writer::take`].
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.bytes > 0 {
            self.end_group()?;
        }
        self.file.into_inner()
    }
}

/// A column of that type; every one may be null.
fn field(name: &str, kind: ColumnType) -> Result<Arc<Type>> {
    let (physical, logical) = match kind {
        ColumnType::Text | ColumnType::Guid | ColumnType::Dynamic | ColumnType::HuntedDynamic => {
            (Physical::BYTE_ARRAY, Some(LogicalType::String))
        }
        ColumnType::Real | ColumnType::TextReal => (Physical::DOUBLE, None),
        ColumnType::Long | ColumnType::Int => (Physical::INT64, None),
        ColumnType::Boolean | ColumnType::HuntedBoolean => (Physical::BOOLEAN, None),
        ColumnType::DateTime | ColumnType::HuntedDateTime => {
            (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)))
        }
    };
    let builder = Type::primitive_type_builder(name, physical).with_logical_type(logical);
    builder.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
}
