//! The import rules of ARCHITECTURE.md, checked. A failure names the file, the line and the rule it breaks.
//!
//! The checks read text: one path per `use` line, which is how we write them. A file's comments and its
//! `mod tests` at the end are not looked at.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use std::fs;
use std::path::Path;

use motcua_tests::sources::product_code;
use motcua_tests::sources::product_files;
use motcua_tests::sources::root;

/// Rooms that import no room but each other, and that every room may import.
const LEAVES: &[&str] = &[
    "ids",
    "clock",
    "config",
    "shutdown",
    "telemetry",
    "metrics",
    "identity",
    "i18n",
    "provincial",
    "refusal",
    "golden",
];

/// The other rooms of `node/src`, and which rooms beside themselves and the leaves they may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("dossier", &[]),
    ("directory", &[]),
    ("store", &["dossier", "directory"]),
    ("transport", &[]),
    ("sync", &["store", "transport"]),
    ("bundle", &["store", "sync"]),
    ("desk", &["dossier", "directory", "store"]),
    ("workload", &[]),
    ("reports", &["dossier", "directory", "store"]),
    ("web", &["dossier", "directory", "desk", "reports", "sync"]),
    ("control", &["desk", "reports", "store", "sync"]),
    (
        "roles",
        &[
            "dossier",
            "directory",
            "store",
            "transport",
            "sync",
            "bundle",
            "desk",
            "reports",
            "web",
            "control",
        ],
    ),
];

/// Crates and parts of the standard library that stay in some files of `node/src`: what, and where (a folder's
/// name stands for `NAME.rs` and all below `NAME/`).
const ONLY_IN: &[(&str, &[&str])] = &[
    ("automerge", &["dossier/document", "dossier/version", "dossier/admit"]),
    ("rusqlite", &["store"]),
    ("quinn", &["transport"]),
    ("rustls", &["transport"]),
    ("rcgen", &["identity"]),
    ("x509_parser", &["identity", "transport"]),
    ("axum", &["web"]),
    ("fluent_bundle", &["i18n"]),
    ("hpke", &["identity"]),
    ("x25519_dalek", &["identity"]),
    ("tokio", &["shutdown", "transport", "sync", "web", "control", "roles"]),
    // The parts of the protocol that mean something only to whoever keeps or moves entries. What an entry is,
    // how a change chunk is laid out, ids, times and bounds belong to everybody.
    ("sync_protocol::", &["store", "transport", "sync", "bundle", "roles"]),
];

/// What every room may name of the protocol.
const PROTOCOL_FOR_ALL: &[&str] = &["ids", "time", "limits", "entry", "chunk"];

/// What stays out of some rooms of `node/src`: the room, what, and why.
const NEVER_IN: &[(&str, &[&str], &str)] = &[
    ("dossier", &["std::fs", "std::net", "std::time", "std::thread", "std::env"], PURE),
    ("directory", &["std::fs", "std::net", "std::time", "std::thread", "std::env"], PURE),
    ("dossier", &["Clock", "SystemClock", "getrandom"], TIME_AND_CHANCE),
    ("directory", &["Clock", "SystemClock", "getrandom"], TIME_AND_CHANCE),
];

const PURE: &str = "it does no input or output";
const TIME_AND_CHANCE: &str = "time and chance come in as arguments";

/// What `sync-protocol/src` never names. (`std::io` has the traits by which zstd reads from memory.)
const NEVER_IN_THE_PROTOCOL: &[&str] = &[
    "std::fs",
    "std::net",
    "std::time",
    "std::thread",
    "std::env",
    "std::process",
    "tokio",
    "automerge",
    "getrandom",
    "rusqlite",
    "quinn",
];

/// The members of the workspace, and which of the others each may depend on.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("sync-protocol", &[]),
    ("node", &["motcua-sync-protocol"]),
    ("cli", &["motcua-sync-protocol", "motcua-node"]),
    ("tests", &["motcua-sync-protocol", "motcua-node", "motcua"]),
    ("examples", &["motcua-sync-protocol", "motcua-node", "motcua"]),
];

/// All that `sync-protocol` depends on outside its tests.
const PROTOCOL_CRATES: &[&str] = &["blake3", "ed25519-dalek", "minicbor", "sha2", "thiserror", "zstd"];

#[test]
fn rooms_import_only_what_the_table_allows() {
    let folder = root().join("node/src");
    let broken: Vec<String> = sources(&folder)
        .flat_map(|(path, text)| faults_of_a_room(&path, &text))
        .map(|fault| format!("node/src/{fault}"))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_protocol_touches_nothing() {
    let folder = root().join("sync-protocol/src");
    let mut files = 0;
    let broken: Vec<String> = sources(&folder)
        .inspect(|_| files += 1)
        .flat_map(|(path, text)| faults_of_the_protocol(&path, &text))
        .map(|fault| format!("sync-protocol/src/{fault}"))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    assert!(files > 0, "no sources found: has the folder moved?");
}

#[test]
fn members_depend_only_on_those_below() {
    let broken: Vec<String> = MAY_DEPEND
        .iter()
        .flat_map(|(member, _)| {
            let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("manifest");
            faults_of_a_manifest(member, &manifest)
        })
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// What breaks the rules in one file of `node/src`; `path` is relative to it, with `/`.
fn faults_of_a_room(path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    match allowed.or_else(|| LEAVES.contains(&room).then_some(&[])) {
        Some(allowed) => faults_of_lines(path, text, |line| faults_of_a_line(path, room, allowed, line)),
        None if room == "lib" => Vec::new(),
        None => vec![format!("{path}: the tables in tests/layers.rs do not know the room {room}")],
    }
}

fn faults_of_a_line(path: &str, room: &str, allowed: &[&str], line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for group in ["crate::{", "crate::*", "super::super"] {
        if line.contains(group) {
            faults.push(format!("{group} hides what is imported; write one path per line"));
        }
    }
    // In a room's root file `super` is the crate.
    let is_root_file = !path.contains('/');
    let above = if is_root_file { named_after(line, "super::") } else { Vec::new() };
    for named in named_after(line, "crate::").into_iter().chain(above) {
        let is_room = MAY_IMPORT.iter().any(|(name, _)| *name == named);
        if is_room && named != room && !allowed.contains(&named) {
            faults.push(format!("{room} may not use {named}"));
        }
    }
    for (what, places) in ONLY_IN {
        let names = match what.strip_suffix("::") {
            Some(krate) => named_after(line, what)
                .into_iter()
                .any(|part| names_crate(line, krate) && !PROTOCOL_FOR_ALL.contains(&part)),
            None => names_crate(line, what),
        };
        if names && !places.iter().any(|place| is_below(path, place)) {
            faults.push(format!("{what} belongs in {} only", places.join(", ")));
        }
    }
    for (_, words, why) in NEVER_IN.iter().filter(|(name, _, _)| *name == room) {
        for word in words.iter().filter(|word| names_crate(line, word) || names_item(line, word)) {
            faults.push(format!("{room} may not use {word}: {why}"));
        }
    }
    faults
}

/// What breaks the rules in one file of `sync-protocol/src`.
fn faults_of_the_protocol(path: &str, text: &str) -> Vec<String> {
    faults_of_lines(path, text, |line| {
        NEVER_IN_THE_PROTOCOL
            .iter()
            .filter(|word| names_crate(line, word))
            .map(|word| format!("the protocol may not use {word}"))
            .collect()
    })
}

/// What breaks the rules in a member's manifest.
fn faults_of_a_manifest(member: &str, manifest: &str) -> Vec<String> {
    let allowed =
        MAY_DEPEND.iter().find(|(name, _)| *name == member).map_or(&[][..], |(_, allowed)| *allowed);
    let mut faults = Vec::new();
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        let is_dependency = section.ends_with("dependencies") && !name.is_empty() && !name.starts_with('#');
        if !is_dependency {
            continue;
        }
        if (name == "motcua" || name.starts_with("motcua-")) && !allowed.contains(&name) {
            faults.push(format!("{member} may not depend on {name}"));
        }
        let is_outside = section == "dependencies" && member == "sync-protocol";
        if is_outside && !PROTOCOL_CRATES.contains(&name) {
            faults.push(format!("{member} may not depend on {name}: it does no input or output"));
        }
    }
    faults
}

/// Every fault that `check` finds in the lines of a file's product code, with path and line number.
fn faults_of_lines(path: &str, text: &str, check: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    product_code(text)
        .lines()
        .enumerate()
        .flat_map(|(index, line)| {
            check(line).into_iter().map(move |fault| format!("{path}:{}: {fault}", index + 1))
        })
        .collect()
}

fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Whether a file is `place.rs` or below `place/`.
fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The names that follow each `prefix` in a line.
fn named_after<'a>(line: &'a str, prefix: &str) -> Vec<&'a str> {
    line.split(prefix)
        .skip(1)
        .map(|rest| rest.split(|c: char| !is_of_a_name(c)).next().unwrap_or_default())
        .collect()
}

/// Whether a line names a path that begins with `krate`, rather than a module of that name inside another path.
fn names_crate(line: &str, krate: &str) -> bool {
    let is_use = line.trim_start().starts_with("use ");
    line.match_indices(krate).any(|(at, _)| {
        let begins = !line[..at].trim_end_matches("::").ends_with(is_of_a_name);
        let after = &line[at + krate.len()..];
        begins && (after.starts_with("::") || (is_use && !after.starts_with(is_of_a_name)))
    })
}

/// Whether a `use` line ends in the item `name`.
fn names_item(line: &str, name: &str) -> bool {
    let line = line.trim().trim_end_matches(';');
    line.contains("use ") && line.rsplit("::").next() == Some(name)
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The product sources below a folder, with their paths relative to it.
fn sources(folder: &Path) -> impl Iterator<Item = (String, String)> {
    product_files(folder).into_iter().map(move |file| {
        let path = file.strip_prefix(folder).expect("below the folder").to_string_lossy().replace('\\', "/");
        (path, fs::read_to_string(&file).expect("readable source"))
    })
}

#[test]
fn planted_violations_are_found() {
    for (path, text, expected) in [
        ("dossier/fold.rs", "use crate::store::Store;", "dossier/fold.rs:1: dossier may not use store"),
        ("dossier.rs", "\nuse super::store::Store;", "dossier.rs:2: dossier may not use store"),
        ("sync/driver.rs", "    let x = crate::desk::receive();", "sync may not use desk"),
        ("store/writer.rs", "use crate::sync::Driver;", "store may not use sync"),
        ("web/pages/list.rs", "use crate::store::Reader;", "web may not use store"),
        ("ids.rs", "use crate::dossier::act::Act;", "ids may not use dossier"),
        ("identity/keys.rs", "use crate::store::Store;", "identity may not use store"),
        ("desk.rs", "use crate::{dossier, sync};", "crate::{ hides"),
        ("desk/receive.rs", "use super::super::sync::Driver;", "super::super hides"),
        ("desk/receive.rs", "use crate::*;", "crate::* hides"),
        ("dossier/fold.rs", "use automerge::AutoCommit;", "automerge belongs in dossier/document"),
        ("dossier/fold.rs", "let x = ::automerge::ROOT;", "automerge belongs in"),
        ("desk/find.rs", "fn f(c: &rusqlite::Connection) {}", "rusqlite belongs in store"),
        ("sync/driver.rs", "use quinn::Connection;", "quinn belongs in transport"),
        ("sync.rs", "use rustls;", "rustls belongs in transport"),
        ("store/writer.rs", "use tokio::sync::mpsc;", "tokio belongs in"),
        ("desk/receive.rs", "async fn f() { tokio::spawn(x) }", "tokio belongs in"),
        ("dossier/number.rs", "use sync_protocol::session::Session;", "sync_protocol:: belongs in"),
        ("directory/term.rs", "use crate::clock::Clock;", "directory may not use Clock"),
        ("directory/sample.rs", "let text = std::fs::read_to_string(path);", "directory may not use std::fs"),
        ("dossier/act.rs", "use std::time::Duration;", "dossier may not use std::time"),
        ("helpers.rs", "", "do not know the room helpers"),
    ] {
        let faults = faults_of_a_room(path, text);
        assert_eq!(faults.len(), 1, "{path}: {text}: {faults:?}");
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{path}: {text}: {faults:?}");
    }
    for text in
        ["use std::fs::File;", "use std::net::UdpSocket;", "let x = tokio::spawn(y);", "use automerge;"]
    {
        assert_eq!(faults_of_the_protocol("session.rs", text).len(), 1, "{text}");
    }
    for (member, manifest, expected) in [
        ("sync-protocol", "[dependencies]\nmotcua-node.workspace = true", "may not depend on motcua-node"),
        ("sync-protocol", "[dependencies]\ntokio = \"1\"", "may not depend on tokio"),
        ("node", "[dev-dependencies]\nmotcua = { path = \"../cli\" }", "may not depend on motcua"),
        ("cli", "[build-dependencies]\nmotcua-tests.workspace = true", "may not depend on motcua-tests"),
    ] {
        let faults = faults_of_a_manifest(member, manifest);
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{member}: {faults:?}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("dossier/document.rs", "use automerge::AutoCommit;"),
        (
            "dossier/act.rs",
            "use sync_protocol::ids::DocId;\nuse sync_protocol::time::Millis;\nuse crate::ids::X;",
        ),
        ("dossier/act.rs", "//! [`crate::store`] and `rusqlite::Connection` in a comment"),
        ("dossier/act.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}"),
        ("dossier/paper.rs", "use super::act::FileHash;"),
        ("directory/term.rs", "use crate::clock::civil;\nuse crate::clock::VIETNAM;"),
        (
            "store/writer.rs",
            "use crate::dossier::fold::State;\nuse sync_protocol::entry::Entry;\nuse rusqlite::params;",
        ),
        ("transport/endpoint.rs", "use quinn::Endpoint;\nuse crate::identity::Identity;"),
        ("roles/commune.rs", "use crate::transport::quinn::Line;\nuse crate::desk::Desk;\nuse tokio::task;"),
        ("i18n.rs", "use fluent_bundle::FluentArgs;\nuse crate::refusal::Refusal;"),
        ("lib.rs", "pub mod dossier;"),
    ] {
        assert_eq!(faults_of_a_room(path, text), Vec::<String>::new(), "{path}");
    }
    assert!(faults_of_the_protocol("ids.rs", "use std::fmt;\nuse crate::time::Millis;").is_empty());
    let manifest =
        "[dependencies]\nblake3.workspace = true\n\n[dev-dependencies]\nautomerge.workspace = true";
    assert!(faults_of_a_manifest("sync-protocol", manifest).is_empty());
}
