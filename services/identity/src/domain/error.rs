//! Every way in which identity refuses. `grpc/status.rs` gives each its code and stable reason.

use chassis::Denied;
use proto::convert::FieldError;
use types::credit_code::CreditCodeError;
use types::identifier::IdentifierError;
use types::ids::{ErasureId, ResidentId};

/// Texts never repeat a name, a number or a token: they reach logs and callers.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("{cause}")]
    InvalidIdentifier { field: &'static str, cause: IdentifierError },
    #[error("the date of birth in the identification number lies ahead")]
    BornAhead,
    #[error(transparent)]
    InvalidCreditCode(#[from] CreditCodeError),

    #[error("there is no such resident")]
    ResidentNotFound,
    /// Holds the id if the caller may see that resident.
    #[error("this person or this id is already registered")]
    ResidentExists(Option<ResidentId>),

    #[error("this document is registered under another name, or for another person")]
    IdentifierOfAnother,
    #[error("the resident has this document, or one that must be withdrawn first")]
    IdentifierExists,
    #[error("there is no such document")]
    IdentifierNotFound,
    #[error("it was changed since this revision was read")]
    StaleRevision,
    #[error("there is no such pair")]
    DuplicateNotFound,

    #[error("there is no such merge")]
    MergeNotFound,
    #[error("a merge with this id is already proposed")]
    MergeExists,
    #[error("one of the two was merged into somebody: name the survivor")]
    ResidentMerged,
    #[error("the erasure of one of the two is requested: nothing is merged or taken apart before it is taken back")]
    MergeDuringErasure,
    #[error("the second signature must be another person's")]
    SamePerson,
    #[error("the proposal has waited too long: propose it again")]
    ProposalLapsed,
    #[error("the merge does not wait for a signature")]
    MergeNotProposed,
    #[error("the merge is not in force, or its end is proposed already")]
    NotMerged,
    #[error("nobody proposed to undo the merge")]
    UnmergeNotProposed,
    #[error("the survivor is provisional and the other is not: merge them the other way round")]
    MergeWrongWay,
    #[error("both have a number by GB 11643 that holds: withdraw one first")]
    MergeDocumentsConflict,
    #[error("both are enrolled in one layer on some of the days to come: end one enrolment first")]
    MergeEnrolmentsOverlap,
    #[error("both have a contract with a family doctor on some of the days to come: end one first")]
    MergeContractsOverlap,
    #[error("both belong to a household: end one membership first")]
    MergeHouseholdsOverlap,
    #[error("one is the other's mother or guardian")]
    MergeOfRelatives,

    #[error("there is no such household")]
    HouseholdNotFound,
    #[error("a household with this id is already formed")]
    HouseholdExists,
    #[error("somebody belongs to a household on that day or later")]
    HouseholdOverlaps,
    #[error("the household has ended")]
    HouseholdEnded,
    #[error("they do not belong to this household")]
    MemberNotFound,
    #[error("the head is the last to leave: end the household")]
    HouseholdNeedsItsHead,

    #[error("there is no such guardianship")]
    GuardianshipNotFound,
    #[error("the two already have a guardianship, or this id is taken")]
    GuardianshipExists,
    #[error("the guardianship does not wait for a signature")]
    GuardianshipNotProposed,
    #[error("whoever is under eighteen, or in somebody's care, is no guardian")]
    GuardianNotCapable,
    #[error("the ward is not a minor on that day")]
    WardOfAge,
    #[error("no guardianship in force lets them act as guardian")]
    NoGuardianship,

    #[error("there is no such flag")]
    FlagNotFound,
    #[error("a flag with this id was already set")]
    FlagExists,
    #[error("a flag of this kind holds on some of these days")]
    FlagOverlaps,

    #[error("there is no such community, or it has no such cell")]
    CommunityNotFound,
    #[error("this community belongs to another region")]
    CommunityExists,

    #[error("there is no such organisation")]
    OrganisationNotFound,
    #[error("an organisation with this credit code or id is already registered")]
    OrganisationExists,
    #[error("there is no such alliance")]
    AllianceNotFound,
    #[error("an alliance with this id is already formed")]
    AllianceExists,
    #[error("the provider is in an alliance on that day or later")]
    AlreadyAMember,
    #[error("the provider is not a member")]
    NotAMember,
    #[error("the lead is the last to leave an alliance")]
    AllianceNeedsItsLead,

    #[error("there is no such profile of a bank")]
    BankProfileNotFound,
    #[error("only banks have such a profile")]
    NotABank,

    #[error("there is no such designation")]
    DesignationNotFound,
    #[error("a designation with this id is already made")]
    DesignationExists,
    #[error("the provider is already designated for this on some of these days")]
    DesignationOverlaps,
    #[error("the designation is suspended already")]
    DesignationSuspended,
    #[error("the designation is not suspended")]
    DesignationNotSuspended,
    #[error("the designation has ended")]
    DesignationEnded,
    #[error("only providers are designated")]
    NotAProvider,
    #[error("there is no such department in this organisation")]
    DepartmentNotFound,
    #[error("there is no such practitioner")]
    PractitionerNotFound,
    #[error("a practitioner with this id is already registered")]
    PractitionerExists,

    #[error("there is no such enrolment")]
    EnrolmentNotFound,
    #[error("an enrolment with this id is already recorded")]
    EnrolmentExists,
    #[error("the resident is already enrolled in this layer on some of these days")]
    EnrolmentOverlaps,

    #[error("the enrolment was corrected since: read it again")]
    StaleVersion,
    #[error("the enrolment ends no later already")]
    EnrolmentEnded,

    #[error("there is no such filing")]
    FilingNotFound,
    #[error("a filing with this id is already recorded")]
    FilingExists,
    #[error("care in this region is already filed for some of these days")]
    FilingOverlaps,
    #[error("the filing was withdrawn before")]
    FilingWithdrawn,

    #[error("there is no such contract")]
    ContractNotFound,
    #[error("a contract with this id is already signed")]
    ContractExists,
    #[error("the resident has a contract on some of these days")]
    ContractOverlaps,
    #[error("the contract has ended")]
    ContractEnded,
    #[error("there is no such service package")]
    PackageNotFound,
    #[error("family doctors are of community providers")]
    NotACommunityProvider,

    #[error("there is no such delegation")]
    DelegationNotFound,
    #[error("a delegation with this id was already granted")]
    DelegationExists,
    #[error("no delegation lets them act for this resident")]
    NoDelegation,
    #[error("the delegation has expired")]
    DelegationExpired,
    #[error("the delegation begins later")]
    DelegationNotBegun,
    #[error("the delegation does not cover this")]
    ActionNotDelegated,
    #[error("the delegation is not for this kind of care")]
    ServiceKindNotDelegated,
    #[error("the delegation is not for this provider")]
    OrganisationNotDelegated,
    #[error("nobody is registered as this delegate")]
    DelegateNotFound,
    #[error("the delegate lets the resident act for them, directly or through others")]
    DelegationRing,
    #[error("a desk needs the resident's credential and a witness")]
    NotSigned,
    #[error("the credential is not the resident's")]
    CredentialMismatch,
    #[error("the witness must be a third person of the same organisation")]
    WitnessNotAccepted,
    #[error("the resident has not confirmed the delegation")]
    DelegationNotConfirmed,
    /// Asking about other people's delegations.
    #[error("only the delegate may be asked about")]
    NotTheDelegate,

    #[error("there is no such consent")]
    ConsentNotFound,
    #[error("a consent with this id was already granted")]
    ConsentExists,
    #[error("the resident has not consented to this")]
    NoConsent,

    #[error("there is no such opening of records")]
    BreakGlassNotFound,
    #[error("an opening with this id was recorded already")]
    BreakGlassExists,
    #[error("the records are not open to this organisation")]
    BreakGlassNotOpen,
    #[error("no more openings today by this clinician")]
    BreakGlassLimit,
    #[error("the opening was reviewed already")]
    BreakGlassReviewed,

    #[error("there is no such request for erasure")]
    ErasureNotFound,
    /// Its number, for whoever may see it: which is whoever may ask.
    #[error("the resident's erasure is requested already")]
    ErasureRequested(ErasureId),
    #[error("the resident was erased already")]
    ErasureCarriedOut,
    #[error("a person's erasure is asked for by themself, their guardian, or an operator citing their written request")]
    ErasureNotDelegable,

    #[error("there is no such client")]
    ClientUnknown,
    #[error("this client may have no tokens at present")]
    ClientDisabled,
    #[error("the client assertion is not valid")]
    AssertionInvalid,
    #[error("the client assertion has expired")]
    AssertionExpired,
    #[error("the client assertion was used before")]
    AssertionReplayed,
    #[error("the token's issuer is not trusted")]
    ProviderUnknown,
    #[error("what verifies the token cannot be fetched now")]
    ProviderUnavailable,
    #[error("the subject token is not valid")]
    SubjectTokenInvalid,
    #[error("the subject token has expired")]
    SubjectTokenExpired,
    #[error("the subject token was used before")]
    SubjectTokenReplayed,
    #[error("this client may not present this token")]
    ExchangeNotPermitted,
    #[error("no registered person has this login")]
    PersonUnknown,
    #[error("this person may have no tokens at present")]
    PersonBarred,
    #[error("this login belongs to another person")]
    LoginMismatch,
    #[error("more was asked for than was proven, or nothing is left")]
    ScopeEscalation,
    #[error("whoever acts for another cannot act for a third")]
    ActTooDeep,
    #[error("this may not be continued")]
    ContinuationNotPermitted,
    #[error("this region is not the client's to ask for")]
    RegionNotPermitted,
    #[error("there is no such mandate")]
    MandateNotFound,
    #[error("a mandate with this id is already recorded")]
    MandateExists,
    #[error("a mandate is recorded by the service whose work it is, for the person who gives it")]
    MandateNotPermitted,
    #[error("the mandate has expired")]
    MandateExpired,
    #[error("the mandate was revoked, or its work has ended")]
    MandateEnded,
    #[error("these are somebody else's tokens")]
    NotTheirTokens,
    #[error("there is no such lasting revocation")]
    RevocationNotFound,

    /// Somebody who works for no organisation, or reviews themself.
    #[error("this is outside of the caller's scope")]
    OutsideScope,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Storage(#[from] postgres::Error),
    #[error("a token could not be signed: {0}")]
    Signing(#[source] jsonwebtoken::errors::Error),
    #[error("a page token could not be written: {0}")]
    PageToken(#[from] serde_json::Error),
}
