//! Turns the workload generator's file into ours, so that programs can be measured on the same work:
//!
//! ```sh
//! cargo run -p motcua-examples --example workload -- directory --ops w.jsonl --out directory.jsonl
//! cargo run -p motcua-examples --example workload -- lodge --ops w.jsonl --out lodge.jsonl
//! motcua --dir xa --json dossier lodge --historic --from lodge.jsonl >lodged.jsonl
//! cargo run -p motcua-examples --example workload -- acts --ops w.jsonl --lodged lodged.jsonl --out acts.jsonl
//! motcua --dir xa --json dossier act --historic --from acts.jsonl
//! ```

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Write;
use std::process::ExitCode;

use motcua_node::workload;
use serde_json::Value;

const USAGE: &str = "usage: workload directory|lodge --ops FILE --out FILE
       workload acts --ops FILE --lodged FILE --out FILE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(said) => say(&said, ExitCode::SUCCESS),
        Err(error) => say(&format!("workload: {error}"), ExitCode::from(2)),
    }
}

fn run(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let operations = workload::operations(open(&option(arguments, "--ops")?)?)?;
    let (lines, left_out) = match arguments.first().map(String::as_str) {
        Some("directory") => (workload::directory(&operations), 0),
        Some("lodge") => (workload::lodgings(&operations), 0),
        Some("acts") => workload::acts(&operations, open(&option(arguments, "--lodged")?)?)?,
        Some(_) | None => return Err(USAGE.into()),
    };
    let out = option(arguments, "--out")?;
    write(&out, &lines)?;
    Ok(format!("{out}: {} lines; {left_out} events of refused dossiers left out", lines.len()))
}

/// The value after an option's name.
fn option(arguments: &[String], name: &str) -> Result<String, Box<dyn Error>> {
    let value = arguments.iter().skip_while(|argument| *argument != name).nth(1);
    value.cloned().ok_or_else(|| format!("{name} is missing\n{USAGE}").into())
}

fn open(path: &str) -> Result<BufReader<File>, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(BufReader::new(file))
}

fn write(path: &str, lines: &[Value]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path).map_err(|error| format!("{path}: {error}"))?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.flush()?;
    Ok(())
}

fn say(text: &str, exit: ExitCode) -> ExitCode {
    writeln!(std::io::stderr(), "{text}").ok();
    exit
}
