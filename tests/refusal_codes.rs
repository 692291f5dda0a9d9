//! Every code with which the program refuses something has its text in both languages.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use std::fs;

use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_tests::sources::product_code;
use motcua_tests::sources::root;
use motcua_tests::sources::rust_files;

/// What stands before a code in the sources.
const BEFORE_A_CODE: &[&str] = &["Refusal::new(", "Refusal::of_field(", "Failure::new(", "Standing::Void("];

#[test]
fn every_code_in_the_sources_has_its_text_in_both_languages() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in ["node/src", "cli/src"].iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let text = fs::read_to_string(&file).expect("readable source");
        for code in codes(&text) {
            seen += 1;
            for language in Language::ALL {
                if !i18n::has(language, &code) {
                    missing.push(format!("{}: {code} has no text in {}", file.display(), language.code()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
    assert!(seen > 0, "no code found at all: does the search still know how a refusal is made?");
}

#[test]
fn codes_are_found_wherever_the_line_is_broken_and_not_in_tests_or_comments() {
    let text = r#"
        return Err(Refusal::new("act-not-holder").with("holder", seat));
        Err(refusal::Refusal::of_field(
            "line-no-procedure",
            "procedure",
        ))
        // Refusal::new("only-a-comment")
        Refusal::new(self.code())
#[cfg(test)]
mod tests { fn f() { Refusal::new("only-a-test"); } }
    "#;
    assert_eq!(codes(text), ["act-not-holder", "line-no-procedure"]);
}

/// The codes that stand as literals in a source's product code.
fn codes(text: &str) -> Vec<String> {
    let text = product_code(text);
    let mut found: Vec<(usize, String)> = BEFORE_A_CODE
        .iter()
        .flat_map(|before| text.match_indices(before))
        .filter_map(|(at, before)| {
            let literal = text[at + before.len()..].trim_start().strip_prefix('"')?;
            Some((at, literal.split('"').next()?.to_owned()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, code)| code).collect()
}
