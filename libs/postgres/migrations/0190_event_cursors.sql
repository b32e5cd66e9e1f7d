-- Who follows the events told here, and how far. What every one of them has passed is removed once it is old enough.
CREATE TABLE event_cursors (
    consumer  text        PRIMARY KEY CONSTRAINT event_cursors_consumer_check CHECK (length(consumer) BETWEEN 1 AND 200),
    position  bigint      NOT NULL CONSTRAINT event_cursors_position_check CHECK (position >= 0),
    pulled_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  event_cursors           IS 'One row per consumer that ever pulled: other services'' and the city''s.';
COMMENT ON COLUMN event_cursors.consumer  IS 'client:<name>, service:<name> or, where a service has several, service:<name>/<purpose>.';
COMMENT ON COLUMN event_cursors.position  IS 'What the consumer itself said last that it has dealt with; never what was only sent to it.';
COMMENT ON COLUMN event_cursors.pulled_at IS 'When it last pulled, to the minute.';

ALTER TABLE chain_heads
    ADD COLUMN removed_position bigint NOT NULL DEFAULT 0 CONSTRAINT chain_heads_removed_position_check CHECK (removed_position >= 0),
    ADD COLUMN removed_until timestamptz;

COMMENT ON COLUMN chain_heads.removed_position IS 'Events up to here were kept long enough and removed; gapless from the next one on.';
COMMENT ON COLUMN chain_heads.removed_until    IS 'When the youngest of them happened; null: none was removed.';

-- Removes the first events, 5000 at most, that are older than `kept` and that every consumer has passed; answers how many. A consumer
-- silent for longer than `patience` is not waited for; null: every one is. Runs as the owner: nothing else removes an event. Whoever asks
-- cannot shorten the periods below 180 days and one day: they could take the feed away from those who follow it.
CREATE FUNCTION forget_events(kept interval, patience interval) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone   bigint;
    upto   bigint;
    latest timestamptz;
BEGIN
    kept := greatest(kept, interval '180 days');
    IF patience IS NOT NULL THEN
        patience := greatest(patience, interval '1 day');
    END IF;
    SELECT removed_position, least(position, removed_position + 5000) INTO STRICT gone, upto
    FROM chain_heads WHERE chain = 'events' FOR UPDATE;
    SELECT least(upto, min(position)) INTO upto
    FROM event_cursors WHERE patience IS NULL OR pulled_at > now() - patience;
    -- One that committed late may be older than those before it: it waits for them.
    SELECT least(upto, min(position) - 1) INTO upto
    FROM events WHERE position > gone AND position <= upto AND occurred_at > now() - kept;
    IF upto <= gone THEN
        RETURN 0;
    END IF;
    SELECT max(occurred_at) INTO latest FROM events WHERE position > gone AND position <= upto;
    DELETE FROM events WHERE position > gone AND position <= upto;
    UPDATE chain_heads SET removed_position = upto, removed_until = greatest(removed_until, latest) WHERE chain = 'events';
    RETURN upto - gone;
END
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON event_cursors FROM %I', service_role());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON event_cursors TO %I', worker_role());
    EXECUTE 'REVOKE EXECUTE ON FUNCTION forget_events(interval, interval) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION forget_events(interval, interval) TO %I', worker_role());
END
$$;
