//! What the patient of each half went through.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::{ACTIONS, KEY, Known, POLICY, Place, RULES, Story, TRIES, date, facts, moment, text, today};
use super::people::Half;
use super::requests::Facts;

impl Story<'_> {
    /// Everything, from who is there on.
    pub(crate) async fn told(&self, mut common: Facts) -> Known {
        let delegations = self.delegations().await;
        common.extend(self.recorded(&common).await);
        common.extend(self.arranged(&common).await);
        let (signed, at_clinic, at_hospital) = self.signed(&common).await;
        common.extend(signed);
        let mut places = BTreeMap::new();
        for (place, signed) in [(Place::Clinic, at_clinic), (Place::Hospital, at_hospital)] {
            let mut facts = self.cared_for(place, &common).await;
            facts.extend(signed);
            places.insert(place, facts);
        }
        common.extend(self.referred(&common, &places[&Place::Clinic]["ended_visit"]).await);
        common.extend(self.begun(&common).await);
        Known { common, places, delegations }
    }

    /// Audit rules that every claim of the matrix has a finding by; the officer of the other half releases them.
    async fn rules(&self) -> Value {
        let mut rules: Value = serde_json::from_str(RULES).expect("audit rules");
        let (first, other) = if self.half == Half::A { ("2020-01-01", Half::B) } else { ("2020-01-02", Half::A) };
        let point = json!({ "items": ["T-A"], "max_unit_price": "100" });
        rules["region"] = json!("110000");
        rules["effective_from"] = json!(first);
        rules["rules"] = json!({ "N25-014": { "kind": "UNIT_PRICE", "source": ["demo"], "points": [point] } });
        let document = json!({ "document_json": rules.to_string() });
        let proposed = self.does('O', "adjudication.InspectionService/ProposeRuleBook", document).await;
        let release = json!({ "rule_book_id": text(&proposed, "/rule_book/rule_book_id") });
        self.done_by('O', other, "adjudication.InspectionService/ReleaseRuleBook", release).await
    }

    /// Who is insured, cared for and vulnerable, and what the patient allowed.
    pub(crate) async fn recorded(&self, known: &Facts) -> Facts {
        let patient = &self.patient;
        let at = |name: &str| known[name].clone();
        let passport =
            json!({ "kind": "IDENTIFIER_KIND_PASSPORT", "number": self.words.passport, "country_code": "CHN" });
        let message = json!({ "resident_id": patient, "credential": passport, "evidence": "desk" });
        let person = self.done_by('W', Half::A, "identity.ResidentService/AddIdentifier", message).await;
        let documents = person.pointer("/resident/identifiers").and_then(Value::as_array).cloned().unwrap_or_default();
        let identifier = documents.iter().find(|it| it["kind"] == "IDENTIFIER_KIND_PASSPORT").cloned();

        let guardianship = json!({
            "ward_resident_id": patient, "guardian_resident_id": at("guardian"), "kind": "GUARDIANSHIP_KIND_INCAPACITY",
            "relation": "GUARDIAN_RELATION_CHILD", "papers": "指定监护决定书", "from": date(today()),
        });
        let message = json!({ "guardianship": guardianship });
        let registered = self.does('W', "identity.GuardianshipService/RegisterGuardianship", message).await;
        let confirm = json!({
            "guardianship_id": text(&registered, "/guardianship/guardianship_id"), "evidence": "papers",
        });
        self.does('X', "identity.GuardianshipService/ConfirmGuardianship", confirm).await;

        let enrolment = json!({
            "resident_id": patient, "scheme": "SCHEME_EMPLOYEE", "insured_region_code": "110000", "layer": "COVER_LAYER_BASIC",
            "from": { "year": 2014, "month": 3, "day": 1 }, "retired": true, "payer_organisation_id": self.organisations.insurer,
        });
        let enrolled =
            self.does('O', "identity.EnrolmentService/EnrolResident", json!({ "enrolment": enrolment })).await;
        let enrolment_id = text(&enrolled, "/enrolment/enrolment_id");
        let mut enrolment_known = enrolment.clone();
        enrolment_known["enrolment_id"] = json!(enrolment_id);
        let flag = json!({
            "resident_id": patient, "kind": "VULNERABILITY_KIND_LOW_INCOME", "document_reference": "2026-1", "from": date(today()),
        });
        let flagged = self.does('O', "identity.VulnerabilityService/SetFlag", json!({ "flag": flag })).await;
        let filing = json!({
            "resident_id": patient, "kind": "REMOTE_CARE_KIND_LONG_TERM_RESIDENT", "care_region_code": "310000",
            "from": date(today()), "evidence": "居住证",
        });
        let filed = self.does('O', "identity.EnrolmentService/FileRemoteCare", json!({ "filing": filing })).await;
        let designation = json!({
            "provider_organisation_id": self.organisations.clinic, "kind": "DESIGNATION_KIND_PHARMACY",
            "from": at("in_2020"), "until": at("in_2021"),
        });
        let designated = self.does('O', "identity.DesignationService/DesignateProvider", designation).await;

        let contract = json!({
            "resident_id": patient, "organisation_id": self.organisations.clinic, "practitioner_ids": [at("doctor")],
            "package_code": "BASIC", "from": date(today()), "until": at("in_a_year"),
        });
        let signed = self.does('R', "identity.FamilyDoctorService/SignFamilyDoctorContract", contract).await;
        let opening = json!({
            "resident_id": patient, "reason": "BREAK_GLASS_REASON_LIFE_AT_RISK", "justification": self.words.justification,
        });
        let opened = self.does('L', "identity.BreakGlassService/OpenBreakGlass", opening.clone()).await;
        self.does('F', "identity.BreakGlassService/OpenBreakGlass", opening).await;
        let spare = self.consent(self.organisations.hospital, "CONSENT_PURPOSE_TREATMENT").await;
        let pairs = json!({ "resident_id": patient });
        let pairs = self.done_by('W', Half::A, "identity.ResidentService/ListPossibleDuplicates", pairs).await;

        facts(&[
            (
                "passport",
                json!({ "kind": "IDENTIFIER_KIND_PASSPORT", "number": self.words.passport.replace('E', "G"), "country_code": "CHN" }),
            ),
            ("identifier_id", identifier.expect("it was added")["identifier_id"].clone()),
            ("guardianship", guardianship),
            ("guardianship_id", json!(text(&registered, "/guardianship/guardianship_id"))),
            ("enrolment", enrolment),
            ("enrolment_known", enrolment_known),
            ("enrolment_id", json!(enrolment_id)),
            ("flag", flag),
            ("flag_id", json!(text(&flagged, "/flag/flag_id"))),
            ("filing", filing),
            ("filing_id", json!(text(&filed, "/filing/filing_id"))),
            ("designation_id", json!(text(&designated, "/designation/designation_id"))),
            ("contract_id", json!(text(&signed, "/contract/contract_id"))),
            ("package", json!("BASIC")),
            ("break_glass_id", json!(text(&opened, "/break_glass/break_glass_id"))),
            ("spare_consent", json!(spare)),
            ("duplicate_id", json!(text(&pairs, "/duplicates/0/duplicate_id"))),
        ])
    }

    /// Delegations beside those by which the matrix acts.
    pub(crate) async fn signed(&self, known: &Facts) -> (Facts, Facts, Facts) {
        let doctor = known["doctor_party"].as_str().expect("a party");
        let view = ["DELEGATED_ACTION_VIEW"];
        let spare = self.delegation(doctor, &ACTIONS).await;
        let grant = "identity.DelegationService/GrantDelegation";
        let papers = json!({
            "resident_id": self.patient, "delegate": known["guardian_party"], "basis": "DELEGATION_BASIS_GUARDIAN",
            "actions": view, "until": moment(60), "evidence": "court",
        });
        let guardians = self.does('X', grant, papers).await;
        let at_desk = json!({
            "resident_id": self.patient, "delegate": doctor, "basis": "DELEGATION_BASIS_GRANTED", "actions": view,
            "until": moment(60), "evidence": "desk",
            "desk": { "national_id": known["national_id"], "witness_practitioner_id": known["witness"] },
        });
        let at_clinic = self.does('C', grant, at_desk).await;
        let propose = "identity.DelegationService/ProposeDelegation";
        let proposal = |delegate: Value| json!({ "resident_id": self.patient, "delegate": delegate, "actions": view, "until": moment(60) });
        let witness = known["witness"].as_str().expect("an id");
        let for_witness = self.does('C', propose, proposal(json!(format!("practitioner:{witness}")))).await;
        let specialist = self.people.of('L', self.half).caller.party();
        let at_hospital = self.does('D', propose, proposal(json!(specialist))).await;
        let id = |answer: &Value| json!(text(answer, "/delegation/delegation_id"));
        let common = [("spare", json!(spare)), ("guardians", id(&guardians)), ("proposal", id(&for_witness))];
        (facts(&common), facts(&[("recorded", id(&at_clinic))]), facts(&[("recorded", id(&at_hospital))]))
    }

    /// A credit line, a policy that nobody released, and what the operator arranged.
    pub(crate) async fn arranged(&self, known: &Facts) -> Facts {
        let own = self.organisations;
        let (agreement, limit) = (&self.words.agreement, yuan("60000"));
        let line = json!({
            "national_id": known["national_id"], "name": known["name"], "agreement_sha256": agreement, "limit": limit,
            "until": moment(60),
        });
        let line = self.does('B', "payment.BankService/GrantCreditLine", line).await;
        let line = text(&line, "/credit_line/credit_line_id");
        self.consent(own.hospital, "CONSENT_PURPOSE_REFERRAL").await;
        let diagnoses = json!([{ "icd10_code": "I25.103", "name": self.words.diagnosis }]);

        let mut policy: Value = serde_json::from_str(POLICY).expect("a policy");
        policy["effective"]["from"] = json!(if self.half == Half::A { "2031-01-01" } else { "2032-01-01" });
        let document = policy.to_string();
        let proposed =
            self.does('O', "adjudication.PolicyService/ProposePolicy", json!({ "document_json": document })).await;
        let mut terms: Value = serde_json::from_str(mesh_tests::TERMS).expect("terms");
        terms["effective"]["from"] = policy["effective"]["from"].clone();
        let terms_document = terms.to_string();
        let terms = json!({ "document_json": terms_document });
        let terms = self.does('O', "adjudication.ProviderPaymentService/ProposePaymentTerms", terms).await;
        let rules = self.rules().await;
        let report = json!({ "text": "未做检查却收费" });
        let reported = self.does('R', "adjudication.SupervisionService/ReportAbuse", report).await;
        let alliance = json!({
            "name": "示范医联体", "kind": "ALLIANCE_KIND_MEDICAL", "lead_organisation_id": own.hospital, "from": date(today()),
        });
        let alliance = self.does('X', "identity.AllianceService/FormAlliance", alliance).await;
        let key = json!({
            "key_id": "k1", "algorithm": "BANK_KEY_ALGORITHM_ED25519", "public_key_pem": KEY, "from": moment(0),
        });
        let profile = json!({ "organisation_id": own.bank, "networks": ["203.0.113.0/24"], "keys": [key] });
        self.does('X', "identity.BankProfileService/SetBankProfile", json!({ "profile": profile })).await;
        let mut outdated = profile;
        outdated["revision"] = json!(99);
        let revocation = json!({ "party": known["nobody"], "lasting": true, "reason": "left" });
        let revocation = self.does('X', "identity.TokenService/RevokeToken", revocation).await;
        facts(&[
            ("credit_line_id", json!(line)),
            ("agreement", json!(agreement)),
            ("limit", limit),
            ("diagnoses", diagnoses),
            ("policy_id", json!(text(&proposed, "/policy/policy_id"))),
            ("policy_document", json!(document)),
            ("terms_id", json!(text(&terms, "/terms/terms_id"))),
            ("terms_document", json!(terms_document)),
            ("abuse_report_id", json!(text(&reported, "/abuse_report_id"))),
            ("rule_book_id", json!(text(&rules, "/rule_book/rule_book_id"))),
            ("rule_book_document", json!(text(&rules, "/rule_book/document_json"))),
            ("item", json!({ "item_code": "T-M", "name": "示范项目", "catalogue_class": "CATALOGUE_CLASS_A" })),
            ("alliance_id", json!(text(&alliance, "/alliance/alliance_id"))),
            ("bank_profile", outdated),
            ("revocation_id", json!(text(&revocation, "/revocation/revocation_id"))),
            ("export", json!({ "resident_id": self.patient, "reason": "asked at the counter" })),
        ])
    }

    /// From the clinic, which has seen her, to the hospital.
    pub(crate) async fn referred(&self, known: &Facts, visit: &Value) -> Facts {
        let own = self.organisations;
        let referral = json!({
            "resident_id": self.patient, "direction": "DIRECTION_UP", "kind": "REFERRAL_KIND_VISIT",
            "from_organisation_id": own.clinic, "to_organisation_id": own.hospital, "diagnoses": known["diagnoses"],
            "urgency": "URGENCY_ROUTINE", "clinical_summary": self.words.clinical_summary,
            "visit_id": visit, "mandate": { "payment": "PAYMENT_ARRANGEMENT_DESK" },
        });
        let referral = self.does('R', "referral.ReferralService/SubmitReferral", referral).await;
        facts(&[
            ("referral_id", json!(text(&referral, "/referral/referral_id"))),
            ("journey_id", json!(text(&referral, "/referral/journey_id"))),
            ("mandate_id", json!(text(&referral, "/referral/mandate/mandate_id"))),
            ("work", json!(format!("referral:{}", Uuid::now_v7()))),
        ])
    }

    /// What waits for somebody: a merge for its second signature, an erasure for what is open to end. And with whom she lives.
    pub(crate) async fn begun(&self, known: &Facts) -> Facts {
        let merge = json!({
            "resident_id": self.patient, "survivor_resident_id": known["double"], "reason": "one person", "evidence": "papers",
        });
        let merge = self.done_by('W', Half::A, "identity.MergeService/ProposeMerge", merge).await;
        let household = json!({
            "community_code": known["community_code"], "from": date(today()),
            "members": [{ "resident_id": self.patient, "relation": "HOUSEHOLD_RELATION_HEAD" }],
        });
        let formed = json!({ "household": household });
        let formed = self.does('W', "identity.HouseholdService/FormHousehold", formed).await;
        let erasure = json!({ "resident_id": self.patient });
        let erasure = self.does('R', "identity.PrivacyService/RequestErasure", erasure).await;
        facts(&[
            ("merge_id", json!(text(&merge, "/merge/merge_id"))),
            ("household", household),
            ("household_id", json!(text(&formed, "/household/household_id"))),
            ("erasure_id", json!(text(&erasure, "/erasure/erasure_id"))),
        ])
    }

    /// At one of the two places: hours, an appointment, an open visit and one that is over, claimed and paid on credit.
    pub(crate) async fn cared_for(&self, place: Place, known: &Facts) -> Facts {
        let own = self.organisations;
        let (desk, organisation, elsewhere) = match place {
            Place::Clinic => ('C', own.clinic, own.hospital),
            Place::Hospital => ('L', own.hospital, own.clinic),
        };
        let consent = self.consent(organisation, "CONSENT_PURPOSE_REFERRAL").await;
        let mut session = json!({
            "session_id": Uuid::now_v7(), "provider_organisation_id": organisation, "kinds": ["CARE_KIND_OUTPATIENT"],
            "starts_at": moment(120), "ends_at": moment(240), "slot_length_minutes": 30,
            "pools": [{ "pool": "POOL_PUBLIC", "places": 50 }],
        });
        if place == Place::Clinic {
            session["practitioner_id"] = known["doctor"].clone();
        }
        let published =
            self.does(desk, "scheduling.SessionService/PublishSessions", json!({ "sessions": [session] })).await;
        let calendar = self.calendar(desk, organisation).await;
        let first = if place == Place::Clinic { 0 } else { 2 };
        let slot = text(&published, &format!("/slots/{first}/slot_id"));
        let next = text(&published, &format!("/slots/{}/slot_id", first + 1));
        let hold = json!({
            "resident_id": self.patient, "slot_id": slot, "kind": "CARE_KIND_OUTPATIENT", "channel": "CHANNEL_APP",
        });
        let kept = self.does('R', "scheduling.AppointmentService/HoldSlot", hold).await;
        let appointment = text(&kept, "/appointment/appointment_id");
        let confirm = json!({ "appointment_id": appointment });
        self.does('R', "scheduling.AppointmentService/ConfirmAppointment", confirm).await;

        let join = json!({
            "resident_id": self.patient, "provider_organisation_id": organisation, "kind": "CARE_KIND_EXAM", "until": moment(600),
        });
        let waiting = self.does('R', "scheduling.WaitListService/JoinWaitList", join).await;

        let ended = self.visit(desk, organisation, -10).await;
        let end = json!({ "visit_id": ended, "outcome": "VISIT_OUTCOME_COMPLETED", "occurred_at": moment(-5) });
        self.does(desk, "scheduling.VisitService/EndVisit", end).await;
        let open = self.visit(desk, organisation, -3).await;

        let price = yuan("240");
        let expected = json!([{ "item_code": "T-A", "quantity": "1", "unit_price": "240.00" }]);
        let quote = json!({
            "resident_id": self.patient, "provider_organisation_id": organisation, "kind": "CARE_KIND_OUTPATIENT",
            "on": date(today()), "lines": expected,
        });
        let quote = self.does('R', "adjudication.AdjudicationService/QuoteCare", quote).await;
        let day = date(types::clock::local_date(mesh_tests::now() - chrono::TimeDelta::minutes(5)));
        let lines = json!([{
            "item_code": "T-A", "quantity": "1", "unit_price": "240.00", "amount": price, "on": day,
        }]);
        let claim = json!({ "visit_id": ended, "diagnoses": known["diagnoses"], "lines": lines, "total": price });
        let divided = self.does(desk, "adjudication.AdjudicationService/DivideClaim", claim).await;
        let settlement = text(&divided, "/settlement/settlement_id");
        let list = json!({ "provider_organisation_id": organisation, "state": "FINDING_STATE_NOTED" });
        let noted = self.does('V', "adjudication.InspectionService/ListFindings", list).await;
        let share = divided.pointer("/settlement/division/person_total").cloned().unwrap_or_default();
        let paid = self.paid(known, &settlement, &share).await;

        let mut known = facts(&[
            ("organisation_id", json!(organisation)),
            ("elsewhere", json!(elsewhere)),
            ("provider_organisation_id", json!(organisation)),
            ("payee_organisation_id", json!(organisation)),
            ("recipient_organisation_id", json!(organisation)),
            ("session", session.clone()),
            ("session_id", session["session_id"].clone()),
            ("slot_id", json!(slot)),
            ("slot_next", json!(next)),
            ("appointment_id", json!(appointment)),
            ("held", json!(appointment)),
            ("entry_id", json!(text(&waiting, "/entry/entry_id"))),
            ("visit_id", json!(open)),
            ("ended_visit", json!(ended)),
            ("consent_id", json!(consent)),
            ("quote_id", json!(text(&quote, "/quote/quote_id"))),
            ("claim_id", json!(text(&divided, "/claim/claim_id"))),
            ("settlement_id", json!(settlement)),
            ("finding_id", json!(text(&noted, "/findings/0/finding_id"))),
            ("price", price),
            ("cent", json!({ "currency_code": "CNY", "nanos": 10_000_000 })),
            ("expected", expected),
            ("claim_lines", lines),
        ]);
        known.extend(paid);
        known.extend(calendar);
        known
    }

    async fn paid(&self, known: &Facts, settlement: &str, share: &Value) -> Facts {
        let credit = json!({ "payer": "PAYER_CREDIT", "amount": share, "credit_line_id": known["credit_line_id"] });
        let bill = json!({ "settlement_id": settlement, "payers": [credit] });
        let bill = self.does('R', "payment.BillService/AuthoriseBill", bill).await;
        let bill = text(&bill, "/bill/bill_id");
        self.does('R', "payment.BillService/CaptureBill", json!({ "bill_id": bill })).await;
        for _ in 0..TRIES {
            let shown = self.does('R', "payment.BillService/GetBill", json!({ "bill_id": bill })).await;
            let orders = self.does('B', "payment.BankService/QueryOrders", json!({})).await;
            let order =
                orders["orders"].as_array().and_then(|all| all.iter().find(|it| it["bill_id"] == bill.as_str()));
            if let (Some(receipt), Some(order)) = (shown["bill"]["receipt_id"].as_str(), order) {
                let whole = self.does('R', "payment.BillService/GetReceipt", json!({ "receipt_id": receipt })).await;
                return facts(&[
                    ("bill_id", json!(bill)),
                    ("captured_bill", json!(bill)),
                    ("receipt_id", json!(receipt)),
                    ("receipt", whole["receipt"].clone()),
                    ("order_id", order["order_id"].clone()),
                ]);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("a bill is not captured within ten seconds");
    }

    async fn visit(&self, desk: char, organisation: Uuid, minutes: i64) -> String {
        let message = json!({
            "resident_id": self.patient, "kind": "CARE_KIND_OUTPATIENT", "provider_organisation_id": organisation,
            "present": "PRESENT_SELF", "identity_proof": "IDENTITY_PROOF_ID_CARD",
            "credential": { "kind": "IDENTIFIER_KIND_ID_CARD", "number": self.number.expose() },
            "occurred_at": moment(minutes),
        });
        text(&self.does(desk, "scheduling.VisitService/CheckIn", message).await, "/visit/visit_id")
    }

    async fn consent(&self, to: Uuid, purpose: &str) -> String {
        let message = json!({
            "resident_id": self.patient, "recipient_organisation_id": to, "purpose": purpose, "until": moment(60 * 24),
        });
        text(&self.does('R', "identity.ConsentService/GrantConsent", message).await, "/consent/consent_id")
    }
}

fn yuan(units: &str) -> Value {
    json!({ "currency_code": "CNY", "units": units })
}
