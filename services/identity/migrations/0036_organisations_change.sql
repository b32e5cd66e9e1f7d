-- Organisations change, and have several places.
ALTER TABLE organisations
    ADD COLUMN revision integer NOT NULL DEFAULT 1 CONSTRAINT organisations_revision_check CHECK (revision > 0),
    ADD COLUMN campuses jsonb   NOT NULL DEFAULT '[]' CONSTRAINT organisations_campuses_check CHECK (jsonb_typeof(campuses) = 'array');
ALTER TABLE organisations ALTER COLUMN revision DROP DEFAULT, ALTER COLUMN campuses DROP DEFAULT;

COMMENT ON COLUMN organisations.revision IS 'Rises by one with each change.';
COMMENT ON COLUMN organisations.campuses IS 'Further places: [{name, region_code, latitude, longitude}].';
