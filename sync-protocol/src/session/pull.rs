//! What comes in at the node: provincial items, proofs and the seat's feed, each in order, each stored before it
//! is acknowledged.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use crate::frame::Feed;
use crate::frame::FrameKind;
use crate::frame::ItemPart;
use crate::frame::Standing;
use crate::head::FeedHead;
use crate::head::ItemsHead;
use crate::head::ProofHead;
use crate::ids::FeedId;
use crate::ids::Hash;
use crate::ids::PublicKey;
use crate::item::Item;
use crate::item::ItemError;
use crate::limits;
use crate::proof::Proof;
use crate::proof::ProofError;
use crate::run::FeedRun;
use crate::session::SessionError;

/// Puts items together from their pieces.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    partial: Option<Partial>,
}

/// An item of which not all pieces have come.
#[derive(Debug)]
struct Partial {
    n: u64,
    total_bytes: usize,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Takes a piece, and returns the item that is complete with it; nobody has looked yet who signed it.
    pub(super) fn joined(&mut self, part: ItemPart) -> Result<Option<Item>, SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::Items, what };
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (total_bytes, offset_bytes) = (size(part.total_bytes), size(part.offset_bytes));
        if total_bytes > limits::ITEM_BODY_BYTES_MAX + limits::ITEM_HEADER_BYTES_MAX * 2 {
            return Err(wrong("item too large"));
        }
        let mut partial =
            self.partial.take().unwrap_or(Partial { n: part.n, total_bytes, bytes: Vec::new() });
        let fits = partial.n == part.n
            && partial.total_bytes == total_bytes
            && partial.bytes.len() == offset_bytes
            && !part.bytes.is_empty()
            && offset_bytes.saturating_add(part.bytes.len()) <= total_bytes;
        if !fits {
            return Err(wrong("piece does not continue"));
        }
        partial.bytes.extend_from_slice(&part.bytes);
        if partial.bytes.len() == total_bytes {
            return Ok(Some(Item::from_bytes(&partial.bytes)?));
        }
        self.partial = Some(partial);
        Ok(None)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.partial.is_none()
    }

    /// The pieces that wait for the others.
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.bytes.len())
    }
}

/// Provincial items on their way in.
#[derive(Debug)]
pub(super) struct ItemsPull {
    received: ItemsHead,
    stored: ItemsHead,
    storing: VecDeque<(ItemsHead, u64)>,
    /// Items of this session that are stored.
    stored_items: u64,
    known_n: u64,
    assembler: Assembler,
    /// Items of this session that stand beside the line of the head, until one joins them.
    beside: BTreeSet<Hash>,
}

impl ItemsPull {
    pub(super) const fn new(head: ItemsHead) -> Self {
        Self {
            received: head,
            stored: head,
            storing: VecDeque::new(),
            stored_items: 0,
            known_n: head.n,
            assembler: Assembler { partial: None },
            beside: BTreeSet::new(),
        }
    }

    pub(super) fn announced(&mut self, n: u64) {
        self.known_n = self.known_n.max(n);
    }

    /// Takes pieces, and returns the items that are complete with them, verified.
    pub(super) fn received(
        &mut self,
        parts: Vec<ItemPart>,
        province: &PublicKey,
    ) -> Result<Vec<Item>, SessionError> {
        let mut items = Vec::new();
        for part in parts {
            let Some(item) = self.assembler.joined(part)? else { continue };
            item.verify(province)?;
            if item.follows(self.received).is_ok() {
                self.received = item.head();
            } else {
                self.note_beside(&item)?;
            }
            items.push(item);
        }
        self.announced(self.received.n);
        if !items.is_empty() {
            self.storing.push_back((self.received, items.len() as u64));
        }
        Ok(items)
    }

    /// An item of another branch, from before or after a restore of the province: it leaves the line of the head
    /// somewhere below, or goes on where an earlier one of the branch ended.
    fn note_beside(&mut self, item: &Item) -> Result<(), SessionError> {
        let header = item.header();
        let is_of_branch =
            header.n <= self.received.n || header.parents.iter().any(|parent| self.beside.contains(parent));
        if !is_of_branch || self.beside.len() >= limits::SIDE_ITEMS_MAX {
            return Err(ItemError::Chain { n: header.n, after_n: self.received.n }.into());
        }
        self.beside.insert(item.hash());
        Ok(())
    }

    pub(super) fn was_stored(&mut self) -> Result<(), SessionError> {
        let (head, count) = self.storing.pop_front().ok_or(SessionError::Misuse("items stored unasked"))?;
        self.stored = head;
        self.stored_items += count;
        Ok(())
    }

    /// The pieces of an item that has not come whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.assembler.held_bytes()
    }

    pub(super) const fn stored_head(&self) -> ItemsHead {
        self.stored
    }

    pub(super) const fn stored_items(&self) -> u64 {
        self.stored_items
    }

    pub(super) const fn awaits_more(&self) -> bool {
        self.received.n < self.known_n || !self.assembler.is_empty()
    }

    pub(super) fn is_drained(&self) -> bool {
        !self.awaits_more() && self.storing.is_empty()
    }
}

/// Proofs of earlier sessions on their way in.
#[derive(Debug)]
pub(super) struct ProofsPull {
    /// The newest link received, stored or being stored.
    pub(super) received: Option<ProofHead>,
    pub(super) storing: u32,
    known_n: u64,
    /// The province, put back since, cannot go on from the newest one here.
    is_parted: bool,
}

impl ProofsPull {
    pub(super) fn new(last: Option<ProofHead>) -> Self {
        Self { received: last, storing: 0, known_n: last.map_or(0, |last| last.n), is_parted: false }
    }

    /// Checks that a proof comes right after the newest one here; or just after it, where no other could.
    pub(super) fn check(&self, proof: &Proof) -> Result<(), ProofError> {
        let is_later = self.received.is_none_or(|last| proof.content().n > last.n);
        if self.is_parted && is_later { Ok(()) } else { proof.follows(self.received) }
    }

    pub(super) fn announced(&mut self, n: u64) {
        self.known_n = self.known_n.max(n);
    }

    /// The province has no more that follow ours.
    pub(super) fn given_up(&mut self) {
        self.is_parted = true;
        self.known_n = self.received.map_or(0, |last| last.n);
    }

    pub(super) fn awaits_more(&self) -> bool {
        self.received.map_or(0, |last| last.n) < self.known_n
    }

    pub(super) fn is_drained(&self) -> bool {
        self.storing == 0 && !self.awaits_more()
    }
}

/// The seat's feed on its way in.
#[derive(Debug)]
pub(super) struct FeedPull {
    id: Option<FeedId>,
    received: u64,
    stored: u64,
    storing: VecDeque<u64>,
    head: u64,
}

impl FeedPull {
    pub(super) const fn new(head: &FeedHead) -> Self {
        Self {
            id: head.id,
            received: head.position,
            stored: head.position,
            storing: VecDeque::new(),
            head: head.position,
        }
    }

    /// The province says which feed the seat has and where it ends. Returns the feed to begin anew, if it is
    /// another one.
    pub(super) fn opened(&mut self, standing: &Standing) -> Result<Option<FeedId>, SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::HelloAck, what };
        let id = standing.feed.id.ok_or(wrong("feed without an id"))?;
        let begun = self.begun(id);
        self.head = self.head.max(standing.feed.position);
        Ok(begun)
    }

    /// Takes the feed's id. Returns it if it is another one than before: everything begins at position 0.
    pub(super) fn begun(&mut self, id: FeedId) -> Option<FeedId> {
        if self.id == Some(id) {
            return None;
        }
        *self = Self { id: Some(id), received: 0, stored: 0, storing: VecDeque::new(), head: 0 };
        Some(id)
    }

    /// The feed ends here, as far as the province knows.
    pub(super) fn announced(&mut self, position: u64) {
        self.head = self.head.max(position);
    }

    /// Takes a stretch that must continue the one before. Returns how many entries came as bytes.
    pub(super) fn received(&mut self, feed: &Feed) -> Result<u64, SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::Feed, what };
        if self.id != Some(feed.feed) {
            return Err(wrong("another feed"));
        }
        if feed.first_position != self.received.saturating_add(1) {
            return Err(wrong("gap in the feed"));
        }
        if self.storing.len() >= limits::BATCHES_UNACKED_MAX {
            return Err(wrong("more batches than may be under way"));
        }
        self.received = feed.last_position();
        self.storing.push_back(self.received);
        self.head = self.head.max(self.received).max(feed.head_position);
        Ok(feed
            .runs
            .iter()
            .map(|run| match run {
                FeedRun::Bytes(run) => run.entries().len() as u64,
                FeedRun::Own { .. } => 0,
            })
            .sum())
    }

    pub(super) fn was_stored(&mut self, position: u64) -> Result<(), SessionError> {
        let expected = self.storing.pop_front().ok_or(SessionError::Misuse("feed stored unasked"))?;
        if position != expected {
            return Err(SessionError::Moved);
        }
        self.stored = position;
        Ok(())
    }

    pub(super) const fn stored_position(&self) -> u64 {
        self.stored
    }

    pub(super) const fn awaits_more(&self) -> bool {
        self.received < self.head
    }

    /// Whether it is the province's turn: more is known to be there, and we take it.
    pub(super) fn awaits_peer(&self) -> bool {
        self.awaits_more() && self.storing.len() < limits::BATCHES_UNACKED_MAX
    }

    pub(super) fn is_drained(&self) -> bool {
        !self.awaits_more() && self.storing.is_empty()
    }
}
