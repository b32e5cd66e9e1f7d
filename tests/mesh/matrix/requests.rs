//! A request for each method, about the facts of one half of the world: well-formed enough to come to the object rule, and, where it
//! changes something, asking for what business refuses or for what nobody else in the matrix needs.

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};
use testkit::request_id;

/// What a half of the world knows, by field name or by `$name`.
pub(crate) type Facts = std::collections::BTreeMap<String, Value>;

/// The request of a line: every field whose name is a fact, a first word of every enumeration, and what [`wanted`] says of this line.
pub(crate) fn request(line: &str, input: &MessageDescriptor, facts: &Facts) -> Value {
    let mut request = by_name(input, facts);
    for (field, value) in object(wanted(line)) {
        request.insert(field, filled(value, facts));
    }
    request.retain(|_, value| !value.is_null());
    if input.get_field_by_name("request_id").is_some() {
        request.insert("request_id".to_owned(), json!(request_id()));
    }
    Value::Object(request)
}

fn by_name(input: &MessageDescriptor, facts: &Facts) -> Map<String, Value> {
    let known = input.fields().filter_map(|field| {
        let value = match field.kind() {
            Kind::String if !field.is_list() => facts.get(field.name()).filter(|fact| fact.is_string()).cloned()?,
            Kind::Enum(words) if !field.is_list() => json!(first(&words)?),
            _ => return None,
        };
        Some((field.name().to_owned(), value))
    });
    known.collect()
}

fn first(words: &EnumDescriptor) -> Option<String> {
    words.values().nth(1).map(|word| word.name().to_owned())
}

/// `$name` stands for a fact.
fn filled(value: Value, facts: &Facts) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => facts.get(name).cloned().unwrap_or_else(|| panic!("no fact is called {name}")),
            None => Value::String(text),
        },
        Value::Array(values) => values.into_iter().map(|value| filled(value, facts)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, filled(value, facts))).collect(),
        value => value,
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What a line asks for beyond facts by name. `null` leaves a field out.
fn wanted(line: &str) -> Value {
    let (service, method) = line.split_once('.').unwrap_or_default();
    if service == "identity" { in_identity(method) } else { elsewhere(service, method) }
}

fn in_identity(method: &str) -> Value {
    match method {
        // A number that is registered.
        "ResidentService/RegisterResident" => json!({
            "resident_id": null, "name": "$name", "provisional": null, "sex": null, "mother_resident_id": null,
            "community": "展览路街道", "community_code": null, "region_code": "110000",
        }),
        "ResidentService/FindResident" => json!({ "name": null }),
        "ResidentService/UpdateResident" => json!({
            "update_mask": "mobile", "revision": 99, "name": null, "community_code": null, "mobile": "13900000000",
        }),
        "ResidentService/AddIdentifier" => {
            json!({ "identifier_id": null, "credential": "$passport", "evidence": "desk" })
        }
        "ResidentService/WithdrawIdentifier" => json!({ "reason": "lost" }),
        "ResidentService/VerifyCredential" => json!({ "credential": "$id_card" }),
        "ResidentService/DismissDuplicate" => json!({ "evidence": "two persons" }),
        "MergeService/ProposeMerge" => json!({
            "merge_id": null, "survivor_resident_id": "$double", "reason": "one person", "evidence": "papers",
        }),
        "MergeService/MergeResidents" | "MergeService/ProposeUnmerge" | "MergeService/UnmergeResidents" => {
            json!({ "revision": 99, "evidence": "papers" })
        }
        "HouseholdService/FormHousehold" => json!({ "household": "$household" }),
        // She belongs to one.
        "HouseholdService/AddHouseholdMember" => {
            json!({ "relation": "HOUSEHOLD_RELATION_SPOUSE", "from": "$today" })
        }
        "HouseholdService/RemoveHouseholdMember" | "HouseholdService/EndHousehold" => {
            json!({ "until": "$today", "reason": "moved" })
        }
        "GuardianshipService/ConfirmGuardianship" => json!({ "evidence": "papers" }),
        "GuardianshipService/RegisterGuardianship" => json!({ "guardianship": "$guardianship" }),
        "GuardianshipService/EndGuardianship" => json!({ "reason": "ended by the court" }),
        "VulnerabilityService/SetFlag" => json!({ "flag": "$flag" }),
        "VulnerabilityService/EndFlag" => json!({ "last_day": "$today", "reason": "no longer" }),
        "CommunityService/PutCommunity" => json!({ "community": "$community" }),
        "CommunityService/ListResidents" => json!({ "flag": null }),
        "OrganisationService/RegisterOrganisation" => json!({ "organisation": "$organisation" }),
        "OrganisationService/UpdateOrganisation" => {
            json!({ "organisation": "$organisation_outdated", "update_mask": "name" })
        }
        "OrganisationService/ListOrganisations" => json!({ "alliance_id": null }),
        "OrganisationService/RegisterPractitioner" => json!({ "practitioner": "$practitioner" }),
        "AllianceService/FormAlliance" => {
            json!({ "name": "$name", "lead_organisation_id": "$clinic", "from": "$today" })
        }
        "AllianceService/JoinAlliance" => json!({ "organisation_id": "$clinic", "from": "$today" }),
        "AllianceService/LeaveAlliance" => json!({ "organisation_id": "$clinic", "until": "$today" }),
        "BankProfileService/SetBankProfile" => json!({ "profile": "$bank_profile" }),
        "BankProfileService/GetBankProfile" => json!({ "organisation_id": "$bank" }),
        "DesignationService/DesignateProvider" => json!({
            "designation_id": null, "provider_organisation_id": "$clinic", "from": "$today",
            "kind": "DESIGNATION_KIND_CHRONIC",
        }),
        "DesignationService/SuspendDesignation" => json!({ "from": "$in_2020", "reason": "inspection" }),
        "DesignationService/ResumeDesignation" => json!({ "from": "$end_of_2020" }),
        "DesignationService/EndDesignation" => json!({ "until": "$end_of_2020", "reason": "over" }),
        "DesignationService/ListDesignations" => json!({ "provider_organisation_id": "$clinic" }),
        "EnrolmentService/EnrolResident" => json!({ "enrolment": "$enrolment" }),
        "EnrolmentService/CorrectEnrolment" => {
            json!({ "enrolment": "$enrolment_known", "version": 99, "reason": "wrong" })
        }
        "EnrolmentService/EndEnrolment" => json!({ "version": 99, "until": "$today", "reason": "moved" }),
        "EnrolmentService/GetCoverage" | "HouseholdService/GetHousehold" => json!({ "on": "$today" }),
        "EnrolmentService/FileRemoteCare" => json!({ "filing": "$filing" }),
        "FamilyDoctorService/SignFamilyDoctorContract" => json!({
            "contract_id": null, "organisation_id": "$clinic", "practitioner_ids": ["$doctor"],
            "package_code": "$package", "from": "$today", "until": "$in_a_year",
        }),
        "FamilyDoctorService/RenewFamilyDoctorContract" => json!({ "until": "$in_two_years" }),
        "FamilyDoctorService/EndFamilyDoctorContract" => json!({ "last_day": "$today", "reason": "moved" }),
        _ => in_delegation(method),
    }
}

fn in_delegation(method: &str) -> Value {
    match method {
        "DelegationService/GrantDelegation#own" => json!({
            "delegation_id": null, "actions": ["DELEGATED_ACTION_VIEW"], "until": "$soon", "delegate": "$doctor_party",
            "basis": "DELEGATION_BASIS_GRANTED",
        }),
        "DelegationService/GrantDelegation#desk" => json!({
            "delegation_id": null, "actions": ["DELEGATED_ACTION_VIEW"], "until": "$soon", "delegate": "$doctor_party",
            "basis": "DELEGATION_BASIS_GRANTED", "evidence": "desk",
            "desk": { "national_id": "$national_id", "witness_practitioner_id": "$witness" },
        }),
        "DelegationService/GrantDelegation#papers" => json!({
            "delegation_id": null, "actions": ["DELEGATED_ACTION_VIEW"], "until": "$soon", "delegate": "$guardian_party",
            "basis": "DELEGATION_BASIS_GUARDIAN", "evidence": "court",
        }),
        "DelegationService/ProposeDelegation" => json!({
            "delegation_id": null, "actions": ["DELEGATED_ACTION_VIEW"], "until": "$soon", "delegate": "$doctor_party",
        }),
        "DelegationService/ConfirmDelegation" => json!({ "delegation_id": "$proposal" }),
        "DelegationService/GetDelegation#papers" | "DelegationService/GetDelegationReceipt#papers" => {
            json!({ "delegation_id": "$guardians" })
        }
        "DelegationService/GetDelegation#desk" | "DelegationService/GetDelegationReceipt#desk" => {
            json!({ "delegation_id": "$recorded" })
        }
        "DelegationService/CheckDelegation#own" => {
            json!({ "delegate": null, "action": "DELEGATED_ACTION_VIEW", "organisation_id": null, "care_kind": null })
        }
        "DelegationService/CheckDelegation#service" => json!({
            "delegate": "$delegate", "action": "DELEGATED_ACTION_VIEW", "organisation_id": null, "care_kind": null,
        }),
        "DelegationService/RevokeDelegation#own" => json!({ "delegation_id": "$spare" }),
        "DelegationService/RevokeDelegation#papers" => json!({ "delegation_id": "$guardians" }),
        "ConsentService/GrantConsent" => json!({
            "consent_id": null, "recipient_organisation_id": "$provider_organisation_id", "recipient_class": null,
            "until": "$soon", "purpose": "CONSENT_PURPOSE_RESEARCH",
        }),
        "ConsentService/RevokeConsent" => json!({ "consent_id": "$spare_consent" }),
        "ConsentService/CheckConsent" => json!({
            "recipient_organisation_id": "$provider_organisation_id", "purpose": "CONSENT_PURPOSE_REFERRAL",
        }),
        "BreakGlassService/OpenBreakGlass" => json!({
            "break_glass_id": null, "justification": "昏迷不醒，须立即查看病史和过敏史",
        }),
        "BreakGlassService/ListBreakGlass#resident" => json!({ "organisation_id": null }),
        "BreakGlassService/ListBreakGlass#organisation" => json!({ "resident_id": null }),
        "MandateService/RecordMandate" => json!({ "mandate_id": null, "work": "$work", "valid_days": 10 }),
        "PrivacyService/RequestErasure" => json!({ "evidence": "file 2026-1" }),
        "PrivacyService/ReportErasure" => json!({
            "word": "ERASURE_WORD_OPEN", "open": [{ "kind": "CREDIT", "id": "$credit_line_id" }],
        }),
        "TokenService/RevokeToken#lasting" => {
            json!({ "party": "$nobody", "client_id": null, "lasting": true, "reason": "left" })
        }
        "TokenService/RevokeToken#own" => json!({ "party": null, "client_id": null, "reason": "logging out" }),
        "TokenService/PullRevocations" => json!({ "wait_ms": 0 }),
        _ => in_all(method),
    }
}

fn in_all(method: &str) -> Value {
    match method {
        "EventService/PullEvents" => json!({ "cursor": { "max_events": 1 } }),
        "PrivacyService/ExportResident" => json!({ "export": "$export" }),
        "AuditService/ProveInclusion" => json!({ "position": 1, "size": 1 }),
        "AuditService/ProveConsistency" => json!({ "old_size": 1, "new_size": 1 }),
        _ => Value::Null,
    }
}

fn in_calendar(method: &str) -> Value {
    match method {
        "CalendarService/RegisterResource" => json!({ "resource": "$room" }),
        "CalendarService/CreateTemplate" => json!({ "template": "$template" }),
        // Long after anything that happens here.
        "CalendarService/DeclareException" => json!({
            "scope": "EXCEPTION_SCOPE_ORGANISATION", "subject_id": "$provider_organisation_id", "since": "$far_from",
            "until": "$far_until", "reason": "holiday",
        }),
        "CalendarService/GenerateSessions" => json!({ "until": "$today" }),
        "CalendarService/ChangeSession" => json!({
            "session_id": "$spare_session", "practitioner_id": null, "starts_at": "$far_from", "ends_at": "$far_until",
            "slot_length_minutes": 60, "kinds": ["CARE_KIND_OUTPATIENT"], "pools": [{ "pool": "POOL_PUBLIC", "places": 1 }],
            "reason": "moved",
        }),
        "CalendarService/WithdrawSession" => json!({ "session_id": "$spare_session", "reason": "ill" }),
        "CalendarService/GetReleaseLadder" => json!({ "department_id": null }),
        "CalendarService/SetReleaseLadder" => json!({ "department_id": null, "steps": [] }),
        // One of its name is open.
        "SurgeService/OpenSurge" => json!({
            "name": "$surge_name", "kind": "CARE_KIND_OUTPATIENT", "provider_organisation_ids": ["$provider_organisation_id"],
            "starts_at": "$far_from", "ends_at": "$far_until", "slot_length_minutes": 60, "places": 1,
        }),
        "SurgeService/CloseSurge" => json!({ "reason": "over" }),
        "SurgeService/Divert" => json!({ "symptom": "R50.9" }),
        _ => Value::Null,
    }
}

fn elsewhere(service: &str, method: &str) -> Value {
    match (service, method) {
        // One that is published.
        ("scheduling", "SessionService/PublishSessions") => json!({ "sessions": ["$session"] }),
        ("scheduling", "SessionService/SearchSlots") => json!({
            "near": { "latitude": 39.93, "longitude": 116.34 }, "practitioner_id": null, "department_id": null, "pool": null,
            "tier": null, "provider_organisation_id": null,
        }),
        ("scheduling", method) if method.starts_with("CalendarService/") || method.starts_with("SurgeService/") => {
            in_calendar(method)
        }
        ("scheduling", "AppointmentService/HoldSlot") => json!({
            "appointment_id": null, "referral_id": null, "journey_id": null, "kind": "CARE_KIND_OUTPATIENT",
        }),
        ("scheduling", "AppointmentService/ConfirmAppointment") => json!({ "appointment_id": "$held" }),
        ("scheduling", "AppointmentService/CancelAppointment") => {
            json!({ "appointment_id": "$held", "resident_id": null })
        }
        ("scheduling", "AppointmentService/Book#own") => json!({ "items": [{
            "request_id": request_id(), "resident_id": "$resident_id", "slot_id": "$slot_id",
            "kind": "CARE_KIND_OUTPATIENT", "channel": "CHANNEL_APP",
        }] }),
        ("scheduling", "AppointmentService/Book#delegate") => json!({ "items": [{
            "request_id": request_id(), "resident_id": "$resident_id", "slot_id": "$slot_id",
            "delegation_id": "$delegation_id", "kind": "CARE_KIND_OUTPATIENT", "channel": "CHANNEL_DESK",
        }] }),
        ("scheduling", "AppointmentService/ListAppointments#resident") => json!({ "provider_organisation_id": null }),
        // Where it is already.
        ("scheduling", "AppointmentService/RescheduleAppointment") => json!({ "slot_ids": ["$slot_id"] }),
        ("scheduling", "JointService/SearchTogether") => json!({
            "parties": [{ "provider_organisation_id": "$provider_organisation_id" }], "kind": "CARE_KIND_OUTPATIENT",
        }),
        // She has the first already.
        ("scheduling", "JointService/BookTogether") => json!({
            "appointment_id": null, "slot_ids": ["$slot_id", "$slot_next"], "kind": "CARE_KIND_OUTPATIENT",
            "channel": "CHANNEL_APP", "journey_id": null,
        }),
        ("scheduling", "SuspensionService/LiftSuspension" | "SuspensionService/DismissAppeal") => {
            json!({ "reason": "seen" })
        }
        ("scheduling", "WaitListService/JoinWaitList") => {
            json!({ "kind": "CARE_KIND_OUTPATIENT", "department_id": null, "from": null, "until": "$soon" })
        }
        // Those who came without an appointment stand in the provider's own line.
        ("scheduling", "QueueService/ListQueue" | "QueueService/CallNext") => json!({ "session_id": null }),
        ("scheduling", "QueueService/MoveQueue") => {
            json!({ "session_id": null, "practitioner_id": null, "room": "3诊室" })
        }
        ("scheduling", "StatisticsService/GetUtilisation") => {
            json!({ "department_id": null, "from": "$today", "until": "$today" })
        }
        // No history is long enough.
        ("scheduling", "StatisticsService/ForecastDemand") => json!({ "department_id": null }),
        ("scheduling", "OwnEventService/PullOwnEvents") => json!({ "cursor": { "max_events": 1 } }),
        ("scheduling", "VisitService/CheckIn") => json!({
            "session_id": null,
            "visit_id": "$visit_id", "appointment_id": null, "referral_id": null, "journey_id": null, "delegate": null,
            "delegation_id": null, "occurred_at": "$past",
            "credential": { "kind": "IDENTIFIER_KIND_ID_CARD", "number": "$national_id" },
        }),
        ("scheduling", "VisitService/EndVisit") => json!({ "visit_id": "$ended_visit", "occurred_at": "$past" }),
        ("referral", "ReferralService/ProposeTargets") => json!({
            "from_organisation_id": "$provider_organisation_id", "icd10_code": "I25.103", "kind": "CARE_KIND_INPATIENT",
        }),
        ("referral", "ReferralService/SubmitReferral") => {
            json!({ "clinical_summary": "胸闷一月", "diagnoses": "$diagnoses",
                "mandate": { "payment": "PAYMENT_ARRANGEMENT_DESK" }, "from_organisation_id": "$provider_organisation_id",
                "to_organisation_id": "$elsewhere", "journey_id": null, "previous_referral_id": null,
            })
        }
        ("referral", "ReferralService/AcceptReferral") => json!({ "version": 99, "kind": "CARE_KIND_INPATIENT" }),
        ("referral", "ReferralService/ReturnReferral") => {
            json!({ "version": 99, "returned": { "reason": "OTHER", "advice": "稍后" } })
        }
        ("referral", "ReferralService/CloseReferral") => json!({ "version": 99 }),
        ("referral", "ReferralService/ListReferrals#resident") => json!({ "organisation_id": null, "state": null }),
        ("referral", "ReferralService/ListReferrals#organisation") => json!({ "resident_id": null, "state": null }),
        ("adjudication", method) => in_adjudication(method),
        ("payment", "BillService/AuthoriseBill") => json!({ "quote_id": null, "bill_id": null }),
        ("payment", "BillService/CaptureBill") => json!({ "bill_id": "$captured_bill" }),
        ("payment", "BillService/CancelBill") => json!({ "bill_id": "$captured_bill", "resident_id": null }),
        ("payment", "DeskService/CollectArrears") => {
            json!({ "bill_id": "$captured_bill", "amount": "$limit", "reference": null })
        }
        ("payment", "DeskService/OpenPayout") => {
            json!({ "payout_id": null, "bill_id": "$captured_bill", "amount": "$limit", "reference": null })
        }
        ("payment", "DeskService/WitnessPayout") => json!({ "amount": "$cent" }),
        ("payment", list) if list.ends_with("#resident") => json!({ "payee_organisation_id": null }),
        ("payment", list) if list.ends_with("#payee") => json!({ "resident_id": null }),
        ("scheduling", "AppointmentService/ListAppointments#provider") => json!({ "resident_id": null }),
        ("payment", "BillService/VerifyReceipt") => json!({ "receipt": "$receipt" }),
        ("payment", "BankService/GrantCreditLine") => json!({
            "credit_line_id": null, "name": "$name", "agreement_sha256": "$agreement", "limit": "$limit", "until": "$soon",
        }),
        ("payment", "BankService/QueryOrders") => json!({ "state": null, "after_order_id": null }),
        ("payment", "BankService/ReportOrder") => json!({
            "outcome": "ORDER_STATE_UNKNOWN", "occurred_at": "$past",
        }),
        (_, method) => in_all(method),
    }
}

fn in_adjudication(method: &str) -> Value {
    match method {
        "PolicyService/ProposePolicy" => json!({ "document_json": "$policy_document" }),
        "ProviderPaymentService/ProposePaymentTerms" => {
            json!({ "terms_id": null, "document_json": "$terms_document" })
        }
        "ProviderPaymentService/ExpectCapitation" => {
            json!({ "heads": [{ "age_years": 60, "count": 1 }] })
        }
        "ProviderPaymentService/GroupRecord" => {
            json!({ "tables_version": "none", "icd10_codes": ["I10.x00"] })
        }
        "PolicyService/PutCatalogue" => json!({
            "region_code": "110000", "effective_from": "$today", "items": ["$item"],
        }),
        "PolicyService/GetCatalogueItem" => json!({ "item_code": "T-A", "on": "$today" }),
        "AdjudicationService/QuoteCare" => json!({
            "quote_id": null, "kind": "CARE_KIND_OUTPATIENT", "on": "$today", "lines": "$expected", "referral_id": null,
            "appointment_id": null, "journey_id": null,
        }),
        "AdjudicationService/DivideClaim" => json!({
            "claim_id": null, "visit_id": "$ended_visit", "diagnoses": "$diagnoses", "lines": "$claim_lines", "total": "$price",
            "quote_id": null,
        }),
        // Of another bill.
        "AdjudicationService/ReverseSettlement" => {
            json!({ "bill_id": "01890a5d-ac96-774b-bcce-b302099a805a" })
        }
        "AdjudicationService/CorrectClaim" => json!({
            "diagnoses": "$diagnoses", "total": "$price", "lines": "$claim_lines",
        }),
        "AdjudicationService/GetClearing" => json!({ "month": "2026-03" }),
        "AccountService/CreditAccount" => json!({ "amount": "$price", "reference": "2026-03" }),
        "AccountService/ShareAccount" => json!({ "member_resident_id": "$double", "until": "$today" }),
        // One that is released.
        "InspectionService/ProposeRuleBook" => {
            json!({ "rule_book_id": null, "document_json": "$rule_book_document" })
        }
        "InspectionService/ListFindings" | "SupervisionService/ListAbuseReports" => json!({ "state": null }),
        "InspectionService/DecideFinding" => json!({
            "decision": "FINDING_DECISION_ASK", "cut": null, "note": "核对",
        }),
        "InspectionService/AnswerFinding" | "InspectionService/AppealFinding" => json!({ "note": "说明" }),
        "InspectionService/GetRulePrecision"
        | "SupervisionService/GetFund"
        | "SupervisionService/GetOutliers"
        | "SupervisionService/GetProviderStatistics" => json!({ "from": "$today", "until": "$today" }),
        "SupervisionService/RecordFundIncome" => json!({
            "scheme": "SCHEME_EMPLOYEE", "on": "$today", "amount": "$price", "reference": "001",
        }),
        "SupervisionService/AssessProvider" | "SupervisionService/ListAssessments" => json!({ "year": 2026 }),
        "SupervisionService/ReportAbuse" => json!({ "text": "未做检查却收费" }),
        method => in_all(method),
    }
}
