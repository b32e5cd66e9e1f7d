-- Stored answers are sealed as personal data are. What was stored in clear before is forgotten: the natural keys of the rows
-- themselves outlive it.
DELETE FROM requests;
ALTER TABLE requests ADD COLUMN key_version integer CONSTRAINT requests_key_version_check CHECK (key_version > 0);
ALTER TABLE requests ADD CONSTRAINT requests_sealed_whole CHECK (num_nulls(response, key_version) IN (0, 2));

COMMENT ON COLUMN requests.response    IS 'The encoded answer, sealed: nonce and ciphertext. Null only inside the transaction that claims the key.';
COMMENT ON COLUMN requests.key_version IS 'Which data key of the region sealed it.';

DO $$
BEGIN
    EXECUTE format('GRANT UPDATE (key_version) ON requests TO %I', service_role());
END
$$;
