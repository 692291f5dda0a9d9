//! The project's own files, for tests that read them: where they are and what of them is code.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Every Rust file below `folder`, in order of their paths; none when there is no such folder.
#[must_use]
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    files
}

/// Every Rust file below `folder`, in order of their paths, but those that are tests as a whole: `tests.rs` beside
/// the code, and what its room declares for tests only.
#[must_use]
pub fn product_files(folder: &Path) -> Vec<PathBuf> {
    rust_files(folder).into_iter().filter(|file| !file.ends_with("tests.rs") && !is_for_tests(file)).collect()
}

/// Whether the file above (`room.rs` for `room/thing.rs`) has `#[cfg(test)]` over this file's `mod`.
fn is_for_tests(file: &Path) -> bool {
    let above = file.parent().map(|folder| folder.with_extension("rs"));
    let above = above.and_then(|above| fs::read_to_string(above).ok()).unwrap_or_default();
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let declared = format!("mod {name};");
    above
        .lines()
        .zip(above.lines().skip(1))
        .any(|(attribute, line)| attribute.trim() == "#[cfg(test)]" && line.ends_with(&declared))
}

/// A source's product code: comment lines are left empty, so that line numbers hold, and the file's
/// `mod tests` at the end is cut off.
#[must_use]
pub fn product_code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    product
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}
