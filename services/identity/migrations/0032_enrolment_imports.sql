-- Files of enrolments taken in. A file is known by its digest, so that the same file again changes nothing; what was done of it so
-- far is the batches, each written in the transaction of its enrolments.
CREATE TABLE enrolment_imports (
    id                       uuid        PRIMARY KEY,
    region                   text        NOT NULL CONSTRAINT enrolment_imports_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    file_digest              bytea       NOT NULL CONSTRAINT enrolment_imports_file_digest_check CHECK (octet_length(file_digest) = 32),
    unknown_persons          text        NOT NULL CONSTRAINT enrolment_imports_unknown_persons_check CHECK (unknown_persons IN ('REPORT', 'REGISTER')),
    row_count                bigint      NOT NULL CONSTRAINT enrolment_imports_row_count_check CHECK (row_count >= 0),
    recorder_organisation_id uuid        NOT NULL REFERENCES organisations (id),
    started_at               timestamptz NOT NULL,
    CONSTRAINT enrolment_imports_file_key UNIQUE (region, file_digest, unknown_persons)
);

COMMENT ON TABLE  enrolment_imports                 IS 'Append-only. Whether an import is done is told by the sum of its batches.';
COMMENT ON COLUMN enrolment_imports.file_digest     IS 'SHA-256 of the whole file.';
COMMENT ON COLUMN enrolment_imports.unknown_persons IS 'What is done with persons nobody has registered.';

CALL protect_by_region('enrolment_imports');
CALL append_only('enrolment_imports');
CALL audited('enrolment_imports');

CREATE TABLE enrolment_import_batches (
    import_id    uuid        NOT NULL REFERENCES enrolment_imports (id),
    region       text        NOT NULL CONSTRAINT enrolment_import_batches_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    number       bigint      NOT NULL CONSTRAINT enrolment_import_batches_number_check CHECK (number > 0),
    first_line   bigint      NOT NULL,
    next_line    bigint      NOT NULL,
    next_offset  bigint      NOT NULL,
    row_count    bigint      NOT NULL,
    recorded     bigint      NOT NULL,
    corrected    bigint      NOT NULL,
    unchanged    bigint      NOT NULL,
    rejected     bigint      NOT NULL,
    registered   bigint      NOT NULL,
    committed_at timestamptz NOT NULL,
    PRIMARY KEY (import_id, number),
    CONSTRAINT enrolment_import_batches_sum CHECK (row_count = recorded + corrected + unchanged + rejected)
);

COMMENT ON TABLE  enrolment_import_batches             IS 'Append-only. The last one is where an import goes on.';
COMMENT ON COLUMN enrolment_import_batches.next_offset IS 'Byte of the file at which the next batch begins.';

CALL protect_by_region('enrolment_import_batches');
CALL append_only('enrolment_import_batches');
CALL audited('enrolment_import_batches');

CREATE TABLE enrolment_import_rejections (
    import_id uuid   NOT NULL REFERENCES enrolment_imports (id),
    region    text   NOT NULL CONSTRAINT enrolment_import_rejections_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    line      bigint NOT NULL,
    reason    text   NOT NULL,
    field     text   NOT NULL,
    masked_id text   NOT NULL CONSTRAINT enrolment_import_rejections_masked_id_check CHECK (masked_id = '' OR masked_id ~ '\*'),
    PRIMARY KEY (import_id, line)
);

COMMENT ON TABLE enrolment_import_rejections IS 'Append-only. Which lines were not taken in, and why; never a whole number.';

CALL protect_by_region('enrolment_import_rejections');
CALL append_only('enrolment_import_rejections');

-- Where a batch is copied to before it is inserted. It belongs to whichever transaction has emptied it and is never seen filled by
-- another; so it says no region and needs no row security, which COPY does not go with.
CREATE UNLOGGED TABLE enrolment_staging (
    id                    uuid        NOT NULL,
    enrolment_id          uuid        NOT NULL,
    version               integer     NOT NULL,
    resident_id           uuid        NOT NULL,
    scheme                text        NOT NULL,
    insured_region        text        NOT NULL,
    layer                 text        NOT NULL,
    pays_in_order         smallint    NOT NULL,
    payer_organisation_id uuid,
    in_force_from         date        NOT NULL,
    in_force_until        date,
    retired_from          date,
    joined_on             date,
    waiting_waived_for    text        NOT NULL,
    correction_reason     text        NOT NULL,
    recorder_organisation_id uuid,
    recorded_at           timestamptz NOT NULL,
    superseded_at         timestamptz
);

COMMENT ON TABLE enrolment_staging IS 'Emptied, filled and read within one transaction of an import.';

DO $$
BEGIN
    EXECUTE format('GRANT TRUNCATE ON enrolment_staging TO %I', service_role());
END
$$;
