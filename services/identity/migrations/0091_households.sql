-- Who lives with whom, as of any day.
CREATE TABLE households (
    id                        uuid        PRIMARY KEY,
    region                    text        NOT NULL CONSTRAINT households_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    community_code            text        NOT NULL REFERENCES communities (code),
    registrar_organisation_id uuid,
    from_day                  date        NOT NULL,
    formed_at                 timestamptz NOT NULL,
    ended_with                date,
    ended_at                  timestamptz,
    end_reason                text        CONSTRAINT households_end_reason_check CHECK (length(end_reason) BETWEEN 1 AND 200),
    CONSTRAINT households_order CHECK (ended_with >= from_day),
    CONSTRAINT households_ended_whole CHECK (num_nulls(ended_with, ended_at, end_reason) IN (0, 3))
);

COMMENT ON TABLE  households            IS 'Nothing but its end ever changes: another head or another community is another household.';
COMMENT ON COLUMN households.ended_with IS 'Last day.';

CALL protect_by_region('households');
CALL audited('households');

CREATE TABLE household_members (
    id           uuid        PRIMARY KEY,
    region       text        NOT NULL CONSTRAINT household_members_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    household_id uuid        NOT NULL REFERENCES households (id),
    resident_id  uuid        NOT NULL REFERENCES residents (id),
    relation     text        NOT NULL CONSTRAINT household_members_relation_check CHECK (
        relation IN ('HEAD', 'SPOUSE', 'CHILD', 'PARENT', 'GRANDPARENT', 'GRANDCHILD', 'SIBLING', 'OTHER')),
    from_day     date        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    ended_with   date,
    ended_at     timestamptz,
    end_reason   text        CONSTRAINT household_members_end_reason_check CHECK (length(end_reason) BETWEEN 1 AND 200),
    CONSTRAINT household_members_order CHECK (ended_with >= from_day),
    CONSTRAINT household_members_ended_whole CHECK (num_nulls(ended_with, ended_at, end_reason) IN (0, 3))
);
-- Nobody belongs to two at once; days that are over are looked at under the resident's lock.
CREATE UNIQUE INDEX household_members_one_key ON household_members (resident_id) WHERE ended_with IS NULL;
CREATE UNIQUE INDEX household_members_head_key ON household_members (household_id) WHERE relation = 'HEAD';
CREATE INDEX household_members_household ON household_members (household_id, id);
CREATE INDEX household_members_resident ON household_members (resident_id, from_day);

COMMENT ON TABLE  household_members            IS 'Somebody belongs to a household, from a day until a day. Nothing but its end ever changes.';
COMMENT ON COLUMN household_members.relation   IS 'To the head.';
COMMENT ON COLUMN household_members.ended_with IS 'Last day; null while it lasts.';

CALL protect_by_region('household_members');
CALL audited('household_members');
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['households', 'household_members'] LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', kept, service_role());
        EXECUTE format('GRANT UPDATE (ended_with, ended_at, end_reason) ON %I TO %I', kept, service_role());
    END LOOP;
END
$$;
