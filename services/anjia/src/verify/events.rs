//! Events (I8): each state change told once, each event about a state change, in gapless order, taken in by its consumers.

use anyhow::Result;
use sqlx::AssertSqlSafe;

use super::check::{Check, Invariant::I8, Look, Violation};
use super::databases::Databases;

/// A state change and the event that tells of it.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) service: &'static str,
    pub(super) table: &'static str,
    /// The rows that have changed so, also those that have changed on since.
    pub(super) when: &'static str,
    /// Several, with a space between, where each of them tells of it.
    pub(super) kind: &'static str,
    /// The actions, as a regular expression, by which the audit tells that a row has changed so.
    pub(super) by: &'static str,
    pub(super) times: Times,
}

/// How often a row may change so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Once,
    /// Such as a bill that is re-based, or a referral that is booked anew.
    Again,
}

use Times::{Again, Once};

/// Whatever the audit says of a row, the row began before.
const BEGINS: &str = ".*";

pub(super) const CHECKS: &[Check] = &[
    Check::everywhere(
        I8,
        "no event is parked",
        "SELECT source || '/' || position, format('parked: %s', cause) FROM parked_events",
    ),
    told("a resident is told of once", "identity", "residents", "true", "resident.registered", BEGINS, Once),
    told(
        "a delegation is told of once",
        "identity",
        "delegations",
        "signing IN ('OWN', 'DESK', 'PAPERS')",
        "delegation.granted",
        "identity.delegation.(grant|confirm)",
        Once,
    ),
    told(
        "the end of a delegation is told of once",
        "identity",
        "delegations",
        "revoked_at IS NOT NULL",
        "delegation.revoked",
        "identity.delegation.revoke",
        Once,
    ),
    told("a consent is told of once", "identity", "consents", "true", "consent.granted", BEGINS, Once),
    told("a hold is told of once", "scheduling", "appointments", "true", "appointment.held", BEGINS, Once),
    told(
        "a confirmation is told of once",
        "scheduling",
        "appointments",
        "confirmed_at IS NOT NULL",
        "appointment.confirmed",
        "scheduling.appointment.confirm",
        Once,
    ),
    told(
        "a cancellation is told of once",
        "scheduling",
        "appointments",
        "state = 'CANCELLED'",
        "appointment.cancelled",
        "scheduling.appointment.cancel",
        Once,
    ),
    told(
        "a lapsed hold is told of once",
        "scheduling",
        "appointments",
        "state = 'EXPIRED'",
        "appointment.expired",
        "scheduling.appointment.expire",
        Once,
    ),
    told(
        "a move to another place is told of",
        "scheduling",
        "appointments",
        "revision > 1",
        "appointment.rescheduled appointment.displaced",
        "scheduling.appointment.(reschedule|displace)",
        Again,
    ),
    told(
        "a no-show is told of once",
        "scheduling",
        "appointments",
        "state = 'NO_SHOW'",
        "appointment.no_show",
        "scheduling.appointment.no_show",
        Once,
    ),
    told("a suspension is told of once", "scheduling", "suspensions", "true", "suspension.begun", BEGINS, Once),
    told(
        "the end of a suspension is told of once",
        "scheduling",
        "suspensions",
        "state = 'LIFTED'",
        "suspension.lifted",
        "scheduling.suspension.lift",
        Once,
    ),
    told("a suspicion is told of once", "scheduling", "suspicions", "true", "suspicion.raised", BEGINS, Once),
    told("a visit is told of once", "scheduling", "visits", "true", "visit.opened", BEGINS, Once),
    told(
        "the end of a visit is told of once",
        "scheduling",
        "visits",
        "ended_at IS NOT NULL",
        "visit.ended",
        "scheduling.visit.end",
        Once,
    ),
    told("a submission is told of once", "referral", "referrals", "true", "referral.submitted", BEGINS, Once),
    told(
        "a booked referral is told of",
        "referral",
        "referrals",
        "EXISTS (SELECT FROM sagas WHERE sagas.referral_id = referrals.id AND sagas.state = 'COMPLETED')",
        "referral.booked",
        "referral.referral.book",
        Again,
    ),
    told(
        "a return is told of once",
        "referral",
        "referrals",
        "state = 'RETURNED'",
        "referral.returned",
        "referral.referral.return",
        Once,
    ),
    told(
        "attendance is told of once",
        "referral",
        "referrals",
        "visit_id IS NOT NULL",
        "referral.attended",
        "referral.referral.attend",
        Once,
    ),
    told(
        "a closing is told of once",
        "referral",
        "referrals",
        "state = 'CLOSED'",
        "referral.closed",
        "referral.referral.close",
        Once,
    ),
    told(
        "a withdrawal is told of once",
        "referral",
        "referrals",
        "state = 'WITHDRAWN'",
        "referral.withdrawn",
        "referral.referral.withdraw",
        Once,
    ),
    told("a quote is told of once", "adjudication", "quotes", "true", "quote.made", BEGINS, Once),
    told(
        "a release is told of once",
        "adjudication",
        "policies",
        "released_at IS NOT NULL",
        "policy.released",
        "adjudication.policy.release",
        Once,
    ),
    told(
        "a release of terms is told of once",
        "adjudication",
        "payment_terms",
        "released_at IS NOT NULL",
        "terms.released",
        "adjudication.terms.release",
        Once,
    ),
    told(
        "a division is told of once",
        "adjudication",
        "settlements",
        "corrects IS NULL",
        "settlement.divided",
        BEGINS,
        Once,
    ),
    told(
        "a correction is told of once",
        "adjudication",
        "settlements",
        "corrects IS NOT NULL",
        "settlement.corrected",
        "adjudication.(claim.correct|year.judge)",
        Once,
    ),
    told(
        "a reversal is told of once",
        "adjudication",
        "settlements",
        "state = 'REVERSED'",
        "settlement.reversed",
        "adjudication.settlement.reverse",
        Once,
    ),
    told(
        "a confirmed settlement is told of once",
        "adjudication",
        "settlements",
        "confirmed_at IS NOT NULL AND corrects IS NULL",
        "settlement.confirmed",
        "adjudication.settlement.confirm",
        Once,
    ),
    told(
        "a credit of an account is told of once",
        "adjudication",
        "account_entries",
        "booking = 'CREDITED'",
        "account.credited",
        "adjudication.account.credit",
        Once,
    ),
    told("a shared account is told of", "adjudication", "account_shares", "true", "account.shared", BEGINS, Again),
    told("an authorisation is told of", "payment", "bills", "true", "bill.authorised", BEGINS, Again),
    told(
        "a capture is told of once",
        "payment",
        "bills",
        "captured_at IS NOT NULL",
        "bill.captured",
        "payment.receipt.issue",
        Once,
    ),
    told(
        "a settled bill is told of once",
        "payment",
        "bills",
        "state = 'SETTLED'",
        "bill.settled",
        "payment.(receipt.issue|order.report|bill.collect|bill.correct)",
        Once,
    ),
    told(
        "a corrected bill is told of",
        "payment",
        "bills",
        "corrected_at IS NOT NULL",
        "bill.corrected",
        "payment.bill.correct",
        Again,
    ),
    told(
        "a refunded bill is told of once",
        "payment",
        "bills",
        "refunded_at IS NOT NULL",
        "bill.refunded",
        "payment.bill.correct",
        Once,
    ),
    told(
        "arrears taken at a desk are told of",
        "payment",
        "bills",
        "collected_at IS NOT NULL",
        "bill.collected",
        "payment.bill.collect",
        Again,
    ),
    told(
        "a payout is told of once",
        "payment",
        "payouts",
        "state = 'PAID'",
        "payout.paid",
        "payment.payout.witness",
        Once,
    ),
    told(
        "a cancelled bill is told of once",
        "payment",
        "bills",
        "state = 'CANCELLED'",
        "bill.cancelled",
        "payment.bill.(cancel|expire)",
        Once,
    ),
    told("a credit line is told of", "payment", "credit_lines", "true", "credit_line.granted", BEGINS, Again),
    told(
        "a bank's word is told of once",
        "payment",
        "bank_orders",
        "state IN ('SUCCEEDED', 'FAILED')",
        "order.resolved",
        "payment.order.report",
        Once,
    ),
];

const fn told(
    name: &'static str,
    service: &'static str,
    table: &'static str,
    when: &'static str,
    kind: &'static str,
    by: &'static str,
    times: Times,
) -> Check {
    Check { invariant: I8, name, look: Look::Told(Told { service, table, when, kind, by, times }) }
}

impl Told {
    /// Both ways, in one statement and so in one snapshot. What erasure or retention removed since, as the audit says, did happen; and what
    /// was told of changes from before the youngest event removed may have been removed with it.
    pub(super) async fn violations(&self, databases: &mut Databases) -> Result<Option<Vec<Violation>>> {
        let Some(connection) = databases.get(self.service) else {
            return Ok(None);
        };
        let wrong = if self.times == Once { "told.times IS DISTINCT FROM 1" } else { "told.times IS NULL" };
        // The table and the condition are constants above.
        let sql = format!(
            "WITH told AS (SELECT subject, count(*) AS times FROM events WHERE kind = ANY (string_to_array($1, ' ')) GROUP BY subject) \
             SELECT {table}.id::text, format('told %s times by %s', coalesce(told.times, 0), $1) \
             FROM {table} LEFT JOIN told ON told.subject = {table}.id::text WHERE ({when}) AND {wrong} \
                 AND NOT (told.times IS NULL AND EXISTS (SELECT FROM chain_heads, audit_entries \
                     WHERE chain = 'events' AND occurred_at <= removed_until + interval '1 hour' AND action ~ '^{by}$' \
                         AND rows @> jsonb_build_array(jsonb_build_object('table', '{table}', 'id', {table}.id::text)))) \
             UNION ALL \
             SELECT subject, format('%s tells of what did not happen', $1) FROM told \
             WHERE NOT EXISTS (SELECT FROM {table} WHERE {table}.id::text = told.subject AND ({when})) \
                 AND NOT EXISTS (SELECT FROM audit_entries WHERE rows @> jsonb_build_array( \
                     jsonb_build_object('table', '{table}', 'id', told.subject, 'removed', true)))",
            table = self.table,
            when = self.when,
            by = self.by,
        );
        let kinds = self.kind.split(' ').map(|kind| format!("anjia.{}.{kind}.v1", self.service));
        let kind = kinds.collect::<Vec<_>>().join(" ");
        let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sql)).bind(kind).fetch_all(connection).await?;
        let violation = |(id, what)| Violation { service: self.service.to_owned(), id, what };
        Ok(Some(rows.into_iter().map(violation).collect()))
    }
}
