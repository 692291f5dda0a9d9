//! The commands: each reads its arguments, asks the node, and hands the answer to [`Output`].

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod bundle;
pub(crate) mod commune;
pub(crate) mod condition;
pub(crate) mod demo;
pub(crate) mod directory;
pub(crate) mod doctor;
pub(crate) mod dossier;
pub(crate) mod enrol;
pub(crate) mod person;
pub(crate) mod province;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod sync;
pub(crate) mod verify;

use std::path::Path;
use std::path::PathBuf;

use sync_protocol::ids::NodeId;

use crate::args::Command;
use crate::args::Everywhere;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::locations;
use crate::output::Output;

/// What every command is given beside its own arguments.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where results and remarks go.
    pub(crate) output: Output,
    dir: Option<PathBuf>,
    witness: Option<PathBuf>,
}

impl Context {
    /// The context that the command line and the variables ask for.
    pub(crate) fn new(everywhere: Everywhere) -> Self {
        let Everywhere { dir, witness, lang, json } = everywhere;
        Self { output: Output::new(lang, json), dir, witness }
    }

    /// The office's directory.
    ///
    /// # Errors
    /// Neither `--dir` nor `MOTCUA_DIR` is given.
    pub(crate) fn dir(&self) -> Result<&Path, Failure> {
        Ok(locations::directory(self.dir.as_deref())?)
    }

    /// The witness file of the machine `node`.
    pub(crate) fn witness_path(&self, node: NodeId) -> PathBuf {
        self.witness.clone().unwrap_or_else(|| locations::default_witness_path(node))
    }
}

/// Runs one command.
///
/// # Errors
/// The command failed as a whole; nothing about that is printed yet.
pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(context, args),
        Command::Province(command) => province::run(context, command),
        Command::Directory(command) => directory::run(context, command),
        Command::Enrol(command) => enrol::run(context, command),
        Command::Commune(command) => commune::run(context, command),
        Command::Serve(args) => serve::run(context, args),
        Command::Dossier(command) => dossier::run(context, command),
        Command::Sync(command) => sync::run(context, command),
        Command::Quarantine(command) => quarantine::run(context, command),
        Command::Condition(command) => condition::run(context, command),
        Command::Scan(command) => scan::run(context, command),
        Command::Bundle(command) => bundle::run(context, command),
        Command::Backup(command) => backup::run(context, command),
        Command::Person(command) => person::run(context, command),
        Command::Verify => verify::run(context),
        Command::Rebuild => rebuild::run(context),
        Command::Doctor(args) => doctor::run(context, args),
        Command::Bench(command) => bench::run(context, command),
    }
}
