//! The rules of domain.md 2.5, played by several seats on machines that exchange changes or do not.

mod apart;
mod bodies;
mod machine;
mod marks;
mod random;

use sync_protocol::time::Millis;

use self::bodies::*;
use self::machine::Machine;
use self::machine::meet;
use super::*;
use crate::dossier::act::AcceptOnline;
use crate::dossier::act::AskBeforeReceipt;
use crate::dossier::act::Kind;
use crate::dossier::act::RefuseReceipt;
use crate::dossier::act::RegisterOnline;
use crate::dossier::specimen;
use crate::dossier::specimen::code;
use crate::dossier::table::Who;
use crate::dossier::table::row_of;

fn held(seat: &str) -> Custody {
    Custody::Held { seat: code(seat) }
}

/// A receives for B, B takes over.
fn crossed() -> (Machine, Machine) {
    let (mut a, mut b) = (Machine::new(1, "H27.102"), Machine::new(2, "H27.101"));
    a.receive("H27.101");
    a.does(transfer("H27.101"));
    b.hear(&a);
    b.does(take_over());
    (a, b)
}

/// One seat, which holds a dossier of its own in status 4.
fn at_work() -> Machine {
    let mut one = Machine::new(1, "H27.102");
    one.receive("H27.102");
    one.does(step("mot"));
    one
}

#[test]
fn dossier_crosses_is_decided_and_returns_where_it_was_lodged() {
    let (mut a, mut b) = crossed();
    assert_eq!(b.state().process.custody, held("H27.101"));
    assert_eq!(b.try_write(issue()), Err("act-not-signed"));
    b.does(sign());
    b.does(issue());
    b.does(finish());
    meet(&mut a, &mut b);
    assert_eq!(b.try_write(hand_out()), Err("act-not-to-return-here"));
    a.does(hand_out());
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
    assert!(a.try_write(note()).is_ok());
    let mut stranger = a.twin(9, "H27.150");
    assert_eq!(stranger.try_write(note()), Err("act-not-party"));
    let forced = stranger.write(note());
    assert_eq!(stranger.standing(forced), Standing::Void("act-not-party"));
}

#[test]
fn declined_dossier_goes_on_under_its_number() {
    let mut a = Machine::new(1, "H27.102");
    a.receive("H27.103");
    a.does(transfer("H27.103"));
    let mut b = a.twin(2, "H27.103");
    b.does(decline());
    meet(&mut a, &mut b);
    a.does(transfer("H27.104"));
    let mut c = a.twin(3, "H27.104");
    c.does(take_over());
    let state = c.state();
    assert_eq!(state.process.custody, held("H27.104"));
    assert_eq!(state.receive.unwrap().number, "H27.103-260302-0690001");
}

#[test]
fn act_under_an_old_generation_is_void_by_its_own_past() {
    let (mut a, mut b) = crossed();
    let mut act = b.act(step("x"));
    act.generation = 1;
    let id = b.commit(vec![act], Vec::new());
    a.hear(&b);
    assert_eq!(a.standing(id), Standing::Void("act-wrong-generation"));
}

#[test]
fn unknown_act_makes_the_state_not_computable_and_is_kept() {
    let (mut a, mut b) = crossed();
    let id = b.write(Body::Unknown { code: 999, bytes: vec![0xa0] });
    assert_eq!(b.standing(id), Standing::Unknown);
    assert!(!b.state().is_computable);
    a.hear(&b);
    let after = a.write(step("x"));
    assert_eq!(a.standing(after), Standing::Unknown, "whether it is void is for the newer program to say");
}

#[test]
fn each_way_out_of_a_custody_is_open_to_the_seat_of_the_table_alone() {
    type Way = (&'static str, fn(&mut Machine) -> Result<ActId, &'static str>);
    let take: Way = ("take_over", |m| m.try_write(take_over()));
    let refuse: Way = ("decline", |m| m.try_write(decline()));
    let back: Way = ("recall", |m| m.try_write(recall()));
    let result: Way = ("receive_result_external", |m| m.try_write(external_result()));
    let home: Way = ("take_back_external", |m| m.try_write(take_back()));
    let out: Way = ("return_result", |m| m.try_write(hand_out()));
    let mail: Way = ("send_by_post", |m| m.try_write(post()));
    let move_on: Way = ("move_step", |m| m.try_write(step("x")));
    let send: Way = ("transfer", |m| m.try_write(transfer("H27.103")));
    let give: Way = ("reassign", |m| m.try_write(reassign("H27.103")));
    let ways = [take, refuse, back, result, home, out, mail, move_on, send, give];

    let base = at_work();
    let mut in_transit = base.twin(2, "H27.102");
    in_transit.does(transfer("H27.101"));
    let mut outside = base.twin(3, "H27.102");
    outside.does(hand_over("H27.90"));
    let mut to_return = base.twin(4, "H27.102");
    to_return.does(finish());
    let mut closed = to_return.twin(5, "H27.102");
    closed.does(hand_out());
    for (name, at, open) in [
        ("held", &base, vec![("H27.102", vec!["move_step", "transfer"])]),
        (
            "in transit",
            &in_transit,
            vec![("H27.102", vec!["recall"]), ("H27.101", vec!["take_over", "decline"])],
        ),
        ("outside", &outside, vec![("H27.102", vec!["receive_result_external", "take_back_external"])]),
        ("to return", &to_return, vec![("H27.102", vec!["return_result", "send_by_post"])]),
        ("closed", &closed, vec![]),
    ] {
        for seat in ["H27.101", "H27.102", "H27.103", "H27"] {
            let allowed = open.iter().find(|(who, _)| *who == seat).map_or(&[][..], |(_, ways)| ways);
            for (way, go) in ways {
                let is_open = go(&mut at.twin(9, seat)).is_ok();
                let is_expected = allowed.contains(&way) || (seat == "H27" && way == "reassign");
                assert_eq!(is_open, is_expected, "{way} by {seat} while {name}");
            }
        }
    }
}

#[test]
fn generation_grows_with_each_custody_act_and_with_no_other() {
    let mut machine = Machine::new(1, "H27.102");
    machine.receive("H27.102");
    let mut generation = 1;
    let mut next = |machine: &mut Machine, body: Body, grows: u32| {
        let kind = body.kind();
        machine.does(body);
        generation += grows;
        assert_eq!(machine.state().process.generation, generation, "{kind:?}");
    };
    next(&mut machine, step("mot").into(), 0);
    next(&mut machine, assign("H27.102/04").into(), 0);
    next(&mut machine, hand_over("H27.90").into(), 1);
    next(&mut machine, take_back().into(), 1);
    next(&mut machine, hand_over("H27.90").into(), 1);
    next(&mut machine, external_result().into(), 1);
    next(&mut machine, transfer("H27.101").into(), 1);
    next(&mut machine, recall().into(), 1);
    next(&mut machine, supplement().into(), 0);
    next(&mut machine, supplemented(1).into(), 0);
    next(&mut machine, extend(2).into(), 0);
    next(&mut machine, stop().into(), 1);
    next(&mut machine, resume().into(), 1);
    next(&mut machine, withdraw().into(), 1);
    next(&mut machine, resume().into(), 1);
    next(&mut machine, sign().into(), 0);
    next(&mut machine, issue().into(), 0);
    next(&mut machine, note().into(), 0);
    next(&mut machine, finish().into(), 1);
    next(&mut machine, post().into(), 0);
    next(&mut machine, hand_out().into(), 1);
}

/// A dossier in each national status, as the acts of the table bring it there.
fn in_each_status() -> Vec<(u8, Machine)> {
    let mut portal = Machine::new(1, "H27");
    portal.write(RegisterOnline {
        portal_id: "G09-1".to_owned(),
        receive: specimen::receipt("H27.102", "H27.102"),
    });
    let mut asked = portal.twin(2, "H27.102");
    asked.does(AskBeforeReceipt { items: Vec::new(), register_no: None, deadline: None });
    let mut turned_away = portal.twin(3, "H27.102");
    turned_away.does(RefuseReceipt { reasons: Vec::new(), register_no: None });
    let mut accepted = portal.twin(4, "H27.102");
    accepted.does(AcceptOnline { due: None });
    let work = at_work();
    let then = |number: u8, acts: Vec<Body>| {
        let mut machine = work.twin(number, "H27.102");
        for body in acts {
            machine.does(body);
        }
        machine
    };
    vec![
        (1, portal.twin(5, "H27.102")),
        (5, asked),
        (3, turned_away),
        (2, accepted),
        (4, work.twin(6, "H27.102")),
        (5, then(7, vec![supplement().into()])),
        (6, then(8, vec![specimen::bodies().remove(19)])),
        (7, then(9, vec![withdraw().into()])),
        (8, then(10, vec![stop().into()])),
        (8, then(11, vec![supplement().into(), expire().into()])),
        (9, then(12, vec![finish().into()])),
        (10, then(13, vec![finish().into(), hand_out().into()])),
    ]
}

#[test]
fn acts_start_from_the_statuses_of_the_table_and_lead_where_it_says() {
    let mut done = BTreeSet::new();
    for (status, machine) in in_each_status() {
        assert_eq!(machine.state().process.status, status);
        for body in specimen::bodies() {
            let kind = body.kind().unwrap();
            let row = row_of(kind);
            // These depend on more than the status; they have tests of their own.
            if matches!(kind, Kind::Settle | Kind::Mark | Kind::CorrectField | Kind::Transfer) {
                continue;
            }
            let seat = if row.who == Who::Province { "H27" } else { "H27.102" };
            let mut here = machine.twin(99, seat);
            let outcome = here.try_write(body);
            if outcome.is_ok() {
                done.insert(kind);
                assert!(row.from.is_empty() || row.from.contains(&status), "{kind:?} from {status}");
                let now = here.state().process.status;
                let told = if kind == Kind::ExpireSupplement {
                    3
                } else if (kind, status) == (Kind::ConfirmPayment, 6) {
                    4
                } else {
                    row.to.unwrap_or(status)
                };
                assert_eq!(now, told, "{kind:?} from {status}");
            } else if !row.from.contains(&status) && !row.from.is_empty() {
                assert!(
                    matches!(
                        outcome,
                        Err("act-wrong-status" | "act-not-holder" | "act-already-received")
                            | Err("act-not-transferred-here" | "act-not-sent-from-here" | "act-not-outside")
                            | Err("act-not-to-return-here" | "act-province-only")
                    ),
                    "{kind:?} from {status}: {outcome:?}"
                );
            }
        }
    }
    // A transfer under way and a dossier outside are not among the twelve.
    let elsewhere = [
        Kind::Receive,
        Kind::Mark,
        Kind::RegisterOnline,
        Kind::Transfer,
        Kind::TakeOver,
        Kind::Decline,
        Kind::Recall,
        Kind::ReceiveResultExternal,
        Kind::TakeBackExternal,
        Kind::Issue,
        Kind::CorrectField,
        Kind::Settle,
    ];
    let missed: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !done.contains(kind)).collect();
    assert_eq!(missed, elsewhere.iter().collect::<Vec<_>>());
}

#[test]
fn refused_and_returned_dossiers_lead_nowhere() {
    for (status, mut machine) in in_each_status().into_iter().filter(|(status, _)| [3, 10].contains(status)) {
        for body in [resume().into(), step("x").into(), finish().into(), stop().into()] {
            let body: Body = body;
            assert!(machine.try_write(body.clone()).is_err(), "{status}: {body:?}");
        }
        machine.does(note());
    }
}

#[test]
fn stopped_dossier_is_resumed_by_the_competent_seat_alone() {
    let (mut a, mut b) = crossed();
    b.does(stop());
    a.hear(&b);
    assert_eq!(a.try_write(resume()), Err("act-not-competent"));
    assert_eq!(b.state().process.custody, Custody::Closed);
    b.does(resume());
    let process = b.state().process;
    assert_eq!((process.status, process.custody, process.finished_at), (4, held("H27.101"), None));
}

#[test]
fn reassigned_dossier_keeps_its_status_and_waits_where_that_status_asks() {
    let (_, mut b) = crossed();
    b.does(step("tham-dinh"));
    let mut province = b.twin(7, "H27");
    province.does(reassign("H27.103"));
    let process = province.state().process;
    assert_eq!((process.status, process.custody), (4, held("H27.103")));
    assert!(process.parties.contains(&code("H27.103")));

    b.does(finish());
    let mut province = b.twin(8, "H27");
    province.does(reassign("H27.103"));
    let process = province.state().process;
    assert_eq!((process.status, process.custody), (9, Custody::ToReturn { place: code("H27.103") }));
    let mut new = province.twin(9, "H27.103");
    new.does(hand_out());
}

#[test]
fn the_clock_of_a_historic_act_is_what_its_line_said() {
    let mut machine = at_work();
    let mut act = machine.act(finish());
    act.occurred_at = Some(Millis(77));
    machine.commit(vec![act.clone()], Vec::new());
    assert_ne!(machine.state().process.finished_at, Some(Millis(77)), "a claim is not the recorded time");
    let mut machine = at_work();
    act.historic = true;
    machine.commit(vec![act], Vec::new());
    assert_eq!(machine.state().process.finished_at, Some(Millis(77)));
}

#[test]
fn several_acts_of_one_change_follow_each_other() {
    let mut machine = at_work();
    let (sign, issue, finish) = (machine.act(sign()), machine.act(issue()), machine.act(finish()));
    let id = machine.commit(vec![sign, issue, finish], Vec::new());
    let state = machine.state();
    assert_eq!(state.process.status, 9);
    assert!(state.acts.iter().all(|act| act.standing == Standing::Counts));
    assert_eq!(state.acts.last().unwrap().id, ActId { index: 2, ..id });
}

#[test]
fn a_dossier_is_received_once() {
    let mut machine = at_work();
    assert_eq!(machine.try_write(specimen::receipt("H27.102", "H27.102")), Err("act-already-received"));
    let again = machine.write(specimen::receipt("H27.102", "H27.101"));
    assert_eq!(machine.standing(again), Standing::Void("act-already-received"));
    assert_eq!(machine.state().process.competent, Some(code("H27.102")));
    let mut empty = Machine::new(9, "H27.102");
    let early = empty.write(note());
    assert_eq!(empty.standing(early), Standing::Void("act-not-received"));
}
