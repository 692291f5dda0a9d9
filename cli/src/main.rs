//! The `motcua` program: reads the command line, runs one command, ends with its exit code.
//!
//! The crate owns the command tree ([`args`]) and its texts ([`help`]), printing ([`output`]), exit codes ([`exit`]),
//! where files lie ([`locations`]), the way to the office whether or not a program serves it ([`office`]), and one
//! thin file per command ([`commands`]): parse, ask the node, print. Rules are the node's; nothing is decided here.

#![expect(
    clippy::indexing_slicing,
    reason = "answers are JSON values read by key: a missing one reads as null"
)]

mod args;
mod commands;
mod exit;
mod help;
mod locations;
mod office;
mod output;
mod panic;
mod people;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use crate::args::Cli;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let exit = run();
    ExitCode::from(exit.code())
}

fn run() -> Exit {
    // Language and form are needed to say what is wrong with a line that cannot be read.
    let arguments: Vec<String> =
        std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    let variable = std::env::var("MOTCUA_LANG").ok();
    let language = help::language_asked(&arguments, variable.as_deref());
    let output = Output::new(language, arguments.iter().any(|argument| argument == "--json"));
    panic::end_the_process(language, output.is_json, motcua_node::dossier::document::is_guarded);
    log_to_standard_error();

    let cli = match parse(&output) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let context = Context::new(cli.everywhere);
    commands::run(&context, &cli.command).unwrap_or_else(|failure| {
        context.output.failure(&failure);
        failure.exit
    })
}

/// The command line as a value; or, when it asks for help or is wrong, that is printed and the exit is given.
fn parse(output: &Output) -> Result<Cli, Exit> {
    help::command(output.language)
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|error| ended_by(&error, output))
}

fn ended_by(error: &clap::Error, output: &Output) -> Exit {
    let kind = error.kind();
    if kind == ErrorKind::DisplayVersion {
        let version = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") });
        let text = || error.render().to_string().trim_end().to_owned();
        return output.result(version, text).map_or_else(
            |failure| {
                output.failure(&failure);
                failure.exit
            },
            |()| Exit::Done,
        );
    }
    if kind == ErrorKind::DisplayHelp {
        output.help(&help::rendered(error, output.language));
        return Exit::Done;
    }
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !output.is_json {
        output.note(help::rendered(error, output.language).trim_end());
        return Exit::Refused;
    }
    let failure = Failure::refused(help::refusal(error));
    output.failure(&failure);
    failure.exit
}

/// Sends the program's log to standard error, as `MOTCUA_LOG` asks (`info`, `motcua_node::sync=debug` …);
/// without it only what a person must know: warnings and errors.
fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("MOTCUA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
