//! What of a numbered sequence is here: a contiguous prefix and a few ranges beyond it.
//!
//! A line delivers in order; a bundle may bring 201-300 before 101-200.

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use minicbor::Encoder;
use minicbor::decode;
use minicbor::encode;

use crate::limits::POSITION_RANGES_MAX;

/// Numbers 1 to [`contiguous`](Self::contiguous), and at most [`POSITION_RANGES_MAX`] ranges beyond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    contiguous: u64,
    /// Ascending, apart from each other and from the prefix by one number at least.
    beyond: Vec<(u64, u64)>,
}

/// Why a range cannot be noted. Keep what it stands for elsewhere, and offer it again when gaps have closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// It would be one range too many.
    #[error("more than {POSITION_RANGES_MAX} ranges apart")]
    Full,
    /// Begins at 0 or ends before it begins.
    #[error("not a range")]
    NotARange,
}

impl Position {
    /// A prefix without anything beyond it.
    #[must_use]
    pub const fn up_to(contiguous: u64) -> Self {
        Self { contiguous, beyond: Vec::new() }
    }

    /// The last number before the first gap; 0 when the first is missing.
    #[must_use]
    pub const fn contiguous(&self) -> u64 {
        self.contiguous
    }

    /// The ranges beyond the prefix, ascending, both ends included.
    #[must_use]
    pub fn beyond(&self) -> &[(u64, u64)] {
        &self.beyond
    }

    /// The largest number held.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.beyond.last().map_or(self.contiguous, |range| range.1)
    }

    /// Whether the number is held.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        (1..=self.contiguous).contains(&number)
            || self.beyond.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Notes `first` to `last` as held. Noting again does nothing.
    ///
    /// # Errors
    /// Nothing changes: it is no range, or one too many.
    pub fn insert(&mut self, first: u64, last: u64) -> Result<(), PositionError> {
        if first == 0 || last < first {
            return Err(PositionError::NotARange);
        }
        let (mut first, mut last) = (first, last);
        let mut beyond = Vec::with_capacity(self.beyond.len() + 1);
        if first <= self.contiguous.saturating_add(1) {
            first = 1;
            last = last.max(self.contiguous);
        }
        for &(from, to) in &self.beyond {
            if to.saturating_add(1) < first || from > last.saturating_add(1) {
                beyond.push((from, to));
            } else {
                (first, last) = (first.min(from), last.max(to));
            }
        }
        if first == 1 {
            self.contiguous = last;
        } else {
            if beyond.len() == POSITION_RANGES_MAX {
                return Err(PositionError::Full);
            }
            beyond.push((first, last));
            beyond.sort_unstable();
        }
        self.beyond = beyond;
        Ok(())
    }

    /// The gaps up to and including `head`, ascending, both ends included.
    pub fn gaps(&self, head: u64) -> impl Iterator<Item = (u64, u64)> {
        let mut next = self.contiguous.saturating_add(1);
        let ends = self.beyond.iter().copied().chain([(head.saturating_add(1), u64::MAX)]);
        ends.filter_map(move |(from, to)| {
            let gap = (next, from.saturating_sub(1).min(head));
            next = to.saturating_add(1);
            (gap.0 <= gap.1).then_some(gap)
        })
        .collect::<Vec<_>>()
        .into_iter()
    }
}

impl<C> Encode<C> for Position {
    /// A list: the prefix, then every range as the distance from the last end and its length less one.
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.array(1 + 2 * self.beyond.len() as u64)?.u64(self.contiguous)?;
        let mut end = self.contiguous;
        for (first, last) in &self.beyond {
            encoder.u64(first - end)?.u64(last - first)?;
            end = *last;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Position {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = decoder.position();
        let wrong = || decode::Error::message("not a position").at(at);
        let length = decoder.array()?.filter(|length| length % 2 == 1).ok_or_else(wrong)?;
        if length > 1 + 2 * POSITION_RANGES_MAX as u64 {
            return Err(wrong());
        }
        let mut position = Self::up_to(decoder.u64()?);
        let mut end = position.contiguous;
        for _ in 0..length / 2 {
            let distance = decoder.u64()?;
            let first = end.checked_add(distance).filter(|_| distance >= 2).ok_or_else(wrong)?;
            end = first.checked_add(decoder.u64()?).ok_or_else(wrong)?;
            position.beyond.push((first, end));
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::codec;

    proptest! {
        #[test]
        fn a_position_is_the_set_of_what_was_noted(ranges in prop::collection::vec((1u64..200, 0u64..12), 0..60)) {
            let mut position = Position::default();
            let mut set = BTreeSet::new();
            for (first, more) in ranges {
                if position.insert(first, first + more).is_ok() {
                    set.extend(first..=first + more);
                }
                let contiguous = (1..).take_while(|number| set.contains(number)).last().unwrap_or(0);
                prop_assert_eq!(position.contiguous(), contiguous);
                prop_assert_eq!(position.highest(), set.last().copied().unwrap_or(0));
                prop_assert!((0..230).all(|number| position.contains(number) == set.contains(&number)));
                prop_assert!(position.beyond().len() <= POSITION_RANGES_MAX);
                let gaps: BTreeSet<u64> = position.gaps(150).flat_map(|(first, last)| first..=last).collect();
                prop_assert_eq!(gaps, (1..=150).filter(|number| !set.contains(number)).collect());
                let bytes = codec::to_cbor(&position);
                prop_assert_eq!(codec::from_cbor::<Position>(&bytes).unwrap(), position.clone());
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_a_sound_position(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(position) = codec::from_cbor::<Position>(&bytes) {
                let mut built = Position::up_to(position.contiguous());
                for (first, last) in position.beyond() {
                    built.insert(*first, *last).unwrap();
                }
                prop_assert_eq!(built, position);
            }
        }
    }

    #[test]
    fn a_bundle_out_of_order_is_noted_and_joined() {
        let mut position = Position::up_to(100);
        position.insert(201, 300).unwrap();
        assert_eq!((position.contiguous(), position.highest()), (100, 300));
        assert_eq!(position.gaps(300).collect::<Vec<_>>(), [(101, 200)]);
        position.insert(101, 200).unwrap();
        assert_eq!(position, Position::up_to(300));
    }

    #[test]
    fn one_range_too_many_changes_nothing() {
        let mut position = Position::default();
        for n in 1..=POSITION_RANGES_MAX as u64 {
            position.insert(n * 10, n * 10 + 1).unwrap();
        }
        let before = position.clone();
        assert_eq!(position.insert(500, 501), Err(PositionError::Full));
        assert_eq!(position.insert(0, 5), Err(PositionError::NotARange));
        assert_eq!(position.insert(9, 8), Err(PositionError::NotARange));
        assert_eq!(position, before);
        position.insert(12, 19).unwrap();
        assert_eq!(position.beyond().len(), POSITION_RANGES_MAX - 1, "closing a gap is always possible");
        position.insert(u64::MAX, u64::MAX).unwrap();
        assert_eq!(position.highest(), u64::MAX);
        assert_eq!(position.gaps(u64::MAX).last(), Some((162, u64::MAX - 1)));
    }
}
