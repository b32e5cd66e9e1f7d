//! When reserved places fall back to everybody (号源释放): steps of a ladder, each for a pool and so many hours before the visit (SC-02).

use types::ids::{DepartmentId, LadderId, OrganisationId};

use super::{error::SchedulingError, pool::Pool};

pub const STEPS_MAX: usize = 20;
const HOURS_MAX: u32 = 720;

/// From so many hours before the visit on, at most that share of the places first published in the pool stays in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub pool: Pool,
    pub hours_before: u32,
    pub keep_percent: u32,
}

/// Of one department, or of a provider's places without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    pub id: LadderId,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub steps: Vec<Step>,
}

/// Refuses steps that cannot be, or that would give back what an earlier one released.
pub fn check(steps: &[Step]) -> Result<(), SchedulingError> {
    if steps.len() > STEPS_MAX {
        return Err(SchedulingError::field("steps", format!("must be at most {STEPS_MAX}")));
    }
    for step in steps {
        if step.pool == Pool::Public {
            return Err(SchedulingError::field("steps.pool", "must be a reserved pool"));
        }
        if !(1..=HOURS_MAX).contains(&step.hours_before) {
            return Err(SchedulingError::field("steps.hours_before", format!("must be 1 to {HOURS_MAX}")));
        }
        if step.keep_percent > 99 {
            return Err(SchedulingError::field("steps.keep_percent", "must be 0 to 99"));
        }
        let is_earlier_and_not_more = |other: &Step| {
            other.pool == step.pool
                && other != step
                && other.hours_before >= step.hours_before
                && other.keep_percent <= step.keep_percent
        };
        if steps.iter().any(is_earlier_and_not_more) || steps.iter().filter(|other| *other == step).count() > 1 {
            return Err(SchedulingError::field("steps.keep_percent", "must fall from step to step of a pool"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(pool: Pool, hours_before: u32, keep_percent: u32) -> Step {
        Step { pool, hours_before, keep_percent }
    }

    #[test]
    fn sc_02_a_ladder_goes_down_and_never_up() {
        let named = |steps: &[Step]| match check(steps) {
            Err(SchedulingError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let good = [step(Pool::Referral, 48, 50), step(Pool::Referral, 24, 0), step(Pool::CommunityWorker, 24, 0)];
        assert!(check(&good).is_ok() && check(&[]).is_ok());
        assert_eq!(named(&[step(Pool::Public, 48, 0)]), "steps.pool");
        assert_eq!(named(&[step(Pool::Referral, 0, 0)]), "steps.hours_before");
        assert_eq!(named(&[step(Pool::Referral, 721, 0)]), "steps.hours_before");
        assert_eq!(named(&[step(Pool::Referral, 48, 100)]), "steps.keep_percent");
        assert_eq!(named(&[step(Pool::Referral, 48, 0), step(Pool::Referral, 24, 50)]), "steps.keep_percent");
        assert_eq!(named(&[step(Pool::Referral, 48, 0), step(Pool::Referral, 48, 0)]), "steps.keep_percent");
        assert_eq!(named(&vec![step(Pool::Referral, 48, 0); STEPS_MAX + 1]), "steps");
    }
}
