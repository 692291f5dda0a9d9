//! The project's papers say what is true: commands that exist, one version, nothing of any one machine.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use motcua_tests::sources::root;
use motcua_tests::sources::rust_files;

#[test]
fn the_readme_begins_with_the_demo_and_the_tests() {
    let readme = read("README.md");
    let commands: Vec<&str> = shell_lines(&readme).collect();
    assert_eq!(commands.get(..2), Some(&["cargo run -- demo --headless", "./test"][..]));
    assert!(root().join("cli/src/commands/demo.rs").exists());
    let script = read("test");
    assert!(script.lines().any(|line| line.contains("cargo test --workspace --locked")), "{script}");
    for script in ["test", ".ci/run"] {
        let mode = fs::metadata(root().join(script)).expect("script").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} is not executable");
    }
}

#[test]
fn ci_runs_the_readmes_second_command_and_treats_warnings_as_errors() {
    let script = read(".ci/run");
    for part in [
        "./test",
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets --locked -- -D warnings",
        "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --locked",
    ] {
        assert!(script.contains(part), "{part}");
    }
}

#[test]
fn there_is_one_version() {
    let workspace = read("Cargo.toml");
    let version = workspace
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .expect("a version")
        .trim_matches('"');
    for member in ["sync-protocol", "node", "cli", "tests", "examples"] {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.lines().any(|line| line == "version.workspace = true"), "{member}");
    }
    let changelog = read("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).expect("a section");
    assert!(newest.starts_with(version), "CHANGELOG.md begins with {newest}, the workspace has {version}");
    let toolchain = read("rust-toolchain.toml");
    let rust = workspace.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a toolchain");
    assert!(toolchain.contains(rust.trim_matches('"')), "rust-version and rust-toolchain.toml differ");
}

#[test]
fn every_paper_is_there_and_its_links_lead_somewhere() {
    for paper in PAPERS {
        let text = read(paper);
        let folder = root().join(paper).parent().expect("a paper lies in a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_file = !link.contains("://") && !link.starts_with('#');
            assert!(!is_file || folder.join(link).exists(), "{paper}: {link}");
        }
    }
    assert!(read("LICENSE-MIT").contains("the motcua maintainers"));
    assert!(read("LICENSE-APACHE").contains("Version 2.0, January 2004"));
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let sources: String = ["sync-protocol", "node", "cli", "tests"]
        .iter()
        .flat_map(|member| rust_files(&root().join(member)))
        .map(|file| fs::read_to_string(file).expect("readable source"))
        .collect();
    let text = read("ARCHITECTURE.md");
    let named: Vec<&str> = test_names(&text).collect();
    assert!(named.len() > 30, "the names of tests are no longer found: {named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let text = read("ARCHITECTURE.md");
    let places = ["", "node/src", "cli/src", "sync-protocol", "sync-protocol/src", "node/src/identity"];
    let missing: Vec<&str> = quoted(&text)
        .filter(|name| name.contains('/') && !name.contains([' ', '*', '=']))
        .filter(|name| name.ends_with('/') || name.contains('.'))
        // What lies in an office's directory, not in this repository.
        .filter(|name| !name.ends_with(".cbor"))
        .filter(|name| places.iter().all(|place| !root().join(place).join(name).exists()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_tracked_file_names_a_machine_or_a_registry() {
    let mut faults = Vec::new();
    for path in tracked_files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (index, line) in text.lines().enumerate() {
            for word in forbidden_words(&path, line) {
                faults.push(format!("{path}:{}: {word}", index + 1));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn forbidden_words_are_found_and_ordinary_ones_are_not() {
    for (line, count) in [
        (format!("{}home/somebody/x", '/'), 1),
        (format!("let path = \"{}root/.cargo\";", '/'), 1),
        (format!("cd {}tmp/wt", '/'), 1),
        (format!("https://{}.crates.io/x", "index"), 1),
        ("the home/work balance, ./tmp/x, a/root/b".to_owned(), 0),
        ("see crates.io for the crate".to_owned(), 0),
    ] {
        assert_eq!(forbidden_words("README.md", &line).len(), count, "{line}");
    }
    let lock_line = format!("source = \"registry+https://github.com/rust-lang/crates.io-{}\"", "index");
    assert!(forbidden_words("Cargo.lock", &lock_line).is_empty());
    assert_eq!(forbidden_words("README.md", &lock_line).len(), 1);
}

/// The papers whose links are followed.
const PAPERS: &[&str] =
    &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "node/migrations/README.md"];

/// What stands between single backquotes on one line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Names of tests are sentences: words between backquotes with four underscores at least.
fn test_names(text: &str) -> impl Iterator<Item = &str> {
    quoted(text).filter(|word| {
        word.matches('_').count() >= 4
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// Folders that exist on one machine only. Written in two parts, so that this file does not name them.
const MACHINE_PATHS: &[(&str, &str)] =
    &[("/", "home/"), ("/", "root/"), ("/", "work/"), ("/", "tmp/"), ("/", "Users/"), ("C:", "\\")];

/// Hosts of package registries, in two parts as well.
const REGISTRIES: &[(&str, &str)] = &[
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("crates.io", "-index"),
    ("registry.", "npmjs"),
    ("pypi.", "org"),
    ("deb.", "debian.org"),
];

/// What a line says that no file of the project may say.
fn forbidden_words(path: &str, line: &str) -> Vec<String> {
    let begins_a_path = |at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '/' | '}' | ')' | '~' | '*')
        })
    };
    let paths = MACHINE_PATHS
        .iter()
        .map(|(a, b)| format!("{a}{b}"))
        .filter(|word| line.match_indices(word.as_str()).any(|(at, _)| begins_a_path(at)));
    // Cargo writes the name of its own index into the lock file.
    let is_lock = Path::new(path).extension().is_some_and(|extension| extension == "lock");
    let hosts = REGISTRIES
        .iter()
        .map(|(a, b)| format!("{a}{b}"))
        .filter(|word| !is_lock && line.contains(word.as_str()));
    paths.chain(hosts).collect()
}

/// Files under version control; in an unpacked archive, none.
fn tracked_files() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let names = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&names).split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The lines of a paper's `sh` blocks.
fn shell_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).flat_map(str::lines)
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
