//! Frames: everything that travels in a session, and the bytes of each.
//!
//! A frame message is one byte format version, one byte kind and a body: CBOR with integer keys, or (kinds that
//! carry entries, items or proofs) the same packed by [`compress`]. SPEC.md has the bytes.

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use minicbor::Encoder;
use minicbor::decode;
use minicbor::encode;

use crate::batch;
use crate::codec;
use crate::codec::DecodeError;
use crate::codec::fixed;
use crate::codec::fixed_millis;
use crate::columns::Content;
use crate::compress;
use crate::context::Context;
use crate::entry::Digest;
use crate::entry::Lsn;
use crate::head::FeedHead;
use crate::head::ItemsHead;
use crate::head::LogHead;
use crate::head::LogsSummary;
use crate::head::ProofHead;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::Signature;
use crate::limits;
use crate::proof::Proof;
use crate::range;
use crate::range::Range;
use crate::run;
use crate::run::ChangeRun;
use crate::run::EntryRun;
use crate::run::FeedRun;
use crate::time::Millis;

/// The frame format this program writes and reads.
pub const FRAME_VERSION: u8 = 1;

/// The format of [`Changes`] and [`Feed`] in columns. Their plain form, [`FRAME_VERSION`], is read as well, and
/// written where columns would not give the same entries again.
pub const COLUMNS_VERSION: u8 = 2;

/// The format of [`Changes`] and [`Feed`] in columns packed with a dictionary, for small batches to a side that said
/// it knows it.
pub const DICTIONARY_VERSION: u8 = 3;

/// The same packed with the [context](crate::context) of the session as well.
pub const CONTEXT_VERSION: u8 = 4;

/// The protocol (order and meaning of frames) this program speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// What a frame message is, readable from its second byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// [`Hello`].
    Hello = 1,
    /// [`HelloAck`].
    HelloAck = 2,
    /// [`Heads`].
    Heads = 3,
    /// [`HeadsAck`].
    HeadsAck = 4,
    /// [`Items`].
    Items = 5,
    /// [`Proofs`].
    Proofs = 6,
    /// [`Changes`].
    Changes = 7,
    /// [`Feed`].
    Feed = 8,
    /// [`Ack`].
    Ack = 9,
    /// [`Cut`].
    Cut = 10,
    /// [`FreshProof`].
    Proof = 11,
    /// [`Bye`].
    Bye = 12,
    /// [`Aside`].
    Aside = 13,
    /// [`Wanted`].
    Wanted = 14,
    /// [`Ranges`].
    Ranges = 15,
}

impl FrameKind {
    const ALL: [Self; 15] = [
        Self::Hello,
        Self::HelloAck,
        Self::Heads,
        Self::HeadsAck,
        Self::Items,
        Self::Proofs,
        Self::Changes,
        Self::Feed,
        Self::Ack,
        Self::Cut,
        Self::Proof,
        Self::Bye,
        Self::Aside,
        Self::Wanted,
        Self::Ranges,
    ];

    /// Its name, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::HelloAck => "hello-ack",
            Self::Heads => "heads",
            Self::HeadsAck => "heads-ack",
            Self::Items => "items",
            Self::Proofs => "proofs",
            Self::Changes => "changes",
            Self::Feed => "feed",
            Self::Ack => "ack",
            Self::Cut => "cut",
            Self::Proof => "proof",
            Self::Bye => "bye",
            Self::Aside => "aside",
            Self::Wanted => "wanted",
            Self::Ranges => "ranges",
        }
    }
}

/// One encoded frame, as the transport carries it. The transport adds a length; nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: FrameKind,
    /// The bytes, at most [`FRAME_BYTES_MAX`](limits::FRAME_BYTES_MAX).
    pub bytes: Vec<u8>,
}

/// Everything that travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The node opens.
    Hello(Box<Hello>),
    /// The province answers.
    HelloAck(Box<HelloAck>),
    /// The node names all its logs.
    Heads(Heads),
    /// The province says what it has of them.
    HeadsAck(HeadsAck),
    /// Provincial items that the other side lacks.
    Items(Items),
    /// Proofs of this machine the node lacks.
    Proofs(Proofs),
    /// Own entries the province lacks.
    Changes(Changes),
    /// The seat's feed beyond the node's position.
    Feed(Feed),
    /// What is durably stored now.
    Ack(Ack),
    /// The node believes that both sides hold the same.
    Cut(Cut),
    /// The province proves it.
    Proof(Box<FreshProof>),
    /// Either side leaves, with a reason.
    Bye(Bye),
    /// Entries that the other side lost and that it gets no other way.
    Aside(Aside),
    /// The node holds provincial items that the province lost.
    Wanted(Wanted),
    /// What the sender has of the seat's entries, range by range.
    Ranges(Ranges),
}

/// The node opens the session: where everything stands with it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the node.
    #[n(0)]
    pub protocol: u16,
    /// Random, drawn by the caller; every later frame that concludes something names it.
    #[cbor(n(1), with = "fixed")]
    pub session: u64,
    /// The province the node belongs to.
    #[n(2)]
    pub province: ProvinceId,
    /// The node. Its certificate decides; this only exposes a mistake.
    #[n(3)]
    pub node: NodeId,
    /// Heads of own-identity logs that the last proof does not cover, newest first, at most
    /// [`NAMED_LOGS_MAX`](limits::NAMED_LOGS_MAX).
    #[cbor(
        n(4),
        skip_if = "Vec::is_empty",
        default,
        decode_with = "codec::list::<_, _, { limits::NAMED_LOGS_MAX }>"
    )]
    pub logs: Vec<LogHead>,
    /// All other own-identity logs held at the node.
    #[n(5)]
    pub older: LogsSummary,
    /// The seat's feed at the node.
    #[n(6)]
    pub feed: FeedHead,
    /// The newest provincial item at the node.
    #[n(7)]
    pub items: ItemsHead,
    /// The newest proof at the node.
    #[n(8)]
    pub last_proof: Option<ProofHead>,
    /// The node's clock.
    #[cbor(n(9), with = "fixed_millis")]
    pub clock: Millis,
    /// How many number series the machine can still begin, when it says so. The province knows only which of them
    /// it has seen a number of: a machine that left a series without printing from it would never get another.
    #[n(10)]
    pub series_left: Option<u32>,
    /// Whether all entries are to be compared one by one, though the heads may be equal.
    #[cbor(n(11), skip_if = "is_false", default)]
    pub scrub: bool,
    /// The newest [`dictionary`](crate::dictionary) that the node knows; with it all before it. 0: none.
    #[cbor(n(12), skip_if = "is_none", default)]
    pub dictionary: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the derive calls")]
const fn is_none(dictionary: &u8) -> bool {
    *dictionary == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the derive calls")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How one log of the machine stands at the province, beside what the node said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum LogStatus {
    /// Both sides have the same.
    #[n(0)]
    Known,
    /// The province has nothing of it.
    #[n(1)]
    Unknown,
    /// The province has less.
    #[n(2)]
    Behind,
    /// The province has more: the node lost the rest, and gets it back by its feed.
    #[n(3)]
    Ahead,
    /// The province has another history under this name. The node rotates to a new boot and writes its own
    /// entries again under it.
    #[n(4)]
    Forked,
}

/// What the province has of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogState {
    /// The log.
    #[n(0)]
    pub boot: BootId,
    /// The last entry at the province (contiguous from 1).
    #[cbor(n(1), with = "fixed")]
    pub lsn: Lsn,
    /// Beside what the node said.
    #[n(2)]
    pub status: LogStatus,
}

/// The province answers a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HelloAck {
    /// The session number of the hello.
    #[cbor(n(0), with = "fixed")]
    pub session: u64,
    /// One per named log, in the same order.
    #[cbor(
        n(1),
        skip_if = "Vec::is_empty",
        default,
        decode_with = "codec::list::<_, _, { limits::NAMED_LOGS_MAX }>"
    )]
    pub logs: Vec<LogState>,
    /// The province's clock.
    #[cbor(n(2), with = "fixed_millis")]
    pub clock: Millis,
    /// The fresh proof when everything was equal; then `open` is absent.
    #[n(3)]
    pub fresh: Option<FreshProof>,
    /// Where the province stands when something differs; then `fresh` is absent.
    #[n(4)]
    pub open: Option<Standing>,
    /// The newest [`dictionary`](crate::dictionary) that the province knows; with it all before it. 0: none.
    #[cbor(n(5), skip_if = "is_none", default)]
    pub dictionary: u8,
}

/// Where the province stands at the beginning of a session in which something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// Whether the node should name all its logs: the summary of the older ones differs.
    #[n(0)]
    pub want_heads: bool,
    /// The seat's feed at the province. Another id than the node's: the node begins again at position 0.
    #[n(1)]
    pub feed: FeedHead,
    /// The newest provincial item.
    #[n(2)]
    pub items: ItemsHead,
    /// The number of the machine's newest proof at the province; 0 before the first.
    #[cbor(n(3), with = "fixed")]
    pub proof_n: u64,
    /// Whether the node is to compare its entries with the seat's, by [`Ranges`], before the feed is sent.
    #[cbor(n(4), skip_if = "is_false", default)]
    pub compares: bool,
}

/// One page of all own-identity logs held at the node, by ascending id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Heads {
    /// The heads.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::HEADS_PER_FRAME_MAX }>")]
    pub heads: Vec<LogHead>,
    /// Whether this is the last page.
    #[n(1)]
    pub is_last: bool,
}

/// Answers one page of [`Heads`]; or, unasked, names logs that turned out to be forked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeadsAck {
    /// One per head of the page, in the same order.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::HEADS_PER_FRAME_MAX }>")]
    pub logs: Vec<LogState>,
    /// Whether it answers a page.
    #[n(1)]
    pub is_answer: bool,
}

/// The province names items that it holds: its newest, then ever further apart down to the first. The node sends all
/// it holds beyond the first of them that it holds as well, in [`Items`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Wanted {
    /// What the province holds, newest first.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::WANTED_HEADS_MAX }>")]
    pub held: Vec<ItemsHead>,
}

/// What the sender has of the entries of the seat's feed, range by range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// The ranges, one at least.
    pub ranges: Vec<Range>,
}

/// Pieces of provincial items, in order. An item larger than a piece spans several, also across frames.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Items {
    /// The pieces.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::ITEM_PARTS_MAX }>")]
    pub parts: Vec<ItemPart>,
}

/// A piece of [`Item::to_bytes`](crate::item::Item::to_bytes).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ItemPart {
    /// The item's number.
    #[cbor(n(0), with = "fixed")]
    pub n: u64,
    /// The whole item's size.
    #[n(1)]
    pub total_bytes: u32,
    /// Where the piece begins.
    #[n(2)]
    pub offset_bytes: u32,
    /// The piece.
    #[cbor(
        n(3),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { limits::ITEM_PART_BYTES_MAX }>"
    )]
    pub bytes: Vec<u8>,
}

/// Proofs of this machine, in order of their numbers; none when the province has none that follow the node's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Proofs {
    /// The proofs.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::PROOFS_PER_FRAME_MAX }>")]
    pub proofs: Vec<Proof>,
}

/// Own entries of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Changes {
    /// Runs; those of one log follow each other.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::BATCH_RUNS_MAX }>")]
    pub runs: Vec<ChangeRun>,
}

/// A stretch of the seat's feed without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Feed {
    /// The feed.
    #[n(0)]
    pub feed: FeedId,
    /// The position of the first entry.
    #[cbor(n(1), with = "fixed")]
    pub first_position: u64,
    /// The entries, in the feed's order.
    #[cbor(n(2), decode_with = "codec::list::<_, _, { limits::BATCH_RUNS_MAX }>")]
    pub runs: Vec<FeedRun>,
    /// The feed's digest after the last of them.
    #[n(3)]
    pub end_digest: Digest,
    /// The last position known at the province when this was sent.
    #[cbor(n(4), with = "fixed")]
    pub head_position: u64,
}

impl Feed {
    /// How many positions it covers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(FeedRun::count).fold(0, u64::saturating_add)
    }

    /// What its entries count for.
    pub(crate) fn held_bytes(&self) -> usize {
        run::runs_bytes(self.runs.iter().filter_map(|run| match run {
            FeedRun::Bytes(run) => Some(run),
            FeedRun::Own { .. } => None,
        }))
    }

    /// The position of the last entry; one less than the first when there is none.
    #[must_use]
    pub fn last_position(&self) -> u64 {
        self.first_position.saturating_sub(1).saturating_add(self.count())
    }
}

/// From the province: own entries of the machine that it lost and that stand in no feed of its seat: they wait, are
/// quarantined or refused, or belong to a dossier that the seat is no party to. From the node: entries of other logs
/// than its own that its feed once brought and brings no more, because the province was restored and lost them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Aside {
    /// Runs; those of one log ascend and may have gaps between them.
    #[cbor(n(0), decode_with = "codec::list::<_, _, { limits::BATCH_RUNS_MAX }>")]
    pub runs: Vec<EntryRun>,
}

/// How far one log is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogAck {
    /// The log.
    #[n(0)]
    pub boot: BootId,
    /// The last entry durably stored (contiguous from 1).
    #[cbor(n(1), with = "fixed")]
    pub lsn: Lsn,
}

/// What is durably stored at the sender now. Sent after the commit only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ack {
    /// From the province: logs that grew.
    #[cbor(
        n(0),
        skip_if = "Vec::is_empty",
        default,
        decode_with = "codec::list::<_, _, { limits::ACKED_LOGS_MAX }>"
    )]
    pub logs: Vec<LogAck>,
    /// From the province: how the machine's entries fare so far.
    #[n(1)]
    pub counts: Option<StoredCounts>,
    /// From the node: up to where the feed is stored. From the province: where the seat's feed ends.
    #[cbor(n(2), with = "fixed")]
    pub feed_position: u64,
    /// From the node: the newest item stored.
    #[cbor(n(3), with = "fixed")]
    pub items_n: u64,
    /// How many [`Aside`] frames of this session are stored, whichever way they came.
    #[cbor(n(4), skip_if = "is_zero", default)]
    pub asides: u64,
    /// How many provincial items of this session are stored, whichever way they came.
    #[cbor(n(5), skip_if = "is_zero", default)]
    pub items: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the derive calls")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How the entries of one machine fare at the province.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StoredCounts {
    /// Kept until what they depend on arrives.
    #[n(0)]
    pub waiting: u64,
    /// Kept and not applied; a person at the province decides.
    #[n(1)]
    pub quarantined: u64,
    /// Kept and never applied.
    #[n(2)]
    pub refused: u64,
}

/// The node has nothing unsent, and has stored everything it knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Cut {
    /// The session number of the hello.
    #[cbor(n(0), with = "fixed")]
    pub session: u64,
    /// The seat's feed at the node.
    #[n(1)]
    pub feed: FeedHead,
    /// All own-identity logs at the node.
    #[n(2)]
    pub logs: LogsSummary,
    /// Entries that wait at the node for what they depend on.
    #[cbor(n(3), with = "fixed")]
    pub waiting: u64,
    /// The newest provincial item at the node.
    #[n(4)]
    pub items: ItemsHead,
}

/// A proof as it comes new from the province.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreshProof {
    /// A new link of the machine's chain.
    Link(Box<Proof>),
    /// The last link again: its number, the new time and the new signature. The node has the content.
    Renewal {
        /// The link's number.
        n: u64,
        /// The new time.
        at: Millis,
        /// The new signature.
        signature: Signature,
    },
}

/// Why a side leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ByeCode {
    /// The protocol versions do not meet; arguments: the sender's version.
    Version,
    /// The node belongs to another province.
    WrongProvince,
    /// The machine is not enrolled here, or its certificate names another one.
    UnknownMachine,
    /// The machine is banned.
    Banned,
    /// The province does not serve the machine's seat (re-homed, dissolved).
    NotMySeat,
    /// Too many at once; dial again later; arguments: after how many milliseconds.
    Busy,
    /// The province's disk or the machine's quota is full.
    Full,
    /// Positions are equal and what lies behind is not: repair is needed. Nothing is lost.
    Difference,
    /// The other side broke the protocol.
    Protocol,
    /// The sender stops; dial again later.
    Shutdown,
    /// A batch was packed with a context that the sender of this does not have; dial again, and without.
    NoContext,
    /// A reason of a later version.
    Other(u8),
}

impl ByeCode {
    const fn to_u8(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::WrongProvince => 2,
            Self::UnknownMachine => 3,
            Self::Banned => 4,
            Self::NotMySeat => 5,
            Self::Busy => 6,
            Self::Full => 7,
            Self::Difference => 8,
            Self::Protocol => 9,
            Self::Shutdown => 10,
            Self::NoContext => 11,
            Self::Other(code) => code,
        }
    }

    const fn from_u8(code: u8) -> Self {
        match code {
            1 => Self::Version,
            2 => Self::WrongProvince,
            3 => Self::UnknownMachine,
            4 => Self::Banned,
            5 => Self::NotMySeat,
            6 => Self::Busy,
            7 => Self::Full,
            8 => Self::Difference,
            9 => Self::Protocol,
            10 => Self::Shutdown,
            11 => Self::NoContext,
            other => Self::Other(other),
        }
    }

    /// Whether dialling again later, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Busy | Self::Full | Self::Difference | Self::Shutdown | Self::NoContext => true,
            Self::Version
            | Self::WrongProvince
            | Self::UnknownMachine
            | Self::Banned
            | Self::NotMySeat
            | Self::Protocol
            | Self::Other(_) => false,
        }
    }
}

/// A side leaves. There is no text: the reader words it in its own language.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bye {
    /// Why.
    #[n(0)]
    pub code: ByeCode,
    /// Numbers that belong to the code.
    #[cbor(
        n(1),
        skip_if = "Vec::is_empty",
        default,
        decode_with = "codec::list::<_, _, { limits::BYE_ARGS_MAX }>"
    )]
    pub args: Vec<u64>,
}

/// Why a frame of ours cannot be sent: a bound was not kept while it was built, or memory is exhausted. A bug.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The packed content is beyond its bound, or zstd failed.
    #[error("cannot pack a {kind} frame", kind = .kind.name())]
    Pack {
        /// Which frame.
        kind: FrameKind,
        /// Why.
        source: std::io::Error,
    },
    /// The message is beyond its bound.
    #[error("{kind} frame of {size_bytes} bytes is too large", kind = .kind.name())]
    TooLarge {
        /// Which frame.
        kind: FrameKind,
        /// Its size.
        size_bytes: usize,
    },
}

/// How the entries of a batch are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// zstd's level, 1 to 19: a higher one for a thin line.
    pub level: i32,
    /// The newest dictionary that both sides know; 0 for none.
    pub dictionary: u8,
}

impl Default for Packing {
    /// What everybody reads, at a level that costs next to nothing.
    fn default() -> Self {
        Self { level: compress::LEVEL_DEFAULT, dictionary: 0 }
    }
}

impl Packing {
    /// The content packed, and the version of frames that has it so.
    fn pack(self, content: &Content, context: Option<&Context>) -> (u8, Result<Vec<u8>, std::io::Error>) {
        let Content { bytes, cuts, .. } = content;
        if self.dictionary == 0 || bytes.len() > limits::DICTIONARY_RAW_BYTES_MAX {
            return (COLUMNS_VERSION, compress::pack_cut(bytes, cuts, self.level));
        }
        if bytes.len() > limits::SMALL_RAW_BYTES_MAX {
            // With the tables of a dictionary the middle levels take no longer than the lowest.
            let level = self.level.max(compress::LEVEL_MIDDLING);
            return (DICTIONARY_VERSION, compress::pack_with(bytes, cuts, level, self.dictionary));
        }
        let level = compress::LEVEL_SMALL;
        match context.filter(|context| !context.is_empty()) {
            Some(context) => {
                (CONTEXT_VERSION, compress::pack_after(bytes, cuts, level, self.dictionary, context))
            }
            None => (DICTIONARY_VERSION, compress::pack_with(bytes, cuts, level, self.dictionary)),
        }
    }
}

/// What was [packed](Packing::pack), by the version of its frame.
fn unpack(version: u8, body: &[u8], context: Option<&Context>) -> Result<Vec<u8>, DecodeError> {
    match (version, context) {
        (CONTEXT_VERSION, Some(context)) => compress::unpack_after(body, context),
        (CONTEXT_VERSION, None) => Err(DecodeError::NoContext),
        (DICTIONARY_VERSION, _) => compress::unpack_with(body),
        (_, _) => compress::unpack(body),
    }
}

/// A frame of entries.
enum Batch<'a> {
    Changes(&'a Changes),
    Feed(&'a Feed),
}

impl Frame {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::Hello(_) => FrameKind::Hello,
            Self::HelloAck(_) => FrameKind::HelloAck,
            Self::Heads(_) => FrameKind::Heads,
            Self::HeadsAck(_) => FrameKind::HeadsAck,
            Self::Items(_) => FrameKind::Items,
            Self::Proofs(_) => FrameKind::Proofs,
            Self::Changes(_) => FrameKind::Changes,
            Self::Feed(_) => FrameKind::Feed,
            Self::Ack(_) => FrameKind::Ack,
            Self::Cut(_) => FrameKind::Cut,
            Self::Proof(_) => FrameKind::Proof,
            Self::Bye(_) => FrameKind::Bye,
            Self::Aside(_) => FrameKind::Aside,
            Self::Wanted(_) => FrameKind::Wanted,
            Self::Ranges(_) => FrameKind::Ranges,
        }
    }

    /// The frame's bytes, for whoever reads it.
    ///
    /// # Errors
    /// The frame is beyond a bound: a bug of ours.
    pub fn encode(&self) -> Result<Message, EncodeError> {
        self.encode_as(Packing::default())
    }

    /// The frame's bytes, with entries packed in this way.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_as(&self, packing: Packing) -> Result<Message, EncodeError> {
        self.written(packing, None)
    }

    /// The same for whoever has read all that was written with this context before. A batch becomes a part of it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_after(&self, packing: Packing, context: &mut Context) -> Result<Message, EncodeError> {
        self.written(packing, Some(context))
    }

    fn written(&self, packing: Packing, context: Option<&mut Context>) -> Result<Message, EncodeError> {
        let kind = self.kind();
        let (version, body) = match self.columns() {
            Some(content) => {
                let (version, packed) = packing.pack(&content, context.as_deref());
                let packed = packed.map_err(|source| EncodeError::Pack { kind, source })?;
                if let Some(context) = context {
                    self.teach(&content.bytes, context);
                }
                (version, packed)
            }
            None => (FRAME_VERSION, self.plain_body()?),
        };
        let mut bytes = vec![version, kind as u8];
        bytes.extend(body);
        if bytes.len() > limits::FRAME_BYTES_MAX {
            return Err(EncodeError::TooLarge { kind, size_bytes: bytes.len() });
        }
        Ok(Message { kind, bytes })
    }

    /// Makes a batch in columns a part of a context.
    fn teach(&self, content: &[u8], context: &mut Context) {
        match self.batch() {
            Some(Batch::Changes(changes)) => {
                context.learn(content, changes.runs.iter().flat_map(|run| run.run.entries()));
            }
            Some(Batch::Feed(feed)) => {
                let runs = feed.runs.iter().filter_map(|run| match run {
                    FeedRun::Bytes(run) => Some(run.entries()),
                    FeedRun::Own { .. } => None,
                });
                context.learn(content, runs.flatten());
            }
            None => {}
        }
    }

    /// The content of a batch in columns, before it is packed; `None` for other frames, and for a batch whose
    /// entries columns would not give again.
    #[must_use]
    pub fn columns(&self) -> Option<Content> {
        match self.batch()? {
            Batch::Changes(changes) => batch::write_changes(changes),
            Batch::Feed(feed) => batch::write_feed(feed),
        }
    }

    /// What travels in columns where it can.
    const fn batch(&self) -> Option<Batch<'_>> {
        match self {
            Self::Changes(changes) => Some(Batch::Changes(changes)),
            Self::Feed(feed) => Some(Batch::Feed(feed)),
            Self::Hello(_)
            | Self::HelloAck(_)
            | Self::Heads(_)
            | Self::HeadsAck(_)
            | Self::Items(_)
            | Self::Proofs(_)
            | Self::Ack(_)
            | Self::Cut(_)
            | Self::Proof(_)
            | Self::Aside(_)
            | Self::Wanted(_)
            | Self::Ranges(_)
            | Self::Bye(_) => None,
        }
    }

    /// The body in format [`FRAME_VERSION`].
    fn plain_body(&self) -> Result<Vec<u8>, EncodeError> {
        let kind = self.kind();
        let plain = |body: Vec<u8>| Ok(body);
        let packed = |raw: Vec<u8>| compress::pack(&raw).map_err(|source| EncodeError::Pack { kind, source });
        match self {
            Self::Hello(hello) => plain(codec::to_cbor(hello)),
            Self::HelloAck(ack) => plain(codec::to_cbor(ack)),
            Self::Heads(heads) => plain(codec::to_cbor(heads)),
            Self::HeadsAck(ack) => plain(codec::to_cbor(ack)),
            Self::Items(items) => packed(codec::to_cbor(items)),
            Self::Proofs(proofs) => packed(codec::to_cbor(proofs)),
            Self::Changes(changes) => packed(codec::to_cbor(changes)),
            Self::Feed(feed) => packed(codec::to_cbor(feed)),
            Self::Ack(ack) => plain(codec::to_cbor(ack)),
            Self::Cut(cut) => plain(codec::to_cbor(cut)),
            Self::Proof(proof) => plain(codec::to_cbor(proof)),
            Self::Bye(bye) => plain(codec::to_cbor(bye)),
            Self::Aside(aside) => packed(codec::to_cbor(aside)),
            Self::Wanted(wanted) => plain(codec::to_cbor(wanted)),
            Self::Ranges(ranges) => plain(range::to_bytes(&ranges.ranges)),
        }
    }

    /// The frame that a message carries, for whoever has read nothing before it. Bounds and version are checked before
    /// anything else.
    ///
    /// # Errors
    /// The peer is broken, hostile or newer than this program.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        Self::read(message, None)
    }

    /// The same for whoever has read all that came with this context before. A batch becomes a part of it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`DecodeError::NoContext`] when it was packed with another context.
    pub fn decode_after(message: &[u8], context: &mut Context) -> Result<Self, DecodeError> {
        Self::read(message, Some(context))
    }

    fn read(message: &[u8], context: Option<&mut Context>) -> Result<Self, DecodeError> {
        let (size_bytes, size_bytes_max) = (message.len(), limits::FRAME_BYTES_MAX);
        if size_bytes > size_bytes_max {
            return Err(DecodeError::TooLarge { size_bytes, size_bytes_max });
        }
        let ([version, kind], body) =
            message.split_first_chunk::<2>().ok_or(DecodeError::Truncated { have: size_bytes })?;
        let is_columns = [COLUMNS_VERSION, DICTIONARY_VERSION, CONTEXT_VERSION].contains(version)
            && [FrameKind::Changes as u8, FrameKind::Feed as u8].contains(kind);
        if *version != FRAME_VERSION && !is_columns {
            return Err(DecodeError::Version(*version));
        }
        let kind = FrameKind::ALL
            .into_iter()
            .find(|known| *known as u8 == *kind)
            .ok_or(DecodeError::UnknownKind(*kind))?;
        if is_columns {
            let content = unpack(*version, body, context.as_deref())?;
            let frame = if kind == FrameKind::Changes {
                Self::Changes(batch::read_changes(&content)?.checked()?)
            } else {
                Self::Feed(batch::read_feed(&content)?.checked()?)
            };
            if let Some(context) = context {
                frame.teach(&content, context);
            }
            return Ok(frame);
        }
        Ok(match kind {
            FrameKind::Hello => Self::Hello(codec::from_cbor(body)?),
            FrameKind::HelloAck => Self::HelloAck(codec::from_cbor(body)?),
            FrameKind::Heads => Self::Heads(codec::from_cbor(body)?),
            FrameKind::HeadsAck => Self::HeadsAck(codec::from_cbor(body)?),
            FrameKind::Items => Self::Items(codec::from_cbor(&compress::unpack(body)?)?),
            FrameKind::Proofs => Self::Proofs(codec::from_cbor(&compress::unpack(body)?)?),
            FrameKind::Changes => {
                Self::Changes(Changes::checked(codec::from_cbor(&compress::unpack(body)?)?)?)
            }
            FrameKind::Feed => Self::Feed(Feed::checked(codec::from_cbor(&compress::unpack(body)?)?)?),
            FrameKind::Ack => Self::Ack(codec::from_cbor(body)?),
            FrameKind::Cut => Self::Cut(codec::from_cbor(body)?),
            FrameKind::Proof => Self::Proof(codec::from_cbor(body)?),
            FrameKind::Bye => Self::Bye(codec::from_cbor(body)?),
            FrameKind::Aside => Self::Aside(Aside::checked(codec::from_cbor(&compress::unpack(body)?)?)?),
            FrameKind::Wanted => Self::Wanted(codec::from_cbor(body)?),
            FrameKind::Ranges => Self::Ranges(Ranges { ranges: range::from_bytes(body)? }),
        })
    }
}

impl Changes {
    fn checked(self) -> Result<Self, DecodeError> {
        let entries: usize = self.runs.iter().map(|run| run.run.entries().len()).sum();
        if entries == 0 || entries > limits::BATCH_ENTRIES_MAX {
            return Err(DecodeError::Invalid("number of changes in a batch"));
        }
        Ok(self)
    }
}

impl Aside {
    fn checked(self) -> Result<Self, DecodeError> {
        let entries: usize = self.runs.iter().map(|run| run.entries().len()).sum();
        if entries == 0 || entries > limits::BATCH_ENTRIES_MAX {
            return Err(DecodeError::Invalid("number of entries in an aside batch"));
        }
        Ok(self)
    }
}

impl Feed {
    fn checked(self) -> Result<Self, DecodeError> {
        let count = self.count();
        if count == 0 || count > limits::BATCH_ENTRIES_MAX as u64 {
            return Err(DecodeError::Invalid("number of entries in a feed batch"));
        }
        if self.first_position == 0 || self.first_position.checked_add(count).is_none() {
            return Err(DecodeError::Invalid("feed position"));
        }
        Ok(self)
    }
}

impl<C> Encode<C> for FreshProof {
    /// A map: key 0 the proof; or 1 number, 2 time, 3 signature.
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let wire = match self {
            Self::Link(proof) => WireFreshProof { link: Some(proof.as_ref().clone()), renewal: None },
            Self::Renewal { n, at, signature } => WireFreshProof {
                link: None,
                renewal: Some(WireRenewal { n: *n, at: *at, signature: *signature }),
            },
        };
        wire.encode(encoder, ctx)
    }
}

impl<'b, C> Decode<'b, C> for FreshProof {
    fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = decoder.position();
        match WireFreshProof::decode(decoder, ctx)? {
            WireFreshProof { link: Some(proof), renewal: None } => Ok(Self::Link(Box::new(proof))),
            WireFreshProof { link: None, renewal: Some(WireRenewal { n, at, signature }) } => {
                Ok(Self::Renewal { n, at, signature })
            }
            WireFreshProof { .. } => Err(decode::Error::message("neither link nor renewal").at(at)),
        }
    }
}

/// A fresh proof on the wire: one of both.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WireFreshProof {
    #[n(0)]
    link: Option<Proof>,
    #[n(1)]
    renewal: Option<WireRenewal>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct WireRenewal {
    #[cbor(n(0), with = "fixed")]
    n: u64,
    #[cbor(n(1), with = "fixed_millis")]
    at: Millis,
    #[n(2)]
    signature: Signature,
}

impl<C> Encode<C> for ByeCode {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.u8(self.to_u8())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ByeCode {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decoder.u8().map(Self::from_u8)
    }
}
