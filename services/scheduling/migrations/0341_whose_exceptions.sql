-- Against whose calendar an exception stands, so that a provider can see those of its templates and doctors with its own.

ALTER TABLE calendar_exceptions ADD COLUMN organisation_id uuid;

UPDATE calendar_exceptions SET organisation_id = CASE scope
    WHEN 'ORGANISATION' THEN subject_id
    WHEN 'TEMPLATE' THEN (SELECT template.organisation_id FROM session_templates template WHERE template.id = subject_id)
    WHEN 'PRACTITIONER' THEN (
        SELECT worked.organisation_id FROM sessions worked WHERE worked.practitioner_id = subject_id ORDER BY worked.starts_at DESC LIMIT 1)
    END;

CREATE INDEX calendar_exceptions_by_organisation ON calendar_exceptions (organisation_id, id);

COMMENT ON COLUMN calendar_exceptions.organisation_id IS 'Whose calendar it is; null for the whole region.';

CALL audited('calendar_exceptions');
