//! `motcua person`: officers of this office. A later step brings it.

use crate::args::Person;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(_context: &Context, command: &Person) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version(match command {
        Person::List => "motcua person list",
        Person::Add(_) => "motcua person add",
        Person::Reset(_) => "motcua person reset",
        Person::Disable(_) => "motcua person disable",
    }))
}
