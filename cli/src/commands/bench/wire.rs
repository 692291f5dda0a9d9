//! `motcua bench wire`: what reconciliation takes on the line, on the workload of the bench.
//!
//! A province and an office in temporary directories, with real desks, stores and sessions; messages are handed
//! over in memory. Bytes are those of frame messages, without TLS, QUIC or UDP. Provincial items (the directory)
//! are counted apart.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::path::Path;

use automerge::AutomergeError;
use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::directory::Directory;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::ids::AgencyCode;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::roles::beside;
use motcua_node::roles::beside::Ended;
use motcua_node::roles::beside::Way;
use motcua_node::roles::province;
use motcua_node::roles::store_failure;
use motcua_node::store::StoreError;
use motcua_node::workload;
use motcua_node::workload::Operation;
use motcua_node::workload::Work;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use sync_protocol::context::Context as BatchContext;
use sync_protocol::dictionary;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::Frame;
use sync_protocol::frame::FrameKind;
use sync_protocol::frame::Message;
use sync_protocol::frame::Packing;
use sync_protocol::ids::DocId;
use sync_protocol::run::FeedRun;

use crate::args::BenchWire;
use crate::commands::Context;
use crate::commands::bench::peers::Documents;
use crate::commands::bench::peers::Synced;
use crate::commands::bench::peers::automerge_sync;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::output::Output;

/// The level of zstd's that a thin line would ask for.
const LEVEL_THIN: i32 = 19;
/// Lines that are decided at once, so that many share a commit.
const LINES_AT_ONCE: usize = 64;
/// Acts of the province on a day (S3).
const PROVINCE_ACTS: usize = 20;
/// How often packing is repeated, so that a clock of milliseconds can time it.
const PACKS: u32 = 10;
/// How much is read of a log at once.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Window of zstd for the operations: the whole file.
const OPS_WINDOW_LOG: u32 = 27;
/// The officer who acts for the province.
const PROVINCE_OFFICER: &str = "LD";

/// A session and all that was handed over in it.
#[derive(Debug)]
struct Exchange {
    ended: Ended,
    up: Vec<Message>,
    down: Vec<Message>,
}

/// What a session hands over, in a file: in memory it would be counted with what the session takes.
#[derive(Debug)]
struct Spool {
    file: BufWriter<File>,
    messages: Vec<(Way, FrameKind, usize)>,
    failure: Option<std::io::Error>,
}

impl Spool {
    fn new() -> std::io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), messages: Vec::new(), failure: None })
    }

    fn see(&mut self, way: Way, message: &Message) {
        self.messages.push((way, message.kind, message.bytes.len()));
        self.failure = self.failure.take().or(self.file.write_all(&message.bytes).err());
    }

    fn read(self, ended: Ended) -> std::io::Result<Exchange> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let mut file = self.file.into_inner()?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::new(file);
        let mut exchange = Exchange { ended, up: Vec::new(), down: Vec::new() };
        for (way, kind, size_bytes) in self.messages {
            let mut bytes = vec![0; size_bytes];
            file.read_exact(&mut bytes)?;
            match way {
                Way::Up => exchange.up.push(Message { kind, bytes }),
                Way::Down => exchange.down.push(Message { kind, bytes }),
            }
        }
        Ok(exchange)
    }
}

/// Runs the command.
pub(crate) fn run(context: &Context, args: &BenchWire) -> Result<Exit, Failure> {
    let place = tempfile::tempdir()
        .map_err(|error| Failure::machine(Refusal::new("demo-no-place").with("cause", error)))?;
    let value = Bench::open(context, place.path(), args)?.run(args)?;
    context.output.result(value.clone(), || table(&context.output, &value))?;
    Ok(Exit::Done)
}

/// The figures as people read them: a line per scenario, then what one of them has more.
fn table(output: &Output, value: &Value) -> String {
    let number = |row: &Value, key: &str| row.get(key).and_then(Value::as_f64);
    let shown = |number: Option<f64>, divisor: f64, digits: usize| {
        number.map_or_else(|| "–".to_owned(), |number| format!("{:.digits$}", number / divisor))
    };
    let columns = ["up", "down", "sum", "thin", "trips", "seconds", "memory", "automerge", "zstd"];
    let mut rows = vec![columns.map(|column| output.text(&format!("bench-column-{column}"), &[])).to_vec()];
    let mut names = vec![String::new()];
    for scenario in SCENARIOS {
        let Some(row) = value.get(scenario) else { continue };
        let kilobytes = |key| shown(number(row, key), 1000.0, 1);
        names.push(output.text(&format!("bench-{scenario}"), &[]));
        rows.push(vec![
            kilobytes("up_bytes"),
            kilobytes("down_bytes"),
            kilobytes("bytes"),
            kilobytes("bytes_thin"),
            shown(number(row, "round_trips"), 1.0, 0),
            shown(number(row, "ms"), 1000.0, 2),
            shown(number(row, "session_memory_kb"), 1024.0, 0),
            shown(number(row, "times_smaller_than_automerge"), 1.0, 1),
            shown(number(row, "times_smaller_than_ops_zstd19"), 1.0, 2),
        ]);
    }
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = names
        .iter()
        .zip(&rows)
        .map(|(name, row)| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
            format!("{name:<name_width$}  {}", cells.collect::<Vec<_>>().join("  "))
        })
        .collect();
    let of = |scenario: &str, key: &str| value.get(scenario).and_then(|row| number(row, key));
    let pack = of("s1", "pack_ms").zip(of("s1", "unpack_ms"));
    let first = of("s4", "first_open_dossier_bytes").zip(of("s4", "bytes"));
    lines.push(String::new());
    for (key, values) in [
        ("bench-dossiers", vec![shown(of("s1", "dossiers"), 1.0, 0), shown(of("s1", "entries"), 1.0, 0)]),
        (
            "bench-packing",
            vec![shown(pack.map(|(pack, _)| pack), 1.0, 1), shown(pack.map(|(_, unpack)| unpack), 1.0, 1)],
        ),
        ("bench-bundle", vec![shown(of("s1", "bundle_bytes"), 1000.0, 1)]),
        (
            "bench-first",
            vec![
                shown(first.map(|(first, _)| first), 1000.0, 1),
                shown(first.map(|(first, all)| first / all), 0.01, 1),
            ],
        ),
        ("bench-directory", vec![shown(number(value, "directory_bytes"), 1000.0, 1)]),
    ] {
        let args: Vec<(&str, &str)> =
            ["first", "second"].into_iter().zip(values.iter().map(String::as_str)).collect();
        lines.push(output.text(key, &args));
    }
    lines.join("\n")
}

/// The scenarios in the order in which they are shown.
const SCENARIOS: [&str; 4] = ["s1", "s2", "s3", "s4"];
/// After how many operations one hears how far it has come.
const TOLD_EVERY: usize = 5_000;

#[derive(Debug)]
struct Bench<'a> {
    output: &'a Output,
    done: Cell<usize>,
    place: &'a Path,
    clock: SystemClock,
    operations: Vec<Operation>,
    day: Vec<Operation>,
    province: Office,
    seat: AgencyCode,
}

fn read_operations(path: &Path) -> Result<Vec<Operation>, Failure> {
    let unreadable = |cause: &dyn std::fmt::Display| {
        let refusal = Refusal::of_field("bench-ops", "ops").with("cause", cause);
        Failure::refused(refusal.with("path", path.display()))
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    workload::operations(BufReader::new(file)).map_err(|error| unreadable(&error))
}

impl<'a> Bench<'a> {
    fn open(context: &'a Context, place: &'a Path, args: &BenchWire) -> Result<Self, Failure> {
        let operations = read_operations(&args.ops)?;
        let mut day = args.day.as_deref().map(read_operations).transpose()?.unwrap_or_default();
        let seat = operations.first().map_or("", Operation::seat).to_owned();
        day.iter_mut().for_each(|operation| operation.move_to(&seat));
        let all: Vec<Operation> = operations.iter().chain(&day).cloned().collect();
        let code = seat.split('.').next().unwrap_or_default().to_owned();
        let mut lines = workload::directory(&all);
        lines.push(json!({ "kind": "agency", "code": code, "name": "Tỉnh thử", "level": "province", "type": "province", "seat": "hosted" }));
        lines.push(json!({ "kind": "officer", "id": format!("{code}/{PROVINCE_OFFICER}"), "name": "Lãnh đạo Thử", "roles": ["leader"] }));
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let wrong = |what: &dyn std::fmt::Display| {
            let refusal = Refusal::of_field("bench-ops", "ops").with("cause", what);
            Failure::refused(refusal.with("path", args.ops.display()))
        };
        let directory = Directory::parse(&text, &ParseBounds::default())
            .map_err(|faults| wrong(&format!("{faults:?}")))?;
        let code: AgencyCode = code.parse().map_err(|_| wrong(&"no office"))?;
        let seat: AgencyCode = seat.parse().map_err(|_| wrong(&"no office"))?;
        let witness = place.join("province.witness");
        let province = province::init(&place.join("province"), |_| witness, &code, "Tỉnh thử", &directory)?;
        let (output, done) = (&context.output, Cell::new(0));
        Ok(Self { output, done, place, clock: SystemClock::new(), operations, day, province, seat })
    }

    fn machine(&self, name: &str) -> Result<Office, Failure> {
        let witness = self.place.join(format!("{name}.witness"));
        Ok(beside::enrol(&self.province, &self.place.join(name), |_| witness, &self.seat)?)
    }

    fn run(&self, args: &BenchWire) -> Result<Value, Failure> {
        let mut rows = Map::new();
        let mut commune = self.machine("commune")?;
        let (first, _) = self.session(&commune)?;
        rows.insert("directory_bytes".to_owned(), json!(items_bytes(&first)));

        let mut work = Work::default();
        let days = days_of(&self.operations);
        let per_boot = days.len().div_ceil(usize::from(args.boots).max(1));
        for (number, day) in days.iter().enumerate() {
            if number > 0 && number % per_boot == 0 {
                drop(commune);
                let witness = self.place.join("commune.witness");
                commune = Office::open(&self.place.join("commune"), |_| witness)?;
            }
            self.work(&commune, &mut work, day)?;
        }
        self.tell("s1");
        let none = Documents::new();
        let before = documents(&commune)?;
        let (s1, mut row) = self.measured(&commune)?;
        self.packing(&s1, &mut row)?;
        beside_automerge(&mut row, automerge_sync(&before, &none));
        row.insert("entries".to_owned(), json!(before.values().map(Vec::len).sum::<usize>()));
        row.insert("dossiers".to_owned(), json!(before.len()));
        beside_zstd(&mut row, &args.ops)?;
        rows.insert("s1".to_owned(), Value::Object(row));

        self.tell("s2");
        let (_, mut row) = self.measured(&commune)?;
        beside_automerge(&mut row, automerge_sync(&before, &before));
        rows.insert("s2".to_owned(), Value::Object(row));

        if !self.day.is_empty() {
            self.tell("s3");
            self.work(&commune, &mut work, &self.day.iter().collect::<Vec<_>>())?;
            let mut there = before.clone();
            self.provincial_acts(&mut there)?;
            let here = documents(&commune)?;
            let (_, mut row) = self.measured(&commune)?;
            beside_automerge(&mut row, automerge_sync(&here, &there));
            if let Some(day) = &args.day {
                beside_zstd(&mut row, day)?;
            }
            rows.insert("s3".to_owned(), Value::Object(row));
        }

        let all = documents(&self.province)?.into_iter().chain(documents(&commune)?).fold(
            Documents::new(),
            |mut all, (doc, changes)| {
                all.entry(doc).or_default().extend(changes);
                all
            },
        );
        self.tell("s4");
        drop(commune);
        let replacement = self.machine("replacement")?;
        let (s4, mut row) = self.measured(&replacement)?;
        beside_automerge(&mut row, automerge_sync(&none, &all));
        row.insert("first_open_dossier_bytes".to_owned(), json!(self.first_open_dossier(&s4, &all)?));
        rows.insert("s4".to_owned(), Value::Object(row));
        Ok(Value::Object(rows))
    }

    /// Says what is measured now.
    fn tell(&self, scenario: &str) {
        self.output.note(&self.output.text(&format!("bench-{scenario}"), &[]));
    }

    /// Counts operations done, and says now and then how far it has come.
    fn count(&self, more: usize) {
        let (before, after) = (self.done.get(), self.done.get() + more);
        self.done.set(after);
        if before / TOLD_EVERY < after / TOLD_EVERY {
            let all = (self.operations.len() + self.day.len()).to_string();
            let values = [("done", after.to_string()), ("all", all)];
            let args: Vec<(&str, &str)> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
            self.output.note(&self.output.text("bench-progress", &args));
        }
    }

    /// Does operations at the desk, dossiers first, as the lines of the contract.
    fn work(&self, office: &Office, work: &mut Work, operations: &[&Operation]) -> Result<(), Failure> {
        let creates: Vec<_> = operations.iter().filter_map(|operation| operation.as_create()).collect();
        for some in creates.chunks(LINES_AT_ONCE) {
            let answers: Vec<_> = some
                .iter()
                .map(|create| office.desk.lodge(&workload::lodging(create).to_string(), true))
                .collect();
            for (create, answer) in some.iter().zip(answers) {
                let answer = answer.wait().map_err(store_failure)?;
                work.lodged(create, answer.get("number").and_then(Value::as_str).unwrap_or_default());
            }
            self.count(some.len());
        }
        let events: Vec<_> = operations.iter().filter_map(|operation| operation.as_event()).collect();
        for some in events.chunks(LINES_AT_ONCE) {
            let answers: Vec<_> = some
                .iter()
                .filter_map(|event| work.act(event))
                .map(|line| office.desk.act(&line.to_string(), true))
                .collect();
            for answer in answers {
                answer.wait().map_err(store_failure)?;
            }
            self.count(some.len());
        }
        Ok(())
    }

    /// The province marks some acts for review: the only act it may do on every dossier.
    fn provincial_acts(&self, documents_there: &mut Documents) -> Result<(), Failure> {
        let export = self.province.store.read(|view| {
            let mut found = Vec::new();
            for doc in documents_there.keys().take(PROVINCE_ACTS) {
                if let Some(row) = view.dossier(*doc)? {
                    found.push((row.number, *doc));
                }
            }
            Ok::<_, StoreError>(found)
        });
        let officer = format!("{}/{PROVINCE_OFFICER}", self.province.identity.seat());
        for (number, doc) in export.map_err(store_failure)? {
            let first = documents_there.get(&doc).and_then(|changes| changes.first());
            let hash = first.and_then(|bytes| sync_protocol::chunk::change_hash(bytes).ok());
            let Some(hash) = hash else { continue };
            let line = json!({
                "number": number, "act": "mark", "officer": officer, "acts": [format!("{hash}.0")],
                "mark": "review", "basis": "Rà soát",
            });
            self.province.desk.act(&line.to_string(), false).wait().map_err(store_failure)?;
        }
        for (doc, changes) in documents(&self.province)? {
            documents_there.entry(doc).or_default().extend(changes);
        }
        Ok(())
    }

    /// How many bytes had come down, provincial items apart, when the first open dossier was whole.
    fn first_open_dossier(&self, exchange: &Exchange, all: &Documents) -> Result<Option<usize>, Failure> {
        let mut size_bytes = 0;
        let mut come: BTreeMap<DocId, usize> = BTreeMap::new();
        for (message, frame) in exchange.down.iter().zip(frames_of(&exchange.down)) {
            if message.kind != FrameKind::Items {
                size_bytes += message.bytes.len();
            }
            let Frame::Feed(feed) = frame? else { continue };
            let runs = feed.runs.iter().filter_map(|run| match run {
                FeedRun::Bytes(run) => Some(run.entries()),
                FeedRun::Own { .. } => None,
            });
            runs.flatten().for_each(|entry| *come.entry(entry.doc).or_default() += 1);
            let whole = come.iter().filter(|(doc, count)| all.get(doc).map(Vec::len) == Some(**count));
            for (doc, _) in whole {
                let row = self.province.store.read(|view| view.dossier(*doc)).map_err(store_failure)?;
                if row.is_some_and(|row| row.custody != "closed") {
                    return Ok(Some(size_bytes));
                }
            }
        }
        Ok(None)
    }

    /// One session, and the peak of memory in it.
    fn session(&self, commune: &Office) -> Result<(Exchange, Option<u64>), Failure> {
        let mut spool = Spool::new().map_err(|error| broken(&error))?;
        forget_peak();
        let ended = beside::session_seen(commune, &self.province, |way, message| spool.see(way, message))?;
        let peak_kb = memory_kb("VmHWM:");
        Ok((spool.read(ended).map_err(|error| broken(&error))?, peak_kb))
    }

    fn measured(&self, commune: &Office) -> Result<(Exchange, Map<String, Value>), Failure> {
        let before_kb = memory_kb("VmRSS:");
        let started_ms = self.clock.monotonic_ms();
        let (exchange, peak_kb) = self.session(commune)?;
        let took_ms = self.clock.monotonic_ms().saturating_sub(started_ms);
        let items = items_bytes(&exchange);
        let (up, down) = (bytes_of(&exchange.up), bytes_of(&exchange.down).saturating_sub(items));
        let mut row = Map::new();
        row.insert("up_bytes".to_owned(), json!(up));
        row.insert("down_bytes".to_owned(), json!(down));
        row.insert("bytes".to_owned(), json!(up + down));
        row.insert("bytes_thin".to_owned(), json!(self.thin_bytes(&exchange)?));
        row.insert("frames".to_owned(), by_kind(&exchange));
        row.insert("round_trips".to_owned(), json!(exchange.ended.statistics.round_trips));
        row.insert("ms".to_owned(), json!(took_ms));
        row.insert("peak_memory_kb".to_owned(), json!(peak_kb));
        // What the workload and the two offices hold without a session is not the session's.
        let session_kb = peak_kb.zip(before_kb).map(|(peak_kb, before_kb)| peak_kb.saturating_sub(before_kb));
        row.insert("session_memory_kb".to_owned(), json!(session_kb));
        row.insert("outcome".to_owned(), json!(format!("{:?}", exchange.ended.outcome)));
        Ok((exchange, row))
    }

    /// The same session had its batches been packed for a thin line.
    fn thin_bytes(&self, exchange: &Exchange) -> Result<usize, Failure> {
        let thin = Packing { level: LEVEL_THIN, dictionary: dictionary::NEWEST };
        let mut total = 0;
        for way in [&exchange.up, &exchange.down] {
            let mut context = BatchContext::default();
            for (message, frame) in way.iter().zip(frames_of(way)) {
                let frame = frame?;
                total += match message.kind {
                    FrameKind::Changes | FrameKind::Feed | FrameKind::Aside => {
                        let again = frame.encode_after(thin, &mut context).map_err(|error| broken(&error))?;
                        again.bytes.len()
                    }
                    FrameKind::Items => 0,
                    FrameKind::Hello
                    | FrameKind::HelloAck
                    | FrameKind::Heads
                    | FrameKind::HeadsAck
                    | FrameKind::Proofs
                    | FrameKind::Ack
                    | FrameKind::Cut
                    | FrameKind::Proof
                    | FrameKind::Wanted
                    | FrameKind::Ranges
                    | FrameKind::Bye => message.bytes.len(),
                };
            }
        }
        Ok(total)
    }

    /// What this thread has had of a processor, in milliseconds; where the system does not say, what has passed.
    fn work_ms(&self) -> u64 {
        let scheduled = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let run_ns = scheduled.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        run_ns.map_or_else(|| self.clock.monotonic_ms(), |ns| ns / 1_000_000)
    }

    /// How long packing and unpacking takes, and where the bytes go.
    fn packing(&self, exchange: &Exchange, row: &mut Map<String, Value>) -> Result<(), Failure> {
        let decode =
            || frames_of(&exchange.up).chain(frames_of(&exchange.down)).collect::<Result<Vec<_>, _>>();
        let started_ms = self.work_ms();
        for _ in 1..PACKS {
            decode()?;
        }
        let mut frames = decode()?;
        let unpacked_ms = self.work_ms();
        frames.retain(|frame| matches!(frame.kind(), FrameKind::Changes | FrameKind::Feed));
        let packing = Packing { dictionary: dictionary::NEWEST, ..Packing::default() };
        for _ in 0..PACKS {
            for frame in &frames {
                frame.encode_as(packing).map_err(|error| broken(&error))?;
            }
        }
        let packed_ms = self.work_ms();
        let each = |from: u64, to: u64| to.saturating_sub(from) as f64 / f64::from(PACKS);
        row.insert("unpack_ms".to_owned(), json!(each(started_ms, unpacked_ms)));
        row.insert("pack_ms".to_owned(), json!(each(unpacked_ms, packed_ms)));
        row.insert("batches".to_owned(), json!(frames.len()));
        // A bundle holds the office's own entries in the same form, which depends on nothing sent before.
        let mut bundle_bytes = 0;
        for frame in frames.iter().filter(|frame| frame.kind() == FrameKind::Changes) {
            bundle_bytes += frame.encode().map_err(|error| broken(&error))?.bytes.len();
        }
        row.insert("bundle_bytes".to_owned(), json!(bundle_bytes));
        let mut parts: Map<String, Value> = Map::new();
        for content in frames.iter().filter_map(Frame::columns) {
            for (name, size_bytes) in content.parts {
                let sum = parts.get(name).and_then(Value::as_u64).unwrap_or(0) + size_bytes as u64;
                parts.insert(name.to_owned(), json!(sum));
            }
        }
        row.insert("parts_before_zstd".to_owned(), Value::Object(parts));
        Ok(())
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::bug(Refusal::new("store-bug").with("what", error))
}

/// Operations by their day, in order.
fn days_of(operations: &[Operation]) -> Vec<Vec<&Operation>> {
    let day = |operation: &&Operation| operation.at().get(..10).unwrap_or_default().to_owned();
    let all: Vec<&Operation> = operations.iter().collect();
    all.chunk_by(|a, b| day(a) == day(b)).map(<[&Operation]>::to_vec).collect()
}

/// What went one way, read in order.
fn frames_of(messages: &[Message]) -> impl Iterator<Item = Result<Frame, Failure>> {
    let mut context = BatchContext::default();
    let read = move |message: &Message| Frame::decode_after(&message.bytes, &mut context);
    messages.iter().map(read).map(|frame| frame.map_err(|error| broken(&error)))
}

fn bytes_of(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.bytes.len()).sum()
}

/// Bytes by way and kind of frame.
fn by_kind(exchange: &Exchange) -> Value {
    let mut sums: BTreeMap<String, usize> = BTreeMap::new();
    for (way, messages) in [("up", &exchange.up), ("down", &exchange.down)] {
        for message in messages {
            *sums.entry(format!("{way} {}", message.kind.name())).or_default() += message.bytes.len();
        }
    }
    json!(sums)
}

fn items_bytes(exchange: &Exchange) -> usize {
    let items = exchange.down.iter().filter(|message| message.kind == FrameKind::Items);
    items.map(|message| message.bytes.len()).sum()
}

/// The changes that this machine wrote, by document.
fn documents(office: &Office) -> Result<Documents, Failure> {
    let read = office.store.read(|view| {
        let mut documents = Documents::new();
        for log in view.own_logs()? {
            let mut after = 0;
            loop {
                let entries = view.entries_after(log.boot, after, PAGE_BYTES)?;
                let Some(last) = entries.last() else { break };
                after = last.lsn;
                for entry in entries {
                    if let (EntryKind::CHANGE, Some(body)) = (entry.kind, entry.body) {
                        documents.entry(entry.doc).or_default().push(body);
                    }
                }
            }
        }
        Ok::<_, StoreError>(documents)
    });
    Ok(read.map_err(store_failure)?)
}

fn beside_automerge(row: &mut Map<String, Value>, synced: Result<Synced, AutomergeError>) {
    let Ok(synced) = synced else { return };
    let total = synced.up_bytes + synced.down_bytes;
    row.insert("automerge_bytes".to_owned(), json!(total));
    row.insert("automerge_flights".to_owned(), json!(synced.flights));
    row.insert("times_smaller_than_automerge".to_owned(), ratio(total, row.get("bytes")));
}

fn beside_zstd(row: &mut Map<String, Value>, path: &Path) -> Result<(), Failure> {
    let packed = (|| {
        let mut encoder = zstd::stream::read::Encoder::new(File::open(path)?, LEVEL_THIN)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(OPS_WINDOW_LOG)?;
        std::io::copy(&mut encoder, &mut std::io::sink())
    })();
    let size_bytes = packed.map_err(|error| broken(&error))?;
    let size_bytes = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    row.insert("ops_zstd19_bytes".to_owned(), json!(size_bytes));
    row.insert("times_smaller_than_ops_zstd19".to_owned(), ratio(size_bytes, row.get("bytes")));
    Ok(())
}

fn ratio(theirs: usize, ours: Option<&Value>) -> Value {
    let ours = ours.and_then(Value::as_u64).unwrap_or(0).max(1);
    json!((theirs as f64 / ours as f64 * 100.0).round() / 100.0)
}

/// A line of what the system says of this process's memory (Linux): `VmRSS:` what is resident, `VmHWM:` the most that was
/// since [`forget_peak`].
fn memory_kb(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn forget_peak() {
    // Without the right to do so the peak is that of the whole run.
    std::fs::write("/proc/self/clear_refs", "5").ok();
}
