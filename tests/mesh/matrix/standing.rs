//! How somebody stands to what they ask about, and what the policy makes of it.

use std::fmt;

use tonic::{Code, Status};

use super::people::{DELEGATES, Half, Organisations, ROLES, SERVICES};
use super::policy::{Kind, Line};

/// A column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// About one's own: as the patient, or at an organisation that takes part.
    Own,
    /// At an organisation that takes part, acting for the patient under her delegation.
    Acting,
    /// The same, under a delegation that says everything but VIEW.
    ActingUnseeing,
    /// The same role in the other half: of another organisation.
    OtherOrganisation,
    /// As another patient, or acting for one at an organisation that takes part.
    OtherPatient,
    /// A valid login, and no relation to what is in the other half.
    NoRelation,
    NoToken,
    ExpiredToken,
    WrongAudience,
    NoCertificate,
}

impl Column {
    pub(super) const ALL: [Self; 10] = [
        Self::Own,
        Self::Acting,
        Self::ActingUnseeing,
        Self::OtherOrganisation,
        Self::OtherPatient,
        Self::NoRelation,
        Self::NoToken,
        Self::ExpiredToken,
        Self::WrongAudience,
        Self::NoCertificate,
    ];

    /// Whether there is such a caller at all.
    fn exists_for(self, role: char) -> bool {
        let is_service = role.is_ascii_lowercase();
        match self {
            Self::Acting | Self::ActingUnseeing => DELEGATES.contains(&role),
            Self::OtherOrganisation => !is_service && role != 'R',
            Self::OtherPatient => role == 'R' || DELEGATES.contains(&role),
            Self::NoRelation => !is_service,
            _ => true,
        }
    }
}

/// One call of the matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) line: &'static Line,
    pub(super) role: char,
    pub(super) column: Column,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = ROLES.iter().chain(&SERVICES);
        let role = all.clone().find(|(letter, _)| *letter == self.role).map_or("?", |(_, name)| name);
        write!(f, "{} × {role} × {:?}", self.line.name, self.column)
    }
}

/// What must come of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    /// Refused for who calls, or, of a list, answered with nothing of what is there.
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This role does not call this method.
    Role,
    /// This service does not call this method, or in other people's name only, which a bad token is not.
    Peer(Option<&'static str>),
    /// Not this row.
    Row,
    Token(&'static str),
    /// The connection does not come about.
    Connection,
}

/// Every cell of a line: each role in each column that there is. Of several ways of asking, a role that none of them names is refused
/// in the first; a role that one of them names is asked in those alone.
pub(super) fn cells<'a>(
    lines: &'static [Line],
    is_wanted: &'a dyn Fn(&Line) -> bool,
) -> impl Iterator<Item = Cell> + 'a {
    let callers = ROLES.iter().chain(&SERVICES).map(|(letter, _)| *letter);
    lines.iter().filter(|line| is_wanted(line)).flat_map(move |line| {
        callers.clone().filter(move |role| is_asked(lines, line, *role)).flat_map(move |role| {
            let columns = Column::ALL.into_iter().filter(move |column| column.exists_for(role));
            columns.map(move |column| Cell { line, role, column })
        })
    })
}

fn is_asked(lines: &'static [Line], line: &Line, role: char) -> bool {
    let mut siblings = lines.iter().filter(|other| other.method() == line.method());
    let is_first = siblings.clone().next().is_some_and(|first| first.name == line.name);
    line.relations(role).is_some() || is_first && siblings.all(|other| other.relations(role).is_none())
}

impl Cell {
    pub(super) fn is_service(&self) -> bool {
        self.role.is_ascii_lowercase()
    }

    /// Whose person calls.
    pub(super) fn caller(&self) -> Half {
        match self.column {
            Column::OtherOrganisation => Half::B,
            Column::OtherPatient if self.role == 'R' => Half::B,
            _ => Half::A,
        }
    }

    /// In which half lies what is asked about.
    pub(super) fn object(&self) -> Half {
        if self.column == Column::NoRelation { Half::B } else { Half::A }
    }

    /// For whose patient the caller acts.
    pub(super) fn acts_for(&self) -> Option<Half> {
        match self.column {
            Column::Acting | Column::ActingUnseeing => Some(Half::A),
            Column::OtherPatient if self.role != 'R' => Some(Half::B),
            _ => None,
        }
    }

    pub(super) fn expected(&self) -> Expected {
        let token = match self.column {
            Column::NoCertificate => return Expected::Refused(Refusal::Connection),
            Column::NoToken => Some("TOKEN_MISSING"),
            Column::ExpiredToken => Some("TOKEN_EXPIRED"),
            Column::WrongAudience => Some("TOKEN_INVALID"),
            _ => None,
        };
        let relations = self.line.relations(self.role);
        if self.is_service() && relations.is_none() {
            return Expected::Refused(Refusal::Peer(token));
        }
        if self.line.kind == Kind::Open {
            return Expected::Allowed;
        }
        if let Some(reason) = token {
            return Expected::Refused(Refusal::Token(reason));
        }
        match relations {
            None => Expected::Refused(Refusal::Role),
            Some(relations) if relations.contains('v') && self.column == Column::ActingUnseeing => {
                Expected::Refused(Refusal::Row)
            }
            Some(relations) if relations.chars().any(|relation| self.holds(relation)) => Expected::Allowed,
            Some(_) => Expected::Refused(Refusal::Row),
        }
    }

    fn holds(&self, relation: char) -> bool {
        match relation {
            '*' => return true,
            '-' => return false,
            'u' => return self.acts_for().is_none(),
            'n' => return self.acts_for().is_none() && self.caller() == self.object(),
            'm' => return self.acts_for().is_none() && self.holds('k'),
            _ => {}
        }
        let (caller, object) = (self.caller(), self.object());
        if self.acts_for().is_some_and(|patient| patient != object) {
            return false;
        }
        let is_patient = self.role == 'R' && caller == object;
        let employer = Organisations::of(caller).employer(self.role);
        match relation {
            'a' => true,
            's' | 'v' => is_patient || self.acts_for() == Some(object),
            'r' => is_patient,
            // Care is open at both places of a half, and what is asked about lies at the caller's kind of place.
            'o' | 'c' => employer.is_some() && caller == object,
            'k' => employer == Some(Organisations::of(object).clinic),
            'h' => employer == Some(Organisations::of(object).hospital),
            'g' => employer == Some(Organisations::of(Half::A).clinic),
            'd' => caller == object,
            other => panic!("{}: no relation is written {other}", self.line.name),
        }
    }
}

/// Reasons that say that this caller may not, whatever is asked for.
const ACCESS_REASONS: [&str; 8] = [
    "METHOD_NOT_PERMITTED",
    "PEER_NOT_PERMITTED",
    "OUTSIDE_SCOPE",
    "NO_DELEGATION",
    "ACTION_NOT_DELEGATED",
    "NOT_SIGNED",
    "EXPORT_NOT_DELEGABLE",
    "OUTSIDE_MANDATE",
];
/// How a row is refused to who acts in their own name, or for the row's resident with what no delegate may.
const ROW_REASONS: [&str; 5] =
    ["OUTSIDE_SCOPE", "NO_DELEGATION", "ACTION_NOT_DELEGATED", "EXPORT_NOT_DELEGABLE", "OUTSIDE_MANDATE"];

/// What refuses a row in words of its own.
const OTHERWISE: [(&str, Code, &str); 5] = [
    // There is no such pair for a desk that registered neither.
    ("identity.ResidentService/DismissDuplicate", Code::NotFound, "DUPLICATE_NOT_FOUND"),
    ("identity.MergeService/ProposeMerge", Code::NotFound, "RESIDENT_NOT_FOUND"),
    ("identity.MergeService/ProposeUnmerge", Code::NotFound, "MERGE_NOT_FOUND"),
    // Only a service of ours records one.
    ("identity.MandateService/RecordMandate", Code::PermissionDenied, "MANDATE_NOT_PERMITTED"),
    // A desk's signing does not go with a token that acts for somebody.
    ("identity.DelegationService/GrantDelegation#desk", Code::InvalidArgument, "INVALID_FIELD"),
];

/// Whether a refusal is for who calls.
pub(super) fn is_for_access(status: &Status) -> bool {
    let reason = chassis::error::reason(status).unwrap_or_default();
    status.code() == Code::Unauthenticated || ACCESS_REASONS.contains(&reason.as_str())
}

impl Refusal {
    /// Whether this is how it is refused: by code and by reason.
    pub(super) fn is(self, status: &Status, cell: &Cell) -> bool {
        let role = cell.role;
        let reason = chassis::error::reason(status).unwrap_or_default();
        let said = (status.code(), reason.as_str());
        match self {
            Self::Role => said == (Code::PermissionDenied, "METHOD_NOT_PERMITTED"),
            Self::Peer(token) => {
                let by_certificate = said == (Code::PermissionDenied, "PEER_NOT_PERMITTED");
                let carried = token
                    .map_or((Code::PermissionDenied, "METHOD_NOT_PERMITTED"), |reason| (Code::Unauthenticated, reason));
                by_certificate || said == carried
            }
            // A bank does not learn that there is something.
            Self::Row if role == 'B' && said.0 == Code::NotFound => said.1.ends_with("NOT_FOUND"),
            Self::Row if OTHERWISE.contains(&(cell.line.name, said.0, said.1)) => true,
            Self::Row => said.0 == Code::PermissionDenied && ROW_REASONS.contains(&said.1),
            Self::Token(expected) => said == (Code::Unauthenticated, expected),
            Self::Connection => said == (Code::Unavailable, "PEER_UNAVAILABLE"),
        }
    }
}
