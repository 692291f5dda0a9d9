//! What happens when the program itself is wrong: it says so without anybody's data and ends with exit 70.
//! The next start repairs.

use std::panic::PanicHookInfo;

use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::output::Output;

/// From now on a panic on any thread ends the process with [`Exit::Bug`].
///
/// Only a panic for which `is_contained` holds on its thread goes on to its `catch_unwind`: the boundary round
/// the document library turns it into an error on one dossier.
pub(crate) fn end_the_process(language: Language, is_json: bool, is_contained: fn() -> bool) {
    std::panic::set_hook(Box::new(move |panic| {
        if is_contained() {
            return;
        }
        Output::new(language, is_json).failure(&Failure::bug(refusal(panic)));
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}

/// Names the place in the source only: what the panic says may hold a citizen's data.
fn refusal(panic: &PanicHookInfo<'_>) -> Refusal {
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
    Refusal::new("internal-bug")
        .with("place", place.unwrap_or_default())
        .with("version", env!("CARGO_PKG_VERSION"))
}
