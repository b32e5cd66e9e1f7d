//! Domain to wire. Only what a caller is permitted to see is encoded.

use chassis::Permitted;
use proto::{
    anjia::{
        common::v1::{Diagnosis as WireDiagnosis, Localized},
        referral::v1 as wire,
    },
    convert::{to_money, to_tier, to_timestamp},
};
use types::{ids::OrganisationId, tier::Tier};

use crate::{
    app::{JourneySight, Proposal, Sight},
    domain::{
        care::Diagnosis,
        direction::Direction,
        journey::Milestone,
        mandate::{Mandate, Payment},
        referral::{Kind, Returned, StateName, Urgency},
        refusal::Refusal,
        target::Target,
    },
};

pub(super) fn to_referral(sight: &Permitted<Sight>) -> wire::Referral {
    referral(sight)
}

fn referral(sight: &Sight) -> wire::Referral {
    let referral = &sight.referral;
    let (state, booking) = (&referral.state, referral.state.booking());
    let duty = state.duty();
    let diagnoses = if sight.clinical { referral.diagnoses.iter().map(diagnosis).collect() } else { Vec::new() };
    let clinical_summary = if sight.clinical { referral.clinical_summary.expose().clone() } else { String::new() };
    wire::Referral {
        referral_id: referral.id.to_string(),
        resident_id: referral.resident.to_string(),
        direction: direction(referral.direction).into(),
        kind: kind(referral.kind).into(),
        from_organisation_id: referral.from.to_string(),
        to_organisation_id: referral.to.to_string(),
        diagnoses,
        urgency: urgency(referral.urgency).into(),
        clinical_summary,
        mandate: Some(mandate(&referral.mandate)),
        state: state_name(state.name()).into(),
        owner_organisation_id: text(duty.map(|duty| duty.owner)),
        deadline: duty.map(|duty| to_timestamp(duty.deadline)),
        valid_until: Some(to_timestamp(referral.valid_until)),
        previous_referral_id: text(referral.previous),
        version: referral.version,
        appointment_id: text(booking.map(|booking| booking.appointment)),
        bill_id: text(booking.and_then(|booking| booking.bill)),
        quote_id: text(booking.and_then(|booking| booking.quote)),
        visit_id: text(state.visit()),
        returned: state.returned().map(|returned| to_returned(returned, sight.clinical)),
        last_refusal: referral.last_refusal.map(Refusal::as_str).unwrap_or_default().to_owned(),
        journey_id: referral.journey.to_string(),
        submitted_at: Some(to_timestamp(referral.submitted_at)),
        submitted_by: referral.mandate.submitted_by.to_string(),
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn diagnosis(diagnosis: &Diagnosis) -> WireDiagnosis {
    WireDiagnosis { icd10_code: diagnosis.code.clone(), name: diagnosis.name.expose().clone() }
}

fn mandate(mandate: &Mandate) -> wire::Mandate {
    let (payment, line, own_share_max) = match mandate.payment {
        Payment::Desk => (wire::PaymentArrangement::Desk, None, None),
        Payment::Credit { line, own_share_max } => (wire::PaymentArrangement::Credit, Some(line), Some(own_share_max)),
    };
    wire::Mandate {
        payment: payment.into(),
        credit_line_id: text(line),
        own_share_max: own_share_max.map(to_money),
        delegation_id: text(mandate.delegation),
        mandate_id: text(mandate.id),
    }
}

fn to_returned(returned: &Returned, clinical: bool) -> wire::Returned {
    wire::Returned {
        reason: returned.reason.as_str().to_owned(),
        advice: if clinical { returned.advice.expose().clone() } else { String::new() },
        suggested_organisation_id: text(returned.suggested),
    }
}

pub(super) fn to_targets(proposal: Proposal) -> Vec<wire::Target> {
    let why = Why { icd10_code: proposal.icd10_code, needs_capability: proposal.needs_capability };
    proposal.targets.into_iter().enumerate().map(|(index, target)| to_target(index, target, &why)).collect()
}

struct Why {
    icd10_code: String,
    needs_capability: bool,
}

fn to_target(index: usize, target: Target, why: &Why) -> wire::Target {
    wire::Target {
        organisation_id: target.organisation.to_string(),
        reason: Some(reason(index, &target, why)),
        name: target.name,
        tier: to_tier(target.tier),
        distance_m: i32::try_from(target.distance_m).unwrap_or(i32::MAX),
        next_slot_id: text(target.next.map(|next| next.slot)),
        next_slot_starts_at: target.next.map(|next| to_timestamp(next.starts_at)),
    }
}

fn reason(index: usize, target: &Target, why: &Why) -> Localized {
    let (tier_zh, tier_en) = match target.tier {
        Tier::Community => ("一级", "community"),
        Tier::District => ("二级", "district"),
        Tier::Tertiary => ("三级", "tertiary"),
    };
    let (place, metres) = (index + 1, target.distance_m);
    let (care_zh, care_en) = if why.needs_capability {
        (format!("可诊治 {}", why.icd10_code), format!("can treat {}", why.icd10_code))
    } else {
        ("可承接康复随访".to_owned(), "takes recovery and follow-up".to_owned())
    };
    let (slot_zh, slot_en) = match target.next {
        Some(_) => ("30 天内有转诊号源", "a referral place within 30 days"),
        None => ("30 天内暂无转诊号源", "no referral place within 30 days"),
    };
    Localized {
        zh: format!("第 {place} 位：{tier_zh}医疗机构，距离 {metres} 米，{care_zh}，{slot_zh}"),
        en: format!(
            "number {place}: {tier_en} tier, {metres} m away, {care_en}, {slot_en}; lowest suitable tier first, then distance"
        ),
    }
}

pub(super) fn to_journey(sight: &Permitted<JourneySight>) -> wire::Journey {
    let journey = &sight.journey;
    wire::Journey {
        journey_id: journey.id.to_string(),
        resident_id: journey.resident.to_string(),
        milestones: journey.milestones.iter().map(milestone).collect(),
        referrals: sight.referrals.iter().map(referral).collect(),
        billed: Some(to_money(journey.billed)),
        paid_by_funds: Some(to_money(journey.paid_by_funds)),
        own_share: Some(to_money(journey.own_share)),
    }
}

fn milestone(milestone: &Milestone) -> wire::Milestone {
    let resource = milestone.resource;
    let (zh, en) = milestone.state_in_words();
    wire::Milestone {
        at: Some(to_timestamp(milestone.at)),
        resource: resource.as_str().to_owned(),
        resource_id: milestone.id.to_string(),
        state: milestone.state.clone(),
        organisation_id: text::<OrganisationId>(milestone.organisation),
        text: Some(Localized {
            zh: format!("{}：{zh}", resource.in_chinese()),
            en: format!("{}: {en}", resource.as_str()),
        }),
    }
}

macro_rules! enumeration {
    ($name:ident, $own:ident, $wire:ident, { $($variant:ident),+ $(,)? }) => {
        const fn $name(value: $own) -> wire::$wire {
            match value {
                $($own::$variant => wire::$wire::$variant,)+
            }
        }
    };
}
enumeration!(direction, Direction, Direction, { Up, Down, Lateral });
enumeration!(kind, Kind, ReferralKind, { Visit, Teleconsult, Mdt, GreenChannel });
enumeration!(urgency, Urgency, Urgency, { Routine, Urgent, Emergency });
enumeration!(state_name, StateName, ReferralState, {
    Submitted, InformationRequested, Accepting, Booked, Attended, Closed, Returned, Withdrawn, NotAttended, Lapsed, NeedsHuman,
});
