//! Every bad line is answered on its own, with field, rule and next step, and writes nothing; and what else
//! people and machines get wrong ends with the exit code of the contract.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::act_line;
use motcua_tests::office::lodging;
use motcua_tests::office::text_of;
use motcua_tests::program::Answer;
use motcua_tests::program::Home;
use motcua_tests::program::Serving;
use serde_json::Value;
use serde_json::json;

/// A good lodging with some keys replaced.
fn lodging_but(place: usize, keys: Value) -> Value {
    let mut line = lodging("H27.101", place);
    line.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    line
}

/// Asserts that the answers are, line by line, the expected code and field; `None` for a line that is done.
fn assert_answers(answer: &Answer, expected: &[Option<(&str, Option<&str>)>]) {
    let lines = answer.lines();
    assert_eq!(lines.len(), expected.len(), "{}", answer.text);
    for (place, (line, expected)) in lines.iter().zip(expected).enumerate() {
        let error = line.get("error");
        let found = error.map(|error| (error["code"].as_str().unwrap_or_default(), error["field"].as_str()));
        assert_eq!(found, *expected, "line {}: {line}", place + 1);
        if let Some(error) = error {
            assert_eq!(line["line"], place + 1, "{line}");
            for key in ["message", "rule", "next"] {
                assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {error}");
            }
        }
    }
    let refused = expected.iter().flatten().count();
    assert_eq!(answer.code, Some(if refused > 0 { 2 } else { 0 }));
    let summary = answer.values.last().and_then(|value| value.get("summary")).expect("a summary");
    assert_eq!(summary["refused"], refused, "{summary}");
}

#[test]
fn bad_lodgings_are_answered_one_by_one_and_write_nothing() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let number = a.lodged(&[lodging("H27.101", 0)]).remove(0);
    let before = a.export();
    let in_future = json!({"received_at": "2199-01-01T08:00:00+07:00"});
    let mut owner = lodging("H27.101", 9)["owner"].clone();
    owner["id_no"] = "0420909".into();
    let cases: Vec<(Value, &str, Option<&str>)> = vec![
        (lodging_but(1, json!({"procedure": "9.999999"})), "procedure-unknown", Some("procedure")),
        (lodging_but(2, json!({"procedure": "x"})), "line-not-procedure", Some("procedure")),
        (lodging_but(3, json!({"competent": "H27.199"})), "agency-unknown", Some("competent")),
        (lodging_but(4, json!({"officer": "H27.101/99"})), "officer-unknown", Some("officer")),
        (lodging_but(5, json!({"officer": "H27.102/03"})), "desk-not-our-seat", Some("officer")),
        (lodging_but(6, json!({"fields": {"xyz": "1"}})), "field-unknown", Some("fields.xyz")),
        (lodging_but(7, json!({"sumary": "x"})), "line-unknown-field", Some("sumary")),
        (lodging_but(8, json!({"owner": owner})), "id-no-form", Some("owner.id_no")),
        (lodging_but(9, json!({"fee_vnd": 123})), "desk-fee-differs", Some("fee_vnd")),
        (
            lodging_but(10, json!({"received_at": "2026-03-02T07:35:32+07:00"})),
            "desk-historic-only",
            Some("received_at"),
        ),
        (lodging_but(11, json!({"owner": {"kind": "citizen"}})), "line-missing", Some("owner.name")),
        (Value::from("not json at all"), "line-not-json", None),
        (Value::from("[1, 2]"), "line-not-json-object", None),
    ];
    // One good line between any two bad ones.
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    for (place, (line, code, field)) in cases.iter().enumerate() {
        lines.push(line.clone());
        expected.push(Some((*code, *field)));
        lines.push(lodging("H27.101", 100 + place));
        expected.push(None);
    }
    let answer = a.lodge(&lines);
    assert_answers(&answer, &expected);
    let after = a.export();
    assert_eq!(after.len(), before.len() + cases.len(), "the good ones and nothing else");
    assert_eq!(after.get(&number), before.get(&number));

    // Only bad lines: not one byte changes.
    let bad: Vec<Value> = cases.iter().map(|(line, _, _)| line.clone()).collect();
    let expected: Vec<_> = cases.iter().map(|(_, code, field)| Some((*code, *field))).collect();
    assert_answers(&a.lodge(&bad), &expected);
    let future = text_of(&[lodging_but(12, in_future)]);
    let answer = a.home.run_with(&["dossier", "lodge", "--historic", "--from", "-"], &future);
    assert_answers(&answer, &[Some(("desk-future", Some("received_at")))]);
    assert_eq!(a.export(), after);
    a.verify();
}

#[test]
fn bad_acts_are_answered_one_by_one_and_write_nothing() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let number = a.lodged(&[lodging("H27.101", 0)]).remove(0);
    let before = a.export();
    let act = |act: Value| act_line("H27.101", &number, &act);
    let nobody = "H27.101-260302-8990001";
    let cases: Vec<(Value, &str, Option<&str>)> = vec![
        (act_line("H27.101", nobody, &json!({"act": "note", "note": "x"})), "desk-no-number", Some("number")),
        (act_line("H27.101", "x", &json!({"act": "note", "note": "x"})), "line-not-number", Some("number")),
        (act(json!({"act": "fly"})), "line-not-act", Some("act")),
        (act(json!({"act": "receive"})), "act-receive-is-lodge", Some("act")),
        (act(json!({"act": "stop", "reasons": ["x"]})), "not-in-this-version", Some("act")),
        (act(json!({"act": "return_result"})), "act-not-to-return-here", Some("act")),
        (act(json!({"act": "take_over"})), "act-not-transferred-here", Some("act")),
        (act(json!({"act": "issue"})), "act-wrong-status", Some("act")),
        (act(json!({"act": "transfer", "to": "H27.199"})), "agency-unknown", Some("to")),
        (act(json!({"act": "transfer"})), "line-missing", Some("to")),
        (act(json!({"act": "move_step", "step": "B99"})), "desk-step-unknown", Some("step")),
        (act(json!({"act": "assign", "assignee": "H27.101/99"})), "officer-unknown", Some("assignee")),
        (
            act(json!({"act": "note", "note": "x", "officer": "H27.101/99"})),
            "officer-unknown",
            Some("officer"),
        ),
        (
            act(json!({"act": "note", "note": "x", "occurred_at": "2199-01-01T08:00:00+07:00"})),
            "desk-future",
            Some("occurred_at"),
        ),
        (
            act(json!({"act": "correct_field", "field": "fields.xyz", "value": "1"})),
            "desk-field-unknown",
            Some("field"),
        ),
        (Value::from("{\"number\":"), "line-not-json", None),
    ];
    let lines: Vec<Value> = cases.iter().map(|(line, _, _)| line.clone()).collect();
    let expected: Vec<_> = cases.iter().map(|(_, code, field)| Some((*code, *field))).collect();
    assert_answers(&a.act(&lines), &expected);
    assert_eq!(a.export(), before);

    // A good line among bad ones is done.
    let mut mixed = vec![lines[0].clone(), act(json!({"act": "note", "note": "Ghi chú"})), lines[5].clone()];
    mixed.push(act(json!({"act": "move_step"})));
    let answer = a.act(&mixed);
    assert_answers(&answer, &[expected[0], None, expected[5], None]);
    assert_eq!(a.dossier(&number)["status"], 4);
    a.verify();
}

#[test]
fn a_repeated_request_gives_the_same_dossier() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let line = lodging("H27.101", 0);
    let twice = a.lodged(&[line.clone(), line.clone()]);
    assert_eq!(twice[0], twice[1]);
    assert_eq!(a.lodged(&[line])[0], twice[0]);
    assert_eq!(a.export().len(), 1);
}

#[test]
fn answers_are_in_the_persons_language() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let line = text_of(&[lodging_but(1, json!({"procedure": "9.999999"}))]);
    let said = |language: &str| {
        let answer = a.home.run_with(&["dossier", "lodge", "--from", "-", "--lang", language], &line);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        answer.value()["error"].clone()
    };
    let (vi, en) = (said("vi"), said("en"));
    assert_eq!(vi["code"], en["code"]);
    for key in ["message", "rule", "next"] {
        assert_ne!(vi[key], en[key], "{key}");
    }
}

#[test]
fn tokens_that_are_no_good_are_refused_with_the_reason() {
    let province = Province::new();
    let init = |name: &str, token: &str| {
        let home = Home::below(province.place(), name);
        home.run(&["commune", "init", "--token", token])
    };
    let token = province.token("H27.101");
    assert_eq!(init("first", &token).code, Some(0));

    let again = init("second", &token);
    assert_eq!((again.code, again.error_code()), (Some(2), Some("enrol-used")), "{again:?}");
    let damaged = init("third", "MC1-nonsense");
    assert_eq!(damaged.code, Some(2), "{damaged:?}");
    assert!(damaged.value()["error"]["next"].is_string(), "{damaged:?}");

    // Another province's token that leads here by mistake.
    let other = Province::new();
    let enrol = ["enrol", "new", "--agency", "H27.102", "--address", province.address()];
    let foreign = other.office.home.done(&enrol).value()["token"].as_str().unwrap().to_owned();
    let refused = init("fourth", &foreign);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.value()["error"]["message"].is_string());

    // A commune keeps no list of machines.
    let asked = Home::below(province.place(), "first").run(&["enrol", "list"]);
    assert_eq!((asked.code, asked.error_code()), (Some(2), Some("province-only")), "{asked:?}");

    // Nothing of the refused machines is known at the province.
    let machines = province.office.home.done(&["enrol", "list"]).lines();
    assert_eq!(machines.len(), 1, "{machines:?}");
}

#[test]
fn a_province_that_is_not_there_is_exit_3_and_nothing_is_lost() {
    let mut province = Province::new();
    let a = province.commune("H27.101");
    let token = province.token("H27.102");
    province.office.stop();
    let number = a.lodged(&[lodging("H27.101", 0)]).remove(0);
    let answer = a.home.run(&["sync", "now", "--wait-s", "5"]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
    let home = Home::below(province.place(), "H27.102");
    assert_eq!(home.run(&["commune", "init", "--token", &token]).code, Some(3));
    province.start();
    // The same code is still good: it was not used.
    home.done(&["commune", "init", "--token", &token]);
    a.sync();
    assert!(province.office.export().contains_key(&number));
}

#[test]
fn a_machine_that_cannot_is_exit_4() {
    let province = Province::new();
    let mut a = province.commune("H27.101");

    // Port taken.
    let other = Home::below(province.place(), "other");
    other.done(&["province", "init", "--code", "H27", "--name", "Tỉnh Thử", "--sample"]);
    let taken = Serving::try_start(&other, &["--listen", province.address()]).expect_err("the port is taken");
    assert_eq!(taken.code, Some(4), "{taken:?}");
    assert!(told(&taken), "{taken:?}");

    // Directory in use.
    a.start();
    let locked = Serving::try_start(&a.home, &[]).expect_err("the directory is in use");
    assert_eq!(locked.code, Some(4), "{locked:?}");
    assert!(told(&locked), "{locked:?}");
    a.stop();

    // No directory at all.
    let nowhere = Home::below(province.place(), "nowhere");
    let absent = nowhere.run(&["dossier", "export"]);
    assert_eq!(absent.code, Some(4), "{absent:?}");
    assert!(told(&absent), "{absent:?}");

    not_writable(&a);
}

/// A disk that cannot be written: nothing is printed, and the exit code says so.
fn not_writable(a: &Office) {
    let before = a.export();
    set_writable(&a.home, false);
    // The superuser writes everywhere: nothing to see then.
    if std::fs::File::create(a.home.dir.join("probe")).is_err() {
        let answer = a.lodge(&[lodging("H27.101", 50)]);
        assert_eq!(answer.code, Some(4), "{answer:?}");
        assert!(told(&answer), "{answer:?}");
    }
    set_writable(&a.home, true);
    assert_eq!(a.export(), before);
}

fn set_writable(home: &Home, is_writable: bool) {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::fs::Permissions::from_mode(if is_writable { 0o700 } else { 0o500 });
    let file = std::fs::Permissions::from_mode(if is_writable { 0o600 } else { 0o400 });
    for entry in std::fs::read_dir(&home.dir).unwrap() {
        let path = entry.unwrap().path();
        let permissions = if path.is_dir() { folder.clone() } else { file.clone() };
        std::fs::set_permissions(path, permissions).unwrap();
    }
    std::fs::set_permissions(&home.dir, folder).unwrap();
}

/// Whether a failure says what happened and what to do.
fn told(answer: &Answer) -> bool {
    let error = answer.values.iter().find_map(|value| value.get("error"));
    error.is_some_and(|error| error["message"].is_string() && error["next"].is_string())
}
