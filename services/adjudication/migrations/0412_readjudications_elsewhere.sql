-- What changes a person's year in one region is to be judged anew in every region where they were cared for: whoever changed it asks, and
-- each region judges its own claims.
ALTER TABLE readjudications
    ADD COLUMN asked_in text CONSTRAINT readjudications_asked_in_check CHECK (asked_in ~ '^[1-9][0-9]{5}$');
UPDATE readjudications SET asked_in = region;

COMMENT ON COLUMN readjudications.region   IS 'Whose claims are judged.';
COMMENT ON COLUMN readjudications.asked_in IS 'Where that became necessary: this region wrote the row.';

CALL audited('readjudications', apart => '{attempts,last_refusal,next_attempt_at,lease_until,fence}');

-- Who asks another region sees what they asked, and can change nothing of it.
DO $$
BEGIN
    EXECUTE format(
        'CREATE POLICY asked_elsewhere ON readjudications FOR INSERT TO %I WITH CHECK (asked_in = current_setting(''anjia.region'', true))',
        service_role());
    EXECUTE format(
        'CREATE POLICY asked_of_another ON readjudications FOR SELECT TO %I USING (asked_in = current_setting(''anjia.region'', true))',
        service_role());
END
$$;
