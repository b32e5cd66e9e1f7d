//! What is remembered: one table a file. Takes a connection, never begins or commits.

pub mod glass_reads;
pub mod obligations;
pub mod referrals;
pub mod sagas;

use postgres::personal::PersonalTable;

const OF_REFERRAL: &str =
    "t.referral_id IN (SELECT id FROM referrals WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))";
const PATIENT: &str = "(SELECT r.resident_id FROM referrals r WHERE r.id = t.referral_id)";
/// From the person's last referral on, where this one has ended.
const OVER: &str = "CASE WHEN t.owner_id IS NULL \
    THEN (SELECT max(r.changed_at) FROM referrals r WHERE r.resident_id = t.resident_id) END";
const REFERRAL_OVER: &str = "(SELECT max(r.changed_at) FROM referrals r JOIN referrals own USING (resident_id) \
    WHERE own.id = t.referral_id AND own.owner_id IS NULL)";

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM sagas s WHERE s.referral_id = t.id) \
            AND NOT EXISTS (SELECT FROM glass_reads g WHERE g.referral_id = t.id) \
            AND NOT EXISTS (SELECT FROM referrals later WHERE later.previous_referral_id = t.id)",
        ..PersonalTable::new("referrals", referrals::SEALED, ["转诊", "Your referrals"], "inpatient_record")
            .over(OVER)
            .dated("t.changed_at")
    },
    PersonalTable {
        of: OF_REFERRAL,
        person: PATIENT,
        ..PersonalTable::new("sagas", &[], ["转诊的接收过程", "How your referrals were accepted"], "inpatient_record")
            .over(REFERRAL_OVER)
            .dated("t.started_at")
    },
    PersonalTable {
        of: OF_REFERRAL,
        person: PATIENT,
        key: "t.break_glass_id || '/' || t.referral_id",
        ..PersonalTable::new("glass_reads", &[], ["紧急查看", "What was read in an emergency"], "inpatient_record")
            .over(REFERRAL_OVER)
            .dated("t.first_read_at")
    },
];
