-- Reserved places fall back to everybody at stated times before the visit, and every change of a pool is written down.

CREATE TABLE release_ladders (
    id              uuid        PRIMARY KEY,
    region          text        NOT NULL CONSTRAINT release_ladders_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    organisation_id uuid        NOT NULL,
    department_id   uuid,
    pools           text[]      NOT NULL,
    hours_before    integer[]   NOT NULL,
    keep_percents   integer[]   NOT NULL,
    set_by          text        NOT NULL,
    set_at          timestamptz NOT NULL,
    CONSTRAINT release_ladders_once UNIQUE NULLS NOT DISTINCT (organisation_id, department_id),
    CONSTRAINT release_ladders_steps_check CHECK (
        cardinality(pools) = cardinality(hours_before) AND cardinality(pools) = cardinality(keep_percents)),
    CONSTRAINT release_ladders_pools_check CHECK (
        pools <@ ARRAY['REFERRAL', 'FAMILY_DOCTOR', 'COMMUNITY_WORKER', 'PHONE_ELDERLY'])
);

COMMENT ON TABLE  release_ladders               IS 'When reserved places of a department fall back to PUBLIC; one step at each index.';
COMMENT ON COLUMN release_ladders.keep_percents IS 'From then on at most this share of the places first published in the pool stays in it, rounded up.';

-- What was published never changes; what there is now follows from it by moves.
ALTER TABLE slot_pools DROP CONSTRAINT slot_pools_places_check;
ALTER TABLE slot_pools ADD CONSTRAINT slot_pools_places_check CHECK (places BETWEEN 0 AND 500);
ALTER TABLE slot_pools ADD COLUMN published integer;
UPDATE slot_pools SET published = places;

CREATE FUNCTION keep_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.published := CASE TG_OP WHEN 'INSERT' THEN NEW.places ELSE OLD.published END;
    RETURN NEW;
END
$$;
CREATE TRIGGER slot_pools_keep_published BEFORE INSERT OR UPDATE OF published ON slot_pools FOR EACH ROW EXECUTE FUNCTION keep_published();

COMMENT ON COLUMN slot_pools.published IS 'Places when the slot was made.';

CREATE TABLE pool_moves (
    id        uuid        PRIMARY KEY,
    region    text        NOT NULL CONSTRAINT pool_moves_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    slot_id   uuid        NOT NULL CONSTRAINT pool_moves_slot_id_fkey REFERENCES slots,
    from_pool text,
    to_pool   text,
    places    integer     NOT NULL CONSTRAINT pool_moves_places_check CHECK (places > 0),
    reason    text        NOT NULL,
    moved_by  text        NOT NULL,
    moved_at  timestamptz NOT NULL,
    -- Only a provider who changes a session makes places, or takes them away.
    CONSTRAINT pool_moves_reason_check CHECK (CASE reason
        WHEN 'RELEASED'  THEN from_pool IS NOT NULL AND to_pool IS NOT NULL AND from_pool <> to_pool
        WHEN 'WITHDRAWN' THEN from_pool IS NOT NULL AND to_pool IS NULL
        WHEN 'ADDED'     THEN from_pool IS NULL AND to_pool IS NOT NULL
        ELSE false END)
);
CREATE INDEX pool_moves_by_slot ON pool_moves (slot_id);

COMMENT ON TABLE pool_moves IS 'Every change of how many places a pool of a slot has: who or what made it, when and why.';

CALL protect_by_region('release_ladders');
CALL protect_by_region('pool_moves');
CALL append_only('pool_moves');
CALL audited('release_ladders');
CALL audited('pool_moves');
CALL audited('slot_pools', apart => '{taken}');

-- Which places of a slot should have fallen back by then: what a pool has above what it may keep, but for what is given already.
CREATE FUNCTION due_releases(slot uuid, by_then timestamptz) RETURNS TABLE (pool text, places integer) LANGUAGE sql STABLE AS $$
    SELECT held.pool, held.places - greatest(held.taken, min((held.published * step.keep_percent + 99) / 100))
    FROM slots
    JOIN sessions ON sessions.id = slots.session_id
    JOIN release_ladders ladder ON ladder.organisation_id = sessions.organisation_id
        AND ladder.department_id IS NOT DISTINCT FROM sessions.department_id
    CROSS JOIN LATERAL unnest(ladder.pools, ladder.hours_before, ladder.keep_percents) AS step (pool, hours_before, keep_percent)
    JOIN slot_pools held ON held.slot_id = slots.id AND held.pool = step.pool
    WHERE slots.id = slot AND slots.withdrawn_at IS NULL
        AND slots.starts_at > by_then AND slots.starts_at <= by_then + step.hours_before * interval '1 hour'
    GROUP BY held.pool, held.places, held.taken
    HAVING held.places > greatest(held.taken, min((held.published * step.keep_percent + 99) / 100))
$$;

DO $$
BEGIN
    EXECUTE format('GRANT SELECT (region) ON release_ladders TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON release_ladders FOR SELECT TO %I USING (true)', worker_role());
END
$$;
