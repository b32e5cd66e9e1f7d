-- Many rows with dates, for what goes through them by index.
CREATE TABLE diaries (
    id          uuid        PRIMARY KEY,
    region      text        NOT NULL,
    resident_id uuid        NOT NULL,
    written_at  timestamptz NOT NULL,
    follows     uuid        REFERENCES diaries (id)
);
CREATE INDEX diaries_dated ON diaries (region, written_at);
CREATE INDEX diaries_resident ON diaries (resident_id);
CREATE INDEX diaries_follows ON diaries (follows) WHERE follows IS NOT NULL;

CALL protect_by_region('diaries');
CALL audited('diaries');
DO $$
BEGIN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON diaries FROM %I', service_role());
END
$$;
