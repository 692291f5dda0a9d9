//! What was done apart: contested, repeated, too late, set aside (domain.md 2.5, "Validity").

use super::at_work;
use super::bodies::*;
use super::crossed;
use super::held;
use super::machine::Machine;
use super::machine::gather;
use super::machine::meet;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::custody::Custody;
use crate::dossier::fold::Standing::Contested;
use crate::dossier::fold::Standing::Counts;
use crate::dossier::fold::Standing::Repeated;
use crate::dossier::fold::Standing::SetAside;
use crate::dossier::fold::Standing::TooLate;
use crate::dossier::fold::Standing::Void;
use crate::dossier::specimen::code;

/// Two machines of one seat that hold the same and no longer hear each other.
fn two_of_one_seat() -> (Machine, Machine) {
    let one = at_work();
    let other = one.twin(2, "H27.102");
    (one, other)
}

/// Two machines of one seat did one act each; both have met.
fn did_apart(left: impl Into<Body>, right: impl Into<Body>) -> (Machine, Machine, ActId, ActId) {
    let (mut one, mut other) = two_of_one_seat();
    let (left, right) = (one.does(left), other.does(right));
    meet(&mut one, &mut other);
    (one, other, left, right)
}

#[test]
fn recall_apart_from_a_take_over_is_too_late_and_not_contested() {
    let (mut a, mut b) = crossed();
    let recall = a.does(recall());
    meet(&mut a, &mut b);
    assert_eq!(a.standing(recall), TooLate);
    assert!(!a.state().needs_person());
    assert_eq!(a.state().process.custody, held("H27.101"));
    b.does(step("x"));
}

#[test]
fn notes_built_on_a_late_recall_do_not_make_it_contested() {
    let (mut a, mut b) = crossed();
    let recall = a.does(recall());
    a.does(note());
    meet(&mut a, &mut b);
    assert_eq!(a.standing(recall), TooLate);
    assert!(!a.state().needs_person());
}

#[test]
fn acts_built_on_a_late_recall_make_both_sides_contested() {
    let (mut a, mut b) = crossed();
    let recall = a.does(recall());
    let built = a.does(transfer("H27.105"));
    meet(&mut a, &mut b);
    assert_eq!(a.standing(recall), Contested);
    assert_eq!(a.standing(built), Contested);
    assert_eq!(a.contested().len(), 3);
    assert_eq!(a.state().process.custody, held("H27.101"), "take_over has the higher rank");
}

#[test]
fn a_take_over_beats_only_the_recall_of_the_same_transfer() {
    let (mut one, mut other) = two_of_one_seat();
    one.does(transfer("H27.101"));
    let recalled = one.does(recall());
    other.does(transfer("H27.103"));
    let mut c = other.twin(3, "H27.103");
    let taken = c.does(take_over());
    meet(&mut one, &mut c);
    assert_eq!(c.standing(recalled), Contested, "it recalled another transfer");
    assert_eq!(c.standing(taken), Contested);
    assert_eq!(c.state().process.custody, held("H27.103"));
}

#[test]
fn recall_and_decline_apart_come_to_the_same_and_count_once() {
    let mut a = at_work();
    a.does(transfer("H27.101"));
    let mut b = a.twin(2, "H27.101");
    let (recalled, declined) = (a.does(recall()), b.does(decline()));
    meet(&mut a, &mut b);
    let standings = [a.standing(recalled.min(declined)), a.standing(recalled.max(declined))];
    assert_eq!(standings, [Counts, Repeated]);
    assert_eq!(a.state().process.custody, held("H27.102"));
    a.does(transfer("H27.103"));
}

#[test]
fn transfers_to_two_seats_apart_are_contested_and_the_one_taken_over_counts_for_now() {
    let (mut one, mut other, to_b, to_c) = did_apart(transfer("H27.101"), transfer("H27.103"));
    assert_eq!(one.contested(), [to_b, to_c].into());
    let first = if to_b < to_c { "H27.101" } else { "H27.103" };
    assert_eq!(one.state().process.custody.holder(), Some(&code(first)), "equal rank: the smaller act id");
    // The target of the other one had taken over before it heard.
    let (behind, seat) = if first == "H27.101" { (to_c, "H27.103") } else { (to_b, "H27.101") };
    let mut late = Machine::new(5, seat);
    let before: Vec<_> = one
        .changes
        .iter()
        .filter(|change| ![to_b.change, to_c.change].contains(&change.hash))
        .cloned()
        .collect();
    late.take(&before);
    late.take(&one.changes.iter().filter(|change| change.hash == behind.change).cloned().collect::<Vec<_>>());
    late.does(take_over());
    gather(&mut [&mut one, &mut other, &mut late]);
    assert_eq!(one.contested().len(), 3);
    assert_eq!(one.state().process.custody, held(seat));
    assert!(one.state().process.parties.is_superset(&[code("H27.101"), code("H27.103")].into()));
}

#[test]
fn the_higher_rank_counts_for_now() {
    // Each pair in the order of domain.md 2.5; the first has the higher rank.
    type Make = fn() -> Body;
    let pairs: [(Make, Make, u8); 5] = [
        (|| finish().into(), || sign().into(), 9),
        (|| finish().into(), || stop().into(), 9),
        (|| stop().into(), || transfer("H27.101").into(), 8),
        (|| finish().into(), || supplement().into(), 9),
        (|| transfer("H27.101").into(), || supplement().into(), 4),
    ];
    for (high, low, status) in pairs {
        for is_swapped in [false, true] {
            let (one, _, left, right) =
                if is_swapped { did_apart(low(), high()) } else { did_apart(high(), low()) };
            assert_eq!(one.contested(), [left, right].into());
            assert_eq!(one.state().process.status, status, "{:?} against {:?}", high().kind(), low().kind());
        }
    }
    // An issued result outranks a signed one, a signed one a stop; a handed out one all.
    let (mut one, mut other) = two_of_one_seat();
    one.does(sign());
    one.does(issue());
    other.does(sign_as("2"));
    other.does(stop());
    meet(&mut one, &mut other);
    assert_eq!(one.state().process.status, 4);
    let (mut one, mut other) = two_of_one_seat();
    one.does(finish());
    one.does(hand_out());
    other.does(refuse());
    other.does(post());
    meet(&mut one, &mut other);
    assert_eq!(one.state().process.status, 10);
}

#[test]
fn what_was_built_on_one_side_is_contested_with_it_until_a_person_settles() {
    let (mut one, mut other) = two_of_one_seat();
    let sent = one.does(transfer("H27.101"));
    let moved = other.does(step("thamdinh"));
    let done = other.does(finish());
    other.does(note());
    meet(&mut one, &mut other);
    assert_eq!(one.contested(), [sent, moved, done].into(), "the note is nobody's concern");
    assert_eq!(one.state().process.status, 9, "finish has the higher rank and counts for now");
    assert_eq!(one.try_write(hand_out()), Err("act-contested"));
    let before = one.state().process.generation;
    let settled = one.does(settle(&[sent, done], sent));
    meet(&mut one, &mut other);
    assert!(!one.state().needs_person());
    for (id, standing) in [(sent, Counts), (moved, SetAside), (done, SetAside), (settled, Counts)] {
        assert_eq!(one.standing(id), standing);
    }
    assert_eq!(
        one.state().process.custody,
        Custody::InTransit { from: code("H27.102"), to: code("H27.101") }
    );
    assert_eq!(one.state().process.generation, before + 1, "the highest generation it names, and one");
    let mut b = one.twin(3, "H27.101");
    b.does(take_over());
}

#[test]
fn whoever_saw_both_sides_may_only_note_add_papers_reassign_and_settle() {
    let (mut one, _, left, right) = did_apart(transfer("H27.101"), finish());
    for body in crate::dossier::specimen::bodies() {
        let kind = body.kind().unwrap();
        let mut here = one.twin(9, "H27.102");
        if let Err(code) = here.try_write(body.clone()) {
            let forced = here.write(body);
            assert!(matches!(here.standing(forced), Void(_)), "{kind:?}: {code}");
        } else {
            assert!(
                ["note", "attach_paper", "send_paper", "receive_paper", "request_withdrawal"]
                    .contains(&kind.name()),
                "{kind:?}"
            );
        }
    }
    assert_eq!(one.try_correct("owner.name", "Trần Thị Thử"), Err("act-contested"));
    one.twin(7, "H27").does(reassign("H27.103"));
    one.does(settle(&[left, right], left));
}

#[test]
fn three_ways_apart_are_settled_by_one_choice() {
    let (mut one, mut two) = two_of_one_seat();
    let mut three = one.twin(3, "H27.102");
    let (b, c, done) = (one.does(transfer("H27.101")), two.does(transfer("H27.103")), three.does(finish()));
    gather(&mut [&mut one, &mut two, &mut three]);
    assert_eq!(one.contested(), [b, c, done].into());
    assert_eq!(one.state().process.status, 9);
    one.does(settle(&[b, c], c));
    gather(&mut [&mut one, &mut two, &mut three]);
    assert!(!one.state().needs_person());
    assert_eq!([one.standing(b), one.standing(c), one.standing(done)], [SetAside, Counts, SetAside]);
    assert_eq!(one.state().process.custody.holder(), Some(&code("H27.103")));
}

#[test]
fn a_settlement_names_both_sides_and_chooses_one_that_is_contested() {
    let (mut one, mut other) = two_of_one_seat();
    let sent = one.does(transfer("H27.101"));
    let (moved, done) = (other.does(step("thamdinh")), other.does(finish()));
    let noted = other.does(note());
    meet(&mut one, &mut other);
    let unseen = ActId { index: 9, ..sent };
    for (acts, choice, code) in [
        (vec![moved, done], done, "act-settle-nothing"),
        (vec![done], done, "act-settle-nothing"),
        (vec![noted, sent], noted, "act-settle-nothing"),
        (vec![sent, done], moved, "act-settle-unknown"),
        (vec![sent, unseen], sent, "act-settle-unknown"),
        (vec![], sent, "act-settle-unknown"),
    ] {
        assert_eq!(one.try_write(settle(&acts, choice)), Err(code));
    }
    one.does(settle(&[sent, moved, done, noted], moved));
    assert_eq!(one.try_write(settle(&[sent, done], sent)), Err("act-settle-nothing"), "nothing is open");
}

#[test]
fn only_the_provisional_holder_and_the_province_settle() {
    let (one, _, left, right) = did_apart(transfer("H27.101"), transfer("H27.103"));
    let holder = one.state().process.custody.holder().cloned().unwrap();
    for seat in ["H27.101", "H27.103", "H27.102", "H27.150", "H27"] {
        let outcome = one.twin(9, seat).try_write(settle(&[left, right], left)).map(|_| ());
        let may = seat == holder.as_str() || seat == "H27";
        assert_eq!(outcome, if may { Ok(()) } else { Err("act-not-settler") }, "{seat}");
    }
}

#[test]
fn the_provinces_settlement_outranks_the_holders() {
    let (mut holder, _, left, right) = did_apart(step("hai"), step("ba"));
    let mut province = holder.twin(7, "H27");
    let settled = holder.does(settle(&[left, right], left));
    let overruled = province.does(settle(&[left, right], right));
    meet(&mut holder, &mut province);
    assert!(!holder.state().needs_person());
    assert_eq!([holder.standing(settled), holder.standing(overruled)], [SetAside, Counts]);
    assert_eq!([holder.standing(left), holder.standing(right)], [SetAside, Counts]);
    assert_eq!(holder.state().process.step.as_deref(), Some("ba"));
    holder.does(finish());
}

#[test]
fn acts_built_on_an_outranked_settlement_are_contested_and_not_lost() {
    let (mut holder, _, left, right) = did_apart(step("hai"), step("ba"));
    let mut province = holder.twin(7, "H27");
    let settled = holder.does(settle(&[left, right], left));
    let built = holder.does(finish());
    let overruled = province.does(settle(&[left, right], right));
    meet(&mut holder, &mut province);
    assert_eq!(holder.contested(), [settled, built, overruled].into());
    assert_eq!(holder.state().process.step.as_deref(), Some("ba"), "the province's counts for now");
    assert_eq!(holder.state().process.status, 4);
    province.does(settle(&[settled, overruled, built], built));
    meet(&mut holder, &mut province);
    assert!(!holder.state().needs_person());
    assert_eq!((holder.state().process.status, holder.state().process.step), (9, Some("hai".to_owned())));
}

#[test]
fn unequal_settlements_of_equals_are_contested_again_until_a_third_chooses() {
    for names_settlements in [true, false] {
        let (mut one, mut other, left, right) = did_apart(step("hai"), step("ba"));
        let (for_left, for_right) =
            (one.does(settle(&[left, right], left)), other.does(settle(&[left, right], right)));
        let built = other.does(assign("H27.102/04"));
        meet(&mut one, &mut other);
        assert_eq!(one.contested(), [for_left, for_right, built].into());
        assert_eq!(one.try_write(step("bon")), Err("act-contested"));
        // A person may name the settlements, or what they chose.
        let (acts, choice) =
            if names_settlements { ([for_left, for_right], for_right) } else { ([left, right], right) };
        let third = one.does(settle(&acts, choice));
        meet(&mut one, &mut other);
        assert!(!one.state().needs_person());
        for (id, standing) in [
            (left, SetAside),
            (right, Counts),
            (for_left, SetAside),
            (for_right, Counts),
            (third, Counts),
            (built, Counts),
        ] {
            assert_eq!(one.standing(id), standing);
        }
        let process = one.state().process;
        assert_eq!((process.step.as_deref(), process.assignee.as_deref()), (Some("ba"), Some("H27.102/04")));
        assert!(process.generation > 2);
    }
}

#[test]
fn a_third_that_takes_the_other_side_brings_it_back() {
    let (mut one, mut other, left, right) = did_apart(step("hai"), step("ba"));
    let (for_left, for_right) =
        (one.does(settle(&[left, right], left)), other.does(settle(&[left, right], right)));
    let built = other.does(finish());
    meet(&mut one, &mut other);
    assert_eq!(one.state().process.status, 9, "the side with the higher rank");
    one.does(settle(&[for_left, for_right], for_left));
    meet(&mut one, &mut other);
    assert!(!one.state().needs_person());
    assert_eq!([one.standing(left), one.standing(right), one.standing(built)], [Counts, SetAside, SetAside]);
    assert_eq!((one.state().process.status, one.state().process.step.as_deref()), (4, Some("hai")));
}

#[test]
fn equal_settlements_apart_count_once() {
    let (mut one, mut other, left, right) = did_apart(step("hai"), step("ba"));
    let settled = [one.does(settle(&[left, right], left)), other.does(settle(&[right, left], left))];
    let moved = one.does(step("bon"));
    meet(&mut one, &mut other);
    assert!(!one.state().needs_person());
    let standings = [one.standing(settled[0].min(settled[1])), one.standing(settled[0].max(settled[1]))];
    assert_eq!(standings, [Counts, Repeated]);
    assert_eq!(one.standing(moved), Counts);
}

#[test]
fn a_conflict_inside_a_settled_branch_stays_open() {
    let (mut one, mut other) = two_of_one_seat();
    let base = one.does(step("hai"));
    let mut third = one.twin(3, "H27.102");
    let (inner, fork) = (one.does(assign("H27.102/03")), third.does(assign("H27.102/04")));
    let outer = other.does(step("ba"));
    meet(&mut one, &mut other);
    one.does(settle(&[base, outer], base));
    gather(&mut [&mut one, &mut other, &mut third]);
    assert_eq!(one.standing(outer), SetAside);
    assert!(one.contested().is_superset(&[inner, fork].into()), "the settlement had not seen the fork");
    one.does(settle(&[inner, fork], fork));
    gather(&mut [&mut one, &mut other, &mut third]);
    assert!(!one.state().needs_person());
    assert_eq!(one.state().process.assignee.as_deref(), Some("H27.102/04"));
    assert_eq!(one.state().process.step.as_deref(), Some("hai"));
}

#[test]
fn what_a_third_machine_built_apart_on_the_side_set_aside_is_contested_and_not_lost() {
    for body in [Body::from(finish()), Body::from(sign()), Body::from(assign("H27.102/04"))] {
        let (mut one, mut other) = two_of_one_seat();
        let (left, right) = (one.does(step("hai")), other.does(step("ba")));
        let mut third = other.twin(3, "H27.102");
        meet(&mut one, &mut other);
        one.does(settle(&[left, right], left));
        let late = third.does(body);
        gather(&mut [&mut one, &mut other, &mut third]);
        assert_eq!(one.standing(right), SetAside);
        assert!(one.contested().contains(&late), "it rests on a side that does not count");
        assert!(one.contested().contains(&left));
        one.does(settle(&[left, late], left));
        gather(&mut [&mut one, &mut other, &mut third]);
        assert!(!one.state().needs_person());
        assert_eq!(one.standing(late), SetAside);
    }
}

#[test]
fn acts_done_in_sight_of_the_settlement_count() {
    let (mut one, mut other, left, right) = did_apart(step("hai"), step("ba"));
    one.does(settle(&[left, right], right));
    let first = one.does(assign("H27.102/04"));
    meet(&mut one, &mut other);
    let second = other.does(finish());
    meet(&mut one, &mut other);
    assert!(!one.state().needs_person());
    assert_eq!([one.standing(first), one.standing(second)], [Counts, Counts]);
}

#[test]
fn equal_acts_apart_count_once_and_what_follows_either_counts() {
    let (mut a, mut b) = crossed();
    let mut twin = a.twin(3, "H27.101");
    let taken = twin.does(take_over());
    let (moved, done) = (twin.does(step("hai")), twin.does(finish()));
    meet(&mut b, &mut twin);
    a.hear(&b);
    let state = a.state();
    assert!(!state.needs_person(), "{:?}", state.process.contested);
    assert_eq!(state.acts.iter().filter(|act| act.standing == Repeated).count(), 1);
    assert!(matches!(a.standing(taken), Repeated | Counts));
    assert_eq!([a.standing(moved), a.standing(done)], [Counts, Counts]);
    assert_eq!(state.process.status, 9);
}

#[test]
fn of_repeated_acts_the_smallest_id_counts() {
    let (one, _, left, right) = did_apart(finish(), finish());
    assert!(!one.state().needs_person());
    assert_eq!([one.standing(left.min(right)), one.standing(left.max(right))], [Counts, Repeated]);
    let counts = one.state().acts.into_iter().find(|act| act.id == left.min(right)).unwrap();
    assert_eq!(one.state().process.finished_at, Some(counts.recorded_at));
}

#[test]
fn acts_of_one_kind_that_decide_differently_are_contested() {
    let pairs: [(Body, Body); 6] = [
        (finish().into(), refuse().into()),
        (sign_as("1").into(), sign_as("2").into()),
        (step("hai").into(), step("ba").into()),
        (assign("H27.102/03").into(), assign("H27.102/04").into()),
        (hand_over("H27.90").into(), hand_over("H27.91").into()),
        (extend(1).into(), extend(2).into()),
    ];
    for (left, right) in pairs {
        let name = format!("{left:?} {right:?}");
        let (one, _, left, right) = did_apart(left, right);
        assert_eq!(one.contested(), [left, right].into(), "{name}");
    }
}

#[test]
fn acts_that_set_different_things_count_both() {
    let pairs: [(Body, Body); 4] = [
        (step("hai").into(), assign("H27.102/04").into()),
        (sign().into(), step("hai").into()),
        (extend(1).into(), sign().into()),
        (note().into(), finish().into()),
    ];
    for (left, right) in pairs {
        let name = format!("{left:?} {right:?}");
        let (one, _, left, right) = did_apart(left, right);
        assert_eq!([one.standing(left), one.standing(right)], [Counts, Counts], "{name}");
        assert!(!one.state().needs_person(), "{name}");
    }
}

#[test]
fn due_dates_apart_count_once_when_equal_and_are_contested_when_not() {
    let waiting = || {
        let mut one = at_work();
        one.does(supplement());
        let other = one.twin(2, "H27.102");
        (one, other)
    };
    let (mut one, mut other) = waiting();
    let (left, right) = (one.does(supplemented(5)), other.does(supplemented(5)));
    meet(&mut one, &mut other);
    assert_eq!([one.standing(left.min(right)), one.standing(left.max(right))], [Counts, Repeated]);
    assert!(!one.state().needs_person());

    let (mut one, mut other) = waiting();
    let (left, right) = (one.does(supplemented(5)), other.does(supplemented(6)));
    meet(&mut one, &mut other);
    assert_eq!(one.contested(), [left, right].into());
    one.does(settle(&[left, right], right));
    assert_eq!(one.state().process.due.unwrap().at.0, 6);

    // An extension apart from a supplement that came: both set the due date.
    let (mut one, mut other) = two_of_one_seat();
    let extended = one.does(extend(7));
    other.does(supplement());
    let came = other.does(supplemented(8));
    meet(&mut one, &mut other);
    assert!(one.contested().is_superset(&[extended, came].into()));
}

#[test]
fn contested_dossier_is_reassigned_and_its_new_holder_settles() {
    let (mut one, mut other, sent, done) = did_apart(transfer("H27.101"), finish());
    let mut province = one.twin(7, "H27");
    province.does(reassign("H27.103"));
    meet(&mut one, &mut province);
    assert_eq!(one.contested(), [sent, done].into());
    let mut new = one.twin(8, "H27.103");
    new.does(settle(&[sent, done], sent));
    gather(&mut [&mut one, &mut other, &mut province, &mut new]);
    let process = one.state().process;
    assert!(!one.state().needs_person());
    assert_eq!(
        process.status, 4,
        "the status of the side that was chosen, not of the one that counted for now"
    );
}

#[test]
fn the_lost_holders_later_acts_are_contested_and_not_lost() {
    let (mut a, mut b) = crossed();
    let mut province = b.twin(7, "H27");
    let given = province.does(reassign("H27.103"));
    let mut new = province.twin(8, "H27.103");
    let begun = new.does(step("lai"));
    let (moved, done) = (b.does(step("hai")), b.does(finish()));
    gather(&mut [&mut a, &mut b, &mut province, &mut new]);
    assert_eq!(a.contested(), [given, begun, moved, done].into());
    assert_eq!(a.state().process.status, 9, "a decision outranks the reassignment");
    province.does(settle(&[given, done], given));
    gather(&mut [&mut a, &mut b, &mut province, &mut new]);
    assert_eq!(a.state().process.custody, held("H27.103"));
    assert_eq!([a.standing(begun), a.standing(moved), a.standing(done)], [Counts, SetAside, SetAside]);
    new.does(finish());
}

#[test]
fn a_seat_that_was_brought_in_stays_a_party_whatever_becomes_of_the_act() {
    let (mut one, mut other, left, right) = did_apart(transfer("H27.101"), transfer("H27.103"));
    let mut province = one.twin(7, "H27");
    province.does(settle(&[left, right], left));
    meet(&mut one, &mut province);
    other.hear(&one);
    assert_eq!(one.standing(right), SetAside);
    assert!(one.state().process.parties.contains(&code("H27.103")));
    one.twin(9, "H27.103").does(note());
}

#[test]
fn claimed_generations_beyond_all_bounds_change_nothing() {
    let (mut one, mut other) = two_of_one_seat();
    let mut loud = one.act(note());
    loud.generation = u32::MAX;
    let loud = one.commit(vec![loud], Vec::new());
    let mut received = other.act(note());
    received.generation = u32::MAX - 1;
    other.commit(vec![received], Vec::new());
    let (left, right) = (one.does(step("hai")), other.does(step("ba")));
    meet(&mut one, &mut other);
    let before = one.state().process.generation;
    one.does(settle(&[left, right, loud], left));
    assert_eq!(one.state().process.generation, before + 1);
    one.does(step("bon"));
}

#[test]
fn two_values_of_a_field_stay_open_until_a_settlement_names_both() {
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    let left = a.try_correct("owner.name", "Nguyễn Thị Thử").unwrap();
    let right = b.try_correct("owner.name", "Nguyễn Văn Thử Hai").unwrap();
    meet(&mut a, &mut b);
    assert_eq!(a.state().fields["owner.name"].len(), 2);
    assert!(a.state().needs_person());
    assert_eq!(a.try_correct("owner.name", "Ai đó"), Err("act-field-contested"));
    b.does(step("x"));
    let name = "owner.name";
    assert_eq!(b.try_write(settle_field(name, &[left], left)), Err("act-settle-nothing"), "it names one");
    assert_eq!(b.try_write(settle_field("summary", &[left, right], left)), Err("act-settle-nothing"));
    assert_eq!(b.try_write(settle_field(name, &[right], left)), Err("act-settle-unknown"));
    assert_eq!(a.try_write(settle_field(name, &[left, right], left)), Err("act-not-settler"));
    b.does(settle_field(name, &[left, right], left));
    meet(&mut a, &mut b);
    assert_eq!(a.state().field(name), Some("Nguyễn Thị Thử"));
    assert!(!a.state().needs_person());
    a.try_correct(name, "Nguyễn Thị Thử Ba").unwrap();
    assert_eq!(a.state().field(name), Some("Nguyễn Thị Thử Ba"));
}

#[test]
fn a_plain_write_forced_over_two_values_is_void_and_closes_nothing() {
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    a.try_correct("owner.name", "Một").unwrap();
    b.try_correct("owner.name", "Hai").unwrap();
    meet(&mut a, &mut b);
    let act = a.act(crate::dossier::act::CorrectField { field: "owner.name".to_owned() });
    let forced = a.commit(vec![act], vec![("owner.name".to_owned(), "Ba".to_owned())]);
    meet(&mut a, &mut b);
    assert_eq!(b.standing(forced), Void("act-field-contested"));
    assert_eq!(b.state().fields["owner.name"].len(), 2);
}

#[test]
fn equal_values_of_a_field_count_once() {
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    a.try_correct("owner.name", "Một").unwrap();
    b.try_correct("owner.name", "Một").unwrap();
    meet(&mut a, &mut b);
    assert_eq!(a.state().fields["owner.name"].len(), 1);
    assert!(!a.state().needs_person());
}

#[test]
fn settlements_of_a_field_apart_are_open_again_and_the_provinces_outranks() {
    let name = "owner.name";
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    let (left, right) = (a.try_correct(name, "Một").unwrap(), b.try_correct(name, "Hai").unwrap());
    meet(&mut a, &mut b);
    let (mut twin, mut province) = (b.twin(3, "H27.101"), b.twin(7, "H27"));
    let one = b.does(settle_field(name, &[left, right], left));
    let two = twin.does(settle_field(name, &[left, right], right));
    meet(&mut b, &mut twin);
    assert_eq!(b.state().fields[name].len(), 2, "two equals");
    province.does(settle_field(name, &[left, right], right));
    gather(&mut [&mut a, &mut b, &mut twin, &mut province]);
    assert_eq!(a.state().field(name), Some("Hai"));
    assert!(!a.state().needs_person());
    assert_eq!([a.standing(one), a.standing(two)], [Counts, Counts]);
}

#[test]
fn a_value_written_apart_from_the_settlement_is_open_again() {
    let name = "owner.name";
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    let mut late = a.twin(3, "H27.102");
    let (left, right) = (a.try_correct(name, "Một").unwrap(), b.try_correct(name, "Hai").unwrap());
    late.try_correct(name, "Ba").unwrap();
    meet(&mut a, &mut b);
    b.does(settle_field(name, &[left, right], left));
    gather(&mut [&mut a, &mut b, &mut late]);
    let values: Vec<_> = a.state().fields[name].iter().map(|value| value.value.clone()).collect();
    assert_eq!(values.len(), 2);
    assert!(values.contains(&"Một".to_owned()) && values.contains(&"Ba".to_owned()));
}

#[test]
fn contested_fields_do_not_stop_the_process() {
    let (mut a, mut b) = crossed();
    meet(&mut a, &mut b);
    a.try_correct("owner.name", "Một").unwrap();
    b.try_correct("owner.name", "Hai").unwrap();
    meet(&mut a, &mut b);
    let done = b.does(finish());
    assert_eq!(b.standing(done), Counts);
}
