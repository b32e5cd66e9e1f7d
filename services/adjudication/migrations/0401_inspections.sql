-- Beside which other claims of the person a division was inspected: two that were made at once did not see each other, and the later
-- confirmation looks again.
CREATE TABLE inspections (
    settlement_id uuid        PRIMARY KEY REFERENCES settlements (id),
    region        text        NOT NULL CONSTRAINT inspections_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    looks_from    date        NOT NULL,
    beside        uuid[]      NOT NULL,
    inspected_at  timestamptz NOT NULL
);
CREATE INDEX inspections_dated ON inspections USING brin (inspected_at);

COMMENT ON TABLE  inspections            IS 'None where no rule looks at other claims.';
COMMENT ON COLUMN inspections.looks_from IS 'Claims for care that ended earlier are not looked at.';
COMMENT ON COLUMN inspections.beside     IS 'Ids of claims.';

CALL protect_by_region('inspections');
CALL audited('inspections');
