//! Runs: entries that lie next to each other in one log, as they travel.
//!
//! A run names its log and first position once. A hash is not sent when the receiver can compute it from the
//! body; it computes it, and an entry whose hash does not match its body arrives with the hash it claims, for
//! admission to refuse ([`Entry::has_matching_body`]).

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use minicbor::Encoder;
use minicbor::decode;
use minicbor::encode;

use crate::codec;
use crate::codec::fixed;
use crate::entry;
use crate::entry::Entry;
use crate::entry::EntryKind;
use crate::entry::Lsn;
use crate::head::LogHead;
use crate::head::SignedHead;
use crate::ids::BootId;
use crate::ids::ChangeHash;
use crate::ids::DocId;
use crate::ids::Hash;
use crate::ids::Signature;
use crate::limits::BATCH_ENTRIES_MAX;
use crate::limits::ENTRY_BODY_BYTES_MAX;
use crate::limits::ENTRY_OVERHEAD_BYTES;

/// One or more entries that lie next to each other in one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRun {
    entries: Vec<Entry>,
    log: BootId,
    first_lsn: Lsn,
}

impl EntryRun {
    /// The run of these entries, or `None` when there are none or they do not follow each other in one log.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Option<Self> {
        let first = entries.first()?;
        let (log, first_lsn) = (first.log, first.lsn);
        let follow = entries.iter().zip(first_lsn..).all(|(entry, lsn)| entry.lsn == lsn && entry.log == log);
        (follow && first_lsn > 0).then_some(Self { entries, log, first_lsn })
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> BootId {
        self.log
    }

    /// Position of the first entry.
    #[must_use]
    pub const fn first_lsn(&self) -> Lsn {
        self.first_lsn
    }

    /// Position of the last entry.
    #[must_use]
    pub fn last_lsn(&self) -> Lsn {
        self.entries.last().map_or(self.first_lsn, |entry| entry.lsn)
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries, in order.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The chain after the run's entries beyond `after_lsn`, when `chain` is the chain at `after_lsn`.
    #[must_use]
    pub fn chain_from(&self, after_lsn: Lsn, chain: Hash) -> Hash {
        self.entries
            .iter()
            .filter(|entry| entry.lsn > after_lsn)
            .fold(chain, |chain, entry| entry::chain_next(chain, entry.link()))
    }
}

/// A run of own entries and the machine's signature over its log up to the run's last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRun {
    /// The entries.
    pub run: EntryRun,
    /// The chain after the last of them, as the sender has it.
    pub chain: Hash,
    /// Over the [`head`](Self::head).
    pub signature: Signature,
}

impl ChangeRun {
    /// The signed head at the run's end. Evidence that outlives the session: store it.
    #[must_use]
    pub fn head(&self) -> SignedHead {
        let head = LogHead { boot: self.run.log, lsn: self.run.last_lsn(), chain: self.chain };
        SignedHead { head, signature: self.signature }
    }
}

/// A stretch of a feed that lies in one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedRun {
    /// Entries the reader may lack.
    Bytes(EntryRun),
    /// Entries of the reader's own identity that it holds: only named.
    Own {
        /// The log.
        log: BootId,
        /// Position of the first entry.
        first_lsn: Lsn,
        /// How many entries.
        count: u64,
    },
}

impl FeedRun {
    /// How many positions of the feed the run covers.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Bytes(run) => run.entries.len() as u64,
            Self::Own { count, .. } => *count,
        }
    }
}

/// Entries as runs: those that follow each other in one log, and come one after the other here, together. An entry
/// without a position is left out.
#[must_use]
pub fn runs_of(entries: Vec<Entry>) -> Vec<EntryRun> {
    let mut runs: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        let follows = |run: &&mut Vec<Entry>| {
            run.last().is_some_and(|last| last.log == entry.log && last.lsn.checked_add(1) == Some(entry.lsn))
        };
        match runs.last_mut().filter(follows) {
            Some(run) => run.push(entry),
            None => runs.push(vec![entry]),
        }
    }
    runs.into_iter().filter_map(EntryRun::new).collect()
}

/// What an entry counts for when a batch is filled.
#[must_use]
pub fn weight_bytes(entry: &Entry) -> usize {
    entry.body.as_ref().map_or(0, Vec::len).saturating_add(ENTRY_OVERHEAD_BYTES)
}

/// What the entries of these runs count for.
pub(crate) fn runs_bytes<'a>(runs: impl IntoIterator<Item = &'a EntryRun>) -> usize {
    runs.into_iter().flat_map(EntryRun::entries).map(weight_bytes).sum()
}

/// One entry on the wire, without log and position.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Record {
    #[n(0)]
    kind: EntryKind,
    #[n(1)]
    doc: Option<DocId>,
    #[n(2)]
    min_reader: u16,
    #[n(3)]
    hash: Option<ChangeHash>,
    #[n(4)]
    body: Option<Body>,
}

/// The bytes of an entry within their bound.
#[derive(Encode, Decode)]
#[cbor(transparent)]
struct Body(
    #[cbor(
        n(0),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { ENTRY_BODY_BYTES_MAX }>"
    )]
    Vec<u8>,
);

impl Record {
    fn of(entry: &Entry) -> Self {
        let computable = entry.body.as_deref().and_then(|body| entry::hash_of(entry.kind, body));
        Self {
            kind: entry.kind,
            doc: Some(entry.doc).filter(|doc| *doc != DocId::NONE),
            min_reader: entry.min_reader,
            hash: Some(entry.hash).filter(|hash| computable != Some(*hash)),
            body: entry.body.clone().map(Body),
        }
    }

    /// The entry at this place, or `None` when neither the record nor its body says its hash.
    fn into_entry(self, log: BootId, lsn: Lsn) -> Option<Entry> {
        let body = self.body.map(|body| body.0);
        let computed = || body.as_deref().and_then(|body| entry::hash_of(self.kind, body));
        let hash = self.hash.or_else(computed)?;
        let doc = self.doc.unwrap_or(DocId::NONE);
        Some(Entry { log, lsn, kind: self.kind, doc, hash, min_reader: self.min_reader, body })
    }
}

/// A run on the wire.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WireRun {
    #[n(0)]
    log: BootId,
    #[cbor(n(1), with = "fixed")]
    first_lsn: Lsn,
    #[cbor(n(2), decode_with = "codec::list::<_, _, { BATCH_ENTRIES_MAX }>")]
    records: Vec<Record>,
}

impl<C> Encode<C> for EntryRun {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let records = self.entries.iter().map(Record::of).collect();
        WireRun { log: self.log, first_lsn: self.first_lsn, records }.encode(encoder, ctx)
    }
}

impl<'b, C> Decode<'b, C> for EntryRun {
    fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = decoder.position();
        let wire = WireRun::decode(decoder, ctx)?;
        let count = wire.records.len() as u64;
        if count == 0 || wire.first_lsn == 0 || wire.first_lsn.checked_add(count).is_none() {
            return Err(decode::Error::message("not a run").at(at));
        }
        let entries = wire
            .records
            .into_iter()
            .zip(wire.first_lsn..)
            .map(|(record, lsn)| record.into_entry(wire.log, lsn))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| decode::Error::message("entry without a hash").at(at))?;
        Ok(Self { entries, log: wire.log, first_lsn: wire.first_lsn })
    }
}

/// A change run on the wire.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WireChangeRun {
    #[n(0)]
    run: EntryRun,
    #[n(1)]
    chain: Hash,
    #[n(2)]
    signature: Signature,
}

impl<C> Encode<C> for ChangeRun {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.map(3)?.u8(0)?;
        self.run.encode(encoder, ctx)?;
        encoder.u8(1)?;
        self.chain.encode(encoder, ctx)?;
        encoder.u8(2)?;
        self.signature.encode(encoder, ctx)
    }
}

impl<'b, C> Decode<'b, C> for ChangeRun {
    fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let WireChangeRun { run, chain, signature } = WireChangeRun::decode(decoder, ctx)?;
        Ok(Self { run, chain, signature })
    }
}

/// An own run on the wire; a bytes run is an [`EntryRun`] under key 0 instead.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WireOwnRun {
    #[n(0)]
    log: BootId,
    #[cbor(n(1), with = "fixed")]
    first_lsn: Lsn,
    #[cbor(n(2), with = "fixed")]
    count: u64,
}

/// A feed run on the wire: one of both.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WireFeedRun {
    #[n(0)]
    bytes: Option<EntryRun>,
    #[n(1)]
    own: Option<WireOwnRun>,
}

impl<C> Encode<C> for FeedRun {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Bytes(run) => {
                encoder.map(1)?.u8(0)?;
                run.encode(encoder, ctx)
            }
            Self::Own { log, first_lsn, count } => {
                encoder.map(1)?.u8(1)?;
                WireOwnRun { log: *log, first_lsn: *first_lsn, count: *count }.encode(encoder, ctx)
            }
        }
    }
}

impl<'b, C> Decode<'b, C> for FeedRun {
    fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = decoder.position();
        let wrong = || decode::Error::message("not a feed run").at(at);
        match WireFeedRun::decode(decoder, ctx)? {
            WireFeedRun { bytes: Some(run), own: None } => Ok(Self::Bytes(run)),
            WireFeedRun { bytes: None, own: Some(WireOwnRun { log, first_lsn, count }) } => {
                let is_run = first_lsn > 0
                    && (1..=BATCH_ENTRIES_MAX as u64).contains(&count)
                    && first_lsn.checked_add(count).is_some();
                is_run.then_some(Self::Own { log, first_lsn, count }).ok_or_else(wrong)
            }
            WireFeedRun { .. } => Err(wrong()),
        }
    }
}
