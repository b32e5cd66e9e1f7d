/// SQL: what of the resident `$1` has to end before they are erased: bills, what a bank has not answered, credit drawn on a line that is
/// still in force, and what is owed to a provider, or to
/// them.
pub const OPEN: &str = "\
    SELECT 'BILL', id::text FROM bills WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state IN ('AUTHORISED', 'CAPTURING', 'CAPTURED') \
    UNION ALL SELECT 'BANK_ORDER', bank_orders.id::text FROM bank_orders JOIN bills ON bills.id = bank_orders.bill_id \
        WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND bank_orders.state IN ('INTENT', 'SENT', 'UNKNOWN') \
    UNION ALL SELECT 'CREDIT', id::text FROM credit_lines \
        WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND (held > 0 OR used > 0 AND valid_until > now()) \
    UNION ALL SELECT 'ARREARS', id::text FROM account_balances \
        WHERE kind = 'ARREARS' AND holder = ANY (one_person($1)::text[]) AND balance <> 0 \
    UNION ALL SELECT 'REFUND', id::text FROM account_balances \
        WHERE kind = 'RESIDENT_REFUNDABLE' AND holder = ANY (one_person($1)::text[]) AND balance <> 0";
