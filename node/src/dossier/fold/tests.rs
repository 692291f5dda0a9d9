//! The rules of domain.md 2.5, played by several seats on machines that exchange changes or do not.

use proptest::prelude::*;
use sync_protocol::ids::BootId;

use super::*;
use crate::dossier::act::Attestation;
use crate::dossier::act::Channel;
use crate::dossier::act::ClockPolicy;
use crate::dossier::act::CorrectField;
use crate::dossier::act::Decline;
use crate::dossier::act::DirectoryRef;
use crate::dossier::act::Finish;
use crate::dossier::act::FinishResult;
use crate::dossier::act::Issue;
use crate::dossier::act::Mark;
use crate::dossier::act::MoveStep;
use crate::dossier::act::Note;
use crate::dossier::act::Recall;
use crate::dossier::act::RequestSupplement;
use crate::dossier::act::ReturnHow;
use crate::dossier::act::ReturnResult;
use crate::dossier::act::Settle;
use crate::dossier::act::Sign;
use crate::dossier::act::SignMode;
use crate::dossier::act::SupplementItem;
use crate::dossier::act::TakeOver;
use crate::dossier::act::Transfer;
use crate::dossier::document::Document;
use crate::dossier::document::RawChange;
use crate::dossier::document::Writing;

fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

/// One machine's copy of one dossier.
struct Machine {
    boot: BootId,
    seat: AgencyCode,
    document: Document,
    changes: Vec<RawChange>,
    clock: i64,
}

impl Machine {
    fn new(number: u8, seat: &str) -> Self {
        Self {
            boot: BootId([number; 16]),
            seat: code(seat),
            document: Document::new(),
            changes: Vec::new(),
            clock: i64::from(number),
        }
    }

    fn state(&self) -> State {
        fold(self.document.history())
    }

    fn act(&self, body: Body) -> Act {
        Act {
            seat: self.seat.clone(),
            officer: "02".to_owned(),
            role: None,
            generation: self.state().process.generation,
            occurred_at: None,
            evidence: None,
            note: None,
            directory: DirectoryRef { version: 1, hash: [0; 8] },
            attestation: Attestation::Unattested,
            up_ms: 0,
            anchor: None,
            cause: None,
            historic: false,
            approved_by: None,
            signature: None,
            body,
        }
    }

    /// Writes an act without asking whether it may be done.
    fn write(&mut self, body: impl Into<Body>) -> ActId {
        self.write_with(body, Vec::new())
    }

    fn write_with(&mut self, body: impl Into<Body>, fields: Vec<(String, String)>) -> ActId {
        let act = self.act(body.into());
        self.clock += 1000;
        let writing = Writing { fields, papers: Vec::new(), acts: vec![act] };
        let change = self.document.author(self.boot, Millis(self.clock), &writing).unwrap();
        let id = ActId { change: change.hash, index: 0 };
        self.changes.push(change);
        id
    }

    /// Writes an act if the desk would.
    fn try_write(&mut self, body: impl Into<Body>) -> Result<ActId, &'static str> {
        let body = body.into();
        may_do(self.document.history(), &self.state(), &self.act(body.clone()))?;
        Ok(self.write(body))
    }

    fn hear(&mut self, other: &Self) {
        for change in &other.changes {
            if !self.changes.iter().any(|known| known.hash == change.hash) {
                self.document.apply(&change.bytes).unwrap();
                self.changes.push(change.clone());
            }
        }
    }

    fn standing(&self, id: ActId) -> Standing {
        self.state().acts.into_iter().find(|act| act.id == id).unwrap().standing
    }
}

fn meet(one: &mut Machine, other: &mut Machine) {
    one.hear(other);
    other.hear(one);
    assert_same(&one.state(), &other.state());
}

fn assert_same(one: &State, other: &State) {
    assert_eq!(summary(one), summary(other));
}

fn summary(state: &State) -> String {
    let acts: Vec<_> =
        state.acts.iter().map(|act| (act.id, act.standing.clone(), act.is_effective)).collect();
    format!("{:?} {acts:?} {:?} {:?}", state.process, state.fields, state.heads)
}

fn receipt(seat: &str, competent: &str) -> Receive {
    Receive {
        number: format!("{competent}-260302-0690001"),
        request_id: None,
        procedure: "1.001193".parse().unwrap(),
        procedure_name: "Thủ tục thử".to_owned(),
        case: None,
        competent: code(competent),
        channel: Channel::Direct,
        return_at: code(seat),
        return_how: ReturnHow::Counter,
        received_at: None,
        due: None,
        lookup_code: "00000000".to_owned(),
        fee_vnd: 0,
        payment: None,
        sets: 1,
        external_ids: Vec::new(),
        parent: None,
        identity_check: None,
        form_set: "tt-03-2025".to_owned(),
        rule_set: "nd-118-2025".to_owned(),
        step: None,
    }
}

fn receive(machine: &mut Machine, competent: &str) -> ActId {
    let seat = machine.seat.to_string();
    machine
        .write_with(receipt(&seat, competent), vec![("owner.name".to_owned(), "Nguyễn Văn Thử".to_owned())])
}

fn step(name: &str) -> MoveStep {
    MoveStep { step: name.to_owned(), is_back: false, assignee: None }
}

fn transfer(to: &str) -> Transfer {
    Transfer { to: code(to), consignment: None, reason: None }
}

fn take_over() -> TakeOver {
    TakeOver { step: None }
}

fn finish() -> Finish {
    Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None }
}

fn hand_out() -> ReturnResult {
    ReturnResult { collector: None, signature_kind: None, is_settled: true }
}

fn sign() -> Sign {
    Sign { mode: SignMode::Paper, signer: "H27.101/01".to_owned(), ref_no: None, signed_on: None, hash: None }
}

fn supplement() -> RequestSupplement {
    RequestSupplement {
        items: vec![SupplementItem { what: "Tờ khai".to_owned(), basis: None }],
        deadline: None,
        clock: ClockPolicy::Pause,
        register_no: None,
    }
}

fn correct(machine: &mut Machine, field: &str, value: &str) -> ActId {
    machine.write_with(CorrectField { field: field.to_owned() }, vec![(field.to_owned(), value.to_owned())])
}

fn settle(acts: Vec<ActId>, choice: ActId) -> Settle {
    Settle { acts, choice, field: None, basis: None }
}

/// A receives for B, B takes over.
fn crossed() -> (Machine, Machine) {
    let (mut a, mut b) = (Machine::new(1, "H27.102"), Machine::new(2, "H27.101"));
    receive(&mut a, "H27.101");
    a.try_write(transfer("H27.101")).unwrap();
    b.hear(&a);
    b.try_write(take_over()).unwrap();
    (a, b)
}

#[test]
fn dossier_crosses_is_decided_and_returns_where_it_was_lodged() {
    let (mut a, mut b) = crossed();
    assert_eq!(b.state().process.custody, Custody::Held { seat: code("H27.101") });
    assert_eq!(b.try_write(Issue { register_no: None }), Err("act-not-signed"));
    b.try_write(sign()).unwrap();
    b.try_write(Issue { register_no: None }).unwrap();
    b.try_write(finish()).unwrap();
    meet(&mut a, &mut b);
    assert_eq!(b.try_write(hand_out()), Err("act-not-to-return-here"));
    a.try_write(hand_out()).unwrap();
    meet(&mut a, &mut b);
    let state = a.state();
    assert_eq!((state.process.status, &state.process.custody), (10, &Custody::Closed));
    assert!(state.acts.iter().all(|act| act.standing == Standing::Counts));
    assert_eq!(state.process.generation, 5, "receive, transfer, take_over, finish, return_result");
    assert_eq!(a.try_write(step("x")), Err("act-not-holder"), "10 leads nowhere");
}

#[test]
fn only_the_holder_acts_on_the_state_and_only_parties_write_notes() {
    let (mut a, b) = crossed();
    a.hear(&b);
    assert_eq!(a.try_write(step("x")), Err("act-not-holder"));
    assert!(a.try_write(Note {}).is_ok());
    let mut stranger = Machine::new(9, "H27.150");
    stranger.hear(&a);
    assert_eq!(stranger.try_write(Note {}), Err("act-not-party"));
    let forced = stranger.write(Note {});
    assert_eq!(stranger.standing(forced), Standing::Void("act-not-party"));
}

#[test]
fn declined_dossier_goes_on_under_its_number() {
    let (mut a, mut b, mut c) =
        (Machine::new(1, "H27.102"), Machine::new(2, "H27.103"), Machine::new(3, "H27.104"));
    receive(&mut a, "H27.103");
    a.try_write(transfer("H27.103")).unwrap();
    b.hear(&a);
    b.try_write(Decline { reason: "Không thuộc thẩm quyền".to_owned() }).unwrap();
    meet(&mut a, &mut b);
    a.try_write(transfer("H27.104")).unwrap();
    c.hear(&a);
    c.try_write(take_over()).unwrap();
    let state = c.state();
    assert_eq!(state.process.custody, Custody::Held { seat: code("H27.104") });
    assert_eq!(state.receive.unwrap().number, "H27.103-260302-0690001");
}

#[test]
fn recall_apart_from_a_take_over_is_too_late_and_not_contested() {
    let (mut a, mut b) = crossed();
    let recall = a.try_write(Recall { reason: None }).unwrap();
    meet(&mut a, &mut b);
    assert_eq!(a.standing(recall), Standing::TooLate);
    let state = a.state();
    assert!(!state.needs_person());
    assert_eq!(state.process.custody, Custody::Held { seat: code("H27.101") });
    assert!(b.try_write(step("x")).is_ok());
}

#[test]
fn acts_built_on_a_late_recall_make_both_sides_contested() {
    let (mut a, mut b) = crossed();
    let recall = a.try_write(Recall { reason: None }).unwrap();
    let built = a.try_write(transfer("H27.105")).unwrap();
    meet(&mut a, &mut b);
    let state = a.state();
    assert!(state.needs_person());
    assert_eq!(a.standing(recall), Standing::Contested);
    assert_eq!(a.standing(built), Standing::Contested);
    assert_eq!(
        state.process.custody,
        Custody::Held { seat: code("H27.101") },
        "take_over has the higher rank"
    );
}

#[test]
fn two_machines_of_one_seat_that_acted_apart_are_settled_by_a_person() {
    let mut one = Machine::new(1, "H27.102");
    receive(&mut one, "H27.102");
    let mut other = Machine::new(2, "H27.102");
    other.hear(&one);
    let sent = one.try_write(transfer("H27.101")).unwrap();
    other.try_write(step("tham-dinh")).unwrap();
    let done = other.try_write(finish()).unwrap();
    meet(&mut one, &mut other);
    let state = one.state();
    assert_eq!(state.process.contested.len(), 3, "transfer, move_step and finish");
    assert_eq!(state.process.status, 9, "finish has the higher rank and counts for now");
    assert_eq!(one.try_write(hand_out()), Err("act-contested"));
    assert!(one.try_write(Note {}).is_ok());
    let before = one.state().process.generation;
    one.try_write(settle(vec![sent, done], sent)).unwrap();
    meet(&mut one, &mut other);
    let state = one.state();
    assert!(!state.needs_person());
    assert_eq!(one.standing(done), Standing::SetAside);
    assert_eq!(one.standing(sent), Standing::Counts);
    assert_eq!(state.process.custody, Custody::InTransit { from: code("H27.102"), to: code("H27.101") });
    assert!(state.process.generation > before);
    let mut b = Machine::new(3, "H27.101");
    b.hear(&one);
    assert!(b.try_write(take_over()).is_ok());
}

#[test]
fn a_seat_that_the_dossier_went_to_stays_a_party_when_that_way_is_set_aside() {
    let mut one = Machine::new(1, "H27.102");
    receive(&mut one, "H27.102");
    let mut other = Machine::new(2, "H27.102");
    other.hear(&one);
    let sent = one.try_write(transfer("H27.101")).unwrap();
    other.try_write(step("tham-dinh")).unwrap();
    let done = other.try_write(finish()).unwrap();
    let mut b = Machine::new(3, "H27.101");
    b.hear(&one);
    meet(&mut one, &mut other);
    assert!(one.state().process.parties.contains(&b.seat), "contested, and not what counts for now");
    one.try_write(settle(vec![sent, done], done)).unwrap();
    b.hear(&one);
    assert_eq!(b.standing(sent), Standing::SetAside);
    assert!(b.state().process.parties.contains(&b.seat));
    assert!(b.try_write(Note {}).is_ok(), "its officers may say what they did meanwhile");
}

#[test]
fn unequal_settlements_done_apart_are_contested_again_and_the_provinces_outranks() {
    let mut one = Machine::new(1, "H27.102");
    receive(&mut one, "H27.102");
    let mut other = Machine::new(2, "H27.102");
    other.hear(&one);
    let left = one.try_write(transfer("H27.101")).unwrap();
    let right = other.try_write(transfer("H27.103")).unwrap();
    meet(&mut one, &mut other);
    let mut province = Machine::new(7, "H27");
    province.hear(&one);
    let here = one.state().process.custody.holder().cloned().unwrap();
    let mut holder = Machine::new(3, here.as_str());
    holder.hear(&one);
    holder.try_write(settle(vec![left, right], left)).unwrap();
    let overruled = province.try_write(settle(vec![left, right], right)).unwrap();
    meet(&mut holder, &mut province);
    let state = holder.state();
    assert!(!state.needs_person(), "the province's outranks");
    assert_eq!(holder.standing(overruled), Standing::Counts);
    assert_eq!(state.process.custody, Custody::InTransit { from: code("H27.102"), to: code("H27.103") });
}

#[test]
fn equal_acts_done_apart_count_once() {
    let (mut a, mut b) = crossed();
    let mut twin = Machine::new(3, "H27.101");
    twin.hear(&a);
    let again = twin.try_write(take_over()).unwrap();
    meet(&mut b, &mut twin);
    a.hear(&b);
    let standings: Vec<_> = b.state().acts.iter().map(|act| act.standing.clone()).collect();
    assert_eq!(standings.iter().filter(|standing| **standing == Standing::Repeated).count(), 1);
    assert!(!b.state().needs_person());
    assert_eq!(b.state().process.custody, Custody::Held { seat: code("H27.101") });
    assert!(matches!(b.standing(again), Standing::Repeated | Standing::Counts));
}

#[test]
fn two_values_of_a_field_stay_open_until_a_settlement_names_both() {
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    let left = correct(&mut a, "owner.name", "Nguyễn Thị Thử");
    let right = correct(&mut b, "owner.name", "Nguyễn Văn Thử Hai");
    meet(&mut a, &mut b);
    assert_eq!(a.state().fields["owner.name"].len(), 2);
    assert!(a.state().needs_person());
    let plain = correct(&mut a, "owner.name", "Ai đó");
    assert_eq!(a.standing(plain), Standing::Void("act-field-contested"));
    meet(&mut a, &mut b);
    assert_eq!(a.state().fields["owner.name"].len(), 2, "a plain write does not close it");
    let name = Some("owner.name".to_owned());
    b.try_write(Settle { acts: vec![left, right], choice: left, field: name, basis: None }).unwrap();
    meet(&mut a, &mut b);
    assert_eq!(a.state().field("owner.name"), Some("Nguyễn Thị Thử"));
    assert!(!a.state().needs_person());
}

#[test]
fn provincial_mark_voids_whatever_the_order_but_never_what_was_printed() {
    let (mut a, mut b) = crossed();
    let mut province = Machine::new(7, "H27");
    province.hear(&b);
    let moved = b.try_write(step("x")).unwrap();
    let asked = b.try_write(supplement()).unwrap();
    province.hear(&b);
    let mark = |acts: Vec<ActId>| Mark { acts, mark: MarkKind::Void, basis: "thử".to_owned() };
    province.try_write(mark(vec![moved])).unwrap();
    meet(&mut a, &mut province);
    assert_eq!(a.standing(moved), Standing::Void("act-marked-void"));
    assert_eq!(a.standing(asked), Standing::Contested, "it relied on the voided act");
    province.try_write(mark(vec![asked])).unwrap();
    meet(&mut a, &mut province);
    assert_eq!(a.standing(asked), Standing::Contested, "Mẫu 02 was printed");
    assert_eq!(a.state().process.status, 5);
}

#[test]
fn act_under_an_old_generation_is_void_by_its_own_past() {
    let (mut a, b) = crossed();
    let mut act = b.act(step("x").into());
    act.generation = 1;
    let mut b = b;
    let writing = Writing { fields: Vec::new(), papers: Vec::new(), acts: vec![act] };
    let change = b.document.author(b.boot, Millis(5), &writing).unwrap();
    a.hear(&b);
    assert_eq!(b.standing(ActId { change: change.hash, index: 0 }), Standing::Void("act-wrong-generation"));
}

#[test]
fn unknown_act_makes_the_state_not_computable_and_is_kept() {
    let (_, mut b) = crossed();
    let id = b.write(Body::Unknown { code: 999, bytes: vec![0xa0] });
    assert_eq!(b.standing(id), Standing::Unknown);
    assert!(!b.state().is_computable);
}

/// What a random officer may try.
fn bodies() -> Vec<fn() -> Body> {
    vec![
        || step("mot").into(),
        || step("hai").into(),
        || transfer("H27.101").into(),
        || transfer("H27.102").into(),
        || transfer("H27.103").into(),
        || take_over().into(),
        || Decline { reason: "thử".to_owned() }.into(),
        || Recall { reason: None }.into(),
        || supplement().into(),
        || {
            crate::dossier::act::ReceiveSupplement {
                papers: Vec::new(),
                slip: None,
                counts_at: None,
                due: None,
            }
            .into()
        },
        || sign().into(),
        || Issue { register_no: None }.into(),
        || finish().into(),
        || hand_out().into(),
        || Note {}.into(),
    ]
}

#[derive(Clone, Debug)]
enum Move {
    Try { machine: usize, body: usize },
    Hear { machine: usize, from: usize },
    Settle { machine: usize, pick: usize },
    Correct { machine: usize, value: u8 },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let machine = 0..5usize;
    let one = prop_oneof![
        6 => (machine.clone(), 0..15usize).prop_map(|(machine, body)| Move::Try { machine, body }),
        3 => (machine.clone(), 0..5usize).prop_map(|(machine, from)| Move::Hear { machine, from }),
        1 => (machine.clone(), 0..8usize).prop_map(|(machine, pick)| Move::Settle { machine, pick }),
        1 => (machine, any::<u8>()).prop_map(|(machine, value)| Move::Correct { machine, value }),
    ];
    prop::collection::vec(one, 1..50)
}

/// Plays random moves on five machines (two of one seat, one of the province); all start from one receipt.
fn play(moves: &[Move]) -> Vec<Machine> {
    let mut machines: Vec<Machine> =
        [(1, "H27.101"), (2, "H27.101"), (3, "H27.102"), (4, "H27.103"), (5, "H27")]
            .into_iter()
            .map(|(number, seat)| Machine::new(number, seat))
            .collect();
    receive(&mut machines[0], "H27.102");
    for place in 1..machines.len() {
        let (first, rest) = machines.split_at_mut(place);
        rest[0].hear(&first[0]);
    }
    for step in moves {
        match *step {
            Move::Try { machine, body } => {
                let _refused = machines[machine].try_write(bodies()[body]());
            }
            Move::Hear { machine, from } if machine != from => {
                let heard: Vec<RawChange> = machines[from].changes.clone();
                let listener = &mut machines[machine];
                for change in heard {
                    if !listener.changes.iter().any(|known| known.hash == change.hash) {
                        listener.document.apply(&change.bytes).unwrap();
                        listener.changes.push(change);
                    }
                }
            }
            Move::Hear { .. } => {}
            Move::Settle { machine, pick } => {
                let contested = machines[machine].state().process.contested;
                if let Some(choice) = contested.get(pick % contested.len().max(1)).copied() {
                    let _refused = machines[machine].try_write(settle(contested, choice));
                }
            }
            Move::Correct { machine, value } => {
                let author = &mut machines[machine];
                let state = author.state();
                if state.process.parties.contains(&author.seat)
                    && state.fields["owner.name"].len() == 1
                    && state.field("owner.name") != Some(format!("Thử {value}").as_str())
                {
                    correct(author, "owner.name", &format!("Thử {value}"));
                }
            }
        }
    }
    machines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever was done apart: in any order, with any duplication, every machine ends with the same state; what
    /// the desk let through is never void by its own past; a printed act is never void.
    #[test]
    fn any_order_and_duplication_give_one_state_and_printed_acts_are_never_void(
        moves in moves(),
        seed in any::<u64>(),
    ) {
        let machines = play(&moves);
        let mut changes: Vec<RawChange> = Vec::new();
        for machine in &machines {
            for change in &machine.changes {
                if !changes.iter().any(|known| known.hash == change.hash) {
                    changes.push(change.clone());
                }
            }
        }
        let whole = Document::load(changes.iter().map(|change| change.bytes.as_slice())).unwrap();
        let state = fold(whole.history());
        // Any order, and everything twice.
        let mut shuffled: Vec<&RawChange> = changes.iter().chain(&changes).collect();
        let mut random = seed | 1;
        for place in (1..shuffled.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            shuffled.swap(place, usize::try_from(random % (place as u64 + 1)).unwrap());
        }
        let again = Document::load(shuffled.iter().map(|change| change.bytes.as_slice())).unwrap();
        prop_assert_eq!(summary(&state), summary(&fold(again.history())));
        // One by one as dependencies allow.
        let mut waiting: Vec<&RawChange> = shuffled;
        let mut slow = Document::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|change| slow.apply(&change.bytes).is_err());
            prop_assert!(waiting.len() < before);
        }
        prop_assert_eq!(summary(&state), summary(&fold(slow.history())));
        for act in &state.acts {
            prop_assert!(!matches!(act.standing, Standing::Void(_)), "{:?}", act);
        }
        // Who was entitled on some machine is entitled on all.
        for machine in &machines {
            prop_assert!(machine.state().process.parties.is_subset(&state.process.parties));
        }
        // Contested or not, the provisional state is one the law knows.
        prop_assert!(state.process.status <= 10);
        let mut merged = whole;
        prop_assert!(merged.is_merged_equal().unwrap());
    }
}
