//! What must hold at any moment, while faults go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use motcua_node::dossier::document::inspect;
use motcua_node::dossier::export;
use motcua_node::roles::Office;
use motcua_node::store::StoreError;
use motcua_node::store::View;
use motcua_node::store::dossiers::StoredChange;
use motcua_node::store::log::EntryState;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;

use crate::faults::planted::Mistake;
use crate::sim::coverage::Coverage;

/// Where every entry with a change stands at one machine, by document and row: a change can come in several entries.
pub type Standings = BTreeMap<(DocId, i64), (ChangeHash, EntryState)>;

/// The moves that the table of an entry's life allows (ARCHITECTURE.md), beside staying.
const MOVES: [(EntryState, EntryState); 14] = [
    (EntryState::Waiting, EntryState::Applied),
    (EntryState::Waiting, EntryState::Quarantined),
    (EntryState::Waiting, EntryState::Refused),
    (EntryState::Waiting, EntryState::Voided),
    (EntryState::Quarantined, EntryState::Applied),
    (EntryState::Quarantined, EntryState::Waiting),
    (EntryState::Quarantined, EntryState::Voided),
    (EntryState::Quarantined, EntryState::Refused),
    // A right body heals a wrong one.
    (EntryState::Refused, EntryState::Applied),
    (EntryState::Refused, EntryState::Waiting),
    // Its machine has written it again.
    (EntryState::Waiting, EntryState::Superseded),
    (EntryState::Applied, EntryState::Superseded),
    (EntryState::Quarantined, EntryState::Superseded),
    (EntryState::Refused, EntryState::Superseded),
];

/// Every document that is shown or that any log of these machines names.
fn documents(view: &View<'_>, machines: &[NodeId]) -> Result<BTreeSet<DocId>, StoreError> {
    let shown = view.documents_by_number(None, usize::from(u16::MAX))?;
    let mut docs: BTreeSet<DocId> = shown.into_iter().map(|(_, doc)| doc).collect();
    for machine in machines {
        for log in view.logs_of(*machine)? {
            let mut after = 0;
            loop {
                let entries = view.entries_after(log.boot, after, usize::MAX)?;
                let Some(last) = entries.last() else { break };
                after = last.lsn;
                docs.extend(entries.iter().filter(|one| one.kind == EntryKind::CHANGE).map(|one| one.doc));
            }
        }
    }
    Ok(docs)
}

/// Reads where everything stands, and checks that whatever waits has a cause.
///
/// # Panics
/// An entry waits for nothing.
pub fn standings(name: &str, office: &Office, machines: &[NodeId]) -> Standings {
    let read = |view: &View<'_>| {
        let mut standings = Standings::new();
        for doc in documents(view, machines)? {
            let changes = view.changes_of(doc)?;
            for change in &changes {
                if change.facts.state == EntryState::Waiting {
                    assert!(has_cause(&changes, change), "{name}: {:?} waits for nothing", change.facts);
                }
                standings.insert((doc, change.facts.id), (change.facts.hash, change.facts.state));
            }
        }
        Ok(standings)
    };
    office.store.read(read).unwrap()
}

/// Whether a waiting change waits for a newer program, a body or another change.
fn has_cause(changes: &[StoredChange], waiting: &StoredChange) -> bool {
    let has_effect = |hash: &ChangeHash| {
        changes.iter().any(|change| {
            change.facts.hash == *hash
                && matches!(change.facts.state, EntryState::Applied | EntryState::Voided)
        })
    };
    let Some(body) = &waiting.body else { return true };
    waiting.facts.reason.is_some()
        || inspect(body).is_ok_and(|info| info.deps.iter().any(|dep| !has_effect(dep)))
}

/// Checks that what was there has moved along the table only, and that nothing has gone. Where the province was put back,
/// what a node had from it before may stop counting there, and what builds on that waits again.
///
/// # Panics
/// Something moved otherwise.
pub fn check_moves(
    name: &str,
    before: &Standings,
    now: &Standings,
    has_been_behind: bool,
    coverage: &mut Coverage,
) {
    for (key, (hash, was)) in before {
        let Some((still, is)) = now.get(key) else { panic!("{name}: a change of {} is gone: {hash}", key.0) };
        assert_eq!(hash, still, "{name}: an entry of {} is another change", key.0);
        if was != is {
            let waits_again = has_been_behind && (*was, *is) == (EntryState::Applied, EntryState::Waiting);
            let is_right = MOVES.contains(&(*was, *is)) || waits_again;
            assert!(is_right, "{name}: {hash} went from {was:?} to {is:?}");
            coverage.count("an entry's state moved");
        }
    }
}

/// The state of a document as a person sees it, by the set of its changes that took effect.
///
/// # Panics
/// The store cannot be read.
#[must_use]
pub fn state_of(
    office: &Office,
    doc: DocId,
    mistake: Option<Mistake>,
) -> Option<(BTreeSet<ChangeHash>, String)> {
    let read = |view: &View<'_>| {
        let Some(state) = view.state(doc)? else { return Ok(None) };
        let mut shown = export::export(&state).to_string();
        if mistake == Some(Mistake::FoldReadsDirectory) {
            let held = view.newest_directory()?.map_or(0, |(version, _)| version);
            shown.push_str(&format!("due by version {held}"));
        }
        let applied = view
            .changes_of(doc)?
            .into_iter()
            .filter(|change| matches!(change.facts.state, EntryState::Applied | EntryState::Voided))
            .map(|change| change.facts.hash)
            .collect();
        Ok(Some((applied, shown)))
    };
    office.store.read(read).unwrap()
}

/// Checks on some documents that machines that hold the same changes show the same state, whatever directory each
/// holds and in whatever order the changes came.
///
/// # Panics
/// Two show different states.
pub fn check_same_sets_show_the_same(
    offices: &[(&str, &Office)],
    docs: &[DocId],
    mistake: Option<Mistake>,
    coverage: &mut Coverage,
) {
    for doc in docs {
        let mut shown: BTreeMap<BTreeSet<ChangeHash>, (&str, String)> = BTreeMap::new();
        for (name, office) in offices {
            let Some((applied, state)) = state_of(office, *doc, mistake) else { continue };
            match shown.get(&applied) {
                None => {
                    shown.insert(applied, (name, state));
                }
                Some((other, before)) => {
                    assert_eq!(*before, state, "{doc} at {other} and at {name}, with the same changes");
                    coverage.count("states compared");
                }
            }
        }
    }
}
