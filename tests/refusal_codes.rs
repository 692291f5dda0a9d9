//! Every code with which the program refuses something, and every key of a text, has its text in both
//! languages.
//!
//! Codes reach a refusal by many ways: directly, through a closure, as a method's answer. So this looks at the
//! words themselves: whatever is written `"like-this"` in the sources is taken for a code.

#![allow(clippy::expect_used, reason = "a helper that fails must fail its test")]

use std::fs;

use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_tests::sources::product_code;
use motcua_tests::sources::product_files;
use motcua_tests::sources::root;

/// Words of that form that nobody reads as a message, with what they are.
const NOT_CODES: &[(&str, &str)] = &[
    ("store-writer", "a thread"),
    ("store-witness", "a thread"),
    ("yes-no", "the name of a form in a message"),
    ("control-request", "a thread"),
    ("desk-number-day", "a value of the store"),
    ("directory-draft", "a value of the store"),
    ("province-addresses", "a value of the store"),
    ("scrubbed-at", "a value of the store"),
    ("province-name", "a value of the store"),
    ("directory-publish", "what a row of the audit says"),
    ("series-margin", "a value of the store"),
    ("feed-begun-anew", "a value of the store"),
    ("enrol-readmit", "what a row of the audit says"),
    ("enrol-new", "what a row of the audit says"),
    ("enrol-ban", "what a row of the audit says"),
    ("condition-dismiss", "what a row of the audit says"),
    ("log-reissue", "what a row of the audit says"),
    ("quarantine-refuse", "what a row of the audit says"),
    ("work-refused", "a condition, and what a row of the audit says"),
    ("restore-grant", "what a row of the audit says"),
    ("bundle-export", "what a row of the audit says"),
    ("bundle-import", "what a row of the audit says"),
    ("province-keys", "a value of the store"),
    ("quarantine-release", "what a row of the audit says"),
    ("quarantine-void", "what a row of the audit says"),
];

#[test]
fn every_code_in_the_sources_has_its_text_in_both_languages() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in ["node/src", "cli/src"].iter().flat_map(|folder| product_files(&root().join(folder))) {
        let text = fs::read_to_string(&file).expect("readable source");
        for code in codes(&text) {
            seen += 1;
            for language in Language::ALL.into_iter().filter(|language| !i18n::has(*language, &code)) {
                missing.push(format!("{}: {code} has no text in {}", file.display(), language.code()));
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
    assert!(seen > 0, "no code found at all: does the search still know what a code looks like?");
}

#[test]
fn codes_are_found_wherever_they_stand_and_not_in_tests_or_comments() {
    let text = r#"
        return Err(Refusal::new("act-not-holder").with("holder", seat));
        Err(refusal::Refusal::of_field(
            "line-no-procedure",
            "procedure",
        ))
        let refuse = |code| Refusal::new(code); refuse("store-locked")
        // Refusal::new("only-a-comment")
        let not = ["Capital-letter", "with-digit-1", "two words-here", "-x", "x-", "tt-03-2025", "plain"];
#[cfg(test)]
mod tests { fn f() { Refusal::new("only-a-test"); } }
    "#;
    assert_eq!(codes(text), ["act-not-holder", "line-no-procedure", "store-locked"]);
}

/// The words in quotation marks in a source's product code that look like codes: small letters and hyphens.
fn codes(text: &str) -> Vec<String> {
    let text = product_code(text);
    text.lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|word| word.contains('-') && word.split('-').all(is_small_letters))
        .filter(|word| NOT_CODES.iter().all(|(not, _)| not != word))
        .map(str::to_owned)
        .collect()
}

fn is_small_letters(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase())
}
