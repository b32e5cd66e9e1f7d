-- What was read while the glass was broken.

CREATE TABLE glass_reads (
    break_glass_id uuid        NOT NULL,
    referral_id    uuid        NOT NULL REFERENCES referrals (id),
    region         text        NOT NULL CONSTRAINT glass_reads_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    first_read_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (break_glass_id, referral_id)
);

COMMENT ON TABLE glass_reads IS 'Append-only. Named by the audit entry of every look under identity''s break_glass_id, with who looked and when.';

CALL protect_by_region('glass_reads');
CALL append_only('glass_reads');
CALL audited('glass_reads');
