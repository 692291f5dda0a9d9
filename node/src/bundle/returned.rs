//! From the province to a commune: the answer. What it published, the seat's feed, and the proof of what it holds.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::ItemJoiner;
use sync_protocol::bundle::Part;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::Aside;
use sync_protocol::frame::Cut;
use sync_protocol::frame::Feed;
use sync_protocol::frame::Frame;
use sync_protocol::frame::FreshProof;
use sync_protocol::frame::Heads;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::Message;
use sync_protocol::frame::Proofs;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::ProofHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::limits::BATCH_ENTRIES_MAX;
use sync_protocol::limits::BATCH_RAW_BYTES;
use sync_protocol::limits::HEADS_PER_FRAME_MAX;
use sync_protocol::limits::PROOFS_PER_FRAME_MAX;
use sync_protocol::proof::Proof;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::session::province::ProofClaim;
use sync_protocol::session::province::ProofRequest;

use crate::bundle::BundleFault;
use crate::bundle::Desk;
use crate::bundle::changes::Standing;
use crate::bundle::changes::encode;
use crate::bundle::file;
use crate::bundle::file::Letter;
use crate::bundle::file::Parts;
use crate::bundle::file::To;
use crate::bundle::standing_key;
use crate::identity;
use crate::identity::Role;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::peers::Machine;
use crate::sync::driver::NodeStore;
use crate::sync::driver::ProvinceStore;
use crate::sync::line::proof_json;
use crate::sync::node_store::BUNDLE_GAP;
use crate::sync::node_store::Came;
use crate::sync::node_store::DIGEST_DIFFERS;
use crate::sync::node_store::NodeSide;
use crate::sync::node_store::head_of;
use crate::sync::node_store::items_head;
use crate::sync::node_store::keep_proof;
use crate::sync::node_store::last_proof;
use crate::sync::node_store::stored_proof;
use crate::sync::province_keys::keep_province_keys;
use crate::sync::province_store::ProvinceSide;

/// How often a proof is tried for while other work changes what it would state.
const PROOF_TRIES_MAX: usize = 16;

/// Writes the answer for one machine: what it lacks by what it last said of itself by stick, and everything when it
/// never did. A proof of what the province holds now is made for it, and stands in it.
///
/// # Errors
/// [`BundleFault`]; no file is left.
pub fn export(desk: &Desk, machine: &Machine, out: &Path, part_bytes: usize) -> Result<Value, BundleFault> {
    let node = machine.node;
    if machine.banned_at.is_some() {
        return Err(Refusal::of_field("bundle-to-banned", "--node").with("node", node).into());
    }
    let certified = identity::read_certificate(&machine.certificate, desk.identity.ca())
        .map_err(|_| StoreError::Corrupt { what: "a machine's certificate".to_owned() })?;
    let seat = machine.seat.clone();
    desk.store.write({
        let seat = seat.clone();
        move |tx| tx.open_feed(&seat).map(|_head| ())
    })?;
    let kept = desk.store.read(|view| view.meta(&standing_key(node)))?;
    let standing = kept.as_deref().and_then(Standing::read);
    let mut side = ProvinceSide::new(desk.store.clone(), desk.identity.clone(), node, seat);
    let told = standing.as_ref().and_then(|standing| standing.hello.last_proof);
    let (proof, heads) = prove(desk, &mut side, node, told)?;
    let content = proof.content().clone();
    let letter = Letter {
        kind: BundleKind::RETURN,
        province: desk.identity.province(),
        keys: desk.identity.keys(),
        certificate: Some(desk.identity.certificate().to_vec()),
        to: vec![
            To { machine: node, seal: certified.keys.seal },
            To { machine: desk.identity.node(), seal: desk.identity.keys().public().seal },
        ],
        at: desk.store.clock().wall(),
    };
    let opening = encode(&Frame::Proof(Box::new(FreshProof::Link(Box::new(proof.clone())))))?;
    let mut parts = Parts::new(&letter, desk.random.as_ref(), out, part_bytes, &[opening])?;
    let told_items = standing.as_ref().map(|standing| standing.hello.items).unwrap_or_default();
    let items = push_items(&mut side, &mut parts, told_items)?;
    let holds = Holdings::new(desk, standing.as_ref(), &heads)?;
    let after = standing
        .as_ref()
        .filter(|standing| standing.hello.feed.id == Some(content.feed))
        .map_or(0, |standing| standing.hello.feed.position.min(content.position));
    let feed = push_feed(&mut side, &mut parts, &content.feed_head(), after, &holds)?;
    let aside = push_aside(&mut side, &mut parts, &holds, &heads)?;
    let has_parted = push_proofs(&mut side, &mut parts, told, content.n)?;
    // At the end, and together: by them the machine sees what the proof covers.
    let parted = has_parted.then(|| Frame::Proofs(Proofs { proofs: Vec::new() }));
    let end = parted.into_iter().chain(pages(&heads).into_iter().map(Frame::Heads));
    let end: Vec<Message> = end.map(|frame| encode(&frame)).collect::<Result<_, _>>()?;
    parts.push(&end)?;
    let written = parts.finish()?;
    Ok(json!({
        "kind": BundleKind::RETURN.name(),
        "bundle": written.bundle.to_string(),
        "from": desk.identity.node().to_string(),
        "to": node.to_string(),
        "agency": machine.seat.as_str(),
        "parts": written.files_json(),
        "bytes": written.files.iter().map(|(_, size_bytes)| size_bytes).sum::<usize>(),
        "items": items,
        "feed": { "first": after.saturating_add(1), "last": content.position, "count": feed },
        "changes": aside,
        "proof": proof_json(&stored_proof(&proof)),
    }))
}

/// A proof of what is held of a machine now, and the heads of its logs that it states.
fn prove(
    desk: &Desk,
    side: &mut ProvinceSide,
    machine: NodeId,
    told: Option<ProofHead>,
) -> Result<(Proof, Vec<LogHead>), BundleFault> {
    for _ in 0..PROOF_TRIES_MAX {
        let seat = side.seat().clone();
        let (heads, feed, items) = desk.store.read(|view| {
            let mut heads: Vec<LogHead> = view.logs_of(machine)?.iter().map(head_of).collect();
            heads.sort_unstable_by_key(|head| head.boot);
            let feed = view.feed_head(&seat)?.ok_or_else(|| StoreError::Bug("no feed".to_owned()))?;
            Ok((heads, feed, items_head(view)?))
        })?;
        let cut = Cut {
            session: 0,
            feed: FeedHead { id: Some(feed.feed), position: feed.position, digest: feed.digest },
            logs: LogsSummary::of(desk.identity.province(), &heads),
            waiting: 0,
            items,
        };
        let request = ProofRequest { claim: ProofClaim::Cut(cut), told };
        if let Ok(proof) = side.make_proof(&request)? {
            return Ok((proof, heads));
        }
    }
    Err(Refusal::new("bundle-busy").into())
}

fn push_items(side: &mut ProvinceSide, parts: &mut Parts<'_>, beyond: ItemsHead) -> Result<u64, BundleFault> {
    let (mut after, mut count) = (0, 0);
    loop {
        let items = side.items(beyond, after, BATCH_RAW_BYTES)?;
        let Some(last) = items.last().map(|placed| placed.place) else { return Ok(count) };
        for placed in items {
            let frames =
                bundle::item_frames(&placed.item).map_err(|error| BundleFault::Bug(error.to_string()))?;
            let together: Vec<Message> = frames.iter().map(encode).collect::<Result<_, _>>()?;
            parts.push(&together)?;
            count += 1;
        }
        after = last;
    }
}

/// Up to where the machine holds its own logs, as far as that is sure.
struct Holdings {
    /// What it named, of the history that is here.
    sure: BTreeMap<BootId, Lsn>,
    /// Logs of which it has lost what lies behind this.
    lacking: Vec<(BootId, Lsn)>,
}

impl Holdings {
    fn new(desk: &Desk, standing: Option<&Standing>, here: &[LogHead]) -> Result<Self, StoreError> {
        let named: BTreeMap<BootId, &LogHead> =
            standing.iter().flat_map(|standing| &standing.heads).map(|head| (head.boot, head)).collect();
        let mut holdings = Self { sure: BTreeMap::new(), lacking: Vec::new() };
        for head in here {
            let Some(there) = named.get(&head.boot) else {
                if standing.is_some() {
                    holdings.lacking.push((head.boot, 0));
                }
                continue;
            };
            let chain = match there.lsn.cmp(&head.lsn) {
                std::cmp::Ordering::Equal => Some(head.chain),
                std::cmp::Ordering::Less => desk.store.read(|view| view.chain_at(there.boot, there.lsn))?,
                // What is here is a part of what is there, if it is one history: nothing shows it yet.
                std::cmp::Ordering::Greater => None,
            };
            if chain == Some(there.chain) {
                holdings.sure.insert(there.boot, there.lsn);
                if there.lsn < head.lsn {
                    holdings.lacking.push((head.boot, there.lsn));
                }
            }
        }
        Ok(holdings)
    }

    fn has(&self, log: BootId, lsn: Lsn) -> bool {
        self.sure.get(&log).is_some_and(|held| lsn <= *held)
    }
}

fn push_feed(
    side: &mut ProvinceSide,
    parts: &mut Parts<'_>,
    feed: &FeedHead,
    after: u64,
    holds: &Holdings,
) -> Result<u64, BundleFault> {
    let Some(id) = feed.id else { return Ok(0) };
    let (mut after, mut count) = (after, 0);
    while after < feed.position {
        let left = usize::try_from(feed.position - after).unwrap_or(usize::MAX);
        let has = |log, lsn| holds.has(log, lsn);
        let is_held = |_position, log, lsn| has(log, lsn);
        let (entries, end_digest, _) =
            side.feed(after, BATCH_RAW_BYTES, left.min(BATCH_ENTRIES_MAX), &is_held)?;
        let Some(last) = entries.last().map(|entry| entry.position) else { break };
        count += entries.len() as u64;
        let runs = bundle::feed_runs(entries.into_iter().map(|entry| entry.entry).collect(), has);
        let frame =
            Feed { feed: id, first_position: after + 1, runs, end_digest, head_position: feed.position };
        parts.push(&[encode(&Frame::Feed(frame))?])?;
        after = last;
    }
    Ok(count)
}

fn push_aside(
    side: &mut ProvinceSide,
    parts: &mut Parts<'_>,
    holds: &Holdings,
    here: &[LogHead],
) -> Result<u64, BundleFault> {
    let mut count = 0;
    for (boot, lsn) in &holds.lacking {
        let mut after = *lsn;
        let end = here.iter().find(|head| head.boot == *boot).map_or(0, |head| head.lsn);
        while after < end {
            let entries = side.aside(*boot, after, BATCH_RAW_BYTES, BATCH_ENTRIES_MAX)?;
            let Some(last) = entries.last().map(|entry| entry.lsn) else { break };
            count += entries.len() as u64;
            let runs = bundle::feed_runs(entries, |_, _| false).into_iter();
            let run = |run| match run {
                FeedRun::Bytes(run) => Some(run),
                FeedRun::Own { .. } => None,
            };
            let runs: Vec<EntryRun> = runs.filter_map(run).collect();
            parts.push(&[encode(&Frame::Aside(Aside { runs }))?])?;
            after = last;
        }
    }
    Ok(count)
}

fn pages(heads: &[LogHead]) -> Vec<Heads> {
    let count = heads.chunks(HEADS_PER_FRAME_MAX).count();
    let page =
        |(place, heads): (usize, &[LogHead])| Heads { heads: heads.to_vec(), is_last: place + 1 == count };
    let pages: Vec<Heads> = heads.chunks(HEADS_PER_FRAME_MAX).enumerate().map(page).collect();
    if pages.is_empty() { vec![Heads { heads: Vec::new(), is_last: true }] } else { pages }
}

/// The machine's proofs between the one it told of and the one with this number. Whether no line leads from there: it
/// has that one from before this province was put back.
fn push_proofs(
    side: &mut ProvinceSide,
    parts: &mut Parts<'_>,
    told: Option<ProofHead>,
    before: u64,
) -> Result<bool, BundleFault> {
    let mut after = told.map_or(0, |told| told.n);
    while after.saturating_add(1) < before {
        let mut proofs = side.proofs(after, PROOFS_PER_FRAME_MAX)?;
        proofs.retain(|proof| proof.content().n < before);
        let is_first = after == told.map_or(0, |told| told.n);
        if is_first && proofs.first().is_some_and(|one| one.follows(told).is_err()) {
            return Ok(true);
        }
        let Some(newest) = proofs.last().map(|proof| proof.content().n) else { break };
        parts.push(&[encode(&Frame::Proofs(Proofs { proofs }))?])?;
        after = newest;
    }
    Ok(false)
}

/// What taking in one part did.
#[derive(Debug, Default)]
struct Done {
    items: u64,
    positions: u64,
    changes: u64,
    proofs: u64,
    /// Something follows what is not here.
    has_gap: bool,
    /// The proof could be checked against what is here, and holds.
    is_proved: bool,
}

/// Takes one part in at a commune.
///
/// # Errors
/// [`BundleFault`]; what was committed before an error of the store stays, and is recognised next time.
pub fn import(desk: &Desk, path: &Path, part: &Part<'_>, content: &[u8]) -> Result<Value, BundleFault> {
    let identity = &desk.identity;
    let certificate = part.header.certificate.as_ref();
    let certified = certificate
        .and_then(|certificate| identity::read_certificate(&certificate.0, identity.ca()).ok())
        .filter(|certified| certified.role == Role::Province && certified.keys.signing == part.header.from.0)
        .ok_or_else(|| file::refusal_of(path, "bundle-not-from-province"))?;
    let key = part.header.from;
    let damaged = || file::refusal_of(path, "bundle-damaged");
    let mut frames = Vec::new();
    // All of it is read before anything is taken in.
    for message in bundle::messages(content).map_err(|_| damaged())? {
        frames.push(Frame::decode(message).map_err(|error| {
            tracing::info!(%error, "a bundle with a message that cannot be read");
            file::refusal_of(path, "bundle-unreadable")
        })?);
    }
    let mut frames = frames.into_iter();
    let Some(Frame::Proof(fresh)) = frames.next() else { return Err(damaged()) };
    let FreshProof::Link(proof) = *fresh else { return Err(damaged()) };
    proof.verify(&key, identity.province(), identity.node()).map_err(|_| damaged())?;
    keep_province_keys(&desk.store, &certified.keys)?;
    let before = desk.store.read(|view| last_proof(view, identity.node()))?;
    let is_older = before.as_ref().is_some_and(|last| {
        let is_renewed_before = last.head() == proof.head() && last.at() > proof.at();
        last.content().n > proof.content().n || is_renewed_before
    });
    let mut done = Done::default();
    if !is_older {
        let mut intake = Intake {
            desk,
            side: NodeSide::new(desk.store.clone(), identity.clone()),
            key,
            path,
            is_parted: false,
        };
        intake.take(frames, &proof, &mut done)?;
    }
    if done.has_gap {
        // A person is told while something that came goes on behind what is here.
        desk.store.write(|tx| tx.set_condition(BUNDLE_GAP, "", &[]))?;
    }
    let last = desk.store.read(|view| view.last_proof(identity.node()))?;
    let outcome = match &done {
        _ if is_older => "older",
        Done { has_gap: true, .. } => "partial",
        Done { items: 0, positions: 0, changes: 0, proofs: 0, .. } => "nothing_new",
        Done { .. } => "imported",
    };
    Ok(json!({
        "kind": BundleKind::RETURN.name(),
        "bundle": part.header.bundle.to_string(),
        "part": part.header.part,
        "is_last": part.header.is_last,
        "from": identity::node_of(&key.0).to_string(),
        "outcome": outcome,
        "items": done.items,
        "feed": done.positions,
        "changes": done.changes,
        "proofs": done.proofs,
        "is_proved": done.is_proved,
        "proof": last.as_ref().map(proof_json),
    }))
}

/// The province's answer on its way into the store.
struct Intake<'a> {
    desk: &'a Desk,
    side: NodeSide,
    key: PublicKey,
    path: &'a Path,
    /// The province, put back since, cannot go on from the newest proof here.
    is_parted: bool,
}

impl Intake<'_> {
    fn take(
        &mut self,
        frames: impl Iterator<Item = Frame>,
        proof: &Proof,
        done: &mut Done,
    ) -> Result<(), BundleFault> {
        let damaged = || file::refusal_of(self.path, "bundle-damaged");
        let mut joiner = ItemJoiner::default();
        let (mut heads, mut are_heads_whole) = (Vec::new(), false);
        for frame in frames {
            if let Frame::Items(items) = frame {
                for piece in &items.parts {
                    if let Some(item) = joiner.take(piece).map_err(|_| damaged())? {
                        self.item(item, done)?;
                    }
                }
            } else if let Frame::Feed(feed) = frame {
                self.feed(feed, done)?;
            } else if let Frame::Aside(aside) = frame {
                done.changes += aside.runs.iter().map(|run| run.entries().len() as u64).sum::<u64>();
                self.side.store_aside(aside.runs)?;
            } else if let Frame::Heads(page) = frame {
                are_heads_whole |= page.is_last;
                heads.extend(page.heads);
            } else if let Frame::Proofs(proofs) = frame {
                self.proofs(proofs.proofs, done)?;
            } else {
                return Err(damaged());
            }
        }
        if are_heads_whole { self.proof(proof, &heads, done) } else { Ok(()) }
    }

    fn item(&mut self, item: Item, done: &mut Done) -> Result<(), BundleFault> {
        item.verify(&self.key).map_err(|_| file::refusal_of(self.path, "bundle-damaged"))?;
        let (head, is_here, has_parents) = self.desk.store.read(|view| {
            let header = item.header();
            let is_here = view.has_item(header.n, item.hash())?;
            Ok((items_head(view)?, is_here, view.has_items(&header.parents)?))
        })?;
        if is_here {
            return Ok(());
        }
        if !has_parents && item.follows(head).is_err() {
            done.has_gap = true;
            return Ok(());
        }
        self.side.store_items(vec![item])?;
        done.items += 1;
        Ok(())
    }

    fn feed(&mut self, mut feed: Feed, done: &mut Done) -> Result<(), BundleFault> {
        let seat = self.desk.identity.seat().clone();
        let mine = self.desk.store.read(|view| view.feed_head(&seat))?;
        let here = mine.filter(|mine| mine.feed == feed.feed).map_or(0, |mine| mine.position);
        let last = feed.last_position();
        if last <= here {
            return Ok(());
        }
        if feed.first_position > here.saturating_add(1) {
            done.has_gap = true;
            return Ok(());
        }
        let skip = here.saturating_add(1).saturating_sub(feed.first_position);
        feed.runs = bundle::without_first(feed.runs, skip);
        feed.first_position = feed.first_position.saturating_add(skip);
        if self.lacks_named(&feed.runs)? {
            done.has_gap = true;
            return Ok(());
        }
        self.side.begin_feed(feed.feed)?;
        let stored = self.side.store_feed(feed)?;
        done.positions += stored.saturating_sub(here);
        done.has_gap |= stored < last;
        Ok(())
    }

    /// Whether own entries are only named that this machine has lost since it told what it holds.
    fn lacks_named(&self, runs: &[FeedRun]) -> Result<bool, StoreError> {
        let logs: BTreeMap<BootId, Lsn> =
            self.desk.store.read(|view| view.own_logs())?.iter().map(|log| (log.boot, log.lsn)).collect();
        Ok(runs.iter().any(|run| match run {
            FeedRun::Bytes(_) => false,
            FeedRun::Own { log, first_lsn, count } => {
                let last = first_lsn.saturating_add(*count).saturating_sub(1);
                logs.get(log).is_none_or(|held| *held < last)
            }
        }))
    }

    fn proofs(&mut self, proofs: Vec<Proof>, done: &mut Done) -> Result<(), BundleFault> {
        let node = self.desk.identity.node();
        self.is_parted |= proofs.is_empty();
        for proof in proofs {
            proof
                .verify(&self.key, self.desk.identity.province(), node)
                .map_err(|_| file::refusal_of(self.path, "bundle-damaged"))?;
            let last = self.desk.store.read(|view| last_proof(view, node))?.map(|last| last.head());
            if last.is_some_and(|last| proof.content().n <= last.n) {
                continue;
            }
            if proof.follows(last).is_err() {
                done.has_gap = true;
                return Ok(());
            }
            self.side.store_proofs(vec![proof])?;
            done.proofs += 1;
        }
        Ok(())
    }

    /// Keeps the proof if it states what is here, and learns from it what the province holds of this machine.
    fn proof(&mut self, proof: &Proof, heads: &[LogHead], done: &mut Done) -> Result<(), BundleFault> {
        let identity = &self.desk.identity;
        let content = proof.content();
        if LogsSummary::of(identity.province(), heads) != content.logs {
            return Err(file::refusal_of(self.path, "bundle-damaged"));
        }
        let seat = identity.seat().clone();
        let (own, digest, items_n, last) = self.desk.store.read(|view| {
            let feed = view.feed_head(&seat)?.filter(|feed| feed.feed == content.feed);
            let digest = match feed {
                Some(_) => view.feed_digest_at(&seat, content.position)?,
                None => None,
            };
            Ok((view.own_logs()?, digest, items_head(view)?.n, last_proof(view, identity.node())?))
        })?;
        let forked = self.learn(heads, &own)?;
        let is_empty = content.position == 0 && digest.is_none();
        if digest.is_some_and(|digest| digest != content.digest) {
            let position = content.position.to_string();
            self.desk
                .store
                .write(move |tx| tx.set_condition(DIGEST_DIFFERS, "", &[("position", position)]))?;
            return Ok(());
        }
        let last_n = last.as_ref().map_or(0, |last| last.content().n);
        let is_last = last.as_ref().is_some_and(|last| last.head() == proof.head());
        let follows = is_last
            || proof.follows(last.as_ref().map(Proof::head)).is_ok()
            || (self.is_parted && content.n > last_n);
        let holds_logs =
            heads.iter().all(|head| own.iter().any(|log| log.boot == head.boot && log.lsn >= head.lsn));
        if (digest.is_none() && !is_empty) || items_n < content.items_n || !follows || !holds_logs || forked {
            done.has_gap = true;
            return Ok(());
        }
        let covered: Vec<(BootId, Lsn)> = heads.iter().map(|head| (head.boot, head.lsn)).collect();
        let kept = proof.clone();
        self.desk.store.write(move |tx| keep_proof(tx, &kept, &covered, Came::Stick))?;
        let is_renewal = last.is_some_and(|last| is_last && last.at() == proof.at());
        done.proofs += u64::from(content.n > last_n || !is_renewal);
        done.is_proved = true;
        Ok(())
    }

    /// What the province holds of this machine's logs: neither more nor less is taken for acknowledged. Whether one of
    /// them has another history there.
    fn learn(&mut self, heads: &[LogHead], own: &[crate::store::log::LogHead]) -> Result<bool, StoreError> {
        let there: BTreeMap<BootId, &LogHead> = heads.iter().map(|head| (head.boot, head)).collect();
        let (mut acked, mut forked) = (Vec::new(), Vec::new());
        for log in own {
            let Some(head) = there.get(&log.boot) else {
                acked.push((log.boot, 0));
                continue;
            };
            let is_same = match head.lsn.cmp(&log.lsn) {
                std::cmp::Ordering::Equal => head.chain == log.chain,
                std::cmp::Ordering::Less => {
                    self.desk.store.read(|view| view.chain_at(log.boot, head.lsn))? == Some(head.chain)
                }
                // What is here less is brought by the feed or aside, and shows whether it is one history.
                std::cmp::Ordering::Greater => continue,
            };
            if is_same {
                acked.push((log.boot, head.lsn));
            } else {
                forked.push(LogAck { boot: log.boot, lsn: head.lsn });
            }
        }
        self.desk.store.write(move |tx| {
            acked.iter().try_for_each(|(boot, lsn)| {
                tx.take_back_acked(*boot, *lsn)?;
                tx.set_acked(*boot, *lsn)
            })
        })?;
        if !forked.is_empty() {
            self.side.forked(&forked)?;
        }
        Ok(!forked.is_empty())
    }
}
