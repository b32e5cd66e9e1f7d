-- Accumulators follow from settlements (I7).
CALL audited('policies');
CALL audited('catalogue_items');
CALL audited('quotes');
CALL audited('claims');
CALL audited('settlements');
