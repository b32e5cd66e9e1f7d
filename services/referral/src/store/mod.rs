//! What is remembered: one table a file. Takes a connection, never begins or commits.

pub mod glass_reads;
pub mod referrals;
pub mod sagas;

use postgres::personal::PersonalTable;

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable::new("referrals", referrals::SEALED, ["转诊", "Your referrals"], "medical_record"),
    PersonalTable {
        of: "t.referral_id IN (SELECT id FROM referrals WHERE resident_id = ANY (one_person($1)))",
        ..PersonalTable::new("sagas", &[], ["转诊的接收过程", "How your referrals were accepted"], "medical_record")
    },
];
