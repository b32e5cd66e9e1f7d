-- Under which mandate a service opened a bill in the resident's name. A mandate holds credit once: what it allows is not taken twice.
ALTER TABLE bills ADD COLUMN mandate_id uuid;
CREATE UNIQUE INDEX bills_mandate_key ON bills (mandate_id) WHERE state <> 'CANCELLED' AND mandate_id IS NOT NULL;

COMMENT ON COLUMN bills.mandate_id IS 'Identity''s MandateService. Stays when the bill is re-based; null where nobody but people was at work.';

CALL audited('bills');
