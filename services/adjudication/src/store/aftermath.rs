//! What the confirmation of a settlement asks for, by what else stands in `claims`, `settlements`, `readjudications` and `findings`.

use postgres::Error;
use sqlx::PgConnection;

use super::clearing_entries::is_owed;
use crate::domain::change::Cause;
use crate::domain::settlement::Settlement;

/// What the confirmation of a claim asks for beyond itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aftermath {
    /// Why the person's years are to be judged anew, if they are. [`Cause::Entitlement`]: the person's cover was said to be another after the
    /// claim was divided. [`Cause::LateClaim`]: claims of the same scheme for later care are settled already: of any kind, for layers above
    /// basic insurance count over all kinds; and of the next year, into which stays of a journey go on.
    pub anew: Option<Cause>,
    /// Audit rules asked about it when it was divided.
    pub is_suspect: bool,
    /// Another region's funds are to pay it.
    pub is_owed: bool,
}

/// Whether later care is settled already, wherever; whether the person's years were judged anew since the division, whether findings were noted,
/// and whether the person is insured elsewhere.
pub async fn of(conn: &mut PgConnection, settlement: &Settlement) -> Result<Aftermath, Error> {
    let account = settlement.cover.as_ref().map(|cover| cover.account);
    let (is_late, is_overtaken, is_suspect, is_owed): (bool, bool, bool, bool) = sqlx::query_as(concat!(
        "SELECT coalesce(is_settled_after($1, $3, $4, claim.from_date), false), \
         EXISTS (SELECT FROM readjudications WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND cause = 'ENTITLEMENT' \
             AND requested_at >= $5), \
         EXISTS (SELECT FROM findings WHERE settlement_id = $6 AND state = 'NOTED'), ",
        is_owed!(),
        " FROM claims claim WHERE claim.id = $2",
    ))
    .bind(settlement.resident.uuid())
    .bind(settlement.claim.uuid())
    .bind(account.map(|account| account.year))
    .bind(account.map(|account| account.scheme.as_str()))
    .bind(settlement.divided_at)
    .bind(settlement.id.uuid())
    .fetch_one(conn)
    .await?;
    let anew = match (is_overtaken, is_late) {
        (true, _) => Some(Cause::Entitlement),
        (false, true) => Some(Cause::LateClaim),
        (false, false) => None,
    };
    Ok(Aftermath { anew, is_suspect, is_owed })
}
