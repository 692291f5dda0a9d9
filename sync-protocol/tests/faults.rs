//! What a session does when the other side is silent, strange, hostile or wrong, and when its own driver is.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may panic")]

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use sync_protocol::codec::DecodeError;
use sync_protocol::context::Context;
use sync_protocol::dictionary;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::*;
use sync_protocol::head::*;
use sync_protocol::ids::*;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::item::PlacedItem;
use sync_protocol::limits;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::proof::ProofState;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::SessionError;
use sync_protocol::session::node::CutFacts;
use sync_protocol::session::node::NodeFacts;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeOutput;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProvinceFacts;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOptions;
use sync_protocol::session::province::ProvinceOutcome;
use sync_protocol::session::province::ProvinceOutput;
use sync_protocol::time::Millis;

const PROVINCE: ProvinceId = ProvinceId([1; 16]);
const NODE: NodeId = NodeId([2; 16]);
const FEED: FeedId = FeedId([3; 16]);
const BOOT: BootId = BootId([4; 16]);
const SESSION: u64 = 42;
const NOW: Millis = Millis(1_000_000);

fn province_key() -> SigningKey {
    SigningKey::from_bytes(&[11; 32])
}

fn node_key() -> SigningKey {
    SigningKey::from_bytes(&[12; 32])
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

fn node_facts() -> NodeFacts {
    NodeFacts {
        province: PROVINCE,
        province_key: public(&province_key()),
        node: NODE,
        session: SESSION,
        logs: vec![],
        older: LogsSummary::default(),
        current: None,
        feed: FeedHead::default(),
        items: ItemsHead::default(),
        last_proof: None,
        series_left: None,
        may_hold_lost: false,
    }
}

fn open_node() -> NodeSession {
    let mut node = NodeSession::new(NOW, node_facts(), NodeOptions::default()).unwrap();
    assert!(matches!(node.poll(), Some(NodeOutput::Send(message)) if message.kind == FrameKind::Hello));
    assert!(node.poll().is_none());
    node
}

fn bytes(frame: Frame) -> Vec<u8> {
    frame.encode().unwrap().bytes
}

fn tell_node(node: &mut NodeSession, frame: Frame) -> Result<(), SessionError> {
    node.handle(NOW, NodeInput::Message(bytes(frame)))
}

fn open_ack(feed_position: u64) -> Frame {
    let feed = FeedHead { id: Some(FEED), position: feed_position, digest: Digest::default() };
    let open = Standing { want_heads: false, feed, items: ItemsHead::default(), proof_n: 0, compares: false };
    Frame::HelloAck(Box::new(HelloAck {
        session: SESSION,
        logs: vec![],
        clock: NOW,
        fresh: None,
        open: Some(open),
        dictionary: 0,
    }))
}

fn proof(key: &SigningKey, change: impl FnOnce(&mut ProofContent)) -> Proof {
    let state = ProofState {
        province: PROVINCE,
        machine: NODE,
        feed: FEED,
        position: 0,
        digest: Digest::default(),
        logs: LogsSummary::default(),
        counts: EntryCounts::default(),
        items_n: 0,
    };
    let mut content = ProofContent::next(&state, None, None, BOOT);
    change(&mut content);
    Proof::sign_with(content, NOW, |bytes| key.sign(bytes).to_bytes())
}

fn link(proof: Proof) -> FreshProof {
    FreshProof::Link(Box::new(proof))
}

fn fresh_ack(fresh: FreshProof) -> Frame {
    Frame::HelloAck(Box::new(HelloAck {
        session: SESSION,
        logs: vec![],
        clock: NOW,
        fresh: Some(fresh),
        open: None,
        dictionary: 0,
    }))
}

fn hello() -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        session: SESSION,
        province: PROVINCE,
        node: NODE,
        logs: vec![],
        older: LogsSummary::default(),
        feed: FeedHead::default(),
        items: ItemsHead::default(),
        last_proof: None,
        clock: NOW,
        series_left: None,
        scrub: false,
        dictionary: 0,
    }
}

fn waiting_province() -> ProvinceSession {
    let options = ProvinceOptions {
        province: PROVINCE,
        province_key: public(&province_key()),
        node: NODE,
        node_key: public(&node_key()),
    };
    ProvinceSession::new(NOW, options)
}

fn tell_province(province: &mut ProvinceSession, frame: Frame) -> Result<(), SessionError> {
    province.handle(NOW, ProvinceInput::Message(bytes(frame)))
}

fn province_facts() -> ProvinceFacts {
    ProvinceFacts {
        logs: vec![],
        is_older_equal: true,
        older: vec![],
        feed: FeedHead { id: Some(FEED), position: 0, digest: Digest::default() },
        items: ItemsHead::default(),
        wants_items: None,
        last_proof: None,
    }
}

/// A province in the middle of a session in which nothing was equal.
fn open_province() -> ProvinceSession {
    let mut province = waiting_province();
    let logs = vec![LogHead { boot: BOOT, lsn: 9, chain: Hash([0; 32]) }];
    let here = LogHead { boot: BOOT, lsn: 0, chain: entry::chain_start(BOOT) };
    let facts = vec![LogFacts { here, status: LogStatus::Unknown }];
    tell_province(&mut province, Frame::Hello(Box::new(Hello { logs, ..hello() }))).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::LoadFacts(_))));
    let facts = ProvinceFacts { logs: facts, ..province_facts() };
    province.handle(NOW, ProvinceInput::FactsLoaded(Ok(Box::new(facts)))).unwrap();
    assert!(
        matches!(province.poll(), Some(ProvinceOutput::Send(message)) if message.kind == FrameKind::HelloAck)
    );
    assert!(province.poll().is_none());
    province
}

fn changes(key: &SigningKey, first_lsn: u64, change: impl FnOnce(&mut ChangeRun)) -> Frame {
    let entries: Vec<Entry> = (first_lsn..first_lsn + 3)
        .map(|lsn| Entry {
            log: BOOT,
            lsn,
            kind: EntryKind::KEY,
            doc: DocId::NONE,
            hash: entry::body_hash(&[7]),
            min_reader: 1,
            body: Some(vec![7]),
        })
        .collect();
    let run = EntryRun::new(entries).unwrap();
    let chain = run.chain_from(0, entry::chain_start(BOOT));
    let mut run = ChangeRun { run, chain, signature: Signature([0; 64]) };
    run.signature = Signature(key.sign(&run.head().head.signed_bytes(PROVINCE)).to_bytes());
    change(&mut run);
    Frame::Changes(Changes { runs: vec![run] })
}

fn goodbye(message: Option<ProvinceOutput>) -> Option<ByeCode> {
    let Some(ProvinceOutput::Send(message)) = message else { return None };
    let Frame::Bye(bye) = Frame::decode(&message.bytes).unwrap() else { return None };
    Some(bye.code)
}

#[test]
fn a_silent_peer_ends_the_session_and_it_is_worth_dialling_again() {
    let mut node = open_node();
    let due = node.wake_at().unwrap();
    assert_eq!(due, Millis(NOW.0 + i64::try_from(limits::SILENCE_MS).unwrap()));
    node.handle(NOW, NodeInput::Tick).unwrap();
    node.handle(Millis(due.0 - 1), NodeInput::Tick).unwrap();
    let error = node.handle(due, NodeInput::Tick).unwrap_err();
    assert!(matches!(error, SessionError::Silent { silent_ms: limits::SILENCE_MS }) && error.is_retryable());
    assert!(node.poll().is_none() && node.wake_at().is_none());
    node.handle(due, NodeInput::Tick).unwrap();

    let mut province = waiting_province();
    let due = province.wake_at().unwrap();
    assert!(province.handle(due, ProvinceInput::Tick).unwrap_err().is_retryable());
}

#[test]
fn a_clock_that_jumps_back_only_delays() {
    let mut node = open_node();
    node.handle(Millis(5), NodeInput::Tick).unwrap();
    assert_eq!(node.wake_at(), Some(Millis(5 + i64::try_from(limits::SILENCE_MS).unwrap())));
}

#[test]
fn a_node_is_told_why_it_is_not_served() {
    for (hello, expected) in [
        (Hello { province: ProvinceId([9; 16]), ..hello() }, ByeCode::WrongProvince),
        (Hello { node: NodeId([9; 16]), ..hello() }, ByeCode::UnknownMachine),
    ] {
        let mut province = waiting_province();
        tell_province(&mut province, Frame::Hello(Box::new(hello))).unwrap();
        assert_eq!(goodbye(province.poll()), Some(expected));
        let Some(ProvinceOutput::Finished(outcome)) = province.poll() else { panic!("not finished") };
        assert_eq!(outcome, ProvinceOutcome::Refused { code: expected });
    }
    let mut province = waiting_province();
    let newer = Hello { protocol: PROTOCOL_VERSION + 1, ..hello() };
    let error = tell_province(&mut province, Frame::Hello(Box::new(newer))).unwrap_err();
    assert!(matches!(error, SessionError::Version { ours: 1, theirs: 2 }));
    assert_eq!(goodbye(province.poll()), Some(ByeCode::Version));

    let mut province = waiting_province();
    tell_province(&mut province, Frame::Hello(Box::new(hello()))).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::LoadFacts(_))));
    province.handle(NOW, ProvinceInput::FactsLoaded(Err(ByeCode::Banned))).unwrap();
    assert_eq!(goodbye(province.poll()), Some(ByeCode::Banned));

    let mut province = open_province();
    province.handle(NOW, ProvinceInput::Refuse(ByeCode::Full)).unwrap();
    assert_eq!(goodbye(province.poll()), Some(ByeCode::Full));

    let mut node = open_node();
    tell_node(&mut node, Frame::Bye(Bye { code: ByeCode::Busy, args: vec![5000] })).unwrap();
    let Some(NodeOutput::Finished(outcome)) = node.poll() else { panic!("not finished") };
    assert_eq!(outcome, NodeOutcome::Refused { code: ByeCode::Busy, args: vec![5000] });
}

#[test]
fn a_proof_is_stored_only_if_it_says_what_this_machine_holds() {
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let good = proof(&province_key(), |_| ());
    let mut node = open_node();
    tell_node(&mut node, fresh_ack(link(good.clone()))).unwrap();
    assert!(matches!(node.poll(), Some(NodeOutput::StoreProof { is_renewal: false, .. })));

    let bad: [(&str, FreshProof); 8] = [
        ("signature", link(proof(&stranger, |_| ()))),
        ("machine", link(proof(&province_key(), |content| content.machine = NodeId([9; 16])))),
        ("position", link(proof(&province_key(), |content| content.position = 1))),
        ("digest", link(proof(&province_key(), |content| content.digest = Digest([1; 32])))),
        ("logs", link(proof(&province_key(), |content| content.logs.count = 1))),
        ("items", link(proof(&province_key(), |content| content.items_n = 1))),
        ("number", link(proof(&province_key(), |content| content.n = 2))),
        ("renewal", FreshProof::Renewal { n: 1, at: NOW, signature: *good.signature() }),
    ];
    for (name, fresh) in bad {
        let mut node = open_node();
        let error = tell_node(&mut node, fresh_ack(fresh)).unwrap_err();
        assert!(matches!(error, SessionError::Proof(_)) && !error.is_retryable(), "{name}");
        assert!(
            matches!(node.poll(), Some(NodeOutput::Send(message)) if message.kind == FrameKind::Bye),
            "{name}"
        );
        assert!(node.poll().is_none(), "{name}");
    }
}

#[test]
fn a_province_that_breaks_the_protocol_is_left() {
    let feed = |feed: FeedId, first_position| {
        let run = EntryRun::new(vec![Entry {
            log: BOOT,
            lsn: 1,
            kind: EntryKind::KEY,
            doc: DocId::NONE,
            hash: entry::body_hash(&[]),
            min_reader: 1,
            body: Some(vec![]),
        }]);
        let runs = vec![FeedRun::Bytes(run.unwrap())];
        Frame::Feed(Feed { feed, first_position, runs, end_digest: Digest::default(), head_position: 9 })
    };
    let unsent = Ack { logs: vec![LogAck { boot: BOOT, lsn: 3 }], ..Ack::default() };
    let other = HelloAck { session: 1, logs: vec![], clock: NOW, fresh: None, open: None, dictionary: 0 };
    let wrong: [(&str, Vec<Frame>); 8] = [
        ("before the answer", vec![feed(FEED, 1)]),
        ("another session", vec![Frame::HelloAck(Box::new(other))]),
        ("two answers", vec![open_ack(9), open_ack(9)]),
        ("a gap", vec![open_ack(9), feed(FEED, 2)]),
        ("another feed", vec![open_ack(9), feed(FeedId([9; 16]), 2)]),
        ("acknowledged what was not sent", vec![open_ack(9), Frame::Ack(unsent)]),
        ("a proof unasked", vec![open_ack(9), Frame::Proof(Box::new(link(proof(&province_key(), |_| ()))))]),
        ("too many batches", [vec![open_ack(9)], (1..=5).map(|at| feed(FEED, at)).collect()].concat()),
    ];
    for (name, frames) in wrong {
        let mut node = open_node();
        let (last, before) = frames.split_last().unwrap();
        for frame in before {
            tell_node(&mut node, frame.clone()).unwrap();
        }
        let error = tell_node(&mut node, last.clone()).unwrap_err();
        assert!(!error.is_retryable(), "{name}: {error}");
    }
}

/// As if a batch before it had been lost or read as another one: the session ends, and the next goes without.
#[test]
fn a_batch_packed_with_another_context_is_refused_and_may_come_without() {
    let packing = Packing { level: 3, dictionary: dictionary::NEWEST };
    let behind_another = |frame: &Frame| {
        let mut context = Context::default();
        changes(&node_key(), 100, |_| ()).encode_after(packing, &mut context).unwrap();
        frame.encode_after(packing, &mut context).unwrap().bytes
    };
    let entry = Entry {
        log: BOOT,
        lsn: 1,
        kind: EntryKind::KEY,
        doc: DocId::NONE,
        hash: entry::body_hash(&[7]),
        min_reader: 1,
        body: Some(vec![7]),
    };
    let runs = vec![FeedRun::Bytes(EntryRun::new(vec![entry]).unwrap())];
    let end_digest = Digest::default();
    let feed = Frame::Feed(Feed { feed: FEED, first_position: 1, runs, end_digest, head_position: 9 });

    let mut node = open_node();
    tell_node(&mut node, open_ack(9)).unwrap();
    let error = node.handle(NOW, NodeInput::Message(behind_another(&feed))).unwrap_err();
    assert!(matches!(error, SessionError::Decode(DecodeError::NoContext)) && error.is_retryable());
    let said = std::iter::from_fn(|| node.poll()).find(|output| matches!(output, NodeOutput::Send(_)));
    let Some(NodeOutput::Send(message)) = said else { panic!("no goodbye") };
    assert_eq!(goodbye(Some(ProvinceOutput::Send(message))), Some(ByeCode::NoContext));

    let own = changes(&node_key(), 1, |_| ());
    let mut province = open_province();
    let error = province.handle(NOW, ProvinceInput::Message(behind_another(&own))).unwrap_err();
    assert!(matches!(error, SessionError::Decode(DecodeError::NoContext)));
    let code = goodbye(province.poll());
    assert!(code == Some(ByeCode::NoContext) && code.is_some_and(ByeCode::is_retryable));

    let mut province = open_province();
    let alone = own.encode_as(packing).unwrap().bytes;
    province.handle(NOW, ProvinceInput::Message(alone)).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::StoreChanges(_))));
}

#[test]
fn a_node_cannot_bring_what_its_key_did_not_sign_nor_leave_gaps() {
    let mut province = open_province();
    tell_province(&mut province, changes(&node_key(), 1, |_| ())).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::StoreChanges(runs)) if runs.len() == 1));
    let wrong = [
        ("another key", changes(&province_key(), 1, |_| ())),
        ("another chain", changes(&node_key(), 1, |run| run.chain = Hash([9; 32]))),
        ("a gap", changes(&node_key(), 2, |_| ())),
        ("not a frame of a node", open_ack(0)),
        ("another session", Frame::Cut(Cut { session: 1, ..cut() })),
        ("another hello", Frame::Hello(Box::new(hello()))),
        ("heads unasked", Frame::Heads(Heads { heads: vec![], is_last: true })),
    ];
    for (name, frame) in wrong {
        let mut province = open_province();
        let error = tell_province(&mut province, frame).unwrap_err();
        assert!(!error.is_retryable(), "{name}");
        assert_eq!(goodbye(province.poll()), Some(ByeCode::Protocol), "{name}");
        assert!(province.poll().is_none(), "{name}");
    }
    let mut province = open_province();
    for _ in 0..limits::BATCHES_UNACKED_MAX {
        tell_province(&mut province, changes(&node_key(), 1, |_| ())).unwrap();
    }
    assert!(tell_province(&mut province, changes(&node_key(), 1, |_| ())).is_err(), "one batch too many");
}

fn cut() -> Cut {
    Cut {
        session: SESSION,
        feed: FeedHead { id: Some(FEED), position: 0, digest: Digest::default() },
        logs: LogsSummary::default(),
        waiting: 0,
        items: ItemsHead::default(),
    }
}

fn item(key: &SigningKey, n: u64, parents: Vec<Hash>) -> Item {
    Item::sign_with(n, ItemKind::MARK, parents, vec![7], BOOT, NOW, |bytes| key.sign(bytes).to_bytes())
}

fn items(items: &[Item]) -> Frame {
    let part = |item: &Item| {
        let bytes = item.to_bytes();
        ItemPart {
            n: item.header().n,
            total_bytes: u32::try_from(bytes.len()).unwrap(),
            offset_bytes: 0,
            bytes,
        }
    };
    Frame::Items(Items { parts: items.iter().map(part).collect() })
}

/// A province that asks the node for items that it lost, up to `target`.
fn wanting_province(target: ItemsHead) -> ProvinceSession {
    let mut province = waiting_province();
    tell_province(&mut province, Frame::Hello(Box::new(Hello { items: target, ..hello() }))).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::LoadFacts(_))));
    let facts = ProvinceFacts { wants_items: Some(vec![]), ..province_facts() };
    province.handle(NOW, ProvinceInput::FactsLoaded(Ok(Box::new(facts)))).unwrap();
    for expected in [FrameKind::HelloAck, FrameKind::Wanted] {
        assert!(matches!(province.poll(), Some(ProvinceOutput::Send(message)) if message.kind == expected));
    }
    assert!(province.poll().is_none());
    province
}

#[test]
fn a_restored_province_takes_back_only_what_it_signed_itself_and_asked_for() {
    let one = item(&province_key(), 1, vec![]);
    let two = item(&province_key(), 2, vec![one.hash()]);
    let mut province = wanting_province(two.head());
    // A cut from before the node heard of it is void.
    tell_province(&mut province, Frame::Cut(Cut { items: two.head(), ..cut() })).unwrap();
    assert!(province.poll().is_none());
    tell_province(&mut province, items(std::slice::from_ref(&one))).unwrap();
    assert!(
        matches!(province.poll(), Some(ProvinceOutput::StoreItems { items, is_last: false }) if items.len() == 1)
    );
    tell_province(&mut province, items(std::slice::from_ref(&two))).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::StoreItems { is_last: true, .. })));
    province.handle(NOW, ProvinceInput::ItemsStored { n: 1 }).unwrap();
    province.handle(NOW, ProvinceInput::ItemsStored { n: 2 }).unwrap();
    let acks: Vec<u64> = std::iter::from_fn(|| province.poll())
        .map(|output| {
            let ProvinceOutput::Send(message) = output else { panic!("{output:?}") };
            let frame = Frame::decode(&message.bytes).unwrap();
            let Frame::Ack(ack) = frame else { panic!("{frame:?}") };
            ack.items
        })
        .collect();
    assert_eq!(acks, [1, 2]);
    assert!(tell_province(&mut province, items(std::slice::from_ref(&two))).is_err(), "no more are wanted");
    let mut province = wanting_province(two.head());
    let forged = item(&node_key(), 1, vec![]);
    let error = tell_province(&mut province, items(&[forged])).unwrap_err();
    assert!(matches!(error, SessionError::Item(_)), "{error:?}");
    let mut province = open_province();
    assert!(tell_province(&mut province, items(std::slice::from_ref(&one))).is_err(), "none were asked for");
    let mut province = wanting_province(one.head());
    assert!(tell_province(&mut province, items(&[one, two])).is_err(), "nothing comes after the last");
}

#[test]
fn a_node_sends_back_what_it_is_asked_for_once_and_cuts_only_then() {
    let one = item(&province_key(), 1, vec![]);
    let facts = NodeFacts { items: one.head(), ..node_facts() };
    let mut node = NodeSession::new(NOW, facts, NodeOptions::default()).unwrap();
    assert!(node.poll().is_some());
    tell_node(&mut node, open_ack(0)).unwrap();
    while node.poll().is_some() {}
    tell_node(&mut node, Frame::Wanted(Wanted { held: vec![] })).unwrap();
    assert!(matches!(node.poll(), Some(NodeOutput::LoadItems { after_place: 0, .. })));
    assert!(
        tell_node(&mut node, Frame::Ack(Ack { items: 1, ..Ack::default() })).is_err(),
        "nothing was sent"
    );
    let facts = NodeFacts { items: one.head(), ..node_facts() };
    let mut node = NodeSession::new(NOW, facts, NodeOptions::default()).unwrap();
    tell_node(&mut node, open_ack(0)).unwrap();
    tell_node(&mut node, Frame::Wanted(Wanted { held: vec![] })).unwrap();
    let cut = CutFacts {
        feed: FeedHead { id: Some(FEED), ..FeedHead::default() },
        logs: LogsSummary::default(),
        current: None,
        waiting: 0,
        items: one.head(),
    };
    node.handle(NOW, NodeInput::CutLoaded(cut)).unwrap();
    let asked: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    let is_cut =
        |output: &NodeOutput| matches!(output, NodeOutput::Send(message) if message.kind == FrameKind::Cut);
    assert!(!asked.iter().any(is_cut), "the cut that was under way is not sent");
    node.handle(NOW, NodeInput::ItemsLoaded(vec![PlacedItem { place: 5, item: one }])).unwrap();
    assert!(matches!(node.poll(), Some(NodeOutput::Send(message)) if message.kind == FrameKind::Items));
    assert!(node.poll().is_none(), "nothing more until it is stored");
    tell_node(&mut node, Frame::Ack(Ack { items: 1, ..Ack::default() })).unwrap();
    let asked: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    assert!(
        asked.iter().any(|output| matches!(output, NodeOutput::LoadItems { after_place: 5, .. })),
        "{asked:?}"
    );
    node.handle(NOW, NodeInput::ItemsLoaded(vec![])).unwrap();
    let asked: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    assert!(asked.iter().any(|output| matches!(output, NodeOutput::LoadCut)), "{asked:?}");
    let again = tell_node(&mut node, Frame::Wanted(Wanted { held: vec![] }));
    assert!(again.is_err(), "a province asks once");
}

#[test]
fn a_node_gives_back_what_an_earlier_feed_brought_before_it_cuts() {
    let facts = NodeFacts { may_hold_lost: true, ..node_facts() };
    let mut node = NodeSession::new(NOW, facts, NodeOptions::default()).unwrap();
    tell_node(&mut node, open_ack(0)).unwrap();
    let asked: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    assert!(
        asked.iter().any(|output| matches!(output, NodeOutput::LoadAside { after_place: 0, .. })),
        "{asked:?}"
    );
    assert!(!asked.iter().any(|output| matches!(output, NodeOutput::LoadCut)), "{asked:?}");
    let entry = Entry {
        log: BOOT,
        lsn: 4,
        kind: EntryKind::CHANGE,
        doc: DocId([5; 16]),
        hash: ChangeHash([6; 32]),
        min_reader: 1,
        body: None,
    };
    let loaded = NodeInput::AsideLoaded { entries: vec![entry.clone()], last_place: 9 };
    node.handle(NOW, loaded).unwrap();
    let sent: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    let [NodeOutput::Send(message)] = &sent[..] else { panic!("{sent:?}") };
    let mut province = open_province();
    province.handle(NOW, ProvinceInput::Message(message.bytes.clone())).unwrap();
    let Some(ProvinceOutput::StoreAside(runs)) = province.poll() else { panic!("not stored") };
    assert_eq!(runs.into_iter().flat_map(EntryRun::into_entries).collect::<Vec<_>>(), [entry]);
    assert!(province.poll().is_none(), "acknowledged only when it is stored");
    province.handle(NOW, ProvinceInput::AsideStored).unwrap();
    let Some(ProvinceOutput::Send(ack)) = province.poll() else { panic!("not acknowledged") };
    node.handle(NOW, NodeInput::Message(ack.bytes)).unwrap();
    let asked: Vec<NodeOutput> = std::iter::from_fn(|| node.poll()).collect();
    assert!(
        asked.iter().any(|output| matches!(output, NodeOutput::LoadAside { after_place: 9, .. })),
        "{asked:?}"
    );
    node.handle(NOW, NodeInput::AsideLoaded { entries: vec![], last_place: 0 }).unwrap();
    assert!(matches!(node.poll(), Some(NodeOutput::LoadCut)));
    let unsent = Frame::Ack(Ack { asides: 2, ..Ack::default() });
    assert!(tell_node(&mut node, unsent).is_err(), "acknowledged what was not sent");
    let mut province = open_province();
    for _ in 0..limits::BATCHES_UNACKED_MAX {
        province.handle(NOW, ProvinceInput::Message(message.bytes.clone())).unwrap();
    }
    assert!(
        province.handle(NOW, ProvinceInput::Message(message.bytes.clone())).is_err(),
        "one batch too many"
    );
}

#[test]
fn an_item_that_neither_follows_nor_belongs_to_another_branch_is_refused() {
    let one = item(&province_key(), 1, vec![]);
    let other = item(&province_key(), 1, vec![Hash([3; 32])]);
    let two = item(&province_key(), 2, vec![one.hash()]);
    let beyond = item(&province_key(), 3, vec![other.hash()]);
    let gap = item(&province_key(), 4, vec![Hash([8; 32])]);
    let mut node = open_node();
    tell_node(&mut node, open_ack(0)).unwrap();
    tell_node(&mut node, items(&[one.clone(), other.clone(), two, beyond])).unwrap();
    assert!(tell_node(&mut node, items(&[gap])).is_err());
    let mut node = open_node();
    tell_node(&mut node, open_ack(0)).unwrap();
    let forged = item(&node_key(), 1, vec![]);
    assert!(tell_node(&mut node, items(&[forged])).is_err(), "not signed by the province");
}

#[test]
fn equal_positions_with_another_content_are_reported_as_a_difference() {
    let mut province = open_province();
    tell_province(&mut province, Frame::Cut(cut())).unwrap();
    assert!(matches!(province.poll(), Some(ProvinceOutput::MakeProof(_))));
    province.handle(NOW, ProvinceInput::ProofMade(Err(NotEqual::Differs))).unwrap();
    assert_eq!(goodbye(province.poll()), Some(ByeCode::Difference));
    let here = FeedHead { id: Some(FEED), position: 0, digest: Digest::default() };
    let (logs, items) = (LogsSummary::default(), ItemsHead::default());
    assert_eq!(cut().compare(&here, &logs, &items), Ok(()));
    let grown = FeedHead { position: 3, ..here };
    assert_eq!(cut().compare(&grown, &logs, &items), Err(NotEqual::FeedGrown { position: 3 }));
    let other = FeedHead { digest: Digest([1; 32]), ..here };
    assert_eq!(cut().compare(&other, &logs, &items), Err(NotEqual::Differs));
    let ahead = Cut { feed: grown, ..cut() };
    assert_eq!(ahead.compare(&here, &logs, &items), Err(NotEqual::Differs));
    let newer = ItemsHead { n: 2, hash: Hash([2; 32]) };
    assert_eq!(cut().compare(&here, &logs, &newer), Err(NotEqual::ItemsGrown { n: 2 }));
    let more = LogsSummary { count: 1, ..logs };
    assert_eq!(cut().compare(&here, &more, &items), Err(NotEqual::Differs));
}

#[test]
fn answers_that_were_not_asked_for_are_our_bug_and_said_so() {
    let inputs = || {
        vec![
            NodeInput::ItemsStored,
            NodeInput::ProofsStored,
            NodeInput::ProofStored,
            NodeInput::FeedStored { position: 1 },
            NodeInput::HeadsLoaded { heads: vec![], is_last: true },
            NodeInput::LogLoaded { boot: BOOT, entries: vec![], head: None },
        ]
    };
    for input in inputs() {
        let name = format!("{input:?}");
        let error = open_node().handle(NOW, input).unwrap_err();
        assert!(matches!(error, SessionError::Misuse(_)), "{name}");
    }
    for input in [
        ProvinceInput::HeadsChecked(vec![]),
        ProvinceInput::ProofMade(Err(NotEqual::Differs)),
        ProvinceInput::ItemsLoaded(vec![]),
        ProvinceInput::ProofsLoaded(vec![]),
        ProvinceInput::FactsLoaded(Ok(Box::new(province_facts()))),
    ] {
        let name = format!("{input:?}");
        let error = open_province().handle(NOW, input).unwrap_err();
        assert!(matches!(error, SessionError::Misuse(_)), "{name}");
    }
}

#[test]
fn a_log_is_compared_by_position_and_chain() {
    let head = |lsn, chain| LogHead { boot: BOOT, lsn, chain: Hash([chain; 32]) };
    for (name, there, here, chain_at, expected) in [
        ("nothing here", head(3, 3), head(0, 0), None, LogStatus::Unknown),
        ("equal", head(3, 3), head(3, 3), None, LogStatus::Known),
        ("equal position, another chain", head(3, 3), head(3, 9), None, LogStatus::Forked),
        ("less here", head(5, 5), head(3, 3), None, LogStatus::Behind),
        ("more here", head(2, 2), head(3, 3), Some(2), LogStatus::Ahead),
        ("more here, another chain", head(2, 2), head(3, 3), Some(9), LogStatus::Forked),
    ] {
        let facts = LogFacts::compare(&there, here, |_| chain_at.map(|chain| Hash([chain; 32])));
        assert_eq!(facts.status, expected, "{name}");
    }
}

#[test]
fn a_no_op_costs_the_same_for_five_million_entries() {
    let sizes = [500u64, 5_000_000].map(|entries| {
        let logs = LogsSummary { count: entries / 5, digest: Digest([entries.to_be_bytes()[7]; 32]) };
        let feed = FeedHead { id: Some(FEED), position: entries * 3, digest: Digest([8; 32]) };
        let items = ItemsHead { n: entries / 100, hash: Hash([6; 32]) };
        let last = proof(&province_key(), |content| {
            content.n = entries;
            content.position = feed.position;
            content.digest = feed.digest;
            content.logs = logs;
            content.counts.applied = entries;
            content.items_n = items.n;
        });
        let facts = NodeFacts { older: logs, feed, items, last_proof: Some(last.clone()), ..node_facts() };
        let mut node = NodeSession::new(NOW, facts, NodeOptions::default()).unwrap();
        let Some(NodeOutput::Send(hello)) = node.poll() else { panic!("no hello") };
        let mut province = waiting_province();
        province.handle(NOW, ProvinceInput::Message(hello.bytes.clone())).unwrap();
        let Some(ProvinceOutput::LoadFacts(_)) = province.poll() else { panic!("no question") };
        let facts = ProvinceFacts { feed, items, last_proof: Some(last.head()), ..province_facts() };
        province.handle(NOW, ProvinceInput::FactsLoaded(Ok(Box::new(facts)))).unwrap();
        let Some(ProvinceOutput::MakeProof(request)) = province.poll() else { panic!("no request") };
        let content =
            ProofContent::next(&last.content().state(), Some(&last), request.told, BootId([99; 16]));
        let renewed = Proof::sign_with(content, NOW, |bytes| province_key().sign(bytes).to_bytes());
        province.handle(NOW, ProvinceInput::ProofMade(Ok(Box::new(renewed)))).unwrap();
        let Some(ProvinceOutput::Send(ack)) = province.poll() else { panic!("no answer") };
        node.handle(NOW, NodeInput::Message(ack.bytes.clone())).unwrap();
        assert!(matches!(node.poll(), Some(NodeOutput::StoreProof { is_renewal: true, .. })));
        node.handle(NOW, NodeInput::ProofStored).unwrap();
        assert!(matches!(node.poll(), Some(NodeOutput::Converged)));
        assert!(matches!(node.poll(), Some(NodeOutput::Finished(NodeOutcome::Converged))));
        assert_eq!(node.statistics().round_trips, 1);
        (hello.bytes.len(), ack.bytes.len())
    });
    assert_eq!(sizes[0], sizes[1]);
    assert!(sizes[0].0 + sizes[0].1 <= 600, "{sizes:?}");
}

#[test]
fn even_the_first_proof_of_an_empty_machine_fits_the_no_op() {
    let first = proof(&province_key(), |_| ());
    let ack = bytes(fresh_ack(link(first))).len();
    let hello = bytes(Frame::Hello(Box::new(hello()))).len();
    assert!(hello + ack <= 600, "{hello} + {ack}");
}
