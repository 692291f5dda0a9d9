//! `motcua bundle`: the USB stick, both ways.

use std::path::Path;
use std::path::PathBuf;

use motcua_node::control::Command;
use motcua_node::refusal::Refusal;
use motcua_node::roles::stick;
use serde_json::Value;

use crate::args::Bundle;
use crate::args::BundleExport;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::output::Output;
use crate::people;
use crate::people::People;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Bundle) -> Result<Exit, Failure> {
    match command {
        Bundle::Export(args) => export(context, args),
        Bundle::Inspect(args) => inspect(context, &args.file),
        Bundle::Import(args) => import(context, &args.file),
    }
}

/// The path as the running program finds it, whatever its own working directory is.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::machine(Refusal::new("bundle-file").with("path", path.display()).with("why", error))
    })
}

fn export(context: &Context, args: &BundleExport) -> Result<Exit, Failure> {
    let command = Command::BundleExport {
        out: absolute(&args.out)?,
        part_mb: args.part_mb,
        node: args.node.map(|node| node.to_string()),
        agency: args.agency.as_ref().map(ToString::to_string),
    };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let text = export_text(context, &value);
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

fn export_text(context: &Context, value: &Value) -> String {
    let output = &context.output;
    let changes = value["changes"].to_string();
    let mut lines = vec![if value["kind"] == "changes" {
        output.text("done-bundle-changes", &[("count", &changes)])
    } else {
        let agency = People::of(context).agency(people::word(&value["agency"]));
        let (number, feed) = (value["proof"]["number"].to_string(), value["feed"]["count"].to_string());
        let args = [("agency", agency.as_str()), ("count", &feed), ("number", &number)];
        output.text("done-bundle-return", &args)
    }];
    for part in value["parts"].as_array().into_iter().flatten() {
        let (file, bytes) = (people::word(&part["file"]), part["bytes"].to_string());
        lines.push(format!("  {}", output.text("bundle-part", &[("file", file), ("bytes", &bytes)])));
    }
    lines.push(output.text("bundle-carry", &[]));
    lines.join("\n")
}

fn import(context: &Context, file: &Path) -> Result<Exit, Failure> {
    let command = Command::BundleImport { file: absolute(file)? };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    // As a session that ended before both sides held the same: nothing is lost, and more is to come.
    let exit = if value["outcome"] == "partial" { Exit::NotReached } else { Exit::Done };
    let text = import_text(&context.output, &value);
    context.output.result(value, || text)?;
    Ok(exit)
}

fn import_text(output: &Output, value: &Value) -> String {
    let figure = |key: &str| value[key].as_u64().unwrap_or(0).to_string();
    let mut lines = vec![match people::word(&value["outcome"]) {
        "older" => output.text("bundle-older", &[]),
        "nothing_new" => output.text("bundle-nothing-new", &[]),
        _ if value["kind"] == "changes" => {
            output.text("bundle-took-changes", &[("count", &figure("changes"))])
        }
        _ => {
            let args = [("count", &*figure("feed")), ("items", &*figure("items"))];
            output.text("bundle-took-return", &args)
        }
    }];
    if value["outcome"] == "partial" {
        let key = if value["kind"] == "changes" { "bundle-partial-changes" } else { "bundle-partial-return" };
        lines.push(output.text(key, &[("count", &figure("early"))]));
    }
    if value["is_banned"] == true {
        lines.push(output.text("bundle-from-banned", &[]));
    }
    if let Some(count) = value["quarantined"].as_u64().filter(|count| *count > 0) {
        lines.push(output.text("bundle-kept", &[("count", &count.to_string())]));
    }
    if value["is_proved"] == true {
        let (number, at) = (value["proof"]["number"].to_string(), people::time(&value["proof"]["at"]));
        lines.push(output.text("sync-proof", &[("number", &number), ("at", &at)]));
    }
    lines.join("\n")
}

fn inspect(context: &Context, file: &Path) -> Result<Exit, Failure> {
    let value = stick::inspect(context.dir().ok(), file)?;
    let text = inspect_text(&context.output, &value);
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

fn inspect_text(output: &Output, value: &Value) -> String {
    let word = |key: &str| people::word(&value[key]).to_owned();
    let kind = match people::word(&value["kind"]) {
        "unknown" => output.text("bundle-kind-unknown-word", &[]),
        known => output.text(&format!("bundle-kind-{known}"), &[]),
    };
    let to: Vec<&str> = value["to"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let args = [
        ("kind", kind.as_str()),
        ("bundle", &word("bundle")),
        ("part", &value["part"].to_string()),
        ("from", &word("from")),
        ("to", to.first().copied().unwrap_or_default()),
        ("at", &people::time(&value["at"])),
        ("bytes", &value["bytes"].to_string()),
    ];
    let mut lines = vec![output.text("bundle-says", &args)];
    let last = if value["is_last"] == true { "bundle-is-last" } else { "bundle-is-not-last" };
    lines.push(output.text(last, &[]));
    let content = &value["content"];
    if value["is_open"] != true {
        lines.push(output.text("bundle-is-sealed", &[]));
    } else if !content.is_null() {
        let figure = |key: &str| content[key].as_u64().unwrap_or(0).to_string();
        let feed = content["feed"]["count"].as_u64().unwrap_or(0).to_string();
        let args = [("changes", &*figure("changes")), ("items", &*figure("items")), ("feed", &*feed)];
        lines.push(output.text("bundle-holds", &args));
        if let Some(number) = content["proof"]["number"].as_u64() {
            let at = people::time(&content["proof"]["at"]);
            lines.push(output.text("sync-proof", &[("number", &number.to_string()), ("at", &at)]));
        }
    }
    lines.join("\n")
}
