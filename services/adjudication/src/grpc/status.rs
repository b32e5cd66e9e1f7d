//! Refusals on the wire. Exhaustive, so that a new refusal does not compile until it is mapped. Reasons are API.

use chassis::error;
use tonic::{Code, Status};

use crate::domain::document::Kind;
use crate::domain::engine::Refusal;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::FindingError;
use crate::domain::provider_payment::expected::Undecided;

const DOMAIN: &str = "adjudication.anjia";

impl From<AdjudicationError> for Status {
    fn from(error: AdjudicationError) -> Self {
        use AdjudicationError as E;
        let (code, reason) = match &error {
            E::DocumentIncomplete { kind, path, problem } => {
                let reason = of_kind(*kind, "POLICY_INCOMPLETE", "TERMS_INCOMPLETE", "RULE_BOOK_INCOMPLETE");
                let refused = error::status(DOMAIN, Code::InvalidArgument, reason, error.to_string());
                let refused = error::with_metadata(refused, "path", path.clone());
                return error::with_metadata(refused, "problem", problem.clone());
            }
            E::DocumentExists(kind) => {
                (Code::AlreadyExists, of_kind(*kind, "POLICY_EXISTS", "TERMS_EXIST", "RULE_BOOK_EXISTS"))
            }
            E::DocumentOverlaps(kind, _) => {
                (Code::FailedPrecondition, of_kind(*kind, "POLICY_OVERLAPS", "TERMS_OVERLAP", "RULE_BOOK_OVERLAPS"))
            }
            E::DocumentNotProposed(kind, _) => {
                let reason = of_kind(*kind, "POLICY_NOT_PROPOSED", "TERMS_NOT_PROPOSED", "RULE_BOOK_NOT_PROPOSED");
                (Code::FailedPrecondition, reason)
            }
            E::DocumentNotFound(kind, _) => {
                (Code::NotFound, of_kind(*kind, "POLICY_NOT_FOUND", "TERMS_NOT_FOUND", "RULE_BOOK_NOT_FOUND"))
            }
            E::Refused(refusal) => {
                let refused = error::status(DOMAIN, code_of(refusal), reason_of(refusal), error.to_string());
                return match path_of(refusal) {
                    Some(path) => error::with_metadata(refused, "path", path),
                    None => refused,
                };
            }
            E::RulesNotConfigured => (Code::FailedPrecondition, "RULES_NOT_CONFIGURED"),
            E::Finding(FindingError::NotDecidable) => (Code::FailedPrecondition, "FINDING_NOT_DECIDABLE"),
            E::Finding(FindingError::CutTooLarge) => (Code::InvalidArgument, "CUT_TOO_LARGE"),
            E::FindingNotFound(_) => (Code::NotFound, "FINDING_NOT_FOUND"),
            E::AbuseReportNotFound(_) => (Code::NotFound, "ABUSE_REPORT_NOT_FOUND"),
            E::AbuseReportClosed(_) => (Code::FailedPrecondition, "ABUSE_REPORT_CLOSED"),
            E::CatalogueItemExists(_) => (Code::AlreadyExists, "CATALOGUE_ITEM_EXISTS"),
            E::ClaimExists(_) => (Code::AlreadyExists, "CLAIM_EXISTS"),
            E::QuoteExists(_) => (Code::AlreadyExists, "QUOTE_EXISTS"),
            E::Undecided(Undecided::NotStated(path)) => {
                let refused = error::status(DOMAIN, Code::FailedPrecondition, "NUMBER_NOT_STATED", error.to_string());
                return error::with_metadata(refused, "path", path.clone());
            }
            E::Undecided(_) => (Code::FailedPrecondition, "NUMBER_NOT_STATED"),
            E::NotCapitated(_) => (Code::FailedPrecondition, "NOT_CAPITATED"),
            E::TablesNotLoaded(_) => (Code::FailedPrecondition, "TABLES_NOT_LOADED"),
            E::PolicyBackdated(_) => (Code::FailedPrecondition, "POLICY_BACKDATED"),
            E::DateOutsideStay { .. } => (Code::InvalidArgument, "DATE_OUTSIDE_STAY"),
            E::UnknownItem { .. } => (Code::InvalidArgument, "ITEM_NOT_IN_CATALOGUE"),
            E::IdentityNotProven(_) => (Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"),
            E::VisitNotFound(_) => (Code::NotFound, "VISIT_NOT_FOUND"),
            E::OpenStay(_) => (Code::FailedPrecondition, "OPEN_STAY"),
            E::LeftUnseen(_) => (Code::FailedPrecondition, "LEFT_UNSEEN"),
            E::StaleDivision(_) => (Code::FailedPrecondition, "STALE_DIVISION"),
            E::SettlementLapsed(_) => (Code::FailedPrecondition, "SETTLEMENT_LAPSED"),
            E::SettlementReversed(_) => (Code::FailedPrecondition, "SETTLEMENT_REVERSED"),
            E::SettlementCorrected(_) => (Code::FailedPrecondition, "SETTLEMENT_CORRECTED"),
            E::SettlementNotConfirmed(_) => (Code::FailedPrecondition, "SETTLEMENT_NOT_CONFIRMED"),
            E::YearMoved => (Code::Aborted, "LOST_RACE"),
            E::SettlementConfirmed(_) => (Code::FailedPrecondition, "SETTLEMENT_CONFIRMED"),
            E::NoPersonalAccount(_) => (Code::FailedPrecondition, "NO_PERSONAL_ACCOUNT"),
            E::OwnAccount => (Code::FailedPrecondition, "OWN_ACCOUNT"),
            E::NotAProvider(_) => (Code::FailedPrecondition, "NOT_A_PROVIDER"),
            E::NotDesignated(_) => (Code::FailedPrecondition, "NOT_DESIGNATED"),
            E::DelegationExpired => (Code::FailedPrecondition, "DELEGATION_EXPIRED"),
            E::NoDelegation => (Code::PermissionDenied, "NO_DELEGATION"),
            E::ActionNotDelegated => (Code::PermissionDenied, "ACTION_NOT_DELEGATED"),
            E::OutsideMandate => (Code::PermissionDenied, "OUTSIDE_MANDATE"),
            E::SamePerson | E::Finding(FindingError::SamePerson) => (Code::PermissionDenied, "SAME_PERSON"),
            E::ForeignRegion(_) => (Code::PermissionDenied, "FOREIGN_REGION"),
            E::PeerDenied { .. } => (Code::PermissionDenied, "OUTSIDE_SCOPE"),
            E::ProviderPaymentNotFound(_) => (Code::NotFound, "PROVIDER_PAYMENT_NOT_FOUND"),
            E::QuoteNotFound(_) => (Code::NotFound, "QUOTE_NOT_FOUND"),
            E::ClaimNotFound(_) => (Code::NotFound, "CLAIM_NOT_FOUND"),
            E::SettlementNotFound(_) => (Code::NotFound, "SETTLEMENT_NOT_FOUND"),
            E::ResidentNotFound(_) => (Code::NotFound, "RESIDENT_NOT_FOUND"),
            E::OrganisationNotFound(_) => (Code::NotFound, "ORGANISATION_NOT_FOUND"),
            E::ItemNotFound(_) => (Code::NotFound, "ITEM_NOT_IN_CATALOGUE"),
            E::TokenExpired => (Code::Unauthenticated, "TOKEN_EXPIRED"),
            E::PeerUnavailable { .. } => (Code::Unavailable, "PEER_UNAVAILABLE"),
            E::PeerBroken { .. } | E::PageToken(_) | E::FundTooLarge => return error::internal(&error),
            E::Denied(denied) => return denied.clone().into(),
            E::Storage(cause) => return error::storage(cause),
        };
        let refused = error::status(DOMAIN, code, reason, error.to_string());
        match path(&error) {
            Some(path) => error::with_metadata(refused, "path", path),
            None => refused,
        }
    }
}

/// The word for a refusal of a document of this kind.
const fn of_kind(kind: Kind, policy: &'static str, terms: &'static str, rule_book: &'static str) -> &'static str {
    match kind {
        Kind::Policy => policy,
        Kind::Terms => terms,
        Kind::RuleBook => rule_book,
    }
}

/// Which field of the request, or of the document it is about, was refused, beside what the engine refused.
fn path(error: &AdjudicationError) -> Option<String> {
    use AdjudicationError as E;
    let field = match error {
        E::DateOutsideStay { line, .. } => return Some(format!("lines[{line}].on")),
        E::UnknownItem { line, .. } => return Some(format!("lines[{line}].item_code")),
        E::DocumentOverlaps(Kind::RuleBook, _) => "effective_from",
        E::DocumentOverlaps(Kind::Policy | Kind::Terms, _) | E::PolicyBackdated(_) => "effective.from",
        E::DocumentExists(_) => "document_json",
        E::ForeignRegion(_) => "region",
        E::DocumentNotProposed(kind, _) | E::DocumentNotFound(kind, _) => {
            of_kind(*kind, "policy_id", "terms_id", "rule_book_id")
        }
        E::IdentityNotProven(_) | E::VisitNotFound(_) | E::OpenStay(_) | E::LeftUnseen(_) | E::ClaimExists(_) => {
            "visit_id"
        }
        E::QuoteNotFound(_) | E::QuoteExists(_) => "quote_id",
        E::ClaimNotFound(_) => "claim_id",
        E::SettlementNotFound(_)
        | E::ProviderPaymentNotFound(_)
        | E::StaleDivision(_)
        | E::SettlementLapsed(_)
        | E::SettlementReversed(_)
        | E::SettlementCorrected(_)
        | E::SettlementNotConfirmed(_) => "settlement_id",
        E::SettlementConfirmed(_) => "bill_id",
        E::FindingNotFound(_) => "finding_id",
        E::Finding(FindingError::NotDecidable) => "decision",
        E::Finding(FindingError::CutTooLarge) => "cut",
        E::AbuseReportNotFound(_) | E::AbuseReportClosed(_) => "abuse_report_id",
        E::ItemNotFound(_) => "item_code",
        E::ResidentNotFound(_) | E::NoPersonalAccount(_) => "resident_id",
        E::OwnAccount => "member_resident_id",
        E::OrganisationNotFound(_) | E::NotAProvider(_) | E::NotDesignated(_) => "provider_organisation_id",
        _ => return None,
    };
    Some(field.to_owned())
}

const fn code_of(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NoPolicyInForce { .. } | Refusal::NotPublished { .. } => Code::FailedPrecondition,
        Refusal::LineMalformed { .. }
        | Refusal::LineDoesNotMultiply { .. }
        | Refusal::LinesDoNotSum { .. }
        | Refusal::TotalTooLarge
        | Refusal::DatesReversed => Code::InvalidArgument,
        Refusal::InconsistentHistory => Code::Internal,
    }
}

const fn reason_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoPolicyInForce { .. } | Refusal::NotPublished { .. } => "NO_POLICY_IN_FORCE",
        Refusal::LineMalformed { .. } | Refusal::LineDoesNotMultiply { .. } | Refusal::LinesDoNotSum { .. } => {
            "LINES_DO_NOT_SUM"
        }
        Refusal::TotalTooLarge => "TOTAL_TOO_LARGE",
        Refusal::DatesReversed => "DATE_OUTSIDE_STAY",
        Refusal::InconsistentHistory => "INTERNAL",
    }
}

/// Which field of the request the engine refused.
fn path_of(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::LineMalformed { line } => Some(format!("lines[{line}]")),
        Refusal::LineDoesNotMultiply { line, .. } => Some(format!("lines[{line}].amount")),
        Refusal::LinesDoNotSum { .. } | Refusal::TotalTooLarge => Some("total".to_owned()),
        Refusal::NotPublished { path } => Some(path.clone()),
        // Kind, tier and days of care are the visit's.
        Refusal::NoPolicyInForce { .. } | Refusal::DatesReversed => Some("visit_id".to_owned()),
        Refusal::InconsistentHistory => None,
    }
}
