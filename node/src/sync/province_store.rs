//! A province's session over the real store, for one machine of one seat.

use std::sync::Arc;

use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::Lsn;
use sync_protocol::entry::chain_start;
use sync_protocol::frame::ByeCode;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::item::PlacedItem;
use sync_protocol::limits::BATCH_RAW_BYTES;
use sync_protocol::limits::ITEM_PARENTS_MAX;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::proof::ProofState;
use sync_protocol::range::Compared;
use sync_protocol::range::Comparison;
use sync_protocol::range::Member;
use sync_protocol::range::Members;
use sync_protocol::range::Place;
use sync_protocol::range::Range;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::session::province::FeedEntry;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProofClaim;
use sync_protocol::session::province::ProofRequest;
use sync_protocol::session::province::ProvinceFacts;

use crate::identity::MachineIdentity;
use crate::ids::AgencyCode;
use crate::provincial::BODY_VERSION;
use crate::provincial::Ban;
use crate::provincial::Join;
use crate::provincial::PublishedDirectory;
use crate::provincial::SeriesGrant;
use crate::provincial::Withdrawal;
use crate::provincial::to_bytes;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::View;
use crate::store::WriteTx;
use crate::store::apply::Origin;
use crate::store::apply::seat_rights;
use crate::store::conditions::FORKED_LOG;
use crate::store::conditions::SEAT_SHARED;
use crate::store::conditions::TWO_HISTORIES;
use crate::store::feeds::FeedLimits;
use crate::store::feeds::FeedRow;
use crate::store::restored::GrantAdopted;
use crate::store::returned::ReturnedKept;
use crate::sync::driver::ProvinceStore;
use crate::sync::driver::Stored;
use crate::sync::node_store::head_of;
use crate::sync::node_store::items_head;
use crate::sync::node_store::last_proof;
use crate::sync::node_store::placed_items;
use crate::sync::node_store::read_proof;
use crate::sync::node_store::stored_proof;
use crate::sync::node_store::take_item;

/// Standing condition: a machine sent entries of a log that is not its own; they were not kept. The subject is the
/// machine. Arg `log`, the last such log.
pub const FOREIGN_LOG: &str = "foreign-log";

/// Standing condition: so much of a machine's work is kept and not applied that no more is taken of what cannot be applied.
/// The subject is the machine. Arg `seat`.
pub const MACHINE_FULL: &str = "machine-full";
/// Why a batch was not stored; never shown to a person.
const FULL: &str = "sync-bye-full";

/// What the province keeps of one machine without applying it: waiting, quarantined and refused entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// At most so many entries.
    pub entries_max: u64,
    /// At most so many bytes of their bodies.
    pub size_bytes_max: u64,
}

impl Default for Quota {
    /// Four times the worst outage of an office (design: 25,000 changes of 1.3 kB), so that no honest one meets it.
    fn default() -> Self {
        Self { entries_max: 100_000, size_bytes_max: 256 * 1024 * 1024 }
    }
}
/// Standing condition at the province: there is no free number series for a machine that has none left. Arg `wanted`.
pub const BLOCK_EMPTY: &str = "number-block-empty";
/// Standing condition at the province: two directory versions bore one number; the newer one was published again. Arg
/// `version`.
pub const DIRECTORY_TWICE: &str = "directory-twice";

/// Gives a machine what it needs to go on numbering, inside the job that learned it. With what it says it has left.
pub type Refill = dyn Fn(&mut WriteTx<'_>, NodeId, Option<u32>) -> Result<(), StoreError> + Send + Sync;

/// The store as a province's session with one machine sees it.
#[derive(Clone)]
pub struct ProvinceSide {
    quota: Quota,
    store: Arc<Store>,
    identity: Arc<MachineIdentity>,
    machine: NodeId,
    seat: AgencyCode,
    certificate: Option<Vec<u8>>,
    refill: Option<Arc<Refill>>,
}

impl std::fmt::Debug for ProvinceSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvinceSide")
            .field("machine", &self.machine)
            .field("seat", &self.seat)
            .finish_non_exhaustive()
    }
}

impl ProvinceSide {
    /// A session's view of the province's store; machine and seat are those of the peer's certificate.
    #[must_use]
    pub fn new(store: Arc<Store>, identity: Arc<MachineIdentity>, machine: NodeId, seat: AgencyCode) -> Self {
        Self { quota: Quota::default(), store, identity, machine, seat, certificate: None, refill: None }
    }

    /// The same with another quota.
    #[must_use]
    pub const fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The machine's seat.
    #[must_use]
    pub const fn seat(&self) -> &AgencyCode {
        &self.seat
    }

    /// The certificate by which the machine is known: with it, one that this province enrolled and lost from its list
    /// is served. It has been checked.
    #[must_use]
    pub fn with_certificate(self, certificate: Vec<u8>) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// What gives the machine further number series, asked at its hello and with every batch of its entries.
    #[must_use]
    pub fn with_refill(self, refill: Arc<Refill>) -> Self {
        Self { refill: Some(refill), ..self }
    }

    /// Takes the machine in, or says why not; and notes what its hello shows of a restore of this province.
    fn welcome(&self, tx: &mut WriteTx<'_>, hello: &Hello) -> Result<Option<ByeCode>, StoreError> {
        if tx.is_banned(self.machine)? {
            return Ok(Some(ByeCode::Banned));
        }
        if !self.take_into_list(tx)? {
            return Ok(Some(ByeCode::UnknownMachine));
        }
        if hello.feed.id.is_none() {
            tx.feed_for_newcomer(&self.seat, self.machine)?;
        } else {
            tx.open_feed(&self.seat)?;
        }
        self.note_lost(tx, hello)?;
        tx.touch_machine(self.machine)?;
        // One that lacks items may be told of a grant already.
        if items_head(tx)? == hello.items {
            self.refill(tx, hello.series_left)?;
        }
        Ok(None)
    }

    /// Puts the machine into the list again when it is not there: its certificate shows that it was enrolled in a time
    /// that was lost. Tells when its seat then has several. Whether it is in the list.
    ///
    /// # Errors
    /// Only when the store fails.
    pub(crate) fn take_into_list(&self, tx: &mut WriteTx<'_>) -> Result<bool, StoreError> {
        match (&self.certificate, tx.machine(self.machine)?) {
            (_, Some(_)) => {}
            (Some(certificate), None) => tx.readmit_machine(self.machine, &self.seat, certificate)?,
            (None, None) => return Ok(false),
        }
        match tx.machines_of(&self.seat)? {
            0 | 1 => tx.clear_condition(SEAT_SHARED, self.seat.as_str())?,
            count => {
                let args = [("seat", self.seat.to_string()), ("count", count.to_string())];
                tx.set_condition(SEAT_SHARED, self.seat.as_str(), &args)?;
            }
        }
        Ok(true)
    }

    /// What a hello shows of a restore of this province. A feed of which the machine holds other rows than are here goes
    /// on under another id, so that the machine begins it anew.
    ///
    /// # Errors
    /// Only when the store fails.
    pub(crate) fn note_lost(&self, tx: &mut WriteTx<'_>, hello: &Hello) -> Result<(), StoreError> {
        let proof_n = tx.last_proof(self.machine)?.map_or(0, |proof| proof.number);
        let is_feed_lost = self.is_feed_lost(tx, hello)?;
        let is_ahead = is_feed_lost
            || hello.last_proof.is_some_and(|told| told.n > proof_n)
            || !is_item_here(tx, hello.items)?;
        if is_ahead {
            tx.note_restored()?;
        }
        if is_feed_lost {
            tx.renew_feed(&self.seat)?;
        }
        Ok(())
    }

    /// Whether the machine holds rows of its seat's feed that are not here, or others than are here.
    fn is_feed_lost(&self, tx: &WriteTx<'_>, hello: &Hello) -> Result<bool, StoreError> {
        let here = self.feed_head(tx)?;
        if here.id != hello.feed.id {
            return Ok(false); // it begins anew anyway
        }
        Ok(tx.feed_digest_at(&self.seat, hello.feed.position)? != Some(hello.feed.digest))
    }

    /// What cannot be given stops no session: whoever wants a number is told.
    fn refill(&self, tx: &mut WriteTx<'_>, told: Option<u32>) -> Result<(), StoreError> {
        let Some(refill) = &self.refill else { return Ok(()) };
        match tx.nested(|tx| refill(tx, self.machine, told))? {
            Ok(()) => tx.clear_condition(BLOCK_EMPTY, ""),
            Err(StoreError::Refused(refusal)) => {
                tracing::warn!(why = %refusal.code, "a machine's number series could not be refilled");
                tx.set_condition(BLOCK_EMPTY, "", &[("wanted", "1".to_owned())])
            }
            Err(error) => Err(error),
        }
    }

    /// Where everything stands beside a hello.
    fn compare(&self, view: &View<'_>, hello: &Hello) -> Result<ProvinceFacts, StoreError> {
        let province = self.identity.province();
        let heads: Vec<LogHead> = view.logs_of(self.machine)?.iter().map(head_of).collect();
        let logs = log_facts(view, &heads, &hello.logs)?;
        let older: Vec<LogHead> = heads
            .into_iter()
            .filter(|head| !hello.logs.iter().any(|named| named.boot == head.boot))
            .collect();
        let is_older_equal = LogsSummary::of(province, &older) == hello.older;
        Ok(ProvinceFacts {
            logs,
            is_older_equal,
            older,
            feed: self.feed_head(view)?,
            items: items_head(view)?,
            wants_items: if is_item_here(view, hello.items)? { None } else { Some(landmarks(view)?) },
            last_proof: last_proof(view, self.machine)?.map(|proof| proof.head()),
        })
    }

    fn feed_head(&self, view: &View<'_>) -> Result<FeedHead, StoreError> {
        let head = view.feed_head(&self.seat)?;
        let head = head.ok_or_else(|| StoreError::Bug("a served seat has no feed".to_owned()))?;
        Ok(FeedHead { id: Some(head.feed), position: head.position, digest: head.digest })
    }
}

/// How each log the node names stands here.
fn log_facts(view: &View<'_>, heads: &[LogHead], named: &[LogHead]) -> Result<Vec<LogFacts>, StoreError> {
    named
        .iter()
        .map(|there| {
            let unknown = LogHead { boot: there.boot, lsn: 0, chain: chain_start(there.boot) };
            let here = heads.iter().find(|head| head.boot == there.boot).copied().unwrap_or(unknown);
            let chain_there = if there.lsn < here.lsn { view.chain_at(there.boot, there.lsn)? } else { None };
            Ok(LogFacts::compare(there, here, |_lsn| chain_there))
        })
        .collect()
}

impl ProvinceStore for ProvinceSide {
    type Error = StoreError;

    fn facts(&mut self, hello: &Hello) -> Result<Result<ProvinceFacts, ByeCode>, StoreError> {
        let (this, told) = (self.clone(), hello.clone());
        match self.store.write(move |tx| this.welcome(tx, &told))? {
            Some(code) => Ok(Err(code)),
            None => self.store.read(|view| self.compare(view, hello)).map(Ok),
        }
    }

    fn check_heads(&mut self, heads: &[LogHead]) -> Result<Vec<LogFacts>, StoreError> {
        self.store.read(|view| {
            let here: Vec<LogHead> = view.logs_of(self.machine)?.iter().map(head_of).collect();
            log_facts(view, &here, heads)
        })
    }

    fn make_proof(&mut self, request: &ProofRequest) -> Result<Result<Proof, NotEqual>, StoreError> {
        let this = self.clone();
        let request = request.clone();
        self.store.write(move |tx| {
            let province = this.identity.province();
            let heads: Vec<LogHead> = tx.logs_of(this.machine)?.iter().map(head_of).collect();
            let logs = LogsSummary::of(province, &heads);
            let feed = this.feed_head(tx)?;
            let items = items_head(tx)?;
            let verdict = match &request.claim {
                ProofClaim::Hello(hello) => {
                    if this.compare(tx, hello)?.is_even_with(hello) {
                        Ok(())
                    } else {
                        Err(NotEqual::Differs)
                    }
                }
                ProofClaim::Cut(cut) => cut.compare(&feed, &logs, &items),
            };
            if let Err(not_equal) = verdict {
                return Ok(Err(not_equal));
            }
            let counts = tx.entry_counts(this.machine)?;
            let last = last_proof(tx, this.machine)?;
            let state = ProofState {
                province,
                machine: this.machine,
                feed: feed.id.ok_or_else(|| StoreError::Bug("a feed without id".to_owned()))?,
                position: feed.position,
                digest: feed.digest,
                logs,
                counts: EntryCounts {
                    applied: counts.applied,
                    waiting: counts.waiting,
                    quarantined: counts.quarantined,
                    refused: counts.refused,
                },
                items_n: items.n,
            };
            let boot = tx.ensure_boot()?;
            let content = ProofContent::next(&state, last.as_ref(), request.told, boot);
            let proof = Proof::sign_with(content, tx.now(), |bytes| this.identity.keys().sign(bytes));
            let covered: Vec<_> = heads.iter().map(|head| (head.boot, head.lsn)).collect();
            tx.store_proof(&stored_proof(&proof), &covered)?;
            tx.note_even(this.machine)?;
            Ok(Ok(proof))
        })
    }

    fn items(
        &mut self,
        beyond: ItemsHead,
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, StoreError> {
        self.store.read(|view| placed_items(view, beyond.hash, after_place, bytes_max))
    }

    fn adopt_items(&mut self, items: Vec<Item>, is_last: bool) -> Result<u64, StoreError> {
        let identity = Arc::clone(&self.identity);
        self.store.write(move |tx| {
            tx.note_restored()?;
            for item in &items {
                adopt_item(tx, &identity, item)?;
            }
            if let Some(last) = items.last().filter(|_| is_last) {
                join(tx, &identity, last)?;
            }
            Ok(tx.item_head()?.n)
        })
    }

    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: &[Range],
        upto: u64,
    ) -> Result<Option<Compared>, StoreError> {
        self.store.read(|view| {
            let mut feed = OfFeed { view, seat: &self.seat, machine: self.machine, upto };
            Compared::over(comparison, Some(theirs), &mut feed)
        })
    }

    fn renew_feed(&mut self) -> Result<FeedHead, StoreError> {
        let this = self.clone();
        self.store.write(move |tx| {
            tx.renew_feed(&this.seat)?;
            this.feed_head(tx)
        })
    }

    fn proofs(&mut self, after_n: u64, proofs_max: usize) -> Result<Vec<Proof>, StoreError> {
        let stored = self.store.read(|view| view.proofs_after(self.machine, after_n))?;
        stored.iter().take(proofs_max).map(read_proof).collect()
    }

    fn feed(
        &mut self,
        after_position: u64,
        bytes_max: usize,
        entries_max: usize,
        holds: &dyn Fn(u64, BootId, Lsn) -> bool,
    ) -> Result<(Vec<FeedEntry>, Digest, u64), StoreError> {
        let limits = FeedLimits { bytes_max, entries_max, holds };
        let page = self.store.read(|view| view.feed_after(&self.seat, after_position, &limits))?;
        let damaged = || StoreError::Corrupt { what: format!("feed position {after_position}") };
        let page = page.ok_or_else(damaged)?;
        let entry = |row: FeedRow| FeedEntry { position: row.position, entry: row.entry };
        Ok((page.rows.into_iter().map(entry).collect(), page.end_digest, page.head.position))
    }

    fn aside(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.store.read(|view| view.entries_outside_feed(&self.seat, boot, after_lsn, bytes_max, entries_max))
    }

    fn store_changes(&mut self, runs: Vec<ChangeRun>) -> Result<Result<Stored, ByeCode>, StoreError> {
        let (machine, seat, quota, this) = (self.machine, self.seat.clone(), self.quota, self.clone());
        let stored = self.store.write(move |tx| {
            let mut is_kept = false;
            let rights = seat_rights([seat.clone()].into(), false);
            let origin = Origin::Node { machine, seat: &seat, rights: &rights };
            let mut acks = Vec::with_capacity(runs.len());
            let mut is_forked = false;
            for run in runs {
                let signed = run.head();
                let boot = signed.head.boot;
                if !continues(tx, machine, &run)? {
                    is_forked = true;
                    let lsn = run.run.first_lsn().to_string();
                    tx.set_condition(FORKED_LOG, &boot.to_string(), &[("lsn", lsn)])?;
                    continue;
                }
                let done = tx.ingest(run.run.entries(), &origin)?;
                is_forked |= !done.forked.is_empty();
                is_kept |= done.waiting + done.quarantined + done.refused > 0;
                for (log, lsn) in done.forked {
                    tx.set_condition(FORKED_LOG, &log.to_string(), &[("lsn", lsn.to_string())])?;
                }
                if !done.foreign.is_empty() {
                    tx.set_condition(FOREIGN_LOG, &machine.to_string(), &[("log", boot.to_string())])?;
                    acks.push(LogAck { boot, lsn: 0 });
                    continue;
                }
                // The machine's own word on its chain, for evidence years later.
                tx.put_meta(&format!("signed-head-{boot}"), &evidence(&signed))?;
                let lsn = tx.log_head(boot)?.map_or(0, |head| head.lsn);
                acks.push(LogAck { boot, lsn });
            }
            if is_kept {
                let kept = tx.kept_of(machine)?;
                if kept.entries > quota.entries_max || kept.size_bytes > quota.size_bytes_max {
                    return Err(Refusal::new(FULL).with("entries", kept.entries).into());
                }
            }
            tx.clear_condition(MACHINE_FULL, &machine.to_string())?;
            match tx.open_histories(machine)? {
                0 | 1 => tx.clear_condition(TWO_HISTORIES, &machine.to_string())?,
                count => {
                    let args = [("count", count.to_string()), ("seat", seat.to_string())];
                    tx.set_condition(TWO_HISTORIES, &machine.to_string(), &args)?;
                }
            }
            tx.settle_returned()?;
            this.refill(tx, None)?;
            let counts = tx.entry_counts(machine)?;
            let counts = StoredCounts {
                waiting: counts.waiting,
                quarantined: counts.quarantined,
                refused: counts.refused,
            };
            let position = tx.feed_head(&seat)?.map_or(0, |head| head.position);
            Ok(((acks, counts, position), is_forked))
        });
        let (stored, is_forked) = match stored {
            Ok(stored) => stored,
            Err(StoreError::Refused(refusal)) if refusal.code == FULL => {
                let seat = self.seat.to_string();
                self.store.write(move |tx| {
                    tx.set_condition(MACHINE_FULL, &machine.to_string(), &[("seat", seat)])
                })?;
                return Ok(Err(ByeCode::Full));
            }
            Err(error) => return Err(error),
        };
        if is_forked {
            // Two copies of one machine push at once. Nothing of the other history is stored or acknowledged, and the
            // next hello shows this one where its history parts.
            return Err(Refusal::new("log-forked-meanwhile").into());
        }
        Ok(Ok(stored))
    }

    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<Result<(), ByeCode>, StoreError> {
        let (machine, seat) = (self.machine, self.seat.to_string());
        self.store.write(move |tx| {
            for run in &runs {
                if tx.keep_returned(machine, run.entries())? == ReturnedKept::Full {
                    tx.set_condition(MACHINE_FULL, &machine.to_string(), &[("seat", seat)])?;
                    return Ok(Err(ByeCode::Full));
                }
            }
            Ok(Ok(()))
        })
    }

    fn feed_acked(&mut self, position: u64) -> Result<(), StoreError> {
        let machine = self.machine;
        self.store.write(move |tx| {
            tx.set_acked_position(machine, position)?;
            tx.touch_machine(machine)
        })
    }

    fn forked(&mut self, logs: &[BootId]) -> Result<(), StoreError> {
        let logs = logs.to_vec();
        self.store.write(move |tx| {
            logs.iter().try_for_each(|log| tx.set_condition(FORKED_LOG, &log.to_string(), &[]))
        })
    }
}

/// Whether a run is of the history of its log that is here. The session has checked it against what it brought before;
/// a copy of the machine may have brought something else meanwhile. A log of another machine is not this one's to continue,
/// and is judged for that.
fn continues(view: &View<'_>, machine: NodeId, run: &ChangeRun) -> Result<bool, StoreError> {
    let (boot, first) = (run.run.log(), run.run.first_lsn());
    let head = view.log_head(boot)?.filter(|head| head.machine == Some(machine));
    let Some(head) = head else { return Ok(true) };
    if head.lsn < first {
        // Right behind what is here, or behind a gap, which shows nothing yet.
        let after = |chain: Hash, one: &Entry| entry::chain_next(chain, one.link());
        let goes_on = || run.run.entries().iter().fold(head.chain, after) == run.chain;
        return Ok(head.lsn + 1 < first || goes_on());
    }
    // What both have must be the same.
    let Some(mut chain) = view.chain_at(boot, first.saturating_sub(1))? else { return Ok(true) };
    let common = head.lsn.min(run.run.last_lsn());
    for one in run.run.entries().iter().take_while(|one| one.lsn <= common) {
        chain = entry::chain_next(chain, one.link());
    }
    let here = if common == head.lsn { Some(head.chain) } else { view.chain_at(boot, common)? };
    Ok(here == Some(chain))
}

/// Whether a machine's newest item is known here; one that has none needs no knowing.
fn is_item_here(view: &View<'_>, head: ItemsHead) -> Result<bool, StoreError> {
    Ok(head.n == 0 || view.has_item(head.n, head.hash)?)
}

fn landmarks(view: &View<'_>) -> Result<Vec<ItemsHead>, StoreError> {
    Ok(view.item_landmarks()?.into_iter().map(|(n, hash)| ItemsHead { n, hash }).collect())
}

/// Adds an item to the province's chain.
pub(crate) fn append_item(
    tx: &mut WriteTx<'_>,
    identity: &MachineIdentity,
    kind: ItemKind,
    body: Vec<u8>,
) -> Result<(), StoreError> {
    let head = tx.item_head()?;
    let parents = head.hash.into_iter().collect();
    sign_item(tx, identity, head.n + 1, kind, parents, body)
}

fn sign_item(
    tx: &mut WriteTx<'_>,
    identity: &MachineIdentity,
    n: u64,
    kind: ItemKind,
    parents: Vec<Hash>,
    body: Vec<u8>,
) -> Result<(), StoreError> {
    let boot = tx.ensure_boot()?;
    let item = Item::sign_with(n, kind, parents, body, boot, tx.now(), |bytes| identity.keys().sign(bytes));
    take_item(tx, &item).map(|_is_new| ())
}

/// Takes up one item that this province signed and lost: it holds again, as it did.
fn adopt_item(tx: &mut WriteTx<'_>, identity: &MachineIdentity, item: &Item) -> Result<(), StoreError> {
    if !take_item(tx, item)? {
        return Ok(());
    }
    // What this program cannot read, it has passed over and told a person.
    match item.header().kind {
        ItemKind::GRANT => {
            let Ok(grant) = SeriesGrant::read(item.body()) else { return Ok(()) };
            for series in grant.series {
                if let GrantAdopted::TakenFrom(machine) = tx.adopt_grant(grant.machine, &series)? {
                    let body = Withdrawal { format: BODY_VERSION, machine, series: vec![series] };
                    append_item(tx, identity, ItemKind::WITHDRAWAL, to_bytes(&body))?;
                }
            }
            Ok(())
        }
        ItemKind::BAN => match Ban::read(item.body()) {
            Ok(ban) => tx.adopt_ban(ban.machine, &ban.why, ban.at),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Makes one chain of what was signed before the restore, which ends with `other` and whatever stands beside it, and what
/// was signed since. Both may have brought a directory version under one number: what was published last, after the
/// restore, is published once more under a number of its own, so that everybody uses the same.
fn join(tx: &mut WriteTx<'_>, identity: &MachineIdentity, other: &Item) -> Result<(), StoreError> {
    let head = tx.item_head()?;
    let mut ends = tx.unjoined_items(ITEM_PARENTS_MAX - 1)?;
    if !tx.is_joined(other.hash())? && !ends.iter().any(|(_, hash)| *hash == other.hash()) {
        ends.truncate(ITEM_PARENTS_MAX - 2);
        ends.push((other.header().n, other.hash()));
    }
    if ends.is_empty() {
        return Ok(());
    }
    let has_clash = has_directory_twice(tx, head.hash_or_zero())?;
    let n = ends.iter().map(|(n, _)| *n).fold(head.n, u64::max).saturating_add(1);
    let parents = head.hash.into_iter().chain(ends.into_iter().map(|(_, hash)| hash)).collect();
    sign_item(tx, identity, n, ItemKind::JOIN, parents, to_bytes(&Join { format: BODY_VERSION }))?;
    let newest = tx.newest_item_of_kind(ItemKind::DIRECTORY.0, head.n)?;
    let Some(newest) = newest.filter(|_| has_clash).and_then(|item| published(&item.bytes)) else {
        return Ok(());
    };
    let version = tx.newest_directory()?.map_or(1, |(version, _)| version + 1);
    append_item(tx, identity, ItemKind::DIRECTORY, to_bytes(&PublishedDirectory { version, ..newest }))?;
    tx.set_condition(DIRECTORY_TWICE, "", &[("version", version.to_string())])
}

/// Whether an item that does not come before `head` brings another directory version than is here under its number.
fn has_directory_twice(tx: &WriteTx<'_>, head: Hash) -> Result<bool, StoreError> {
    let mut place = 0;
    loop {
        let page = tx.items_beyond(head, place, BATCH_RAW_BYTES)?;
        let Some((last, _)) = page.last() else { return Ok(false) };
        place = *last;
        for (_, item) in page.iter().filter(|(_, item)| item.kind == ItemKind::DIRECTORY.0) {
            let Some(published) = published(&item.bytes) else { continue };
            let held = tx.directory(published.version)?;
            if held.is_some_and(|held| held.hash != published.hash) {
                return Ok(true);
            }
        }
    }
}

fn published(item: &[u8]) -> Option<PublishedDirectory> {
    Item::from_bytes(item).ok().and_then(|item| PublishedDirectory::read(item.body()).ok())
}

/// A seat's feed without what the machine wrote itself, for comparing.
struct OfFeed<'a> {
    view: &'a View<'a>,
    seat: &'a AgencyCode,
    machine: NodeId,
    upto: u64,
}

impl Members for OfFeed<'_> {
    type Error = StoreError;

    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), StoreError> {
        self.view.visit_feed(self.seat, self.upto, self.machine, (from, to), each)
    }
}

/// A signed head as it is kept: position, chain and signature, each of fixed length.
fn evidence(signed: &SignedHead) -> Vec<u8> {
    [&signed.head.lsn.to_be_bytes()[..], signed.head.chain.as_bytes(), &signed.signature.0].concat()
}
