//! `motcua directory`: agencies, procedures, calendars and officers.

use std::path::Path;

use motcua_node::clock::rfc3339;
use motcua_node::control::Command;
use motcua_node::directory::Directory as Content;
use motcua_node::directory::fault::Fault;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use serde_json::Value;
use serde_json::json;
use sync_protocol::ids::Hash;

use crate::args::Directory;
use crate::args::DirectoryFile;
use crate::args::DirectoryPublish;
use crate::args::DirectoryShow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::said_as_json;
use crate::office;
use crate::people;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Directory) -> Result<Exit, Failure> {
    match command {
        Directory::Check(args) => check(context, args),
        Directory::Import(args) => import(context, args),
        Directory::Publish(args) => publish(context, args),
        Directory::Show(args) => show(context, args),
    }
}

/// Reads a directory file; its faults, if any, are printed and `None` is given.
pub(crate) fn read_directory(context: &Context, file: &Path) -> Result<Option<Content>, Failure> {
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
    match Content::parse_bytes(&bytes, &ParseBounds::default()) {
        Ok(directory) => Ok(Some(directory)),
        Err(faults) => {
            tell_faults(context, &faults)?;
            Ok(None)
        }
    }
}

pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(Refusal::new("file-unreadable").with("file", file.display()).with("why", error))
}

fn tell_faults(context: &Context, faults: &[Fault]) -> Result<(), Failure> {
    let output = &context.output;
    let listed: Vec<Value> = faults
        .iter()
        .map(|fault| {
            let mut said = said_as_json(output.language, &fault.to_refusal());
            if let Value::Object(map) = &mut said {
                map.insert("line".to_owned(), fault.line.into());
            }
            said
        })
        .collect();
    output.result(json!({ "faults": listed }), || {
        let lines = faults.iter().map(|fault| {
            let said = i18n::say(output.language, &fault.to_refusal());
            let mut text = fault.field.as_deref().map_or_else(
                || said.message.clone(),
                |field| output.text("directory-fault-line", &[("field", field), ("message", &said.message)]),
            );
            if let Some(next) = said.next {
                text.push_str(&format!("\n  {}", output.text("said-next", &[("next", &next)])));
            }
            text
        });
        let mut text: Vec<String> = lines.collect();
        text.push(output.text("directory-faults", &[("count", &faults.len().to_string())]));
        text.join("\n")
    })
}

fn summary(directory: &Content) -> Value {
    json!({
        "faults": [],
        "code": directory.province().code.as_str(),
        "name": directory.province().name,
        "hash": Hash(directory.content_hash()).to_string(),
        "agencies": directory.agencies().count(),
        "procedures": directory.procedures().count(),
        "officers": directory.officers().count(),
        "watermark": directory.province().watermark,
    })
}

fn summary_text(context: &Context, directory: &Content) -> String {
    let output = &context.output;
    let summary = output.text(
        "directory-summary",
        &[
            ("name", &directory.province().name),
            ("agencies", &directory.agencies().count().to_string()),
            ("procedures", &directory.procedures().count().to_string()),
            ("officers", &directory.officers().count().to_string()),
            ("hash", &Hash(directory.content_hash()).to_string()),
        ],
    );
    let watermark = directory.province().watermark.as_deref();
    let watermark = watermark.map(|text| output.text("watermark-line", &[("watermark", text)]));
    watermark.map_or_else(|| summary.clone(), |watermark| format!("{watermark}\n{summary}"))
}

fn check(context: &Context, args: &DirectoryFile) -> Result<Exit, Failure> {
    let Some(directory) = read_directory(context, &args.file)? else { return Ok(Exit::Refused) };
    context.output.result(summary(&directory), || {
        format!("{}\n{}", summary_text(context, &directory), context.output.text("directory-checked", &[]))
    })?;
    Ok(Exit::Done)
}

fn import(context: &Context, args: &DirectoryFile) -> Result<Exit, Failure> {
    let Some(directory) = read_directory(context, &args.file)? else { return Ok(Exit::Refused) };
    let text = directory.canonical();
    let value = office::ask(context, Command::DirectoryImport, text.as_slice(), |_| {})?;
    context.output.result(value, || context.output.text("directory-imported", &[]))?;
    Ok(Exit::Done)
}

fn publish(context: &Context, args: &DirectoryPublish) -> Result<Exit, Failure> {
    let command = Command::DirectoryPublish { effective_at: args.effective_at.map(|at| at.0) };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let (version, at) = (value["version"].to_string(), people::time(&value["effective_at"]));
    context.output.result(value, || {
        context.output.text("directory-published", &[("version", &version), ("at", &at)])
    })?;
    Ok(Exit::Done)
}

/// Without `--json` the whole content in its canonical form, so that it can be edited and imported again; what a
/// person wants to know of it, with the watermark, stands beside it on standard error.
fn show(context: &Context, args: &DirectoryShow) -> Result<Exit, Failure> {
    let (directory, version) = match &args.file {
        Some(file) => match read_directory(context, file)? {
            Some(directory) => (directory, Value::Null),
            None => return Ok(Exit::Refused),
        },
        None => in_force(context)?,
    };
    let version_text = version["version"].as_u64().map(|number| {
        let at = people::time(&version["effective_at"]);
        context.output.text("directory-in-force", &[("version", &number.to_string()), ("at", &at)])
    });
    let mut value = summary(&directory);
    if let Value::Object(map) = &mut value {
        map.insert("version".to_owned(), version);
        let records = String::from_utf8(directory.canonical()).unwrap_or_default();
        let records: Vec<Value> =
            records.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        map.insert("records".to_owned(), records.into());
    }
    context.output.result(value, || {
        String::from_utf8(directory.canonical()).unwrap_or_default().trim_end().to_owned()
    })?;
    if !context.output.is_json {
        context.output.note(&summary_text(context, &directory));
        version_text.iter().for_each(|text| context.output.note(text));
    }
    Ok(Exit::Done)
}

fn in_force(context: &Context) -> Result<(Content, Value), Failure> {
    let (directory, stored) = office::directory_in_force(context.dir()?)?
        .ok_or_else(|| Failure::refused(Refusal::new("desk-no-directory")))?;
    let version = json!({ "version": stored.version, "effective_at": rfc3339(stored.effective_at) });
    Ok((directory, version))
}
