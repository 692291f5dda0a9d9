//! `motcua condition`: what `sync status` tells, once a person has understood it.

use motcua_node::control::Command;

use crate::args::Condition;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Condition) -> Result<Exit, Failure> {
    let Condition::Dismiss(args) = command;
    let command = Command::ConditionDismiss { code: args.code.clone(), subject: args.subject.clone() };
    let value = office::ask(context, command, std::io::empty(), |_| {})?;
    let count = value["dismissed"].to_string();
    context.output.result(value, || context.output.text("done-condition-dismiss", &[("count", &count)]))?;
    Ok(Exit::Done)
}
