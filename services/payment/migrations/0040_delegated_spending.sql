-- On whose word the resident's money is committed, and under which delegation; the ledger says so, too.

ALTER TABLE bills
    ADD COLUMN authorised_by text,
    ADD COLUMN delegation_id uuid;
CREATE INDEX bills_delegation ON bills (delegation_id) WHERE delegation_id IS NOT NULL AND state <> 'CANCELLED';

COMMENT ON COLUMN bills.authorised_by IS 'Who committed the shares last: the party that held the credential.';
COMMENT ON COLUMN bills.delegation_id IS 'The delegation under which; null where nobody acted for the resident.';

CREATE TABLE spending_delegations (
    delegation_id uuid PRIMARY KEY,
    region        text NOT NULL CONSTRAINT spending_delegations_region_check CHECK (region ~ '^[1-9][0-9]{5}$')
);

COMMENT ON TABLE spending_delegations IS 'One row per delegation with a highest amount. It is locked while what was committed under it is added up.';

CALL protect_by_region('spending_delegations');

ALTER TABLE transfers
    ADD COLUMN ordered_by    text,
    ADD COLUMN on_behalf_of  text,
    ADD COLUMN delegation_id uuid;

COMMENT ON COLUMN transfers.ordered_by   IS 'The party that held the credential; null where a bank''s word moved it.';
COMMENT ON COLUMN transfers.on_behalf_of IS 'The subject of that credential.';
