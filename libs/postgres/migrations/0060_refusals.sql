-- Calls that were refused for who called, counted: what a curious clerk or a stolen credential leaves behind.
CREATE TABLE refusals (
    id          uuid        PRIMARY KEY,
    region      text        NOT NULL CONSTRAINT refusals_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    actor       text,
    method      text        NOT NULL CONSTRAINT refusals_method_check CHECK (length(method) BETWEEN 1 AND 200),
    reason      text        NOT NULL CONSTRAINT refusals_reason_check CHECK (reason ~ '^[A-Z][A-Z0-9_]{0,99}$'),
    times       bigint      NOT NULL CONSTRAINT refusals_times_check CHECK (times > 0),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refusals_recorded_at ON refusals (recorded_at);
CREATE INDEX refusals_actor ON refusals (actor, recorded_at) WHERE actor IS NOT NULL;

COMMENT ON TABLE  refusals             IS 'Append-only. Refusals that were alike, of about one second; each row has an audit entry that names it.';
COMMENT ON COLUMN refusals.actor       IS 'Who held the credential; null where the token was not good and nobody is known.';
COMMENT ON COLUMN refusals.method      IS 'Full gRPC method name without the leading slash.';
COMMENT ON COLUMN refusals.reason      IS 'Why, as the caller was told; OUTSIDE_SCOPE also where the caller was told that there is no such row.';
COMMENT ON COLUMN refusals.times       IS 'How many were alike.';
COMMENT ON COLUMN refusals.recorded_at IS 'At most a second after the last of them, unless the database was away.';

CALL protect_by_region('refusals');
CALL append_only('refusals');
CALL audited('refusals');
