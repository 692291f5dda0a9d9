//! What the province marks: void, review, released. It counts whatever the causal order.

use super::at_work;
use super::bodies::*;
use super::crossed;
use super::machine::Machine;
use super::machine::gather;
use super::machine::meet;
use crate::dossier::act::ActId;
use crate::dossier::act::MarkKind;
use crate::dossier::fold::Standing::Contested;
use crate::dossier::fold::Standing::Counts;
use crate::dossier::fold::Standing::SetAside;
use crate::dossier::fold::Standing::Void;

fn with_province() -> (Machine, Machine) {
    let one = at_work();
    let province = one.twin(7, "H27");
    (one, province)
}

#[test]
fn marked_act_is_void_whether_the_mark_comes_before_it_or_after() {
    let (mut one, mut province) = with_province();
    let moved = one.does(assign("H27.102/04"));
    // The province marks by the act's id; this machine has not heard of the act.
    let marked = province.does(void(moved));
    meet(&mut one, &mut province);
    assert_eq!([one.standing(moved), one.standing(marked)], [Void("act-marked-void"), Counts]);
    assert_eq!(one.state().process.assignee, None);
    assert!(!one.state().needs_person());
}

#[test]
fn only_the_province_marks() {
    let (mut a, mut b) = crossed();
    let moved = b.does(step("x"));
    a.hear(&b);
    assert_eq!(a.try_write(void(moved)), Err("act-province-only"));
    let forced = a.write(void(moved));
    meet(&mut a, &mut b);
    assert_eq!([a.standing(moved), a.standing(forced)], [Counts, Void("act-province-only")]);
}

#[test]
fn what_relied_on_a_voided_act_is_contested_unless_its_author_had_seen_the_mark() {
    let (mut one, mut province) = with_province();
    let moved = one.does(step("hai"));
    let noted = one.does(note());
    let relied = one.does(assign("H27.102/04"));
    province.hear(&one);
    province.does(void(moved));
    meet(&mut one, &mut province);
    assert_eq!([one.standing(moved), one.standing(noted)], [Void("act-marked-void"), Counts]);
    assert_eq!(one.contested(), [relied].into());
    one.does(settle(&[relied], relied));
    assert!(!one.state().needs_person());
    assert_eq!(one.standing(relied), Counts);
    let after = one.does(finish());
    assert_eq!(one.standing(after), Counts, "its author had seen the mark");
    meet(&mut one, &mut province);
}

#[test]
fn a_settlement_that_had_not_seen_the_mark_does_not_answer_it() {
    let (mut one, mut province) = with_province();
    let mut other = one.twin(2, "H27.102");
    let asked = one.does(supplement());
    let moved = other.does(step("ba"));
    meet(&mut one, &mut other);
    province.hear(&one);
    let marked = province.does(void(asked));
    let settled = one.does(settle(&[asked, moved], asked));
    gather(&mut [&mut one, &mut other, &mut province]);
    assert_eq!(one.contested(), [asked, settled].into(), "the settlement relied on it too");
    one.does(settle(&[asked, marked], marked));
    assert!(!one.state().needs_person());
    assert_eq!([one.standing(asked), one.standing(settled)], [SetAside, SetAside]);
    assert_eq!(one.standing(moved), Counts, "the other side is all there is");
    assert_eq!(one.state().process.step.as_deref(), Some("ba"));
}

#[test]
fn printed_act_is_never_void_and_a_person_decides_for_it_or_for_the_mark() {
    for is_kept in [true, false] {
        let (mut one, mut province) = with_province();
        let asked = one.does(supplement());
        let answered = one.does(supplemented(5));
        province.hear(&one);
        let marked = province.does(void(asked));
        meet(&mut one, &mut province);
        assert_eq!(one.contested(), [asked, answered].into(), "Mẫu 02 was printed");
        assert_eq!(one.state().process.status, 4, "both count for now");
        assert_eq!(one.try_write(settle(&[marked], marked)), Err("act-settle-nothing"), "it names no act");
        one.does(settle(&[asked, marked], if is_kept { asked } else { marked }));
        meet(&mut one, &mut province);
        assert!(!one.state().needs_person());
        let expected = if is_kept { Counts } else { SetAside };
        assert_eq!([one.standing(asked), one.standing(answered)], [expected.clone(), expected]);
        assert_eq!(one.state().process.due.is_some(), is_kept);
        one.does(step("hai"));
    }
}

#[test]
fn refused_decision_was_printed_and_a_granted_one_is_printed_when_it_is_issued() {
    for (body, is_printed) in [(refuse(), true), (finish(), false)] {
        let (mut one, mut province) = with_province();
        let done = one.does(body);
        province.hear(&one);
        province.does(void(done));
        meet(&mut one, &mut province);
        assert_eq!(one.standing(done), if is_printed { Contested } else { Void("act-marked-void") });
        assert_eq!(one.state().process.status, if is_printed { 9 } else { 4 });
    }
}

#[test]
fn released_act_counts_again_with_what_relied_on_it() {
    let (mut one, mut province) = with_province();
    let moved = one.does(step("hai"));
    let relied = one.does(finish());
    province.hear(&one);
    province.does(void(moved));
    province.does(mark(MarkKind::Released, &[moved]));
    meet(&mut one, &mut province);
    assert_eq!([one.standing(moved), one.standing(relied)], [Counts, Counts]);
    assert!(!one.state().needs_person());
    province.does(void(moved));
    assert_eq!(province.standing(moved), Void("act-marked-void"), "a release lifts earlier marks only");
}

#[test]
fn act_to_review_counts_and_waits_for_a_person_until_released() {
    let (mut one, mut province) = with_province();
    let done = one.does(finish());
    province.hear(&one);
    province.does(mark(MarkKind::Review, &[done]));
    meet(&mut one, &mut province);
    assert_eq!(one.standing(done), Counts);
    assert_eq!(one.state().review, [done]);
    assert!(one.state().needs_person());
    let out = one.does(hand_out());
    assert_eq!(one.standing(out), Counts, "nothing stops for it");
    meet(&mut one, &mut province);
    province.does(mark(MarkKind::Released, &[done]));
    meet(&mut one, &mut province);
    assert!(!one.state().needs_person());
}

#[test]
fn voiding_a_note_or_a_correction_touches_nothing_else() {
    let (mut one, mut province) = with_province();
    let noted = one.does(note());
    let corrected = one.try_correct("owner.name", "Trần Thị Thử").unwrap();
    let done = one.does(finish());
    province.hear(&one);
    province.does(mark(MarkKind::Void, &[noted, corrected]));
    meet(&mut one, &mut province);
    assert_eq!(
        [one.standing(noted), one.standing(corrected)],
        [Void("act-marked-void"), Void("act-marked-void")]
    );
    assert_eq!(one.standing(done), Counts);
    assert_eq!(one.state().field("owner.name"), Some("Nguyễn Văn Thử"));
}

#[test]
fn voided_settlement_opens_the_conflict_again() {
    let (mut one, mut province) = with_province();
    let mut other = one.twin(2, "H27.102");
    let (left, right) = (one.does(step("hai")), other.does(step("ba")));
    meet(&mut one, &mut other);
    let settled = one.does(settle(&[left, right], left));
    let built = one.does(assign("H27.102/04"));
    province.hear(&one);
    province.does(void(settled));
    gather(&mut [&mut one, &mut other, &mut province]);
    assert_eq!(one.standing(settled), Void("act-marked-void"));
    assert_eq!(one.contested(), [left, right, built].into());
    province.does(settle(&[left, right], right));
    assert!(province.contested().is_empty());
    assert_eq!(province.state().process.step.as_deref(), Some("ba"));
}

#[test]
fn voided_side_ends_the_conflict() {
    let (mut one, mut province) = with_province();
    let mut other = one.twin(2, "H27.102");
    let (left, right) = (one.does(step("hai")), other.does(step("ba")));
    meet(&mut one, &mut other);
    province.hear(&one);
    province.does(void(right));
    meet(&mut one, &mut province);
    assert_eq!([one.standing(left), one.standing(right)], [Counts, Void("act-marked-void")]);
    assert!(!one.state().needs_person());
}

#[test]
fn marks_name_what_they_like_and_marks_are_not_marked() {
    let (mut one, mut province) = with_province();
    let moved = one.does(step("hai"));
    province.hear(&one);
    let marked = province.does(void(moved));
    province.does(void(marked));
    province.does(void(ActId { index: 40, ..moved }));
    meet(&mut one, &mut province);
    assert_eq!([one.standing(moved), one.standing(marked)], [Void("act-marked-void"), Counts]);
}
