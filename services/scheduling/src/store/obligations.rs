/// SQL: what of the resident `$1` has to end before they are erased. An appointment that nobody kept counts for as long as it may still
/// be said that they came.
pub const OPEN: &str = "\
    SELECT 'APPOINTMENT', id::text FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
        AND (state IN ('HELD', 'DISPLACED') OR state = 'CONFIRMED' AND ends_at > now() - interval '72 hours') \
    UNION ALL SELECT 'VISIT', id::text FROM visits WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'OPEN'";
