//! `motcua sync`: the exchange with the province.

use motcua_node::control;
use motcua_node::control::Command;
use motcua_node::control::Request;
use motcua_node::desk::find;
use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use motcua_node::roles::store_failure;
use motcua_node::sync::line::proof_json;
use serde_json::Value;

use crate::args::Sync;
use crate::args::SyncNow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

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
    let text = {
        let figure = |key: &str| value[key].to_string();
        let key = if exit == Exit::Done { "done-sync-converged" } else { "done-sync-partial" };
        context.output.text(
            key,
            &[
                ("sent", &figure("changes_sent")),
                ("received", &figure("changes_received")),
                ("bytes_up", &figure("sent_bytes")),
                ("bytes_down", &figure("received_bytes")),
                ("proof", &value["proof"]["number"].to_string()),
            ],
        )
    };
    context.output.result(value, || text)?;
    Ok(exit)
}

fn status(context: &Context) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    let output = &context.output;
    let reader = office::reader(dir)?;
    let machine = reader.identity().map_err(store_failure)?.machine;
    let mut value = reader.read(|view| find::status(view, machine, &proof_json)).map_err(store_failure)?;
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
    let text = status_text(context, &value, &line);
    output.result(value, || text)?;
    Ok(Exit::Done)
}

/// Puts a condition's words beside its code.
fn say(language: i18n::Language, condition: &mut Value) {
    let code = condition["code"].as_str().unwrap_or_default();
    let mut refusal = Refusal { code: format!("condition-{code}").into(), field: None, args: Vec::new() };
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

fn status_text(context: &Context, value: &Value, line: &Value) -> String {
    let output = &context.output;
    let mut lines =
        vec![output.text(if value["online"] == true { "status-online" } else { "status-offline" }, &[])];
    if let Ok(fault) = serde_json::from_value::<Refusal>(line["fault"].clone()) {
        lines.push(format!("  {}", i18n::say(output.language, &fault).message));
    }
    lines.push(output.text(
        "status-waiting",
        &[
            ("changes", &value["waiting_changes"].to_string()),
            ("dossiers", &value["waiting_dossiers"].to_string()),
        ],
    ));
    match value["last_proof"]["at"].as_str() {
        Some(at) => {
            let number = value["last_proof"]["number"].to_string();
            lines.push(output.text("status-proof", &[("number", &number), ("at", at)]));
        }
        None => lines.push(output.text("status-no-proof", &[])),
    }
    lines.push(output.text("status-person", &[("count", &value["needs_person"].to_string())]));
    for condition in value["conditions"].as_array().into_iter().flatten() {
        lines.push(format!("! {}", condition["text"].as_str().unwrap_or_default()));
        if let Some(next) = condition["next"].as_str() {
            lines.push(format!("  → {next}"));
        }
    }
    lines.join("\n")
}
