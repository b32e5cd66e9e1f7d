-- A claim is judged by the policy of the insured region and the catalogue of the region of care: read in every region, written in one.
CALL read_everywhere('policies');
CALL read_everywhere('catalogue_items');

-- A demonstration may be of no real region, where it judges nobody; then anybody may make it.
DO $$
BEGIN
    EXECUTE format(
        'CREATE POLICY demonstrations ON policies TO %I USING (demonstration AND region = ''990000'')', service_role());
END
$$;
