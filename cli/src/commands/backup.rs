//! `motcua backup`: copies for the bad day.

use std::path::Path;

use motcua_node::bundle::backup;
use motcua_node::bundle::backup::Stage;
use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::control;
use motcua_node::control::Command;
use motcua_node::control::Request;
use motcua_node::i18n;
use motcua_node::identity::MachineIdentity;
use motcua_node::refusal::Refusal;
use motcua_node::roles::backup as roles;
use motcua_node::roles::backup::By;
use motcua_node::roles::identity_failure;
use motcua_node::roles::stick::bundle_failure;
use motcua_node::store::SystemRandom;
use motcua_node::store::verify::Finding;
use serde_json::Value;
use serde_json::json;

use crate::args::Backup;
use crate::args::BackupFile;
use crate::args::BackupRestore;
use crate::commands::Context;
use crate::commands::bundle::absolute;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::said_as_text;
use crate::office;
use crate::office::witness_of;
use crate::output::Output;
use crate::people;

/// Less than this is done before anybody reads of it.
const TOLD_FROM_BYTES: u64 = 32 * 1024 * 1024;
/// Between two lines of progress.
const TOLD_PERCENT: u64 = 10;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Backup) -> Result<Exit, Failure> {
    match command {
        Backup::Create(args) => create(context, &args.out),
        Backup::Restore(args) => restore(context, args),
        Backup::Verify(args) => verify(context, args),
    }
}

fn create(context: &Context, out: &Path) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    let reader = office::reader(dir)?;
    let identity = MachineIdentity::load(dir).map_err(identity_failure)?;
    let now = SystemClock::new().wall();
    let mut progress = Progress::new(&context.output);
    let mut told = |stage, done, all| progress.told(stage, done, all);
    let value = backup::create(dir, &reader, &identity, &SystemRandom, now, &absolute(out)?, &mut told)
        .map_err(bundle_failure)?;
    let mut lines = vec![says(context, "done-backup-create", &value)];
    for part in value["parts"].as_array().into_iter().flatten() {
        let (file, bytes) = (people::word(&part["file"]), part["bytes"].to_string());
        lines.push(format!("  {}", context.output.text("bundle-part", &[("file", file), ("bytes", &bytes)])));
    }
    if value["is_for_province"] == false {
        lines.push(context.output.text("backup-only-own-keys", &[]));
    }
    context.output.result(value, || lines.join("\n"))?;
    Ok(Exit::Done)
}

fn verify(context: &Context, args: &BackupFile) -> Result<Exit, Failure> {
    let file = absolute(&args.file)?;
    let outside = backup::outside(&file).map_err(bundle_failure)?;
    let mut value = outside.to_json();
    let mut checked = vec!["parts", "signatures"];
    // Whoever only keeps it in a safe can check it without a key.
    let keys = args.keys.as_deref().or_else(|| context.dir().ok());
    let identity = match (keys.map(MachineIdentity::load), &args.keys) {
        (Some(Ok(identity)), _) => Some(identity),
        (Some(Err(error)), Some(_)) => return Err(identity_failure(error).into()),
        (Some(Err(_)) | None, _) => None,
    };
    let is_reader =
        |identity: &MachineIdentity| outside.header.to.iter().any(|to| to.machine == identity.node());
    let looked = match (identity.filter(is_reader), keys) {
        (Some(identity), Some(place)) => {
            let mut progress = Progress::new(&context.output);
            let mut told = |stage, done, all| progress.told(stage, done, all);
            let now = SystemClock::new().wall();
            let looked = backup::look_inside(&file, identity.keys(), place, now, &mut told);
            checked.extend(["content", "database"]);
            Some(looked.map_err(bundle_failure)?)
        }
        (Some(_) | None, _) if args.keys.is_some() => {
            let refusal = Refusal::of_field("bundle-other-machine", "--keys");
            return Err(refusal.with("path", file.display()).into());
        }
        (Some(_) | None, _) => None,
    };
    let findings = looked.as_ref().map_or(&[][..], |looked| &looked.findings);
    let is_clean = findings.is_empty();
    if let (Value::Object(map), Some(looked)) = (&mut value, &looked)
        && let Value::Object(inside) = looked.manifest.to_json()
    {
        map.extend(inside);
    }
    let said = said_findings(&context.output, findings);
    if let Value::Object(map) = &mut value {
        map.insert("checked".to_owned(), checked.into());
        map.insert("is_open".to_owned(), looked.is_some().into());
        map.insert("findings".to_owned(), findings_json(&context.output, findings));
    }
    let mut lines = vec![match &looked {
        None => says(context, "done-backup-verify-outside", &value),
        Some(_) => says(context, "done-backup-verify", &value),
    }];
    lines.extend(said);
    context.output.result(value, || lines.join("\n"))?;
    Ok(if is_clean { Exit::Done } else { Exit::Findings })
}

fn restore(context: &Context, args: &BackupRestore) -> Result<Exit, Failure> {
    let dir = context.dir()?;
    if control::call(dir, &Request::new(Command::SyncState), std::io::empty(), |_| {}).is_some() {
        return Err(Failure::machine(Refusal::new("office-served")));
    }
    let (dir, file) = (absolute(dir)?, absolute(&args.file)?);
    if let Some(out) = &args.request {
        return request(context, &dir, &file, out);
    }
    let by = match (&args.grant, &args.keys) {
        (Some(grant), _) => By::Grant(grant),
        (None, Some(keys)) => By::Keys(keys),
        (None, None) => By::Own,
    };
    let mut progress = Progress::new(&context.output);
    let mut told = |stage, done, all| progress.told(stage, done, all);
    let restored = roles::restore(&file, &dir, by, witness_of(context), &mut told)?;
    let mut value = restored.to_json();
    let mut lines = vec![says(context, "done-backup-restore", &value)];
    if !restored.given.is_empty() {
        lines.push(context.output.text("backup-new-series", &[("series", &restored.given.join(", "))]));
    } else if !restored.has_witness {
        lines.push(context.output.text("backup-no-series", &[]));
    }
    lines.extend(said_findings(&context.output, &restored.findings));
    if let Value::Object(map) = &mut value {
        map.insert("findings".to_owned(), findings_json(&context.output, &restored.findings));
    }
    context.output.result(value, || lines.join("\n"))?;
    Ok(if restored.findings.is_empty() { Exit::Done } else { Exit::Findings })
}

fn request(context: &Context, dir: &Path, file: &Path, out: &Path) -> Result<Exit, Failure> {
    let value = roles::request(file, dir, &absolute(out)?, &SystemRandom, &SystemClock::new())?;
    let text = says(context, "done-backup-request", &value);
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

fn says(context: &Context, key: &str, value: &Value) -> String {
    let word = |key: &str| people::word(&value[key]).to_owned();
    let at = people::time(&value["at"]);
    let args = [
        ("at", at.as_str()),
        ("node", &word("node")),
        ("agency", &word("agency")),
        ("code", &word("code")),
        ("request", &word("request")),
        ("position", &value["position"].to_string()),
    ];
    context.output.text(key, &args)
}

fn refusal_of(finding: &Finding) -> Refusal {
    finding.args.iter().fold(Refusal::new(finding.code), |refusal, (name, value)| refusal.with(name, value))
}

fn said_findings(output: &Output, findings: &[Finding]) -> Vec<String> {
    let count = findings.len().to_string();
    let first = (!findings.is_empty()).then(|| output.text("backup-findings", &[("count", &count)]));
    let each = findings.iter().map(|finding| said_as_text(output.language, &refusal_of(finding)));
    first.into_iter().chain(each).collect()
}

fn findings_json(output: &Output, findings: &[Finding]) -> Value {
    let said = |finding: &Finding| {
        let spoken = i18n::say(output.language, &refusal_of(finding));
        json!({ "code": finding.code, "message": spoken.message, "next": spoken.next })
    };
    findings.iter().map(said).collect()
}

/// Says how far long work is, every ten percent.
struct Progress<'o> {
    output: &'o Output,
    last: Option<(Stage, u64)>,
}

impl<'o> Progress<'o> {
    const fn new(output: &'o Output) -> Self {
        Self { output, last: None }
    }

    fn told(&mut self, stage: Stage, done: u64, all: u64) {
        let Some(percent) = self.due(stage, done, all) else { return };
        let key = match stage {
            Stage::Copying => "backup-copying",
            Stage::Writing => "backup-writing",
            Stage::Reading => "backup-reading",
        };
        self.output.note(&self.output.text(key, &[("percent", &percent.to_string())]));
    }

    /// The percentage to say now, if any.
    fn due(&mut self, stage: Stage, done: u64, all: u64) -> Option<u64> {
        if all < TOLD_FROM_BYTES {
            return None;
        }
        let percent = done.saturating_mul(100) / all / TOLD_PERCENT * TOLD_PERCENT;
        if self.last == Some((stage, percent)) {
            return None;
        }
        self.last = Some((stage, percent));
        Some(percent)
    }
}

#[cfg(test)]
mod tests {
    use motcua_node::i18n::Language;

    use super::*;

    #[test]
    fn long_work_says_how_far_it_is_every_ten_percent_and_short_work_nothing() {
        let output = Output::new(Language::En, false);
        let mut progress = Progress::new(&output);
        let all = 100 * TOLD_FROM_BYTES;
        let said: Vec<u64> =
            (0..=100).filter_map(|n| progress.due(Stage::Writing, n * TOLD_FROM_BYTES, all)).collect();
        assert_eq!(said, (0..=10).map(|n| n * 10).collect::<Vec<_>>());
        assert_eq!(progress.due(Stage::Reading, all, all), Some(100), "each stage by itself");
        assert_eq!(progress.due(Stage::Copying, 7, TOLD_FROM_BYTES - 1), None);
    }
}
