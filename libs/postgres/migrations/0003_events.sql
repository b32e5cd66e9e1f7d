-- State changes told to others. Written in the transaction of the change, numbered after its commit by the sealer: a cursor
-- over positions therefore never skips a row that commits late.
CREATE TABLE events (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    region      text        NOT NULL CONSTRAINT events_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    kind        text        NOT NULL CONSTRAINT events_kind_check CHECK (kind ~ '^anjia(\.[a-z][a-z_]*){3}\.v[1-9][0-9]*$'),
    subject     text        NOT NULL CONSTRAINT events_subject_check CHECK (length(subject) BETWEEN 1 AND 100),
    data        jsonb       NOT NULL CONSTRAINT events_data_check CHECK (jsonb_typeof(data) = 'object'),
    traceparent text        CONSTRAINT events_traceparent_check CHECK (length(traceparent) <= 100),
    occurred_at timestamptz NOT NULL,
    position    bigint      CONSTRAINT events_position_check CHECK (position > 0),
    CONSTRAINT events_position_key UNIQUE (position)
);
CREATE INDEX events_unsealed ON events (sequence) WHERE position IS NULL;
CREATE INDEX events_subject ON events (subject, position);

COMMENT ON TABLE  events             IS 'Append-only. Pulled by position; carries ids, never clinical text or personal data.';
COMMENT ON COLUMN events.sequence    IS 'Order of insertion: what is written after another row was seen comes after it.';
COMMENT ON COLUMN events.kind        IS 'CloudEvents type: anjia.<service>.<resource>.<past tense>.v1.';
COMMENT ON COLUMN events.subject     IS 'Id of the resource it happened to.';
COMMENT ON COLUMN events.traceparent IS 'W3C trace context of the change.';
COMMENT ON COLUMN events.position    IS 'Gapless from 1, in order of sequence among committed rows; null until sealed.';

CALL protect_by_region('events');

DO $$
BEGIN
    -- The service can neither change an event nor choose its position.
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON events FROM %I', service_role());
    EXECUTE format('GRANT INSERT (id, region, kind, subject, data, traceparent, occurred_at) ON events TO %I', service_role());
    EXECUTE format('GRANT SELECT, UPDATE (position) ON events TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON events TO %I USING (true)', worker_role());
END
$$;
