-- CALL read_everywhere('organisations'): public knowledge. Every region reads it, and writes its own rows only. Needs a column
-- `region text NOT NULL`.
CREATE PROCEDURE read_everywhere(public_table regclass) LANGUAGE plpgsql AS $$
BEGIN
    CALL protect_by_region(public_table);
    EXECUTE format('CREATE POLICY every_region_reads ON %s FOR SELECT TO %I USING (true)', public_table, service_role());
END
$$;
