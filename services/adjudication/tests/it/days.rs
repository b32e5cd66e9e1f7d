//! Care on days of last year, so that no test depends on which day it is; and what is told of it.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use proto::anjia::adjudication::v1::event_service_client::EventServiceClient;
use proto::anjia::adjudication::v1::{self as wire};
use proto::anjia::common::v1 as common;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::convert::{to_date, to_timestamp};
use testkit::request_id;
use types::ids::{BillId, JourneyId, ResidentId};
use types::money::Money;

use crate::world::{COVERED, World, claim, today};

/// Months of last year count from 1; at noon of the region.
pub(crate) fn noon(month: u32, day: u32) -> DateTime<Utc> {
    let date = last_year(month, day);
    date.and_hms_opt(4, 0, 0).expect("an hour").and_utc()
}

pub(crate) fn last_year(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(today().year() - 1, month, day).expect("a day")
}

/// Fund and own share, as texts.
pub(crate) fn paid(settlement: &wire::Settlement) -> (String, String) {
    let division = settlement.division.clone().unwrap_or_default();
    (text(division.fund_total.as_ref()), text(division.person_total.as_ref()))
}

/// What a change came to: total, fund, person; nothing where nothing was changed.
pub(crate) fn adjusted(settlement: &wire::Settlement) -> (String, String, String) {
    let adjustment = settlement.adjustment.clone().unwrap_or_default();
    let parts = [adjustment.total, adjustment.fund, adjustment.person];
    let [total, fund, person] = parts.map(|part| text(part.as_ref()));
    (total, fund, person)
}

pub(crate) fn text(amount: Option<&proto::google::r#type::Money>) -> String {
    // Of either sign: what changed may be less.
    let fen = amount.map(|amount| amount.units * 100 + i64::from(amount.nanos / 10_000_000));
    fen.map(|fen| Money::from_fen(fen).to_string()).unwrap_or_default()
}

/// One line of `item` on a day.
pub(crate) fn claim_on(visit: &str, item: &str, amount: &str, on: NaiveDate) -> wire::DivideClaimRequest {
    let mut claim = claim(visit, item, amount);
    claim.lines[0].on = Some(to_date(on));
    claim
}

impl World {
    /// A visit of an hour, or a stay of five days, that began then.
    pub(crate) async fn visit_at(
        &self,
        desk: &str,
        resident: ResidentId,
        kind: common::CareKind,
        at: DateTime<Utc>,
    ) -> String {
        let stayed = if kind == common::CareKind::Inpatient { TimeDelta::days(5) } else { TimeDelta::hours(1) };
        self.check_in_at(desk, resident, kind, at, Some(at + stayed)).await
    }

    /// With its end, where it is over: stays are not always reported in their order.
    async fn check_in_at(
        &self,
        desk: &str,
        resident: ResidentId,
        kind: common::CareKind,
        at: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> String {
        let caller = self.caller(desk);
        let request = scheduling::CheckInRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            kind: kind.into(),
            provider_organisation_id: caller.client().organisation_id.clone().unwrap_or_default(),
            present: scheduling::Present::Self_.into(),
            identity_proof: scheduling::IdentityProof::IdCard.into(),
            credential: Some(testkit::id_card(&self.number(resident))),
            occurred_at: Some(to_timestamp(at)),
            journey_id: JourneyId::generate().to_string(),
            end: until.map(|until| scheduling::VisitEnd {
                outcome: scheduling::VisitOutcome::Completed.into(),
                occurred_at: Some(to_timestamp(until)),
            }),
            ..Default::default()
        };
        let mut visits = VisitServiceClient::new(self.mesh.channel("scheduling"));
        let begun = visits.check_in(caller.request(request).await).await.expect("the patient is there");
        begun.into_inner().visit.unwrap_or_default().visit_id
    }

    async fn end_at(&self, desk: &str, visit: &str, at: DateTime<Utc>) {
        let request = scheduling::EndVisitRequest {
            request_id: request_id(),
            visit_id: visit.to_owned(),
            outcome: scheduling::VisitOutcome::Completed.into(),
            occurred_at: Some(to_timestamp(at)),
            reason: String::new(),
        };
        let request = self.caller(desk).request(request).await;
        VisitServiceClient::new(self.mesh.channel("scheduling")).end_visit(request).await.expect("the visit is open");
    }

    /// An open stay that adjudication has heard of.
    pub(crate) async fn admitted(&self, desk: &str, resident: ResidentId, at: DateTime<Utc>) -> String {
        let stay = self.check_in_at(desk, resident, common::CareKind::Inpatient, at, None).await;
        self.heard("stays WHERE ended_at IS NULL").await;
        stay
    }

    pub(crate) async fn discharged(&self, desk: &str, stay: &str, at: DateTime<Utc>) {
        self.end_at(desk, stay, at).await;
        self.heard("stays WHERE ended_at IS NOT NULL").await;
    }

    /// No year is waiting to be judged anew.
    pub(crate) async fn judged(&self) {
        self.heard("(SELECT WHERE NOT EXISTS (SELECT FROM readjudications WHERE state <> 'COMPLETED')) AS judged")
            .await;
    }

    pub(crate) async fn heard(&self, what: &str) {
        let heard = async {
            while self.count(what).await == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_mins(1), heard).await.expect("events arrive");
    }

    /// Outpatient care at the clinic on a day of last year, settled for a bill.
    pub(crate) async fn settled(&self, resident: ResidentId, month: u32, amount: &str) -> (wire::Settlement, String) {
        self.settled_at("clinic", resident, common::CareKind::Outpatient, (month, 10), amount).await
    }

    pub(crate) async fn settled_at(
        &self,
        desk: &str,
        resident: ResidentId,
        kind: common::CareKind,
        (month, day): (u32, u32),
        amount: &str,
    ) -> (wire::Settlement, String) {
        let visit = self.visit_at(desk, resident, kind, noon(month, day)).await;
        let request = self.caller(desk).request(claim_on(&visit, COVERED, amount, last_year(month, day))).await;
        let divided = self.adjudication().divide_claim(request).await.expect("divided").into_inner();
        let bill = BillId::generate().to_string();
        let settlement = divided.settlement.unwrap_or_default().settlement_id;
        (self.confirm(&settlement, &bill).await.expect("confirmed"), bill)
    }

    pub(crate) async fn reverse(&self, settlement_id: &str, bill_id: &str) -> Result<wire::Settlement, tonic::Status> {
        let request = wire::ReverseSettlementRequest {
            request_id: request_id(),
            settlement_id: settlement_id.to_owned(),
            bill_id: bill_id.to_owned(),
            reason: wire::ChangeReason::CareNotGiven.into(),
        };
        let request = self.caller("payment").request(request).await;
        Ok(self.adjudication().reverse_settlement(request).await?.into_inner().settlement.unwrap_or_default())
    }

    pub(crate) async fn correct(
        &self,
        settlement: &wire::Settlement,
        amount: &str,
        on: NaiveDate,
    ) -> Result<wire::CorrectClaimResponse, tonic::Status> {
        let wire::DivideClaimRequest { diagnoses, lines, total, .. } = claim_on("", COVERED, amount, on);
        let request = wire::CorrectClaimRequest {
            request_id: request_id(),
            claim_id: settlement.claim_id.clone(),
            reason: wire::ChangeReason::BilledWrong.into(),
            diagnoses,
            lines,
            total,
        };
        let request = self.caller("clinic").request(request).await;
        Ok(self.adjudication().correct_claim(request).await?.into_inner())
    }

    pub(crate) async fn read(&self, settlement_id: &str) -> wire::Settlement {
        let request = wire::GetSettlementRequest { settlement_id: settlement_id.to_owned() };
        let request = self.caller("payment").request(request).await;
        let answer = self.adjudication().get_settlement(request).await.expect("payment may read it");
        answer.into_inner().settlement.unwrap_or_default()
    }

    /// The settlement that a claim stands at.
    pub(crate) async fn present(&self, claim_id: &str, desk: &str) -> wire::Settlement {
        let request = wire::GetClaimRequest { claim_id: claim_id.to_owned() };
        let answer = self.adjudication().get_claim(self.caller(desk).request(request).await).await;
        let claim = answer.expect("it is there").into_inner().claim.unwrap_or_default();
        self.read(&claim.settlement_id).await
    }

    /// The first `count` events of a kind, waited for.
    pub(crate) async fn told(&self, kind: &str, count: usize) -> Vec<common::Event> {
        let mut told = Vec::new();
        let mut after_position = 0;
        while told.len() < count {
            let cursor = common::EventCursor {
                after_position,
                max_events: 100,
                wait_ms: 15_000,
                consumer: String::new(),
                types: vec![kind.to_owned()],
            };
            let request = self.caller("app").request(wire::PullEventsRequest { cursor: Some(cursor) }).await;
            let answer = EventServiceClient::new(self.mesh.channel("adjudication")).pull_events(request).await;
            let batch = answer.expect("the app is told of it").into_inner().batch.unwrap_or_default();
            assert!(!batch.events.is_empty(), "{} of {count} events of {kind}", told.len());
            after_position = batch.position;
            told.extend(batch.events);
        }
        told
    }

    /// Of a person's years: in scope, deductible, pooled fund and number of claims, over all accounts.
    pub(crate) async fn year(&self) -> (String, String, String, i64) {
        let mut owner = self.mesh.owner("adjudication").await;
        sqlx::query_as(
            "SELECT coalesce(sum(in_scope), 0)::text, coalesce(sum(deductible), 0)::text, coalesce(sum(pooled_fund), 0)::text, \
             coalesce(sum(stays), 0)::bigint FROM accumulators",
        )
        .fetch_one(&mut owner)
        .await
        .expect("sums")
    }

    /// The same, added up from the settlements in force: what must hold at any time (I7).
    pub(crate) async fn year_by_settlements(&self) -> (String, String, String, i64) {
        let mut owner = self.mesh.owner("adjudication").await;
        sqlx::query_as(
            "SELECT coalesce(sum(in_scope), 0.00)::text, coalesce(sum(deductible), 0.00)::text, coalesce(sum(pooled_fund), 0.00)::text, \
             count(*) FROM settlements WHERE state = 'CONFIRMED' AND policy_id IS NOT NULL",
        )
        .fetch_one(&mut owner)
        .await
        .expect("sums")
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let mut owner = self.mesh.owner("adjudication").await;
        let counted = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")));
        counted.fetch_one(&mut owner).await.expect("a count")
    }
}
