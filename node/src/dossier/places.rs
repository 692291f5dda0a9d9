//! A set of places in an order: what an act had seen. Joined 64 at a time, so that long histories stay cheap.

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(Vec<u64>);

impl Places {
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

    /// Adds every member of `other`.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
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
        let mut set = Places::default();
        members.iter().for_each(|place| set.add(*place));
        set
    }

    proptest! {
        #[test]
        fn places_are_a_set(one in members(), other in members()) {
            let mut both = set(&one);
            both.join(&set(&other));
            for place in 0..300 {
                prop_assert_eq!(both.has(place), one.contains(&place) || other.contains(&place));
            }
        }
    }
}
