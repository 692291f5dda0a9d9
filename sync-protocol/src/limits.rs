//! Every bound of the protocol, with its reason. Nothing that comes from outside is read without one.

/// Largest body of one entry. A dossier's change is about 400 bytes; a long form with its papers 30 kB.
pub const ENTRY_BODY_BYTES_MAX: usize = 256 * 1024;

/// Largest frame message, as handed to the transport: a whole batch that zstd could not make smaller.
pub const FRAME_BYTES_MAX: usize = 1536 * 1024;

/// Largest packed content after decompression: a full batch and one entry of the largest size.
pub const PACKED_RAW_BYTES_MAX: usize = 1408 * 1024;

/// What a sender aims at for one batch before compression: about eight times [`BATCH_PACKED_BYTES`]. Memory at
/// both ends is a few times this.
pub const BATCH_RAW_BYTES: usize = 1024 * 1024;

/// The least a sender aims at before compression, however badly the last batch compressed.
pub const BATCH_RAW_BYTES_MIN: usize = 64 * 1024;

/// How much larger each of the first batches of a feed is than the one before, from [`BATCH_RAW_BYTES_MIN`] on: the
/// open dossiers of an office are there after the first, and the tables of small batches cost 1 %.
pub const BATCH_RISES_BY: usize = 4;

/// What a sender aims at for one batch on the wire: resuming alone costs 2-4 % at this size, and a line of
/// 64 kbit/s carries it in 16 s.
pub const BATCH_PACKED_BYTES: usize = 128 * 1024;

/// Largest content of a batch that is packed with a dictionary: about a day of an office. What is larger finds in itself
/// what a dictionary would tell.
pub const DICTIONARY_RAW_BYTES_MAX: usize = 64 * 1024;

/// Up to this size a batch is packed as well as zstd can, whatever the line: it takes some milliseconds.
pub const SMALL_RAW_BYTES_MAX: usize = 16 * 1024;

/// How many bytes of recent batches the next one is packed with: more saves 2 % and doubles the time.
pub const CONTEXT_RECENT_BYTES_MAX: usize = 8 * 1024;

/// How many documents with their last changes the next batch is packed with: what an office has to do with in a day.
pub const CONTEXT_DOCUMENTS_MAX: usize = 256;

/// Smallest batch that shows how fast a line is: for a smaller one the way there and back takes longer than its bytes.
pub const RATE_BYTES_MIN: usize = 16 * 1024;

/// Most entries in one batch (changes or feed, own runs included). Bounds memory: an entry in memory is larger
/// than the few bytes that one without a body may take on the wire.
pub const BATCH_ENTRIES_MAX: usize = 8192;

/// Most runs in one batch: a feed may change the log with every entry.
pub const BATCH_RUNS_MAX: usize = BATCH_ENTRIES_MAX;

/// What one entry counts for beside its body when a batch is filled.
pub const ENTRY_OVERHEAD_BYTES: usize = 96;

/// What one run of changes counts for beside its entries: log, chain, signature.
pub const RUN_OVERHEAD_BYTES: usize = 160;

/// Most batches a sender may have under way without an acknowledgement, in each direction.
pub const BATCHES_UNACKED_MAX: usize = 4;

/// Most bytes that one side of a session holds at once, beside its fixed tables: the batches of a whole window, one more
/// that is gathered or stored, and the largest item, in pieces and put together.
pub const SESSION_HELD_BYTES_MAX: usize =
    (BATCHES_UNACKED_MAX + 1) * PACKED_RAW_BYTES_MAX + 3 * ITEM_BODY_BYTES_MAX;

/// Most log heads named one by one in a hello. A machine that is started ten times a day and has no line for a
/// working week stays below.
pub const NAMED_LOGS_MAX: usize = 64;

/// Most log heads in one page of [`Heads`](crate::frame::Heads).
pub const HEADS_PER_FRAME_MAX: usize = 512;

/// Most logs acknowledged in one frame: those of one batch.
pub const ACKED_LOGS_MAX: usize = BATCH_RUNS_MAX;

/// Largest body of one provincial item. A directory of 2,000 procedures is 2-4 MB before compression.
pub const ITEM_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Largest header of one provincial item.
pub const ITEM_HEADER_BYTES_MAX: usize = 1024;

/// Most parents of one item: one, or two after a restore of the province; more after several.
pub const ITEM_PARENTS_MAX: usize = 8;

/// Largest piece of an item in one frame, so that an item larger than a batch does not hold up the line.
pub const ITEM_PART_BYTES_MAX: usize = 256 * 1024;

/// Most item pieces in one frame.
pub const ITEM_PARTS_MAX: usize = 1024;

/// Most items the province names in one [`Wanted`](crate::frame::Wanted): the first few, then each twice as far back
/// as the one before, and the oldest.
pub const WANTED_HEADS_MAX: usize = 80;

/// Most items of other branches that a node takes in one session without their joining: what a province signed between
/// a backup and its restore.
pub const SIDE_ITEMS_MAX: usize = 4096;

/// Largest content of a proof. Version 1 has 270 bytes; a later one may say more.
pub const PROOF_CONTENT_BYTES_MAX: usize = 2048;

/// Most proofs in one frame.
pub const PROOFS_PER_FRAME_MAX: usize = 256;

/// Most numbers that explain a goodbye.
pub const BYE_ARGS_MAX: usize = 8;

/// Most ranges a position keeps beyond its contiguous prefix; a bundle more than these apart waits.
pub const POSITION_RANGES_MAX: usize = 16;

/// How long the other side may be silent while something is awaited of it, in milliseconds. Outages of 90 s are
/// everyday on mountain lines, and the transport gives up after the same time.
pub const SILENCE_MS: u64 = 180_000;

/// How long a live session waits after the last change before it asks for a new proof, in milliseconds: an act
/// is usually several commits.
pub const CUT_QUIET_MS: u64 = 2_000;

/// Most bytes that the bodies of one batch have together: what it holds before it is packed, and one entry more.
pub const BATCH_BODIES_BYTES_MAX: usize = BATCH_RAW_BYTES + ENTRY_BODY_BYTES_MAX;

/// Most operations of all changes in one batch.
pub const BATCH_OPS_MAX: usize = 128 * 1024;

/// Most pieces that all values in one batch are put together from.
pub const BATCH_LEAVES_MAX: usize = 512 * 1024;

/// Most columns that the values of one batch lie in, choices among signatures included. A fortnight of an office has some
/// hundreds; a column takes some hundred bytes of memory whatever it holds.
pub const BATCH_COLUMNS_MAX: usize = 16 * 1024;

/// Most members of a range that are listed by name: 1 kB, less than splitting and asking again.
pub const RANGE_LIST_MAX: usize = 64;

/// Into how many parts a range that differs is split: 16 sums are half a kilobyte, for one difference of many.
pub const RANGE_PARTS: u64 = 16;

/// Into how many parts everything is split at first, which saves a round trip.
pub const RANGE_PARTS_OF_ALL: u64 = 64;

/// A message about ranges is ended when it is longer than this: what is left is told as one range. One answer may go
/// beyond by the parts of one range.
pub const RANGE_MESSAGE_BYTES: usize = 48 * 1024;

/// Most ranges in one message: twice what fits.
pub const RANGES_MAX: usize = 8192;

/// Most messages of one comparison, both ways. Two sets of a million that have nothing in common need fewer.
pub const RANGE_MESSAGES_MAX: u32 = 4096;

/// Most entries that are remembered as being here and not there; with more, everything is sent again.
pub const RANGE_SURPLUS_MAX: usize = 64 * 1024;

/// Largest header of a bundle: four recipients, a certificate and room for what a later version says.
pub const BUNDLE_HEADER_BYTES_MAX: usize = 4096;

/// Most recipients of a bundle: the other side, the writer itself, and two more.
pub const BUNDLE_RECIPIENTS_MAX: usize = 4;

/// Largest certificate beside a bundle's header.
pub const BUNDLE_CERTIFICATE_BYTES_MAX: usize = 2048;

/// Most parts of one bundle.
pub const BUNDLE_PARTS_MAX: u64 = 4096;

/// Largest part of a bundle, as a file: it is read and checked whole.
pub const BUNDLE_PART_BYTES_MAX: usize = 256 * 1024 * 1024;
