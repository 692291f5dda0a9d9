//! Lines in, answers out: what `lodge` and `act` share.

use std::fs::File;
use std::io::BufReader;
use std::io::Read;

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

/// Sends every line of the source to the office and prints each answer as it becomes durable.
pub(crate) fn run(
    context: &Context,
    args: &Lines,
    command: Command,
    text_of: impl Fn(&Value) -> String,
) -> Result<Exit, Failure> {
    let source: Box<dyn Read + Send> = match &args.from {
        Source::Input => Box::new(std::io::stdin()),
        Source::File(path) => Box::new(File::open(path).map_err(|error| unreadable(path, &error))?),
    };
    let output = &context.output;
    let mut broken = None;
    let summary = office::ask(context, command, BufReader::new(source), |answer| {
        let printed = match &answer {
            LineAnswer::Done(value) => output.line(value, || text_of(value)),
            LineAnswer::Refused { line, refusal } => output.refused_line(*line, refusal),
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
