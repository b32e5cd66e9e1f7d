-- The capture saga: one row per attempt to capture a bill.
CREATE TABLE captures (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT captures_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    bill_id         uuid        NOT NULL REFERENCES bills (id),
    settlement_id   uuid        NOT NULL,
    state           text        NOT NULL CONSTRAINT captures_state_check CHECK (state IN (
                        'CONFIRMING', 'CONFIRMED', 'COMPLETED', 'COMPENSATED', 'NEEDS_HUMAN')),
    attempts        integer     NOT NULL DEFAULT 0 CONSTRAINT captures_attempts_check CHECK (attempts >= 0),
    last_refusal    text,
    mandate         jsonb       NOT NULL,
    traceparent     text,
    journey_id      uuid,
    begun_at        timestamptz NOT NULL,
    deadline        timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz,
    fence           bigint      NOT NULL DEFAULT 0,
    ended_at        timestamptz,
    CONSTRAINT captures_ended_check CHECK ((state IN ('COMPLETED', 'COMPENSATED', 'NEEDS_HUMAN')) = (ended_at IS NOT NULL))
);
-- One attempt at a time; one that waits for a person keeps others out.
CREATE UNIQUE INDEX captures_bill_key ON captures (bill_id) WHERE state IN ('CONFIRMING', 'CONFIRMED', 'COMPLETED', 'NEEDS_HUMAN');
CREATE INDEX captures_due ON captures (next_attempt_at) WHERE state IN ('CONFIRMING', 'CONFIRMED');

COMMENT ON TABLE  captures              IS 'Saga rows, driven by domain/capture.rs.';
COMMENT ON COLUMN captures.state        IS 'CONFIRMING: the intent; CONFIRMED: past the point of no return; COMPENSATED: the bill is AUTHORISED again.';
COMMENT ON COLUMN captures.attempts     IS 'Setbacks in a row.';
COMMENT ON COLUMN captures.last_refusal IS 'Stable reason of the last setback.';
COMMENT ON COLUMN captures.mandate      IS 'Who asked, as their token said (never the token): what follows is recorded in their name.';
COMMENT ON COLUMN captures.lease_until  IS 'By the clock of the database. From then on anybody may take the row over.';
COMMENT ON COLUMN captures.fence        IS 'Raised whenever the row is taken; checked by every write of its holder.';

CALL protect_by_region('captures');

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE ON captures FROM %I', service_role());
    -- The loop takes rows of all regions; what becomes of one is written in its region, as the service.
    EXECUTE format(
        'GRANT SELECT (id, region, bill_id, settlement_id, state, attempts, traceparent, journey_id, begun_at, deadline,
                       next_attempt_at, lease_until, fence),
               UPDATE (lease_until, fence) ON captures TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON captures TO %I USING (true)', worker_role());
END
$$;
