-- What is looked for by person, and so by their referrals, when somebody is erased, exported or merged.
CREATE INDEX sagas_referral_id ON sagas (referral_id);
