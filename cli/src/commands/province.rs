//! `motcua province`: a provincial server's directory.

use motcua_node::directory::Directory;
use motcua_node::roles::province;
use serde_json::json;

use crate::args::Province;
use crate::args::ProvinceInit;
use crate::commands::Context;
use crate::commands::directory::read_directory;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office::witness_of;
use crate::people::People;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Province) -> Result<Exit, Failure> {
    match command {
        Province::Init(args) => init(context, args),
    }
}

fn init(context: &Context, args: &ProvinceInit) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    let directory = match &args.directory {
        None => Directory::sample(),
        Some(file) => match read_directory(context, file)? {
            Some(directory) => directory,
            None => return Ok(Exit::Refused),
        },
    };
    let office = province::init(dir, witness_of(context), &args.code, &args.name, &directory)?;
    let identity = &office.identity;
    let value = json!({
        "role": "province",
        "province": identity.province().to_string(),
        "node": identity.node().to_string(),
        "seat": identity.seat().as_str(),
        "directory_version": 1,
        "watermark": directory.province().watermark,
    });
    context.output.result(value, || {
        let (node, dir) = (identity.node().to_string(), dir.display().to_string());
        let people = People::of(context);
        people.watermarked(
            people.text("done-province-init", &[("name", &args.name), ("node", &node), ("dir", &dir)]),
        )
    })?;
    Ok(Exit::Done)
}
