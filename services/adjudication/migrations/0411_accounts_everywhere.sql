-- A personal account pays wherever its holder, or one of the family, is cared for. Accounts stay hidden from other regions. These functions
-- run as the owner, and the service alone calls them: they tell what may pay for a person to whoever is in a region and names the person, and
-- move an account by no more than a settlement of the region draws on it. That it is moved once is kept by account_entries, which the
-- transaction that moves it writes, in its own region (`account_entries_once`).

-- The accounts that may pay for a person on a day: whose, and by whose share.
CREATE FUNCTION may_pay(person uuid, day date) RETURNS TABLE (holder uuid, is_own boolean, shared_at timestamptz) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids uuid[] := one_person(person);
BEGIN
    IF coalesce(current_setting('anjia.region', true), '') = '' THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT id, true, NULL::timestamptz FROM unnest(ids) AS id
        UNION ALL
        SELECT share.resident_id, false, min(share.shared_at) FROM account_shares share
            WHERE share.member_resident_id = ANY (ids) AND share.resident_id <> ALL (ids) AND (share.until IS NULL OR share.until >= day)
            GROUP BY share.resident_id;
END
$$;

-- Locks them until the end of the transaction. False if there are none.
CREATE FUNCTION lock_purses(person uuid, day date) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    holders uuid[] := ARRAY(SELECT holder FROM may_pay(person, day));
BEGIN
    PERFORM FROM personal_accounts account WHERE account.resident_id = ANY (holders) ORDER BY account.resident_id FOR UPDATE;
    RETURN FOUND;
END
$$;

-- The same, less what divisions of any region that may still be confirmed have been promised.
CREATE FUNCTION purses(person uuid, day date, as_of timestamptz) RETURNS TABLE (holder uuid, is_own boolean, free numeric) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT payer.holder, payer.is_own, held.balance
            - coalesce((SELECT sum(promised.account) FROM settlements promised WHERE promised.account_of = payer.holder
                AND promised.account > 0 AND promised.state = 'DIVIDED' AND promised.lapses_at > as_of), 0)
            - coalesce((SELECT sum(promised.mutual_aid) FROM settlements promised WHERE promised.mutual_aid_of = payer.holder
                AND promised.mutual_aid > 0 AND promised.state = 'DIVIDED' AND promised.lapses_at > as_of), 0)
        FROM may_pay(person, day) payer JOIN personal_accounts held ON held.resident_id = payer.holder
        ORDER BY payer.is_own DESC, payer.shared_at, payer.holder;
END
$$;

-- Locks accounts in the order of their ids, and tells nothing of them.
CREATE FUNCTION lock_accounts(holders uuid[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM personal_accounts account WHERE account.resident_id = ANY (holders)
        AND current_setting('anjia.region', true) <> '' ORDER BY account.resident_id FOR UPDATE;
END
$$;

-- Moves an account by no more than a settlement of this region draws on it: one that is in force takes, one that was ended gives back. False
-- otherwise, or where the account does not hold as much.
CREATE FUNCTION move_account(of_holder uuid, by_settlement uuid, moved numeric, as_of timestamptz) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlements drawing
        WHERE drawing.id = by_settlement AND drawing.region = current_setting('anjia.region', true)
            AND (drawing.state = 'CONFIRMED' AND moved < 0 OR drawing.state IN ('REVERSED', 'CORRECTED') AND moved > 0)
            AND (drawing.account_of = of_holder AND drawing.account >= abs(moved)
                OR drawing.mutual_aid_of = of_holder AND drawing.mutual_aid >= abs(moved))) THEN
        RETURN false;
    END IF;
    UPDATE personal_accounts account SET balance = account.balance + moved, moved_at = as_of
        WHERE account.resident_id = of_holder AND account.balance + moved >= 0;
    RETURN FOUND;
END
$$;

DO $$
DECLARE
    told text := 'lock_purses(uuid, date), purses(uuid, date, timestamptz), lock_accounts(uuid[]), move_account(uuid, uuid, numeric, timestamptz)';
BEGIN
    EXECUTE format('REVOKE EXECUTE ON FUNCTION may_pay(uuid, date), %s FROM PUBLIC', told);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', told, service_role());
    -- An entry is of the region that booked it. Where the account is, it is seen, too, and cannot be written.
    EXECUTE format(
        'CREATE POLICY accounts_region ON account_entries FOR SELECT TO %I USING (EXISTS (SELECT FROM personal_accounts account
             WHERE account.resident_id = account_entries.resident_id AND account.region = current_setting(''anjia.region'', true)))',
        service_role());
END
$$;
