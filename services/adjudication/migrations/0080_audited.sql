-- Accumulators follow from settlements (I7).
CALL audited('policies');
CALL audited('catalogue_items');
CALL audited('quotes');
CALL audited('claims', sealed => '{diagnoses_sealed}', apart => '{key_version}');
CALL audited('settlements');
