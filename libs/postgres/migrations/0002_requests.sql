-- Writes answered once: a request repeated under its request_id gets the first successful answer.
CREATE TABLE requests (
    region       text        NOT NULL CONSTRAINT requests_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    subject      text        NOT NULL,
    actor        text        NOT NULL,
    organisation text        NOT NULL,
    method       text        NOT NULL,
    request_id   uuid        NOT NULL,
    body_digest  bytea       NOT NULL CONSTRAINT requests_body_digest_check CHECK (octet_length(body_digest) = 32),
    response     bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, request_id, method, actor, organisation)
);
CREATE INDEX requests_created_at ON requests (created_at);

COMMENT ON TABLE  requests              IS 'Idempotency keys and stored answers. Claimed and answered in the transaction of the effect; refusals leave no row.';
COMMENT ON COLUMN requests.subject      IS 'On whose behalf: resident:<uuid>, practitioner:<uuid>, client:<name>, service:<name>.';
COMMENT ON COLUMN requests.actor        IS 'Who acted, empty where the subject did.';
COMMENT ON COLUMN requests.organisation IS 'Organisation of the holder of the credential, empty where there is none.';
COMMENT ON COLUMN requests.method       IS 'Full gRPC method name without the leading slash.';
COMMENT ON COLUMN requests.body_digest  IS 'SHA-256 of the encoded request without request_id.';
COMMENT ON COLUMN requests.response     IS 'The encoded answer. Null only inside the transaction that claims the key.';

CALL protect_by_region('requests');

DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON requests FROM %I', service_role());
    EXECUTE format('GRANT UPDATE (response) ON requests TO %I', service_role());
    EXECUTE format('GRANT SELECT, DELETE ON requests TO %I', worker_role());
    EXECUTE format('CREATE POLICY all_regions ON requests TO %I USING (true)', worker_role());
END
$$;
