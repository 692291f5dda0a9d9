//! The program as scripts meet it: exit codes, what stands on which output, languages.

#![allow(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

fn motcua(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_motcua"));
    command.args(arguments).env_clear();
    command
}

fn run(arguments: &[&str]) -> Output {
    motcua(arguments).output().unwrap()
}

#[test]
fn a_wrong_line_ends_with_2_and_an_error_value() {
    for (arguments, code) in [
        (&["--json"][..], "usage-no-command"),
        (&["verify", "--fast", "--json"], "usage-unknown-argument"),
        (&["--json", "dossier", "list", "--status", "11"], "usage-value"),
        (&["--json", "scan", "list"], "not-in-this-version"),
        (&["--json", "backup", "create", "--out", "f"], "dir-missing"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&value["v"], &value["error"]["code"]),
            (&Value::from(1), &Value::from(code)),
            "{arguments:?}"
        );
        for key in ["message", "field", "rule", "next"] {
            assert!(value["error"].get(key).is_some(), "{arguments:?}: {key}");
        }
    }
}

#[test]
fn people_are_told_on_standard_error_in_their_language() {
    for (arguments, language, expected) in [
        (&["scan", "list"][..], None, "Phiên bản này chưa có"),
        (&["scan", "list"], Some("en"), "is not in this version"),
        (&["scan", "list", "--lang", "en"], Some("vi"), "is not in this version"),
        (&["bundle", "nonsense", "--lang=en"], None, "There is no command"),
    ] {
        let mut command = motcua(arguments);
        command.envs(language.map(|language| ("MOTCUA_LANG", language)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}

#[test]
fn help_of_acts_is_the_table_also_as_json() {
    let output = run(&["dossier", "acts", "--help", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let acts = value["acts"].as_array().unwrap();
    assert_eq!(acts.len(), motcua_node::dossier::act::Kind::ALL.len());
    let text = run(&["dossier", "acts", "--help"]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("return_result"));
}

#[test]
fn nobody_reading_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = motcua(&["dossier", "acts"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
