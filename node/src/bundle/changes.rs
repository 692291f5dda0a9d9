//! From a commune to its province: a machine's own entries that it does not know to be there.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Part;
use sync_protocol::bundle::RunVerdict;
use sync_protocol::bundle::judge_run;
use sync_protocol::entry::chain_start;
use sync_protocol::frame::Aside;
use sync_protocol::frame::Changes;
use sync_protocol::frame::Frame;
use sync_protocol::frame::Heads;
use sync_protocol::frame::Hello;
use sync_protocol::frame::Message;
use sync_protocol::frame::PROTOCOL_VERSION;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::LogHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::limits::BATCH_ENTRIES_MAX;
use sync_protocol::limits::BATCH_RAW_BYTES;
use sync_protocol::limits::RUN_OVERHEAD_BYTES;
use sync_protocol::run;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::weight_bytes;
use sync_protocol::session::NodeSession;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutput;

use crate::bundle::BundleFault;
use crate::bundle::Desk;
use crate::bundle::Range;
use crate::bundle::Ranges;
use crate::bundle::file;
use crate::bundle::file::Letter;
use crate::bundle::file::Parts;
use crate::bundle::file::To;
use crate::bundle::standing_key;
use crate::identity;
use crate::identity::Role;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::sync::driver::NodeStore;
use crate::sync::driver::ProvinceStore;
use crate::sync::node_store::NodeSide;
use crate::sync::node_store::head_of;
use crate::sync::node_store::last_proof;
use crate::sync::province_keys::province_keys;
use crate::sync::province_store::ProvinceSide;

/// Writes everything of this machine that it does not know to be at the province. It can be written again and again:
/// what is not acknowledged is in each.
///
/// # Errors
/// [`BundleFault`]; no file is left.
pub fn export(desk: &Desk, out: &Path, part_bytes: usize) -> Result<Value, BundleFault> {
    let identity = &desk.identity;
    let Some(province) = desk.store.read(province_keys)? else {
        return Err(Refusal::new("bundle-no-province-keys").into());
    };
    let mut side = NodeSide::new(desk.store.clone(), identity.clone());
    let (hello, heads) = standing(desk, &mut side, PublicKey(province.signing))?;
    let at = desk.store.clock().wall();
    let letter = Letter {
        kind: BundleKind::CHANGES,
        province: identity.province(),
        keys: identity.keys(),
        // A province that was put back may have forgotten this machine.
        certificate: identity.is_granted().then(|| identity.certificate().to_vec()),
        to: vec![
            To { machine: province.node(), seal: province.seal },
            To { machine: identity.node(), seal: identity.keys().public().seal },
        ],
        at,
    };
    let mut parts = Parts::new(&letter, desk.random.as_ref(), out, part_bytes, &[hello])?;
    // In every bundle's first part: by it the province knows what to send back.
    parts.push(&heads)?;
    let (mut changes, mut ranges) = (0, Ranges::default());
    let mut batch = Batch::default();
    for log in desk.store.read(|view| view.own_logs())? {
        // What is committed meanwhile goes with the next bundle.
        let mut after = log.acked_lsn;
        while after < log.lsn {
            let room_bytes = BATCH_RAW_BYTES.saturating_sub(batch.size_bytes);
            let room_entries = BATCH_ENTRIES_MAX.saturating_sub(batch.entries);
            let (entries, head) = side.log(log.boot, after, room_bytes, room_entries)?;
            let (Some(run), Some(head)) = (EntryRun::new(entries), head) else { break };
            let (first, last) = (run.first_lsn(), run.last_lsn());
            changes += run.entries().len() as u64;
            ranges.push(Range { log: log.boot, first, last });
            after = last;
            batch.add(ChangeRun { run, chain: head.head.chain, signature: head.signature });
            if batch.is_full() {
                parts.push(&[batch.take()?])?;
            }
        }
    }
    if batch.entries > 0 {
        parts.push(&[batch.take()?])?;
    }
    push_returned(desk, &mut parts)?;
    let written = parts.finish()?;
    Ok(json!({
        "kind": BundleKind::CHANGES.name(),
        "bundle": written.bundle.to_string(),
        "from": identity.node().to_string(),
        "to": province.node().to_string(),
        "parts": written.files_json(),
        "bytes": written.files.iter().map(|(_, size_bytes)| size_bytes).sum::<usize>(),
        "changes": changes,
        "range_count": ranges.count(),
        "ranges": ranges.to_json(),
    }))
}

/// Changes of others that the present feed does not bring, where a proof says that all of it is here: the province lost
/// them when it was put back. In every bundle until they come back with the feed.
fn push_returned(desk: &Desk, parts: &mut Parts<'_>) -> Result<(), BundleFault> {
    let node = desk.identity.node();
    let may_hold_lost = desk.store.read(|view| {
        let feed = view.feed_head(desk.identity.seat())?.map(|head| (head.feed, head.position));
        let proved = last_proof(view, node)?.map(|last| (last.content().feed, last.content().position));
        Ok(view.may_hold_lost()? && feed == proved)
    })?;
    if !may_hold_lost {
        return Ok(());
    }
    let mut place = 0;
    loop {
        let (entries, last) =
            desk.store.read(|view| view.entries_in_no_feed(place, BATCH_RAW_BYTES, BATCH_ENTRIES_MAX))?;
        if entries.is_empty() {
            return Ok(());
        }
        place = last;
        parts.push(&[encode(&Frame::Aside(Aside { runs: run::runs_of(entries) }))?])?;
    }
}

/// Runs that go into one frame.
#[derive(Default)]
struct Batch {
    runs: Vec<ChangeRun>,
    size_bytes: usize,
    entries: usize,
}

impl Batch {
    fn add(&mut self, run: ChangeRun) {
        self.size_bytes += run.run.entries().iter().map(weight_bytes).sum::<usize>() + RUN_OVERHEAD_BYTES;
        self.entries += run.run.entries().len();
        self.runs.push(run);
    }

    /// Whether another entry of everyday size may not fit any more.
    const fn is_full(&self) -> bool {
        self.size_bytes > BATCH_RAW_BYTES / 4 * 3 || self.entries >= BATCH_ENTRIES_MAX
    }

    fn take(&mut self) -> Result<Message, BundleFault> {
        let batch = std::mem::take(self);
        encode(&Frame::Changes(Changes { runs: batch.runs }))
    }
}

pub(super) fn encode(frame: &Frame) -> Result<Message, BundleFault> {
    frame.encode().map_err(|error| BundleFault::Bug(error.to_string()))
}

/// Where everything stands here: a hello, and the heads of all own logs.
fn standing(
    desk: &Desk,
    side: &mut NodeSide,
    province_key: PublicKey,
) -> Result<(Message, Vec<Message>), BundleFault> {
    let mut number = [0; 8];
    desk.random.fill(&mut number)?;
    let facts = side.facts(u64::from_be_bytes(number), province_key)?;
    // The same words as at the beginning of a session.
    let options = NodeOptions { is_live: false, is_scrub: false };
    let opened = NodeSession::new(desk.store.clock().wall(), facts, options);
    let mut session = opened.map_err(|error| BundleFault::Bug(error.to_string()))?;
    let Some(NodeOutput::Send(hello)) = session.poll() else {
        return Err(BundleFault::Bug("a session that does not begin with a hello".to_owned()));
    };
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let (heads, is_last) = side.heads(after)?;
        after = heads.last().map(|head| head.boot);
        pages.push(encode(&Frame::Heads(Heads { heads, is_last }))?);
        if is_last {
            return Ok((hello, pages));
        }
    }
}

/// What a machine last said of itself by stick.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Where it stands.
    pub(super) hello: Box<Hello>,
    /// All its logs there.
    pub(super) heads: Vec<LogHead>,
}

impl Standing {
    /// Of what the province keeps; messages as they came.
    pub(super) fn read(kept: &[u8]) -> Option<Self> {
        let (mut hello, mut heads) = (None, Vec::new());
        for message in bundle::messages(kept).ok()? {
            let frame = Frame::decode(message).ok()?;
            if let Frame::Hello(said) = frame {
                hello = Some(said);
            } else if let Frame::Heads(page) = frame {
                heads.extend(page.heads);
            } else {
                return None;
            }
        }
        Some(Self { hello: hello?, heads })
    }
}

/// What taking in one part did.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    /// Entries that were not here before.
    new: u64,
    /// Entries that were.
    known: u64,
    /// Entries that follow others which are not here.
    early: u64,
    /// Entries of another history than the one here, or of logs that are not the machine's.
    forked: u64,
    counts: Option<StoredCounts>,
}

/// Takes one part in at the province. What is here is left as it is, what does not follow is left out and told: the
/// machine's next bundle brings it again, because this one's answer does not acknowledge it.
///
/// # Errors
/// [`BundleFault`]; what was committed before an error of the store stays, and is recognised next time.
pub fn import(desk: &Desk, path: &Path, part: &Part<'_>, content: &[u8]) -> Result<Value, BundleFault> {
    let province = desk.identity.province();
    let machine = identity::node_of(&part.header.from.0);
    let known = desk.store.read(|view| view.machine(machine))?;
    let (store, identity) = (desk.store.clone(), desk.identity.clone());
    let mut side = match (&known, certified(desk, part)) {
        (Some(known), _) => ProvinceSide::new(store, identity, machine, known.seat.clone()),
        (None, Some((seat, certificate))) => {
            ProvinceSide::new(store, identity, machine, seat).with_certificate(certificate)
        }
        (None, None) => {
            let refusal = Refusal::of_field("bundle-unknown-machine", "file").with("node", machine);
            return Err(refusal.with("path", path.display()).into());
        }
    };
    let mut frames = Vec::new();
    // All of it is read before anything is taken in.
    for message in bundle::messages(content).map_err(|_| file::refusal_of(path, "bundle-damaged"))? {
        let frame = Frame::decode(message).map_err(|error| {
            tracing::info!(%error, "a bundle with a message that cannot be read");
            file::refusal_of(path, "bundle-unreadable")
        })?;
        frames.push((frame, message));
    }
    match frames.first() {
        Some((Frame::Hello(hello), _)) if hello.protocol != PROTOCOL_VERSION => {
            return Err(file::refusal_of(path, "bundle-unreadable"));
        }
        Some((Frame::Hello(hello), _)) if hello.province == province && hello.node == machine => {}
        _ => return Err(file::refusal_of(path, "bundle-damaged")),
    }
    let is_banned = match known {
        Some(known) => known.banned_at.is_some(),
        None => {
            let this = side.clone();
            desk.store.write(move |tx| {
                this.take_into_list(tx)?;
                tx.is_banned(machine)
            })?
        }
    };
    let mut here: BTreeMap<BootId, LogHead> =
        desk.store.read(|view| view.logs_of(machine))?.iter().map(|log| (log.boot, head_of(log))).collect();
    let (mut done, mut ranges, mut said) = (Done::default(), Ranges::default(), Said::default());
    for (frame, message) in frames {
        if let Frame::Hello(hello) = frame {
            said.hello(*hello, message);
        } else if let Frame::Heads(page) = frame {
            said.heads(page.is_last, message);
        } else if let Frame::Changes(changes) = frame {
            let (runs, new) = judge(desk, changes, &mut here, part, &mut done, &mut side)?;
            if !runs.is_empty() {
                // What came before it stays; the rest is in the machine's next bundle.
                let Ok((acks, counts, _)) = side.store_changes(runs)? else {
                    return Err(Refusal::new("sync-bye-full").into());
                };
                done.counts = Some(counts);
                let is_refused = |range: &Range| acks.iter().any(|ack| ack.boot == range.log && ack.lsn == 0);
                let (refused, taken): (Vec<Range>, Vec<Range>) = new.into_iter().partition(is_refused);
                taken.into_iter().for_each(|range| ranges.push(range));
                for range in refused {
                    let count = range.last.saturating_sub(range.first).saturating_add(1);
                    (done.new, done.forked) = (done.new.saturating_sub(count), done.forked + count);
                }
            }
        } else if let Frame::Aside(aside) = frame {
            if !is_banned {
                let before = returned_of(desk, machine)?;
                if side.store_aside(aside.runs)?.is_err() {
                    return Err(Refusal::new("sync-bye-full").into());
                }
                done.new += returned_of(desk, machine)?.saturating_sub(before);
            }
        } else {
            return Err(file::refusal_of(path, "bundle-damaged"));
        }
    }
    said.keep(desk, &side)?;
    let outcome = match done {
        Done { early, forked, .. } if early + forked > 0 => "partial",
        Done { new: 0, .. } => "nothing_new",
        Done { .. } => "imported",
    };
    Ok(json!({
        "kind": BundleKind::CHANGES.name(),
        "bundle": part.header.bundle.to_string(),
        "part": part.header.part,
        "is_last": part.header.is_last,
        "from": machine.to_string(),
        "agency": side.seat().as_str(),
        "is_banned": is_banned,
        "outcome": outcome,
        "changes": done.new,
        "known": done.known,
        "early": done.early,
        "forked": done.forked,
        "waiting": done.counts.map(|counts| counts.waiting),
        "quarantined": done.counts.map(|counts| counts.quarantined),
        "refused": done.counts.map(|counts| counts.refused),
        "range_count": ranges.count(),
        "ranges": ranges.to_json(),
    }))
}

/// Entries of others that a machine has given back and nobody has decided about.
fn returned_of(desk: &Desk, machine: NodeId) -> Result<u64, StoreError> {
    desk.store.read(|view| Ok(view.returned(Some(machine), usize::MAX)?.len() as u64))
}

/// Seat and certificate of the machine that wrote a part, where it shows that this province enrolled it.
fn certified(desk: &Desk, part: &Part<'_>) -> Option<(AgencyCode, Vec<u8>)> {
    let certificate = &part.header.certificate.as_ref()?.0;
    let certified = identity::read_certificate(certificate, desk.identity.ca()).ok()?;
    let is_writers = certified.role == Role::Commune && certified.keys.signing == part.header.from.0;
    is_writers.then(|| (certified.seat, certificate.clone()))
}

/// The runs of a frame that can be stored, and what of them is new; what is left out is counted.
fn judge(
    desk: &Desk,
    changes: Changes,
    here: &mut BTreeMap<BootId, LogHead>,
    part: &Part<'_>,
    done: &mut Done,
    side: &mut ProvinceSide,
) -> Result<(Vec<ChangeRun>, Vec<Range>), StoreError> {
    let (mut runs, mut ranges) = (Vec::new(), Vec::new());
    let mut forked = Vec::new();
    for run in changes.runs {
        let boot = run.run.log();
        let (first, last, count) = (run.run.first_lsn(), run.run.last_lsn(), run.run.entries().len() as u64);
        let head = here.entry(boot).or_insert(LogHead { boot, lsn: 0, chain: chain_start(boot) });
        match judge_run(&run, head, &part.header.from, part.header.province) {
            RunVerdict::Continues(after) => {
                let new = last.saturating_sub(head.lsn);
                done.new += new;
                done.known += count.saturating_sub(new);
                ranges.push(Range { log: boot, first: first.max(head.lsn.saturating_add(1)), last });
                *head = after;
                runs.push(run);
            }
            RunVerdict::Known => {
                let chain = if last == head.lsn {
                    Some(head.chain)
                } else {
                    desk.store.read(|view| view.chain_at(boot, last))?
                };
                if chain == Some(run.chain) {
                    done.known += count;
                    // Stored again all the same: a body that was damaged here is healed by it.
                    runs.push(run);
                } else {
                    done.forked += count;
                    forked.push(boot);
                }
            }
            RunVerdict::Early => done.early += count,
            RunVerdict::Forked => {
                done.forked += count;
                forked.push(boot);
            }
            RunVerdict::NotSigned => {
                tracing::warn!("entries that their machine did not sign, in a bundle that it signed");
                done.forked += count;
            }
        }
    }
    if !forked.is_empty() {
        side.forked(&forked)?;
    }
    Ok((runs, ranges))
}

/// What a bundle says of where its machine stands.
#[derive(Default)]
struct Said {
    hello: Option<Box<Hello>>,
    messages: Vec<u8>,
    is_whole: bool,
}

impl Said {
    fn hello(&mut self, hello: Hello, message: &[u8]) {
        self.hello = Some(Box::new(hello));
        bundle::push_message(&mut self.messages, message);
    }

    fn heads(&mut self, is_last: bool, message: &[u8]) {
        bundle::push_message(&mut self.messages, message);
        self.is_whole |= is_last;
    }

    /// Notes it for the answer. Parts that do not say it whole leave what stands.
    fn keep(self, desk: &Desk, side: &ProvinceSide) -> Result<(), StoreError> {
        let Some(hello) = self.hello.filter(|_| self.is_whole) else { return Ok(()) };
        let (messages, side) = (self.messages, side.clone());
        desk.store.write(move |tx| {
            let machine = hello.node;
            tx.put_meta(&standing_key(machine), &messages)?;
            let Some(known) = tx.machine(machine)? else { return Ok(()) };
            if known.banned_at.is_none() {
                tx.open_feed(&known.seat)?;
                side.note_lost(tx, &hello)?;
            }
            let feed = tx.feed_head(&known.seat)?;
            if feed.is_some_and(|feed| Some(feed.feed) == hello.feed.id) {
                tx.set_acked_position(machine, hello.feed.position)?;
            }
            tx.touch_machine(machine)
        })
    }
}
