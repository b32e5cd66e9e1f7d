-- Why somebody's records were opened is told in a clinician's own words: sealed, as every free text about a person. Sealed columns cannot
-- be filled in SQL: this goes onto a table without openings.
ALTER TABLE break_glasses
    DROP COLUMN justification,
    ADD COLUMN justification_sealed bytea   NOT NULL,
    ADD COLUMN key_version          integer NOT NULL CONSTRAINT break_glasses_key_version_check CHECK (key_version > 0);

COMMENT ON COLUMN break_glasses.justification_sealed IS 'Why in the clinician''s words.';
COMMENT ON COLUMN break_glasses.key_version          IS 'Which data key of the region sealed the column of this row.';

CALL audited('break_glasses', sealed => '{justification_sealed}', apart => '{key_version}');
DO $$
BEGIN
    -- What was said cannot be changed; sealing it anew can.
    EXECUTE format('GRANT UPDATE (justification_sealed, key_version) ON break_glasses TO %I', service_role());
END
$$;
