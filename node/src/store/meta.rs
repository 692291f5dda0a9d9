//! Small facts by name: who this machine is, and what other rooms keep here.

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use crate::store::StoreError;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Where the identity stands; set once at creation.
pub(crate) const IDENTITY: &str = "identity";

impl View<'_> {
    /// What other rooms put under `key`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        take(self.connection, &outside(key))
    }
}

impl WriteTx<'_> {
    /// Keeps `value` under `key`, in place of what stood there. Keys of other rooms never meet the store's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        put(self.connection(), &outside(key), value)
    }

    /// Forgets what stands under `key`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remove_meta(&mut self, key: &str) -> Result<(), StoreError> {
        self.connection().prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([outside(key)])?;
        Ok(())
    }
}

fn outside(key: &str) -> String {
    format!("room:{key}")
}

pub(crate) fn take(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn put(connection: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        )?
        .execute((key, value))?;
    Ok(())
}

/// CBOR of a small value of ours. Writing to memory cannot fail.
pub(crate) fn to_cbor<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).unwrap_or_default()
}

pub(crate) fn from_cbor<'b, T: minicbor::Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(|_| StoreError::Corrupt { what: "a stored record".to_owned() })
}
