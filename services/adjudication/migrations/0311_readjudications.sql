-- A person's years are judged anew: one row per occasion, driven by domain/readjudication.rs.
CREATE TABLE readjudications (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT readjudications_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id     uuid        NOT NULL,
    from_year       integer     NOT NULL CONSTRAINT readjudications_from_year_check CHECK (from_year BETWEEN 2000 AND 2999),
    cause           text        NOT NULL CONSTRAINT readjudications_cause_check CHECK (
                        cause IN ('CORRECTION', 'LATE_CLAIM', 'REVERSAL', 'ENTITLEMENT')),
    state           text        NOT NULL CONSTRAINT readjudications_state_check CHECK (state IN ('RUNNING', 'COMPLETED', 'NEEDS_HUMAN')),
    traceparent     text        CONSTRAINT readjudications_traceparent_check CHECK (length(traceparent) <= 100),
    requested_at    timestamptz NOT NULL,
    deadline        timestamptz NOT NULL,
    corrected       integer     NOT NULL DEFAULT 0 CONSTRAINT readjudications_corrected_check CHECK (corrected >= 0),
    attempts        integer     NOT NULL DEFAULT 0 CONSTRAINT readjudications_attempts_check CHECK (attempts >= 0),
    last_refusal    text,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz,
    fence           bigint      NOT NULL DEFAULT 0,
    ended_at        timestamptz,
    CONSTRAINT readjudications_ended CHECK ((state = 'RUNNING') = (ended_at IS NULL))
);
CREATE INDEX readjudications_due ON readjudications (next_attempt_at) WHERE state = 'RUNNING';
-- How many are under way or stuck, and since when: told by every replica every few seconds.
CREATE INDEX readjudications_unfinished ON readjudications (state, requested_at) WHERE state IN ('RUNNING', 'NEEDS_HUMAN');
CREATE INDEX readjudications_resident ON readjudications (resident_id, requested_at);
CREATE INDEX readjudications_dated ON readjudications USING brin (requested_at);

COMMENT ON TABLE  readjudications              IS 'Saga rows. The only step is one transaction, so that a crash leaves either nothing or all of it.';
COMMENT ON COLUMN readjudications.from_year    IS 'The years from this one on are judged anew, claim by claim in the order of service.';
COMMENT ON COLUMN readjudications.corrected    IS 'Settlements that were replaced.';
COMMENT ON COLUMN readjudications.attempts     IS 'Setbacks in a row.';
COMMENT ON COLUMN readjudications.last_refusal IS 'Stable reason of the last setback.';
COMMENT ON COLUMN readjudications.lease_until  IS 'By the clock of the database. From then on anybody may take the row over.';
COMMENT ON COLUMN readjudications.fence        IS 'Raised whenever the row is taken; checked by every write of its holder.';

CALL protect_by_region('readjudications');
CALL audited('readjudications', apart => '{attempts,last_refusal,next_attempt_at,lease_until,fence}');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON readjudications FROM %I', service_role());
    -- The loop takes rows of all regions; what becomes of one is written in its region, as the service.
    EXECUTE format(
        'GRANT SELECT (id, region, resident_id, from_year, cause, state, attempts, traceparent, requested_at, deadline, next_attempt_at,
                       lease_until, fence),
               UPDATE (lease_until, fence) ON readjudications TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON readjudications TO %I USING (true)', worker_role());
END
$$;
