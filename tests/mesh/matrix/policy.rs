//! Who should be able to do what: written by hand from the contracts and requirements, and from nothing that decides it. `access.toml`
//! and the services are compared with this; where they differ one of the two is wrong, and which one is a question for people.
//!
//! One line per RPC, or per way of asking (`#…`). `roles` says for each role, by the letter of `people::ROLES`, which relations to what
//! is asked about let it in, any one of them sufficing:
//!
//! * `*` none is needed
//! * `a` none is needed, but who acts for a resident asks about that resident
//! * `s` the resident it is about calls, or somebody who acts for her under her delegation
//! * `v` so, and whoever acts for her needs a delegation with VIEW, also where their organisation takes part
//! * `r` the resident herself calls, and nobody for her
//! * `o` the caller's organisation takes part in it
//! * `k` the caller's organisation is its clinic, `h` its hospital
//! * `c` the caller's organisation cares for the resident now
//! * `g` the caller's organisation registered the resident
//! * `d` the caller is the delegate it names
//! * `u` the caller comes in their own name
//! * `n` so, and it is the caller's organisation's own: about nobody, or about many
//! * `m` so, and the caller's organisation is its clinic
//! * `-` none: a role that may ask, but otherwise
//!
//! Lower-case letters before `:` are our own services calling in their own name. Who is not named is refused, whatever the relation.
//!
//! Whoever acts for a resident acts for that resident alone: such a token opens nothing that is another resident's.

/// What an allowed call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An answer.
    Read,
    /// An answer; who has no part in what there is gets none of it instead of a refusal.
    List,
    /// It is carried out, or business refuses it.
    Write,
    /// Answered without a token.
    Open,
}

use Kind::{List, Open, Read, Write};

/// A line of the policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// `<service>.<Service>/<Method>`, with `#<way of asking>` where there are several.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    roles: &'static str,
}

impl Line {
    /// Without the way of asking.
    pub(super) fn method(&self) -> &'static str {
        self.name.split('#').next().unwrap_or(self.name)
    }

    /// The relations that let a role, or a service, in; none where it is not named.
    pub(super) fn relations(&self, role: char) -> Option<&'static str> {
        self.roles.split_ascii_whitespace().find_map(|entry| match entry.split_once(':') {
            Some((roles, relations)) => roles.contains(role).then_some(relations),
            None => panic!("{}: {entry} says no relation", self.name),
        })
    }
}

const fn line(name: &'static str, kind: Kind, roles: &'static str) -> Line {
    Line { name, kind, roles }
}

/// Everybody outside who works in the region.
#[rustfmt::skip]
pub(super) const POLICY: &[Line] = &[
    // A desk registers who stands before it; what it registered it keeps right. Who cares for somebody sees who they are.
    line("identity.ResidentService/RegisterResident", Write, "WCX:u"),
    line("identity.ResidentService/GetResident", Read, "R:s W:vg FCLD:vc X:g"),
    line("identity.ResidentService/FindResident", Read, "WCLD:* p:*"),
    line("identity.ResidentService/UpdateResident", Write, "R:r WC:g X:*"),
    line("identity.ResidentService/ListResidentChanges", Read, "R:s WC:vg X:*"),
    line("identity.ResidentService/AddIdentifier", Write, "WC:g X:*"),
    line("identity.ResidentService/WithdrawIdentifier", Write, "WC:g X:*"),
    line("identity.ResidentService/VerifyCredential", Read, "WFCLD:*"),
    line("identity.ResidentService/ListPossibleDuplicates", List, "WC:g X:*"),
    line("identity.ResidentService/DismissDuplicate", Write, "WC:g X:*"),
    // Two people say that two registrations are one person: a desk for whom it registered, an operator for anybody, who signs.
    line("identity.MergeService/ProposeMerge", Write, "WC:g X:*"),
    line("identity.MergeService/MergeResidents", Write, "X:*"),
    line("identity.MergeService/ProposeUnmerge", Write, "WC:g X:*"),
    line("identity.MergeService/UnmergeResidents", Write, "X:*"),
    line("identity.MergeService/GetMerge", Read, "WC:g X:*"),
    line("identity.MergeService/ListMerges", List, "WC:g X:*"),
    // A household is of several: whoever looks after its community keeps it in their own name; its members read it.
    line("identity.HouseholdService/FormHousehold", Write, "W:m X:*"),
    line("identity.HouseholdService/AddHouseholdMember", Write, "W:m X:*"),
    line("identity.HouseholdService/RemoveHouseholdMember", Write, "W:m X:*"),
    line("identity.HouseholdService/EndHousehold", Write, "W:m X:*"),
    line("identity.HouseholdService/GetHousehold", Read, "R:s WF:vk X:*"),
    line("identity.GuardianshipService/RegisterGuardianship", Write, "WX:a"),
    line("identity.GuardianshipService/ConfirmGuardianship", Write, "W:k X:*"),
    line("identity.GuardianshipService/GetGuardianship", Read, "R:s W:vk X:*"),
    line("identity.GuardianshipService/ListGuardianships", List, "R:s W:vk X:*"),
    line("identity.GuardianshipService/EndGuardianship", Write, "W:k X:*"),
    line("identity.VulnerabilityService/SetFlag", Write, "OX:*"),
    line("identity.VulnerabilityService/EndFlag", Write, "O:o X:*"),
    line("identity.VulnerabilityService/ListFlags", List, "R:s OV:o X:*"),
    line("identity.CommunityService/PutCommunity", Write, "X:*"),
    line("identity.CommunityService/GetCommunity", Read, "RWFCLPX:*"),
    line("identity.CommunityService/ListCommunities", Read, "RWFCLPX:*"),
    line("identity.CommunityService/ListResidents", List, "WF:m"),
    // Organisations, alliances and designations are public knowledge; operators and insurers keep them.
    line("identity.OrganisationService/RegisterOrganisation", Write, "X:*"),
    line("identity.OrganisationService/UpdateOrganisation", Write, "X:*"),
    line("identity.OrganisationService/GetOrganisation", Read, "RWFCLDOVBPXA:* sra:*"),
    line("identity.OrganisationService/ListOrganisations", Read, "RWFCLDOVBPXA:* r:*"),
    line("identity.OrganisationService/RegisterPractitioner", Write, "X:*"),
    line("identity.OrganisationService/GetPractitioner", Read, "RWFCLDOVPXA:* s:*"),
    line("identity.AllianceService/FormAlliance", Write, "X:*"),
    line("identity.AllianceService/JoinAlliance", Write, "X:*"),
    line("identity.AllianceService/LeaveAlliance", Write, "X:*"),
    line("identity.AllianceService/GetAlliance", Read, "RWFCLDOVPXA:*"),
    line("identity.AllianceService/ListAlliances", Read, "RWFCLDOVPXA:*"),
    line("identity.BankProfileService/SetBankProfile", Write, "X:*"),
    line("identity.BankProfileService/GetBankProfile", Read, "B:n X:*"),
    line("identity.DesignationService/DesignateProvider", Write, "O:*"),
    line("identity.DesignationService/SuspendDesignation", Write, "O:o"),
    line("identity.DesignationService/ResumeDesignation", Write, "O:o"),
    line("identity.DesignationService/EndDesignation", Write, "O:o"),
    line("identity.DesignationService/GetDesignation", Read, "RWFCLDOVPXA:*"),
    line("identity.DesignationService/ListDesignations", Read, "RWFCLDOVPXA:* a:*"),
    // Cover is recorded by an insurer and seen by the insured and those who pay.
    line("identity.EnrolmentService/EnrolResident", Write, "OX:*"),
    line("identity.EnrolmentService/GetEnrolment", Read, "R:s OV:o X:-"),
    line("identity.EnrolmentService/ListEnrolments", List, "R:s OV:o X:-"),
    line("identity.EnrolmentService/CorrectEnrolment", Write, "O:o X:-"),
    line("identity.EnrolmentService/EndEnrolment", Write, "O:o X:-"),
    line("identity.EnrolmentService/GetCoverage", Read, "R:s sa:*"),
    line("identity.EnrolmentService/FileRemoteCare", Write, "R:s WFC:s O:*"),
    line("identity.EnrolmentService/GetRemoteCareFiling", Read, "R:s WFC:v OV:o"),
    line("identity.EnrolmentService/WithdrawRemoteCare", Write, "R:s WFC:s O:o"),
    line("identity.FamilyDoctorService/ListServicePackages", Read, "RWFCLOVPXA:*"),
    line("identity.FamilyDoctorService/SignFamilyDoctorContract", Write, "R:s WFC:s"),
    line("identity.FamilyDoctorService/RenewFamilyDoctorContract", Write, "R:s WFC:s"),
    line("identity.FamilyDoctorService/EndFamilyDoctorContract", Write, "R:s WFC:sk"),
    line("identity.FamilyDoctorService/GetFamilyDoctorContract", Read, "R:s WFCL:vk"),
    // A resident signs, by herself or at a desk; a delegate passes nothing on and takes nothing back.
    line("identity.DelegationService/GrantDelegation#own", Write, "R:r"),
    line("identity.DelegationService/GrantDelegation#desk", Write, "WFC:u"),
    line("identity.DelegationService/GrantDelegation#papers", Write, "X:*"),
    line("identity.DelegationService/ProposeDelegation", Write, "WFCLD:a"),
    line("identity.DelegationService/ConfirmDelegation", Write, "R:r"),
    line("identity.DelegationService/GetDelegation", Read, "R:s WFCLD:s X:- sp:*"),
    line("identity.DelegationService/GetDelegation#desk", Read, "R:s WFCLD:so"),
    line("identity.DelegationService/GetDelegation#papers", Read, "R:s WFCLD:s X:o"),
    line("identity.DelegationService/ListDelegations", Read, "R:s"),
    line("identity.DelegationService/GetDelegationReceipt", Read, "R:s WFC:s X:-"),
    line("identity.DelegationService/GetDelegationReceipt#desk", Read, "R:s WFC:so"),
    line("identity.DelegationService/GetDelegationReceipt#papers", Read, "R:s WFC:s X:o"),
    line("identity.DelegationService/CheckDelegation#own", Read, "WFCLDB:s R:-"),
    line("identity.DelegationService/CheckDelegation#service", Read, "s:*"),
    line("identity.DelegationService/RevokeDelegation#own", Write, "R:r"),
    line("identity.DelegationService/RevokeDelegation#papers", Write, "R:r X:o"),
    line("identity.ConsentService/GrantConsent", Write, "R:s WFCL:s"),
    line("identity.ConsentService/RevokeConsent", Write, "R:s WFCL:s"),
    line("identity.ConsentService/GetConsent", Read, "R:s WFCLD:vo"),
    line("identity.ConsentService/ListConsents", Read, "R:s"),
    line("identity.ConsentService/CheckConsent", Read, "R:s WFCLD:so"),
    line("identity.BreakGlassService/OpenBreakGlass", Write, "FL:a"),
    line("identity.BreakGlassService/CheckBreakGlass", Read, "FL:o"),
    line("identity.BreakGlassService/ListBreakGlass#resident", List, "R:s FL:-"),
    line("identity.BreakGlassService/ListBreakGlass#organisation", List, "FL:n"),
    line("identity.BreakGlassService/ListUnreviewedBreakGlass", Read, "A:*"),
    line("identity.BreakGlassService/ReviewBreakGlass", Write, "A:*"),
    // A mandate comes over the connection of the service whose work it is for, which nobody of these has. Whoever gave it takes it back.
    line("identity.MandateService/RecordMandate", Write, "RWFLD:-"),
    line("identity.MandateService/GetMandate", Read, "R:s WFLD:v"),
    line("identity.MandateService/RevokeMandate", Write, "R:r WFLD:-"),
    // Tokens are for everybody who proves who they are; taking others' back is for operators.
    line("identity.TokenService/ExchangeToken", Open, "RWFCLDOVBPXA:* srap:*"),
    line("identity.TokenService/GetKeys", Open, "RWFCLDOVBPXA:* srap:*"),
    line("identity.TokenService/RevokeToken#lasting", Write, "X:*"),
    line("identity.TokenService/RevokeToken#own", Write, "RWFCLDOVBPXA:*"),
    line("identity.TokenService/LiftRevocation", Write, "X:*"),
    line("identity.TokenService/PullRevocations", Read, "srap:*"),
    line("identity.EventService/PullEvents", Read, "P:* srap:*"),
    line("identity.PrivacyService/ExportResident", Read, "R:r X:*"),
    line("identity.PrivacyService/RequestErasure", Write, "R:r X:*"),
    line("identity.PrivacyService/GetErasure", Read, "R:r X:*"),
    line("identity.PrivacyService/CancelErasure", Write, "R:r X:*"),
    line("identity.PrivacyService/ReportErasure", Write, "srap:*"),
    // Its witness, too, reads an audit: the next service of the ring.
    line("identity.AuditService/GetCheckpoint", Read, "XA:* s:*"),
    line("identity.AuditService/ProveInclusion", Read, "XA:*"),
    line("identity.AuditService/ProveConsistency", Read, "XA:* s:*"),
    line("identity.AuditService/GetWitnessed", Read, "XA:*"),
    line("identity.AuditService/ListAccess", Read, "R:s WF:v A:*"),
    // Places are published by who keeps them and found by everybody; a booking is the resident's. Referral in its own name finishes and
    // gives up what it booked, which nothing here is.
    line("scheduling.SessionService/PublishSessions", Write, "FCLD:n"),
    line("scheduling.SessionService/GetSession", Read, "RWFCLDBPX:*"),
    line("scheduling.SessionService/SearchSlots", Read, "RWFCLDBPX:*"),
    line("scheduling.CalendarService/RegisterResource", Write, "FCLD:n"),
    line("scheduling.CalendarService/CreateTemplate", Write, "FCLD:n"),
    line("scheduling.CalendarService/DeclareException", Write, "FCLD:n X:*"),
    line("scheduling.CalendarService/GenerateSessions", Write, "FCLD:n"),
    line("scheduling.CalendarService/ChangeSession", Write, "FCLD:n"),
    line("scheduling.CalendarService/WithdrawSession", Write, "FCLD:n"),
    line("scheduling.CalendarService/SetReleaseLadder", Write, "FCLD:n"),
    line("scheduling.CalendarService/GetTemplate", Read, "FCLD:n X:*"),
    line("scheduling.CalendarService/ListTemplates", Read, "FCLD:n X:*"),
    line("scheduling.CalendarService/GetException", Read, "FCLD:n X:*"),
    line("scheduling.CalendarService/ListExceptions", Read, "FCLD:n X:*"),
    line("scheduling.CalendarService/GetReleaseLadder", Read, "FCLD:n X:*"),
    line("scheduling.CalendarService/ListReleaseLadders", Read, "FCLD:n X:*"),
    line("scheduling.SurgeService/OpenSurge", Write, "X:*"),
    line("scheduling.SurgeService/CloseSurge", Write, "X:*"),
    line("scheduling.SurgeService/GetSurge", Read, "RWFCLDBPX:*"),
    line("scheduling.SurgeService/Divert", Read, "RWFCLDBPX:*"),
    line("scheduling.AppointmentService/HoldSlot", Write, "R:s WFCLDB:s"),
    line("scheduling.AppointmentService/ConfirmAppointment", Write, "R:s WFCLDB:s r:-"),
    line("scheduling.AppointmentService/Book#own", Write, "R:s WFCLDB:s"),
    line("scheduling.AppointmentService/Book#delegate", Write, "WFCLDB:sd"),
    line("scheduling.AppointmentService/CancelAppointment", Write, "R:s W:s FCLD:so B:s r:-"),
    line("scheduling.AppointmentService/GetAppointment", Read, "R:s WFCLD:vo B:v ra:*"),
    line("scheduling.AppointmentService/ListAppointments#resident", List, "R:s WFCLDB:v"),
    line("scheduling.AppointmentService/ListAppointments#provider", List, "WFCLD:n"),
    line("scheduling.AppointmentService/RescheduleAppointment", Write, "R:s WFCLDB:s"),
    line("scheduling.AppointmentService/MarkNoShow", Write, "FCLD:o"),
    line("scheduling.JointService/SearchTogether", Read, "RWFCLDBPX:*"),
    line("scheduling.JointService/BookTogether", Write, "R:s WFCLDB:s"),
    // Who did not come knows it and may object; an officer decides.
    line("scheduling.SuspensionService/ListSuspensions", Read, "R:s WF:v X:*"),
    line("scheduling.SuspensionService/AppealSuspension", Write, "R:s WF:s"),
    line("scheduling.SuspensionService/LiftSuspension", Write, "X:*"),
    line("scheduling.SuspensionService/DismissAppeal", Write, "X:*"),
    line("scheduling.SuspensionService/ListSuspicions", Read, "XA:*"),
    line("scheduling.WaitListService/JoinWaitList", Write, "R:s WFCLDB:s"),
    line("scheduling.WaitListService/LeaveWaitList", Write, "R:s WFCLDB:s"),
    line("scheduling.WaitListService/ListWaiting", Read, "R:s WFCLDB:v"),
    line("scheduling.VisitService/CheckIn", Write, "FCLD:o"),
    // What a provider forgot to end, an operator ends.
    line("scheduling.VisitService/EndVisit", Write, "FCLD:o X:*"),
    line("scheduling.VisitService/GetVisit", Read, "R:s WFCLD:vo"),
    // Where somebody stands in a queue is theirs to see; the desks of the place call.
    line("scheduling.QueueService/GetQueuePosition", Read, "R:s WFCLD:vo"),
    line("scheduling.QueueService/WatchQueue", Read, "R:s WFCLD:vo"),
    line("scheduling.QueueService/ListQueue", Read, "FCLD:n"),
    line("scheduling.QueueService/CallNext", Write, "FCLD:n"),
    line("scheduling.QueueService/Recall", Write, "FCLD:o"),
    line("scheduling.QueueService/Pass", Write, "FCLD:o"),
    line("scheduling.QueueService/MoveQueue", Write, "FCLD:n"),
    line("scheduling.StatisticsService/GetUtilisation", Read, "FCLD:n X:*"),
    line("scheduling.StatisticsService/ForecastDemand", Write, "FCLD:n X:*"),
    line("scheduling.OwnEventService/PullOwnEvents", List, "FCLD:n"),
    line("scheduling.EventService/PullEvents", Read, "P:* irap:*"),
    line("scheduling.PrivacyService/ExportResident", Read, "R:r X:*"),
    line("scheduling.AuditService/GetCheckpoint", Read, "XA:* a:*"),
    line("scheduling.AuditService/ProveInclusion", Read, "XA:*"),
    line("scheduling.AuditService/ProveConsistency", Read, "XA:* a:*"),
    line("scheduling.AuditService/GetWitnessed", Read, "XA:*"),
    line("scheduling.AuditService/ListAccess", Read, "R:s WF:v A:*"),
    // A referral is the resident's; the target decides.
    line("referral.ReferralService/ProposeTargets", Read, "R:s WFCLD:so"),
    line("referral.ReferralService/SubmitReferral", Write, "R:s WFLD:s"),
    line("referral.ReferralService/WatchWorkList", List, "FCLD:o"),
    line("referral.ReferralService/AcceptReferral", Write, "LD:h"),
    line("referral.ReferralService/ReturnReferral", Write, "LD:h"),
    line("referral.ReferralService/CloseReferral", Write, "LD:h"),
    line("referral.ReferralService/GetReferral", Read, "R:s WFCLD:vo"),
    line("referral.ReferralService/ListReferrals#resident", List, "R:s WCD:v FL:vc"),
    line("referral.ReferralService/ListReferrals#organisation", List, "WFCLD:n"),
    line("referral.JourneyService/GetJourney", Read, "R:s WFLD:v"),
    line("referral.EventService/PullEvents", Read, "P:* ia:*"),
    line("referral.PrivacyService/ExportResident", Read, "R:r X:*"),
    line("referral.AuditService/GetCheckpoint", Read, "XA:* i:*"),
    line("referral.AuditService/ProveInclusion", Read, "XA:*"),
    line("referral.AuditService/ProveConsistency", Read, "XA:* i:*"),
    line("referral.AuditService/GetWitnessed", Read, "XA:*"),
    line("referral.AuditService/ListAccess", Read, "R:s WF:v A:*"),
    // Policies are public rules that one officer proposes and another releases; what somebody's care costs is theirs and the provider's.
    line("adjudication.PolicyService/ProposePolicy", Write, "O:*"),
    line("adjudication.PolicyService/ReleasePolicy", Write, "O:*"),
    line("adjudication.PolicyService/GetPolicy", Read, "RCLOVPXA:*"),
    line("adjudication.PolicyService/ListPolicies", Read, "OVPXA:*"),
    line("adjudication.PolicyService/PutCatalogue", Write, "O:*"),
    line("adjudication.PolicyService/GetCatalogueItem", Read, "CLOVPXA:*"),
    line("adjudication.ProviderPaymentService/ProposePaymentTerms", Write, "O:*"),
    line("adjudication.ProviderPaymentService/ReleasePaymentTerms", Write, "O:*"),
    line("adjudication.ProviderPaymentService/GetPaymentTerms", Read, "CLOVPXA:*"),
    line("adjudication.ProviderPaymentService/ListPaymentTerms", Read, "OVPXA:*"),
    line("adjudication.ProviderPaymentService/GetProviderPayment", Read, "CLD:n OVA:*"),
    line("adjudication.ProviderPaymentService/ListProviderPayments", Read, "CLD:n OVA:*"),
    line("adjudication.ProviderPaymentService/ExpectCapitation", Write, "COVA:*"),
    // No tables are loaded, which says so to whoever may ask.
    line("adjudication.ProviderPaymentService/GroupRecord", Write, "CLDOVA:*"),
    line("adjudication.AdjudicationService/QuoteCare", Write, "R:s WFCLD:s"),
    line("adjudication.AdjudicationService/GetQuote", Read, "R:s WFCLD:so"),
    // The visit is read from scheduling with the caller's own token.
    line("adjudication.AdjudicationService/DivideClaim", Write, "CLD:vo"),
    line("adjudication.AdjudicationService/ConfirmSettlement", Write, "p:*"),
    line("adjudication.AdjudicationService/ReverseSettlement", Write, "p:*"),
    line("adjudication.AdjudicationService/CorrectClaim", Write, "CLD:o"),
    line("adjudication.AdjudicationService/GetSettlement", Read, "R:s WFCLD:so p:*"),
    line("adjudication.AdjudicationService/GetExplanation", Read, "R:s WFCLD:so VA:*"),
    line("adjudication.AdjudicationService/GetClearing", Read, "OAX:*"),
    line("adjudication.AdjudicationService/GetClaim", Read, "R:s WFCLD:vo"),
    line("adjudication.AdjudicationService/ListClaims", List, "R:s WFCLD:vo"),
    // What is a person's own money, that person alone gives to others.
    line("adjudication.AccountService/CreditAccount", Write, "O:*"),
    line("adjudication.AccountService/ShareAccount", Write, "R:r"),
    line("adjudication.AccountService/GetAccount", Read, "R:s WF:v"),
    line("adjudication.InspectionService/ProposeRuleBook", Write, "O:*"),
    line("adjudication.InspectionService/ReleaseRuleBook", Write, "O:*"),
    line("adjudication.InspectionService/GetRules", Read, "CLOVPXA:*"),
    line("adjudication.InspectionService/ListFindings", List, "VA:* C:n"),
    line("adjudication.InspectionService/DecideFinding", Write, "V:*"),
    line("adjudication.InspectionService/AnswerFinding", Write, "C:o"),
    line("adjudication.InspectionService/AppealFinding", Write, "C:o"),
    line("adjudication.InspectionService/GetRulePrecision", Read, "OVA:*"),
    line("adjudication.SupervisionService/RecordFundIncome", Write, "O:*"),
    line("adjudication.SupervisionService/GetFund", Read, "OVXA:*"),
    line("adjudication.SupervisionService/GetOutliers", Read, "OVA:*"),
    line("adjudication.SupervisionService/GetProviderStatistics", Read, "OVA:*"),
    line("adjudication.SupervisionService/AssessProvider", Write, "O:*"),
    line("adjudication.SupervisionService/ListAssessments", Read, "OVA:*"),
    line("adjudication.SupervisionService/ReportAbuse", Write, "RWFCLD:*"),
    line("adjudication.SupervisionService/ListAbuseReports", Read, "VA:*"),
    line("adjudication.SupervisionService/CloseAbuseReport", Write, "V:*"),
    line("adjudication.EventService/PullEvents", Read, "P:* sp:*"),
    line("adjudication.PrivacyService/ExportResident", Read, "R:r X:*"),
    line("adjudication.AuditService/GetCheckpoint", Read, "XA:* p:*"),
    line("adjudication.AuditService/ProveInclusion", Read, "XA:*"),
    line("adjudication.AuditService/ProveConsistency", Read, "XA:* p:*"),
    line("adjudication.AuditService/GetWitnessed", Read, "XA:*"),
    line("adjudication.AuditService/ListAccess", Read, "R:s WF:v A:*"),
    // A bill is the resident's and its payee's; a credit line its bank's and the resident's. Referral gives up the bills that it opened.
    line("payment.BillService/AuthoriseBill", Write, "R:s WFCLD:so"),
    line("payment.BillService/CaptureBill", Write, "R:s WFCLD:so"),
    line("payment.BillService/RefundBill", Write, "CLD:o"),
    line("payment.DeskService/CollectArrears", Write, "CLD:o"),
    line("payment.DeskService/OpenPayout", Write, "CLD:o"),
    line("payment.DeskService/WitnessPayout", Write, "CLD:o"),
    // What goes out in cash is looked at by who supervises, too: desk by desk, and nobody is looked up.
    line("payment.DeskService/GetPayout", Read, "R:s WFCLD:vo A:*"),
    line("payment.DeskService/ListPayouts#resident", List, "R:s WFCLD:v A:-"),
    line("payment.DeskService/ListPayouts#payee", List, "WFCLD:n A:*"),
    line("payment.BillService/CancelBill", Write, "R:s WFCLD:so r:-"),
    line("payment.BillService/GetBill", Read, "R:s WFCLD:vo"),
    line("payment.BillService/ListBills#resident", List, "R:s WFCLD:v"),
    line("payment.BillService/ListBills#payee", List, "WFCLD:n"),
    line("payment.BillService/GetReceipt", Read, "R:s WFCLD:vo"),
    line("payment.BillService/VerifyReceipt", Read, "RWFCLDOVBPXA:*"),
    line("payment.BankService/GrantCreditLine", Write, "B:a"),
    line("payment.BankService/GetCreditLine", Read, "B:o R:s WF:s"),
    line("payment.BankService/QueryOrders", List, "B:n"),
    line("payment.BankService/ReportOrder", Write, "B:n"),
    line("payment.EventService/PullEvents", Read, "P:*"),
    line("payment.PrivacyService/ExportResident", Read, "R:r X:*"),
    line("payment.AuditService/GetCheckpoint", Read, "XA:* r:*"),
    line("payment.AuditService/ProveInclusion", Read, "XA:*"),
    line("payment.AuditService/ProveConsistency", Read, "XA:* r:*"),
    line("payment.AuditService/GetWitnessed", Read, "XA:*"),
    line("payment.AuditService/ListAccess", Read, "R:s WF:v A:*"),
];
