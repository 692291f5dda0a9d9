//! The province's chain of items (directory versions, bans, grants, marks …) as signed bytes, and the directory versions
//! they brought. What an item says is for others to read.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::ids::Hash;
use sync_protocol::time::Millis;

use crate::store::StoreError;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Items a question returns at most.
const ITEMS_MAX: usize = 1024;

/// One provincial item, as it is given to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the chain, from 1.
    pub n: u64,
    /// Its hash, which the next one names.
    pub hash: Hash,
    /// The hash of the item it follows; all zero for the first. One that follows two names the one in use here.
    pub prev: Hash,
    /// What it is, by the protocol's number.
    pub kind: u8,
    /// The signed bytes as they came.
    pub bytes: Vec<u8>,
}

/// One provincial item as it stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// Its place in the chain, from 1.
    pub n: u64,
    /// Its hash.
    pub hash: Hash,
    /// What it is, by the protocol's number.
    pub kind: u8,
    /// The signed bytes as they came.
    pub bytes: Vec<u8>,
}

/// The newest item in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemHead {
    /// Its place; 0 while there is none.
    pub n: u64,
    /// Its hash; `None` while there is none.
    pub hash: Option<Hash>,
}

impl ItemHead {
    /// What the next item must name as the one before: all zero for the first.
    #[must_use]
    pub fn next_prev(&self) -> Hash {
        self.hash.unwrap_or(Hash([0; 32]))
    }
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStored {
    /// It is the newest now.
    Stored,
    /// It was here.
    Repeated,
    /// Something between is missing; nothing was stored. Ask for what follows `n`.
    Gap {
        /// The newest here.
        n: u64,
    },
    /// Another item has its place or it follows another one: kept, not used (design 5, provincial items).
    Aside,
}

/// One directory version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryVersion {
    /// Its number.
    pub version: u32,
    /// The item that brought it.
    pub item: u64,
    /// The hash of its content.
    pub hash: Hash,
    /// From when it holds.
    pub effective_at: Millis,
    /// When the province signed it, by its clock. One that held by then holds wherever it comes to: a machine whose
    /// clock is behind has the province's word for it.
    pub signed_at: Millis,
    /// Its content.
    pub body: Vec<u8>,
}

/// Largest directory this program reads; a province's catalogue is about 2 MB.
const DIRECTORY_BYTES_MAX: usize = 64 * 1024 * 1024;

fn item(row: &Row<'_>) -> rusqlite::Result<StoredItem> {
    Ok(StoredItem {
        n: sql::uint_at(row, 0)?,
        hash: Hash(row.get(1)?),
        kind: row.get(2)?,
        bytes: row.get(3)?,
    })
}

impl View<'_> {
    /// The newest item in use.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn item_head(&self) -> Result<ItemHead, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT n, hash FROM item WHERE is_used = 1 ORDER BY n DESC LIMIT 1")?;
        let head = statement
            .query_row([], |row| Ok(ItemHead { n: sql::uint_at(row, 0)?, hash: Some(Hash(row.get(1)?)) }))
            .optional()?;
        Ok(head.unwrap_or_default())
    }

    /// The item in use at a place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn item(&self, n: u64) -> Result<Option<StoredItem>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT n, hash, kind, bytes FROM item WHERE n = ?1 AND is_used = 1")?;
        Ok(statement.query_row([sql::int(n)], item).optional()?)
    }

    /// Items in use after a place, in order, until `bytes_max` are together; at least one when there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn items_after(&self, n: u64, bytes_max: usize) -> Result<Vec<StoredItem>, StoreError> {
        self.items_where("n > ?1", sql::int(n), bytes_max)
    }

    /// Every item in use of a kind, in order, at most 1024.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn items_of_kind(&self, kind: u8) -> Result<Vec<StoredItem>, StoreError> {
        self.items_where("kind = ?1", i64::from(kind), usize::MAX)
    }

    fn items_where(
        &self,
        condition: &str,
        value: i64,
        bytes_max: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT n, hash, kind, bytes FROM item WHERE {condition} AND is_used = 1 ORDER BY n LIMIT ?2"
        ))?;
        let mut rows = statement.query((value, sql::len(ITEMS_MAX)))?;
        let mut items = Vec::new();
        let mut size_bytes = 0usize;
        while let Some(row) = rows.next()? {
            let item = item(row)?;
            if !items.is_empty() && size_bytes.saturating_add(item.bytes.len()) > bytes_max {
                break;
            }
            size_bytes = size_bytes.saturating_add(item.bytes.len());
            items.push(item);
        }
        Ok(items)
    }

    /// One directory version.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn directory(&self, version: u32) -> Result<Option<DirectoryVersion>, StoreError> {
        self.directory_where("version = ?1", i64::from(version))
    }

    /// The newest directory version that holds at `now`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn effective_directory(&self, now: Millis) -> Result<Option<DirectoryVersion>, StoreError> {
        self.directory_where("effective_at <= max(?1, signed_at)", now.0)
    }

    /// Number and hash of the newest directory version, effective or not.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest_directory(&self) -> Result<Option<(u32, Hash)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT version, hash FROM directory ORDER BY version DESC LIMIT 1")?;
        Ok(statement.query_row([], |row| Ok((row.get(0)?, Hash(row.get(1)?)))).optional()?)
    }

    /// Number and hash of the newest directory version that holds at `now`, without its content: to see whether a
    /// parsed one is still the right one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn effective_directory_version(&self, now: Millis) -> Result<Option<(u32, Hash)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, hash FROM directory WHERE effective_at <= max(?1, signed_at) \
             ORDER BY version DESC LIMIT 1",
        )?;
        Ok(statement.query_row([now.0], |row| Ok((row.get(0)?, Hash(row.get(1)?)))).optional()?)
    }

    fn directory_where(&self, condition: &str, value: i64) -> Result<Option<DirectoryVersion>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT version, item, hash, effective_at, signed_at, size_bytes, body FROM directory \
             WHERE {condition} ORDER BY version DESC LIMIT 1"
        ))?;
        let mut rows = statement.query([value])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let damaged = || StoreError::Corrupt { what: "a stored directory".to_owned() };
        let size_bytes = usize::try_from(sql::uint_at(row, 5)?).unwrap_or(usize::MAX);
        if size_bytes > DIRECTORY_BYTES_MAX {
            return Err(damaged());
        }
        let packed = row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?;
        Ok(Some(DirectoryVersion {
            version: row.get(0)?,
            item: sql::uint_at(row, 1)?,
            hash: Hash(row.get(2)?),
            effective_at: Millis(row.get(3)?),
            signed_at: Millis(row.get(4)?),
            body: zstd::bulk::decompress(packed, size_bytes).map_err(|_| damaged())?,
        }))
    }
}

impl WriteTx<'_> {
    /// Stores an item whose signature the caller has checked. At the province the caller builds it on
    /// [`View::item_head`] inside the same job.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_item(&mut self, item: &Item) -> Result<ItemStored, StoreError> {
        let known: Option<bool> = self
            .connection()
            .prepare_cached("SELECT is_used FROM item WHERE n = ?1 AND hash = ?2")?
            .query_row((sql::int(item.n), item.hash.0), |row| row.get(0))
            .optional()?;
        if let Some(is_used) = known {
            return Ok(if is_used { ItemStored::Repeated } else { ItemStored::Aside });
        }
        let head = self.item_head()?;
        if item.n == 0 || item.n > head.n + 1 {
            return Ok(ItemStored::Gap { n: head.n });
        }
        let is_used = item.n == head.n + 1 && item.prev == head.next_prev();
        let at = self.now();
        self.execute(
            "INSERT INTO item (n, hash, kind, is_used, arrived_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (sql::int(item.n), item.hash.0, item.kind, is_used, at.0, &item.bytes),
        )?;
        if is_used {
            self.grew_items(item.n);
        }
        Ok(if is_used { ItemStored::Stored } else { ItemStored::Aside })
    }

    /// Keeps a directory version for ever; dossiers pin it. One that is here stays as it is.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_directory(&mut self, directory: &DirectoryVersion) -> Result<(), StoreError> {
        let packed = self
            .compressor
            .compress(&directory.body)
            .map_err(|error| StoreError::Bug(format!("compressing a directory: {error}")))?;
        self.execute(
            "INSERT OR IGNORE INTO directory (version, item, hash, effective_at, signed_at, size_bytes, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                directory.version,
                sql::int(directory.item),
                directory.hash.0,
                directory.effective_at.0,
                directory.signed_at.0,
                sql::len(directory.body.len()),
                packed,
            ),
        )?;
        Ok(())
    }
}
