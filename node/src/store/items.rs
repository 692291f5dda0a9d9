//! The province's chain of items (directory versions, bans, grants, marks …) as signed bytes, and the directory versions
//! they brought. What an item says is for others to read.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::Rows;
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
    /// The hashes of the items it follows: none for the first, several where branches become one.
    pub parents: Vec<Hash>,
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
    /// The hash as heads carry it: all zero while there is no item.
    #[must_use]
    pub fn hash_or_zero(&self) -> Hash {
        self.hash.unwrap_or(Hash([0; 32]))
    }

    /// Whether an item goes on where this one ends. One that joins branches bears a number above all of them.
    fn is_followed_by(&self, item: &Item) -> bool {
        let is_join = item.parents.len() > 1 && item.n > self.n;
        let is_next = is_join || item.n == self.n + 1;
        is_next && self.hash.map_or(item.parents.is_empty(), |hash| item.parents.contains(&hash))
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
    /// It belongs to another branch, from before or after a restore of the province: kept beside the line of the
    /// newest one, until an item names both as what it follows (design 5, provincial items).
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

/// Behind every place: SQLite's largest row number.
const LAST_PLACE: u64 = i64::MAX.unsigned_abs();

fn item(row: &Row<'_>) -> rusqlite::Result<StoredItem> {
    Ok(StoredItem {
        n: sql::uint_at(row, 0)?,
        hash: Hash(row.get(1)?),
        kind: row.get(2)?,
        bytes: row.get(3)?,
    })
}

/// What fits into `bytes_max` of what is found, at least one when there is one.
fn fitting<T>(
    mut rows: Rows<'_>,
    bytes_max: usize,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    item: impl Fn(&T) -> &StoredItem,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    let mut size_bytes = 0usize;
    while let Some(row) = rows.next()? {
        let next = read(row)?;
        size_bytes = size_bytes.saturating_add(item(&next).bytes.len());
        if !found.is_empty() && size_bytes > bytes_max {
            break;
        }
        found.push(next);
    }
    Ok(found)
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

    /// Every item of a kind, of all branches, in the order in which they came, at most 1024.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn items_of_kind(&self, kind: u8) -> Result<Vec<StoredItem>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, hash, kind, bytes FROM item WHERE kind = ?1 ORDER BY rowid LIMIT ?2",
        )?;
        Ok(statement.query_map((kind, sql::len(ITEMS_MAX)), item)?.collect::<Result<_, _>>()?)
    }

    /// Whether every one of these items is here, whatever its branch; false for none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_items(&self, hashes: &[Hash]) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM item WHERE hash = ?1")?;
        for hash in hashes {
            if !statement.exists([hash.0])? {
                return Ok(false);
            }
        }
        Ok(!hashes.is_empty())
    }

    /// Whether an item is here, whatever its branch.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_item(&self, n: u64, hash: Hash) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM item WHERE n = ?1 AND hash = ?2")?;
        Ok(statement.exists((sql::int(n), hash.0))?)
    }

    /// Items of the line of the newest one: it, then ever further back, each twice as far from it, and the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn item_landmarks(&self) -> Result<Vec<(u64, Hash)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT n, hash FROM item WHERE is_used = 1 ORDER BY n DESC")?;
        let rows = statement.query_map([], |row| Ok((sql::uint_at(row, 0)?, Hash(row.get(1)?))))?;
        let mut landmarks = Vec::new();
        let (mut next, mut last) = (0usize, None);
        for (at, row) in rows.enumerate() {
            let row = row?;
            last = Some(row);
            if at == next {
                landmarks.push(row);
                next = next * 2 + 1;
            }
        }
        landmarks.extend(last.filter(|last| landmarks.last() != Some(last)));
        Ok(landmarks)
    }

    /// Whether an item is the newest one or comes before it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_joined(&self, hash: Hash) -> Result<bool, StoreError> {
        let Some(head) = self.item_head()?.hash else { return Ok(false) };
        let mut statement = self.connection.prepare_cached(
            "WITH RECURSIVE known (hash) AS (SELECT ?1 UNION \
             SELECT p.parent FROM known k JOIN item_parent p ON p.hash = k.hash) \
             SELECT 1 FROM known WHERE hash = ?2",
        )?;
        Ok(statement.exists((head.0, hash.0))?)
    }

    /// Ends of branches that the newest item does not come after, oldest first, at most so many.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unjoined_items(&self, items_max: usize) -> Result<Vec<(u64, Hash)>, StoreError> {
        let head = self.item_head()?.hash.unwrap_or(Hash([0; 32]));
        let mut statement = self.connection.prepare_cached(
            "WITH RECURSIVE known (hash) AS (SELECT ?1 UNION \
             SELECT p.parent FROM known k JOIN item_parent p ON p.hash = k.hash) \
             SELECT n, hash FROM item i WHERE hash NOT IN (SELECT hash FROM known) \
             AND NOT EXISTS (SELECT 1 FROM item_parent p WHERE p.parent = i.hash) ORDER BY rowid LIMIT ?2",
        )?;
        let rows = statement
            .query_map((head.0, sql::len(items_max)), |row| Ok((sql::uint_at(row, 0)?, Hash(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest item of a kind on the line of the newest one, up to a number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest_item_of_kind(&self, kind: u8, up_to: u64) -> Result<Option<StoredItem>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, hash, kind, bytes FROM item WHERE kind = ?1 AND n <= ?2 AND is_used = 1 \
             ORDER BY n DESC LIMIT 1",
        )?;
        Ok(statement.query_row((kind, sql::int(up_to)), item).optional()?)
    }

    /// Items that are neither the one with this hash nor come before it, with their places: in the order in which
    /// they came here, after a place, until `bytes_max` are together; at least one when there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn items_beyond(
        &self,
        hash: Hash,
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<(u64, StoredItem)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH RECURSIVE known (hash) AS (SELECT ?1 UNION \
             SELECT p.parent FROM known k JOIN item_parent p ON p.hash = k.hash) \
             SELECT n, hash, kind, bytes, rowid FROM item \
             WHERE rowid > ?2 AND hash NOT IN (SELECT hash FROM known) ORDER BY rowid LIMIT ?3",
        )?;
        let rows = statement.query((hash.0, sql::int(after_place), sql::len(ITEMS_MAX)))?;
        fitting(rows, bytes_max, |row| Ok((sql::uint_at(row, 4)?, item(row)?)), |(_, item)| item)
    }

    /// The same, but the item with the hash `end` comes last. What stands beside it, because the item that joins them has
    /// not come yet, and what came after it goes before it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn items_beyond_ending_with(
        &self,
        end: Hash,
        hash: Hash,
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<(u64, StoredItem)>, StoreError> {
        let mut after_place = after_place;
        while after_place < LAST_PLACE {
            let mut page = self.items_beyond(hash, after_place, bytes_max)?;
            let Some((last, _)) = page.last() else {
                let mut statement = self
                    .connection
                    .prepare_cached("SELECT n, hash, kind, bytes FROM item WHERE hash = ?1")?;
                let end = statement.query_row([end.0], item).optional()?;
                return Ok(end.map(|end| (LAST_PLACE, end)).into_iter().collect());
            };
            after_place = *last;
            page.retain(|(_, item)| item.hash != end);
            if !page.is_empty() {
                return Ok(page);
            }
        }
        Ok(Vec::new())
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
        let rows = statement.query((value, sql::len(ITEMS_MAX)))?;
        fitting(rows, bytes_max, |row| Ok(item(row)?), |item| item)
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
        if self.has_item(item.n, item.hash)? {
            return Ok(ItemStored::Repeated);
        }
        let head = self.item_head()?;
        let is_used = head.is_followed_by(item);
        if item.n == 0 || (item.n > head.n + 1 && !is_used && !self.has_items(&item.parents)?) {
            return Ok(ItemStored::Gap { n: head.n });
        }
        let at = self.now();
        self.execute(
            "INSERT INTO item (n, hash, kind, is_used, arrived_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (sql::int(item.n), item.hash.0, item.kind, is_used, at.0, &item.bytes),
        )?;
        for parent in &item.parents {
            self.execute(
                "INSERT OR IGNORE INTO item_parent (hash, parent) VALUES (?1, ?2)",
                (item.hash.0, parent.0),
            )?;
        }
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
