//! What identity remembers: one table to a file. Takes a connection, never begins or commits.

pub mod assertions;
pub mod break_glasses;
pub mod clients;
pub mod consents;
pub mod continuations;
pub mod delegation_receipts;
pub mod delegations;
pub mod departments;
pub mod designations;
pub mod enrolment_batch;
pub mod enrolment_imports;
pub mod enrolments;
pub mod family_doctor_contracts;
pub mod organisations;
pub mod practitioners;
pub mod remote_care_filings;
pub mod residents;
pub mod revocations;

use postgres::personal::PersonalTable;

use std::str::FromStr;

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        of: "t.id = $1",
        ..PersonalTable::new(
            "residents",
            residents::SEALED,
            ["身份与联系方式", "Who you are and how to reach you"],
            "identity",
        )
    },
    PersonalTable::new("enrolments", &[], ["参保", "Your insurance"], "insurance"),
    PersonalTable::new("remote_care_filings", &[], ["异地就医备案", "Care you filed to have elsewhere"], "insurance"),
    PersonalTable::new("family_doctor_contracts", &[], ["家庭医生签约", "Your family doctor"], "medical_record"),
    PersonalTable::new("delegations", &[], ["谁可以代您办理", "Who may act for you"], "permission"),
    PersonalTable::new("break_glasses", &[], ["紧急查看", "When your data was opened in an emergency"], "audit"),
    PersonalTable::new("consents", &[], ["谁可以看您的健康信息", "Who may see your health data"], "permission"),
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
