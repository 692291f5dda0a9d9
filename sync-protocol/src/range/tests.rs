use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// A set in memory, which notes how much of it was visited.
#[derive(Debug, Default)]
struct Set {
    members: BTreeMap<Place, Member>,
    visited: usize,
}

impl Members for Set {
    type Error = Infallible;

    fn visit(
        &mut self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), Infallible> {
        let visited = &mut self.visited;
        self.members.visit(from, to, &mut |member| {
            *visited += 1;
            each(member);
        })
    }
}

impl Set {
    fn of(members: impl IntoIterator<Item = Member>) -> Self {
        Self { members: members.into_iter().map(|member| (member.place(), member)).collect(), visited: 0 }
    }

    fn without(&self, other: &Self) -> BTreeSet<Member> {
        self.members.values().filter(|member| !other.members.contains_key(&member.place())).copied().collect()
    }
}

/// An entry of a document of which there are several, at a hash that `seed` decides.
fn member(document: u32, seed: u32) -> Member {
    let mut doc = [0; 16];
    doc[..4].copy_from_slice(&document.to_be_bytes());
    let hash = *blake3::hash(&[document.to_be_bytes(), seed.to_be_bytes()].concat()).as_bytes();
    Member { doc: DocId(doc), hash: ChangeHash(hash), log: BootId([7; 16]), lsn: u64::from(seed) + 1 }
}

/// What a comparison took.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    messages: usize,
    bytes: usize,
    largest_bytes: usize,
}

/// Runs a comparison over bytes and checks that each side is told exactly what it has more.
fn compare(here: &mut Set, there: &mut Set) -> Took {
    let (mut ours, mut theirs) =
        (Comparison::new(ProvinceId([1; 16]), 42), Comparison::new(ProvinceId([1; 16]), 42));
    let mut took = Took::default();
    let mut message = Some(ours.begin(here).unwrap());
    let mut is_to_there = true;
    while let Some(ranges) = message.take() {
        let bytes = to_bytes(&ranges);
        took.messages += 1;
        took.bytes += bytes.len();
        took.largest_bytes = took.largest_bytes.max(bytes.len());
        let ranges = from_bytes(&bytes).unwrap();
        let (side, set) = if is_to_there { (&mut theirs, &mut *there) } else { (&mut ours, &mut *here) };
        message = side.answer(set, &ranges).unwrap();
        is_to_there = !is_to_there;
    }
    assert!(ours.is_over() && theirs.is_over());
    assert!(!ours.is_overfull() && !theirs.is_overfull());
    assert_eq!(*ours.surplus(), here.without(there));
    assert_eq!(*theirs.surplus(), there.without(here));
    took
}

fn many(documents: u32, entries: u32) -> impl Iterator<Item = Member> {
    (0..documents).flat_map(move |document| (0..entries).map(move |seed| member(document, seed)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Sets that have much, something or nothing in common, with differences apart or side by side.
    #[test]
    fn exactly_the_difference_is_found(
        common in prop::collection::vec((0u32..400, 0u32..9), 0..1500),
        here in prop::collection::vec((0u32..400, 9u32..15), 0..200),
        there in prop::collection::vec((0u32..400, 15u32..20), 0..200),
        block in 0u32..400,
    ) {
        let of = |pairs: &[(u32, u32)]| pairs.iter().map(|(document, seed)| member(*document, *seed)).collect::<Vec<_>>();
        let both = of(&common);
        let mut a = Set::of(both.iter().copied().chain(of(&here)));
        // The other one has lost everything from one document on, too.
        let mut b = Set::of(both.into_iter().chain(of(&there)).filter(|one| *one < member(block, 0)));
        compare(&mut a, &mut b);
        compare(&mut b, &mut a);
    }

    #[test]
    fn arbitrary_messages_are_read_within_bounds_and_written_again(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for bytes in [bytes.clone(), bytes.iter().map(|byte| byte & 3).collect()] {
            if let Ok(ranges) = from_bytes(&bytes) {
                prop_assert_eq!(from_bytes(&to_bytes(&ranges)).unwrap(), ranges.clone());
                let mut set = Set::of(many(5, 40));
                let _ = Comparison::new(ProvinceId([1; 16]), 1).answer(&mut set, &ranges);
            }
        }
    }
}

#[test]
fn equal_sets_take_one_round_trip_and_some_bytes() {
    let (mut a, mut b) = (Set::of(many(500, 8)), Set::of(many(500, 8)));
    let took = compare(&mut a, &mut b);
    assert_eq!((took.messages, took.bytes), (2, 20 + 2));
    assert_eq!(a.visited, 4000, "each side looks once");
}

#[test]
fn one_entry_among_four_hundred_thousand_is_found_in_three_round_trips() {
    let (mut a, mut b) = (Set::of(many(50_000, 8)), Set::of(many(50_000, 8)));
    b.members.remove(&member(31_415, 3).place());
    let took = compare(&mut a, &mut b);
    assert!(took.messages <= 6 && took.bytes < 5_000, "{took:?}");
    assert!(a.visited + b.visited < 5 * 400_000, "{} {}", a.visited, b.visited);
}

#[test]
fn messages_stay_small_when_nothing_is_common() {
    let (mut a, mut b) = (Set::of(many(3_000, 8)), Set::of((0..3_000).map(|document| member(document, 77))));
    let took = compare(&mut a, &mut b);
    assert!(took.largest_bytes < 2 * RANGE_MESSAGE_BYTES, "{took:?}");
    let mut b = Set::of((0..20_000).map(|document| member(document, 99)));
    let took = compare(&mut a, &mut b);
    assert!(took.largest_bytes < 2 * RANGE_MESSAGE_BYTES, "{took:?}");
    let mut nothing = Set::default();
    let took = compare(&mut a, &mut nothing);
    assert!(took.messages <= 4 && took.bytes < 4_000, "{took:?}");
}

#[test]
fn a_surplus_beyond_the_bound_is_not_kept_and_is_told() {
    let (mut a, mut b) = (Set::of(many(9_000, 8)), Set::default());
    let (mut ours, mut theirs) =
        (Comparison::new(ProvinceId([1; 16]), 1), Comparison::new(ProvinceId([1; 16]), 1));
    let first = theirs.begin(&mut b).unwrap();
    let sums = ours.answer(&mut a, &first).unwrap().unwrap();
    let lists = theirs.answer(&mut b, &sums).unwrap().unwrap();
    ours.answer(&mut a, &lists).unwrap();
    assert!(ours.is_overfull() && ours.surplus().len() == RANGE_SURPLUS_MAX);
}

#[test]
fn an_answer_to_another_list_is_refused() {
    let mut set = Set::of(many(1, 3));
    let seen = [Range { to: None, said: Said::Seen(vec![true; 2]) }];
    let answered = Comparison::new(ProvinceId([1; 16]), 1).answer(&mut set, &seen);
    assert!(matches!(answered, Err(RangeError::Moved { ours: 3, theirs: 2 })), "{answered:?}");
}

#[test]
fn sums_are_keyed_by_province_and_session() {
    let sum_in = |province: u8, session: u64| {
        Comparison::new(ProvinceId([province; 16]), session).begin(&mut Set::of(many(3, 3))).unwrap()
    };
    assert_eq!(sum_in(1, 1), sum_in(1, 1));
    assert_ne!(sum_in(1, 1), sum_in(1, 2));
    assert_ne!(sum_in(1, 1), sum_in(2, 1));
}

#[test]
fn ranges_out_of_order_without_end_or_beyond_their_bounds_are_refused() {
    let settled =
        |to: Option<u8>| Range { to: to.map(|byte| Place::from_short(&[byte])), said: Said::Settled };
    assert!(from_bytes(&to_bytes(&[settled(Some(1)), settled(Some(2)), settled(None)])).is_ok());
    let long = Range { to: None, said: Said::List(vec![[0; 16]; RANGE_LIST_MAX + 1]) };
    for (name, ranges) in [
        ("nothing", vec![]),
        ("no end", vec![settled(Some(1))]),
        ("two ends", vec![settled(None), settled(None)]),
        ("backwards", vec![settled(Some(2)), settled(Some(1)), settled(None)]),
        ("empty", vec![settled(Some(2)), settled(Some(2)), settled(None)]),
        ("too long a list", vec![long]),
    ] {
        assert!(from_bytes(&to_bytes(&ranges)).is_err(), "{name}");
    }
    let mut too_many: Vec<Range> = (0..u32::try_from(RANGES_MAX).unwrap())
        .map(|at| Range { to: Some(Place::from_short(&(at + 1).to_be_bytes())), said: Said::Settled })
        .collect();
    too_many.push(settled(None));
    assert!(from_bytes(&to_bytes(&too_many)).is_err());
}
