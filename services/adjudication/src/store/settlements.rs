//! `settlements`: claims divided and confirmed.

use chrono::{DateTime, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::postgres::PgQueryResult;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{BillId, ClaimId, JourneyId, OrganisationId, PolicyId, QuoteId, ReferralId, ResidentId, SettlementId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::account::Drawn;
use crate::domain::adjustment::Adjustment;
use crate::domain::change::Reason;
use crate::domain::drift::Drift;
use crate::domain::engine::Adjudication;
use crate::domain::input::Input;
use crate::domain::remote_care::RemoteCare;
use crate::domain::settlement::{Account, Change, Cover, Settlement, State};

const TABLE: &str = "settlements";

/// SQL: what is read of settlements. What the engine was given is long, and read where it is asked for ([`basis`]).
macro_rules! select {
    () => {
        "SELECT id, claim_id, claim_version, resident_id, provider_organisation_id, state, adjudication, policy_id, policy_digest, year, \
             scheme, kind, accumulator_version, quote_id, drift, referral_id, journey_id, tier, divided_at, lapses_at, confirmed_at, \
             bill_id, ended_at, corrects, cause, reason, adjustment_total, adjustment_fund, remote_care, account_of, mutual_aid_of \
         FROM settlements "
    };
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    claim_id: Uuid,
    claim_version: i32,
    resident_id: Uuid,
    provider_organisation_id: Uuid,
    state: String,
    adjudication: Json<Adjudication>,
    policy_id: Option<Uuid>,
    policy_digest: Option<String>,
    year: Option<i32>,
    scheme: Option<String>,
    kind: Option<String>,
    accumulator_version: Option<i64>,
    quote_id: Option<Uuid>,
    drift: Json<Vec<Drift>>,
    referral_id: Option<Uuid>,
    journey_id: Uuid,
    tier: String,
    divided_at: DateTime<Utc>,
    lapses_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    bill_id: Option<Uuid>,
    ended_at: Option<DateTime<Utc>>,
    corrects: Option<Uuid>,
    cause: Option<String>,
    reason: Option<String>,
    adjustment_total: Option<Decimal>,
    adjustment_fund: Option<Decimal>,
    remote_care: Option<String>,
    account_of: Option<Uuid>,
    mutual_aid_of: Option<Uuid>,
}

impl Row {
    fn settlement(self) -> Result<Settlement, Error> {
        let bill = self.bill_id.map(BillId::from_uuid);
        let state = match (self.state.as_str(), self.confirmed_at, bill, self.ended_at) {
            ("DIVIDED", None, ..) => State::Divided,
            ("LAPSED", None, ..) => State::Lapsed,
            ("CONFIRMED", Some(at), Some(bill), None) => State::Confirmed { at, bill },
            ("REVERSED", Some(confirmed_at), Some(bill), Some(at)) => State::Reversed { confirmed_at, bill, at },
            ("CORRECTED", Some(confirmed_at), Some(bill), Some(at)) => State::Corrected { confirmed_at, bill, at },
            _ => return Err(Error::row_invalid(TABLE, "state", self.id)),
        };
        Ok(Settlement {
            id: SettlementId::from_uuid(self.id),
            claim: ClaimId::from_uuid(self.claim_id),
            claim_version: self.claim_version,
            resident: ResidentId::from_uuid(self.resident_id),
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            tier: word(TABLE, "tier", self.id, &self.tier)?,
            state,
            cover: self.cover()?,
            remote_care: self.said("remote_care", self.remote_care.as_deref())?,
            change: self.change()?,
            adjudication: self.adjudication.0,
            quote: self.quote_id.map(QuoteId::from_uuid),
            drift: self.drift.0,
            referral: self.referral_id.map(ReferralId::from_uuid),
            journey: JourneyId::from_uuid(self.journey_id),
            divided_at: self.divided_at,
            lapses_at: self.lapses_at,
        })
    }

    fn said<T: std::str::FromStr>(&self, column: &'static str, text: Option<&str>) -> Result<Option<T>, Error> {
        text.map(|text| word(TABLE, column, self.id, text)).transpose()
    }

    fn change(&self) -> Result<Change, Error> {
        let money =
            |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid(TABLE, column, self.id));
        let adjustment = match self.adjustment_total.zip(self.adjustment_fund) {
            Some((total, fund)) => {
                Some(Adjustment { total: money("adjustment_total", total)?, fund: money("adjustment_fund", fund)? })
            }
            None => None,
        };
        let cause = self.said("cause", self.cause.as_deref())?;
        Ok(Change {
            corrects: self.corrects.map(SettlementId::from_uuid).zip(cause),
            reason: self.said("reason", self.reason.as_deref())?,
            adjustment,
        })
    }

    fn cover(&self) -> Result<Option<Cover>, Error> {
        let Some(policy) = self.policy_id else { return Ok(None) };
        let (Some(policy_digest), Some(year), Some(scheme), Some(kind), Some(account_version)) =
            (&self.policy_digest, self.year, &self.scheme, &self.kind, self.accumulator_version)
        else {
            return Err(Error::row_invalid(TABLE, "accumulator_version", self.id));
        };
        Ok(Some(Cover {
            policy: PolicyId::from_uuid(policy),
            policy_digest: policy_digest.clone(),
            account: Account {
                resident: ResidentId::from_uuid(self.resident_id),
                year,
                scheme: word(TABLE, "scheme", self.id, scheme)?,
                kind: word(TABLE, "kind", self.id, kind)?,
            },
            account_version,
            drawn: Drawn {
                account: self.account_of.map(ResidentId::from_uuid),
                mutual_aid: self.mutual_aid_of.map(ResidentId::from_uuid),
            },
        }))
    }
}

/// Writes a division with what it was made from.
pub async fn insert(
    conn: &mut PgConnection,
    region: RegionCode,
    settlement: &Settlement,
    basis: &Input,
) -> Result<(), Error> {
    let shares = &settlement.adjudication.shares;
    let cover = settlement.cover.as_ref();
    sqlx::query(
        "INSERT INTO settlements (id, region, claim_id, claim_version, resident_id, provider_organisation_id, state, outcome, total, \
         fully_own, first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, large_amount_own, beyond_cover, \
         critical_illness_fund, assistance_fund, basis, adjudication, policy_id, policy_digest, year, scheme, kind, accumulator_version, quote_id, drift, referral_id, \
         journey_id, tier, divided_at, lapses_at, remote_care, top_up, voucher, account, mutual_aid, account_of, mutual_aid_of) \
         VALUES ($1, $2, $3, $4, $5, $6, 'DIVIDED', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
         $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41)",
    )
    .bind(settlement.id.uuid())
    .bind(region.as_str())
    .bind(settlement.claim.uuid())
    .bind(settlement.claim_version)
    .bind(settlement.resident.uuid())
    .bind(settlement.provider.uuid())
    .bind(match cover {
        Some(_) => "PRICED",
        None if settlement.adjudication.is_not_designated() => "NOT_DESIGNATED",
        None => "NOT_ENROLLED",
    })
    .bind(shares.total.decimal())
    .bind(shares.fully_own.decimal())
    .bind(shares.first_self_pay.decimal())
    .bind(shares.in_scope.decimal())
    .bind(shares.deductible.decimal())
    .bind(shares.pooled_fund.decimal())
    .bind(shares.pooled_own.decimal())
    .bind(shares.large_amount_fund.decimal())
    .bind(shares.large_amount_own.decimal())
    .bind(shares.beyond_cover.decimal())
    .bind(shares.critical_illness_fund.decimal())
    .bind(shares.assistance_fund.decimal())
    .bind(Json(basis))
    .bind(Json(&settlement.adjudication))
    .bind(cover.map(|cover| cover.policy.uuid()))
    .bind(cover.map(|cover| cover.policy_digest.as_str()))
    .bind(cover.map(|cover| cover.account.year))
    .bind(cover.map(|cover| cover.account.scheme.as_str()))
    .bind(cover.map(|cover| cover.account.kind.as_str()))
    .bind(cover.map(|cover| cover.account_version))
    .bind(settlement.quote.map(QuoteId::uuid))
    .bind(Json(&settlement.drift))
    .bind(settlement.referral.map(ReferralId::uuid))
    .bind(settlement.journey.uuid())
    .bind(settlement.tier.as_str())
    .bind(settlement.divided_at)
    .bind(settlement.lapses_at)
    .bind(settlement.remote_care.map(RemoteCare::as_str))
    .bind(shares.top_up.decimal())
    .bind(shares.voucher.decimal())
    .bind(shares.account.decimal())
    .bind(shares.mutual_aid.decimal())
    .bind(cover.and_then(|cover| cover.drawn.account).map(ResidentId::uuid))
    .bind(cover.and_then(|cover| cover.drawn.mutual_aid).map(ResidentId::uuid))
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: SettlementId) -> Result<Option<Settlement>, Error> {
    let row: Option<Row> =
        sqlx::query_as(concat!(select!(), "WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::settlement).transpose()
}

pub async fn lock(conn: &mut PgConnection, id: SettlementId) -> Result<Option<Settlement>, Error> {
    let row: Option<Row> =
        sqlx::query_as(concat!(select!(), "WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::settlement).transpose()
}

/// Writes that a division was confirmed for a bill. False if it is none any more, and then nothing is written.
pub async fn confirm(
    conn: &mut PgConnection,
    id: SettlementId,
    at: DateTime<Utc>,
    bill: BillId,
) -> Result<bool, Error> {
    let confirmed = sqlx::query("UPDATE settlements SET state = 'CONFIRMED', confirmed_at = $2, bill_id = $3 WHERE id = $1 AND state = 'DIVIDED'")
        .bind(id.uuid())
        .bind(at)
        .bind(bill.uuid())
        .execute(conn)
        .await?;
    Ok(confirmed.rows_affected() == 1)
}

/// Writes that a division is spent: a newer one of the same claim takes its place.
pub async fn lapse(conn: &mut PgConnection, id: SettlementId) -> Result<(), Error> {
    sqlx::query("UPDATE settlements SET state = 'LAPSED' WHERE id = $1 AND state = 'DIVIDED'")
        .bind(id.uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes that a settlement is in force no more: taken back, or replaced.
pub async fn end(conn: &mut PgConnection, settlement: &Settlement) -> Result<(), Error> {
    let (State::Reversed { at, .. } | State::Corrected { at, .. }) = settlement.state else {
        return Err(Error::row_invalid(TABLE, "state", settlement.id));
    };
    let is_reversed = matches!(settlement.state, State::Reversed { .. });
    let Change { reason, adjustment, .. } = settlement.change;
    // What was replaced keeps what it was itself adjusted by.
    let adjustment = adjustment.filter(|_| is_reversed);
    let reason = reason.filter(|_| is_reversed);
    let ended = sqlx::query(
        "UPDATE settlements SET state = $2, ended_at = $3, reason = coalesce($4, reason), \
         adjustment_total = coalesce($5, adjustment_total), adjustment_fund = coalesce($6, adjustment_fund) \
         WHERE id = $1 AND state = 'CONFIRMED'",
    )
    .bind(settlement.id.uuid())
    .bind(settlement.state.as_str())
    .bind(at)
    .bind(reason.map(Reason::as_str))
    .bind(adjustment.map(|adjustment| adjustment.total.decimal()))
    .bind(adjustment.map(|adjustment| adjustment.fund.decimal()))
    .execute(conn)
    .await?;
    one(&ended, settlement)
}

/// Writes of a division that it takes the place of another settlement, whose bill it is for, too.
pub async fn put_in_place(conn: &mut PgConnection, settlement: &Settlement) -> Result<(), Error> {
    let (State::Confirmed { at, bill }, Change { corrects: Some((corrected, cause)), reason, adjustment: Some(net) }) =
        (settlement.state, settlement.change)
    else {
        return Err(Error::row_invalid(TABLE, "corrects", settlement.id));
    };
    let put = sqlx::query(
        "UPDATE settlements SET state = 'CONFIRMED', confirmed_at = $2, bill_id = $3, corrects = $4, cause = $5, reason = $6, \
         adjustment_total = $7, adjustment_fund = $8 WHERE id = $1 AND state = 'DIVIDED'",
    )
    .bind(settlement.id.uuid())
    .bind(at)
    .bind(bill.uuid())
    .bind(corrected.uuid())
    .bind(cause.as_str())
    .bind(reason.map(Reason::as_str))
    .bind(net.total.decimal())
    .bind(net.fund.decimal())
    .execute(conn)
    .await?;
    one(&put, settlement)
}

fn one(done: &PgQueryResult, settlement: &Settlement) -> Result<(), Error> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "state", settlement.id)) }
}

/// What the engine was given for a settlement.
pub async fn basis(conn: &mut PgConnection, id: SettlementId) -> Result<Input, Error> {
    let Json(basis): Json<Input> =
        sqlx::query_scalar("SELECT basis FROM settlements WHERE id = $1").bind(id.uuid()).fetch_one(conn).await?;
    Ok(basis)
}

/// The settlements with these ids, locked in their order.
pub async fn lock_all(conn: &mut PgConnection, ids: &[SettlementId]) -> Result<Vec<Settlement>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = sqlx::query_as(concat!(select!(), "WHERE id = ANY ($1) ORDER BY id FOR UPDATE"))
        .bind(ids)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::settlement).collect()
}

/// The bill that a settlement was confirmed for.
pub async fn bill_of(conn: &mut PgConnection, id: SettlementId) -> Result<Option<BillId>, Error> {
    let bill: Option<Option<Uuid>> = sqlx::query_scalar("SELECT bill_id FROM settlements WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(bill.flatten().map(BillId::from_uuid))
}
