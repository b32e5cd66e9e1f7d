-- What insurance knows of the price of an item at most (限价), or of a bed for a day (床位费限额): in the catalogue, and with every line that
-- was judged by it.
ALTER TABLE catalogue_items
    ADD COLUMN price_limit_of text           CONSTRAINT catalogue_items_price_limit_of_check CHECK (price_limit_of IN ('ITEM', 'BED_DAY')),
    ADD COLUMN unit_price_max numeric(16, 4) CONSTRAINT catalogue_items_unit_price_max_check CHECK (unit_price_max >= 0),
    ADD CONSTRAINT catalogue_items_price_limit CHECK ((price_limit_of IS NULL) = (unit_price_max IS NULL));
ALTER TABLE claim_lines
    ADD COLUMN price_limit_of text           CONSTRAINT claim_lines_price_limit_of_check CHECK (price_limit_of IN ('ITEM', 'BED_DAY')),
    ADD COLUMN unit_price_max numeric(16, 4) CONSTRAINT claim_lines_unit_price_max_check CHECK (unit_price_max >= 0),
    ADD CONSTRAINT claim_lines_price_limit CHECK ((price_limit_of IS NULL) = (unit_price_max IS NULL));

COMMENT ON COLUMN catalogue_items.price_limit_of IS 'Of what there is a limit; null for none.';
COMMENT ON COLUMN catalogue_items.unit_price_max IS 'CNY a unit. What is above it is the person''s.';
COMMENT ON COLUMN claim_lines.price_limit_of     IS 'As the catalogue had it.';
COMMENT ON COLUMN claim_lines.unit_price_max     IS 'As the catalogue had it.';

CALL audited('catalogue_items');
CALL audited('claim_lines');
