//! What a division is made of once everybody was asked: pure, so that whatever a claim says can be tried without a database.

use chrono::{DateTime, Utc};
use types::ids::{ClaimId, QuoteId, SettlementId};
use types::money::Money;
use types::region::RegionCode;

use super::Divided;
use super::pricing::{Care, Purpose, insured_region, remote_care};
use crate::domain::claim::{BilledLine, Claim, Diagnosis};
use crate::domain::coverage::Coverage;
use crate::domain::drift::Drift;
use crate::domain::engine::Adjudication;
use crate::domain::settlement::{Change, Cover, Settlement, State};
use crate::domain::visit::{Stay, Visit};

/// What scheduling said of the visit, and identity of the provider on its first day and of the person on its first and last.
pub(super) struct Facts {
    pub visit: Visit,
    pub stay: Stay,
    pub coverage: Coverage,
    pub is_designated: bool,
}

/// What was billed, its lines classed.
pub(super) struct Billed {
    pub diagnoses: Vec<Diagnosis>,
    pub lines: Vec<BilledLine>,
    pub total: Money,
    pub quote: Option<QuoteId>,
}

/// What it came to, and why that is not what was quoted.
pub(super) struct Decided {
    pub adjudication: Adjudication,
    pub cover: Option<Cover>,
    pub drift: Vec<Drift>,
}

/// Where and when.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub region: RegionCode,
    pub now: DateTime<Utc>,
    pub lapses_at: DateTime<Utc>,
}

impl Facts {
    /// What is to be priced.
    pub(super) fn care(&self, (region, now): (RegionCode, DateTime<Utc>), lines: &[BilledLine], total: Money) -> Care {
        let Self { visit, stay, is_designated, .. } = self;
        Care {
            purpose: Purpose::Division,
            resident: visit.resident,
            provider: visit.provider,
            tier: visit.tier,
            is_designated: *is_designated,
            kind: visit.kind,
            from: stay.from,
            until: stay.until,
            lines: lines.iter().map(BilledLine::judged).collect(),
            unknown_items: Vec::new(),
            total,
            referral: visit.referral,
            journey: Some(visit.journey),
            region,
            settled_at: now,
        }
    }

    /// The claim in this version, and its division.
    pub(super) fn divided(
        &self,
        (id, version): (ClaimId, i32),
        billed: Billed,
        decided: Decided,
        Setting { region, now, lapses_at }: Setting,
    ) -> Divided {
        let Self { visit, stay, coverage, .. } = self;
        let claim = Claim {
            id,
            version,
            visit: visit.id,
            resident: visit.resident,
            provider: visit.provider,
            tier: visit.tier,
            kind: visit.kind,
            care_region: region,
            insured_region: insured_region(coverage),
            from: stay.from,
            until: stay.until,
            diagnoses: billed.diagnoses,
            lines: billed.lines,
            total: billed.total,
            referral: visit.referral,
            journey: visit.journey,
            quote: billed.quote,
            settlement: SettlementId::generate(),
            received_at: now,
        };
        let settlement = Settlement {
            id: claim.settlement,
            claim: claim.id,
            claim_version: claim.version,
            resident: claim.resident,
            provider: claim.provider,
            tier: claim.tier,
            state: State::Divided,
            adjudication: decided.adjudication,
            cover: decided.cover,
            quote: claim.quote,
            drift: decided.drift,
            referral: claim.referral,
            journey: claim.journey,
            divided_at: now,
            lapses_at,
            remote_care: remote_care(coverage, visit.kind, region, (stay.from, stay.until), now),
            change: Change::default(),
        };
        Divided { claim, settlement }
    }
}
