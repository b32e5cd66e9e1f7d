-- Where residents live, and which organisations look after them there.
CREATE TABLE communities (
    code             text        PRIMARY KEY CONSTRAINT communities_code_check CHECK (code ~ '^[1-9][0-9]{11}$'),
    region           text        NOT NULL CONSTRAINT communities_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    name             text        NOT NULL CONSTRAINT communities_name_check CHECK (length(name) BETWEEN 1 AND 100),
    street           text        NOT NULL CONSTRAINT communities_street_check CHECK (length(street) BETWEEN 1 AND 100),
    grid_cells       text[]      NOT NULL CONSTRAINT communities_grid_cells_check CHECK (cardinality(grid_cells) <= 500),
    organisation_ids uuid[]      NOT NULL CONSTRAINT communities_organisation_ids_check CHECK (cardinality(organisation_ids) <= 20),
    recorded_at      timestamptz NOT NULL
);

COMMENT ON TABLE  communities                  IS 'Communities by their twelve-digit code.';
COMMENT ON COLUMN communities.grid_cells       IS 'Cells that take residents.';
COMMENT ON COLUMN communities.organisation_ids IS 'Whose workers list the residents: committee, health centre.';

CALL protect_by_region('communities');
CALL audited('communities');

ALTER TABLE residents
    ADD COLUMN community_code   text  REFERENCES communities (code),
    ADD COLUMN grid_cell        text  CONSTRAINT residents_grid_cell_check CHECK (length(grid_cell) BETWEEN 1 AND 20),
    ADD COLUMN birth_year_index bytea NOT NULL CONSTRAINT residents_birth_year_index_check CHECK (octet_length(birth_year_index) = 32),
    ADD CONSTRAINT residents_cell_of_community CHECK (grid_cell IS NULL OR community_code IS NOT NULL);
CREATE INDEX residents_community ON residents (community_code, id) WHERE community_code IS NOT NULL;

COMMENT ON COLUMN residents.community_code   IS 'Community lived in; null if not said.';
COMMENT ON COLUMN residents.grid_cell        IS 'Cell of the community''s grid; null if not said.';
COMMENT ON COLUMN residents.birth_year_index IS 'HMAC-SHA-256 of the year of birth: the old of a community are listed without opening everybody''s row.';
