//! Mistakes of ours, planted one at a time between the driver and the real stores or at the desk, to see that the
//! oracles find them. Nothing here runs unless a test asks for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use motcua_node::store::StoreError;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::driver::ProvinceStore;
use motcua_node::sync::driver::Stored;
use motcua_node::sync::node_store::NodeSide;
use motcua_node::sync::province_store::ProvinceSide;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::ByeCode;
use sync_protocol::frame::Feed;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::LogStatus;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::feed_key;
use sync_protocol::ids::BootId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::ProvinceFacts;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// What was sent is remembered at the node alone, and never sent again.
    CursorAtOneEnd,
    /// The number counter goes back with the database, because the witness lies beside it.
    CounterWithoutWitness,
    /// The province drops a batch now and then and acknowledges it.
    BatchDropped,
    /// The province takes nothing of a log behind an entry that it cannot read.
    PoisonBlocks,
    /// A node leaves an entry out and goes on to say the digest that it should have.
    DigestLies,
    /// The state of a dossier depends on the directory that the machine holds.
    FoldReadsDirectory,
    /// The history that comes into the feed of a new party lacks an entry; the digest agrees.
    JoinMisses,
    /// The province acknowledges first and commits with its next call.
    AckBeforeCommit,
    /// What the province does by itself about a suspect dossier is done twice.
    DoubledMark,
    /// A session without news costs more with every dossier.
    NoOpGrows,
    /// What was written for a stick counts as acknowledged.
    StickCountsAsSent,
    /// A node goes over items of kinds that it does not know.
    UnknownItemsDropped,
    /// Parts of a bundle are taken in before all of them were looked at.
    PartsTakenUnchecked,
    /// What an imaged machine writes again it writes under the name of the boot it had.
    ReissueKeepsBoot,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::CursorAtOneEnd,
        Self::CounterWithoutWitness,
        Self::BatchDropped,
        Self::PoisonBlocks,
        Self::DigestLies,
        Self::FoldReadsDirectory,
        Self::JoinMisses,
        Self::AckBeforeCommit,
        Self::DoubledMark,
        Self::NoOpGrows,
        Self::StickCountsAsSent,
        Self::UnknownItemsDropped,
        Self::PartsTakenUnchecked,
        Self::ReissueKeepsBoot,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CursorAtOneEnd => "cursor-at-one-end",
            Self::CounterWithoutWitness => "counter-without-witness",
            Self::BatchDropped => "batch-dropped",
            Self::PoisonBlocks => "poison-blocks",
            Self::DigestLies => "digest-lies",
            Self::FoldReadsDirectory => "fold-reads-directory",
            Self::JoinMisses => "join-misses",
            Self::AckBeforeCommit => "ack-before-commit",
            Self::DoubledMark => "doubled-mark",
            Self::NoOpGrows => "no-op-grows",
            Self::StickCountsAsSent => "stick-counts-as-sent",
            Self::UnknownItemsDropped => "unknown-items-dropped",
            Self::PartsTakenUnchecked => "parts-taken-unchecked",
            Self::ReissueKeepsBoot => "reissue-keeps-boot",
        }
    }
}

/// What a mistake remembers for as long as a world stands.
#[derive(Debug, Default)]
pub struct Memory {
    sent: BTreeMap<BootId, Lsn>,
    left_out: BTreeMap<NodeId, Vec<Hash>>,
    batches: u64,
}

/// A mistake in one session.
#[derive(Clone, Debug)]
pub struct Plant {
    /// Which.
    pub mistake: Mistake,
    node: NodeId,
    memory: Arc<Mutex<Memory>>,
    /// Acknowledged, and not stored yet.
    due: Arc<Mutex<Option<Vec<ChangeRun>>>>,
}

impl Plant {
    /// A mistake in a session of this machine.
    #[must_use]
    pub fn new(mistake: Mistake, node: NodeId, memory: &Arc<Mutex<Memory>>) -> Self {
        Self { mistake, node, memory: Arc::clone(memory), due: Arc::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the machine's logs stand at the province, as the province says it.
    #[must_use]
    pub fn said(&self, hello: &Hello, mut facts: ProvinceFacts) -> ProvinceFacts {
        let memory = self.memory();
        for (named, log) in hello.logs.iter().zip(&mut facts.logs) {
            let was_sent = memory.sent.get(&named.boot).is_some_and(|sent| *sent >= named.lsn);
            if self.mistake == Mistake::CursorAtOneEnd && was_sent {
                *log = LogFacts { here: *named, status: LogStatus::Known };
            }
        }
        facts
    }

    /// A log was sent up to here.
    pub fn sent(&self, boot: BootId, lsn: Lsn) {
        self.memory().sent.insert(boot, lsn);
    }

    /// The feed as the node says that it has it.
    #[must_use]
    pub fn claimed(&self, feed: FeedHead) -> FeedHead {
        let memory = self.memory();
        let Some(id) = feed.id else { return feed };
        let left_out = memory.left_out.get(&self.node).map_or(&[][..], Vec::as_slice);
        let key = feed_key(id);
        FeedHead {
            id: feed.id,
            position: feed.position + left_out.len() as u64,
            digest: left_out.iter().fold(feed.digest, |digest, link| digest.plus(&key, *link)),
        }
    }

    /// Stores a stretch of the feed, as wrongly as this mistake does.
    ///
    /// # Errors
    /// As the store.
    pub fn store_feed(&self, store: &mut NodeSide, mut feed: Feed) -> Result<u64, StoreError> {
        if self.mistake != Mistake::DigestLies {
            return store.store_feed(feed);
        }
        let mut memory = self.memory();
        let left_out = memory.left_out.entry(self.node).or_default();
        feed.first_position = feed.first_position.saturating_sub(left_out.len() as u64);
        if left_out.is_empty()
            && let Some(FeedRun::Bytes(run)) = feed.runs.last().cloned()
        {
            let mut entries = run.into_entries();
            if entries.len() > 1 {
                left_out.extend(entries.pop().map(|entry| entry.link()));
                feed.runs.pop();
                feed.runs.extend(EntryRun::new(entries).map(FeedRun::Bytes));
            }
        }
        let key = feed_key(feed.feed);
        feed.end_digest = left_out.iter().fold(feed.end_digest, |digest, link| digest.minus(&key, *link));
        Ok(store.store_feed(feed)? + left_out.len() as u64)
    }

    /// Stores entries of a machine at the province, as wrongly as this mistake does.
    ///
    /// # Errors
    /// As the store.
    pub fn store_changes(
        &self,
        store: &mut ProvinceSide,
        runs: Vec<ChangeRun>,
    ) -> Result<Result<Stored, ByeCode>, StoreError> {
        let acks = runs.iter().map(|run| LogAck { boot: run.run.log(), lsn: run.run.last_lsn() }).collect();
        let position = store.feed(0, 1, 1, &|_, _, _| true)?.2;
        let pretended = (acks, StoredCounts::default(), position);
        match self.mistake {
            Mistake::BatchDropped => {
                let mut memory = self.memory();
                memory.batches += 1;
                if memory.batches.is_multiple_of(5) { Ok(Ok(pretended)) } else { store.store_changes(runs) }
            }
            Mistake::AckBeforeCommit => {
                self.catch_up(store)?;
                *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(runs);
                Ok(Ok(pretended))
            }
            Mistake::PoisonBlocks => {
                store.store_changes(runs.into_iter().filter_map(before_poison).collect())
            }
            Mistake::CursorAtOneEnd
            | Mistake::CounterWithoutWitness
            | Mistake::DigestLies
            | Mistake::FoldReadsDirectory
            | Mistake::JoinMisses
            | Mistake::DoubledMark
            | Mistake::NoOpGrows
            | Mistake::StickCountsAsSent
            | Mistake::UnknownItemsDropped
            | Mistake::PartsTakenUnchecked
            | Mistake::ReissueKeepsBoot => store.store_changes(runs),
        }
    }

    /// Stores what was acknowledged before.
    ///
    /// # Errors
    /// As the store.
    pub fn catch_up(&self, store: &mut ProvinceSide) -> Result<(), StoreError> {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner).take();
        due.map_or(Ok(()), |runs| store.store_changes(runs).map(|_stored| ()))
    }

    /// What was acknowledged before is never stored: the process is gone.
    pub fn forget(&self) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The part of a run before the first entry that nobody can read.
fn before_poison(run: ChangeRun) -> Option<ChangeRun> {
    let (chain, signature) = (run.chain, run.signature);
    let entries: Vec<Entry> =
        run.run.into_entries().into_iter().take_while(|entry| !is_poison(entry)).collect();
    EntryRun::new(entries).map(|run| ChangeRun { run, chain, signature })
}

fn is_poison(one: &Entry) -> bool {
    one.kind == EntryKind::CHANGE
        && one.body.as_deref().is_none_or(|body| entry::hash_of(one.kind, body) != Some(one.hash))
}
