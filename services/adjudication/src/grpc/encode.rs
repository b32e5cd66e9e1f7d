//! To the wire.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::convert::{to_care_kind, to_date, to_money, to_scheme, to_timestamp};
use types::money::Ratio;

use crate::domain::adjustment::Adjustment;
use crate::domain::change::{Cause, Reason};
use crate::domain::circumstances::YearTotals;
use crate::domain::claim::{BilledLine, Claim, Item};
use crate::domain::document::{State as PolicyState, Version};
use crate::domain::drift::Drift;
use crate::domain::engine::Adjudication;
use crate::domain::explanation::Step;
use crate::domain::input::Accumulators;
use crate::domain::line::{Class, PriceLimit, Priced};
use crate::domain::localized::Localized;
use crate::domain::policy::Policy;
use crate::domain::quote::{Price, Quote};
use crate::domain::remote_care::RemoteCare;
use crate::domain::settlement::{Settlement, State};
use crate::domain::shares::Shares;

pub(super) fn policy(version: &Version<Policy>) -> wire::Policy {
    let policy = &version.content;
    let release = version.released();
    wire::Policy {
        policy_id: version.id.to_string(),
        region_code: policy.region.to_string(),
        scheme: to_scheme(policy.scheme),
        name: Some(localized(&policy.name)),
        effective_from: Some(to_date(policy.effective_from)),
        effective_until: policy.effective_to.map(to_date),
        document_json: version.text.clone(),
        digest: version.digest.clone(),
        state: match version.state {
            PolicyState::Proposed => wire::PolicyState::Proposed,
            PolicyState::Released(_) => wire::PolicyState::Released,
            PolicyState::Superseded(_) => wire::PolicyState::Superseded,
        }
        .into(),
        proposed_by: version.proposed_by.to_string(),
        released_by: release.map(|release| release.by.to_string()).unwrap_or_default(),
        released_at: release.map(|release| to_timestamp(release.at)),
        demonstration: policy.demonstration,
    }
}

pub(super) fn catalogue_item(code: &str, item: &Item) -> wire::CatalogueItem {
    let (class, ratio) = match item.class {
        Class::A => (common::CatalogueClass::A, String::new()),
        Class::B { first_self_pay } => (common::CatalogueClass::B, first_self_pay.decimal().to_string()),
        Class::C => (common::CatalogueClass::C, String::new()),
    };
    wire::CatalogueItem {
        item_code: code.to_owned(),
        name: item.name.clone(),
        catalogue_class: class.into(),
        first_self_pay_ratio: ratio,
        price_limit: item.price_limit.map(price_limit),
    }
}

fn price_limit(limit: PriceLimit) -> wire::PriceLimit {
    let of = match limit.of {
        Priced::Item => wire::PricedUnit::Item,
        Priced::BedDay => wire::PricedUnit::BedDay,
    };
    wire::PriceLimit { of: of.into(), unit_price_max: limit.unit_price_max.normalize().to_string() }
}

pub(super) fn quote(quote: &Quote) -> wire::Quote {
    let policy = quote.price.policy();
    wire::Quote {
        quote_id: quote.id.to_string(),
        resident_id: quote.resident.to_string(),
        provider_organisation_id: quote.provider.to_string(),
        kind: to_care_kind(quote.kind),
        on: Some(to_date(quote.on)),
        outcome: match quote.price {
            Price::Priced { .. } => wire::QuoteOutcome::Priced,
            Price::NotEnrolled { .. } => wire::QuoteOutcome::NotEnrolled,
            Price::NotDesignated { .. } => wire::QuoteOutcome::NotDesignated,
            Price::NoPolicy { .. } => wire::QuoteOutcome::NoPolicy,
        }
        .into(),
        division: quote.priced().map(|priced| division(&priced.shares)),
        explanation: quote.explanation().iter().map(step).collect(),
        policy_id: policy.map(|(id, _)| id.to_string()).unwrap_or_default(),
        policy_digest: policy.map(|(_, digest)| digest.to_owned()).unwrap_or_default(),
        referral_id: quote.referral.map(|id| id.to_string()).unwrap_or_default(),
        appointment_id: quote.appointment.map(|id| id.to_string()).unwrap_or_default(),
        journey_id: quote.journey.map(|id| id.to_string()).unwrap_or_default(),
        quoted_at: Some(to_timestamp(quote.quoted_at)),
    }
}

pub(super) fn claim(claim: &Claim) -> wire::Claim {
    wire::Claim {
        claim_id: claim.id.to_string(),
        version: claim.version,
        visit_id: claim.visit.to_string(),
        resident_id: claim.resident.to_string(),
        provider_organisation_id: claim.provider.to_string(),
        kind: to_care_kind(claim.kind),
        care_region_code: claim.care_region.to_string(),
        insured_region_code: claim.insured_region.map(|region| region.to_string()).unwrap_or_default(),
        from: Some(to_date(claim.from)),
        until: Some(to_date(claim.until)),
        diagnoses: claim
            .diagnoses
            .iter()
            .map(|diagnosis| common::Diagnosis {
                icd10_code: diagnosis.icd10_code.clone(),
                name: diagnosis.name.expose().clone(),
            })
            .collect(),
        lines: claim.lines.iter().map(line).collect(),
        total: Some(to_money(claim.total)),
        referral_id: claim.referral.map(|id| id.to_string()).unwrap_or_default(),
        journey_id: claim.journey.to_string(),
        settlement_id: claim.settlement.to_string(),
        received_at: Some(to_timestamp(claim.received_at)),
    }
}

pub(super) fn line(line: &BilledLine) -> wire::ClaimLine {
    wire::ClaimLine {
        item_code: line.item_code.clone(),
        quantity: line.quantity.normalize().to_string(),
        unit_price: line.unit_price.normalize().to_string(),
        amount: Some(to_money(line.amount)),
        on: Some(to_date(line.on)),
    }
}

pub(super) fn settlement(settlement: &Settlement) -> wire::Settlement {
    let adjudication = &settlement.adjudication;
    let cover = settlement.cover.as_ref();
    let totals = |totals: &Accumulators| cover.map(|cover| accumulator(cover.account.year, totals));
    let (state, confirmed_at) = match settlement.state {
        State::Divided => (wire::SettlementState::Divided, None),
        State::Confirmed { at, .. } => (wire::SettlementState::Confirmed, Some(at)),
        State::Reversed { confirmed_at, .. } => (wire::SettlementState::Reversed, Some(confirmed_at)),
        State::Corrected { confirmed_at, .. } => (wire::SettlementState::Corrected, Some(confirmed_at)),
        State::Lapsed => (wire::SettlementState::Lapsed, None),
    };
    let change = &settlement.change;
    let ended_at = match settlement.state {
        State::Reversed { at, .. } | State::Corrected { at, .. } => Some(at),
        State::Divided | State::Confirmed { .. } | State::Lapsed => None,
    };
    wire::Settlement {
        settlement_id: settlement.id.to_string(),
        claim_id: settlement.claim.to_string(),
        claim_version: settlement.claim_version,
        resident_id: settlement.resident.to_string(),
        provider_organisation_id: settlement.provider.to_string(),
        state: state.into(),
        division: Some(division(&adjudication.shares)),
        explanation: explanation(adjudication),
        policy_id: cover.map(|cover| cover.policy.to_string()).unwrap_or_default(),
        policy_digest: cover.map(|cover| cover.policy_digest.clone()).unwrap_or_default(),
        before: totals(&adjudication.before),
        after: totals(&adjudication.after),
        divided_at: Some(to_timestamp(settlement.divided_at)),
        confirmed_at: confirmed_at.map(to_timestamp),
        quote_id: settlement.quote.map(|id| id.to_string()).unwrap_or_default(),
        drift: settlement.drift.iter().map(drift).collect(),
        journey_id: settlement.journey.to_string(),
        corrects_settlement_id: change.corrects.map(|(id, _)| id.to_string()).unwrap_or_default(),
        cause: change.corrects.map(|(_, why)| cause(why)).unwrap_or_default().into(),
        reason: change.reason.map(reason).unwrap_or_default().into(),
        adjustment: change.adjustment.as_ref().map(adjustment),
        ended_at: ended_at.map(to_timestamp),
        remote_care: settlement.remote_care.map(remote_care).unwrap_or_default().into(),
        year_before: cover.map(|_| year_totals(&adjudication.year_before)),
        year_after: cover.map(|_| year_totals(&adjudication.year_after)),
        bill_id: settlement.state.bill().map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn cause(cause: Cause) -> wire::CorrectionCause {
    match cause {
        Cause::Correction => wire::CorrectionCause::Correction,
        Cause::LateClaim => wire::CorrectionCause::LateClaim,
        Cause::Reversal => wire::CorrectionCause::Reversal,
        Cause::Entitlement => wire::CorrectionCause::Entitlement,
    }
}

fn reason(reason: Reason) -> wire::ChangeReason {
    match reason {
        Reason::ItemsReturned => wire::ChangeReason::ItemsReturned,
        Reason::CareNotGiven => wire::ChangeReason::CareNotGiven,
        Reason::BilledWrong => wire::ChangeReason::BilledWrong,
        Reason::WrongPerson => wire::ChangeReason::WrongPerson,
        Reason::FindingUpheld => wire::ChangeReason::FindingUpheld,
    }
}

fn remote_care(class: RemoteCare) -> wire::RemoteCare {
    match class {
        RemoteCare::ResettledRetired => wire::RemoteCare::ResettledRetired,
        RemoteCare::LongTermResident => wire::RemoteCare::LongTermResident,
        RemoteCare::TemporaryReferral => wire::RemoteCare::TemporaryReferral,
        RemoteCare::Emergency => wire::RemoteCare::Emergency,
        RemoteCare::Unfiled => wire::RemoteCare::Unfiled,
    }
}

fn adjustment(adjustment: &Adjustment) -> wire::Adjustment {
    wire::Adjustment {
        total: Some(to_money(adjustment.total)),
        fund: Some(to_money(adjustment.fund)),
        person: Some(to_money(adjustment.person())),
    }
}

fn division(shares: &Shares) -> wire::Division {
    wire::Division {
        total: Some(to_money(shares.total)),
        in_scope: Some(to_money(shares.in_scope)),
        out_of_scope: Some(to_money(shares.out_of_scope())),
        deductible: Some(to_money(shares.deductible)),
        pooled_fund: Some(to_money(shares.pooled_fund)),
        pooled_self_pay: Some(to_money(shares.pooled_own)),
        large_amount_in_scope: Some(to_money(shares.large_amount_in_scope())),
        large_amount_fund: Some(to_money(shares.large_amount_fund)),
        large_amount_self_pay: Some(to_money(shares.large_amount_own)),
        over_limit: Some(to_money(shares.beyond_cover)),
        fund_total: Some(to_money(shares.fund())),
        person_total: Some(to_money(shares.own())),
        critical_illness_fund: Some(to_money(shares.critical_illness_fund)),
        assistance_fund: Some(to_money(shares.assistance_fund)),
        over_price_limit: Some(to_money(shares.over_limit)),
        top_up: Some(to_money(shares.top_up)),
        voucher: Some(to_money(shares.voucher)),
        personal_account: Some(to_money(shares.account)),
        mutual_aid: Some(to_money(shares.mutual_aid)),
        person_cash: Some(to_money(shares.cash())),
    }
}

fn explanation(adjudication: &Adjudication) -> Vec<wire::ExplanationStep> {
    adjudication.steps.iter().map(step).collect()
}

fn step(step: &Step) -> wire::ExplanationStep {
    wire::ExplanationStep {
        rule: step.rule.as_str().to_owned(),
        sources: step.clause.iter().flat_map(|clause| &clause.sources).map(localized).collect(),
        amount: Some(to_money(step.amount)),
        fund: Some(to_money(step.fund)),
        own: Some(to_money(step.own)),
        ratio: step.ratio.map(Ratio::decimal).map(|ratio| ratio.normalize().to_string()).unwrap_or_default(),
        text: Some(localized(&step.text)),
        clause: step.clause.as_ref().map(|clause| clause.path.clone()).unwrap_or_default(),
        line_number: step.line.and_then(|line| i32::try_from(line + 1).ok()).unwrap_or_default(),
        accumulator: step.accumulator.map(|change| change.accumulator.as_str().to_owned()).unwrap_or_default(),
        accumulator_before: step.accumulator.map(|change| to_money(change.before)),
        accumulator_after: step.accumulator.map(|change| to_money(change.after)),
        axis_from: step.axis.map(|axis| to_money(axis.from)),
        axis_to: step.axis.map(|axis| to_money(axis.to)),
        limit: step.limit.map(to_money),
    }
}

fn accumulator(year: i32, totals: &Accumulators) -> wire::Accumulator {
    wire::Accumulator {
        year,
        in_scope: Some(to_money(totals.in_scope)),
        deductible: Some(to_money(totals.deductible)),
        pooled_fund: Some(to_money(totals.pooled_fund)),
        large_amount_fund: Some(to_money(totals.large_amount_fund)),
        stays: i32::try_from(totals.stays).unwrap_or(i32::MAX),
    }
}

fn year_totals(year: &YearTotals) -> wire::YearTotals {
    wire::YearTotals {
        own_in_scope: Some(to_money(year.own_in_scope)),
        critical_illness_fund: Some(to_money(year.critical_illness_fund)),
        assistance_base: Some(to_money(year.assistance_base)),
        assistance_fund: Some(to_money(year.assistance_fund)),
        top_up_base: Some(to_money(year.top_up_base)),
        top_up: Some(to_money(year.top_up)),
        voucher: Some(to_money(year.voucher)),
    }
}

fn drift(drift: &Drift) -> wire::QuoteDrift {
    wire::QuoteDrift { cause: drift.cause.as_str().to_owned(), text: Some(localized(&drift.text)) }
}

pub(super) fn localized(text: &Localized) -> common::Localized {
    common::Localized { zh: text.zh.clone(), en: text.en.clone() }
}
