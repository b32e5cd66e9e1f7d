-- Blind indexes are digested as they stand: a swapped one would lead to another person. Data keys may be replaced without touching
-- them; whoever indexes rows under another index key writes entries of it.
CALL audited('residents', sealed => '{name_sealed,birth_date_sealed,sex_sealed,mobile_sealed,address_sealed}', apart => '{key_version}');
CALL audited('identifiers', sealed => '{number_sealed}', apart => '{key_version}');
-- Which lines of a file were not taken in, and why.
CALL audited('enrolment_import_rejections');
