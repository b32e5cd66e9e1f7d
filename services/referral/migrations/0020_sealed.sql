-- What a referral says about a person's health is sealed. Sealed columns cannot be filled in SQL: this goes onto a table without
-- referrals.
ALTER TABLE referrals
    DROP COLUMN diagnoses,
    DROP COLUMN clinical_summary,
    DROP COLUMN return_advice,
    ADD COLUMN diagnoses_sealed        bytea   NOT NULL,
    ADD COLUMN clinical_summary_sealed bytea   NOT NULL,
    ADD COLUMN return_advice_sealed    bytea,
    ADD COLUMN key_version             integer NOT NULL CONSTRAINT referrals_key_version_check CHECK (key_version > 0),
    ADD CONSTRAINT referrals_returned_whole CHECK ((state = 'RETURNED') = (return_reason IS NOT NULL AND return_advice_sealed IS NOT NULL));

COMMENT ON COLUMN referrals.diagnoses_sealed        IS 'JSON: [{code, name}], ICD-10 of the medical-insurance edition, principal first.';
COMMENT ON COLUMN referrals.clinical_summary_sealed IS 'Clinical text.';
COMMENT ON COLUMN referrals.return_advice_sealed    IS 'Clinical text.';
COMMENT ON COLUMN referrals.key_version             IS 'Which data key of the region sealed the columns of this row.';
