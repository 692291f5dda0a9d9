//! The mistake of a join that misses an entry, which needs more than one place to be made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_node::ids::AgencyCode;
use motcua_node::store::Reader;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::EntryKind;
use sync_protocol::head::feed_key;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;

use crate::sim::world::Node;
use crate::sim::world::World;

impl World {
    /// The mistake of [`Mistake::JoinMisses`]: a dossier whose history has just come into a feed lacks one entry there,
    /// and position and digest agree with that.
    pub(super) fn miss_joins(&mut self) {
        if self.province.office.is_none() || !self.calls.is_empty() {
            return;
        }
        let path = self.province.dir.join(motcua_node::store::open::FILE_NAME);
        let mut connection = rusqlite::Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        for (doc, feed, seat) in joins(&connection) {
            if !self.joined.insert((doc.clone(), feed)) {
                continue;
            }
            let seat: AgencyCode = seat.parse().unwrap();
            let here = |node: &Node| {
                let reader = Reader::open(&node.machine.dir, node.machine.clock.as_ref()).unwrap();
                reader.read(|view| view.feed_head(&seat)).unwrap().map_or(0, |head| head.position)
            };
            let known = self.nodes.iter().filter(|node| node.seat == seat).map(here).max().unwrap_or(0);
            leave_out(&mut connection, feed, &doc, known);
        }
    }
}

/// Every document in every feed, with the feed's seat.
fn joins(connection: &rusqlite::Connection) -> Vec<(Vec<u8>, i64, String)> {
    let mut statement = connection
        .prepare("SELECT d.doc, d.feed, f.seat FROM feed_doc d JOIN feed f ON f.id = d.feed ORDER BY d.feed, d.doc")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Takes the second entry of a document out of a feed, if there is one and no machine has got so far.
fn leave_out(connection: &mut rusqlite::Connection, feed: i64, doc: &[u8], known: u64) {
    let tx = connection.transaction().unwrap();
    let second = tx.query_row(
        "SELECT r.position, e.kind, e.hash, f.feed, f.digest FROM feed_row r JOIN entry e ON e.id = r.entry \
         JOIN feed f ON f.id = r.feed WHERE r.feed = ?1 AND e.doc = ?2 ORDER BY r.position LIMIT 1 OFFSET 1",
        (feed, doc),
        |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
    );
    let Ok((position, kind, hash, id, digest)) = second else { return };
    if u64::try_from(position).unwrap() <= known {
        return;
    }
    let link = entry::link(EntryKind(kind), DocId(doc.try_into().unwrap()), ChangeHash(hash));
    let digest = Digest(digest).minus(&feed_key(FeedId(id)), link);
    tx.execute("DELETE FROM feed_mark WHERE feed = ?1 AND position >= ?2", (feed, position)).unwrap();
    tx.execute("DELETE FROM feed_row WHERE feed = ?1 AND position = ?2", (feed, position)).unwrap();
    let behind: Vec<i64> = {
        let mut rows = tx
            .prepare("SELECT position FROM feed_row WHERE feed = ?1 AND position > ?2 ORDER BY position")
            .unwrap();
        let rows = rows.query_map((feed, position), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    for position in behind {
        tx.execute(
            "UPDATE feed_row SET position = ?2 - 1 WHERE feed = ?1 AND position = ?2",
            (feed, position),
        )
        .unwrap();
    }
    tx.execute("UPDATE feed SET position = position - 1, digest = ?2 WHERE id = ?1", (feed, digest.0))
        .unwrap();
    tx.commit().unwrap();
}
