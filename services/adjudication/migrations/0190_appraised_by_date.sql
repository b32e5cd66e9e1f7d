-- What people appraise is only counted, decades later: the smallest index will do.
CREATE INDEX quotes_dated       ON quotes USING brin (quoted_at);
CREATE INDEX claims_dated       ON claims USING brin (received_at);
CREATE INDEX claim_lines_dated  ON claim_lines USING brin (on_date);
CREATE INDEX settlements_dated  ON settlements USING brin (divided_at);
CREATE INDEX accumulators_dated ON accumulators USING brin (make_date(year, 12, 31));

-- Accounts go after an appraisal only, which is no work of the service.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON quotes, claims, claim_lines, settlements, accumulators FROM %I', service_role());
END
$$;
