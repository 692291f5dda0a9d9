//! Offices, their place in the tree, and the people who work there.

use sync_protocol::ids::ProvinceId;

use crate::directory::Extensions;
use crate::directory::Validity;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;

words! {
    /// The level of government an agency belongs to.
    Level {
        /// A ministry or its vertical agency.
        "ministry" Ministry,
        /// The province.
        "province" Province,
        /// A district: abolished on 01/07/2025, kept so that old dossiers resolve.
        "district" District,
        /// A commune, ward or special zone.
        "commune" Commune,
    }
    /// What an agency is.
    AgencyKind {
        /// The centre of a commune, ward or special zone.
        "commune" Commune,
        /// A provincial department.
        "department" Department,
        /// An agency of a ministry's own line: police, tax, social insurance.
        "vertical" Vertical,
        /// The province's People's Committee.
        "province" Province,
        /// A public administration service centre that receives and does not decide.
        "centre" Centre,
        /// A branch of a centre; a seat of its own.
        "branch" Branch,
        /// A former district office.
        "district" District,
        /// A participant that is not of the state, for example the power company.
        "company" Company,
    }
    /// How an agency takes part (domain.md 2.5, custody).
    SeatKind {
        /// It runs a commune node.
        "node" Node,
        /// It works on the provincial server's pages.
        "hosted" Hosted,
        /// It has a system of its own: only hand-over and result are recorded, by the sender.
        "external" External,
    }
    /// What an officer may do in an office (domain.md 2.2). One person may hold several.
    Role {
        /// Tiếp nhận: receives, checks, scans, prints.
        "receiving" Receiving,
        /// Lãnh đạo phân công: assigns.
        "assigning_leader" AssigningLeader,
        /// Chuyên viên thụ lý: examines, drafts.
        "case_officer" CaseOfficer,
        /// Lãnh đạo: reviews and signs.
        "leader" Leader,
        /// Văn thư: numbers, seals, issues.
        "registrar" Registrar,
        /// Trả kết quả.
        "returning" Returning,
        /// Thu phí, kế toán.
        "fee" Fee,
        /// Giám đốc, phó giám đốc Trung tâm: supervises.
        "director" Director,
        /// Kiểm soát thủ tục hành chính.
        "control" Control,
        /// Nhân viên bưu chính công ích, with limited rights.
        "post" Post,
        /// Quản trị.
        "admin" Admin,
    }
}

/// One agency.
#[derive(Clone, Debug, PartialEq)]
pub struct Agency {
    /// Its code, for ever.
    pub code: AgencyCode,
    /// Its full name.
    pub name: String,
    /// Its name on narrow paper and in lists; the full name where `None`.
    pub short_name: Option<String>,
    /// Its level of government.
    pub level: Level,
    /// What it is.
    pub kind: AgencyKind,
    /// How it takes part.
    pub seat: SeatKind,
    /// When it exists.
    pub valid: Validity,
    /// The agency that takes its place when it ends.
    pub successor: Option<AgencyCode>,
    /// The agency above it.
    pub parent: Option<AgencyCode>,
    /// The national code of its commune, such as `18133`.
    pub commune_code: Option<String>,
    /// The phone number posted for citizens.
    pub hotline: Option<String>,
    /// Its street address, for the head of papers.
    pub address: Option<String>,
    /// The province whose certificate authority answers for it, where that is another one: provinces merge.
    pub province_id: Option<ProvinceId>,
    /// Fields for others.
    pub extensions: Extensions,
}

impl Agency {
    /// The name to show where space is short.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.short_name.as_deref().unwrap_or(&self.name)
    }
}

/// One officer. Secrets and certificates are kept elsewhere: the directory is public.
#[derive(Clone, Debug, PartialEq)]
pub struct Officer {
    /// The seat and the officer's number there.
    pub id: OfficerId,
    /// Name as printed on papers.
    pub name: String,
    /// Title as printed above a signature.
    pub title: Option<String>,
    /// What the officer may do; at least one.
    pub roles: Vec<Role>,
    /// When the officer works there.
    pub valid: Validity,
    /// Whether the account is open; an officer on leave or gone early is not active.
    pub is_active: bool,
    /// Fields for others.
    pub extensions: Extensions,
}

impl Officer {
    /// Whether the officer holds that role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the officer holds one of those roles.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }
}
