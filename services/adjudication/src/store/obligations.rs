/// SQL: what of the resident `$1` has to end before they are erased: a division that may still be confirmed, and years that are to be
/// judged anew.
pub const OPEN: &str = "\
    SELECT 'SETTLEMENT', id::text FROM settlements \
        WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'DIVIDED' AND lapses_at > now() \
    UNION ALL SELECT 'READJUDICATION', id::text FROM readjudications \
        WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'RUNNING'";
