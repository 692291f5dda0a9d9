//! `motcua enrol`: machines of communes, at the province.

use motcua_node::clock;
use motcua_node::clock::rfc3339;
use motcua_node::control::Command;
use motcua_node::roles::store_failure;
use serde_json::Value;
use serde_json::json;

use crate::args::Enrol;
use crate::args::EnrolBan;
use crate::args::EnrolGrant;
use crate::args::EnrolNew;
use crate::commands::Context;
use crate::commands::bundle::absolute;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::people;
use crate::people::People;

/// How long a code is good for.
const CODE_VALID_H: u32 = 24;
/// The same for one with a pack: its request travels by stick, and so may the weeks.
const PACK_VALID_H: u32 = 720;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Enrol) -> Result<Exit, Failure> {
    match command {
        Enrol::New(args) => new(context, args),
        Enrol::Grant(args) => grant(context, args),
        Enrol::List => list(context),
        Enrol::Ban(args) => ban(context, args),
    }
}

fn new(context: &Context, args: &EnrolNew) -> Result<Exit, Failure> {
    let valid_h = args.valid_h.unwrap_or(if args.pack.is_some() { PACK_VALID_H } else { CODE_VALID_H });
    let command = Command::EnrolNew {
        agency: args.agency.to_string(),
        addresses: vec![args.address.clone()],
        valid_h: u64::from(valid_h),
        pack: args.pack.as_deref().map(absolute).transpose()?,
    };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let token = value["token"].as_str().unwrap_or_default().to_owned();
    let until = people::time(&value["expires_at"]);
    context.output.result(value, || {
        let agency = People::of(context).agency(args.agency.as_str());
        let key = if args.pack.is_some() { "done-enrol-pack" } else { "done-enrol-new" };
        context.output.text(key, &[("token", &token), ("until", &until), ("agency", &agency)])
    })?;
    Ok(Exit::Done)
}

fn grant(context: &Context, args: &EnrolGrant) -> Result<Exit, Failure> {
    let command = Command::EnrolGrant { request: absolute(&args.request)?, out: absolute(&args.out)? };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let agency = People::of(context).agency(people::word(&value["agency"]));
    let (node, out) = (people::word(&value["node"]).to_owned(), people::word(&value["out"]).to_owned());
    let text = if value["kind"] == "restore" {
        let (at, code) = (people::time(&value["backup_at"]), people::word(&value["code"]));
        let args = [("agency", agency.as_str()), ("node", &node), ("out", &out), ("at", &at), ("code", code)];
        context.output.text("done-restore-grant", &args)
    } else {
        context.output.text("done-enrol-grant", &[("agency", &agency), ("node", &node), ("out", &out)])
    };
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let people = People::of(context);
    let machines =
        office::province_reader(context.dir()?)?.read(|view| view.machines()).map_err(store_failure)?;
    for machine in &machines {
        let last_contact = machine.last_contact_at.map(rfc3339);
        let value = json!({
            "node": machine.node.to_string(),
            "agency": machine.seat.as_str(),
            "enrolled_at": rfc3339(machine.enrolled_at),
            "last_contact_at": last_contact,
            "feed_position": machine.acked_position,
            "banned_at": machine.banned_at.map(rfc3339),
            "ban_reason": machine.ban_reason,
            "certificate_bytes": machine.certificate.len(),
        });
        output.line(&value, || {
            let (agency, node) = (people.agency(machine.seat.as_str()), machine.node.to_string());
            if let Some(at) = machine.banned_at {
                let (at, why) = (clock::for_people(at), machine.ban_reason.as_deref().unwrap_or("–"));
                let args = [("agency", agency.as_str()), ("node", &node), ("at", &at), ("why", why)];
                return output.text("enrol-line-banned", &args);
            }
            let last = machine.last_contact_at.map_or_else(|| output.text("never", &[]), clock::for_people);
            output.text("enrol-line", &[("agency", &agency), ("node", &node), ("last", &last)])
        })?;
    }
    output.summary(json!({ "machines": machines.len() }), || {
        output.text("done-enrol-list", &[("count", &machines.len().to_string())])
    })?;
    Ok(Exit::Done)
}

fn ban(context: &Context, args: &EnrolBan) -> Result<Exit, Failure> {
    let command = Command::EnrolBan {
        node: args.node.to_string(),
        why: args.why.clone(),
        suspect_from: args.suspect_from.map(|from| from.0),
    };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let text = ban_text(context, &value);
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

/// Who is shut out, what of it a person must look at, and how the seat gets another machine.
fn ban_text(context: &Context, value: &Value) -> String {
    let output = &context.output;
    let code = people::word(&value["agency"]).to_owned();
    let (agency, node) = (People::of(context).agency(&code), people::word(&value["node"]).to_owned());
    let mut lines = vec![output.text("done-enrol-ban", &[("agency", &agency), ("node", &node)])];
    let count = |key: &str| value[key].as_u64().filter(|count| *count > 0).map(|count| count.to_string());
    if !value["suspect_from"].is_null() {
        let (count, from) = (value["suspect_dossiers"].to_string(), people::time(&value["suspect_from"]));
        lines.push(output.text("enrol-ban-suspect", &[("count", &count), ("from", &from)]));
        for dossier in value["suspect"].as_array().into_iter().flatten() {
            let number = dossier["number"].as_str().or_else(|| dossier["id"].as_str()).unwrap_or_default();
            let key = if dossier["mark"].is_null() { "enrol-ban-unmarked" } else { "enrol-ban-marked" };
            lines.push(format!("  {}", output.text(key, &[("number", number)])));
        }
    }
    if let Some(count) = count("quarantined") {
        lines.push(output.text("enrol-ban-kept", &[("count", &count), ("node", &node)]));
    }
    if let Some(count) = count("codes_withdrawn") {
        lines.push(output.text("enrol-ban-codes", &[("count", &count)]));
    }
    lines.push(output.text("enrol-ban-next", &[("code", &code)]));
    lines.join("\n")
}
