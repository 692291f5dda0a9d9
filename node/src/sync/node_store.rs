//! A node's session over the real store: the driver's questions as jobs of the writer and views of the reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_protocol::entry::Entry;
use sync_protocol::entry::Lsn;
use sync_protocol::entry::chain_next;
use sync_protocol::frame::Feed;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::item::PlacedItem;
use sync_protocol::limits::HEADS_PER_FRAME_MAX;
use sync_protocol::limits::NAMED_LOGS_MAX;
use sync_protocol::proof::Proof;
use sync_protocol::range::Compared;
use sync_protocol::range::Comparison;
use sync_protocol::range::Member;
use sync_protocol::range::Members;
use sync_protocol::range::Place;
use sync_protocol::range::Range;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::session::node::CutFacts;
use sync_protocol::session::node::NodeFacts;

use crate::identity::MachineIdentity;
use crate::ids::AgencyCode;
use crate::provincial::BodyError;
use crate::provincial::PublishedDirectory;
use crate::provincial::Refused;
use crate::provincial::SeriesGrant;
use crate::provincial::Withdrawal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::View;
use crate::store::WriteTx;
use crate::store::apply::Origin;
use crate::store::conditions;
use crate::store::feeds::FeedBatch;
use crate::store::feeds::FeedPiece;
use crate::store::feeds::FeedStored;
use crate::store::items::DirectoryVersion;
use crate::store::items::ItemStored;
use crate::store::items::StoredItem;
use crate::store::proofs::StoredProof;
use crate::sync::driver::NodeStore;

/// Standing condition: what this machine holds differs from the province at the same position.
pub const DIGEST_DIFFERS: &str = "digest-differs";

/// Standing condition: the province was put back to an older copy and gets back from here what it lost. Until the next
/// proof.
pub const PROVINCE_BEHIND: &str = "province-behind";
/// Standing condition of a commune's machine: a bundle of the province goes on behind what is here; the next proof, by
/// the answer to a new bundle or over a line, closes the gap.
pub const BUNDLE_GAP: &str = "bundle-gap";

/// Standing condition: the province published something this program is too old to read. The subject is its number.
pub const NEWER_ITEM: &str = "newer-item";

/// The store as a node's session sees it.
#[derive(Clone, Debug)]
pub struct NodeSide {
    store: Arc<Store>,
    identity: Arc<MachineIdentity>,
    /// Own heads at the last cut or hello: what the next proof covers.
    claimed: Vec<(BootId, Lsn)>,
    /// Own heads at the hello: what the province's answers are about.
    greeted: Vec<LogHead>,
    /// The newest item that the hello named.
    told_item: Hash,
    /// Where the last page of a log ended, so that the next one's chain goes on from there.
    page_end: Option<LogHead>,
}

impl NodeSide {
    /// A session's view of this machine's store.
    #[must_use]
    pub fn new(store: Arc<Store>, identity: Arc<MachineIdentity>) -> Self {
        let (claimed, greeted) = (Vec::new(), Vec::new());
        Self { store, identity, claimed, greeted, told_item: Hash([0; 32]), page_end: None }
    }

    /// Where everything stands, for a hello with this session number.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn facts(&mut self, session: u64, province_key: PublicKey) -> Result<NodeFacts, StoreError> {
        let province = self.identity.province();
        let node = self.identity.node();
        let (facts, greeted) = self.store.read(|view| {
            let mut logs = view.own_logs()?;
            let current = current_head(&logs);
            logs.reverse();
            let greeted: Vec<LogHead> = logs.iter().map(head_of).collect();
            let named: Vec<LogHead> = logs
                .iter()
                .filter(|log| log.lsn > log.proved_lsn)
                .take(NAMED_LOGS_MAX)
                .map(head_of)
                .collect();
            let older: Vec<LogHead> = greeted
                .iter()
                .filter(|log| !named.iter().any(|other| other.boot == log.boot))
                .copied()
                .collect();
            let facts = NodeFacts {
                province,
                province_key,
                node,
                session,
                older: LogsSummary::of(province, &older),
                current,
                logs: named,
                feed: feed_head(view, self.identity.seat())?,
                items: items_head(view)?,
                last_proof: last_proof(view, node)?,
                may_hold_lost: view.may_hold_lost()?,
                series_left: Some(u32::try_from(view.unused_series()?).unwrap_or(u32::MAX)),
            };
            Ok((facts, greeted))
        })?;
        self.claimed = greeted.iter().map(|head| (head.boot, head.lsn)).collect();
        self.greeted = greeted;
        self.told_item = facts.items.hash;
        Ok(facts)
    }
}

/// The head of the log that was written last here, in the same moment as the others: the one that may have grown
/// since anybody looked.
fn current_head(logs: &[crate::store::log::LogHead]) -> Option<LogHead> {
    logs.iter().rev().find(|log| log.is_written_here).map(head_of)
}

pub(crate) fn head_of(log: &crate::store::log::LogHead) -> LogHead {
    LogHead { boot: log.boot, lsn: log.lsn, chain: log.chain }
}

pub(crate) fn items_head(view: &View<'_>) -> Result<ItemsHead, StoreError> {
    let head = view.item_head()?;
    Ok(ItemsHead { n: head.n, hash: head.hash_or_zero() })
}

/// Items of this store that are neither the one with this hash nor before it, after a place.
pub(crate) fn placed_items(
    view: &View<'_>,
    beyond: Hash,
    after_place: u64,
    bytes_max: usize,
) -> Result<Vec<PlacedItem>, StoreError> {
    placed(view.items_beyond(beyond, after_place, bytes_max)?)
}

fn placed(stored: Vec<(u64, StoredItem)>) -> Result<Vec<PlacedItem>, StoreError> {
    stored
        .into_iter()
        .map(|(place, item)| {
            let damaged = |_| StoreError::Corrupt { what: format!("item {}", item.n) };
            Ok(PlacedItem { place, item: Item::from_bytes(&item.bytes).map_err(damaged)? })
        })
        .collect()
}

fn feed_head(view: &View<'_>, seat: &AgencyCode) -> Result<FeedHead, StoreError> {
    Ok(view.feed_head(seat)?.map_or_else(FeedHead::default, |head| FeedHead {
        id: Some(head.feed),
        position: head.position,
        digest: head.digest,
    }))
}

pub(crate) fn last_proof(view: &View<'_>, machine: NodeId) -> Result<Option<Proof>, StoreError> {
    let stored = view.last_proof(machine)?;
    stored.map(|stored| read_proof(&stored)).transpose()
}

pub(crate) fn read_proof(stored: &StoredProof) -> Result<Proof, StoreError> {
    Proof::from_bytes(&stored.bytes).map_err(|_| StoreError::Corrupt { what: "a stored proof".to_owned() })
}

pub(crate) fn stored_proof(proof: &Proof) -> StoredProof {
    let content = proof.content();
    StoredProof {
        machine: content.machine,
        number: content.n,
        hash: proof.hash(),
        at: proof.at(),
        position: content.position,
        digest: content.digest,
        applied: content.counts.applied,
        waiting: content.counts.waiting,
        quarantined: content.counts.quarantined,
        refused: content.counts.refused,
        bytes: proof.to_bytes(),
    }
}

/// Stores one item and carries out what it says to this machine, whatever its branch: it is the province's word.
/// Answers whether it is new here.
///
/// # Errors
/// The store failed, or a body cannot be used by this program.
pub(crate) fn take_item(tx: &mut WriteTx<'_>, item: &Item) -> Result<bool, StoreError> {
    let header = item.header();
    let stored = tx.store_item(&crate::store::items::Item {
        n: header.n,
        hash: item.hash(),
        parents: header.parents.clone(),
        kind: header.kind.0,
        bytes: item.to_bytes(),
    })?;
    match stored {
        ItemStored::Stored | ItemStored::Aside => {}
        ItemStored::Repeated => return Ok(false),
        ItemStored::Gap { n } => {
            return Err(StoreError::Bug(format!("item {} where {n} is the newest", header.n)));
        }
    }
    let body = item.body();
    let taken = match header.kind {
        ItemKind::DIRECTORY => PublishedDirectory::read(body).and_then(|body| {
            let content = body.unpack()?;
            Ok(Told::Directory(body, content))
        }),
        ItemKind::GRANT => SeriesGrant::read(body).map(Told::Grant),
        ItemKind::RELEASE => Refused::read(body).map(Told::Refused),
        ItemKind::WITHDRAWAL => Withdrawal::read(body).map(Told::Withdrawal),
        _ => Ok(Told::Nothing),
    };
    match taken {
        Ok(Told::Directory(body, content)) => tx.store_directory(&DirectoryVersion {
            version: body.version,
            item: header.n,
            hash: body.hash,
            effective_at: body.effective_at,
            signed_at: header.at,
            body: content,
        }),
        Ok(Told::Grant(grant)) if grant.machine == tx.identity().machine => tx.grant_series(&grant.series),
        Ok(Told::Refused(refused)) if refused.machine == tx.identity().machine => take_refusal(tx, &refused),
        Ok(Told::Withdrawal(withdrawal)) if withdrawal.machine == tx.identity().machine => {
            tx.withdraw_series(&withdrawal.series)
        }
        Ok(Told::Grant(_) | Told::Refused(_) | Told::Withdrawal(_) | Told::Nothing) => Ok(()),
        // Kept and passed over: the rest goes on, and a person is told that this program is too old for it.
        Err(BodyError::Newer(_)) => {
            tx.set_condition(NEWER_ITEM, &header.n.to_string(), &[("n", header.n.to_string())])
        }
        Err(error @ BodyError::Damaged) => Err(StoreError::Corrupt { what: error.to_string() }),
    }?;
    Ok(true)
}

/// Takes refusals that came before what they refuse: a disk that was put back gets the province's word first, and its own
/// entries behind it. For when all of them are here.
///
/// # Errors
/// Only when the store fails.
fn take_refusals(tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
    if !tx.has_own_quarantined()? {
        return Ok(());
    }
    refusals(tx, tx.identity().machine)?.iter().try_for_each(|refused| take_refusal(tx, refused))
}

/// What the province has refused of this machine. An item of a newer form was told when it came.
fn refusals(view: &View<'_>, machine: NodeId) -> Result<Vec<Refused>, StoreError> {
    let items = view.items_of_kind(ItemKind::RELEASE.0)?;
    let read = |kept: &StoredItem| {
        Item::from_bytes(&kept.bytes).ok().and_then(|item| Refused::read(item.body()).ok())
    };
    Ok(items.iter().filter_map(read).filter(|refused| refused.machine == machine).collect())
}

/// Writes work again that came back behind what it builds on, when that does not count any more.
fn write_stranded_again(tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
    if !tx.has_stranded()? {
        return Ok(());
    }
    let mut whys = BTreeMap::new();
    for refused in refusals(tx, tx.identity().machine)? {
        whys.extend(refused.entries.iter().map(|entry| (entry.hash, refused.why.clone())));
    }
    tx.write_stranded_again(&whys)
}

fn take_refusal(tx: &mut WriteTx<'_>, refused: &Refused) -> Result<(), StoreError> {
    let entries: Vec<_> = refused.entries.iter().map(|entry| (entry.log, entry.lsn, entry.hash)).collect();
    tx.take_refusal(&entries, &refused.why)
}

/// What an item says to this machine.
enum Told {
    Directory(PublishedDirectory, Vec<u8>),
    Grant(SeriesGrant),
    Refused(Refused),
    Withdrawal(Withdrawal),
    Nothing,
}

impl NodeStore for NodeSide {
    type Error = StoreError;

    fn heads(&mut self, after: Option<BootId>) -> Result<(Vec<LogHead>, bool), StoreError> {
        let mut heads: Vec<LogHead> = self.store.read(|view| view.own_logs())?.iter().map(head_of).collect();
        heads.sort_unstable_by_key(|head| head.boot);
        heads.retain(|head| after.is_none_or(|after| head.boot > after));
        let is_last = heads.len() <= HEADS_PER_FRAME_MAX;
        heads.truncate(HEADS_PER_FRAME_MAX);
        Ok((heads, is_last))
    }

    fn log(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, Option<SignedHead>), StoreError> {
        let before = self.page_end.filter(|head| head.boot == boot && head.lsn == after_lsn);
        let (entries, head) = self.store.read(|view| {
            let mut entries = view.entries_after(boot, after_lsn, bytes_max)?;
            entries.truncate(entries_max.max(1));
            let Some(last) = entries.last().map(|entry| entry.lsn) else { return Ok((entries, None)) };
            let chain = match (view.log_head(boot)?.filter(|head| head.lsn == last), before) {
                (Some(whole), _) => Some(whole.chain),
                (None, Some(before)) => {
                    Some(entries.iter().fold(before.chain, |chain, entry| chain_next(chain, entry.link())))
                }
                (None, None) => view.chain_at(boot, last)?,
            };
            Ok((entries, chain.map(|chain| LogHead { boot, lsn: last, chain })))
        })?;
        self.page_end = head;
        let keys = self.identity.keys();
        let signed =
            head.map(|head| SignedHead::sign_with(head, self.identity.province(), |bytes| keys.sign(bytes)));
        Ok((entries, signed))
    }

    fn store_items(&mut self, items: Vec<Item>) -> Result<(), StoreError> {
        self.store.write(move |tx| items.iter().try_for_each(|item| take_item(tx, item).map(|_is_new| ())))
    }

    fn items(
        &mut self,
        held: &[ItemsHead],
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, StoreError> {
        self.store.write(|tx| tx.set_condition(PROVINCE_BEHIND, "", &[]))?;
        self.store.read(|view| {
            let mut beyond = Hash([0; 32]);
            for head in held {
                if view.has_item(head.n, head.hash)? {
                    beyond = head.hash;
                    break;
                }
            }
            // The province takes the one that the hello named for the last. Another session may have brought newer ones.
            placed(view.items_beyond_ending_with(self.told_item, beyond, after_place, bytes_max)?)
        })
    }

    fn store_proofs(&mut self, proofs: Vec<Proof>) -> Result<(), StoreError> {
        self.store
            .write(move |tx| proofs.iter().try_for_each(|proof| tx.store_proof(&stored_proof(proof), &[])))
    }

    fn begin_feed(&mut self, feed: FeedId) -> Result<(), StoreError> {
        self.store.write(move |tx| tx.begin_feed(feed).map(|_head| ()))
    }

    fn store_feed(&mut self, feed: Feed) -> Result<u64, StoreError> {
        let end_digest = feed.end_digest;
        let batch = FeedBatch {
            feed: feed.feed,
            after: feed.first_position.saturating_sub(1),
            pieces: feed.runs.into_iter().flat_map(pieces_of).collect(),
        };
        self.store.write(move |tx| match tx.store_feed(&batch)? {
            FeedStored::Stored { head, .. } => {
                if head.digest != end_digest {
                    let position = head.position.to_string();
                    tx.set_condition(DIGEST_DIFFERS, "", &[("position", position)])?;
                }
                Ok(head.position)
            }
            FeedStored::NotNext { head } => Ok(head.map_or(0, |head| head.position)),
            FeedStored::Differs { head } => {
                // The next hello shows it to the province, which begins the feed anew.
                let position = head.map_or(0, |head| head.position);
                tx.set_condition(DIGEST_DIFFERS, "", &[("position", position.to_string())])?;
                Ok(position)
            }
            FeedStored::MissingOwn { log, first, .. } => {
                Err(StoreError::Bug(format!("own entries from {first} of {log} were named and are not here")))
            }
            FeedStored::Forked { log, lsn } => {
                tx.set_condition(conditions::FORKED_LOG, &log.to_string(), &[("lsn", lsn.to_string())])?;
                Ok(batch.after)
            }
        })
    }

    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<(), StoreError> {
        self.store.write(move |tx| {
            runs.iter().try_for_each(|run| tx.ingest(run.entries(), &Origin::Returned).map(|_ingested| ()))
        })
    }

    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: Option<&[Range]>,
    ) -> Result<Option<Compared>, StoreError> {
        self.store.read(|view| Compared::over(comparison, theirs, &mut Foreign(view)))
    }

    fn aside(
        &mut self,
        after_place: u64,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, u64), StoreError> {
        let page = self.store.read(|view| view.entries_in_no_feed(after_place, bytes_max, entries_max))?;
        if page.0.is_empty() {
            self.store.write(|tx| tx.note_given_back())?;
        }
        Ok(page)
    }

    fn cut(&mut self) -> Result<CutFacts, StoreError> {
        if self.store.read(|view| view.has_open_fork())? {
            // All that the province has for this machine is here.
            self.store.write(|tx| tx.settle_forks(false))?;
        }
        // A transaction of its own only where there is something to do.
        if self.store.read(|view| Ok(view.has_own_quarantined()? || view.has_stranded()?))? {
            self.store.write(|tx| {
                take_refusals(tx)?;
                write_stranded_again(tx)
            })?;
        }
        let province = self.identity.province();
        let (facts, claimed) = self.store.read(|view| {
            let logs = view.own_logs()?;
            let heads: Vec<LogHead> = logs.iter().map(head_of).collect();
            let facts = CutFacts {
                feed: feed_head(view, self.identity.seat())?,
                logs: LogsSummary::of(province, &heads),
                current: current_head(&logs),
                waiting: view.waiting_entries()?,
                items: items_head(view)?,
            };
            Ok((facts, logs.iter().map(|log| (log.boot, log.lsn)).collect()))
        })?;
        self.claimed = claimed;
        Ok(facts)
    }

    fn store_proof(&mut self, proof: Proof, _is_renewal: bool) -> Result<(), StoreError> {
        let claimed = self.claimed.clone();
        self.store.write(move |tx| keep_proof(tx, &proof, &claimed, Came::Line))
    }

    fn acked(&mut self, logs: &[LogAck], counts: Option<StoredCounts>) -> Result<(), StoreError> {
        let logs = logs.to_vec();
        // Without counts it is what the province holds, said at the beginning: it may be less than it once had.
        let is_standing = counts.is_none();
        self.store.write(move |tx| {
            for ack in &logs {
                let held = tx.log_head(ack.boot)?.map_or(0, |head| head.acked_lsn.max(head.proved_lsn));
                if is_standing && held > ack.lsn {
                    tx.take_back_acked(ack.boot, ack.lsn)?;
                    tx.set_condition(PROVINCE_BEHIND, "", &[])?;
                }
                tx.set_acked(ack.boot, ack.lsn)?;
            }
            Ok(())
        })
    }

    fn forked(&mut self, logs: &[LogAck]) -> Result<(), StoreError> {
        let (logs, greeted) = (logs.to_vec(), self.greeted.clone());
        self.store.write(move |tx| {
            for log in logs {
                // A bundle beside this session may have brought the province's history since the hello: what is said of
                // the other one is over.
                let is_as_greeted = match greeted.iter().find(|head| head.boot == log.boot) {
                    Some(head) => tx.chain_at(head.boot, head.lsn)? == Some(head.chain),
                    None => true,
                };
                if is_as_greeted {
                    tx.note_fork(log.boot, log.lsn)?;
                }
            }
            Ok(())
        })
    }
}

/// Keeps a proof, whichever way it came: both hold the same, so what told otherwise is over, and what waited until all
/// was here is done. `covered` is what it states of the own logs.
///
/// # Errors
/// Only when the store fails.
pub(crate) fn keep_proof(
    tx: &mut WriteTx<'_>,
    proof: &Proof,
    covered: &[(BootId, Lsn)],
    came: Came,
) -> Result<(), StoreError> {
    [DIGEST_DIFFERS, PROVINCE_BEHIND, BUNDLE_GAP].iter().try_for_each(|code| tx.clear_condition(code, ""))?;
    if proof.content().counts.waiting == 0 {
        for told in tx.conditions()?.iter().filter(|told| told.code == conditions::OTHERS_FORKED) {
            tx.clear_condition(conditions::OTHERS_FORKED, &told.subject)?;
        }
    }
    tx.store_proof(&stored_proof(proof), covered)?;
    match came {
        Came::Line => tx.settle_forks(true)?,
        Came::Stick => tx.settle_forks_by_stick(covered)?,
    }
    // What waits at the province is in no feed yet, so it may still come back.
    if proof.content().counts.waiting == 0 {
        tx.end_rollback()?;
    }
    take_refusals(tx)?;
    write_stranded_again(tx)
}

/// Which way a proof came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It answers a cut of this moment.
    Line,
    /// It states what was so when a bundle was written.
    Stick,
}

/// What is here of others, for comparing.
struct Foreign<'a>(&'a View<'a>);

impl Members for Foreign<'_> {
    type Error = StoreError;

    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), StoreError> {
        self.0.visit_foreign(from, to, each)
    }
}

fn pieces_of(run: FeedRun) -> Vec<FeedPiece> {
    match run {
        FeedRun::Bytes(run) => run.into_entries().into_iter().map(FeedPiece::Entry).collect(),
        FeedRun::Own { log, first_lsn, count } => {
            vec![FeedPiece::OwnRun {
                log,
                first: first_lsn,
                last: first_lsn.saturating_add(count).saturating_sub(1),
            }]
        }
    }
}
