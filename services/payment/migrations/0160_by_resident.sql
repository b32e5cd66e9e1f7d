-- What is looked for by person when somebody is erased, exported or merged.
CREATE INDEX credit_lines_resident ON credit_lines (resident_id);
