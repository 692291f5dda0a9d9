//! The way to the office in the directory: through the program that serves it, or by opening it when none does.

use std::io::BufRead;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::control;
use motcua_node::control::Command;
use motcua_node::control::Handler;
use motcua_node::control::LineAnswer;
use motcua_node::control::Request;
use motcua_node::directory::Directory;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::roles::operations::Operations;
use motcua_node::roles::store_failure;
use motcua_node::store::Reader;
use motcua_node::store::Role;
use motcua_node::store::items::DirectoryVersion;
use serde_json::Value;
use sync_protocol::ids::NodeId;

use crate::commands::Context;
use crate::exit::Failure;

/// How long a short command waits for another one that has the directory.
const LOCK_WAIT_MS: u64 = 10_000;
/// Between two looks at the lock.
const LOCK_LOOK_MS: u64 = 50;

impl From<control::Failure> for Failure {
    fn from(failure: control::Failure) -> Self {
        match failure {
            control::Failure::Refused(refusal) => Self::refused(refusal),
            control::Failure::NotReached(refusal) => Self::not_reached(refusal),
            control::Failure::Machine(refusal) => Self::machine(refusal),
            control::Failure::Bug(refusal) => Self::bug(refusal),
        }
    }
}

/// Where the witness of a machine is, as this command line says.
pub(crate) fn witness_of(context: &Context) -> impl Fn(NodeId) -> PathBuf {
    |node| context.witness_path(node)
}

/// Carries out a writing command: by the running program, or here. `input` gives its lines.
///
/// # Errors
/// The command failed as a whole.
pub(crate) fn ask(
    context: &Context,
    command: Command,
    mut input: impl BufRead + Send,
    mut answer: impl FnMut(LineAnswer),
) -> Result<Value, Failure> {
    let dir = context.dir()?;
    let request = Request::new(command);
    let clock = SystemClock::new();
    loop {
        if let Some(answered) = control::call(dir, &request, &mut input, &mut answer) {
            return Ok(answered?);
        }
        match Office::open(dir, witness_of(context)) {
            Ok(office) => {
                let operations = Operations::new(Arc::new(office), None);
                let mut told = |line| {
                    answer(line);
                    true
                };
                return Ok(operations.handle(&request.command, &mut input, &mut told)?);
            }
            // Another short command has it, or a program that is only just starting to serve.
            Err(control::Failure::Machine(refusal))
                if refusal.code == "store-locked" && clock.monotonic_ms() < LOCK_WAIT_MS =>
            {
                clock.wait_ms(LOCK_LOOK_MS);
            }
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// The reading side of the directory's store, whether or not a program serves it.
///
/// # Errors
/// There is no store, or it cannot be read.
pub(crate) fn reader(dir: &Path) -> Result<Reader, Failure> {
    Reader::open(dir, &SystemClock::new()).map_err(|error| store_failure(error).into())
}

/// As [`reader`], of a province's directory only.
///
/// # Errors
/// As [`reader`]; or this is a commune's.
pub(crate) fn province_reader(dir: &Path) -> Result<Reader, Failure> {
    let reader = reader(dir)?;
    match reader.identity().map_err(store_failure)?.role {
        Role::Province => Ok(reader),
        Role::Commune => Err(Refusal::new("province-only").into()),
    }
}

/// The directory in force here now, with its version as it is kept; `None` where the province has not published
/// one that came here.
///
/// # Errors
/// There is no store, it cannot be read, or it holds a directory that this program cannot read.
pub(crate) fn directory_in_force(dir: &Path) -> Result<Option<(Directory, DirectoryVersion)>, Failure> {
    let now = SystemClock::new().wall();
    let Some(stored) = reader(dir)?.read(|view| view.effective_directory(now)).map_err(store_failure)? else {
        return Ok(None);
    };
    let directory = Directory::parse_bytes(&stored.body, &ParseBounds::default())
        .map_err(|_| Failure::machine(Refusal::new("store-corrupt").with("what", "directory")))?;
    Ok(Some((directory, stored)))
}

/// Opens the office for a command that needs it alone.
///
/// # Errors
/// A program serves it, or it cannot be opened.
pub(crate) fn alone(context: &Context) -> Result<Office, Failure> {
    let dir = context.dir()?;
    if control::call(dir, &Request::new(Command::SyncState), std::io::empty(), |_| {}).is_some() {
        return Err(Failure::machine(Refusal::new("office-served")));
    }
    Ok(Office::open(dir, witness_of(context))?)
}
