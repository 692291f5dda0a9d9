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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Runs one of the tests below in a process of its own, with this variable set.
    const IN_CHILD: &str = "MOTCUA_TEST_PANIC";

    fn child(test: &str) -> std::process::Output {
        let name = format!("panic::tests::{test}");
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(IN_CHILD, "1")
            .output()
            .unwrap()
    }

    #[test]
    fn a_panic_ends_the_process_without_repeating_what_it_says() {
        if std::env::var_os(IN_CHILD).is_some() {
            end_the_process(Language::En, false, || false);
            std::thread::spawn(|| panic!("Nguyễn Văn Thử")).join().ok();
            std::process::exit(0);
        }
        let output = child("a_panic_ends_the_process_without_repeating_what_it_says");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{told}");
        assert!(told.contains("panic.rs") && told.contains("internal-bug"), "{told}");
        assert!(!told.contains("Nguyễn Văn Thử"), "{told}");
    }

    #[test]
    fn a_contained_panic_goes_on_to_whoever_catches_it() {
        if std::env::var_os(IN_CHILD).is_some() {
            end_the_process(Language::En, false, || true);
            let caught = std::panic::catch_unwind(|| panic!("Nguyễn Văn Thử"));
            std::process::exit(if caught.is_err() { 5 } else { 6 });
        }
        let output = child("a_contained_panic_goes_on_to_whoever_catches_it");
        assert_eq!(output.status.code(), Some(5));
        assert!(!String::from_utf8_lossy(&output.stderr).contains("Nguyễn Văn Thử"));
    }
}
