-- How many acceptances are under way or stuck, and since when: told by every replica every few seconds.
CREATE INDEX sagas_unfinished ON sagas (state, started_at) WHERE state IN ('RUNNING', 'COMPENSATING', 'NEEDS_HUMAN');
DO $$
BEGIN
    EXECUTE format('GRANT SELECT (started_at) ON sagas TO %I', worker_role());
END
$$;
