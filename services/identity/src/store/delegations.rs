use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::care::CareKind;
use types::delegation::Limits;
use types::ids::{DelegationId, OrganisationId, PractitionerId, ResidentId};
use types::money::Money;
use uuid::Uuid;

use super::column;
use crate::domain::delegation::{Action, Basis, Delegation, KnownAs, Signing};

const TABLE: &str = "delegations";

/// Through so many others at most is a ring looked for.
const RING_DEPTH_MAX: i32 = 8;

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    resident_ids: Vec<Uuid>,
    delegate: String,
    delegates: Vec<String>,
    basis: String,
    actions: Vec<String>,
    valid_from: DateTime<Utc>,
    until: DateTime<Utc>,
    care_kinds: Vec<String>,
    organisation_ids: Vec<Uuid>,
    uses_max: Option<i32>,
    amount_max: Option<Decimal>,
    evidence: String,
    signing: String,
    witness_practitioner_id: Option<Uuid>,
    witness_organisation_id: Option<Uuid>,
    rests_on_id: Option<Uuid>,
    granted_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, delegate, basis, actions, valid_from, until, care_kinds, organisation_ids, uses_max, ",
            "amount_max, one_person(resident_id) AS resident_ids, one_party(delegate) AS delegates, evidence, signing, witness_practitioner_id, witness_organisation_id, rests_on_id, granted_at, revoked_at ",
            "FROM delegations ",
            $rest
        )
    };
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, delegation: &Delegation) -> Result<bool, postgres::Error> {
    let organisations: Vec<Uuid> = delegation.limits.organisations.iter().map(|id| id.uuid()).collect();
    let uses_max = delegation.limits.uses_max.and_then(|uses| i32::try_from(uses).ok());
    let done = sqlx::query(
        "INSERT INTO delegations (id, region, resident_id, delegate, basis, actions, valid_from, until, care_kinds, \
         organisation_ids, uses_max, amount_max, evidence, signing, witness_practitioner_id, witness_organisation_id, rests_on_id, \
         granted_at, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT DO NOTHING",
    )
    .bind(delegation.id.uuid())
    .bind(delegation.region.as_str())
    .bind(delegation.resident.uuid())
    .bind(delegation.delegate.to_string())
    .bind(delegation.basis.as_str())
    .bind(actions(delegation))
    .bind(delegation.from)
    .bind(delegation.until)
    .bind(care_kinds(delegation))
    .bind(organisations)
    .bind(uses_max)
    .bind(delegation.limits.amount_max.map(Money::decimal))
    .bind(&delegation.evidence)
    .bind(delegation.signing.as_str())
    .bind(delegation.signing.witness().map(PractitionerId::uuid))
    .bind(delegation.recorder.map(OrganisationId::uuid))
    .bind(delegation.rests_on.map(DelegationId::uuid))
    .bind(delegation.granted_at)
    .bind(delegation.revoked_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: DelegationId) -> Result<Option<Delegation>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::delegation).transpose()
}

/// Those of a resident, the newest first, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    resident: ResidentId,
    after: Option<&(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Delegation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::timestamptz IS NULL OR (granted_at, id) < ($2, $3)) \
         ORDER BY granted_at DESC, id DESC LIMIT $4"
    ))
    .bind(resident.uuid())
    .bind(after.map(|(granted_at, _)| *granted_at))
    .bind(after.map(|(_, id)| *id))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::delegation).collect()
}

/// What was passed on from a guardianship and stands.
pub async fn resting_on(conn: &mut PgConnection, id: DelegationId) -> Result<Vec<Delegation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE rests_on_id = $1 AND revoked_at IS NULL ORDER BY id"))
        .bind(id.uuid())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::delegation).collect()
}

/// What was proposed for a delegate and neither confirmed nor refused.
pub async fn proposed(
    conn: &mut PgConnection,
    resident: ResidentId,
    delegate: &Party,
) -> Result<Vec<Delegation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND delegate = ANY ((SELECT one_party($2))::text[]) AND signing = 'PROPOSED' AND revoked_at IS NULL ORDER BY id"
    ))
    .bind(resident.uuid())
    .bind(delegate.to_string())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::delegation).collect()
}

/// Whether somebody acts for whom another acts, and so on, comes back to where it began: `delegate`'s own delegations, followed
/// from resident to resident, lead to `resident`.
pub async fn leads_to(
    conn: &mut PgConnection,
    delegate: ResidentId,
    resident: ResidentId,
    now: DateTime<Utc>,
) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "WITH RECURSIVE chain (delegate, depth) AS ( \
             SELECT 'resident:' || $1::text, 0 \
             UNION \
             SELECT d.delegate, chain.depth + 1 FROM chain, unnest(one_person(substr(chain.delegate, 10)::uuid)) AS own \
                 JOIN delegations d ON d.resident_id = own \
             WHERE chain.depth < $4 AND d.delegate LIKE 'resident:%' AND d.basis = 'GRANTED' AND d.signing <> 'PROPOSED' \
                 AND d.revoked_at IS NULL AND d.until > $3 \
         ) SELECT EXISTS (SELECT FROM chain WHERE delegate = ANY ((SELECT one_party('resident:' || $2::text))::text[]))",
    )
    .bind(delegate.uuid())
    .bind(resident.uuid())
    .bind(now)
    .bind(RING_DEPTH_MAX)
    .fetch_one(conn)
    .await?)
}

/// The resident's signature under a proposal; false if it is none any more.
pub async fn sign(conn: &mut PgConnection, delegation: &Delegation) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "UPDATE delegations SET signing = $2 WHERE id = $1 AND signing = 'PROPOSED' AND revoked_at IS NULL",
    )
    .bind(delegation.id.uuid())
    .bind(delegation.signing.as_str())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False if it was revoked before.
pub async fn revoke(conn: &mut PgConnection, id: DelegationId, at: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query("UPDATE delegations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.uuid())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, delegation: &Delegation) -> Entry {
    entry.resident(delegation.resident).row(TABLE, delegation.id)
}

fn actions(delegation: &Delegation) -> Vec<&'static str> {
    delegation.actions.iter().map(|action| action.as_str()).collect()
}

fn care_kinds(delegation: &Delegation) -> Vec<&'static str> {
    delegation.limits.care_kinds.iter().map(|kind| kind.as_str()).collect()
}

impl Row {
    fn delegation(self) -> Result<Delegation, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let actions: Option<BTreeSet<Action>> = self.actions.iter().map(|action| Action::parse(action)).collect();
        let signing = Signing::parse(&self.signing, self.witness_practitioner_id.map(PractitionerId::from_uuid));
        Ok(Delegation {
            id: DelegationId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            delegate: column(TABLE, "delegate", self.id, &self.delegate)?,
            known_as: self.known_as()?,
            basis: Basis::parse(&self.basis).ok_or_else(|| invalid("basis"))?,
            actions: actions.ok_or_else(|| invalid("actions"))?,
            limits: self.limits()?,
            from: self.valid_from,
            until: self.until,
            signing: signing.ok_or_else(|| invalid("signing"))?,
            evidence: self.evidence,
            recorder: self.witness_organisation_id.map(OrganisationId::from_uuid),
            rests_on: self.rests_on_id.map(DelegationId::from_uuid),
            granted_at: self.granted_at,
            revoked_at: self.revoked_at,
        })
    }

    fn known_as(&self) -> Result<KnownAs, postgres::Error> {
        let residents = self.resident_ids.iter().filter(|id| **id != self.resident_id);
        let delegates = self.delegates.iter().filter(|party| **party != self.delegate);
        let party = |party| column(TABLE, "delegate", self.id, party);
        Ok(KnownAs {
            resident: residents.copied().map(ResidentId::from_uuid).collect(),
            delegate: delegates.map(|name| party(name)).collect::<Result<_, _>>()?,
        })
    }

    fn limits(&self) -> Result<Limits, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let kinds: Result<BTreeSet<CareKind>, _> =
            self.care_kinds.iter().map(|kind| column(TABLE, "care_kinds", self.id, kind)).collect();
        Ok(Limits {
            care_kinds: kinds?,
            organisations: self.organisation_ids.iter().copied().map(OrganisationId::from_uuid).collect(),
            uses_max: self.uses_max.map(u32::try_from).transpose().map_err(|_| invalid("uses_max"))?,
            amount_max: self.amount_max.map(Money::from_decimal).transpose().map_err(|_| invalid("amount_max"))?,
        })
    }
}
