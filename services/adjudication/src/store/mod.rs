//! What adjudication remembers, one table a file. Takes a connection, never begins or commits.

pub mod abuse_reports;
pub mod accounts;
pub mod accumulators;
pub mod aftermath;
pub mod catalogue;
pub mod chains;
pub mod claims;
pub mod clearing_entries;
pub mod documents;
pub mod elsewhere;
pub mod findings;
pub mod funds;
pub mod histories;
pub mod inspections;
pub mod obligations;
pub mod provider_assessments;
pub mod provider_payments;
pub mod quotes;
pub mod readjudications;
pub mod referrals;
pub mod settlements;
pub mod stays;

use postgres::Error;
use postgres::personal::PersonalTable;

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable::new("quotes", &[], ["费用预估", "What care was expected to cost"], "insurance")
        .over("t.quoted_at")
        .dated("t.quoted_at"),
    PersonalTable::new("claims", claims::SEALED, ["医保结算申请", "Your claims"], "insurance")
        .over("t.received_at")
        .dated("t.received_at"),
    PersonalTable {
        of: "t.claim_id IN (SELECT id FROM claims WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))",
        person: "(SELECT c.resident_id FROM claims c WHERE c.id = t.claim_id)",
        key: "t.claim_id || '/' || lpad(t.claim_version::text, 6, '0') || '/' || lpad(t.line_number::text, 6, '0')",
        ..PersonalTable::new("claim_lines", &[], ["费用明细", "What was billed"], "insurance")
            .over("(SELECT c.received_at FROM claims c WHERE c.id = t.claim_id)")
            .dated("t.on_date")
    },
    PersonalTable {
        key: "t.year || '/' || t.scheme || '/' || t.kind",
        ..PersonalTable::new("accumulators", &[], ["年度累计", "What has added up in a year"], "insurance")
            .over("make_date(t.year, 12, 31)::timestamptz")
            .dated("make_date(t.year, 12, 31)")
    },
    PersonalTable::new("settlements", &[], ["医保结算", "How your claims were settled"], "insurance")
        .over("coalesce(t.confirmed_at, t.lapses_at)")
        .dated("t.divided_at"),
    PersonalTable {
        key: "t.resident_id::text",
        ..PersonalTable::new("personal_accounts", &[], ["个人账户", "Your personal account"], "insurance")
            .over("t.moved_at")
            .dated("t.moved_at")
    },
    PersonalTable::new("account_entries", &[], ["个人账户明细", "What moved your personal account"], "insurance")
        .over("t.booked_at")
        .dated("t.booked_at"),
    PersonalTable {
        of: "ARRAY[t.resident_id, t.member_resident_id] && (SELECT one_person($1))::uuid[]",
        ..PersonalTable::new("account_shares", &[], ["家庭共济", "For whom a personal account pays"], "insurance")
            .over("coalesce(t.until + 1, t.shared_at)::timestamptz")
            .dated("t.shared_at")
    },
    PersonalTable::new(
        "provider_payments",
        provider_payments::SEALED,
        ["医疗机构的医保支付", "What your providers are paid by the fund"],
        "insurance",
    )
    .over("t.expected_at")
    .dated("t.expected_at"),
    PersonalTable {
        key: "t.visit_id::text",
        ..PersonalTable::new("stays", &[], ["住院", "Your stays in hospital"], "insurance")
            .over("coalesce(t.ended_at, t.opened_at)")
            .dated("t.opened_at")
    },
    PersonalTable {
        key: "t.referral_id::text",
        ..PersonalTable::new("referrals", &[], ["转诊", "Where you were referred to"], "insurance")
            .over("t.referred_at")
            .dated("t.referred_at")
    },
    PersonalTable::new("readjudications", &[], ["重新结算", "When your year was settled anew"], "insurance")
        .over("t.requested_at")
        .dated("t.requested_at"),
    PersonalTable {
        of: "t.settlement_id IN (SELECT id FROM settlements WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))",
        person: "(SELECT s.resident_id FROM settlements s WHERE s.id = t.settlement_id)",
        ..PersonalTable::new(
            "clearing_entries",
            &[],
            ["异地就医清算", "What regions owe one another for your care"],
            "insurance",
        )
        .over("t.booked_at")
        .dated("t.booked_at")
    },
    PersonalTable {
        of: "t.settlement_id IN (SELECT id FROM settlements WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))",
        person: "(SELECT s.resident_id FROM settlements s WHERE s.id = t.settlement_id)",
        key: "t.settlement_id::text",
        ..PersonalTable::new(
            "inspections",
            &[],
            ["审核所对照的其他结算申请", "Beside which claims one was checked"],
            "insurance",
        )
        .over("t.inspected_at")
        .dated("t.inspected_at")
    },
    PersonalTable::new("findings", &[], ["结算审核", "What was asked about a claim"], "insurance")
        .over("coalesce(t.decided_at, t.noted_at)")
        .dated("t.noted_at"),
    PersonalTable {
        of: "t.finding_id IN (SELECT id FROM findings WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))",
        person: "(SELECT f.resident_id FROM findings f WHERE f.id = t.finding_id)",
        ..PersonalTable::new("finding_steps", findings::SEALED, ["审核处理", "What was done about it"], "insurance")
            .over("t.done_at")
            .dated("t.done_at")
    },
    // Whoever reported is sealed, and a report is about no resident: nobody is shown it as theirs.
    PersonalTable {
        of: "false",
        person: "NULL::uuid",
        ..PersonalTable::new("abuse_reports", abuse_reports::SEALED, ["举报", "Reports of abuse"], "insurance")
            .over("coalesce(t.closed_at, t.reported_at)")
            .dated("t.reported_at")
    },
];

/// A text column that must read back as one of our words.
fn word<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    id: impl std::fmt::Display,
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(|_| Error::row_invalid(table, column, id))
}
