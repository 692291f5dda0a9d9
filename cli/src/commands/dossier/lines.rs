//! Lines in, answers out: what `lodge` and `act` share.

use std::fs::File;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use motcua_node::control::Command;
use motcua_node::control::LineAnswer;
use serde_json::Value;

use crate::args::Lines;
use crate::args::Source;
use crate::commands::Context;
use crate::commands::directory::unreadable;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::people::People;

/// Linux's number for a directory where a file is wanted.
const IS_A_DIRECTORY: i32 = 21;

/// Opens a file of lines. A directory opens as well, and would be told only when its first line is read.
fn open(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    let is_dir = file.metadata()?.is_dir();
    if is_dir { Err(std::io::Error::from_raw_os_error(IS_A_DIRECTORY)) } else { Ok(file) }
}

/// Sends every line of the source to the office and prints each answer as it becomes durable.
pub(crate) fn run(
    context: &Context,
    args: &Lines,
    command: Command,
    people: &People<'_>,
    text_of: impl Fn(&Value) -> String,
) -> Result<Exit, Failure> {
    let source: Box<dyn Read + Send> = match &args.from {
        Source::Input => Box::new(std::io::stdin()),
        Source::File(path) => Box::new(open(path).map_err(|error| unreadable(path, &error))?),
    };
    let output = &context.output;
    let mut broken = None;
    let summary = office::ask(context, command, BufReader::new(source), |answer| {
        let printed = match &answer {
            LineAnswer::Done(value) => output.line(value, || text_of(value)),
            LineAnswer::Refused { line, refusal } => output.refused_line(*line, &people.named(refusal)),
        };
        broken = broken.take().or(printed.err());
    })?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    let is_refused = summary["refused"].as_u64().unwrap_or(0) > 0;
    let (done, refused) = (summary["done"].to_string(), summary["refused"].to_string());
    output.summary(summary, || output.text("done-lines", &[("done", &done), ("refused", &refused)]))?;
    Ok(if is_refused { Exit::Refused } else { Exit::Done })
}
