-- Alliances of providers. What organisations said of themselves so far was a name only: the alliance of a name is formed of those who
-- said it, and led by the one registered first.
CREATE TABLE alliances (
    id                   uuid        PRIMARY KEY,
    region               text        NOT NULL CONSTRAINT alliances_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    name                 text        NOT NULL CONSTRAINT alliances_name_check CHECK (length(name) BETWEEN 1 AND 100),
    kind                 text        NOT NULL CONSTRAINT alliances_kind_check CHECK (kind IN ('MEDICAL', 'COUNTY')),
    lead_organisation_id uuid        NOT NULL REFERENCES organisations (id),
    formed_at            timestamptz NOT NULL
);
CREATE INDEX alliances_name ON alliances (region, name, id);

COMMENT ON TABLE alliances IS 'Public knowledge, as organisations are.';

CREATE TABLE alliance_members (
    id              uuid PRIMARY KEY,
    region          text NOT NULL CONSTRAINT alliance_members_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    alliance_id     uuid NOT NULL REFERENCES alliances (id),
    organisation_id uuid NOT NULL REFERENCES organisations (id),
    member_from     date NOT NULL,
    member_until    date,
    CONSTRAINT alliance_members_order CHECK (member_until IS NULL OR member_until >= member_from)
);
CREATE INDEX alliance_members_alliance ON alliance_members (alliance_id, member_from);
CREATE INDEX alliance_members_organisation ON alliance_members (organisation_id, member_from);

COMMENT ON TABLE  alliance_members              IS 'Who was in which alliance when. In one a day: the organisation''s row is locked while that is checked.';
COMMENT ON COLUMN alliance_members.member_until IS 'Last day; null while it is a member.';

INSERT INTO alliances (id, region, name, kind, lead_organisation_id, formed_at)
SELECT DISTINCT ON (region, alliance) gen_random_uuid(), region, alliance, 'MEDICAL', id, registered_at
FROM organisations WHERE alliance <> '' ORDER BY region, alliance, registered_at, id;
INSERT INTO alliance_members (id, region, alliance_id, organisation_id, member_from)
SELECT gen_random_uuid(), organisations.region, alliances.id, organisations.id, (registered_at AT TIME ZONE 'Asia/Shanghai')::date
FROM organisations JOIN alliances ON alliances.region = organisations.region AND alliances.name = organisations.alliance;
ALTER TABLE organisations DROP COLUMN alliance;

CALL read_everywhere('alliances');
CALL read_everywhere('alliance_members');
CALL append_only('alliances');
CALL audited('alliances');
CALL audited('alliance_members');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON alliance_members FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (member_until) ON alliance_members TO %I', service_role());
END
$$;
