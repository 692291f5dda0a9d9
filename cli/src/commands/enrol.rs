//! `motcua enrol`: machines of communes, at the province.

use motcua_node::clock::rfc3339;
use motcua_node::control::Command;
use motcua_node::roles::store_failure;
use serde_json::json;

use crate::args::Enrol;
use crate::args::EnrolNew;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Enrol) -> Result<Exit, Failure> {
    match command {
        Enrol::New(args) => new(context, args),
        Enrol::Grant(_) => Err(Failure::not_in_this_version("motcua enrol grant")),
        Enrol::List => list(context),
        Enrol::Ban(_) => Err(Failure::not_in_this_version("motcua enrol ban")),
    }
}

fn new(context: &Context, args: &EnrolNew) -> Result<Exit, Failure> {
    if args.pack.is_some() {
        return Err(Failure::not_in_this_version("motcua enrol new --pack"));
    }
    let command = Command::EnrolNew {
        agency: args.agency.to_string(),
        addresses: vec![args.address.clone()],
        valid_h: u64::from(args.valid_h),
    };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let token = value["token"].as_str().unwrap_or_default().to_owned();
    let until = value["expires_at"].as_str().unwrap_or_default().to_owned();
    context.output.result(value, || {
        let agency = args.agency.to_string();
        context.output.text("done-enrol-new", &[("token", &token), ("until", &until), ("agency", &agency)])
    })?;
    Ok(Exit::Done)
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let machines = office::reader(context.dir()?)?.read(|view| view.machines()).map_err(store_failure)?;
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
            let never = output.text("never", &[]);
            format!("{}  {}  {}", machine.seat, machine.node, last_contact.clone().unwrap_or(never))
        })?;
    }
    output.summary(json!({ "machines": machines.len() }), || {
        output.text("done-enrol-list", &[("count", &machines.len().to_string())])
    })?;
    Ok(Exit::Done)
}
