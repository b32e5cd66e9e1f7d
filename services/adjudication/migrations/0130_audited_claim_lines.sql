-- What was billed, line by line.
CALL audited('claim_lines');
