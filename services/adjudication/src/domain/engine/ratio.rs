//! The ratio of a band for one person and visit: the band's own, the factor of the retired, then the points and factors of circumstances.

use types::money::Ratio;

use crate::domain::{
    circumstances::Area,
    input::Input,
    policy::{Away, Band, CareRules, Points, PointsRule, Sourced},
};

/// What changed a band's ratio for this person, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Adjustment {
    RetiredSelfFactor(Ratio),
    Unreferred(Points),
    /// The referral is older than referrals are good for.
    ReferralLapsed(Points),
    FamilyDoctor(Points),
    AwayFactor(Ratio),
    AwayPoints(Points),
}

/// At most one of each: the factor of the retired, no referral, a family doctor, away.
const ADJUSTMENTS_MAX: usize = 4;

pub(super) struct Rated<'r> {
    pub(super) ratio: Ratio,
    adjustments: [Option<(Adjustment, &'r [String])>; ADJUSTMENTS_MAX],
}

impl<'r> Rated<'r> {
    /// With the sources that say so.
    pub(super) fn adjustments(&self) -> impl Iterator<Item = (Adjustment, &'r [String])> {
        self.adjustments.iter().flatten().copied()
    }
}

/// The fund's ratio where a person bears only that share of the own share that others bear.
pub fn with_self_factor(fund_ratio: Ratio, factor: Ratio) -> Ratio {
    fund_ratio.complement().times(factor).complement()
}

impl CareRules {
    /// Whether a referral of the visit is there and still good on its first day.
    pub(super) fn is_referred(&self, input: &Input) -> bool {
        input.referred && !self.referral_lapsed(input)
    }

    fn referral_lapsed(&self, input: &Input) -> bool {
        self.referral_valid_days
            .as_ref()
            .zip(input.circumstances.referred_on)
            .is_some_and(|(days, referred_on)| (input.from - referred_on).num_days() > i64::from(days.value))
    }

    pub(super) fn rated(&self, band: &Band, input: &Input) -> Rated<'_> {
        let ratio = band.ratio(input.person, input.circumstances.own_clinic, input.tier).unwrap_or(Ratio::ZERO);
        let mut rated = Rated { ratio, adjustments: [None; ADJUSTMENTS_MAX] };
        let [retired, unreferred, family_doctor, away] = &mut rated.adjustments;
        if let Some(factor) = self.retired_self_factor.as_ref().filter(|_| input.person.retired) {
            rated.ratio = with_self_factor(rated.ratio, factor.value);
            *retired = Some((Adjustment::RetiredSelfFactor(factor.value), factor.sources.as_slice()));
        }
        let here = |rule: &&Sourced<PointsRule>| rule.value.tiers.contains(&input.tier);
        if let Some(rule) = self.unreferred_minus.as_ref().filter(here).filter(|_| !self.is_referred(input)) {
            rated.ratio = rule.value.points.taken_from(rated.ratio);
            let adjustment = if input.referred { Adjustment::ReferralLapsed } else { Adjustment::Unreferred };
            *unreferred = Some((adjustment(rule.value.points), rule.sources.as_slice()));
        }
        if let Some(rule) = self.family_doctor_plus.as_ref().filter(here).filter(|_| input.family_doctor) {
            rated.ratio = rule.value.points.added_to(rated.ratio);
            *family_doctor = Some((Adjustment::FamilyDoctor(rule.value.points), rule.sources.as_slice()));
        }
        *away = self.away(input.circumstances.area);
        match away {
            Some((Adjustment::AwayFactor(factor), _)) => rated.ratio = rated.ratio.times(*factor),
            Some((Adjustment::AwayPoints(points), _)) => rated.ratio = points.taken_from(rated.ratio),
            _ => {}
        }
        rated
    }

    /// A factor of one or no points is "as at home", and no adjustment.
    fn away(&self, area: Area) -> Option<(Adjustment, &[String])> {
        let rule = self.out_of_area.as_ref()?;
        let adjustment = match *rule.value.get(&area)? {
            Away::Multiply(factor) if factor == Ratio::ONE => return None,
            Away::Minus(points) if points.is_zero() => return None,
            Away::Multiply(factor) => Adjustment::AwayFactor(factor),
            Away::Minus(points) => Adjustment::AwayPoints(points),
        };
        Some((adjustment, rule.sources.as_slice()))
    }
}
