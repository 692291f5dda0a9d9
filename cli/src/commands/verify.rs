//! `motcua verify`: recomputes chains, digests and views and compares.

use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use motcua_node::roles::store_failure;
use motcua_node::store::View;
use serde_json::Value;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::said_as_text;
use crate::office;

/// Runs the command.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let reader = office::reader(context.dir()?)?;
    let role = reader.identity().map_err(store_failure)?.role;
    let read = |view: &View<'_>| Ok((view.verify(role)?, view.reissued_count()?));
    let (findings, reissued) = reader.read(read).map_err(store_failure)?;
    let said: Vec<(Refusal, Value)> = findings
        .iter()
        .map(|finding| {
            let refusal = finding
                .args
                .iter()
                .fold(Refusal::new(finding.code), |refusal, (name, value)| refusal.with(name, value));
            let spoken = i18n::say(output.language, &refusal);
            let value = json!({ "code": finding.code, "message": spoken.message, "next": spoken.next });
            (refusal, value)
        })
        .collect();
    let listed: Vec<Value> = said.iter().map(|(_, value)| value.clone()).collect();
    output.result(json!({ "findings": listed, "reissued": reissued }), || {
        let again =
            (reissued > 0).then(|| output.text("done-verify-reissued", &[("count", &reissued.to_string())]));
        if said.is_empty() {
            let clean = output.text("done-verify-clean", &[]);
            return [Some(clean), again].into_iter().flatten().collect::<Vec<_>>().join("\n");
        }
        let count = said.len().to_string();
        let mut lines = vec![output.text("done-verify-findings", &[("count", &count)])];
        lines.extend(said.iter().map(|(refusal, _)| said_as_text(output.language, refusal)));
        lines.extend(again);
        lines.join("\n")
    })?;
    Ok(if findings.is_empty() { Exit::Done } else { Exit::Findings })
}

#[cfg(test)]
mod tests {
    use motcua_node::i18n::Language;

    use super::*;

    #[test]
    fn every_finding_is_said_with_its_values_and_what_to_do() {
        for (code, args) in [
            ("verify-file", vec!["what"]),
            ("verify-chain", vec!["log", "lsn"]),
            ("verify-body", vec!["log", "lsn"]),
            ("verify-feed-gap", vec!["seat"]),
            ("verify-feed-digest", vec!["seat"]),
            ("verify-feed-missing", vec!["doc", "seat"]),
            ("verify-view", vec!["doc"]),
            ("verify-reissue", vec!["doc", "change"]),
            ("verify-number-twice", vec!["number"]),
            ("verify-number-above-counter", vec!["number"]),
        ] {
            let finding = args.iter().fold(Refusal::new(code), |finding, name| finding.with(name, "7"));
            for language in Language::ALL {
                let said = i18n::say(language, &finding);
                assert!(!said.message.contains('{') && said.message != code, "{}", said.message);
                assert!(said.next.is_some_and(|next| !next.contains('{')), "{code}");
            }
        }
    }
}
