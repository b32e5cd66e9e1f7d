-- Who cares for whom by law, on papers that somebody saw.
CREATE TABLE guardianships (
    id                      uuid        PRIMARY KEY,
    region                  text        NOT NULL CONSTRAINT guardianships_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    ward_id                 uuid        NOT NULL REFERENCES residents (id),
    guardian_id             uuid        NOT NULL REFERENCES residents (id),
    kind                    text        NOT NULL CONSTRAINT guardianships_kind_check CHECK (kind IN ('MINOR', 'INCAPACITY')),
    relation                text        NOT NULL
        CONSTRAINT guardianships_relation_check CHECK (relation IN ('PARENT', 'SPOUSE', 'CHILD', 'RELATIVE', 'APPOINTED')),
    papers                  text        NOT NULL CONSTRAINT guardianships_papers_check CHECK (length(papers) BETWEEN 1 AND 200),
    witness_organisation_id uuid        NOT NULL,
    from_day                date        NOT NULL,
    until_day               date,
    registered_at           timestamptz NOT NULL,
    ended_at                timestamptz,
    end_reason              text        CONSTRAINT guardianships_end_reason_check CHECK (length(end_reason) <= 200),
    CONSTRAINT guardianships_two CHECK (ward_id <> guardian_id),
    CONSTRAINT guardianships_order CHECK (until_day >= from_day),
    CONSTRAINT guardianships_minor_ends CHECK (kind <> 'MINOR' OR until_day IS NOT NULL),
    CONSTRAINT guardianships_ended_whole CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX guardianships_ward ON guardianships (ward_id, id DESC);
CREATE INDEX guardianships_guardian ON guardianships (guardian_id);

COMMENT ON TABLE  guardianships           IS 'One resident is another''s guardian. Nothing but its early end ever changes.';
COMMENT ON COLUMN guardianships.until_day IS 'Last day; of a minor''s at most the day before the eighteenth birthday.';
COMMENT ON COLUMN guardianships.papers    IS 'Kind and number of the papers seen.';

CALL protect_by_region('guardianships');
CALL audited('guardianships');

-- What ends with a guardianship.
CREATE TABLE guardianship_delegations (
    delegation_id   uuid PRIMARY KEY REFERENCES delegations (id),
    region          text NOT NULL CONSTRAINT guardianship_delegations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    guardianship_id uuid NOT NULL REFERENCES guardianships (id)
);
CREATE INDEX guardianship_delegations_guardianship ON guardianship_delegations (guardianship_id);

COMMENT ON TABLE guardianship_delegations IS 'Delegations that rest on a guardianship: the guardian''s own, and those the guardian granted for the ward.';

CALL protect_by_region('guardianship_delegations');
CALL append_only('guardianship_delegations');
CALL audited('guardianship_delegations');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON guardianships FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (ended_at, end_reason) ON guardianships TO %I', service_role());
END
$$;
