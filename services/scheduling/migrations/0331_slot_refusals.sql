-- How many asked for a place that was taken: demand that no appointment shows. Counts about nobody, kept near enough: each replica adds
-- what it counted every few seconds, and what it had not added is gone with it.

CREATE TABLE slot_refusals (
    slot_id uuid    PRIMARY KEY CONSTRAINT slot_refusals_slot_id_fkey REFERENCES slots,
    region  text    NOT NULL CONSTRAINT slot_refusals_region_check CHECK (region ~ '^[1-9][0-9]{5}$'),
    refused integer NOT NULL CONSTRAINT slot_refusals_refused_check CHECK (refused > 0)
);

COMMENT ON TABLE  slot_refusals         IS 'How many asked for a place of a slot when it was taken.';
COMMENT ON COLUMN slot_refusals.refused IS 'Persons, each counted once in a few seconds and replica.';

CALL protect_by_region('slot_refusals');

-- Where statistics of a provider begin.
CREATE INDEX visits_by_organisation ON visits (organisation_id, opened_at);
CREATE INDEX queue_tickets_by_organisation ON queue_tickets (organisation_id, joined_at);
CREATE INDEX wait_list_entries_by_organisation ON wait_list_entries (organisation_id, since);

DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON slot_refusals FROM %I', service_role());
END
$$;
