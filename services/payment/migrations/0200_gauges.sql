-- How many captures are under way or stuck, which orders banks have not answered, and since when: told by every replica every few
-- seconds.
CREATE INDEX captures_unfinished ON captures (state, begun_at) WHERE state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN');
CREATE INDEX bank_orders_unanswered ON bank_orders (state, created_at) WHERE state IN ('INTENT', 'SENT', 'UNKNOWN');
DO $$
BEGIN
    EXECUTE format('GRANT SELECT (id, region, state, created_at) ON bank_orders TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON bank_orders FOR SELECT TO %I USING (true)', worker_role());
END
$$;
