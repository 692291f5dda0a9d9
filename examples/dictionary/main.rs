//! Trains the dictionary for small batches, and shows what it saves on text that it has not seen:
//!
//! ```sh
//! cargo run -p motcua-examples --example dictionary -- train --out batch.zdict
//! cargo run -p motcua-examples --example dictionary -- measure --ops w.jsonl
//! cargo run -p motcua-examples --example dictionary -- measure
//! ```
//!
//! What is trained is a new dictionary: it gets the next number in `sync-protocol/dictionaries/` and
//! `sync_protocol::dictionary`, and the ones before it stay. `measure` shows what the program's newest does to batches of
//! the workload generator's file, or without one to those of the sample directory's procedures.

mod unseen;
mod words;
mod work;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use sync_protocol::context::Context;
use sync_protocol::dictionary::NEWEST;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::body_hash;
use sync_protocol::frame::Changes;
use sync_protocol::frame::Feed;
use sync_protocol::frame::Frame;
use sync_protocol::frame::FrameKind;
use sync_protocol::frame::Packing;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::Signature;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;

const USAGE: &str = "usage: dictionary train --out FILE [--bytes N] [--seed N]
       dictionary measure [--ops FILE]";

/// How large the dictionary is unless it is said.
const BYTES_DEFAULT: usize = 16 * 1024;
/// How many entries the batches have that it is trained on, by turns: a live line brings one, an hour without one
/// twenty. Every entry stands in one of them only: what occurs once must not look as if it were usual.
const SIZES: &[usize] = &[1, 1, 2, 1, 3, 1, 5, 1, 8, 1, 1, 13, 1, 2, 20];
/// How many entries batches have that are measured.
const MEASURED: &[usize] = &[1, 2, 5, 10, 20, 50, 200];
/// What a batch that it is trained on may have at most: larger ones find in themselves what they need.
const SAMPLE_BYTES_MAX: usize = 16 * 1024;
const ROUNDS: usize = 40;
const A_ROUND: usize = 60;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("train") => train(&arguments),
        Some("measure") => measure(&arguments),
        Some(_) | None => Err(USAGE.into()),
    };
    match done {
        Ok(said) => say(&said, ExitCode::SUCCESS),
        Err(error) => say(&format!("dictionary: {error}"), ExitCode::from(2)),
    }
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The value after an option's name.
fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().skip_while(|argument| *argument != name).nth(1).map(String::as_str)
}

fn train(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let out = option(arguments, "--out").ok_or(USAGE)?;
    let bytes_max = option(arguments, "--bytes").map_or(Ok(BYTES_DEFAULT), str::parse)?;
    let seed = option(arguments, "--seed").map_or(Ok(1), str::parse)?;
    let place = tempfile::tempdir()?;
    let logs = work::entries(place.path(), seed, ROUNDS, A_ROUND)?;
    let entries: usize = logs.iter().map(Vec::len).sum();
    let samples: Vec<Vec<u8>> = logs
        .iter()
        .flat_map(|log| batches(log, SIZES))
        .filter_map(|frame| frame.columns())
        .map(|content| content.bytes)
        .filter(|content| content.len() <= SAMPLE_BYTES_MAX)
        .collect();
    let dictionary = zstd::dict::from_samples(&samples, bytes_max)?;
    std::fs::write(out, &dictionary)?;
    let (count, hash) = (samples.len(), body_hash(&dictionary));
    Ok(format!("{out}: {} bytes of {count} batches of {entries} entries; BLAKE3 {hash}", dictionary.len()))
}

/// What batches take when each goes out in one session with all before it of its kind.
fn in_one_session(frames: &[Frame]) -> Result<usize, Box<dyn Error>> {
    let (mut up, mut down) = (Context::default(), Context::default());
    let packing = Packing { dictionary: NEWEST, ..Packing::default() };
    let mut sum = 0;
    for frame in frames {
        let context = if frame.kind() == FrameKind::Changes { &mut up } else { &mut down };
        sum += frame.encode_after(packing, context)?.bytes.len();
    }
    Ok(sum)
}

/// The batches that a log makes, so many entries in each by turns: as its machine sends them, and as others get them.
fn batches(log: &[Entry], sizes: &[usize]) -> Vec<Frame> {
    let (mut frames, mut rest) = (Vec::new(), log);
    for (number, size) in sizes.iter().cycle().enumerate() {
        if rest.is_empty() {
            break;
        }
        let (some, later) = rest.split_at(rest.len().min(*size));
        rest = later;
        let Some(run) = EntryRun::new(some.to_vec()) else { continue };
        let [chain, first, second] = [1u8, 2, 3].map(|byte| {
            let ids: Vec<u8> = some.iter().flat_map(|entry| entry.hash.as_bytes().iter().copied()).collect();
            body_hash(&[&[byte], &ids[..]].concat())
        });
        if number % 3 == 2 {
            let feed = FeedId(first.0.first_chunk().copied().unwrap_or_default());
            let at = 1 + number as u64 * 31;
            let runs = vec![FeedRun::Bytes(run)];
            frames.push(Frame::Feed(Feed {
                feed,
                first_position: at,
                runs,
                end_digest: Digest(second.0),
                head_position: at + 3,
            }));
        } else {
            let mut signature = [0; 64];
            signature.iter_mut().zip(first.0.iter().chain(&second.0)).for_each(|(to, from)| *to = *from);
            let (chain, signature) = (sync_protocol::ids::Hash(chain.0), Signature(signature));
            frames.push(Frame::Changes(Changes { runs: vec![ChangeRun { run, chain, signature }] }));
        }
    }
    frames
}

fn measure(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let log = match option(arguments, "--ops") {
        Some(path) => unseen::of_workload(place.path(), path)?,
        None => unseen::of_sample(place.path())?,
    };
    let clock = SystemClock::new();
    let mut lines =
        vec![format!("{} entries; zstd's level / dictionary: mean size, mean time to pack", log.len())];
    for size in MEASURED {
        let frames = batches(&log, &[*size]);
        let count = frames.len().max(1);
        let mut sizes = Vec::new();
        for (level, dictionary) in [(3, 0), (9, 0), (19, 0), (3, NEWEST), (9, NEWEST), (19, NEWEST)] {
            let started_ms = clock.monotonic_ms();
            let mut sum = 0;
            for frame in &frames {
                sum += frame.encode_as(Packing { level, dictionary })?.bytes.len();
            }
            let took_ms = clock.monotonic_ms().saturating_sub(started_ms);
            let took_us = took_ms * 1000 / count as u64;
            sizes.push(format!("{level:2}/{dictionary}: {:6} B {took_us:6} us", sum / count));
        }
        sizes.push(format!("live: {:6} B", in_one_session(&frames)? / count));
        lines.push(format!("batches of {size:3}: {}", sizes.join("  ")));
    }
    Ok(lines.join("\n"))
}
