//! Refusals on the wire. Exhaustive, so that a new one does not compile until it has a code and a reason.

use chassis::error;
use tonic::{Code, Status};
use types::identifier::IdentifierError;
use types::ids::ResidentId;
use types::national_id::NationalIdError;

use crate::domain::IdentityError;

const DOMAIN: &str = "identity.anjia";

impl From<IdentityError> for Status {
    #[expect(clippy::too_many_lines, reason = "one line a refusal, and none may be missing")]
    fn from(refusal: IdentityError) -> Self {
        use IdentityError as E;
        let text = refusal.to_string();
        let (code, reason) = match refusal {
            E::Field(field) => return error::invalid(field),
            E::Denied(denied) => return denied.into(),
            E::Storage(cause) => return error::storage(&cause),
            E::Signing(cause) => return error::internal(&cause),
            E::PageToken(cause) => return error::internal(&cause),

            E::InvalidIdentifier { field, cause } => return invalid(invalid_identifier(&cause), field, text),
            E::BornAhead => return invalid("INVALID_NATIONAL_ID", "national_id", text),
            E::InvalidCreditCode(_) => return invalid("INVALID_CREDIT_CODE", "organisation.credit_code", text),
            E::ResidentExists(known) => return resident_exists(known, text),
            E::ErasureRequested(id) => {
                let status = error::status(DOMAIN, Code::AlreadyExists, "ERASURE_REQUESTED", text);
                return error::with_metadata(status, "erasure_id", id.to_string());
            }

            E::ResidentNotFound => (Code::NotFound, "RESIDENT_NOT_FOUND"),
            E::IdentifierNotFound => (Code::NotFound, "IDENTIFIER_NOT_FOUND"),
            E::DuplicateNotFound => (Code::NotFound, "DUPLICATE_NOT_FOUND"),
            E::GuardianshipNotFound => (Code::NotFound, "GUARDIANSHIP_NOT_FOUND"),
            E::FlagNotFound => (Code::NotFound, "FLAG_NOT_FOUND"),
            E::CommunityNotFound => (Code::NotFound, "COMMUNITY_NOT_FOUND"),
            E::OrganisationNotFound => (Code::NotFound, "ORGANISATION_NOT_FOUND"),
            E::AllianceNotFound => (Code::NotFound, "ALLIANCE_NOT_FOUND"),
            E::BankProfileNotFound => (Code::NotFound, "BANK_PROFILE_NOT_FOUND"),
            E::DesignationNotFound => (Code::NotFound, "DESIGNATION_NOT_FOUND"),
            E::DepartmentNotFound => (Code::NotFound, "DEPARTMENT_NOT_FOUND"),
            E::PractitionerNotFound => (Code::NotFound, "PRACTITIONER_NOT_FOUND"),
            E::EnrolmentNotFound => (Code::NotFound, "ENROLMENT_NOT_FOUND"),
            E::FilingNotFound => (Code::NotFound, "FILING_NOT_FOUND"),
            E::ContractNotFound => (Code::NotFound, "CONTRACT_NOT_FOUND"),
            E::PackageNotFound => (Code::NotFound, "PACKAGE_NOT_FOUND"),
            E::DelegationNotFound => (Code::NotFound, "DELEGATION_NOT_FOUND"),
            E::DelegateNotFound => (Code::NotFound, "DELEGATE_NOT_FOUND"),
            E::ConsentNotFound => (Code::NotFound, "CONSENT_NOT_FOUND"),
            E::MandateNotFound => (Code::NotFound, "MANDATE_NOT_FOUND"),
            E::BreakGlassNotFound => (Code::NotFound, "BREAK_GLASS_NOT_FOUND"),
            E::ErasureNotFound => (Code::NotFound, "ERASURE_NOT_FOUND"),
            E::ErasureNotDelegable => (Code::PermissionDenied, "ERASURE_NOT_DELEGABLE"),
            E::ErasureCarriedOut => (Code::FailedPrecondition, "ERASURE_CARRIED_OUT"),

            E::IdentifierOfAnother => (Code::AlreadyExists, "IDENTIFIER_OF_ANOTHER"),
            E::IdentifierExists => (Code::AlreadyExists, "IDENTIFIER_EXISTS"),
            E::GuardianshipExists => (Code::AlreadyExists, "GUARDIANSHIP_EXISTS"),
            E::FlagExists => (Code::AlreadyExists, "FLAG_EXISTS"),
            E::FlagOverlaps => (Code::AlreadyExists, "FLAG_OVERLAPS"),
            E::CommunityExists => (Code::AlreadyExists, "COMMUNITY_EXISTS"),
            E::OrganisationExists => (Code::AlreadyExists, "ORGANISATION_EXISTS"),
            E::AllianceExists => (Code::AlreadyExists, "ALLIANCE_EXISTS"),
            E::AlreadyAMember => (Code::AlreadyExists, "ALREADY_A_MEMBER"),
            E::DesignationExists => (Code::AlreadyExists, "DESIGNATION_EXISTS"),
            E::DesignationOverlaps => (Code::AlreadyExists, "DESIGNATION_OVERLAPS"),
            E::PractitionerExists => (Code::AlreadyExists, "PRACTITIONER_EXISTS"),
            E::EnrolmentExists => (Code::AlreadyExists, "ENROLMENT_EXISTS"),
            E::EnrolmentOverlaps => (Code::AlreadyExists, "ENROLMENT_OVERLAPS"),
            E::FilingExists => (Code::AlreadyExists, "FILING_EXISTS"),
            E::FilingOverlaps => (Code::AlreadyExists, "FILING_OVERLAPS"),
            E::ContractExists => (Code::AlreadyExists, "CONTRACT_EXISTS"),
            E::ContractOverlaps => (Code::AlreadyExists, "CONTRACT_OVERLAPS"),
            E::DelegationExists => (Code::AlreadyExists, "DELEGATION_EXISTS"),
            E::ConsentExists => (Code::AlreadyExists, "CONSENT_EXISTS"),
            E::MandateExists => (Code::AlreadyExists, "MANDATE_EXISTS"),
            E::BreakGlassExists => (Code::AlreadyExists, "BREAK_GLASS_EXISTS"),

            E::GuardianshipNotProposed => (Code::FailedPrecondition, "GUARDIANSHIP_NOT_PROPOSED"),
            E::MergeNotFound => (Code::NotFound, "MERGE_NOT_FOUND"),
            E::MergeExists => (Code::AlreadyExists, "MERGE_EXISTS"),
            E::MergeDuringErasure => (Code::FailedPrecondition, "MERGE_DURING_ERASURE"),
            E::ResidentMerged => (Code::FailedPrecondition, "RESIDENT_MERGED"),
            E::SamePerson => (Code::PermissionDenied, "SAME_PERSON"),
            E::ProposalLapsed => (Code::FailedPrecondition, "PROPOSAL_LAPSED"),
            E::MergeNotProposed => (Code::FailedPrecondition, "MERGE_NOT_PROPOSED"),
            E::NotMerged => (Code::FailedPrecondition, "NOT_MERGED"),
            E::UnmergeNotProposed => (Code::FailedPrecondition, "UNMERGE_NOT_PROPOSED"),
            E::MergeWrongWay => (Code::FailedPrecondition, "MERGE_WRONG_WAY"),
            E::MergeDocumentsConflict => (Code::FailedPrecondition, "MERGE_DOCUMENTS_CONFLICT"),
            E::MergeEnrolmentsOverlap => (Code::FailedPrecondition, "MERGE_ENROLMENTS_OVERLAP"),
            E::MergeContractsOverlap => (Code::FailedPrecondition, "MERGE_CONTRACTS_OVERLAP"),
            E::MergeHouseholdsOverlap => (Code::FailedPrecondition, "MERGE_HOUSEHOLDS_OVERLAP"),
            E::MergeOfRelatives => (Code::FailedPrecondition, "MERGE_OF_RELATIVES"),
            E::HouseholdNotFound => (Code::NotFound, "HOUSEHOLD_NOT_FOUND"),
            E::HouseholdExists => (Code::AlreadyExists, "HOUSEHOLD_EXISTS"),
            E::HouseholdOverlaps => (Code::AlreadyExists, "HOUSEHOLD_OVERLAPS"),
            E::HouseholdEnded => (Code::FailedPrecondition, "HOUSEHOLD_ENDED"),
            E::MemberNotFound => (Code::NotFound, "MEMBER_NOT_FOUND"),
            E::HouseholdNeedsItsHead => (Code::FailedPrecondition, "HOUSEHOLD_NEEDS_ITS_HEAD"),

            E::StaleRevision => (Code::Aborted, "STALE_REVISION"),
            E::StaleVersion => (Code::Aborted, "STALE_VERSION"),
            E::NotAMember => (Code::FailedPrecondition, "NOT_A_MEMBER"),
            E::AllianceNeedsItsLead => (Code::FailedPrecondition, "ALLIANCE_NEEDS_ITS_LEAD"),
            E::NotABank => (Code::FailedPrecondition, "NOT_A_BANK"),
            E::DesignationSuspended => (Code::FailedPrecondition, "DESIGNATION_SUSPENDED"),
            E::DesignationNotSuspended => (Code::FailedPrecondition, "DESIGNATION_NOT_SUSPENDED"),
            E::DesignationEnded => (Code::FailedPrecondition, "DESIGNATION_ENDED"),
            E::NotAProvider => (Code::FailedPrecondition, "NOT_A_PROVIDER"),
            E::EnrolmentEnded => (Code::FailedPrecondition, "ENROLMENT_ENDED"),
            E::FilingWithdrawn => (Code::FailedPrecondition, "FILING_WITHDRAWN"),
            E::ContractEnded => (Code::FailedPrecondition, "CONTRACT_ENDED"),
            E::NotACommunityProvider => (Code::FailedPrecondition, "NOT_A_COMMUNITY_PROVIDER"),

            E::NoDelegation => (Code::PermissionDenied, "NO_DELEGATION"),
            E::ActionNotDelegated => (Code::PermissionDenied, "ACTION_NOT_DELEGATED"),
            E::ServiceKindNotDelegated => (Code::PermissionDenied, "SERVICE_KIND_NOT_DELEGATED"),
            E::OrganisationNotDelegated => (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED"),
            E::NotSigned => (Code::PermissionDenied, "NOT_SIGNED"),
            E::CredentialMismatch => (Code::PermissionDenied, "CREDENTIAL_MISMATCH"),
            E::WitnessNotAccepted => (Code::PermissionDenied, "WITNESS_NOT_ACCEPTED"),
            E::NotTheDelegate | E::NotTheirTokens | E::OutsideScope => (Code::PermissionDenied, "OUTSIDE_SCOPE"),
            E::NoConsent => (Code::PermissionDenied, "NO_CONSENT"),
            E::BreakGlassNotOpen => (Code::PermissionDenied, "BREAK_GLASS_NOT_OPEN"),
            E::ProviderUnknown => (Code::Unauthenticated, "PROVIDER_UNKNOWN"),
            E::ProviderUnavailable => (Code::Unavailable, "PROVIDER_UNAVAILABLE"),
            E::SubjectTokenInvalid => (Code::Unauthenticated, "SUBJECT_TOKEN_INVALID"),
            E::SubjectTokenExpired => (Code::Unauthenticated, "SUBJECT_TOKEN_EXPIRED"),
            E::SubjectTokenReplayed => (Code::Unauthenticated, "SUBJECT_TOKEN_REPLAYED"),
            E::LoginMismatch => (Code::Unauthenticated, "LOGIN_MISMATCH"),
            E::ExchangeNotPermitted => (Code::PermissionDenied, "EXCHANGE_NOT_PERMITTED"),
            E::PersonUnknown => (Code::PermissionDenied, "PERSON_UNKNOWN"),
            E::PersonBarred => (Code::PermissionDenied, "PERSON_BARRED"),
            E::ScopeEscalation => (Code::PermissionDenied, "SCOPE_ESCALATION"),
            E::ActTooDeep => (Code::PermissionDenied, "ACT_TOO_DEEP"),
            E::ClientDisabled => (Code::PermissionDenied, "CLIENT_DISABLED"),
            E::RevocationNotFound => (Code::NotFound, "REVOCATION_NOT_FOUND"),
            E::ContinuationNotPermitted => (Code::PermissionDenied, "CONTINUATION_NOT_PERMITTED"),
            E::RegionNotPermitted => (Code::PermissionDenied, "REGION_NOT_PERMITTED"),
            E::MandateNotPermitted => (Code::PermissionDenied, "MANDATE_NOT_PERMITTED"),
            E::MandateEnded => (Code::PermissionDenied, "MANDATE_ENDED"),
            E::MandateExpired => (Code::FailedPrecondition, "MANDATE_EXPIRED"),
            E::GuardianNotCapable => (Code::FailedPrecondition, "GUARDIAN_NOT_CAPABLE"),
            E::WardOfAge => (Code::FailedPrecondition, "WARD_OF_AGE"),
            E::NoGuardianship => (Code::FailedPrecondition, "NO_GUARDIANSHIP"),
            E::DelegationExpired => (Code::FailedPrecondition, "DELEGATION_EXPIRED"),
            E::DelegationNotBegun => (Code::FailedPrecondition, "DELEGATION_NOT_BEGUN"),
            E::DelegationRing => (Code::FailedPrecondition, "DELEGATION_RING"),
            E::DelegationNotConfirmed => (Code::FailedPrecondition, "DELEGATION_NOT_CONFIRMED"),
            E::BreakGlassReviewed => (Code::FailedPrecondition, "BREAK_GLASS_REVIEWED"),
            E::BreakGlassLimit => (Code::ResourceExhausted, "BREAK_GLASS_LIMIT"),

            E::ClientUnknown => (Code::Unauthenticated, "CLIENT_UNKNOWN"),
            E::AssertionInvalid => (Code::Unauthenticated, "ASSERTION_INVALID"),
            E::AssertionExpired => (Code::Unauthenticated, "ASSERTION_EXPIRED"),
            E::AssertionReplayed => (Code::Unauthenticated, "ASSERTION_REPLAYED"),
        };
        error::status(DOMAIN, code, reason, text)
    }
}

fn invalid_identifier(cause: &IdentifierError) -> &'static str {
    match cause {
        IdentifierError::NationalId(NationalIdError::Obsolete) => "NATIONAL_ID_OBSOLETE",
        IdentifierError::NationalId(_) => "INVALID_NATIONAL_ID",
        _ => "INVALID_IDENTIFIER",
    }
}

/// Wrong in itself, with a reason of its own.
fn invalid(reason: &str, field: &str, text: String) -> Status {
    error::with_field(error::status(DOMAIN, Code::InvalidArgument, reason, text), field)
}

/// With the id for whoever may see the resident.
fn resident_exists(known: Option<ResidentId>, text: String) -> Status {
    let status = error::status(DOMAIN, Code::AlreadyExists, "RESIDENT_EXISTS", text);
    match known {
        Some(id) => error::with_metadata(status, "resident_id", id.to_string()),
        None => status,
    }
}
