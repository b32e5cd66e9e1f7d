-- Referrals, as the referral service tells of them: who sent a person where, and when. A visit cites one by its id alone.
CREATE TABLE referrals (
    referral_id              uuid        PRIMARY KEY,
    region                   text        NOT NULL CONSTRAINT referrals_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    resident_id              uuid        NOT NULL,
    referrer_organisation_id uuid        NOT NULL,
    target_organisation_id   uuid        NOT NULL,
    referred_at              timestamptz NOT NULL
);
CREATE INDEX referrals_resident ON referrals (resident_id);
CREATE INDEX referrals_dated ON referrals USING brin (referred_at);

COMMENT ON TABLE  referrals                          IS 'A copy; the referral service decides.';
COMMENT ON COLUMN referrals.referrer_organisation_id IS 'Provider that sent the person.';
COMMENT ON COLUMN referrals.target_organisation_id   IS 'Provider to which they were sent.';

CALL protect_by_region('referrals');
CALL append_only('referrals');
CALL audited('referrals');
