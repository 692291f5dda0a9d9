//! Bundles: what a session would carry, in files that somebody carries.
//!
//! A bundle goes from one machine to another in one or more parts, each a file that can be checked and used alone:
//! a signed header in the clear (who, for whom, which part) and a sealed content. Sealing is the caller's; this
//! module owns the header, the signature and what the content of the kinds *changes* and *return* is made of: frame
//! messages without any context of a live session. `SPEC.md` has the bytes.

use minicbor::Decode;
use minicbor::Encode;

use crate::codec;
use crate::codec::fixed;
use crate::codec::fixed_millis;
use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::Frame;
use crate::frame::ItemPart;
use crate::frame::Items;
use crate::head::LogHead;
use crate::ids::BootId;
use crate::ids::BundleId;
use crate::ids::Hash;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::ids::Signature;
use crate::item::Item;
use crate::limits;
use crate::run::ChangeRun;
use crate::run::EntryRun;
use crate::run::FeedRun;
use crate::session::SessionError;
use crate::session::push::parts_of;
use crate::time::Millis;

/// The form this program writes and reads.
pub const BUNDLE_VERSION: u8 = 1;

/// How every bundle begins. The first byte is no text, the last one shows a transfer that changed line ends.
const MAGIC: [u8; 8] = *b"\x89motcua\n";

/// What the header's signature covers comes behind this.
const SIGNED: &[u8] = b"motcua bundle v1\0";

/// What a bundle is for. Other numbers are for newer programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct BundleKind(#[n(0)] pub u8);

impl BundleKind {
    /// A machine's own entries, for the province.
    pub const CHANGES: Self = Self(1);
    /// The province's answer: items, proofs and the seat's feed.
    pub const RETURN: Self = Self(2);
    /// What a machine without a line begins with.
    pub const PACK: Self = Self(3);
    /// Such a machine's request for its certificate.
    pub const REQUEST: Self = Self(4);
    /// The province's answer to that.
    pub const GRANT: Self = Self(5);
    /// A copy of a machine's directory.
    pub const BACKUP: Self = Self(6);
    /// What a computer without the keys of a backup asks of the province.
    pub const RESTORE_REQUEST: Self = Self(7);
    /// The province's answer to that.
    pub const RESTORE_GRANT: Self = Self(8);

    /// The word in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CHANGES => "changes",
            Self::RETURN => "return",
            Self::PACK => "pack",
            Self::REQUEST => "request",
            Self::GRANT => "grant",
            Self::BACKUP => "backup",
            Self::RESTORE_REQUEST => "restore-request",
            Self::RESTORE_GRANT => "restore-grant",
            Self(_) => "unknown",
        }
    }
}

/// Somebody who can open the content.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recipient {
    /// The machine; of a pack, the first half of the code's hash.
    #[n(0)]
    pub machine: NodeId,
    /// The content's key, sealed to it.
    #[cbor(n(1), encode_with = "minicbor::bytes::encode", decode_with = "codec::bytes::<_, 256>")]
    pub key: Vec<u8>,
    /// Its public seal key, where a stranger must be able to write to it: in backups.
    #[n(2)]
    pub seal: Option<Hash>,
}

/// What stands in the clear before a part's content.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Header {
    /// What it is for.
    #[n(0)]
    pub kind: BundleKind,
    /// The province of both ends.
    #[n(1)]
    pub province: ProvinceId,
    /// The signing key of the machine that wrote it.
    #[n(2)]
    pub from: PublicKey,
    /// Who can open it: at least one, at most [`BUNDLE_RECIPIENTS_MAX`](limits::BUNDLE_RECIPIENTS_MAX).
    #[cbor(n(3), decode_with = "codec::list::<_, _, { limits::BUNDLE_RECIPIENTS_MAX }>")]
    pub to: Vec<Recipient>,
    /// The bundle that this is a part of.
    #[n(4)]
    pub bundle: BundleId,
    /// Which part, from 1.
    #[cbor(n(5), with = "fixed")]
    pub part: u64,
    /// Whether no further part follows.
    #[n(6)]
    pub is_last: bool,
    /// When it was written, by the writer's clock. For people.
    #[cbor(n(7), with = "fixed_millis")]
    pub at: Millis,
    /// Length of the sealed content.
    #[cbor(n(8), with = "fixed")]
    pub size_bytes: u64,
    /// BLAKE3 of the sealed content.
    #[n(9)]
    pub hash: Hash,
    /// The writer's certificate, where the reader may not have it.
    #[n(10)]
    pub certificate: Option<Certificate>,
}

/// A certificate in DER, at most [`BUNDLE_CERTIFICATE_BYTES_MAX`](limits::BUNDLE_CERTIFICATE_BYTES_MAX).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Certificate(
    #[cbor(
        n(0),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { limits::BUNDLE_CERTIFICATE_BYTES_MAX }>"
    )]
    pub Vec<u8>,
);

/// Why a file is not a part of a bundle that can be used. Nothing of it has been used then.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something else.
    #[error("not a bundle")]
    NotABundle,
    /// Written by a newer program.
    #[error("bundle of form {found}, this program reads up to {BUNDLE_VERSION}")]
    Newer {
        /// The form's number.
        found: u8,
    },
    /// The end is missing: it was not copied whole.
    #[error("bundle ends early")]
    Truncated,
    /// A byte is not what was signed.
    #[error("bundle is damaged")]
    Damaged,
}

/// A part whose signature and hash hold. Whose key signed it is the reader's to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    /// What it says in the clear.
    pub header: Header,
    /// What only the recipients can open.
    pub sealed: &'b [u8],
}

impl Header {
    /// What the sealing of this part's content is bound to, so that nobody can send it on as their own.
    #[must_use]
    pub fn seal_info(from: &PublicKey, bundle: BundleId, part: u64) -> Vec<u8> {
        [&b"motcua sealed v1\0"[..], &from.0, &bundle.0, &part.to_be_bytes()].concat()
    }

    /// The file of this part; `size_bytes` and `hash` are set here. The key that signs is that of `from`.
    #[must_use]
    pub fn write(mut self, sealed: &[u8], sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Vec<u8> {
        self.size_bytes = sealed.len() as u64;
        self.hash = Hash(*blake3::hash(sealed).as_bytes());
        let header = codec::to_cbor(&self);
        let signature = sign(&signed_bytes(&header));
        let length = u32::try_from(header.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&MAGIC[..], &[BUNDLE_VERSION], &length, &header, &signature, sealed].concat()
    }
}

/// The beginning of a part without its content: what a request shows of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'b> {
    /// What it says in the clear.
    pub header: Header,
    /// Its bytes, from the first of the file to the last of the signature.
    pub bytes: &'b [u8],
}

impl<'b> Head<'b> {
    /// Reads and checks the beginning of a file, and gives what comes behind it.
    ///
    /// # Errors
    /// [`BundleError`]; the file is not to be used.
    pub fn read(file: &'b [u8]) -> Result<(Self, &'b [u8]), BundleError> {
        let rest = match file.strip_prefix(&MAGIC[..]) {
            Some(rest) => rest,
            None if !file.is_empty() && MAGIC.starts_with(file) => return Err(BundleError::Truncated),
            None => return Err(BundleError::NotABundle),
        };
        let (version, rest) = rest.split_first().ok_or(BundleError::Truncated)?;
        if *version > BUNDLE_VERSION {
            return Err(BundleError::Newer { found: *version });
        }
        if *version < BUNDLE_VERSION {
            return Err(BundleError::Damaged);
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(BundleError::Truncated)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > limits::BUNDLE_HEADER_BYTES_MAX {
            return Err(BundleError::Damaged);
        }
        let (header_bytes, rest) = rest.split_at_checked(length).ok_or(BundleError::Truncated)?;
        let (signature, sealed) = rest.split_first_chunk::<64>().ok_or(BundleError::Truncated)?;
        let header: Header = codec::from_cbor(header_bytes).map_err(|_| BundleError::Damaged)?;
        if !header.from.has_signed(&signed_bytes(header_bytes), &Signature(*signature)) {
            return Err(BundleError::Damaged);
        }
        if header.to.is_empty() || !(1..=limits::BUNDLE_PARTS_MAX).contains(&header.part) {
            return Err(BundleError::Damaged);
        }
        let bytes = file.get(..file.len() - sealed.len()).ok_or(BundleError::Damaged)?;
        Ok((Self { header, bytes }, sealed))
    }
}

impl<'b> Part<'b> {
    /// Reads and checks one file.
    ///
    /// # Errors
    /// [`BundleError`]; the file is not to be used.
    pub fn read(file: &'b [u8]) -> Result<Self, BundleError> {
        let (Head { header, .. }, sealed) = Head::read(file)?;
        match (sealed.len() as u64).cmp(&header.size_bytes) {
            std::cmp::Ordering::Less => Err(BundleError::Truncated),
            std::cmp::Ordering::Equal if blake3::hash(sealed).as_bytes() == &header.hash.0 => {
                Ok(Self { header, sealed })
            }
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Err(BundleError::Damaged),
        }
    }
}

fn signed_bytes(header: &[u8]) -> Vec<u8> {
    [SIGNED, header].concat()
}

/// Adds one frame message to a content.
pub fn push_message(content: &mut Vec<u8>, message: &[u8]) {
    content.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
    content.extend_from_slice(message);
}

/// The frame messages of a content, in order.
///
/// # Errors
/// It is not made of whole messages.
pub fn messages(mut content: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut messages = Vec::new();
    while !content.is_empty() {
        let (length, rest) = content.split_first_chunk::<4>().ok_or(BundleError::Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > limits::FRAME_BYTES_MAX {
            return Err(BundleError::Damaged);
        }
        let (message, rest) = rest.split_at_checked(length).ok_or(BundleError::Damaged)?;
        messages.push(message);
        content = rest;
    }
    Ok(messages)
}

/// What a run of a machine's own entries is beside what is held of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunVerdict {
    /// It continues what is here; its log's head afterwards.
    Continues(LogHead),
    /// Everything of it is here.
    Known,
    /// Entries before it are missing: it can be used when they are here.
    Early,
    /// It tells another history than the one that is here.
    Forked,
    /// The machine has not signed it.
    NotSigned,
}

/// Judges a run that came by itself. `here` is the log's head here, at position 0 with
/// [`chain_start`](crate::entry::chain_start) while nothing of it is.
#[must_use]
pub fn judge_run(run: &ChangeRun, here: &LogHead, machine: &PublicKey, province: ProvinceId) -> RunVerdict {
    if !run.head().is_signed_by(machine, province) {
        return RunVerdict::NotSigned;
    }
    if run.run.last_lsn() <= here.lsn {
        return RunVerdict::Known;
    }
    if run.run.first_lsn() > here.lsn.saturating_add(1) {
        return RunVerdict::Early;
    }
    let chain = run.run.chain_from(here.lsn, here.chain);
    if chain != run.chain {
        return RunVerdict::Forked;
    }
    RunVerdict::Continues(LogHead { boot: here.boot, lsn: run.run.last_lsn(), chain })
}

/// The frames of one item: its pieces, none of another item beside them.
///
/// # Errors
/// The item is larger than items may be.
pub fn item_frames(item: &Item) -> Result<Vec<Frame>, SessionError> {
    let parts = parts_of(item)?;
    let per_frame = limits::BATCH_RAW_BYTES / limits::ITEM_PART_BYTES_MAX;
    Ok(parts.chunks(per_frame).map(|parts| Frame::Items(Items { parts: parts.to_vec() })).collect())
}

/// Puts pieces of items together that come in order.
#[derive(Debug, Default)]
pub struct ItemJoiner {
    bytes: Vec<u8>,
}

impl ItemJoiner {
    /// Takes a piece, and gives the item when it was its last one.
    ///
    /// # Errors
    /// The piece does not continue what came, or the item cannot be read.
    pub fn take(&mut self, part: &ItemPart) -> Result<Option<Item>, BundleError> {
        let total_bytes = usize::try_from(part.total_bytes).unwrap_or(usize::MAX);
        let offset_bytes = usize::try_from(part.offset_bytes).unwrap_or(usize::MAX);
        let fits = total_bytes <= limits::ITEM_BODY_BYTES_MAX + limits::ITEM_HEADER_BYTES_MAX * 2
            && offset_bytes == self.bytes.len()
            && !part.bytes.is_empty()
            && self.bytes.len().saturating_add(part.bytes.len()) <= total_bytes;
        if !fits {
            return Err(BundleError::Damaged);
        }
        self.bytes.extend_from_slice(&part.bytes);
        if self.bytes.len() < total_bytes {
            return Ok(None);
        }
        Item::from_bytes(&std::mem::take(&mut self.bytes)).map(Some).map_err(|_| BundleError::Damaged)
    }
}

/// Entries of a feed in their order as runs; those that the reader holds are only named.
#[must_use]
pub fn feed_runs(entries: Vec<Entry>, holds: impl Fn(BootId, Lsn) -> bool) -> Vec<FeedRun> {
    let mut runs: Vec<(bool, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let is_held = holds(entry.log, entry.lsn);
        let continued = runs.last_mut().filter(|(was_held, run)| {
            let follows = |last: &Entry| last.log == entry.log && last.lsn.checked_add(1) == Some(entry.lsn);
            *was_held == is_held && run.last().is_some_and(follows)
        });
        match continued {
            Some((_, run)) => run.push(entry),
            None => runs.push((is_held, vec![entry])),
        }
    }
    let run = |(is_held, entries): (bool, Vec<Entry>)| {
        let first = entries.first()?;
        let (log, first_lsn, count) = (first.log, first.lsn, entries.len() as u64);
        if is_held {
            Some(FeedRun::Own { log, first_lsn, count })
        } else {
            EntryRun::new(entries).map(FeedRun::Bytes)
        }
    };
    runs.into_iter().filter_map(run).collect()
}

/// The same stretch of a feed without its first positions.
#[must_use]
pub fn without_first(runs: Vec<FeedRun>, mut positions: u64) -> Vec<FeedRun> {
    let mut left = Vec::new();
    for run in runs {
        let count = run.count();
        if positions >= count {
            positions -= count;
            continue;
        }
        let skip = std::mem::take(&mut positions);
        match run {
            run if skip == 0 => left.push(run),
            FeedRun::Own { log, first_lsn, count } => {
                left.push(FeedRun::Own {
                    log,
                    first_lsn: first_lsn.saturating_add(skip),
                    count: count - skip,
                });
            }
            FeedRun::Bytes(run) => {
                let skip = usize::try_from(skip).unwrap_or(usize::MAX);
                let entries = run.into_entries().into_iter().skip(skip).collect();
                left.extend(EntryRun::new(entries).map(FeedRun::Bytes));
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::entry;
    use crate::entry::EntryKind;
    use crate::head::SignedHead;
    use crate::ids::DocId;

    const BOOT: BootId = BootId([3; 16]);
    const PROVINCE: ProvinceId = ProvinceId([1; 16]);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[0x77; 32])
    }

    fn public() -> PublicKey {
        PublicKey(key().verifying_key().to_bytes())
    }

    fn header() -> Header {
        Header {
            kind: BundleKind::CHANGES,
            province: PROVINCE,
            from: public(),
            to: vec![Recipient { machine: NodeId([2; 16]), key: vec![9; 80], seal: None }],
            bundle: BundleId([4; 16]),
            part: 1,
            is_last: true,
            at: Millis(1_772_411_732_123),
            size_bytes: 0,
            hash: Hash([0; 32]),
            certificate: None,
        }
    }

    fn file() -> Vec<u8> {
        header().write(b"sealed", |message| key().sign(message).to_bytes())
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_in_no_other_form() {
        let file = file();
        let part = Part::read(&file).unwrap();
        assert_eq!((part.sealed, part.header.part, part.header.size_bytes), (&b"sealed"[..], 1, 6));
        assert_eq!(part.header.to, header().to);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                assert!(Part::read(&changed).is_err(), "byte {at} bit {bit}");
            }
            let cut = Part::read(&file[..at]);
            let is_told = matches!(cut, Err(BundleError::Truncated))
                || (at == 0 && matches!(cut, Err(BundleError::NotABundle)));
            assert!(is_told, "cut at {at}: {cut:?}");
        }
        let longer = [&file[..], b"x"].concat();
        assert!(matches!(Part::read(&longer), Err(BundleError::Damaged)));
        let mut newer = file;
        newer[8] = BUNDLE_VERSION + 1;
        assert!(matches!(Part::read(&newer), Err(BundleError::Newer { found: 2 })));
    }

    #[test]
    fn nobody_can_send_a_part_on_as_their_own() {
        let other = SigningKey::from_bytes(&[0x78; 32]);
        let mut header = header();
        let file = header.clone().write(b"sealed", |message| other.sign(message).to_bytes());
        assert!(matches!(Part::read(&file), Err(BundleError::Damaged)), "another key than it names");
        header.from = PublicKey(other.verifying_key().to_bytes());
        let theirs = Header::seal_info(&header.from, header.bundle, header.part);
        assert_ne!(theirs, Header::seal_info(&public(), header.bundle, header.part));
        assert_ne!(theirs, Header::seal_info(&header.from, header.bundle, 2));
    }

    #[test]
    fn messages_come_back_whole_or_not_at_all() {
        let mut content = Vec::new();
        for message in [&b"one"[..], b"", b"three"] {
            push_message(&mut content, message);
        }
        assert_eq!(messages(&content).unwrap(), [&b"one"[..], b"", b"three"]);
        for end in 1..content.len() {
            if ![7, 11].contains(&end) {
                assert!(messages(&content[..end]).is_err(), "cut at {end}");
            }
        }
        let huge = u32::MAX.to_le_bytes();
        assert!(messages(&huge).is_err());
    }

    fn entries(count: u64) -> Vec<Entry> {
        let entry = |lsn: u64| {
            let body = lsn.to_be_bytes().to_vec();
            let hash = entry::body_hash(&body);
            Entry {
                log: BOOT,
                lsn,
                kind: EntryKind::KEY,
                doc: DocId::NONE,
                hash,
                min_reader: 1,
                body: Some(body),
            }
        };
        (1..=count).map(entry).collect()
    }

    fn head(entries: &[Entry]) -> LogHead {
        let start = entry::chain_start(BOOT);
        let chain = entries.iter().fold(start, |chain, entry| entry::chain_next(chain, entry.link()));
        LogHead { boot: BOOT, lsn: entries.len() as u64, chain }
    }

    fn run(all: &[Entry], first: usize, last: usize) -> ChangeRun {
        let head = head(&all[..last]);
        let signed = SignedHead::sign_with(head, PROVINCE, |bytes| key().sign(bytes).to_bytes());
        let run = EntryRun::new(all[first - 1..last].to_vec()).unwrap();
        ChangeRun { run, chain: head.chain, signature: signed.signature }
    }

    #[test]
    fn a_run_is_used_only_where_it_continues_what_is_here() {
        let all = entries(10);
        let judge = |run: &ChangeRun, here: usize| judge_run(run, &head(&all[..here]), &public(), PROVINCE);
        assert_eq!(judge(&run(&all, 1, 5), 0), RunVerdict::Continues(head(&all[..5])));
        assert_eq!(judge(&run(&all, 3, 8), 5), RunVerdict::Continues(head(&all[..8])));
        assert_eq!(judge(&run(&all, 3, 8), 8), RunVerdict::Known);
        assert_eq!(judge(&run(&all, 7, 8), 5), RunVerdict::Early);
        let mut other = run(&all, 6, 8);
        let mut changed = other.run.clone().into_entries();
        changed[0].hash.0[0] ^= 1;
        other.run = EntryRun::new(changed).unwrap();
        assert_eq!(judge(&other, 5), RunVerdict::Forked);
        other.signature.0[0] ^= 1;
        assert_eq!(judge(&other, 5), RunVerdict::NotSigned);
        let elsewhere = judge_run(&run(&all, 1, 5), &head(&[]), &public(), ProvinceId([9; 16]));
        assert_eq!(elsewhere, RunVerdict::NotSigned);
    }

    #[test]
    fn a_feed_is_cut_anywhere_without_losing_a_position() {
        let all = entries(9);
        let runs = feed_runs(all.clone(), |_, lsn| (4..=6).contains(&lsn));
        assert_eq!(runs.len(), 3);
        assert_eq!(runs[1], FeedRun::Own { log: BOOT, first_lsn: 4, count: 3 });
        for skip in 0..=9u64 {
            let left = without_first(runs.clone(), skip);
            let lsns: Vec<u64> = left
                .iter()
                .flat_map(|run| match run {
                    FeedRun::Own { first_lsn, count, .. } => (*first_lsn..first_lsn + count).collect(),
                    FeedRun::Bytes(run) => run.entries().iter().map(|entry| entry.lsn).collect::<Vec<_>>(),
                })
                .collect();
            assert_eq!(lsns, (skip + 1..=9).collect::<Vec<_>>(), "without {skip}");
        }
    }

    #[test]
    fn an_item_larger_than_a_frame_comes_back_from_its_frames() {
        let body = vec![7; 3 * limits::BATCH_RAW_BYTES];
        let (kind, sign) = (crate::item::ItemKind::DIRECTORY, |bytes: &[u8]| key().sign(bytes).to_bytes());
        let item = Item::sign_with(1, kind, Vec::new(), body, BOOT, Millis(5), sign);
        let frames = item_frames(&item).unwrap();
        assert!(frames.len() > 2);
        let mut joiner = ItemJoiner::default();
        let mut joined = Vec::new();
        for frame in &frames {
            let Ok(Frame::Items(items)) = Frame::decode(&frame.encode().unwrap().bytes) else { panic!() };
            for part in &items.parts {
                joined.extend(joiner.take(part).unwrap());
            }
        }
        assert_eq!(joined, [item]);
        let Frame::Items(second) = &frames[1] else { panic!() };
        assert!(ItemJoiner::default().take(&second.parts[0]).is_err(), "a piece from the middle");
    }
}
