//! Random histories: machines of several seats do what the desk lets them do, hear each other or not, settle and
//! are marked. Whatever was done apart, the rules of "Validity" hold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::bodies::*;
use super::machine::Machine;
use super::machine::summary;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Kind;
use crate::dossier::act::MarkKind;
use crate::dossier::document::Document;
use crate::dossier::document::RawChange;
use crate::dossier::fold::Standing;
use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::dossier::table::row_of;

/// What a random officer may try.
const BODIES: &[fn() -> Body] = &[
    || step("mot").into(),
    || step("hai").into(),
    || assign("H27.101/04").into(),
    || take_over().into(),
    || transfer("H27.101").into(),
    || transfer("H27.102").into(),
    || take_over().into(),
    || transfer("H27.103").into(),
    || recall().into(),
    || decline().into(),
    || recall().into(),
    || hand_over("H27.90").into(),
    || external_result().into(),
    || supplement().into(),
    || supplemented(1).into(),
    || supplemented(2).into(),
    || sign_as("1").into(),
    || sign_as("2").into(),
    || issue().into(),
    || issue().into(),
    || sign_as("1").into(),
    || issue().into(),
    || finish().into(),
    || refuse().into(),
    || hand_out().into(),
    || post().into(),
    || stop().into(),
    || resume().into(),
    || extend(3).into(),
    || reassign("H27.103").into(),
    || note().into(),
    || note().into(),
];

#[derive(Clone, Debug)]
enum Move {
    Try { machine: usize, body: usize },
    Hear { machine: usize, from: usize },
    Gather,
    Answer,
    Settle { machine: usize, pick: usize, other: usize },
    SettleField { machine: usize, pick: usize },
    Correct { machine: usize, value: u8 },
    Mark { kind: usize, pick: usize },
}

const SEATS: [&str; 6] = ["H27.101", "H27.101", "H27.102", "H27.102", "H27.103", "H27"];
const PROVINCE: usize = 5;

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let machine = 0..SEATS.len();
    let one = prop_oneof![
        8 => (machine.clone(), 0..BODIES.len()).prop_map(|(machine, body)| Move::Try { machine, body }),
        4 => (machine.clone(), machine.clone()).prop_map(|(machine, from)| Move::Hear { machine, from }),
        1 => Just(Move::Gather),
        1 => Just(Move::Answer),
        2 => (machine.clone(), 0..8_usize, 0..8_usize)
            .prop_map(|(machine, pick, other)| Move::Settle { machine, pick, other }),
        1 => (machine.clone(), 0..8_usize).prop_map(|(machine, pick)| Move::SettleField { machine, pick }),
        1 => (machine, any::<u8>()).prop_map(|(machine, value)| Move::Correct { machine, value }),
        1 => (0..6_usize, 0..40_usize).prop_map(|(kind, pick)| Move::Mark { kind, pick }),
    ];
    prop::collection::vec(one, 1..60)
}

/// What one machine saw after one of its moves.
struct Glimpse {
    known: usize,
    machine: usize,
    summary: String,
}

#[derive(Default)]
struct Played {
    machines: Vec<Machine>,
    glimpses: Vec<Glimpse>,
}

/// All machines start from one receipt; whatever the desk refuses is not done.
fn play(moves: &[Move]) -> Played {
    let mut first = Machine::new(1, "H27.101");
    first.receive("H27.102");
    let mut machines = vec![first];
    for (number, seat) in (2..).zip(&SEATS[1..]) {
        let twin = machines[0].twin(number, seat);
        machines.push(twin);
    }
    let mut glimpses = Vec::new();
    for step in moves {
        let acting = match *step {
            Move::Try { machine, body } => {
                // Somebody who is refused one thing does another.
                let bodies = (0..6).map(|turn| BODIES[(body + turn * 5) % BODIES.len()]());
                let here = &mut machines[machine];
                let _done = bodies.into_iter().find(|body| here.try_write(body.clone()).is_ok());
                machine
            }
            Move::Hear { machine, from } => {
                let heard: Vec<RawChange> = machines[from].changes.clone();
                machines[machine].take(&heard);
                machine
            }
            Move::Gather => {
                let heard = everything(&machines);
                machines.iter_mut().for_each(|machine| machine.take(&heard));
                0
            }
            // The holder transfers, all hear it, and everybody answers without hearing the others.
            Move::Answer => {
                let _sent = machines.iter_mut().any(|machine| {
                    let sent = machine.try_write(transfer("H27.103"));
                    sent.or_else(|_| machine.try_write(transfer("H27.101"))).is_ok()
                });
                let heard = everything(&machines);
                machines.iter_mut().for_each(|machine| machine.take(&heard));
                for (place, machine) in machines.iter_mut().enumerate() {
                    let first: Body = if place == 1 { decline().into() } else { take_over().into() };
                    let _refused = machine.try_write(first).or_else(|_| machine.try_write(recall()));
                }
                0
            }
            Move::Settle { machine, pick, other } => {
                let open: Vec<ActId> = machines[machine].contested().into_iter().collect();
                if let (Some(choice), Some(beside)) =
                    (open.get(pick % open.len().max(1)), open.get(other % open.len().max(1)))
                {
                    let mut acts = vec![*choice, *beside];
                    acts.dedup();
                    let _refused = machines[machine].try_write(settle(&acts, *choice));
                }
                machine
            }
            Move::SettleField { machine, pick } => {
                let state = machines[machine].state();
                let open: Vec<ActId> = state.fields["owner.name"].iter().map(|value| value.by).collect();
                let choice = open[pick % open.len()];
                let _refused = machines[machine].try_write(settle_field("owner.name", &open, choice));
                machine
            }
            Move::Correct { machine, value } => {
                let value = format!("Thử {value}");
                if machines[machine].state().field("owner.name") != Some(&value) {
                    let _refused = machines[machine].try_correct("owner.name", &value);
                }
                machine
            }
            Move::Mark { kind, pick } => {
                let acts = machines[PROVINCE].state().acts;
                let kind = [
                    MarkKind::Void,
                    MarkKind::Void,
                    MarkKind::Void,
                    MarkKind::Review,
                    MarkKind::Released,
                    MarkKind::Released,
                ][kind];
                // Marks in the order of the acts, so that a release often meets its mark.
                let target = acts[(pick / 4) % acts.len()].id;
                let _refused = machines[PROVINCE].try_write(mark(kind, &[target]));
                PROVINCE
            }
        };
        let known = machines[acting].changes.len();
        glimpses.push(Glimpse { known, machine: acting, summary: summary(&machines[acting].state()) });
    }
    Played { machines, glimpses }
}

/// Each change once; every machine holds what its changes build on before them, so this order can be applied.
fn everything(machines: &[Machine]) -> Vec<RawChange> {
    let mut seen = BTreeSet::new();
    let changes = machines.iter().flat_map(|machine| &machine.changes);
    changes.filter(|change| seen.insert(change.hash)).cloned().collect()
}

fn loaded<'a>(changes: impl IntoIterator<Item = &'a RawChange>) -> Document {
    Document::load(changes.into_iter().map(|change| change.bytes.as_slice())).unwrap()
}

/// What holds for every state whatever its history.
fn check_state(state: &State) -> Result<(), TestCaseError> {
    for act in &state.acts {
        let row = act.act.kind().map(row_of).unwrap();
        match &act.standing {
            Standing::Void(code) => {
                // The desk asks the same rules, so only a mark makes void, and never what was printed.
                prop_assert_eq!(*code, "act-marked-void", "{:?}", act);
                prop_assert!(!row.is_printed, "{:?}", act);
                prop_assert!(!act.is_effective);
            }
            Standing::Counts => prop_assert!(act.is_effective, "{:?}", act),
            Standing::SetAside | Standing::Repeated | Standing::TooLate => {
                let is_settlement = act.act.kind() == Some(Kind::Settle);
                prop_assert!(!act.is_effective || is_settlement, "{:?}", act);
            }
            Standing::Contested => prop_assert!(state.process.contested.contains(&act.id)),
            Standing::Unknown => prop_assert!(false, "{:?}", act),
        }
    }
    for id in &state.process.contested {
        let act = state.acts.iter().find(|act| act.id == *id).unwrap();
        prop_assert_eq!(&act.standing, &Standing::Contested);
    }
    prop_assert!((1..=10).contains(&state.process.status));
    prop_assert!(state.fields.values().all(|values| !values.is_empty()));
    Ok(())
}

/// One state for any order and duplication; what each machine saw is the fold of what it held; no act becomes void
/// by anything done elsewhere but a mark.
fn check(played: &Played, seed: u64) -> Result<State, TestCaseError> {
    let changes = everything(&played.machines);
    let whole = loaded(&changes);
    let state = fold(whole.history());
    check_state(&state)?;
    let mut shuffled: Vec<&RawChange> = changes.iter().chain(&changes).collect();
    let mut random = Random(seed | 1);
    for place in (1..shuffled.len()).rev() {
        shuffled.swap(place, random.below(place + 1));
    }
    let again = loaded(shuffled.iter().copied());
    prop_assert_eq!(summary(&state), summary(&fold(again.history())));
    // One by one, as dependencies allow.
    let mut waiting = shuffled;
    let mut slow = Document::new();
    let mut void: BTreeMap<ActId, bool> = BTreeMap::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|change| slow.apply(&change.bytes).is_err());
        prop_assert!(waiting.len() < before);
        let so_far = fold(slow.history());
        check_state(&so_far)?;
        for act in &so_far.acts {
            let is_void = matches!(act.standing, Standing::Void(code) if code != "act-marked-void");
            prop_assert_eq!(*void.entry(act.id).or_insert(is_void), is_void, "{:?}", act);
        }
    }
    prop_assert_eq!(summary(&state), summary(&fold(slow.history())));
    // Who was entitled on some machine is entitled on all, unless what brought him in was voided.
    let has_void = state.acts.iter().any(|act| matches!(act.standing, Standing::Void(_)));
    for machine in played.machines.iter().filter(|_| !has_void) {
        prop_assert!(machine.state().process.parties.is_subset(&state.process.parties));
    }
    for glimpse in &played.glimpses {
        let held = loaded(&played.machines[glimpse.machine].changes[..glimpse.known]);
        prop_assert_eq!(&glimpse.summary, &summary(&fold(held.history())));
    }
    Ok(state)
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_done_apart_the_rules_of_validity_hold(moves in moves(), seed in any::<u64>()) {
        check(&play(&moves), seed)?;
    }
}

/// The random histories are worth their time: over fixed seeds they contain every way an act can stand, every kind of
/// conflict, and are mostly ordinary work.
#[test]
fn random_histories_contain_what_the_rules_are_about() {
    let mut standings: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut kinds: BTreeSet<&'static str> = BTreeSet::new();
    let (mut acts, mut plain, mut settled_again, mut statuses, mut open_fields, mut reviewed) =
        (0, 0, 0, BTreeSet::new(), 0, 0);
    for seed in 1..=150_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let moves: Vec<Move> = (0..20 + random.below(40))
            .map(|_| {
                let machine = random.below(SEATS.len());
                match random.below(40) {
                    0..18 => Move::Try { machine, body: random.below(BODIES.len()) },
                    18..26 => Move::Hear { machine, from: random.below(SEATS.len()) },
                    26 => Move::Gather,
                    27 => Move::Answer,
                    28..35 => Move::Settle { machine, pick: random.below(8), other: random.below(8) },
                    35 => Move::SettleField { machine, pick: random.below(8) },
                    36..38 => Move::Correct { machine, value: u8::try_from(random.below(9)).unwrap() },
                    _ => Move::Mark { kind: random.below(6), pick: random.below(40) },
                }
            })
            .collect();
        let state = check(&play(&moves), seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        statuses.insert(state.process.status);
        open_fields += usize::from(state.fields.values().any(|values| values.len() > 1));
        reviewed += usize::from(!state.review.is_empty());
        for act in &state.acts {
            acts += 1;
            plain += usize::from(!matches!(act.standing, Standing::Void(_) | Standing::Contested));
            *standings.entry(act.standing.name()).or_default() += 1;
            let kind = act.act.kind().unwrap();
            kinds.insert(kind.name());
            let is_settlement = kind == Kind::Settle;
            settled_again += usize::from(is_settlement && act.standing != Standing::Counts);
        }
    }
    let seen = format!(
        "{acts} acts, {standings:?}, {statuses:?}, {kinds:?}, {settled_again}, {open_fields}, {reviewed}"
    );
    for (standing, least) in [
        ("contested", 200),
        ("repeated", 10),
        ("too_late", 5),
        ("set_aside", 40),
        ("void", 20),
        ("counts", 1500),
    ] {
        assert!(standings.get(standing).is_some_and(|count| *count >= least), "{standing}: {seen}");
    }
    assert!(plain * 100 >= acts * 60, "{plain} of {seen}");
    assert!(statuses.is_superset(&[2, 4, 5, 8, 9, 10].into()), "{seen}");
    assert!(settled_again >= 3 && open_fields >= 3 && reviewed >= 5, "{seen}");
    let bodies: BTreeSet<&str> =
        BODIES.iter().filter_map(|body| body().kind()).map(|kind| kind.name()).collect();
    let missing: Vec<_> = bodies.difference(&kinds).collect();
    assert!(missing.is_empty(), "{missing:?} of {seen}");
}
