//! `motcua quarantine`: what the province kept and did not apply; a person decides.

use motcua_node::clock::rfc3339;
use motcua_node::control::Command;
use motcua_node::roles::store_failure;
use motcua_node::store::log::EntryState;
use serde_json::json;

use crate::args::Quarantine;
use crate::args::QuarantineVoid;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Most entries that are listed.
const LISTED_MAX: usize = 10_000;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Quarantine) -> Result<Exit, Failure> {
    match command {
        Quarantine::List => list(context),
        Quarantine::Release(_) => Err(Failure::not_in_this_version("motcua quarantine release")),
        Quarantine::Void(args) => void(context, args),
        Quarantine::Refuse(_) => Err(Failure::not_in_this_version("motcua quarantine refuse")),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let kept = office::reader(context.dir()?)?
        .read(|view| view.quarantine(None, LISTED_MAX))
        .map_err(store_failure)?;
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
            let reason = entry.reason.as_deref().unwrap_or("–");
            format!("{}  {state}  {reason}  {}", entry.id, machine.clone().unwrap_or_default())
        })?;
    }
    output.summary(json!({ "entries": kept.len() }), || {
        output.text("done-quarantine-list", &[("count", &kept.len().to_string())])
    })?;
    Ok(Exit::Done)
}

fn void(context: &Context, args: &QuarantineVoid) -> Result<Exit, Failure> {
    let why = context.output.text("quarantine-void-basis", &[]);
    let command = Command::QuarantineVoid { ids: args.ids.clone(), why };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let count = args.ids.len().to_string();
    context.output.result(value, || context.output.text("done-quarantine-void", &[("count", &count)]))?;
    Ok(Exit::Done)
}
