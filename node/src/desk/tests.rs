//! The desk on a real store with the sample directory: what a receipt says, what is refused and by which field,
//! numbers and dates, repetitions and possible duplicates. What the desk lets through always holds.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use sync_protocol::entry::EntryKind;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use tempfile::TempDir;

use super::*;
use crate::clock::parse_rfc3339;
use crate::directory::sample::SAMPLE;
use crate::dossier::fold::Standing;
use crate::store::Identity;
use crate::store::OpenOptions;
use crate::store::Random;
use crate::store::items::DirectoryVersion;

#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn wall(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        7
    }

    fn wait_ms(&self, _duration_ms: u64) {}
}

#[derive(Debug)]
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new().update(&drawn.to_le_bytes()).finalize_xof().fill(bytes);
        Ok(())
    }
}

/// One machine's office.
struct Office {
    desk: Desk,
    store: Arc<Store>,
    clock: Arc<TestClock>,
    _root: TempDir,
}

impl Office {
    /// The office of `seat` at `now`, with the sample directory and the series 069 and 070.
    fn at(seat: &str, now: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let role = if seat.contains('.') { Role::Commune } else { Role::Province };
        let identity =
            Identity { province: ProvinceId([9; 16]), machine: NodeId([1; 16]), seat: code(seat), role };
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let options = OpenOptions {
            witness: root.path().join("state/witness"),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(TestRandom(AtomicU64::new(1))),
            program: "test".to_owned(),
            pages_max: None,
        };
        clock.0.store(time(now).0, Ordering::Relaxed);
        let store = Arc::new(Store::create(&root.path().join("data"), &identity, options).unwrap());
        store
            .write(|tx| {
                tx.grant_series(&["069".to_owned(), "070".to_owned()])?;
                tx.store_directory(&DirectoryVersion {
                    version: 1,
                    item: 1,
                    hash: Hash([3; 32]),
                    effective_at: Millis(0),
                    signed_at: Millis(0),
                    body: SAMPLE.as_bytes().to_vec(),
                })
            })
            .unwrap();
        let shelf = Arc::new(Shelf::new(store.reader().clone(), Arc::clone(&clock) as Arc<dyn Clock>));
        Self { desk: Desk::new(Arc::clone(&store), shelf), store, clock, _root: root }
    }

    fn set_clock(&self, now: &str) {
        self.clock.0.store(time(now).0, Ordering::Relaxed);
    }

    fn try_lodge(&self, line: &Value, is_historic: bool) -> Result<Value, Refusal> {
        refusal(self.desk.lodge(&line.to_string(), is_historic).wait())
    }

    fn lodge(&self, line: &Value) -> Value {
        self.try_lodge(line, false).unwrap()
    }

    fn try_act(&self, line: &Value, is_historic: bool) -> Result<Value, Refusal> {
        refusal(self.desk.act(&line.to_string(), is_historic).wait())
    }

    fn act(&self, line: &Value) -> Value {
        self.try_act(line, false).unwrap()
    }

    fn state(&self, number: &str) -> State {
        let doc = self.store.read(|view| view.dossiers_by_number(number)).unwrap()[0].doc;
        self.store.read(|view| view.state(doc)).unwrap().unwrap()
    }
}

fn refusal<T>(outcome: Result<T, StoreError>) -> Result<T, Refusal> {
    outcome
        .map_err(|error| if let StoreError::Refused(refusal) = error { refusal } else { panic!("{error}") })
}

fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

fn time(text: &str) -> Millis {
    parse_rfc3339(text).unwrap()
}

/// A line for a marriage-status paper: three working days, 3,000 đồng.
fn line() -> Value {
    json!({
        "procedure": "1.004873", "officer": "H27.102/02",
        "owner": {"name": "Nguyễn Văn Thử", "id_no": "042090900001", "dob": "1990-02-28"},
    })
}

/// The same with other values.
fn with(mut line: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        line[key] = value.clone();
    }
    line
}

fn act(number: &Value, name: &str, more: Value) -> Value {
    with(json!({"number": number, "act": name, "officer": "H27.102/02"}), more)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

const MONDAY: &str = "2026-03-02T07:35:00+07:00";

#[test]
fn receipt_carries_the_legal_facts_of_its_day() {
    let office = Office::at("H27.102", MONDAY);
    let answer = office.lodge(&line());
    assert_eq!(text(&answer["number"]), "H27.102-260302-0690001");
    assert_eq!(text(&answer["due_at"]), "2026-03-05T07:35:00+07:00");
    assert_eq!((&answer["fee_vnd"], &answer["directory_version"]), (&json!(3000), &json!(1)));
    assert_eq!(answer["duplicates"], json!([]));
    let state = office.state(text(&answer["number"]));
    let receive = state.receive.clone().unwrap();
    assert_eq!(receive.form_set, "tt-03-2025");
    assert_eq!(receive.rule_set, "nd-118-2025");
    assert_eq!(receive.due.as_ref().unwrap().calendar, "H27-2026-thu");
    assert_eq!(receive.lookup_code.len(), 8);
    assert_eq!(receive.return_at, code("H27.102"));
    assert_eq!((state.process.status, state.process.step.as_deref()), (2, Some("B1")));
    assert_eq!(state.acts[0].act.directory.version, 1);
    assert_eq!(state.field("owner.id_no"), Some("042090900001"));
}

#[test]
fn due_dates_follow_closing_time_weekends_and_the_15_oclock_rule() {
    for (procedure, received, due) in [
        ("1.004873", "2026-03-06T16:59:00+07:00", "2026-03-11T16:59:00+07:00"),
        ("1.004873", "2026-03-06T17:20:00+07:00", "2026-03-11T17:00:00+07:00"),
        ("1.004873", "2026-03-07T09:00:00+07:00", "2026-03-11T17:00:00+07:00"),
        ("1.004873", "2026-03-06T12:00:00+07:00", "2026-03-11T13:30:00+07:00"),
        ("1.001193", "2026-03-02T14:59:00+07:00", "2026-03-02T17:00:00+07:00"),
        ("1.001193", "2026-03-02T15:01:00+07:00", "2026-03-03T17:00:00+07:00"),
        ("1.001193", "2026-03-06T15:01:00+07:00", "2026-03-09T17:00:00+07:00"),
        ("1.012994", "2026-03-02T08:00:00+07:00", "2026-03-23T17:00:00+07:00"),
    ] {
        let office = Office::at("H27.102", received);
        let answer = office.lodge(&with(line(), json!({"procedure": procedure})));
        assert_eq!(text(&answer["due_at"]), due, "{procedure} at {received}");
    }
    let office = Office::at("H27.102", MONDAY);
    let answer = office.lodge(&with(line(), json!({"procedure": "9.900005"})));
    assert_eq!(answer["due_at"], Value::Null, "no term is a class of its own");
}

#[test]
fn forms_and_rules_are_those_of_the_day_of_receipt() {
    let office = Office::at("H27.102", MONDAY);
    for (received, forms, rules, day) in [
        ("2025-06-30T09:00:00+07:00", "tt-01-2018", "nd-61-2018", "250630"),
        ("2025-09-14T23:59:00+07:00", "tt-01-2018", "nd-118-2025-tt-01", "250914"),
        ("2025-09-15T00:00:00+07:00", "tt-03-2025", "nd-118-2025", "250915"),
        ("2025-09-16T09:00:00+07:00", "tt-03-2025", "nd-118-2025", "250916"),
    ] {
        let line = with(line(), json!({"received_at": received}));
        assert_eq!(office.try_lodge(&line, false).unwrap_err().code, "desk-historic-only");
        let answer = office.try_lodge(&line, true).unwrap();
        let number = text(&answer["number"]);
        assert!(number.contains(day), "{number}");
        let state = office.state(number);
        assert_eq!(state.received_at, Some(time(received)));
        assert!(state.acts[0].act.historic);
        let receive = state.receive.unwrap();
        assert_eq!((receive.form_set.as_str(), receive.rule_set.as_str()), (forms, rules));
    }
}

#[test]
fn fees_follow_case_copies_and_waivers() {
    let office = Office::at("H27.102", MONDAY);
    for (changes, fee_vnd) in [
        (json!({"procedure": "1.001193", "case": "dung-han"}), 0),
        (json!({"procedure": "1.001193", "case": "qua-han"}), 5_000),
        (json!({"procedure": "2.000635", "fields": {"so_ban": 3}}), 24_000),
        (json!({"procedure": "2.000635", "fields": {"so_ban": 3}, "payment": {"waiver": "tre-em"}}), 0),
        (json!({"fee_vnd": 3000}), 3_000),
    ] {
        let answer = office.lodge(&with(line(), changes.clone()));
        assert_eq!(answer["fee_vnd"], json!(fee_vnd), "{changes}");
    }
}

#[test]
fn repeated_request_finds_the_same_dossier_of_this_office() {
    let office = Office::at("H27", MONDAY);
    let one = with(line(), json!({"request_id": "c7-1", "officer": "H27.02/02", "procedure": "2.000488"}));
    let first = office.lodge(&one);
    office.set_clock("2026-03-09T10:00:00+07:00");
    let again = office.lodge(&one);
    assert_eq!(first, again, "due date, look-up code and all");
    assert_eq!(first["request_id"], json!("c7-1"));
    // Another office on this machine has requests of its own.
    let other = with(one.clone(), json!({"officer": "H27.03/02"}));
    assert_ne!(office.lodge(&other)["number"], first["number"]);
    let without = with(one, json!({"request_id": null}));
    assert_ne!(office.lodge(&without)["number"], first["number"]);
}

#[test]
fn dossier_for_another_commune_carries_its_code_and_comes_back_here() {
    let office = Office::at("H27.102", MONDAY);
    let answer = office.lodge(&with(line(), json!({"competent": "H27.101"})));
    assert_eq!(text(&answer["number"]), "H27.101-260302-0690001");
    let state = office.state("H27.101-260302-0690001");
    assert_eq!(state.receiving, Some(code("H27.102")));
    assert_eq!(state.process.competent, Some(code("H27.101")));
    assert_eq!(state.process.return_at, Some(code("H27.102")));
    let crossed = office.act(&act(&answer["number"], "transfer", json!({"to": "H27.101"})));
    assert_eq!(crossed["custody"], json!({"kind": "in_transit", "from": "H27.102", "to": "H27.101"}));
}

#[test]
fn numbers_count_on_and_never_go_back_in_date() {
    let office = Office::at("H27.102", MONDAY);
    // Without a birth date, which would lie in the future of a clock set back that far.
    let line = || with(line(), json!({"owner": {"name": "Nguyễn Văn Thử"}}));
    let number = |office: &Office| text(&office.lodge(&line())["number"]).to_owned();
    assert_eq!(number(&office), "H27.102-260302-0690001");
    assert_eq!(number(&office), "H27.102-260302-0690002");
    office.set_clock("2026-03-03T08:00:00+07:00");
    assert_eq!(number(&office), "H27.102-260303-0690001");
    office.set_clock("2026-03-02T08:00:00+07:00");
    assert_eq!(number(&office), "H27.102-260303-0690002", "the clock was set back");
    office.set_clock("1970-01-01T08:00:00+07:00");
    assert_eq!(office.lodge(&line())["number"], json!("H27.102-260303-0690003"));
    office.set_clock("2026-03-04T08:00:00+07:00");
    assert_eq!(number(&office), "H27.102-260304-0690001");
    let historic = with(line(), json!({"received_at": "2026-02-27T08:00:00+07:00"}));
    let answer = office.try_lodge(&historic, true).unwrap();
    assert_eq!(answer["number"], json!("H27.102-260227-0690001"), "received on paper that day");
    assert_eq!(number(&office), "H27.102-260304-0690002");
}

#[test]
fn lodging_is_refused_by_the_field_that_is_wrong() {
    let office = Office::at("H27.102", MONDAY);
    for (changes, code, field) in [
        (json!({"procedure": "1.999999"}), "procedure-unknown", "procedure"),
        (json!({"case": "x"}), "case-unknown", "case"),
        (json!({"competent": "H27.02"}), "competent-wrong", "competent"),
        (json!({"competent": "H27.999"}), "agency-unknown", "competent"),
        (json!({"competent": "H27.201"}), "agency-ended", "competent"),
        (json!({"officer": "H27.101/02"}), "desk-not-our-seat", "officer"),
        (json!({"officer": "H27.102/77"}), "officer-unknown", "officer"),
        (json!({"channel": "online"}), "desk-online-at-province-only", "channel"),
        (json!({"outcome": "refuse"}), "not-in-this-version", "outcome"),
        (json!({"received_at": MONDAY}), "desk-historic-only", "received_at"),
        (json!({"owner": {"name": "Thử", "id_no": "12"}}), "id-no-form", "owner.id_no"),
        (json!({"owner": {"name": "Thử", "dob": "2031-01-01"}}), "birth-in-future", "owner.dob"),
        (json!({"owner": {"name": "Thử", "phone": "12"}}), "phone-form", "owner.phone"),
        (json!({"submitter": {"name": "Thử", "email": "x"}}), "email-form", "submitter.email"),
        (json!({"fields": {"x": "1"}}), "field-unknown", "fields.x"),
        (json!({"papers": [{"name": "x", "component": "ZZ"}]}), "component-unknown", "papers[0].component"),
        (json!({"payment": {"waiver": "x"}}), "waiver-unknown", "payment.waiver"),
        (json!({"payment": {"waiver": "ho-ngheo"}}), "waiver-evidence-missing", "payment.evidence"),
        (json!({"fee_vnd": 1}), "desk-fee-differs", "fee_vnd"),
        (json!({"return": {"at": "H27.90"}}), "desk-return-place-unknown", "return.at"),
        (json!({"return": {"at": "H27.999"}}), "agency-unknown", "return.at"),
        (json!({"parent": "x"}), "line-not-number", "parent"),
        (json!({"sets": 0}), "line-not-count", "sets"),
    ] {
        let refused = office.try_lodge(&with(line(), changes.clone()), false).unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.field.as_deref()), (code, Some(field)), "{changes}");
    }
    let future = with(line(), json!({"received_at": "2026-03-02T07:38:00+07:00"}));
    let refused = office.try_lodge(&future, true).unwrap_err();
    assert_eq!((refused.code.as_ref(), refused.field.as_deref()), ("desk-future", Some("received_at")));
    assert_eq!(
        office.store.read(|view| view.documents_by_number(None, 9)).unwrap(),
        [],
        "nothing was written"
    );
    assert_eq!(office.lodge(&line())["number"], json!("H27.102-260302-0690001"), "nor a number drawn");
}

#[test]
fn acts_are_refused_by_the_field_that_is_wrong() {
    let office = Office::at("H27.102", MONDAY);
    let number = office.lodge(&line())["number"].clone();
    office.act(&act(&number, "move_step", json!({})));
    let before = office.state(text(&number)).acts.len();
    for (name, more, code, field) in [
        ("assign", json!({"assignee": "H27.101/03"}), "officer-elsewhere", "assignee"),
        ("assign", json!({"assignee": "H27.102/77"}), "officer-unknown", "assignee"),
        ("move_step", json!({"step": "B99"}), "desk-step-unknown", "step"),
        ("transfer", json!({"to": "H27.90"}), "desk-transfer-unknown", "to"),
        ("transfer", json!({"to": "H27.999"}), "agency-unknown", "to"),
        ("transfer", json!({"to": "H27.102"}), "act-transfer-to-self", "act"),
        ("take_over", json!({}), "act-not-transferred-here", "act"),
        ("decline", json!({}), "line-missing", "reason"),
        ("recall", json!({}), "act-not-sent-from-here", "act"),
        (
            "request_supplement",
            json!({"items": ["x"], "officer": "H27.102/04"}),
            "desk-approval-missing",
            "approved_by",
        ),
        (
            "request_supplement",
            json!({"items": ["x"], "officer": "H27.102/04", "approved_by": "H27.102/03"}),
            "desk-approver-no-leader",
            "approved_by",
        ),
        ("request_supplement", json!({"items": ["x"], "deadline": MONDAY}), "desk-deadline-past", "deadline"),
        ("receive_supplement", json!({}), "act-wrong-status", "act"),
        ("sign", json!({"signer": "H27.101/01"}), "officer-elsewhere", "signer"),
        ("sign", json!({"signed_on": "2026-03-03"}), "desk-future", "signed_on"),
        ("issue", json!({}), "act-not-signed", "act"),
        ("return_result", json!({}), "act-not-to-return-here", "act"),
        ("correct_field", json!({"field": "number", "value": "x"}), "desk-field-unknown", "field"),
        (
            "correct_field",
            json!({"field": "owner.name", "value": "Nguyễn Văn Thử"}),
            "act-field-unchanged",
            "value",
        ),
        ("correct_field", json!({"field": "owner.dob", "value": "2031-01-01"}), "birth-in-future", "value"),
        ("correct_field", json!({"field": "owner.phone", "value": "12"}), "phone-form", "value"),
        ("settle", json!({"settles": [], "choice": "x"}), "line-not-act-id", "choice"),
        ("mark", json!({"acts": [], "mark": "void", "basis": "x"}), "act-province-only", "act"),
        ("note", json!({}), "line-missing", "note"),
        (
            "note",
            json!({"note": "x", "occurred_at": "2026-03-02T08:35:00+07:00"}),
            "desk-future",
            "occurred_at",
        ),
        ("note", json!({"note": "x", "number": "H27.102-260302-0699999"}), "desk-no-number", "number"),
        ("receive", json!({}), "act-receive-is-lodge", "act"),
        ("stop", json!({"reasons": ["x"]}), "not-in-this-version", "act"),
    ] {
        let line = act(&number, name, more.clone());
        let refused = office.try_act(&line, false).unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.field.as_deref()), (code, Some(field)), "{name} {more}");
    }
    assert_eq!(office.state(text(&number)).acts.len(), before, "nothing was written");
}

#[test]
fn an_act_larger_than_others_admit_is_refused_and_not_our_mistake() {
    let office = Office::at("H27.102", MONDAY);
    let number = office.lodge(&line())["number"].clone();
    office.act(&act(&number, "move_step", json!({})));
    let items: Vec<String> = (0..20).map(|_| "x".repeat(1000)).collect();
    let refused =
        office.try_act(&act(&number, "request_supplement", json!({"items": items})), false).unwrap_err();
    assert_eq!(refused.code, "entry-too-large");
    office.act(&act(&number, "note", json!({"note": "x"})));
}

#[test]
fn a_supplement_pauses_the_due_date() {
    let office = Office::at("H27.102", MONDAY);
    let number = office.lodge(&line())["number"].clone();
    office.act(&act(&number, "move_step", json!({})));
    office.set_clock("2026-03-03T07:35:00+07:00");
    let asked = office.act(&act(&number, "request_supplement", json!({"items": ["Tờ khai theo mẫu"]})));
    assert_eq!(asked["status"], json!(5));
    office.set_clock("2026-03-09T07:35:00+07:00");
    let papers = json!({"papers": [{"name": "Tờ khai theo mẫu", "component": "TK"}]});
    assert_eq!(office.act(&act(&number, "receive_supplement", papers))["status"], json!(4));
    let state = office.state(text(&number));
    let due = state.process.due.unwrap();
    assert_eq!(rfc3339(due.at), "2026-03-11T07:35:00+07:00", "four working days later than 5 March");
    assert_eq!((due.amount, due.unit.as_str()), (3, "working_days"));
    assert_eq!(state.papers.len(), 1);
    assert!(matches!(&state.acts.last().unwrap().act.body,
        Body::ReceiveSupplement(body) if body.papers == [state.papers[0].0.clone()]));
}

#[test]
fn an_old_dossier_starts_its_term_anew_after_a_supplement() {
    let office = Office::at("H27.102", MONDAY);
    let old = with(line(), json!({"received_at": "2025-06-23T07:35:00+07:00"}));
    let number = office.try_lodge(&old, true).unwrap()["number"].clone();
    for (name, at) in [
        ("move_step", "2025-06-23T08:00:00+07:00"),
        ("request_supplement", "2025-06-24T07:35:00+07:00"),
        ("receive_supplement", "2025-06-30T07:35:00+07:00"),
    ] {
        let items = if name == "request_supplement" { json!({"items": ["x"]}) } else { json!({}) };
        office.try_act(&with(act(&number, name, items), json!({"occurred_at": at})), true).unwrap();
    }
    let due = office.state(text(&number)).process.due.unwrap();
    assert_eq!(
        rfc3339(due.at),
        "2025-07-03T07:35:00+07:00",
        "three working days from 30 June: NĐ 61 Điều 19"
    );
}

#[test]
fn what_is_owed_is_said_when_the_result_is_handed_out() {
    for (payment, is_settled) in [(json!(null), false), (json!({"method": "cash"}), true)] {
        let office = Office::at("H27.102", MONDAY);
        let number = office.lodge(&with(line(), json!({"payment": payment})))["number"].clone();
        for name in ["move_step", "sign", "issue", "finish", "return_result"] {
            office.act(&act(&number, name, json!({})));
        }
        let state = office.state(text(&number));
        assert_eq!(state.process.status, 10);
        assert!(matches!(&state.acts.last().unwrap().act.body,
            Body::ReturnResult(body) if body.is_settled == is_settled));
    }
}

#[test]
fn fields_of_the_form_are_corrected_also_when_they_were_left_out() {
    let office = Office::at("H27.102", MONDAY);
    let number = office.lodge(&with(line(), json!({"procedure": "1.001193"})))["number"].clone();
    let correct = |field: &str, value: &str| {
        office.try_act(&act(&number, "correct_field", json!({"field": field, "value": value})), false)
    };
    correct("fields.ten_con", "Nguyễn Thị Thử Con").unwrap();
    correct("fields.ten_con", "Nguyễn Thị Thử Em").unwrap();
    correct("fields.ten_con", "Nguyễn Thị Thử Con").unwrap();
    assert_eq!(office.state(text(&number)).field("fields.ten_con"), Some("Nguyễn Thị Thử Con"));
    assert_eq!(correct("fields.gioi_tinh_con", "x").unwrap_err().field.as_deref(), Some("value"));
    assert_eq!(correct("fields.khong_co", "x").unwrap_err().code, "desk-field-unknown");
    correct("submitter.name", "Trần Thị Thử").unwrap();
    correct("summary", "Sửa").unwrap();
}

#[test]
fn the_same_request_of_the_same_person_is_told_as_a_possible_duplicate() {
    let office = Office::at("H27.102", MONDAY);
    let lodge = |changes: Value| office.lodge(&with(line(), changes));
    let numbers = |answers: &[&Value]| -> Value {
        let mut numbers: Vec<&str> = answers.iter().map(|answer| text(&answer["number"])).collect();
        numbers.sort_unstable();
        json!(numbers)
    };
    let first = lodge(json!({}));
    let by_id = lodge(json!({"owner": {"name": "Tên viết khác", "id_no": "042090900001"}}));
    assert_eq!(by_id["duplicates"], numbers(&[&first]), "the same id number");
    let other_procedure = lodge(json!({"procedure": "1.001193"}));
    assert_eq!(other_procedure["duplicates"], json!([]));
    let other_person =
        lodge(json!({"owner": {"name": "Nguyễn Văn Thử", "id_no": "042090900002", "dob": "1990-02-28"}}));
    assert_eq!(other_person["duplicates"], json!([]), "the same name and birth date, but another number");
    let by_name = lodge(json!({"owner": {"name": "NGUYỄN VĂN THỬ", "dob": "28/02/1990"}}));
    assert_eq!(
        by_name["duplicates"],
        numbers(&[&first, &other_person]),
        "without a number by name and birth"
    );
    let name_only = lodge(json!({"owner": {"name": "Nguyễn Văn Thử"}}));
    assert_eq!(name_only["duplicates"], json!([]), "a name alone says nothing");
    let competent_elsewhere = lodge(json!({"competent": "H27.101"}));
    assert_eq!(competent_elsewhere["duplicates"], numbers(&[&first, &by_id, &by_name]));

    office.set_clock("2026-04-01T07:35:00+07:00");
    assert_eq!(lodge(json!({}))["duplicates"].as_array().unwrap().len(), 4, "30 days later");
    office.set_clock("2026-05-05T07:36:00+07:00");
    assert_eq!(lodge(json!({}))["duplicates"], json!([]), "a new request");

    // Who looks at the first dossier is told too.
    let number = text(&first["number"]).to_owned();
    let shown = office.store.read(|view| find::show(view, Role::Commune, &number)).unwrap();
    let item = shown["items"].as_array().unwrap().iter().find(|item| item["case"] == "C1").unwrap().clone();
    assert!(item["numbers"].as_array().unwrap().contains(&by_id["number"]));
    assert!(
        !export::export(&office.state(&number)).to_string().contains("duplicate"),
        "only this machine knows"
    );
}

#[test]
fn repeated_request_is_no_duplicate_of_itself() {
    let office = Office::at("H27.102", MONDAY);
    let line = with(line(), json!({"request_id": "1"}));
    office.lodge(&line);
    assert_eq!(office.lodge(&line)["duplicates"], json!([]));
}

#[test]
fn nothing_is_done_on_a_dossier_that_a_newer_program_went_on_with() {
    let office = Office::at("H27.102", MONDAY);
    let number = office.lodge(&line())["number"].clone();
    let doc = office.store.read(|view| view.dossiers_by_number(text(&number))).unwrap()[0].doc;
    let mut later = crate::dossier::specimen::plain("H27.101", 1, crate::dossier::act::Note {}).pack();
    later[4] = 2;
    let body = {
        use automerge::transaction::Transactable;
        let document = office.store.read(|view| view.document(doc)).unwrap().unwrap();
        let applied = office.store.read(|view| view.changes_of(doc)).unwrap();
        let mut merged = automerge::Automerge::new();
        for change in applied {
            merged
                .apply_changes([automerge::Change::try_from(change.body.unwrap().as_slice()).unwrap()])
                .unwrap();
        }
        assert_eq!(document.heads().len(), 1);
        merged.set_actor(automerge::ActorId::from([7; 16].as_slice()));
        let mut tx = merged.transaction();
        tx.put(automerge::ROOT, "a1", automerge::ScalarValue::Bytes(later)).unwrap();
        tx.commit();
        merged.get_last_local_change().unwrap().raw_bytes().to_vec()
    };
    let entry = sync_protocol::entry::Entry {
        log: sync_protocol::ids::BootId([7; 16]),
        lsn: 1,
        kind: EntryKind::CHANGE,
        doc,
        hash: sync_protocol::chunk::change_hash(&body).unwrap(),
        min_reader: 1,
        body: Some(body),
    };
    let ingested =
        office.store.write(move |tx| tx.ingest(&[entry], &crate::store::apply::Origin::Feed)).unwrap();
    assert_eq!((ingested.new, ingested.waiting, ingested.refused), (1, 1, 0));
    let refused = office.try_act(&act(&number, "note", json!({"note": "x"})), false).unwrap_err();
    assert_eq!(refused.code, "desk-not-computable");
}

/// Random lines of officers of two hosted departments and of the province on one machine: whatever the desk lets
/// through counts, and what it refuses writes nothing.
#[test]
fn what_the_desk_lets_through_always_holds() {
    const LINES: &[(&str, &str)] = &[
        ("move_step", r#"{}"#),
        ("move_step", r#"{"step": "back"}"#),
        ("assign", r#"{"assignee": "H27.02/04"}"#),
        ("assign", r#"{"assignee": "H27.03/04"}"#),
        ("transfer", r#"{"to": "H27.02"}"#),
        ("transfer", r#"{"to": "H27.03"}"#),
        ("take_over", r#"{}"#),
        ("take_over", r#"{}"#),
        ("decline", r#"{"reason": "x"}"#),
        ("recall", r#"{}"#),
        ("request_supplement", r#"{"items": ["x"]}"#),
        ("receive_supplement", r#"{"papers": [{"name": "x"}]}"#),
        ("receive_supplement", r#"{}"#),
        ("sign", r#"{}"#),
        ("issue", r#"{}"#),
        ("finish", r#"{}"#),
        ("return_result", r#"{}"#),
        ("note", r#"{"note": "x"}"#),
        ("attach_paper", r#"{"papers": [{"name": "x"}]}"#),
        ("correct_field", r#"{"field": "summary", "value": "một"}"#),
        ("correct_field", r#"{"field": "summary", "value": "hai"}"#),
        ("mark", r#"{"mark": "review", "basis": "x"}"#),
        ("settle", r#"{}"#),
    ];
    let office = Office::at("H27", MONDAY);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % bound as u64).unwrap()
    };
    let lodge = with(line(), json!({"procedure": "2.000488", "officer": "H27.02/02"}));
    let numbers: Vec<Value> = (0..12).map(|_| office.lodge(&lodge)["number"].clone()).collect();
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for _turn in 0..1500 {
        let number = &numbers[below(numbers.len())];
        let (name, more) = LINES[below(LINES.len())];
        let mut more: Value = serde_json::from_str(more).unwrap();
        let before = office.state(text(number));
        let some_act = before.acts[below(before.acts.len())].id.to_string();
        if name == "mark" {
            more["acts"] = json!([some_act]);
        }
        if name == "settle" {
            more["settles"] = json!([some_act]);
            more["choice"] = json!(some_act);
        }
        more["officer"] = json!(["H27.02/01", "H27.03/01", "H27.02/02", "H27.03/02"][below(4)]);
        office.clock.0.fetch_add(60_000, Ordering::Relaxed);
        let is_done = office.try_act(&act(number, name, more), false).is_ok();
        let after = office.state(text(number));
        assert_eq!(after.acts.len(), before.acts.len() + usize::from(is_done), "{name}");
        if is_done {
            *done.entry(name).or_default() += 1;
            let last = after.acts.last().unwrap();
            assert_eq!(last.standing, Standing::Counts, "{name}: {:?}", last.act);
        }
        assert!(after.acts.iter().all(|act| act.standing == Standing::Counts));
    }
    let expected: BTreeSet<&str> =
        LINES.iter().map(|(name, _)| *name).filter(|name| !["mark", "settle"].contains(name)).collect();
    let missing: Vec<_> = expected.iter().filter(|name| !done.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} never done: {done:?}");
}
