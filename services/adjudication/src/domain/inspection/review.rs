//! What becomes of a finding: nothing is cut but by a person, and a cut may be appealed to another one.

use types::caller::Party;
use types::money::Money;

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingState {
    /// The division is not confirmed yet: nothing is paid, nothing withheld.
    Noted,
    /// On the reviewers' work list.
    Open,
    /// The provider is asked; its turn.
    Asked,
    /// Nothing was wrong: paid in full.
    Cleared,
    /// This much is not paid to the provider.
    Cut { amount: Money, by: Party },
    /// The provider disagrees with the cut; another reviewer's turn.
    Appealed { amount: Money, by: Party },
    /// Another reviewer upheld the cut: final.
    Upheld { amount: Money, by: Party },
    /// The claim was corrected or taken back, and the rule no longer asks this of it.
    Superseded,
}

/// What somebody does about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Accept,
    /// At most what is in question. In an appeal: what of the cut stands.
    Cut(Money),
    Ask,
    /// By the provider.
    Answer,
    /// By the provider.
    Appeal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FindingError {
    #[error("the finding is not in a state in which this can be done")]
    NotDecidable,
    #[error("more would be cut than is in question")]
    CutTooLarge,
    #[error("who made a cut may not decide the appeal against it")]
    SamePerson,
}

/// A finding under review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// In question.
    pub amount: Money,
    pub state: FindingState,
}

impl FindingState {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Noted => "NOTED",
            Self::Open => "OPEN",
            Self::Asked => "ASKED",
            Self::Cleared => "CLEARED",
            Self::Cut { .. } => "CUT",
            Self::Appealed { .. } => "APPEALED",
            Self::Upheld { .. } => "UPHELD",
            Self::Superseded => "SUPERSEDED",
        }
    }

    /// Whether a reviewer found the rule right. None while nobody has decided.
    pub const fn is_upheld(&self) -> Option<bool> {
        match self {
            Self::Cleared => Some(false),
            Self::Cut { .. } | Self::Upheld { .. } => Some(true),
            Self::Noted | Self::Open | Self::Asked | Self::Appealed { .. } | Self::Superseded => None,
        }
    }
}

impl Review {
    /// What the provider is not paid as things stand.
    pub fn withheld(&self) -> Money {
        match &self.state {
            FindingState::Noted | FindingState::Cleared | FindingState::Superseded => Money::ZERO,
            FindingState::Open | FindingState::Asked => self.amount,
            FindingState::Cut { amount, .. }
            | FindingState::Appealed { amount, .. }
            | FindingState::Upheld { amount, .. } => *amount,
        }
    }

    /// The review of a claim of which the rule no longer asks this; none where nothing hangs on it.
    pub fn supersede(&self) -> Option<Self> {
        match self.state {
            FindingState::Noted | FindingState::Cleared | FindingState::Superseded => None,
            _ => Some(Self { amount: self.amount, state: FindingState::Superseded }),
        }
    }

    /// The review after a decision of this person.
    pub fn decide(&self, decision: Decision, by: &Party) -> Result<Self, FindingError> {
        use FindingState as S;
        let state = match (&self.state, decision) {
            (S::Open | S::Asked, Decision::Cut(amount)) => {
                S::Cut { amount: within(amount, self.amount)?, by: by.clone() }
            }
            (S::Open, Decision::Ask) => S::Asked,
            (S::Asked, Decision::Answer) => S::Open,
            (S::Cut { amount, by }, Decision::Appeal) => S::Appealed { amount: *amount, by: by.clone() },
            (S::Appealed { by: cutter, .. }, Decision::Accept | Decision::Cut(_)) if cutter == by => {
                return Err(FindingError::SamePerson);
            }
            (S::Open | S::Asked | S::Appealed { .. }, Decision::Accept) => S::Cleared,
            (S::Appealed { amount: cut, .. }, Decision::Cut(amount)) => {
                S::Upheld { amount: within(amount, *cut)?, by: by.clone() }
            }
            _ => return Err(FindingError::NotDecidable),
        };
        Ok(Self { amount: self.amount, state })
    }
}

fn within(cut: Money, most: Money) -> Result<Money, FindingError> {
    if cut.is_positive() && cut <= most { Ok(cut) } else { Err(FindingError::CutTooLarge) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn reviewer(name: &str) -> Party {
        format!("client:{name}").parse().unwrap()
    }

    fn open() -> Review {
        Review { amount: money("100.00"), state: FindingState::Open }
    }

    #[test]
    fn ad_08_a_finding_withholds_what_it_questions_until_it_is_decided() {
        let (ann, bo) = (reviewer("ann"), reviewer("bo"));
        assert_eq!(open().withheld(), money("100.00"));
        let asked = open().decide(Decision::Ask, &ann).unwrap();
        assert_eq!(asked.withheld(), money("100.00"));
        let answered = asked.decide(Decision::Answer, &bo).unwrap();
        assert_eq!(answered.decide(Decision::Accept, &ann).unwrap().withheld(), Money::ZERO);
        let cut = answered.decide(Decision::Cut(money("40.00")), &ann).unwrap();
        assert_eq!((cut.withheld(), cut.state.is_upheld()), (money("40.00"), Some(true)));
        assert_eq!(Review { state: FindingState::Noted, ..open() }.withheld(), Money::ZERO);
    }

    #[test]
    fn ad_08_an_appeal_is_decided_by_another_and_cannot_cost_more() {
        let (ann, bo) = (reviewer("ann"), reviewer("bo"));
        let appealed =
            open().decide(Decision::Cut(money("40.00")), &ann).unwrap().decide(Decision::Appeal, &bo).unwrap();
        assert_eq!(appealed.withheld(), money("40.00"));
        assert_eq!(appealed.decide(Decision::Accept, &ann), Err(FindingError::SamePerson));
        assert_eq!(appealed.decide(Decision::Cut(money("40.01")), &bo), Err(FindingError::CutTooLarge));
        assert_eq!(appealed.decide(Decision::Accept, &bo).unwrap().withheld(), Money::ZERO);
        let upheld = appealed.decide(Decision::Cut(money("30.00")), &bo).unwrap();
        assert_eq!(upheld.withheld(), money("30.00"));
        assert_eq!(upheld.decide(Decision::Appeal, &bo), Err(FindingError::NotDecidable), "once only");
    }

    #[test]
    fn ad_08_what_is_no_longer_asked_withholds_nothing_and_is_over() {
        let ann = reviewer("ann");
        let cut = open().decide(Decision::Cut(money("40.00")), &ann).unwrap();
        for review in [open(), open().decide(Decision::Ask, &ann).unwrap(), cut] {
            let superseded = review.supersede().unwrap();
            assert_eq!((superseded.withheld(), superseded.state.is_upheld()), (Money::ZERO, None));
            assert_eq!(superseded.supersede(), None);
            assert_eq!(superseded.decide(Decision::Accept, &ann), Err(FindingError::NotDecidable));
        }
        assert_eq!(open().decide(Decision::Accept, &ann).unwrap().supersede(), None, "it was cleared");
    }

    #[test]
    fn ad_08_what_is_decided_is_not_decided_again_and_no_cut_exceeds_what_is_in_question() {
        let ann = reviewer("ann");
        assert_eq!(open().decide(Decision::Cut(money("100.01")), &ann), Err(FindingError::CutTooLarge));
        assert_eq!(open().decide(Decision::Cut(Money::ZERO), &ann), Err(FindingError::CutTooLarge));
        let cleared = open().decide(Decision::Accept, &ann).unwrap();
        for decision in [Decision::Accept, Decision::Ask, Decision::Answer, Decision::Appeal, Decision::Cut(money("1"))]
        {
            assert_eq!(cleared.decide(decision, &ann), Err(FindingError::NotDecidable));
        }
    }
}
