//! Shutting a machine out for good: it is lost, broken beyond repair or stolen, and another takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use serde_json::Value;
use serde_json::json;
use sync_protocol::ids::NodeId;
use sync_protocol::item::ItemKind;
use sync_protocol::time::Millis;

use crate::clock;
use crate::clock::rfc3339;
use crate::control::Failure;
use crate::desk::Desk;
use crate::desk::shelf::Held;
use crate::i18n;
use crate::i18n::Language;
use crate::identity::MachineIdentity;
use crate::provincial::BODY_VERSION;
use crate::provincial::Ban;
use crate::provincial::to_bytes;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::province::require_province;
use crate::roles::store_failure;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Subscription;
use crate::store::WriteTx;
use crate::store::peers::Machine;
use crate::sync::province_store::append_item;
use crate::transport::endpoint::IsAllowed;

/// Longest reason, in bytes: it is in every node's copy of the chain and in marked dossiers.
pub(super) const WHY_BYTES_MAX: usize = 500;

/// The banned machines, remembered for the network's threads, and what keeps the memory up with the store.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn remembered(office: &Arc<Office>) -> Result<(IsAllowed, Subscription), Failure> {
    let read =
        |store: &Store| -> Result<BTreeSet<NodeId>, StoreError> { store.read(|view| view.banned_machines()) };
    let banned = Arc::new(RwLock::new(read(&office.store).map_err(store_failure)?));
    let subscription = office.store.subscribe({
        let (banned, store) = (Arc::clone(&banned), Arc::downgrade(&office.store));
        // A ban is an item of the province's chain.
        move |growth| {
            let Some(store) = store.upgrade().filter(|_| growth.item.is_some()) else { return };
            match read(&store) {
                Ok(now) => *banned.write().unwrap_or_else(PoisonError::into_inner) = now,
                Err(error) => tracing::error!(%error, "the banned machines cannot be read"),
            }
        }
    });
    let is_allowed = move |node| !banned.read().unwrap_or_else(PoisonError::into_inner).contains(&node);
    Ok((Arc::new(is_allowed), subscription))
}

/// What a ban is decided with, inside its commit.
struct Order {
    desk: Desk,
    held: Arc<Held>,
    identity: Arc<MachineIdentity>,
    machine: Machine,
    why: String,
    suspect_from: Option<Millis>,
}

/// Bans a machine, in one commit: told to all by a signed item, its unused series and its seat's unused codes
/// withdrawn, what of it was not accepted yet quarantined. What was accepted stays; what of it arrived at or after
/// `suspect_from` is listed, and its acts are marked for review in their dossiers.
///
/// A machine is banned once: a second time is refused, because its reason and `suspect_from` would have no effect.
///
/// # Errors
/// This is not the provincial server, the machine is unknown or banned already, the reason is empty or too long,
/// `suspect_from` is to come, or the store fails.
pub fn ban(office: &Office, node: &str, why: &str, suspect_from: Option<Millis>) -> Result<Value, Failure> {
    require_province(office)?;
    let machine = known_machine(office, node)?;
    let why = why.trim();
    if why.is_empty() || why.len() > WHY_BYTES_MAX {
        return Err(Refusal::of_field("enrol-ban-why", "--why").with("most", WHY_BYTES_MAX).into());
    }
    if suspect_from.is_some_and(|from| from > office.clock().wall()) {
        return Err(Refusal::of_field("enrol-ban-suspect-future", "--suspect-from").into());
    }
    let order = Order {
        desk: office.desk.clone(),
        held: office.shelf.held()?,
        identity: Arc::clone(&office.identity),
        machine,
        why: why.to_owned(),
        suspect_from,
    };
    office.store.write(move |tx| order.carry_out(tx)).map_err(store_failure)
}

/// An enrolled machine by its id as a person gives it.
///
/// # Errors
/// There is none, or the store fails.
pub(super) fn known_machine(office: &Office, node: &str) -> Result<Machine, Failure> {
    let unknown = || Refusal::of_field("enrol-no-machine", "node").with("node", node);
    let id: NodeId = node.parse().map_err(|_| unknown())?;
    let found = office.store.read(|view| view.machine(id)).map_err(store_failure)?;
    Ok(found.ok_or_else(unknown)?)
}

impl Order {
    fn carry_out(&self, tx: &mut WriteTx<'_>) -> Result<Value, StoreError> {
        let node = self.machine.node;
        // Read inside the job: two people may ban it at once.
        if let Some(at) = tx.machine(node)?.and_then(|machine| machine.banned_at) {
            let at = clock::for_people(at);
            return Err(Refusal::of_field("enrol-ban-already", "node").with("at", at).into());
        }
        let at = tx.now();
        tx.ban_machine(node, &self.why)?;
        tx.release_series(node)?;
        let codes = tx.expire_enrolments(&self.machine.seat)?;
        let why = self.why.clone();
        let item = Ban { format: BODY_VERSION, machine: node, why, suspect_from: self.suspect_from, at };
        append_item(tx, &self.identity, ItemKind::BAN, to_bytes(&item))?;
        tx.audit_row("enrol-ban", None, None)?;
        let suspect = self.mark_suspect(tx)?;
        let kept = tx.entry_counts(node)?.quarantined;
        Ok(json!({
            "node": node.to_string(),
            "agency": self.machine.seat.as_str(),
            "banned_at": rfc3339(at),
            "why": self.why,
            "suspect_from": self.suspect_from.map(rfc3339),
            "suspect": suspect,
            "suspect_dossiers": suspect.len(),
            "quarantined": kept,
            "codes_withdrawn": codes,
        }))
    }

    /// Lists what of the machine is suspect, by dossier, and marks it there.
    fn mark_suspect(&self, tx: &mut WriteTx<'_>) -> Result<Vec<Value>, StoreError> {
        let Some(from) = self.suspect_from else { return Ok(Vec::new()) };
        // It becomes part of the dossiers, which are written in the offices' language.
        let basis = i18n::text(Language::Vi, "enrol-ban-basis", &[("why", &self.why)]);
        let mut suspect = Vec::new();
        for (doc, changes) in tx.applied_since(self.machine.node, from)? {
            let marked = tx.nested(|tx| self.desk.mark_for_review(tx, &self.held, doc, &changes, &basis))?;
            let mark = match marked {
                Ok(mark) => mark.map(|id| id.to_string()),
                // A dossier that cannot be written must not keep a stolen machine in.
                Err(StoreError::Bug(_) | StoreError::Refused(_)) => None,
                Err(other) => return Err(other),
            };
            let number = tx.dossier(doc)?.and_then(|row| row.number);
            suspect.push(json!({
                "number": number,
                "id": doc.to_string(),
                "changes": changes.len(),
                "mark": mark,
            }));
        }
        Ok(suspect)
    }
}
