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

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        of: "t.id = ANY (one_person($1))",
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
        of: "(t.resident_id = ANY (one_person($1)) OR t.other_id = ANY (one_person($1)))",
        ..PersonalTable::new(
            "possible_duplicates",
            &[],
            ["可能重复的登记", "Registrations that may be yours, too"],
            "identity",
        )
    },
    PersonalTable {
        of: "(t.resident_id = ANY (one_person($1)) OR t.survivor_id = ANY (one_person($1)))",
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
        of: "(t.ward_id = ANY (one_person($1)) OR t.guardian_id = ANY (one_person($1)))",
        ..PersonalTable::new("guardianships", &[], ["监护", "Guardianship"], "permission")
    },
    PersonalTable {
        of: "t.party = ANY (one_party('resident:' || $1::uuid))",
        ..PersonalTable::new("logins", &[], ["您的登录方式", "How you log in"], "identity")
    },
    PersonalTable::new("enrolments", &[], ["参保", "Your insurance"], "insurance"),
    PersonalTable::new("remote_care_filings", &[], ["异地就医备案", "Care you filed to have elsewhere"], "insurance"),
    PersonalTable::new("family_doctor_contracts", &[], ["家庭医生签约", "Your family doctor"], "medical_record"),
    PersonalTable::new("delegations", &[], ["谁可以代您办理", "Who may act for you"], "permission"),
    PersonalTable::new("care_relations", &[], ["正在照护您的机构", "Who cares for you"], "permission"),
    PersonalTable::new("break_glasses", &[], ["紧急查看", "When your data was opened in an emergency"], "audit"),
    PersonalTable::new("consents", &[], ["谁可以看您的健康信息", "Who may see your health data"], "permission"),
    PersonalTable::new("mandates", &[], ["您委托系统办理的事项", "What you let services go on doing"], "permission"),
    PersonalTable {
        key: "t.token_id::text",
        ..PersonalTable::new(
            "continuations",
            &[],
            ["系统代您继续办理的事项", "What services went on doing in your name"],
            "permission",
        )
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
