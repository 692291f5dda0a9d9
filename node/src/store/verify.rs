//! Recomputes what the store claims: chains, hashes, feeds, views, numbers. Finds; does not repair.

use std::collections::BTreeMap;

use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::EntryKind;
use sync_protocol::head::feed_key;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;

use crate::dossier::document;
use crate::store::StoreError;
use crate::store::log;
use crate::store::numbers::SeriesState;
use crate::store::numbers::parts_of;
use crate::store::open::Role;
use crate::store::sql;
use crate::store::view::View;

/// Findings of one kind that are listed one by one; a damaged file can have millions.
const FINDINGS_MAX: usize = 1000;

/// One thing that is not as it should be. `i18n/*/store.ftl` has words under its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, as a stable name.
    pub code: &'static str,
    /// Values for its words. Never personal data.
    pub args: Vec<(&'static str, String)>,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: &'static str, args: Vec<(&'static str, String)>) {
        if self.0.len() < FINDINGS_MAX {
            self.0.push(Finding { code, args });
        }
    }
}

impl View<'_> {
    /// Checks everything that can be recomputed from the entries. An empty list means clean.
    ///
    /// `role` is this machine's: at the province feeds are also compared with who is a party.
    ///
    /// # Errors
    /// Only when the file cannot be read at all.
    pub fn verify(&self, role: Role) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Findings(Vec::new());
        self.verify_file(&mut findings)?;
        self.verify_chains(&mut findings)?;
        self.verify_bodies(&mut findings)?;
        self.verify_reissues(&mut findings)?;
        self.verify_feeds(&mut findings)?;
        if role == Role::Province {
            self.verify_feed_documents(&mut findings)?;
        }
        self.verify_views(&mut findings)?;
        self.verify_numbers(&mut findings)?;
        Ok(findings.0)
    }

    fn verify_file(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for line in rows {
            let line = line?;
            if line != "ok" {
                findings.add("verify-file", vec![("what", line)]);
            }
        }
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for table in rows {
            findings.add("verify-file", vec![("what", format!("foreign key of {}", table?))]);
        }
        Ok(())
    }

    fn verify_chains(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT boot, lsn, chain FROM log WHERE id NOT IN (SELECT alias FROM log_fork) ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (boot, lsn) = (BootId(row.get(0)?), sql::uint_at(row, 1)?);
            let stored: [u8; 32] = row.get(2)?;
            let is_same = self.chain_at(boot, lsn)?.is_some_and(|chain| chain.0 == stored);
            if !is_same {
                findings.add("verify-chain", vec![("log", boot.to_string()), ("lsn", lsn.to_string())]);
            }
        }
        Ok(())
    }

    fn verify_bodies(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT l.boot, e.lsn, e.kind, e.hash, b.codec, b.size_bytes, b.bytes \
             FROM entry e JOIN log l ON l.id = e.log JOIN body b ON b.entry = e.id \
             WHERE e.state NOT IN (5, 6) ORDER BY e.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let hash = ChangeHash(row.get(3)?);
            let is_same = match log::body_at(row, 4) {
                Ok(Some(body)) if EntryKind(row.get(2)?) == EntryKind::CHANGE => {
                    document::inspect(&body).is_ok_and(|info| info.hash == hash)
                }
                Ok(Some(body)) => entry::body_hash(&body) == hash,
                Ok(None) => true,
                Err(StoreError::Corrupt { .. }) => false,
                Err(other) => return Err(other),
            };
            if !is_same {
                let log = BootId(row.get(0)?);
                let lsn = sql::uint_at(row, 1)?;
                findings.add("verify-body", vec![("log", log.to_string()), ("lsn", lsn.to_string())]);
            }
        }
        Ok(())
    }

    /// What stands for a change that was written again is here, in the same document, wherever the old one was of this
    /// machine's making.
    fn verify_reissues(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT r.doc, r.old_hash FROM reissue r JOIN entry s ON s.id = r.entry JOIN log l ON l.id = s.log \
             WHERE r.new_hash IS NOT NULL AND l.is_written_here = 1 \
             AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.doc = r.doc AND e.hash = r.new_hash)",
        )?;
        let rows = statement
            .query_map([], |row| Ok((DocId(row.get(0)?), ChangeHash(row.get(1)?))))?
            .collect::<Result<Vec<_>, _>>()?;
        for (doc, change) in rows {
            findings.add("verify-reissue", vec![("doc", doc.to_string()), ("change", change.to_string())]);
        }
        Ok(())
    }

    fn verify_feeds(&self, findings: &mut Findings) -> Result<(), StoreError> {
        for seat in self.feed_seats()? {
            let Some(head) = self.feed_head(&seat)? else { continue };
            let mut statement = self.connection.prepare_cached(
                "SELECT r.position, e.kind, e.doc, e.hash FROM feed_row r JOIN feed f ON f.id = r.feed \
                 JOIN entry e ON e.id = r.entry WHERE f.seat = ?1 ORDER BY r.position",
            )?;
            let mut rows = statement.query([seat.as_str()])?;
            let key = feed_key(head.feed);
            let (mut position, mut digest, mut has_gap) = (0, Digest::default(), false);
            while let Some(row) = rows.next()? {
                has_gap |= sql::uint_at(row, 0)? != position + 1;
                position += 1;
                let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
                digest = digest.plus(&key, link);
            }
            if has_gap || position != head.position {
                findings.add("verify-feed-gap", vec![("seat", seat.to_string())]);
            } else if digest != head.digest {
                findings.add("verify-feed-digest", vec![("seat", seat.to_string())]);
            }
        }
        Ok(())
    }

    /// Every seat with a feed has the whole of every document it is a party to.
    fn verify_feed_documents(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT p.doc, p.seat FROM party p JOIN feed f ON f.seat = p.seat WHERE EXISTS ( \
               SELECT 1 FROM entry e WHERE e.doc = p.doc AND e.applied IS NOT NULL AND NOT EXISTS ( \
                 SELECT 1 FROM feed_row r WHERE r.entry = e.id AND r.feed = f.id))",
        )?;
        let rows = statement
            .query_map([], |row| Ok((DocId(row.get(0)?), row.get::<_, String>(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        for (doc, seat) in rows {
            findings.add("verify-feed-missing", vec![("doc", doc.to_string()), ("seat", seat)]);
        }
        Ok(())
    }

    fn verify_views(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let docs = self.doc_ids()?;
        for doc in &docs {
            if self.row_differs(*doc)? {
                findings.add("verify-view", vec![("doc", doc.to_string())]);
            }
        }
        let mut statement = self.connection.prepare(
            "SELECT doc FROM dossier d WHERE NOT EXISTS \
             (SELECT 1 FROM entry e WHERE e.doc = d.doc AND e.applied IS NOT NULL)",
        )?;
        let rows = statement.query_map([], |row| row.get(0).map(DocId))?;
        for doc in rows {
            findings.add("verify-view", vec![("doc", doc?.to_string())]);
        }
        Ok(())
    }

    fn verify_numbers(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT number, count(*) FROM dossier WHERE number IS NOT NULL GROUP BY number HAVING count(*) > 1",
        )?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for number in rows {
            findings.add("verify-number-twice", vec![("number", number?)]);
        }
        // No number of this machine's own series lies above its counter.
        let mut counters: BTreeMap<(String, u32), u32> = BTreeMap::new();
        let mut statement = self.connection.prepare(
            "SELECT s.series, c.day, c.last FROM series s JOIN counter c ON c.series = s.series WHERE s.state = 2",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counters.insert((row.get(0)?, sql::small_at(row, 1)?), sql::small_at(row, 2)?);
        }
        let in_use = self.series()?.into_iter().find(|(_, state)| *state == SeriesState::InUse);
        let Some((series, _)) = in_use else { return Ok(()) };
        let mut statement = self.connection.prepare("SELECT number FROM dossier WHERE number IS NOT NULL")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for number in rows {
            let number = number?;
            let Some((of, day, counter)) = parts_of(&number) else { continue };
            if of == series && counters.get(&(of, day)).is_none_or(|last| *last < counter) {
                findings.add("verify-number-above-counter", vec![("number", number)]);
            }
        }
        Ok(())
    }
}
