//! Who holds a dossier (domain.md 2.5, custody table).

use crate::ids::AgencyCode;

/// Where a dossier is, and so who may act on its state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Custody {
    /// A seat holds it and alone acts on its state.
    Held {
        /// The seat.
        seat: AgencyCode,
    },
    /// Transferred and not yet taken over, declined or recalled.
    InTransit {
        /// The sender.
        from: AgencyCode,
        /// The seat it goes to.
        to: AgencyCode,
    },
    /// With an agency that keeps its own system.
    Outside {
        /// The agency.
        agency: AgencyCode,
        /// The seat that handed it over.
        by: AgencyCode,
    },
    /// Decided; the result waits at, or travels to, the return place.
    ToReturn {
        /// The return place.
        place: AgencyCode,
    },
    /// Ended: refused (3), withdrawn (7), stopped (8) or returned (10).
    Closed,
}

impl Custody {
    /// The word in outputs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::InTransit { .. } => "in_transit",
            Self::Outside { .. } => "outside",
            Self::ToReturn { .. } => "to_return",
            Self::Closed => "closed",
        }
    }

    /// The seat that must act next, if any.
    #[must_use]
    pub const fn holder(&self) -> Option<&AgencyCode> {
        match self {
            Self::Held { seat } => Some(seat),
            Self::InTransit { to, .. } => Some(to),
            Self::Outside { by, .. } => Some(by),
            Self::ToReturn { place } => Some(place),
            Self::Closed => None,
        }
    }
}
