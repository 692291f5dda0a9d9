//! What people meet when they work with the program without `--json`, in both languages: words, their dates and
//! money, the watermark of sample data, and never a key, a code of ours or a time for machines.

#![allow(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use motcua_node::dossier::act::Kind;
use tempfile::TempDir;

/// A provincial server with the sample directory, whose hosted departments lodge and act here.
struct Office {
    home: TempDir,
    language: &'static str,
}

impl Office {
    fn new(language: &'static str) -> Self {
        let office = Self { home: tempfile::tempdir().unwrap(), language };
        let said =
            office.run(&["province", "init", "--code", "H27", "--name", "Tỉnh thử", "--sample"], "", 0);
        assert!(said.starts_with("*** DỮ LIỆU THỬ ***\n"), "{said}");
        assert!(said.contains("motcua --dir"), "what to do next: {said}");
        office
    }

    /// Both outputs of a command, which must end with `code` and have nothing that is not for people.
    fn run(&self, arguments: &[&str], input: &str, code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_motcua"));
        command.args(arguments).env_clear().env("MOTCUA_LANG", self.language);
        command.env("MOTCUA_DIR", self.home.path().join("office"));
        command.env("MOTCUA_WITNESS", self.home.path().join("witness"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        if arguments != ["directory", "show"] {
            assert_for_people(&said);
        }
        said
    }

    fn act(&self, number: &str, act: &str, code: i32) -> String {
        let line = format!(r#"{{"number":"{number}","officer":"H27.02/02",{act}}}"#);
        self.run(&["dossier", "act", "--from", "-"], &line, code)
    }
}

/// Nothing that only a program reads: keys of texts, values without words, times of JSON, names of acts.
fn assert_for_people(said: &str) {
    assert!(!said.contains("{$") && !said.contains("null"), "{said}");
    for word in said.split(|letter: char| letter.is_whitespace() || "\"(),;:".contains(letter)) {
        let bytes = word.as_bytes();
        let is_json_time = bytes.len() >= 11 && bytes.get(10) == Some(&b'T') && word.starts_with("20");
        assert!(!is_json_time, "{word} in {said}");
        let is_act = word.contains('_') && Kind::by_name(word).is_some();
        assert!(!is_act, "{word} in {said}");
        for family in
            ["done", "show", "status", "kind", "custody", "ladder", "item", "standing", "box", "said"]
        {
            let is_key = word.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
            assert!(!is_key, "{word} in {said}");
        }
    }
}

const DOSSIER: &str = r#"{"request_id":"1","procedure":"2.001611","officer":"H27.02/02","owner":{"kind":"citizen","name":"Nguyễn Văn Thử","id_type":"cccd","id_no":"042090900001","dob":"1990-02-28"},"papers":[{"name":"Tờ khai","kind":"copy","copies":2}]}"#;

#[test]
fn a_dossier_is_worked_on_in_words() {
    for (language, words) in [
        ("vi", ["Mã hồ sơ", "Ngày hẹn trả", "Đang xử lý", "Sở Tư pháp (H27.02)", "Kết thúc xử lý", "2 bản)"]),
        ("en", ["Dossier number", "Due on", "In process", "Sở Tư pháp (H27.02)", "Finish", "2 copies)"]),
    ] {
        let office = Office::new(language);
        let [number_word, due_word, status_word, agency_word, finish_word, copies_word] = words;
        let lodged = office.run(&["dossier", "lodge", "--from", "-"], DOSSIER, 0);
        assert!(lodged.starts_with("*** DỮ LIỆU THỬ ***\n"), "{lodged}");
        assert!(lodged.contains(number_word) && lodged.contains(due_word), "{lodged}");
        assert!(lodged.contains(" đ\n"), "{lodged}");
        let number = lodged.split_whitespace().find(|word| word.starts_with("H27.02-")).unwrap().to_owned();

        let done = office.act(&number, r#""act":"move_step""#, 0);
        assert!(done.contains(status_word) && done.contains(agency_word), "{done}");
        let early = office.act(&number, r#""act":"return_result""#, 2);
        assert!(early.contains(status_word), "{early}");
        office.act(&number, r#""act":"sign""#, 0);
        let finished = office.act(&number, r#""act":"finish","note":"Xong""#, 0);
        assert!(finished.contains(agency_word), "{finished}");
        let again = office.act(&number, r#""act":"finish""#, 2);
        assert!(again.contains(finish_word), "{again}");

        let shown = office.run(&["dossier", "show", &number], "", 0);
        assert!(shown.starts_with("*** DỮ LIỆU THỬ ***\n"), "{shown}");
        for word in
            [agency_word, finish_word, copies_word, "28/02/1990", "[owner.name]: Nguyễn Văn Thử", "Xong"]
        {
            assert!(shown.contains(word), "{word} in {shown}");
        }
        let listed = office.run(&["dossier", "list"], "", 0);
        assert!(listed.starts_with("*** DỮ LIỆU THỬ ***\n") && listed.contains(&number), "{listed}");
        assert!(listed.contains("Nguyễn Văn Thử"), "{listed}");
    }
}

#[test]
fn what_the_province_does_is_said_in_words() {
    for language in ["vi", "en"] {
        let office = Office::new(language);
        let token = ["enrol", "new", "--agency", "H27.101", "--address", "127.0.0.1:4272"];
        let token = office.run(&token, "", 0);
        assert!(token.contains("\nmc1-") && token.contains("(H27.101)"), "{token}");
        for (arguments, code) in [
            (&["enrol", "list"][..], 0),
            (&["quarantine", "list"], 0),
            (&["sync", "status"], 0),
            (&["dossier", "list"], 0),
            (&["verify"], 0),
            (&["rebuild"], 0),
            (&["sync", "now"], 2),
            (&["dossier", "show", "H27.101-260302-0690001"], 2),
            (&["directory", "publish"], 2),
            (&["directory", "check", "no-such-file"], 2),
            (&["dossier", "lodge", "--from", "no-such-file"], 2),
            (&["dossier", "lodge", "--from", "."], 2),
            (&["quarantine", "void", "7"], 2),
            (&["quarantine", "release", "7"], 2),
            (&["quarantine", "release", "--machine", "000102030405060708090a0b0c0d0e0f"], 2),
            (&["quarantine", "refuse", "7", "--why", "sai"], 2),
            (&["enrol", "ban", "000102030405060708090a0b0c0d0e0f", "--why", "mất"], 2),
            (&["enrol", "new", "--agency", "H27.02", "--address", "127.0.0.1:4272"], 2),
            (&["enrol", "new", "--agency", "H27.101", "--address", "nowhere"], 2),
            (&["province", "init", "--code", "H27", "--name", "x", "--sample"], 4),
            (&["serve", "--listen", "192.0.2.1:4272"], 4),
            (&["--dir", "no-such-place", "sync", "status"], 4),
            (&["--dir", "no-such-place", "dossier", "lodge", "--from", "-"], 4),
        ] {
            let said = office.run(arguments, "", code);
            assert!(!said.trim().is_empty(), "{arguments:?}");
            assert!(!said.contains("os error"), "{arguments:?}: {said}");
        }
        let shown = office.run(&["directory", "show"], "", 0);
        assert!(shown.contains("*** DỮ LIỆU THỬ ***"), "the watermark stands beside the file");
    }
}

#[test]
fn the_directory_that_is_shown_can_be_imported_again() {
    let office = Office::new("vi");
    let mut command = Command::new(env!("CARGO_BIN_EXE_motcua"));
    command.env_clear().args(["directory", "show", "--dir"]).arg(office.home.path().join("office"));
    let file = office.home.path().join("file.jsonl");
    std::fs::write(&file, command.output().unwrap().stdout).unwrap();
    office.run(&["directory", "import", file.to_str().unwrap()], "", 0);
    let published =
        office.run(&["directory", "publish", "--effective-at", "2099-03-02T00:00:00+07:00"], "", 0);
    assert!(published.contains("02/03/2099 00:00"), "{published}");
}
