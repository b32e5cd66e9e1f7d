-- How far the sealing anew of a region's rows is, so that whoever was interrupted goes on from there.
CREATE TABLE key_rotations (
    region      text        NOT NULL CONSTRAINT key_rotations_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    version     integer     NOT NULL,
    table_name  text        NOT NULL,
    after       text,
    sealed_anew bigint      NOT NULL DEFAULT 0 CONSTRAINT key_rotations_sealed_anew_check CHECK (sealed_anew >= 0),
    moved_at    timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (region, version, table_name),
    FOREIGN KEY (region, version) REFERENCES data_keys
);

COMMENT ON TABLE  key_rotations         IS 'One row to a rotation and table. Names rows by id only.';
COMMENT ON COLUMN key_rotations.version IS 'The data key under which rows are sealed anew.';
COMMENT ON COLUMN key_rotations.after   IS 'The last row done; null at the start.';

CALL protect_by_region('key_rotations');
