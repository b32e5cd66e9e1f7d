-- What a claim says about a person's health is sealed. Sealed columns cannot be filled in SQL: this goes onto a table without claims.
ALTER TABLE claims
    DROP COLUMN diagnoses,
    ADD COLUMN diagnoses_sealed bytea   NOT NULL,
    ADD COLUMN key_version      integer NOT NULL CONSTRAINT claims_key_version_check CHECK (key_version > 0);

COMMENT ON COLUMN claims.diagnoses_sealed IS 'JSON: [{icd10_code, name}], the name as the clinician wrote it.';
COMMENT ON COLUMN claims.key_version      IS 'Which data key of the region sealed the columns of this row.';
