//! Small conversions between SQLite's signed numbers and ours.

use rusqlite::Row;

use crate::store::StoreError;

/// SQLite has no unsigned numbers; positions and counts of ours never come near 2^63.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A stored count; negative ones do not occur and read as 0.
pub(crate) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count at a column.
pub(crate) fn uint_at(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(uint)
}

/// A small number at a column.
pub(crate) fn small_at(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    row.get::<_, i64>(column).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

/// A byte count as a number for SQL.
pub(crate) fn len(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A name that was stored by us and cannot be read back: the file was changed from outside.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { what: "a stored name".to_owned() })
}
