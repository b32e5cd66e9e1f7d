-- What findings withhold of a claim's settlement, and what of it is cut for good: of each line the most that any finding takes, of the claim
-- as a whole the most that any takes, whichever is more, and never more than was billed. As `domain/inspection/money.rs` has it.
CREATE VIEW withheld_by_claim WITH (security_invoker = true) AS
    WITH by_line AS (
        SELECT settlement_id, line_number, max(withheld) AS withheld,
               coalesce(max(withheld) FILTER (WHERE state IN ('CUT', 'UPHELD')), 0) AS cut
        FROM findings GROUP BY settlement_id, line_number
    ), by_settlement AS (
        SELECT settlement_id,
               greatest(coalesce(sum(withheld) FILTER (WHERE line_number IS NOT NULL), 0),
                        coalesce(max(withheld) FILTER (WHERE line_number IS NULL), 0)) AS withheld,
               greatest(coalesce(sum(cut) FILTER (WHERE line_number IS NOT NULL), 0),
                        coalesce(max(cut) FILTER (WHERE line_number IS NULL), 0)) AS cut
        FROM by_line GROUP BY settlement_id
    )
    SELECT found.settlement_id, least(found.withheld, settlement.total) AS withheld, least(found.cut, settlement.total) AS cut
    FROM by_settlement found JOIN settlements settlement ON settlement.id = found.settlement_id;

COMMENT ON VIEW withheld_by_claim IS 'Per settlement with findings: withheld as things stand, and what of it is cut.';
CALL read_only('withheld_by_claim');
