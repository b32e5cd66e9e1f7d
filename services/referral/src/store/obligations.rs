/// SQL: what of the resident `$1` has to end before they are erased.
pub const OPEN: &str = "\
    SELECT 'REFERRAL', id::text FROM referrals WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND owner_id IS NOT NULL \
    UNION ALL SELECT 'ACCEPTANCE', sagas.id::text FROM sagas JOIN referrals ON referrals.id = sagas.referral_id \
        WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND sagas.state IN ('RUNNING', 'COMPENSATING')";
