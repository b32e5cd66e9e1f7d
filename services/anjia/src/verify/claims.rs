//! Claims (I7): what adjudication divided, confirmed and counted.

use super::check::{Check, In, Invariant::I7};

pub(super) const CHECKS: &[Check] = &[
    Check::rows(
        I7,
        "adjudication",
        "shares add up to the billed amount, to the fen",
        "SELECT id::text, format('total %s, shares %s; in scope %s, its shares %s; left to the person %s, of which funds take %s', \
             total, fully_own + first_self_pay + in_scope, in_scope, \
             deductible + pooled_fund + pooled_own + large_amount_fund + large_amount_own + beyond_cover, \
             deductible + pooled_own + large_amount_own + beyond_cover, critical_illness_fund + assistance_fund) \
         FROM settlements WHERE total <> fully_own + first_self_pay + in_scope \
             OR in_scope <> deductible + pooled_fund + pooled_own + large_amount_fund + large_amount_own + beyond_cover \
             OR critical_illness_fund + assistance_fund > deductible + pooled_own + large_amount_own + beyond_cover \
             OR pooled_fund + large_amount_fund + critical_illness_fund + assistance_fund \
                 <> (adjudication->'settlement'->>'fund_pay_sumamt')::numeric",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a settlement divides what the lines of its claim sum to",
        "SELECT settlement.id::text, format('divides %s, but the lines sum to %s', settlement.total, billed.amount) \
         FROM settlements settlement CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM claim_lines line \
             WHERE line.claim_id = settlement.claim_id AND line.claim_version = settlement.claim_version) billed \
         WHERE settlement.total <> billed.amount",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a claim version is adjudicated once, and its claim says by which settlement",
        "SELECT claim_id::text, format('version %s was adjudicated %s times', claim_version, count(*)) FROM settlements \
         GROUP BY claim_id, claim_version HAVING count(*) > 1 \
         UNION ALL \
         SELECT claim.id::text, 'names a settlement that is not of this version, person and total' FROM claims claim \
         WHERE NOT EXISTS (SELECT FROM settlements settlement WHERE settlement.id = claim.settlement_id \
             AND settlement.claim_id = claim.id AND settlement.claim_version = claim.version \
             AND settlement.resident_id = claim.resident_id AND settlement.total = claim.total)",
    ),
    Check::rows(
        I7,
        "adjudication",
        "one settlement of a claim is in force",
        "SELECT claim_id::text, format('%s settlements are confirmed', count(*)) FROM settlements \
         WHERE state = 'CONFIRMED' GROUP BY claim_id HAVING count(*) > 1",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a year's accumulators are the sum of what was confirmed",
        "SELECT concat_ws(' ', resident_id, year, scheme, kind), format('counted %s, confirmed %s', \
             coalesce(counted.sums, 'nothing'), coalesce(confirmed.sums, 'nothing')) \
         FROM (SELECT resident_id, year, scheme, kind, \
                   format('%s/%s/%s/%s in %s', in_scope, deductible, pooled_fund, large_amount_fund, stays) AS sums \
               FROM accumulators WHERE version > 0 \
                   AND (in_scope, deductible, pooled_fund, large_amount_fund, stays) IS DISTINCT FROM (0, 0, 0, 0, 0)) counted \
         FULL JOIN (SELECT resident_id, year, scheme, kind, format('%s/%s/%s/%s in %s', sum(in_scope), sum(deductible), \
                   sum(pooled_fund), sum(large_amount_fund), count(*)) AS sums FROM settlements \
               WHERE state = 'CONFIRMED' AND policy_id IS NOT NULL GROUP BY resident_id, year, scheme, kind) confirmed \
             USING (resident_id, year, scheme, kind) \
         WHERE counted.sums IS DISTINCT FROM confirmed.sums",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a correction is the difference to what it takes the place of, and a reversal all of it",
        "SELECT due.id::text, format('adjusted by %s, of which the funds %s; the difference is %s and %s', due.adjustment_total, \
             due.adjustment_fund, due.total - paid.total, due.fund - paid.fund) \
         FROM (SELECT *, (adjudication->'settlement'->>'fund_pay_sumamt')::numeric AS fund FROM settlements) due \
         JOIN (SELECT *, (adjudication->'settlement'->>'fund_pay_sumamt')::numeric AS fund FROM settlements) paid \
             ON paid.id = due.corrects \
         WHERE paid.state <> 'CORRECTED' OR paid.claim_id <> due.claim_id \
             OR due.state <> 'REVERSED' AND (due.adjustment_total IS DISTINCT FROM due.total - paid.total \
                 OR due.adjustment_fund IS DISTINCT FROM due.fund - paid.fund) \
         UNION ALL \
         SELECT id::text, format('gives back %s of %s', adjustment_total, total) FROM settlements \
         WHERE state = 'REVERSED' AND (adjustment_total IS DISTINCT FROM -total \
             OR adjustment_fund IS DISTINCT FROM -(adjudication->'settlement'->>'fund_pay_sumamt')::numeric)",
    ),
    Check::rows(
        I7,
        "adjudication",
        "regions owe one another what is settled and not taken back",
        "SELECT settlement.id::text, format('%s is owed for what is %s', owed.amount, settlement.state) FROM settlements settlement \
         JOIN (SELECT settlement_id, sum(amount) AS amount FROM clearing_entries GROUP BY settlement_id) owed \
             ON owed.settlement_id = settlement.id \
         WHERE owed.amount IS DISTINCT FROM CASE settlement.state \
             WHEN 'CONFIRMED' THEN (settlement.adjudication->'settlement'->>'fund_pay_sumamt')::numeric ELSE 0 END",
    ),
    Check::rows(
        I7,
        "adjudication",
        "what is explained is what is paid",
        "SELECT id::text, format('%s by the explanation, %s by the settlement', adjudication->'shares', ARRAY[total, fully_own, \
             first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, large_amount_own, beyond_cover, \
             critical_illness_fund, assistance_fund]) \
         FROM settlements WHERE EXISTS ( \
             SELECT FROM jsonb_each_text(to_jsonb(settlements)) AS paid (share, amount) \
             JOIN jsonb_each_text(adjudication->'shares') AS explained (share, amount) USING (share) \
             WHERE paid.amount::numeric <> explained.amount::numeric) \
             OR critical_illness_fund <> coalesce((adjudication->'shares'->>'critical_illness_fund')::numeric, 0) \
             OR assistance_fund <> coalesce((adjudication->'shares'->>'assistance_fund')::numeric, 0) \
             OR adjudication->'shares' IS NULL",
    ),
    Check::rows(
        I7,
        "adjudication",
        "the same input under the same policy gives the same answer",
        "SELECT min(id::text), format('%s answers to one input', count(DISTINCT adjudication)) FROM settlements \
         GROUP BY basis, policy_digest HAVING count(DISTINCT adjudication) > 1 \
         UNION ALL \
         SELECT min(id::text), format('%s prices for one input', count(DISTINCT price)) FROM quotes \
         GROUP BY basis, policy_digest, outcome HAVING count(DISTINCT price) > 1",
    ),
    Check::rows(
        I7,
        "adjudication",
        "a policy says what was released, and only released ones are applied",
        "SELECT id::text, 'its document is not what its digest says' FROM policies \
         WHERE digest <> encode(sha256(convert_to(document, 'UTF8')), 'hex') \
         UNION ALL \
         SELECT settlement.id::text, 'rests on a policy that was not released as such' FROM settlements settlement \
         WHERE settlement.policy_id IS NOT NULL AND NOT EXISTS (SELECT FROM policies policy \
             WHERE policy.id = settlement.policy_id AND policy.digest = settlement.policy_digest AND policy.state <> 'PROPOSED')",
    ),
    Check::matched(
        I7,
        "a claim cites a visit of its person",
        In(
            "adjudication",
            "SELECT id::text, concat_ws(' ', visit_id, resident_id, provider_organisation_id, journey_id), \
                 'cites no visit of this person, provider and journey' FROM claims",
        ),
        In("scheduling", "SELECT concat_ws(' ', id, resident_id, organisation_id, journey_id) FROM visits"),
    ),
];
