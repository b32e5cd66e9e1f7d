-- Files of enrolments that were refused: cut off, touched, or none of ours. Nothing of them was taken in, or nothing more.
CREATE TABLE enrolment_import_refusals (
    id                       uuid        PRIMARY KEY,
    region                   text        NOT NULL CONSTRAINT enrolment_import_refusals_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    file_digest              bytea       NOT NULL CONSTRAINT enrolment_import_refusals_file_digest_check CHECK (octet_length(file_digest) = 32),
    reason                   text        NOT NULL CONSTRAINT enrolment_import_refusals_reason_check CHECK (reason ~ '^[A-Z][A-Z_]{0,99}$'),
    recorder_organisation_id uuid        NOT NULL,
    refused_at               timestamptz NOT NULL
);

COMMENT ON TABLE  enrolment_import_refusals                          IS 'Append-only. One row each time a file was refused; each has an audit entry that names it.';
COMMENT ON COLUMN enrolment_import_refusals.file_digest              IS 'SHA-256 of every byte there was.';
COMMENT ON COLUMN enrolment_import_refusals.recorder_organisation_id IS 'As whoever ran the import said; perhaps registered nowhere.';

CALL protect_by_region('enrolment_import_refusals');
CALL append_only('enrolment_import_refusals');
CALL audited('enrolment_import_refusals');
