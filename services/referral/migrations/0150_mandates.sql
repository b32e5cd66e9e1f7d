-- The mandate as identity recorded it at submission; the acceptance cites it, and does nothing in the resident's name without.
ALTER TABLE referrals ADD COLUMN mandate_id uuid CONSTRAINT referrals_mandate_key UNIQUE;

COMMENT ON COLUMN referrals.mandate_id IS 'Identity''s MandateService; null in referrals from before mandates were recorded, which cannot be accepted.';

CALL audited('referrals', sealed => '{diagnoses_sealed,clinical_summary_sealed,return_advice_sealed}', apart => '{key_version}');
