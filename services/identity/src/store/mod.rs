//! What identity remembers: one table to a file. Takes a connection, never begins or commits.

pub mod alliances;
pub mod assertions;
pub mod bank_profiles;
pub mod break_glasses;
pub mod care_relations;
pub mod changes;
pub mod clients;
pub mod communities;
pub mod consents;
pub mod continuations;
pub mod delegation_receipts;
pub mod delegations;
pub mod departments;
pub mod designations;
pub mod duplicates;
pub mod enrolment_batch;
pub mod enrolment_imports;
pub mod enrolments;
pub mod erased;
pub mod erasures;
pub mod family_doctor_contracts;
pub mod flags;
pub mod guardianships;
pub mod households;
pub mod identifiers;
pub mod logins;
pub mod mandates;
pub mod merges;
pub mod organisations;
pub mod practitioners;
pub mod remote_care_filings;
pub mod residents;
pub mod revocations;

use std::str::FromStr;

use postgres::personal::PersonalTable;

const OF_DELEGATION: &str =
    "t.delegation_id IN (SELECT id FROM delegations WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))";
const GRANTOR: &str = "(SELECT d.resident_id FROM delegations d WHERE d.id = t.delegation_id)";
const DELEGATION_OVER: &str = "(SELECT least(d.revoked_at, d.until) FROM delegations d WHERE d.id = t.delegation_id)";

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        of: "t.id = ANY ((SELECT one_person($1))::uuid[])",
        person: "t.id",
        ..PersonalTable::new(
            "residents",
            residents::SEALED,
            ["身份与联系方式", "Who you are and how to reach you"],
            "identity",
        )
    },
    PersonalTable::new("identifiers", &["number_sealed"], ["证件", "Your documents"], "identity"),
    PersonalTable::new("resident_changes", &["old_sealed"], ["对您资料的更改", "What was changed of it"], "identity"),
    PersonalTable {
        of: "(t.resident_id = ANY ((SELECT one_person($1))::uuid[]) OR t.other_id = ANY ((SELECT one_person($1))::uuid[]))",
        ..PersonalTable::new(
            "possible_duplicates",
            &[],
            ["可能重复的登记", "Registrations that may be yours, too"],
            "identity",
        )
    },
    PersonalTable {
        of: "(t.resident_id = ANY ((SELECT one_person($1))::uuid[]) OR t.survivor_id = ANY ((SELECT one_person($1))::uuid[]))",
        ..PersonalTable::new(
            "resident_merges",
            &[],
            ["重复登记的合并", "Registrations of yours that were made one"],
            "identity",
        )
    },
    PersonalTable::new("household_members", &[], ["您所在的家庭", "Your household"], "identity"),
    PersonalTable::new("vulnerability_flags", &[], ["需要照顾的情况", "What deserves care"], "identity"),
    PersonalTable {
        of: "(t.ward_id = ANY ((SELECT one_person($1))::uuid[]) OR t.guardian_id = ANY ((SELECT one_person($1))::uuid[]))",
        unreferred: "NOT EXISTS (SELECT FROM guardianship_delegations d WHERE d.guardianship_id = t.id)",
        person: "t.ward_id",
        ..PersonalTable::new("guardianships", &[], ["监护", "Guardianship"], "permission")
            .over("least(t.ended_at, (t.until_day + 1)::timestamptz)")
            .dated("t.registered_at")
    },
    PersonalTable {
        of: "t.party = ANY ((SELECT one_party('resident:' || $1::uuid))::text[])",
        person: "CASE WHEN t.party LIKE 'resident:%' THEN substr(t.party, 10)::uuid END",
        ..PersonalTable::new("logins", &[], ["您的登录方式", "How you log in"], "identity")
    },
    PersonalTable::new("enrolments", &[], ["参保", "Your insurance"], "insurance")
        .over("least(t.superseded_at, (t.in_force_until + 1)::timestamptz)")
        .dated("t.recorded_at"),
    PersonalTable::new("remote_care_filings", &[], ["异地就医备案", "Care you filed to have elsewhere"], "insurance")
        .over("least(t.withdrawn_at, (t.valid_until + 1)::timestamptz)")
        .dated("t.filed_at"),
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM family_doctor_contracts later WHERE later.renewed_contract_id = t.id)",
        ..PersonalTable::new(
            "family_doctor_contracts",
            &[],
            ["家庭医生签约", "Your family doctor"],
            "outpatient_record",
        )
        .over("(least(t.ended_on, t.term_until) + 1)::timestamptz")
        .dated("t.signed_at")
    },
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM delegation_receipts r WHERE r.delegation_id = t.id) \
            AND NOT EXISTS (SELECT FROM guardianship_delegations g WHERE g.delegation_id = t.id) \
            AND NOT EXISTS (SELECT FROM continuations c WHERE c.delegation_id = t.id) \
            AND NOT EXISTS (SELECT FROM mandates m WHERE m.delegation_id = t.id) \
            AND NOT EXISTS (SELECT FROM delegations passed_on WHERE passed_on.rests_on_id = t.id)",
        ..PersonalTable::new("delegations", &[], ["谁可以代您办理", "Who may act for you"], "permission")
            .over("least(t.revoked_at, t.until)")
            .dated("least(t.revoked_at, t.until)")
    },
    PersonalTable {
        of: OF_DELEGATION,
        person: GRANTOR,
        ..PersonalTable::new("delegation_receipts", &[], ["授权回执", "Receipts of delegations"], "permission")
            .over(DELEGATION_OVER)
            .dated("t.issued_at")
    },
    PersonalTable {
        of: OF_DELEGATION,
        key: "t.delegation_id::text",
        person: GRANTOR,
        ..PersonalTable::new(
            "guardianship_delegations",
            &[],
            ["依据监护的授权", "Delegations that rest on a guardianship"],
            "permission",
        )
        .over(DELEGATION_OVER)
        .dated("t.linked_at")
    },
    PersonalTable::new("care_relations", &[], ["正在照护您的机构", "Who cares for you"], "permission")
        .over("t.closed_at")
        .dated("t.closed_at"),
    PersonalTable::new(
        "break_glasses",
        break_glasses::SEALED,
        ["紧急查看", "When your data was opened in an emergency"],
        "audit",
    )
    .over("t.closes_at")
    .dated("t.closes_at"),
    PersonalTable::new("consents", &[], ["谁可以看您的健康信息", "Who may see your health data"], "permission")
        .over("least(t.revoked_at, t.until)")
        .dated("least(t.revoked_at, t.until)"),
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM continuations c WHERE c.mandate_id = t.id)",
        ..PersonalTable::new(
            "mandates",
            &[],
            ["您委托系统办理的事项", "What you let services go on doing"],
            "permission",
        )
        .over("least(t.ended_at, t.until)")
        .dated("least(t.ended_at, t.until)")
    },
    PersonalTable {
        key: "t.token_id::text",
        ..PersonalTable::new(
            "continuations",
            &[],
            ["系统代您继续办理的事项", "What services went on doing in your name"],
            "permission",
        )
        .over("t.expires_at")
        .dated("t.expires_at")
    },
    // An erased person's is what says that they were: it stays as long as anything of theirs does.
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM erasure_standings s WHERE s.erasure_id = t.id)",
        ..PersonalTable::new("erasure_requests", &[], ["删除申请", "Your requests to be erased"], "permission")
            .over("t.cancelled_at")
            .dated("t.cancelled_at")
    },
    PersonalTable {
        of: "t.erasure_id IN (SELECT id FROM erasure_requests WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))",
        key: "t.erasure_id || '/' || t.service",
        person: "(SELECT e.resident_id FROM erasure_requests e WHERE e.id = t.erasure_id)",
        ..PersonalTable::new(
            "erasure_standings",
            &[],
            ["各服务对删除申请的答复", "What services said about them"],
            "permission",
        )
        .over("(SELECT e.cancelled_at FROM erasure_requests e WHERE e.id = t.erasure_id)")
        .dated("coalesce(t.reported_at, '2000-01-01 00:00:00+00'::timestamptz)")
    },
];

/// A text column that only our own words can stand in.
fn column<T: FromStr>(
    table: &'static str,
    name: &'static str,
    row: impl ToString,
    text: &str,
) -> Result<T, postgres::Error> {
    text.parse().map_err(|_| postgres::Error::row_invalid(table, name, row))
}
