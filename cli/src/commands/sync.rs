//! `motcua sync`: the exchange with the province.

use motcua_node::control;
use motcua_node::control::Command;
use motcua_node::control::Request;
use motcua_node::desk::find;
use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use motcua_node::roles::store_failure;
use motcua_node::store::Role;
use motcua_node::sync::line::proof_json;
use serde_json::Value;

use crate::args::Sync;
use crate::args::SyncNow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::output::Output;
use crate::people;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Sync) -> Result<Exit, Failure> {
    match command {
        Sync::Now(args) => now(context, args),
        Sync::Status => status(context),
    }
}

fn now(context: &Context, args: &SyncNow) -> Result<Exit, Failure> {
    let command = Command::SyncNow { wait_s: u64::from(args.wait_s), scrub: args.scrub };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let exit = if value["outcome"] == "converged" { Exit::Done } else { Exit::NotReached };
    let figure = |key: &str| value[key].to_string();
    let proof =
        value["proof"]["number"].as_u64().map_or_else(|| "none".to_owned(), |number| number.to_string());
    let text = context.output.text(
        if exit == Exit::Done { "done-sync-converged" } else { "done-sync-partial" },
        &[
            ("sent", &figure("changes_sent")),
            ("received", &figure("changes_received")),
            ("bytes_up", &figure("sent_bytes")),
            ("bytes_down", &figure("received_bytes")),
            ("proof", &proof),
            ("at", &people::time(&value["proof"]["at"])),
        ],
    );
    let text = match value["compared"].as_bool() {
        Some(true) => format!("{text}\n{}", context.output.text("done-sync-compared", &[])),
        Some(false) | None => text,
    };
    context.output.result(value, || text)?;
    Ok(exit)
}

fn status(context: &Context) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    let output = &context.output;
    let reader = office::reader(dir)?;
    let identity = reader.identity().map_err(store_failure)?;
    let mut value =
        reader.read(|view| find::status(view, identity.machine, &proof_json)).map_err(store_failure)?;
    let line = control::call(dir, &Request::new(Command::SyncState), std::io::empty(), |_| {});
    let line = line.and_then(Result::ok).unwrap_or(Value::Null);
    if let Value::Object(map) = &mut value {
        let mut whole = serde_json::Map::new();
        whole.insert("online".to_owned(), (line["online"] == true).into());
        whole.append(map);
        if let Some(conditions) = whole.get_mut("conditions").and_then(Value::as_array_mut) {
            conditions.iter_mut().for_each(|condition| say(output.language, condition));
        }
        *map = whole;
    }
    let text = status_text(&context.output, identity.role, &value, &line);
    output.result(value, || text)?;
    Ok(Exit::Done)
}

/// Puts a condition's words beside its code.
fn say(language: i18n::Language, condition: &mut Value) {
    let code = condition["code"].as_str().unwrap_or_default();
    let mut refusal = Refusal { code: code.to_owned().into(), field: None, args: Vec::new() };
    for pair in condition["args"].as_array().into_iter().flatten() {
        let name = pair[0].as_str().unwrap_or_default().to_owned();
        refusal.args.push((name.into(), pair[1].as_str().unwrap_or_default().to_owned()));
    }
    if let Some(subject) = condition["subject"].as_str() {
        refusal.args.push(("subject".into(), subject.to_owned()));
    }
    let said = i18n::say(language, &refusal);
    if let Value::Object(map) = condition {
        map.remove("args");
        map.insert("text".to_owned(), said.message.into());
        map.insert("next".to_owned(), said.next.into());
    }
}

/// How the line stands, what waits since when, the last proof, and what a person must know.
fn status_text(output: &Output, role: Role, value: &Value, line: &Value) -> String {
    let says = |key: &str| output.text(key, &[]);
    let mut lines = Vec::new();
    if role == Role::Province {
        lines.push(says("sync-is-province"));
    } else {
        lines.push(says(match (line.is_null(), value["online"] == true) {
            (true, _) => "sync-not-serving",
            (false, true) => "sync-online",
            (false, false) => "sync-offline",
        }));
        if let Ok(fault) = serde_json::from_value::<Refusal>(line["fault"].clone()) {
            let said = i18n::say(output.language, &fault).message;
            lines.push(indented(&output.text("sync-fault", &[("text", &said)])));
        }
        lines.extend(waiting_text(output, value));
    }
    lines.push(match value["needs_person"].as_u64() {
        None | Some(0) => says("sync-nobody"),
        Some(count) => output.text("sync-person", &[("count", &count.to_string())]),
    });
    for condition in value["conditions"].as_array().into_iter().flatten() {
        let (since, text) = (people::time(&condition["since"]), people::word(&condition["text"]));
        lines.push(output.text("sync-condition", &[("since", &since), ("text", text)]));
        if let Some(next) = condition["next"].as_str() {
            lines.push(indented(&output.text("said-next", &[("next", next)])));
        }
    }
    lines.join("\n")
}

/// What of this machine's work waits, and what the province has said of it last.
fn waiting_text(output: &Output, value: &Value) -> Vec<String> {
    let proof = &value["last_proof"];
    let (number, at) = (proof["number"].to_string(), people::time(&proof["at"]));
    let kept = ["waiting", "quarantined", "refused"].map(|key| proof[key].as_u64().unwrap_or(0));
    let waiting = ["waiting_dossiers", "waiting_changes"].map(|key| value[key].as_u64().unwrap_or(0));
    let is_proved = !proof.is_null();
    let mut lines = Vec::new();
    if waiting != [0, 0] {
        let since = people::time(&value["oldest_waiting_at"]);
        let [dossiers, changes] = waiting.map(|count| count.to_string());
        let args = [("count", dossiers.as_str()), ("changes", &changes), ("since", &since)];
        lines.push(output.text("sync-waiting", &args));
    } else if is_proved && kept == [0, 0, 0] {
        lines.push(output.text("sync-all-proved", &[("at", &at)]));
    } else if !is_proved {
        lines.push(output.text("sync-nothing", &[]));
    }
    if is_proved {
        lines.push(output.text("sync-proof", &[("number", &number), ("at", &at)]));
    } else {
        lines.push(output.text("sync-no-proof", &[]));
    }
    if kept != [0, 0, 0] {
        let [waiting, quarantined, refused] = kept.map(|count| count.to_string());
        let args = [("waiting", waiting.as_str()), ("quarantined", &quarantined), ("refused", &refused)];
        lines.push(output.text("sync-kept", &args));
    }
    lines
}

fn indented(text: &str) -> String {
    format!("  {text}")
}

#[cfg(test)]
mod tests {
    use motcua_node::i18n::Language;
    use serde_json::json;

    use super::*;

    /// Every condition that the rooms set, with the values they give.
    fn conditions() -> Value {
        let log = "00112233445566778899aabbccddeeff";
        json!([
            {"code": "rolled-back", "subject": "", "args": [["boot", log], ["lsn", "7"]]},
            {"code": "no-witness", "subject": "", "args": [["why", "witness-missing"]]},
            {"code": "other-copy", "subject": "", "args": [["boot", log]]},
            {"code": "duplicate-series", "subject": "101", "args": [["series", "101"]]},
            {"code": "duplicate-number", "subject": "H27.101-260302-1010001",
             "args": [["number", "H27.101-260302-1010001"]]},
            {"code": "forked-log", "subject": log, "args": []},
            {"code": "log-reissued", "subject": log, "args": [["count", "3"], ["dossiers", "2"]]},
            {"code": "machine-full", "subject": log, "args": [["seat", "H27.101"]]},
            {"code": "province-full", "subject": "", "args": []},
            {"code": "deadly-change", "subject": log, "args": [["document", log]]},
            {"code": "work-refused", "subject": log,
             "args": [["number", "H27.101-260302-1010001"], ["why", "sai"], ["again", "2"], ["lost", "1"]]},
            {"code": "reissue-failed", "subject": log, "args": [["number", "H27.101-260302-1010001"]]},
            {"code": "digest-differs", "subject": "", "args": [["position", "12"]]},
            {"code": "foreign-log", "subject": log, "args": [["log", log]]},
            {"code": "province-restored", "subject": "", "args": [["machines", "3"]]},
            {"code": "province-behind", "subject": "", "args": []},
            {"code": "entries-returned", "subject": "", "args": [["entries", "5"]]},
            {"code": "seat-shared", "subject": "H27.101", "args": [["seat", "H27.101"], ["count", "2"]]},
            {"code": "series-withdrawn", "subject": "101", "args": [["series", "101"]]},
            {"code": "directory-twice", "subject": "", "args": [["version", "4"]]},
            {"code": "number-block-empty", "subject": "", "args": [["wanted", "1"]]},
        ])
    }

    #[test]
    fn every_condition_is_said_with_its_values_and_what_to_do() {
        for language in Language::ALL {
            for mut condition in conditions().as_array().unwrap().clone() {
                let code = condition["code"].as_str().unwrap().to_owned();
                say(language, &mut condition);
                for part in ["text", "next"] {
                    let said = condition[part].as_str().unwrap_or_default();
                    assert!(
                        said.len() > 20 && !said.contains('{') && !said.contains(&code),
                        "{code}: {said}"
                    );
                }
                assert!(condition.get("args").is_none());
            }
        }
    }

    fn status(of: Value) -> Value {
        let mut value = json!({
            "online": false, "waiting_changes": 0, "waiting_dossiers": 0, "oldest_waiting_at": null,
            "last_proof": {"number": 1187, "at": "2026-03-02T14:32:10+07:00", "waiting": 0, "quarantined": 0, "refused": 0},
            "needs_person": 0, "conditions": [],
        });
        value.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        value
    }

    #[test]
    fn status_says_what_waits_since_when_and_the_last_proof() {
        let output = Output::new(Language::Vi, false);
        let text = |of: Value, line: Value| status_text(&output, Role::Commune, &status(of), &line);
        let calm = text(json!({"online": true}), json!({"online": true}));
        assert!(calm.starts_with("Đang nối với tỉnh.\nTỉnh đã có tất cả đến 02/03/2026 14:32."), "{calm}");
        assert!(calm.contains("số 1187"), "{calm}");

        let waiting = json!({
            "waiting_changes": 12, "waiting_dossiers": 7, "oldest_waiting_at": "2026-03-02T09:12:00+07:00",
        });
        let waiting = text(
            waiting,
            json!({"online": false, "fault": {"code": "line-lost", "field": null, "args": []}}),
        );
        assert!(
            waiting.contains("Chờ gửi: 7 hồ sơ (12 thay đổi), cũ nhất từ 02/03/2026 09:12."),
            "{waiting}"
        );
        assert!(waiting.contains("Mất đường truyền giữa chừng"), "{waiting}");
        assert!(!waiting.contains("tất cả"), "{waiting}");
    }

    #[test]
    fn all_is_at_the_province_only_when_nothing_is_kept_back_there() {
        let output = Output::new(Language::Vi, false);
        for (of, is_all) in [
            (json!({}), true),
            (
                json!({"last_proof": {"number": 2, "at": "2026-03-02T14:32:10+07:00", "quarantined": 1}}),
                false,
            ),
            (json!({"last_proof": {"number": 2, "at": "2026-03-02T14:32:10+07:00", "waiting": 1}}), false),
            (json!({"last_proof": {"number": 2, "at": "2026-03-02T14:32:10+07:00", "refused": 1}}), false),
            (json!({"last_proof": null}), false),
        ] {
            let text = status_text(&output, Role::Commune, &status(of), &Value::Null);
            assert_eq!(text.contains("Tỉnh đã có tất cả"), is_all, "{text}");
            assert_eq!(
                text.contains("Ở tỉnh, trong dữ liệu máy này đã gửi"),
                !is_all && !text.contains("Chưa có xác nhận"),
                "{text}"
            );
        }
    }

    #[test]
    fn conditions_stand_below_with_their_time_and_what_to_do() {
        let output = Output::new(Language::En, false);
        let conditions =
            json!([{"code": "x", "since": "2026-03-02T09:12:00+07:00", "text": "What.", "next": "Do."}]);
        let of = json!({"conditions": conditions, "needs_person": 2});
        for role in [Role::Commune, Role::Province] {
            let text = status_text(&output, role, &status(of.clone()), &Value::Null);
            assert!(text.contains("2 dossiers need a person"), "{text}");
            assert!(text.ends_with("NOTE, since 02/03/2026 09:12: What.\n  What to do: Do."), "{text}");
        }
    }
}
