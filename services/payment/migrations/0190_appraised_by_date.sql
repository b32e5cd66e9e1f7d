-- What people appraise is only counted, decades later: the smallest index will do.
CREATE INDEX credit_lines_dated ON credit_lines USING brin (valid_until);
CREATE INDEX bills_dated        ON bills USING brin (opened_at);
CREATE INDEX receipts_dated     ON receipts USING brin (issued_at);
CREATE INDEX bank_orders_dated  ON bank_orders USING brin (created_at);
CREATE INDEX captures_dated     ON captures USING brin (ended_at);

-- Accounts go after an appraisal only, which is no work of the service; a bill that is not captured yet is divided anew.
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON credit_lines FROM %I', service_role());
END
$$;
