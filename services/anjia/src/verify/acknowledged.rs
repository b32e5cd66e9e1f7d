//! Durable acknowledgement (I1): what a caller was answered is in the database. The answers are those stored for replay.

use anyhow::Result;
use postgres::StoredAnswer;
use postgres::vault::Vault;
use prost::{DecodeError, Message};
use proto::anjia::adjudication::v1::{
    ConfirmSettlementResponse, CorrectClaimResponse, DivideClaimResponse, ProposePolicyResponse, QuoteCareResponse,
    ReleasePolicyResponse, ReverseSettlementResponse,
};
use proto::anjia::identity::v1::{
    EnrolResidentResponse, GrantConsentResponse, GrantDelegationResponse, RecordMandateResponse,
    RegisterOrganisationResponse, RegisterPractitionerResponse, RegisterResidentResponse, RevokeDelegationResponse,
    RevokeMandateResponse,
};
use proto::anjia::payment::v1::{
    AuthoriseBillResponse, CaptureBillResponse, CollectArrearsResponse, GrantCreditLineResponse, OpenPayoutResponse,
    RefundBillResponse, ReportOrderResponse, WitnessPayoutResponse,
};
use proto::anjia::referral::v1::{
    AcceptReferralResponse, CloseReferralResponse, ReturnReferralResponse, SubmitReferralResponse,
};
use proto::anjia::scheduling::v1::{
    CheckInResponse, ConfirmAppointmentResponse, EndVisitResponse, HoldSlotResponse, PublishSessionsResponse,
};
use sqlx::{AssertSqlSafe, PgConnection};

use super::check::{Check, Invariant::I1, Look, Violation};
use super::databases::Databases;

pub(super) const CHECKS: &[Check] = &[
    Check::everywhere(
        I1,
        "a key that was claimed was answered",
        "SELECT request_id::text, format('%s claimed its key and has no answer', method) FROM requests WHERE response IS NULL",
    ),
    Check { invariant: I1, name: "what was answered is there", look: Look::Acknowledged },
];

/// What an answer of a method promises.
struct Answer {
    service: &'static str,
    /// `package.Service/Method`.
    method: &'static str,
    /// The ids in the answer, and the table they are ids of.
    ids: fn(&[u8]) -> Result<Vec<String>, DecodeError>,
    table: &'static str,
    /// What then holds of those rows for good.
    effect: &'static str,
}

macro_rules! answers {
    ($($service:ident $rpc:literal => $message:ident.$resource:ident.$id:ident in $table:literal where $effect:literal;)+) => {
        &[$(Answer {
            service: stringify!($service),
            method: concat!("anjia.", stringify!($service), ".v1.", $rpc),
            ids: |bytes| Ok($message::decode(bytes)?.$resource.into_iter().map(|resource| resource.$id).collect()),
            table: $table,
            effect: $effect,
        }),+]
    };
}

const ANSWERS: &[Answer] = answers! {
    identity "ResidentService/RegisterResident" => RegisterResidentResponse.resident.resident_id in "residents" where "true";
    identity "OrganisationService/RegisterOrganisation" =>
        RegisterOrganisationResponse.organisation.organisation_id in "organisations" where "true";
    identity "OrganisationService/RegisterPractitioner" =>
        RegisterPractitionerResponse.practitioner.practitioner_id in "practitioners" where "true";
    identity "EnrolmentService/EnrolResident" => EnrolResidentResponse.enrolment.enrolment_id in "enrolments" where "true";
    identity "DelegationService/GrantDelegation" => GrantDelegationResponse.delegation.delegation_id in "delegations" where "true";
    identity "DelegationService/RevokeDelegation" =>
        RevokeDelegationResponse.delegation.delegation_id in "delegations" where "revoked_at IS NOT NULL";
    identity "ConsentService/GrantConsent" => GrantConsentResponse.consent.consent_id in "consents" where "true";
    identity "MandateService/RecordMandate" => RecordMandateResponse.mandate.mandate_id in "mandates" where "true";
    identity "MandateService/RevokeMandate" => RevokeMandateResponse.mandate.mandate_id in "mandates" where "ended_at IS NOT NULL";
    scheduling "SessionService/PublishSessions" => PublishSessionsResponse.sessions.session_id in "sessions" where "true";
    scheduling "AppointmentService/HoldSlot" => HoldSlotResponse.appointment.appointment_id in "appointments" where "true";
    scheduling "AppointmentService/ConfirmAppointment" =>
        ConfirmAppointmentResponse.appointment.appointment_id in "appointments" where "confirmed_at IS NOT NULL";
    scheduling "VisitService/CheckIn" => CheckInResponse.visit.visit_id in "visits" where "true";
    scheduling "VisitService/EndVisit" => EndVisitResponse.visit.visit_id in "visits" where "ended_at IS NOT NULL";
    adjudication "PolicyService/ProposePolicy" => ProposePolicyResponse.policy.policy_id in "policies" where "true";
    adjudication "PolicyService/ReleasePolicy" => ReleasePolicyResponse.policy.policy_id in "policies" where "released_at IS NOT NULL";
    adjudication "AdjudicationService/QuoteCare" => QuoteCareResponse.quote.quote_id in "quotes" where "true";
    adjudication "AdjudicationService/DivideClaim" => DivideClaimResponse.settlement.settlement_id in "settlements" where "true";
    adjudication "AdjudicationService/ConfirmSettlement" =>
        ConfirmSettlementResponse.settlement.settlement_id in "settlements" where "confirmed_at IS NOT NULL";
    adjudication "AdjudicationService/ReverseSettlement" =>
        ReverseSettlementResponse.settlement.settlement_id in "settlements" where "state = 'REVERSED'";
    adjudication "AdjudicationService/CorrectClaim" =>
        CorrectClaimResponse.settlement.settlement_id in "settlements" where "corrects IS NOT NULL";
    payment "BillService/AuthoriseBill" => AuthoriseBillResponse.bill.bill_id in "bills" where "true";
    payment "BillService/CaptureBill" => CaptureBillResponse.bill.bill_id in "bills" where "settlement_id IS NOT NULL";
    payment "BillService/RefundBill" => RefundBillResponse.bill.bill_id in "bills" where "captured_at IS NOT NULL";
    payment "DeskService/CollectArrears" => CollectArrearsResponse.bill.bill_id in "bills" where "collected_at IS NOT NULL";
    payment "DeskService/OpenPayout" => OpenPayoutResponse.payout.payout_id in "payouts" where "true";
    payment "DeskService/WitnessPayout" => WitnessPayoutResponse.payout.payout_id in "payouts" where "state = 'PAID'";
    payment "BankService/GrantCreditLine" => GrantCreditLineResponse.credit_line.credit_line_id in "credit_lines" where "true";
    payment "BankService/ReportOrder" => ReportOrderResponse.order.order_id in "bank_orders" where "reported_at IS NOT NULL";
    referral "ReferralService/SubmitReferral" => SubmitReferralResponse.referral.referral_id in "referrals" where "true";
    referral "ReferralService/AcceptReferral" =>
        AcceptReferralResponse.referral.referral_id in "referrals"
        where "EXISTS (SELECT FROM sagas WHERE sagas.referral_id = referrals.id)";
    referral "ReferralService/ReturnReferral" => ReturnReferralResponse.referral.referral_id in "referrals" where "state = 'RETURNED'";
    referral "ReferralService/CloseReferral" => CloseReferralResponse.referral.referral_id in "referrals" where "state = 'CLOSED'";
};

/// Answers whose effect is not in the database.
pub(super) async fn lost(databases: &mut Databases) -> Result<Vec<Violation>> {
    let mut violations = vec![];
    for answer in ANSWERS {
        if let Some((connection, vault)) = databases.with_keys(answer.service) {
            violations.extend(answer.lost(connection, vault).await?);
        }
    }
    Ok(violations)
}

/// The encoded answer; `None` if it does not open. What an insider wrote without a key version is read as it stands.
async fn opened(vault: &Vault, connection: &mut PgConnection, answer: &StoredAnswer) -> Result<Option<Vec<u8>>> {
    if answer.key_version == 0 {
        return Ok(Some(answer.response.clone()));
    }
    let Ok(region) = answer.region.parse() else {
        return Ok(None);
    };
    let keys = match vault.keys(region) {
        Ok(keys) => keys,
        Err(_) => vault.load(connection, region).await?,
    };
    Ok(answer.open(&keys).ok())
}

impl Answer {
    async fn lost(&self, connection: &mut PgConnection, vault: &Vault) -> Result<Vec<Violation>> {
        let stored: Vec<StoredAnswer> = sqlx::query_as(
            "SELECT subject, request_id, method, actor, organisation, coalesce(region, '') AS region, response, \
                    coalesce(key_version, 0) AS key_version FROM requests \
             WHERE method = $1 AND response IS NOT NULL ORDER BY created_at",
        )
        .bind(self.method)
        .fetch_all(&mut *connection)
        .await?;

        let (mut requests, mut ids, mut violations) = (vec![], vec![], vec![]);
        for answer in stored {
            let request = answer.request_id.to_string();
            let response = opened(vault, connection, &answer).await?;
            match response.as_deref().map(self.ids) {
                Some(Ok(answered)) if !answered.is_empty() => {
                    requests.extend(answered.iter().map(|_| request.clone()));
                    ids.extend(answered);
                }
                _ => violations.push(self.violation(request, "its stored answer cannot be read")),
            }
        }
        // The table and the condition are constants above.
        let missing = format!(
            "SELECT request, id FROM unnest($1::text[], $2::text[]) AS answered (request, id) \
             WHERE NOT EXISTS (SELECT FROM {table} WHERE {table}.id::text = answered.id AND {effect})",
            table = self.table,
            effect = self.effect,
        );
        let missing: Vec<(String, String)> =
            sqlx::query_as(AssertSqlSafe(missing)).bind(&requests).bind(&ids).fetch_all(connection).await?;
        let lost =
            |(request, id)| self.violation(request, &format!("answered {id}, whose effect is not in {}", self.table));
        violations.extend(missing.into_iter().map(lost));
        Ok(violations)
    }

    fn violation(&self, request: String, what: &str) -> Violation {
        Violation { service: self.service.to_owned(), id: request, what: format!("{}: {what}", self.method) }
    }
}
