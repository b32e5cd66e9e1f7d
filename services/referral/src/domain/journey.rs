//! One episode of care as a whole, gathered from the services that each know a part.

use chrono::{DateTime, Utc};
use types::{
    ids::{JourneyId, OrganisationId, ResidentId},
    money::Money,
};
use uuid::Uuid;

use super::{referral::Referral, words::words};

words! {
    /// What kind of thing a milestone is about.
    Resource {
        Appointment = "appointment",
        Referral = "referral",
        Settlement = "settlement",
        Bill = "bill",
    }
}

impl Resource {
    /// The same word in Chinese.
    pub const fn in_chinese(self) -> &'static str {
        match self {
            Self::Appointment => "预约",
            Self::Referral => "转诊",
            Self::Settlement => "结算",
            Self::Bill => "账单",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    pub at: DateTime<Utc>,
    pub resource: Resource,
    pub id: Uuid,
    /// The resource's state in the words of its service.
    pub state: String,
    pub organisation: Option<OrganisationId>,
}

impl Milestone {
    /// The state as people read it, in Chinese and in English. A word of a newer release stays as it is.
    pub fn state_in_words(&self) -> (&str, &str) {
        match self.state.as_str() {
            "HELD" => ("已占号", "place held"),
            "CONFIRMED" if self.resource == Resource::Appointment => ("已预约", "confirmed"),
            "CONFIRMED" => ("已确认", "confirmed"),
            "KEPT" | "ATTENDED" => ("已就诊", "attended"),
            "EXPIRED" => ("占号已过期", "hold expired"),
            "CANCELLED" => ("已取消", "cancelled"),
            "NO_SHOW" | "NOT_ATTENDED" => ("未就诊", "not attended"),
            "DISPLACED" => ("待改期", "to be moved"),
            "SUBMITTED" => ("待接诊", "submitted"),
            "INFORMATION_REQUESTED" => ("待补充资料", "more information asked for"),
            "ACCEPTING" => ("接诊办理中", "being accepted"),
            "BOOKED" => ("已接诊", "accepted and booked"),
            "CLOSED" => ("已办结", "closed"),
            "RETURNED" => ("已退回", "sent back"),
            "WITHDRAWN" => ("已撤回", "withdrawn"),
            "LAPSED" => ("已失效", "lapsed"),
            "NEEDS_HUMAN" => ("人工处理中", "being looked into"),
            "DIVIDED" => ("待确认", "divided"),
            "REVERSED" => ("已冲正", "reversed"),
            "AUTHORISED" => ("已预留", "reserved"),
            "CAPTURING" => ("结账中", "being captured"),
            "CAPTURED" => ("已结账", "captured"),
            "SETTLED" => ("已结清", "settled"),
            other => (other, other),
        }
    }
}

/// What a settlement adds to the sums of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    pub billed: Money,
    pub paid_by_funds: Money,
    pub own_share: Money,
}

/// One episode of care.
#[derive(Debug, Clone)]
pub struct Journey {
    pub id: JourneyId,
    pub resident: ResidentId,
    /// Oldest first.
    pub milestones: Vec<Milestone>,
    /// Oldest first.
    pub referrals: Vec<Referral>,
    pub billed: Money,
    pub paid_by_funds: Money,
    pub own_share: Money,
}

impl Journey {
    /// Puts the parts in order. `amounts` are those of the settlements in force.
    pub fn assemble(
        id: JourneyId,
        resident: ResidentId,
        mut referrals: Vec<Referral>,
        mut milestones: Vec<Milestone>,
        amounts: &[Amounts],
    ) -> Self {
        referrals.sort_by_key(|referral| (referral.submitted_at, referral.id));
        milestones.extend(referrals.iter().map(|referral| Milestone {
            at: referral.submitted_at,
            resource: Resource::Referral,
            id: referral.id.uuid(),
            state: referral.state.name().as_str().to_owned(),
            organisation: Some(referral.to),
        }));
        milestones.sort_by_key(|milestone| (milestone.at, milestone.resource, milestone.id));
        Self {
            id,
            resident,
            milestones,
            referrals,
            billed: amounts.iter().map(|part| part.billed).sum(),
            paid_by_funds: amounts.iter().map(|part| part.paid_by_funds).sum(),
            own_share: amounts.iter().map(|part| part.own_share).sum(),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.milestones.is_empty()
    }
}
