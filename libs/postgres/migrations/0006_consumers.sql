-- What this service has taken in from others. The cursor moves in the transaction of the effect: it is the inbox.
CREATE TABLE cursors (
    source   text        PRIMARY KEY,
    position bigint      NOT NULL DEFAULT 0 CONSTRAINT cursors_position_check CHECK (position >= 0),
    failures integer     NOT NULL DEFAULT 0 CONSTRAINT cursors_failures_check CHECK (failures >= 0),
    moved_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  cursors          IS 'One row per consumer: the last position of its source that has taken effect here.';
COMMENT ON COLUMN cursors.source   IS 'The consumer, named after the service it pulls from.';
COMMENT ON COLUMN cursors.failures IS 'How often the event after this position was refused in a row.';

CREATE TABLE parked_events (
    source     text        NOT NULL,
    position   bigint      NOT NULL,
    region     text        NOT NULL CONSTRAINT parked_events_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    subject    text        NOT NULL,
    event      jsonb       NOT NULL,
    cause      text        NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, position)
);
CREATE INDEX parked_events_subject ON parked_events (source, subject);

COMMENT ON TABLE  parked_events         IS 'Events refused five times, and later ones of the same subject, kept for a person to look at while the others go on.';
COMMENT ON COLUMN parked_events.subject IS 'While a subject has a row here, its later events are parked too: they must not overtake.';
COMMENT ON COLUMN parked_events.event   IS 'The whole event, so that it can be handled again without its source.';
COMMENT ON COLUMN parked_events.cause   IS 'What the handler said last, or that an earlier event of the subject is parked.';

CALL protect_by_region('parked_events');

DO $$
BEGIN
    EXECUTE format('REVOKE INSERT, DELETE ON cursors FROM %I', service_role());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON cursors TO %I', worker_role());
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON parked_events FROM %I', service_role());
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON parked_events TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON parked_events TO %I USING (true)', worker_role());
END
$$;
