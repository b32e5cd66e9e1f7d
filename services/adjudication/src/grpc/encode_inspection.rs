//! To the wire, for audit and supervision.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::convert::{to_date, to_money, to_scheme, to_timestamp};
use rust_decimal::Decimal;

use super::encode::localized;
use crate::app::{Assessed, FoundOutliers, RuleStandings};
use crate::domain::abuse::{AbuseReport, State as ReportState};
use crate::domain::document::{State, Version};
use crate::domain::finding::{KeptFinding, Precision};
use crate::domain::fund::FundMonth;
use crate::domain::inspection::{Criterion, FindingState, Library, Rule, RuleBook, Standing, standings};

pub(super) fn rule_book(version: &Version<RuleBook>) -> wire::RuleBook {
    let state = match version.state {
        State::Proposed => wire::RuleBookState::Proposed,
        State::Released(_) | State::Superseded(_) => wire::RuleBookState::Released,
    };
    wire::RuleBook {
        rule_book_id: version.id.to_string(),
        region_code: version.content.region.to_string(),
        name: Some(localized(&version.content.name)),
        effective_from: Some(to_date(version.content.effective_from)),
        document_json: version.text.clone(),
        digest: version.digest.clone(),
        state: state.into(),
        proposed_by: version.proposed_by.to_string(),
        released_by: version.released().map(|release| release.by.to_string()).unwrap_or_default(),
        demonstration: version.content.demonstration,
    }
}

pub(super) fn rules(answer: &RuleStandings) -> wire::GetRulesResponse {
    let book = answer.in_force.as_ref();
    let standings = standings(book.map(|version| &version.content));
    wire::GetRulesResponse {
        rules: standings.iter().map(|(rule, standing)| audit_rule(rule, standing)).collect(),
        rule_book: book.map(rule_book),
    }
}

fn audit_rule(rule: &Rule, standing: &Standing<'_>) -> wire::AuditRule {
    wire::AuditRule {
        rule: rule.id.clone(),
        national_code: rule.code.clone().unwrap_or_default(),
        name: Some(localized(&rule.name)),
        kind: rule.kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        standing: match standing {
            Standing::Checked(_) => wire::RuleStanding::Checked,
            Standing::NotConfigured => wire::RuleStanding::NotConfigured,
            Standing::NotDecidable => wire::RuleStanding::NotDecidable,
        }
        .into(),
        undecidable: rule.undecidable.as_ref().map(localized),
    }
}

pub(super) fn finding(finding: &KeptFinding) -> wire::Finding {
    let rule = Library::national().rule(&finding.rule);
    let name = rule.map(|rule| localized(&rule.name));
    let unnamed = || common::Localized { zh: finding.rule.clone(), en: finding.rule.clone() };
    wire::Finding {
        finding_id: finding.id.to_string(),
        rule: finding.rule.clone(),
        national_code: rule.and_then(|rule| rule.code.clone()).unwrap_or_default(),
        name: Some(name.unwrap_or_else(unnamed)),
        resident_id: finding.resident.to_string(),
        provider_organisation_id: finding.provider.to_string(),
        claim_id: finding.claim.to_string(),
        claim_version: finding.claim_version,
        settlement_id: finding.settlement.to_string(),
        line: finding.line.unwrap_or(0),
        amount: Some(to_money(finding.review.amount)),
        withheld: Some(to_money(finding.review.withheld())),
        evidence_json: serde_json::to_string(&finding.evidence).unwrap_or_default(),
        state: match finding.review.state {
            FindingState::Noted => wire::FindingState::Noted,
            FindingState::Open => wire::FindingState::Open,
            FindingState::Asked => wire::FindingState::Asked,
            FindingState::Cleared => wire::FindingState::Cleared,
            FindingState::Cut { .. } => wire::FindingState::Cut,
            FindingState::Appealed { .. } => wire::FindingState::Appealed,
            FindingState::Upheld { .. } => wire::FindingState::Upheld,
            FindingState::Superseded => wire::FindingState::Superseded,
        }
        .into(),
        noted_at: Some(to_timestamp(finding.noted_at)),
        decided_at: finding.decided_at.map(to_timestamp),
        rule_book_id: finding.rule_book.to_string(),
    }
}

/// Upheld of decided, to four places.
pub(super) fn precision(precision: &Precision) -> wire::RulePrecision {
    let ratio = Decimal::from(precision.upheld).checked_div(Decimal::from(precision.decided));
    wire::RulePrecision {
        rule: precision.rule.clone(),
        raised: precision.raised,
        decided: precision.decided,
        upheld: precision.upheld,
        precision: ratio.map(|ratio| ratio.round_dp(4).normalize().to_string()).unwrap_or_default(),
        amount: Some(to_money(precision.amount)),
        cut: Some(to_money(precision.cut)),
    }
}

pub(super) fn month(month: &FundMonth) -> wire::FundMonth {
    wire::FundMonth {
        scheme: to_scheme(month.scheme),
        month: Some(to_date(month.month)),
        income: Some(to_money(month.income)),
        pooled_fund: Some(to_money(month.pooled_fund)),
        large_amount_fund: Some(to_money(month.large_amount_fund)),
        own_share: Some(to_money(month.own_share)),
        settlements: month.settlements,
        persons: month.persons,
        withheld: Some(to_money(month.withheld)),
        cut: Some(to_money(month.cut)),
        balance: Some(to_money(month.balance)),
        critical_illness_fund: Some(to_money(month.critical_illness_fund)),
        assistance_fund: Some(to_money(month.assistance_fund)),
    }
}

pub(super) fn outliers(found: &FoundOutliers) -> wire::GetOutliersResponse {
    let outlier = |(group, outlier): &(String, crate::domain::supervision::Outlier<uuid::Uuid>)| wire::Outlier {
        subject_id: outlier.of.to_string(),
        group: group.clone(),
        figure: outlier.figure.to_string(),
        median: outlier.median.to_string(),
        score: outlier.score.to_string(),
    };
    wire::GetOutliersResponse {
        outliers: found.found.iter().map(outlier).collect(),
        score_min: found.score_min.to_string(),
    }
}

pub(super) fn statistic(statistic: &crate::domain::supervision::Statistic) -> wire::ProviderStatistic {
    wire::ProviderStatistic {
        rule: statistic.rule.clone(),
        provider_organisation_id: statistic.provider.to_string(),
        figure: statistic.figure.decimal().to_string(),
        most: statistic.most.decimal().to_string(),
        is_above: statistic.is_above(),
    }
}

pub(super) fn assessment(assessed: &Assessed) -> wire::Assessment {
    let scores = assessed.assessment.scores.iter().map(|score| wire::AssessmentScore {
        criterion: match score.standard.criterion {
            Criterion::CutRatio => "CUT_RATIO",
            Criterion::UpheldClaimRatio => "UPHELD_CLAIM_RATIO",
            Criterion::OwnShareRatio => "OWN_SHARE_RATIO",
            Criterion::ReadmissionRatio => "READMISSION_RATIO",
        }
        .to_owned(),
        figure: score.figure.map(|figure| figure.decimal().to_string()).unwrap_or_default(),
        points: score.points.normalize().to_string(),
        points_max: score.standard.points.normalize().to_string(),
    });
    wire::Assessment {
        provider_organisation_id: assessed.provider.to_string(),
        year: assessed.year,
        scores: scores.collect(),
        points: assessed.assessment.points.normalize().to_string(),
        is_passed: assessed.assessment.is_passed,
        claims: assessed.figures.claims,
        assessed_at: Some(to_timestamp(assessed.at)),
    }
}

pub(super) fn report(report: &AbuseReport) -> wire::AbuseReport {
    wire::AbuseReport {
        abuse_report_id: report.id.to_string(),
        provider_organisation_id: report.provider.map(|provider| provider.to_string()).unwrap_or_default(),
        text: report.text.expose().clone(),
        state: match report.state {
            ReportState::Open => wire::AbuseReportState::Open,
            ReportState::Confirmed => wire::AbuseReportState::Confirmed,
            ReportState::Dismissed => wire::AbuseReportState::Dismissed,
        }
        .into(),
        recovered: Some(to_money(report.recovered)),
        reward: Some(to_money(report.reward)),
        has_contact: report.has_contact,
        reported_at: Some(to_timestamp(report.reported_at)),
    }
}
