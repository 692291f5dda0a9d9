//! `motcua quarantine`: what the province kept and did not apply; a person decides.

use motcua_node::clock;
use motcua_node::clock::rfc3339;
use motcua_node::control::Command;
use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;
use motcua_node::roles::store_failure;
use motcua_node::store::View;
use motcua_node::store::log::EntryState;
use serde_json::json;

use crate::args::Quarantine;
use crate::args::QuarantineRefuse;
use crate::args::QuarantineRelease;
use crate::args::QuarantineVoid;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::said_as_json;
use crate::exit::said_as_text;
use crate::office;
use crate::people::People;

/// Most entries that are listed.
const LISTED_MAX: usize = 10_000;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Quarantine) -> Result<Exit, Failure> {
    match command {
        Quarantine::List => list(context),
        Quarantine::Release(args) => release(context, args),
        Quarantine::Void(args) => void(context, args),
        Quarantine::Refuse(args) => refuse(context, args),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let people = People::of(context);
    let reader = office::province_reader(context.dir()?)?;
    let read = |view: &View<'_>| {
        let mut kept = view.quarantine(None, LISTED_MAX)?;
        kept.extend(view.returned(None, LISTED_MAX)?);
        Ok((kept, view.machines()?))
    };
    let (kept, machines) = reader.read(read).map_err(store_failure)?;
    for entry in &kept {
        let state = if entry.state == EntryState::Refused { "refused" } else { "quarantined" };
        let machine = entry.machine.map(|machine| machine.to_string());
        let value = json!({
            "id": entry.id.to_string(),
            "state": state,
            "reason": entry.reason,
            "machine": machine,
            "log": entry.log.to_string(),
            "lsn": entry.lsn,
            "dossier": entry.doc.to_string(),
            "change": entry.hash.to_string(),
            "arrived_at": rfc3339(entry.arrived_at),
        });
        output.line(&value, || {
            let reason = entry.reason.as_deref().map(|code| i18n::say_past(output.language, code));
            let seat = machines.iter().find(|known| Some(known.node) == entry.machine);
            let seat = seat.map_or_else(
                || output.text("quarantine-machine-unknown", &[]),
                |known| people.agency(known.seat.as_str()),
            );
            let is_refused = entry.state == EntryState::Refused;
            let state = if is_refused { "quarantine-refused" } else { "quarantine-waits" };
            output.text(
                "quarantine-line",
                &[
                    ("id", &entry.id.to_string()),
                    ("at", &clock::for_people(entry.arrived_at)),
                    ("seat", &seat),
                    ("state", &output.text(state, &[])),
                    ("reason", reason.as_deref().unwrap_or("–")),
                ],
            )
        })?;
    }
    output.summary(json!({ "entries": kept.len() }), || {
        output.text("done-quarantine-list", &[("count", &kept.len().to_string())])
    })?;
    Ok(Exit::Done)
}

fn release(context: &Context, args: &QuarantineRelease) -> Result<Exit, Failure> {
    let output = &context.output;
    let machine = args.machine.map(|machine| machine.to_string());
    let command = Command::QuarantineRelease { ids: args.ids.clone(), machine };
    let mut value = office::ask(context, command, std::io::empty(), |_| {})?;
    let mut lines = Vec::new();
    let mut count_refused = 0usize;
    let mut count_applied = 0usize;
    for one in value["decided"].as_array_mut().into_iter().flatten() {
        let id = one["id"].as_str().unwrap_or_default().to_owned();
        if let Ok(refusal) = serde_json::from_value::<Refusal>(one["refused"].clone()) {
            count_refused += 1;
            lines.push(said_as_text(output.language, &refusal));
            *one = json!({ "id": id, "error": said_as_json(output.language, &refusal) });
            continue;
        }
        let state = one["state"].as_str().unwrap_or_default();
        if state == "applied" {
            count_applied += 1;
            continue;
        }
        let reason = one["reason"].as_str().map(|code| i18n::say_past(output.language, code));
        let key = match state {
            "waiting" => "quarantine-released-waits",
            "quarantined" => "quarantine-released-kept",
            _ => "quarantine-released-refused",
        };
        lines.push(output.text(key, &[("id", &id), ("reason", reason.as_deref().unwrap_or("–"))]));
    }
    lines.push(output.text("done-quarantine-release", &[("count", &count_applied.to_string())]));
    output.result(value, || lines.join("\n"))?;
    Ok(if count_refused == 0 { Exit::Done } else { Exit::Refused })
}

fn void(context: &Context, args: &QuarantineVoid) -> Result<Exit, Failure> {
    // It becomes part of the dossiers, which are written in the offices' language whoever types the command.
    let why = i18n::text(Language::Vi, "quarantine-void-basis", &[]);
    let command = Command::QuarantineVoid { ids: args.ids.clone(), why };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let count = args.ids.len().to_string();
    context.output.result(value, || context.output.text("done-quarantine-void", &[("count", &count)]))?;
    Ok(Exit::Done)
}

fn refuse(context: &Context, args: &QuarantineRefuse) -> Result<Exit, Failure> {
    let command = Command::QuarantineRefuse { id: args.id.clone(), why: args.why.clone() };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    context.output.result(value, || context.output.text("done-quarantine-refuse", &[("id", &args.id)]))?;
    Ok(Exit::Done)
}
