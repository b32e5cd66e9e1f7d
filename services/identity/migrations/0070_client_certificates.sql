-- Clients that prove themselves by their certificate alone (RFC 8705 §2), such as banks and hospitals.
ALTER TABLE clients ADD COLUMN certificate text
    CONSTRAINT clients_certificate_check CHECK (certificate ~ '^(client/[a-z0-9-]{1,64}|[A-Za-z0-9_-]{43})$');
ALTER TABLE clients ALTER COLUMN public_key_pem DROP NOT NULL;
ALTER TABLE clients ADD CONSTRAINT clients_proof_check CHECK (public_key_pem IS NOT NULL OR certificate IS NOT NULL);
CREATE UNIQUE INDEX clients_certificate ON clients (certificate);

COMMENT ON COLUMN clients.certificate IS
    'The certificate that proves it: client/<name> as the mesh''s CA names it, or the SHA-256 thumbprint of a partner''s own; null: none does.';
