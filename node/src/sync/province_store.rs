//! A province's session over the real store, for one machine of one seat.

use std::sync::Arc;

use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::Lsn;
use sync_protocol::entry::chain_start;
use sync_protocol::frame::ByeCode;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;
use sync_protocol::item::Item;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::proof::ProofState;
use sync_protocol::run::ChangeRun;
use sync_protocol::session::province::FeedEntry;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProofClaim;
use sync_protocol::session::province::ProofRequest;
use sync_protocol::session::province::ProvinceFacts;

use crate::identity::MachineIdentity;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::View;
use crate::store::apply::Origin;
use crate::store::apply::seat_rights;
use crate::store::conditions::FORKED_LOG;
use crate::store::conditions::TWO_HISTORIES;
use crate::store::feeds::FeedLimits;
use crate::store::feeds::FeedRow;
use crate::sync::driver::ProvinceStore;
use crate::sync::driver::Stored;
use crate::sync::node_store::head_of;
use crate::sync::node_store::items_head;
use crate::sync::node_store::last_proof;
use crate::sync::node_store::read_proof;
use crate::sync::node_store::stored_proof;

/// Standing condition: a machine sent entries of a log that is not its own; they were not kept. The subject is the
/// machine.
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

/// The store as a province's session with one machine sees it.
#[derive(Debug)]
pub struct ProvinceSide {
    quota: Quota,
    store: Arc<Store>,
    identity: Arc<MachineIdentity>,
    machine: NodeId,
    seat: AgencyCode,
}

impl ProvinceSide {
    /// A session's view of the province's store; machine and seat are those of the peer's certificate.
    #[must_use]
    pub fn new(store: Arc<Store>, identity: Arc<MachineIdentity>, machine: NodeId, seat: AgencyCode) -> Self {
        Self { quota: Quota::default(), store, identity, machine, seat }
    }

    /// The same with another quota.
    #[must_use]
    pub const fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
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
        let Some(known) = self.store.read(|view| view.machine(self.machine))? else {
            return Ok(Err(ByeCode::UnknownMachine));
        };
        if known.banned_at.is_some() {
            return Ok(Err(ByeCode::Banned));
        }
        let (machine, seat) = (self.machine, self.seat.clone());
        let has_no_feed = hello.feed.id.is_none();
        self.store.write(move |tx| {
            if has_no_feed {
                tx.feed_for_newcomer(&seat, machine)?
            } else {
                tx.open_feed(&seat)?
            };
            tx.touch_machine(machine)
        })?;
        self.store.read(|view| self.compare(view, hello)).map(Ok)
    }

    fn check_heads(&mut self, heads: &[LogHead]) -> Result<Vec<LogFacts>, StoreError> {
        self.store.read(|view| {
            let here: Vec<LogHead> = view.logs_of(self.machine)?.iter().map(head_of).collect();
            log_facts(view, &here, heads)
        })
    }

    fn make_proof(&mut self, request: &ProofRequest) -> Result<Result<Proof, NotEqual>, StoreError> {
        let this = Self {
            quota: self.quota,
            store: Arc::clone(&self.store),
            identity: Arc::clone(&self.identity),
            machine: self.machine,
            seat: self.seat.clone(),
        };
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
            let last = tx.last_proof(this.machine)?.map(|stored| read_proof(&stored)).transpose()?;
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
            Ok(Ok(proof))
        })
    }

    fn items(&mut self, after_n: u64, bytes_max: usize) -> Result<Vec<Item>, StoreError> {
        let stored = self.store.read(|view| view.items_after(after_n, bytes_max))?;
        stored
            .iter()
            .map(|item| {
                Item::from_bytes(&item.bytes)
                    .map_err(|_| StoreError::Corrupt { what: format!("item {}", item.n) })
            })
            .collect()
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
        holds: &dyn Fn(BootId, Lsn) -> bool,
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
        let (machine, seat, quota) = (self.machine, self.seat.clone(), self.quota);
        let stored = self.store.write(move |tx| {
            let mut is_kept = false;
            let rights = seat_rights([seat.clone()].into(), false);
            let origin = Origin::Node { machine, seat: &seat, rights: &rights };
            let mut acks = Vec::with_capacity(runs.len());
            let mut is_forked = false;
            for run in runs {
                let signed = run.head();
                let boot = signed.head.boot;
                let done = tx.ingest(run.run.entries(), &origin)?;
                is_forked |= !done.forked.is_empty();
                is_kept |= done.waiting + done.quarantined + done.refused > 0;
                for (log, lsn) in done.forked {
                    tx.set_condition(FORKED_LOG, &log.to_string(), &[("lsn", lsn.to_string())])?;
                }
                if !done.foreign.is_empty() {
                    let count = done.foreign.len().to_string();
                    tx.set_condition(FOREIGN_LOG, &machine.to_string(), &[("logs", count)])?;
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
            // Two copies of one machine push at once. What was stored stays; nothing is acknowledged, and the next
            // hello shows this one where its history parts.
            return Err(Refusal::new("log-forked-meanwhile").into());
        }
        Ok(Ok(stored))
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

/// A signed head as it is kept: position, chain and signature, each of fixed length.
fn evidence(signed: &SignedHead) -> Vec<u8> {
    [&signed.head.lsn.to_be_bytes()[..], signed.head.chain.as_bytes(), &signed.signature.0].concat()
}
