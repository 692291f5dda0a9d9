//! `motcua commune`: a commune node's directory.

use motcua_node::roles::commune;
use motcua_node::roles::operations::runtime;
use motcua_node::roles::pack;
use serde_json::json;

use crate::args::Commune;
use crate::args::CommuneInit;
use crate::commands::Context;
use crate::commands::bundle::absolute;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::office::witness_of;
use crate::people::People;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Commune) -> Result<Exit, Failure> {
    match command {
        Commune::Init(args) => init(context, args),
    }
}

fn init(context: &Context, args: &CommuneInit) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    let token = args.token.as_deref().unwrap_or_default();
    let office = match (&args.pack, &args.grant) {
        (_, Some(file)) => {
            let pending = office::alone(context)?;
            pack::complete(&pending, &absolute(file)?)?;
            drop(pending);
            office::alone(context)?
        }
        (Some(file), None) => {
            let request = args.request.as_deref();
            pack::init(dir, witness_of(context), token, file, request)?
        }
        (None, None) => commune::init(dir, witness_of(context), token, &runtime()?)?,
    };
    let held = office.shelf.held()?;
    let identity = &office.identity;
    let (works, missing) = if identity.is_granted() {
        (json!(["lodge", "act", "bundle", "sync"]), json!([]))
    } else {
        (json!(["lodge", "act", "bundle"]), json!(["sync"]))
    };
    let value = json!({
        "role": "commune",
        "province": identity.province().to_string(),
        "node": identity.node().to_string(),
        "seat": identity.seat().as_str(),
        "directory_version": held.reference.version,
        "is_granted": identity.is_granted(),
        "request": args.request.as_ref().map(|request| request.display().to_string()),
        "works": works,
        "missing": missing,
    });
    let name = held.directory.agency(identity.seat()).map_or("", |agency| agency.display_name()).to_owned();
    context.output.result(value, || {
        let (seat, dir) = (identity.seat().to_string(), dir.display().to_string());
        let people = People::of(context);
        let key = if identity.is_granted() { "done-commune-init" } else { "done-commune-pack" };
        people.watermarked(people.text(key, &[("name", &name), ("seat", &seat), ("dir", &dir)]))
    })?;
    Ok(Exit::Done)
}
