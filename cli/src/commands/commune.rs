//! `motcua commune`: a commune node's directory.

use motcua_node::roles::commune;
use motcua_node::roles::operations::runtime;
use serde_json::json;

use crate::args::Commune;
use crate::args::CommuneInit;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office::witness_of;
use crate::people::People;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Commune) -> Result<Exit, Failure> {
    match command {
        Commune::Init(args) => init(context, args),
    }
}

fn init(context: &Context, args: &CommuneInit) -> Result<Exit, Failure> {
    if args.pack.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --pack"));
    }
    if args.request.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --request"));
    }
    if args.grant.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --grant"));
    }
    let token = args.token.as_deref().unwrap_or_default();
    let runtime = runtime()?;
    let dir = context.dir()?;
    let office = commune::init(dir, witness_of(context), token, &runtime)?;
    let held = office.shelf.held()?;
    let identity = &office.identity;
    let value = json!({
        "role": "commune",
        "province": identity.province().to_string(),
        "node": identity.node().to_string(),
        "seat": identity.seat().as_str(),
        "directory_version": held.reference.version,
        "works": ["lodge", "act", "sync"],
        "missing": [],
    });
    let name = held.directory.agency(identity.seat()).map_or("", |agency| agency.display_name()).to_owned();
    context.output.result(value, || {
        let (seat, dir) = (identity.seat().to_string(), dir.display().to_string());
        let people = People::of(context);
        people
            .watermarked(people.text("done-commune-init", &[("name", &name), ("seat", &seat), ("dir", &dir)]))
    })?;
    Ok(Exit::Done)
}
