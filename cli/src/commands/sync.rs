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
    if args.scrub {
        return Err(Failure::not_in_this_version("motcua sync now --scrub"));
    }
    let command = Command::SyncNow { wait_s: u64::from(args.wait_s) };
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
            lines.push(indented(&i18n::say(output.language, &fault).message));
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
