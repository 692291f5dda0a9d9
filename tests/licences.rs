//! Every crate that the program is built from has a licence that `deny.toml` allows, none is banned there, and
//! there is exactly one TLS provider.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use motcua_tests::sources::root;
use serde_json::Value;

/// The crates that can be rustls's provider of cryptography, or another TLS altogether.
const TLS_PROVIDERS: &[&str] =
    &["ring", "aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls", "boring-sys"];

/// The members whose dependencies reach an office.
const PRODUCTS: &[&str] = &["motcua", "motcua-node", "motcua-sync-protocol"];

#[test]
fn every_licence_is_allowed_and_nothing_is_banned() {
    let rules = Rules::read(&fs::read_to_string(root().join("deny.toml")).expect("deny.toml"));
    assert!(
        rules.licences.contains("MIT") && rules.bans.contains("openssl-sys"),
        "deny.toml is not read right"
    );
    let tree = tree(&metadata());
    assert!(tree.len() > 50, "only {} crates found: is the tree read right?", tree.len());
    let mut faults = Vec::new();
    for (name, licence) in &tree {
        if rules.bans.contains(name.as_str()) {
            faults.push(format!("{name} is banned"));
        }
        if !is_allowed(licence, &rules.licences) {
            faults.push(format!("{name}: licence {licence:?} is not allowed"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn ring_is_the_only_tls_provider() {
    let tree = tree(&metadata());
    let found: Vec<&&str> = TLS_PROVIDERS.iter().filter(|name| tree.contains_key(**name)).collect();
    assert_eq!(found, [&"ring"]);
}

#[test]
fn licence_expressions_are_understood() {
    let allowed =
        ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT/GPL-2.0", true),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-3.0-only OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND OpenSSL", false),
        ("MIT AND (GPL-2.0 OR Apache-2.0)", true),
        ("GPL-2.0 OR MIT AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT WITH Nonsense", false),
        ("", false),
        ("MIT OR", false),
        ("(MIT", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn a_crate_is_found_below_products_and_not_below_tests() {
    let edge = |to: &str, kind: Value| serde_json::json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
    let node = |id: &str, deps: Vec<Value>| serde_json::json!({ "id": id, "deps": deps });
    let package = |name: &str| serde_json::json!({ "id": name, "name": name, "license": "MIT" });
    let packages = ["motcua", "motcua-tests", "a", "b", "c", "d"].map(package);
    let metadata = serde_json::json!({
        "packages": packages,
        "resolve": { "nodes": [
            node("motcua", vec![edge("a", Value::Null), edge("c", "dev".into())]),
            node("a", vec![edge("b", "build".into())]),
            node("b", vec![]),
            node("c", vec![]),
            node("motcua-tests", vec![edge("d", Value::Null)]),
            node("d", vec![]),
        ] },
    });
    let tree: Vec<String> = tree(&metadata).into_keys().collect();
    assert_eq!(tree, ["a", "b", "motcua"]);
}

/// What `deny.toml` says, as far as it is checked here.
struct Rules {
    licences: BTreeSet<String>,
    bans: BTreeSet<String>,
}

impl Rules {
    /// Reads the forms that our `deny.toml` uses: one licence per line below `allow = [`, and
    /// `{ crate = "…", … }` lines.
    fn read(text: &str) -> Self {
        let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
        let lines = || text.lines().map(str::trim);
        let licences = lines()
            .skip_while(|line| *line != "allow = [")
            .skip(1)
            .take_while(|line| *line != "]")
            .filter_map(quoted)
            .collect();
        let bans = lines().filter(|line| line.starts_with("{ crate = ")).filter_map(quoted).collect();
        Self { licences, bans }
    }
}

/// The workspace's metadata, without the network where the registry's files are here.
fn metadata() -> Value {
    let run = |offline: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(offline)
            .current_dir(root())
            .output()
            .expect("cargo runs")
    };
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        output = run(&[]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

/// The name and licence of each crate that a product is built from, on any platform.
fn tree(metadata: &Value) -> BTreeMap<String, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let is_product = |package: &Value| PRODUCTS.contains(&text(&package["name"]).as_str());
    let mut to_visit: Vec<String> =
        packages.iter().filter(|(_, package)| is_product(package)).map(|(id, _)| id.clone()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = to_visit.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for edge in list(&nodes[&id]["deps"]) {
            if list(&edge["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev") {
                to_visit.push(text(&edge["pkg"]));
            }
        }
    }
    seen.iter().map(|id| (text(&packages[id]["name"]), text(&packages[id]["license"]))).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences; `/` is the old way to write OR.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, allowed).is_some_and(|holds| holds && rest.is_empty())
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut holds = all(rest, allowed)?;
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        holds |= all(rest, allowed)?;
    }
    Some(holds)
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut holds = one(rest, allowed)?;
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        holds &= one(rest, allowed)?;
    }
    Some(holds)
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let holds = any(rest, allowed)?;
            let [")", after @ ..] = *rest else { return None };
            *rest = after;
            Some(holds)
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            Some(allowed.contains(&format!("{licence} WITH {exception}")))
        }
        ["OR" | "AND" | "WITH" | ")", ..] | [] => None,
        [licence, after @ ..] => {
            *rest = after;
            Some(allowed.contains(*licence))
        }
    }
}
