-- Groups that policies treat otherwise: students and children (学生儿童) are enrolled as such, and who is just above the line of low
-- income (低保边缘) is vulnerable, too.
ALTER TABLE enrolments
    ADD COLUMN student boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT enrolments_student_check CHECK (NOT student OR (scheme = 'RESIDENT' AND layer = 'BASIC'));
ALTER TABLE enrolment_staging ADD COLUMN student boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN enrolments.student IS 'Enrolled as a pupil, student or child.';

CALL audited('enrolments');

ALTER TABLE vulnerability_flags
    DROP CONSTRAINT vulnerability_flags_kind_check,
    ADD CONSTRAINT vulnerability_flags_kind_check CHECK (kind IN ('LOW_INCOME', 'DESTITUTE', 'BORDERLINE', 'DISABLED', 'MIGRANT'));
