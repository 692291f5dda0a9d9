//! Finding exactly which entries one side holds and the other does not, when both believed to hold the same.
//!
//! Both sides have their entries in one order: by document, whose id begins with the time at which it was made, then
//! by hash. They tell each other counts and fingerprints of ranges; a range that differs is split, a small one is
//! listed, and a list is answered by which of it is here. Fingerprints and names are keyed by the session, so nobody can
//! write entries that cancel each other out.
//!
//! Nothing is loaded as a whole: a set is a [`Members`], visited range by range. Messages, rounds and what is remembered
//! are bounded. It knows nothing of feeds, sessions or what is done about a difference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::convert::Infallible;

use crate::codec::DecodeError;
use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::entry::Lsn;
use crate::ids::BootId;
use crate::ids::ChangeHash;
use crate::ids::DocId;
use crate::ids::ProvinceId;
use crate::limits::RANGE_LIST_MAX;
use crate::limits::RANGE_MESSAGE_BYTES;
use crate::limits::RANGE_MESSAGES_MAX;
use crate::limits::RANGE_PARTS;
use crate::limits::RANGE_PARTS_OF_ALL;
use crate::limits::RANGE_SURPLUS_MAX;
use crate::limits::RANGES_MAX;

/// An entry as one of a set, and where it lies here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// Its document; [`DocId::NONE`] for none.
    pub doc: DocId,
    /// Its hash.
    pub hash: ChangeHash,
    /// Its log.
    pub log: BootId,
    /// Its position there. The same change at two places is two members.
    pub lsn: Lsn,
}

impl Member {
    /// Where it lies in the order.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::from_short(&[self.doc.0.as_slice(), &self.hash.0].concat())
    }
}

/// A place in the order of members: a document id and a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place([u8; Place::LEN]);

impl Place {
    const LEN: usize = DocId::LEN + ChangeHash::LEN;
    /// Before everything.
    pub const START: Self = Self([0; Self::LEN]);

    /// The document and the hash of the first member that can lie here.
    #[must_use]
    pub fn parts(&self) -> (DocId, ChangeHash) {
        let (doc, hash) = self.0.split_at(DocId::LEN);
        let hash = ChangeHash::from_slice(hash).unwrap_or(ChangeHash([0; 32]));
        (DocId::from_slice(doc).unwrap_or(DocId::NONE), hash)
    }

    /// The place that these bytes begin; zeros follow them.
    fn from_short(bytes: &[u8]) -> Self {
        let mut place = Self::START;
        place.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        place
    }

    /// Its bytes without the zeros at the end.
    fn to_short(self) -> Vec<u8> {
        let zeros = self.0.iter().rev().take_while(|byte| **byte == 0).count();
        self.0.iter().take(Self::LEN - zeros).copied().collect()
    }

    /// The place with the fewest bytes that is behind `before` and not behind this one.
    fn shortened(self, before: Self) -> Self {
        let same = self.0.iter().zip(&before.0).take_while(|(a, b)| a == b).count();
        Self::from_short(self.0.get(..=same).unwrap_or(&self.0))
    }
}

/// A set of entries, in the order of [`Place`].
pub trait Members {
    /// How it fails.
    type Error: std::error::Error + 'static;

    /// Shows every member from `from` on and before `to` (to the end with `None`), in order.
    ///
    /// # Errors
    /// When the set cannot be read.
    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), Self::Error>;
}

/// A set in memory: each member at its own place.
impl Members for BTreeMap<Place, Member> {
    type Error = Infallible;

    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), Infallible> {
        let within = self.range(from..).take_while(|(place, _)| to.is_none_or(|to| **place < to));
        within.for_each(|(_, member)| each(*member));
        Ok(())
    }
}

/// What a member is called in one session: 16 bytes of its keyed hash.
pub type Name = [u8; 16];

/// How many members there are, and a sum over them that equal sets share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// The sum of the first 16 bytes of each one's keyed hash, as little-endian integers.
    pub print: u128,
}

/// What one side says of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing more: it is settled.
    Settled,
    /// This is what the sender has in it.
    Sum(Sum),
    /// These are all that the sender has in it, in order.
    List(Vec<Name>),
    /// Answer to a list: for each of it, whether the sender has it.
    Seen(Vec<bool>),
}

/// One range of a message. Ranges follow each other; the first begins before everything, the last has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first place that is no longer in it; `None` for the end of everything.
    pub to: Option<Place>,
    /// What is said of it.
    pub said: Said,
}

impl Range {
    const fn is_open(&self) -> bool {
        matches!(self.said, Said::Sum(_) | Said::List(_))
    }
}

const SETTLED: u8 = 0;
const SUM: u8 = 1;
const LIST: u8 = 2;
const SEEN: u8 = 3;

/// The ranges of one message as bytes (SPEC.md).
#[must_use]
pub fn to_bytes(ranges: &[Range]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(ranges, &mut bytes);
    bytes
}

fn write(ranges: &[Range], out: &mut Vec<u8>) {
    for range in ranges {
        put_bytes(out, &range.to.map_or_else(Vec::new, Place::to_short));
        match &range.said {
            Said::Settled => out.push(SETTLED),
            Said::Sum(sum) => {
                out.push(SUM);
                put(out, sum.count);
                out.extend_from_slice(&sum.print.to_le_bytes());
            }
            Said::List(names) => {
                out.push(LIST);
                put_len(out, names.len());
                names.iter().for_each(|name| out.extend_from_slice(name));
            }
            Said::Seen(seen) => {
                out.push(SEEN);
                put_len(out, seen.len());
                for eight in seen.chunks(8) {
                    out.push((0..).zip(eight).fold(0, |bits, (at, is_here)| bits | u8::from(*is_here) << at));
                }
            }
        }
    }
}

/// Reads what [`to_bytes`] wrote, to the end of the bytes.
///
/// # Errors
/// The bytes are no message, or one beyond its bounds.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Range>, DecodeError> {
    let mut bytes = Bytes(bytes);
    let mut ranges: Vec<Range> = Vec::new();
    let mut before = Place::START;
    loop {
        let range = read_one(&mut bytes).ok_or(DecodeError::Invalid("a range"))?;
        let is_last = range.to.is_none();
        if let Some(to) = range.to {
            if to <= before {
                return Err(DecodeError::Invalid("ranges out of order"));
            }
            before = to;
        }
        ranges.push(range);
        match (is_last, bytes.is_empty()) {
            (true, true) => return Ok(ranges),
            (false, false) if ranges.len() < RANGES_MAX => {}
            _ => return Err(DecodeError::Invalid("number of ranges")),
        }
    }
}

fn read_one(bytes: &mut Bytes<'_>) -> Option<Range> {
    let to = bytes.bytes()?;
    let to = match to.last() {
        None => None,
        Some(0) => return None,
        Some(_) => Some(to).filter(|to| to.len() <= Place::LEN).map(Place::from_short).map(Some)?,
    };
    let said = match bytes.byte()? {
        SETTLED => Said::Settled,
        SUM => Said::Sum(Sum { count: bytes.number()?, print: u128::from_le_bytes(bytes.array()?) }),
        LIST => {
            let count = bytes.counted(RANGE_LIST_MAX)?;
            Said::List((0..count).map(|_| bytes.array()).collect::<Option<_>>()?)
        }
        SEEN => {
            let count = bytes.counted(RANGE_LIST_MAX)?;
            let bits = bytes.take(count.div_ceil(8))?;
            let all = bits.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1));
            Said::Seen(all.take(count).collect())
        }
        _ => return None,
    };
    Some(Range { to, said })
}

/// Why a comparison cannot go on. Nothing was changed by it.
#[derive(Debug, thiserror::Error)]
pub enum RangeError<E: std::error::Error + 'static> {
    /// The set here cannot be read.
    #[error(transparent)]
    Members(E),
    /// The other side answered a list that was not sent: its set or ours moved, or it breaks the protocol.
    #[error("the other side answers for {theirs} members, there are {ours}")]
    Moved {
        /// How many there are here.
        ours: usize,
        /// For how many it answers.
        theirs: usize,
    },
    /// More messages than any two sets need.
    #[error("no end after {0} messages")]
    Endless(u32),
}

/// What a store answers when it has compared: how far it has come, and what to send, if anything.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The comparison as it is now.
    pub comparison: Comparison,
    /// The next message.
    pub ours: Option<Vec<Range>>,
}

impl Compared {
    /// Takes the other side's message over a set, or begins with `None`. `Ok(None)` when the sets do not fit what was
    /// said of them: one of them has moved.
    ///
    /// # Errors
    /// The set cannot be read.
    pub fn over<M: Members>(
        mut comparison: Comparison,
        theirs: Option<&[Range]>,
        members: &mut M,
    ) -> Result<Option<Self>, M::Error> {
        let ours = match theirs {
            None => comparison.begin(members).map(Some),
            Some(theirs) => comparison.answer(members, theirs),
        };
        match ours {
            Ok(ours) => Ok(Some(Self { comparison, ours })),
            Err(RangeError::Members(error)) => Err(error),
            Err(RangeError::Moved { .. } | RangeError::Endless(_)) => Ok(None),
        }
    }
}

/// One side of one comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    key: [u8; 32],
    surplus: BTreeSet<Member>,
    is_overfull: bool,
    messages: u32,
    is_over: bool,
}

impl Comparison {
    /// A comparison in the session with this number.
    #[must_use]
    pub fn new(province: ProvinceId, session: u64) -> Self {
        let keyed = [province.0.as_slice(), &session.to_be_bytes()].concat();
        let key = blake3::derive_key("motcua range v1", &keyed);
        Self { key, surplus: BTreeSet::new(), is_overfull: false, messages: 0, is_over: false }
    }

    /// Whether both sides have said everything.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// What is here and not at the other side, once it is over: exactly that, or, when [`is_overfull`] says so, the
    /// first [`RANGE_SURPLUS_MAX`] of it.
    ///
    /// [`is_overfull`]: Self::is_overfull
    #[must_use]
    pub const fn surplus(&self) -> &BTreeSet<Member> {
        &self.surplus
    }

    /// Whether the surplus is larger than what is remembered.
    #[must_use]
    pub const fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    /// The first message: what is here, in one number.
    ///
    /// # Errors
    /// The set cannot be read.
    pub fn begin<M: Members>(&mut self, members: &mut M) -> Result<Vec<Range>, RangeError<M::Error>> {
        let sum = self.sum(members, Place::START, None)?;
        self.messages += 1;
        Ok(vec![Range { to: None, said: Said::Sum(sum) }])
    }

    /// Takes a message of the other side. Returns the answer; `None` when none is due and the comparison is over.
    ///
    /// # Errors
    /// The set cannot be read, or the other side answers something impossible.
    pub fn answer<M: Members>(
        &mut self,
        members: &mut M,
        theirs: &[Range],
    ) -> Result<Option<Vec<Range>>, RangeError<M::Error>> {
        self.messages += 2;
        if self.messages > RANGE_MESSAGES_MAX {
            return Err(RangeError::Endless(self.messages));
        }
        let mut ours = Message::default();
        let mut from = Place::START;
        let whole = theirs.len() == 1;
        for Range { to, said } in theirs {
            if ours.size_bytes > RANGE_MESSAGE_BYTES {
                // What is left is told as one, and split again in its turn.
                let rest = self.sum(members, from, None)?;
                ours.say(None, Said::Sum(rest));
                break;
            }
            match said {
                Said::Settled => ours.say(*to, Said::Settled),
                Said::Sum(theirs) => {
                    let sum = self.sum(members, from, *to)?;
                    if sum == *theirs {
                        ours.say(*to, Said::Settled);
                    } else if sum.count <= RANGE_LIST_MAX as u64 {
                        let names = self.names(members, from, *to)?;
                        ours.say(*to, Said::List(names.into_iter().map(|(name, _)| name).collect()));
                    } else {
                        let parts = if whole { RANGE_PARTS_OF_ALL } else { RANGE_PARTS };
                        self.split(members, from, *to, sum.count.div_ceil(parts), &mut ours)?;
                    }
                }
                Said::List(names) => {
                    let mut places: HashMap<&Name, usize> = names.iter().zip(0..).collect();
                    let mut seen = vec![false; names.len()];
                    let mut surplus = Vec::new();
                    let key = self.key;
                    let keep = RANGE_SURPLUS_MAX;
                    let mut each = |member: Member| match places.remove(&name_of(&key, &member)) {
                        Some(at) => seen.iter_mut().skip(at).take(1).for_each(|seen| *seen = true),
                        None if surplus.len() <= keep => surplus.push(member),
                        None => {}
                    };
                    members.visit(from, *to, &mut each).map_err(RangeError::Members)?;
                    surplus.into_iter().for_each(|member| self.keep(member));
                    ours.say(*to, Said::Seen(seen));
                }
                Said::Seen(seen) => {
                    let names = self.names(members, from, *to)?;
                    if names.len() != seen.len() {
                        return Err(RangeError::Moved { ours: names.len(), theirs: seen.len() });
                    }
                    let missing = names.iter().zip(seen).filter(|(_, is_there)| !**is_there);
                    missing.for_each(|((_, member), _)| self.keep(*member));
                    ours.say(*to, Said::Settled);
                }
            }
            from = to.unwrap_or(from);
        }
        let is_theirs_last = !theirs.iter().any(Range::is_open);
        self.is_over = is_theirs_last || !ours.ranges.iter().any(Range::is_open);
        Ok((!is_theirs_last).then_some(ours.ranges))
    }

    fn keep(&mut self, member: Member) {
        if self.surplus.len() < RANGE_SURPLUS_MAX || self.surplus.contains(&member) {
            self.surplus.insert(member);
        } else {
            self.is_overfull = true;
        }
    }

    fn sum<M: Members>(
        &self,
        members: &mut M,
        from: Place,
        to: Option<Place>,
    ) -> Result<Sum, RangeError<M::Error>> {
        let mut sum = Sum::default();
        members.visit(from, to, &mut |member| sum = self.plus(sum, &member)).map_err(RangeError::Members)?;
        Ok(sum)
    }

    fn plus(&self, sum: Sum, member: &Member) -> Sum {
        let [print, _] = hash_of(&self.key, member);
        Sum { count: sum.count.saturating_add(1), print: sum.print.wrapping_add(u128::from_le_bytes(print)) }
    }

    /// The members of a range by name, at most one more than a list may hold.
    fn names<M: Members>(
        &self,
        members: &mut M,
        from: Place,
        to: Option<Place>,
    ) -> Result<Vec<(Name, Member)>, RangeError<M::Error>> {
        let mut names = Vec::new();
        let mut each = |member: Member| {
            if names.len() <= RANGE_LIST_MAX {
                names.push((name_of(&self.key, &member), member));
            }
        };
        members.visit(from, to, &mut each).map_err(RangeError::Members)?;
        Ok(names)
    }

    /// Says of a range what is in each of its parts of about `count` members.
    fn split<M: Members>(
        &self,
        members: &mut M,
        from: Place,
        to: Option<Place>,
        count: u64,
        ours: &mut Message,
    ) -> Result<(), RangeError<M::Error>> {
        let mut sum = Sum::default();
        let mut last = Place::START;
        let mut each = |member: Member| {
            let place = member.place();
            if sum.count >= count && place > last {
                ours.say(Some(place.shortened(last)), Said::Sum(std::mem::take(&mut sum)));
            }
            sum = self.plus(sum, &member);
            last = place;
        };
        members.visit(from, to, &mut each).map_err(RangeError::Members)?;
        ours.say(to, Said::Sum(sum));
        Ok(())
    }
}

fn hash_of(key: &[u8; 32], member: &Member) -> [[u8; 16]; 2] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher
        .update(&member.doc.0)
        .update(&member.hash.0)
        .update(&member.log.0)
        .update(&member.lsn.to_be_bytes());
    let hash = *hasher.finalize().as_bytes();
    let (print, name) = hash.split_at(16);
    [print, name].map(|half| half.try_into().unwrap_or_default())
}

fn name_of(key: &[u8; 32], member: &Member) -> Name {
    let [_, name] = hash_of(key, member);
    name
}

/// A message while it is written.
#[derive(Debug, Default)]
struct Message {
    ranges: Vec<Range>,
    size_bytes: usize,
}

impl Message {
    fn say(&mut self, to: Option<Place>, said: Said) {
        // Settled ranges side by side are one.
        if let (Said::Settled, Some(last)) = (&said, self.ranges.last_mut())
            && last.said == Said::Settled
        {
            last.to = to;
            return;
        }
        let range = Range { to, said };
        let mut bytes = Vec::new();
        write(std::slice::from_ref(&range), &mut bytes);
        self.size_bytes = self.size_bytes.saturating_add(bytes.len());
        self.ranges.push(range);
    }
}

#[cfg(test)]
mod tests;
