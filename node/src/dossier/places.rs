//! A set of places in an order: what an act had seen, what excludes what. Joined and compared 64 at a time, so
//! that long histories stay cheap.

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Places(Vec<u64>);

impl Places {
    /// The numbers below `count`.
    pub(crate) fn below(count: usize) -> Self {
        let mut all = Self(vec![u64::MAX; count / 64]);
        if !count.is_multiple_of(64) {
            all.0.push((1 << (count % 64)) - 1);
        }
        all
    }

    /// The empty set.
    pub(crate) const fn nowhere() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub(crate) fn add(&mut self, place: usize) {
        if self.0.len() <= place / 64 {
            self.0.resize(place / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(crate) fn remove(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
        self.trim();
    }

    /// Adds every member of `other`.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Keeps only members of `other`.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, kept) in self.0.iter_mut().zip(&other.0) {
            *word &= kept;
        }
        self.trim();
    }

    /// Drops every member of `other`.
    pub(crate) fn drop_all(&mut self, other: &Self) {
        for (word, gone) in self.0.iter_mut().zip(&other.0) {
            *word &= !gone;
        }
        self.trim();
    }

    /// The members that `other` has too.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = Self(self.0.iter().zip(&other.0).map(|(word, kept)| word & kept).collect());
        both.trim();
        both
    }

    /// The members that `other` lacks.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.drop_all(other);
        rest
    }

    /// Whether the two have a member in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(word, more)| word & more != 0)
    }

    /// Whether every member is one of `other`.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let mut others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().all(|word| others.next().is_some_and(|more| word & !more == 0))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The members, smallest first.
    pub(crate) fn members(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let word = *word;
            let bits = if word == 0 { 0..0 } else { 0..64_usize };
            bits.filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }

    /// Equal sets have equal words.
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl FromIterator<usize> for Places {
    fn from_iter<I: IntoIterator<Item = usize>>(members: I) -> Self {
        let mut set = Self::default();
        members.into_iter().for_each(|place| set.add(place));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn members() -> impl Strategy<Value = BTreeSet<usize>> {
        prop::collection::btree_set(0..300_usize, 0..40)
    }

    fn set(members: &BTreeSet<usize>) -> Places {
        members.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn places_are_a_set(one in members(), other in members()) {
            let (left, right) = (set(&one), set(&other));
            prop_assert_eq!(left.members().collect::<BTreeSet<_>>(), one.clone());
            prop_assert_eq!(left.and(&right), set(&one.intersection(&other).copied().collect()));
            prop_assert_eq!(left.without(&right), set(&one.difference(&other).copied().collect()));
            prop_assert_eq!(left.meets(&right), !one.is_disjoint(&other));
            prop_assert_eq!(left.is_within(&right), one.is_subset(&other));
            prop_assert_eq!(left.is_empty(), one.is_empty());
            let mut both = left.clone();
            both.join(&right);
            prop_assert_eq!(&both, &set(&one.union(&other).copied().collect()));
            both.keep(&left);
            prop_assert_eq!(&both, &left);
            let mut emptied = left.clone();
            one.iter().for_each(|place| emptied.remove(*place));
            prop_assert_eq!(emptied, Places::default());
        }

        #[test]
        fn below_is_every_number_below(count in 0..300_usize) {
            prop_assert_eq!(Places::below(count), (0..count).collect());
        }
    }
}
