//! Supervision of the fund (基金监管): who is out of line, what a contract's year was worth, what a whistle-blower receives.
//!
//! Pure, like the rest of `domain/`. It points at people and organisations and decides nothing about them.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use types::ids::OrganisationId;
use types::money::{Money, Ratio};

use super::inspection::{Criterion, Standard, Supervision};

/// Φ⁻¹(0.75): makes the median absolute deviation comparable with a standard deviation (Iglewicz and Hoaglin 1993).
const CONSISTENCY: Decimal = Decimal::from_parts(6745, 0, 0, false, 4);
/// The least that a whistle-blower receives, and the most, wherever they are, in yuan (医保办发〔2022〕22号: 最高不超过20万元，最低不少于200元).
pub const REWARD_MIN: Decimal = Decimal::from_parts(200, 0, 0, false, 0);
pub const REWARD_MAX: Decimal = Decimal::from_parts(200_000, 0, 0, false, 0);
/// With fewer figures a median says nothing about who is out of line.
const FIGURES_MIN: usize = 5;
const SCORE_PLACES: u32 = 2;
const POINT_PLACES: u32 = 2;

/// Somebody's figure among others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlier<K> {
    pub of: K,
    pub figure: Decimal,
    pub median: Decimal,
    /// Median absolute deviation.
    pub deviation: Decimal,
    /// Modified z-score, two places, half up.
    pub score: Decimal,
}

/// Whose figure lies above the median by at least this modified z-score, furthest first. Robust: a few who are far out do not
/// move what the others are measured by. Nobody where there are fewer than five figures, or where most figures are the same.
pub fn outliers<K: Clone + Ord>(figures: &[(K, Decimal)], score_min: Decimal) -> Vec<Outlier<K>> {
    if figures.len() < FIGURES_MIN {
        return vec![];
    }
    let Some(middle) = median(figures.iter().map(|(_, figure)| *figure)) else { return vec![] };
    let Some(deviation) = median(figures.iter().map(|(_, figure)| (*figure - middle).abs())) else { return vec![] };
    if deviation.is_zero() {
        return vec![];
    }
    let mut found: Vec<Outlier<K>> = figures
        .iter()
        .filter_map(|(of, figure)| {
            let distance = (*figure - middle).checked_mul(CONSISTENCY)?.checked_div(deviation)?;
            let score = distance.round_dp_with_strategy(SCORE_PLACES, RoundingStrategy::MidpointAwayFromZero);
            (score >= score_min).then(|| Outlier { of: of.clone(), figure: *figure, median: middle, deviation, score })
        })
        .collect();
    found.sort_by(|one, other| other.score.cmp(&one.score).then_with(|| one.of.cmp(&other.of)));
    found
}

fn median(figures: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    let mut sorted: Vec<Decimal> = figures.collect();
    sorted.sort_unstable();
    let upper = sorted.get(sorted.len() / 2).copied()?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get(sorted.len() / 2 - 1).copied()?;
    lower.checked_add(upper)?.checked_div(Decimal::TWO)
}

/// A provider's year, as the books have it: care under its contract that insurance paid for, confirmed and in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearFigures {
    pub claims: i64,
    pub total: Money,
    pub fund_paid: Money,
    pub own_paid: Money,
    pub cut: Money,
    /// Claims with a finding that a reviewer upheld.
    pub upheld_claims: i64,
    pub stays: i64,
    /// Stays after which the same person was admitted again within 31 days, anywhere and without a referral: the window of the national
    /// indicator (非计划再入院率).
    pub readmissions: i64,
}

/// A provider's figure under a rule about providers (统计指标监测).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistic {
    pub rule: String,
    pub provider: OrganisationId,
    /// A share, from 0 to 1, six places.
    pub figure: Ratio,
    pub most: Ratio,
}

impl Statistic {
    /// None where there is nothing to be a share of.
    pub fn new(rule: &str, provider: OrganisationId, part: Decimal, whole: Decimal, most: Ratio) -> Option<Self> {
        let figure = Ratio::from_decimal(part.checked_div(whole)?.round_dp(6)).ok()?;
        Some(Self { rule: rule.to_owned(), provider, figure, most })
    }

    pub fn is_above(&self) -> bool {
        self.figure > self.most
    }
}

/// One criterion of an assessment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    pub standard: Standard,
    /// None where there was nothing to measure: then it counts in full.
    pub figure: Option<Ratio>,
    pub points: Decimal,
}

/// What a contract's year was worth (定点医药机构年度考核).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    pub scores: Vec<Score>,
    /// Of 100.
    pub points: Decimal,
    pub is_passed: bool,
}

/// Scores a year by the region's standards. Points in proportion are rounded half up to two places.
pub fn assess(supervision: &Supervision, figures: &YearFigures) -> Assessment {
    let scores: Vec<Score> = supervision
        .assessment
        .iter()
        .map(|standard| {
            let figure = figure_of(standard.criterion, figures);
            Score { standard: standard.clone(), figure, points: points(standard, figure) }
        })
        .collect();
    let points: Decimal = scores.iter().map(|score| score.points).sum();
    Assessment { scores, points, is_passed: points >= supervision.pass_points }
}

fn figure_of(criterion: Criterion, figures: &YearFigures) -> Option<Ratio> {
    let (part, whole) = match criterion {
        Criterion::CutRatio => (figures.cut.decimal(), figures.fund_paid.decimal()),
        Criterion::UpheldClaimRatio => (figures.upheld_claims.into(), figures.claims.into()),
        Criterion::OwnShareRatio => (figures.own_paid.decimal(), figures.total.decimal()),
        Criterion::ReadmissionRatio => (figures.readmissions.into(), figures.stays.into()),
    };
    let ratio = part.checked_div(whole)?.clamp(Decimal::ZERO, Decimal::ONE);
    Ratio::from_decimal(ratio.round_dp(6)).ok()
}

fn points(standard: &Standard, figure: Option<Ratio>) -> Decimal {
    let Some(figure) = figure else { return standard.points };
    let (full, none) = (standard.full_at.decimal(), standard.none_at.decimal());
    if figure.decimal() <= full {
        return standard.points;
    }
    if figure.decimal() >= none {
        return Decimal::ZERO;
    }
    let share = (none - figure.decimal()).checked_div(none - full).unwrap_or(Decimal::ZERO);
    (share * standard.points).round_dp_with_strategy(POINT_PLACES, RoundingStrategy::MidpointAwayFromZero)
}

/// The reward for a report that was found true: the region's share of what is recovered, half up to the fen, within its bounds; nothing
/// where nothing is recovered. By 《违法违规使用医疗保障基金举报奖励办法》 (医保办发〔2022〕22号, in force from 2023-01-01) whoever meets its conditions
/// receives once "案值的一定比例", [`REWARD_MIN`] to [`REWARD_MAX`]; which share, provinces and cities say.
pub fn reward(supervision: &Supervision, recovered: Money) -> Money {
    if !recovered.is_positive() {
        return Money::ZERO;
    }
    let share = supervision.reward_ratio.of_half_up(recovered);
    share.max(supervision.reward_min).min(supervision.reward_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    fn supervision() -> Supervision {
        let standard = |criterion, points: i64, full_at: &str, none_at: &str| Standard {
            criterion,
            points: points.into(),
            full_at: ratio(full_at),
            none_at: ratio(none_at),
        };
        Supervision {
            outlier_score: "3.5".parse().unwrap(),
            reward_ratio: ratio("0.03"),
            reward_min: money("200.00"),
            reward_max: money("200000.00"),
            assessment: vec![
                standard(Criterion::CutRatio, 40, "0.00", "0.10"),
                standard(Criterion::UpheldClaimRatio, 30, "0.01", "0.05"),
                standard(Criterion::ReadmissionRatio, 30, "0.05", "0.25"),
            ],
            pass_points: 80.into(),
        }
    }

    #[test]
    fn ad_09_one_who_is_far_out_does_not_hide_behind_their_own_figure() {
        let usual = [100, 102, 98, 101, 99, 103];
        let mut figures: Vec<(u32, Decimal)> = (1..).zip(usual.map(Decimal::from)).collect();
        figures.push((9, Decimal::from(100_000)));
        let found = outliers(&figures, "3.5".parse().unwrap());
        assert_eq!(found.len(), 1);
        let outlier = &found[0];
        assert_eq!((outlier.of, outlier.median, outlier.deviation), (9, 101.into(), 2.into()));
        // 0.6745 × (100000 − 101) / 2 = 33690.93775
        assert_eq!(outlier.score.to_string(), "33690.94");
    }

    #[test]
    fn ad_09_nobody_is_out_of_line_among_few_or_among_equals() {
        let few: Vec<(u32, Decimal)> = (1..).zip([1, 1, 1, 900].map(Decimal::from)).collect();
        assert_eq!(outliers(&few, Decimal::ONE), []);
        let equal: Vec<(u32, Decimal)> = (1..).zip([5, 5, 5, 5, 5, 5].map(Decimal::from)).collect();
        assert_eq!(outliers(&equal, Decimal::ONE), []);
    }

    #[test]
    fn ad_09_a_statistic_is_above_its_limit_and_not_at_it() {
        let provider = OrganisationId::from_uuid(uuid::Uuid::from_u128(1));
        let of = |part: i64, whole: i64| Statistic::new("N25-056", provider, part.into(), whole.into(), ratio("0.45"));
        assert!(of(46, 100).is_some_and(|statistic| statistic.is_above()));
        assert!(of(45, 100).is_some_and(|statistic| !statistic.is_above()));
        assert_eq!(of(0, 0), None);
    }

    #[test]
    fn ad_11_a_year_is_scored_by_its_figures() {
        let figures = YearFigures {
            claims: 1000,
            total: money("300000.00"),
            fund_paid: money("200000.00"),
            own_paid: money("100000.00"),
            cut: money("5000.00"),
            upheld_claims: 10,
            stays: 100,
            readmissions: 20,
        };
        let assessment = assess(&supervision(), &figures);
        let points: Vec<String> = assessment.scores.iter().map(|score| score.points.normalize().to_string()).collect();
        // 2.5 % of 10 %: three quarters of 40; 1 %: all of 30; 20 % between 5 % and 25 %: a quarter of 30.
        assert_eq!(points, ["30", "30", "7.5"]);
        assert_eq!((assessment.points, assessment.is_passed), ("67.50".parse().unwrap(), false));
        let idle = assess(&supervision(), &YearFigures::default());
        assert_eq!((idle.points, idle.is_passed), (100.into(), true), "nothing was measured");
    }

    #[test]
    fn ad_09_a_reward_keeps_its_bounds() {
        assert_eq!(reward(&supervision(), money("100000.00")), money("3000.00"));
        assert_eq!(reward(&supervision(), money("1.00")), money("200.00"));
        assert_eq!(reward(&supervision(), money("90000000.00")), money("200000.00"));
        assert_eq!(reward(&supervision(), Money::ZERO), Money::ZERO);
    }
}
