//! What one authorisation decision takes: the method's policy, the caller's roles, the object rule on a loaded row.
//!
//! Nothing of it is cached, and nothing of it is asked of anybody: whether an organisation cares for a resident is read with the row,
//! in the row's own transaction, and is part of the row when this is decided.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use chassis::access::{Guarded, Policies};
use rust_decimal::Decimal;
use types::caller::{Caller, Party, Role};
use types::ids::{OrganisationId, ResidentId};
use types::region::RegionCode;

use super::figure::{Figure, Goal};
use super::progress;
use crate::access;

const GOAL_US: i64 = 20;
const ROUNDS: u32 = 20_000;
/// Organisations that care for one person at once are few; this is many.
const CARERS: usize = 8;

struct Row {
    resident: ResidentId,
    organisation: OrganisationId,
    carers: Vec<OrganisationId>,
}

impl Guarded for Row {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }

    fn carers(&self) -> Vec<OrganisationId> {
        self.carers.clone()
    }
}

/// Every method of every service, decided for callers who are let in and callers who are not.
pub(super) fn measure() -> Result<Figure> {
    progress("deciding");
    let policies = access::policies()?;
    let methods: Vec<(&Policies, String)> = policies
        .iter()
        .flat_map(|(_, policies)| policies.iter().map(move |policy| (policies, policy.method.clone())))
        .collect();
    let row = Row {
        resident: ResidentId::generate(),
        organisation: OrganisationId::generate(),
        carers: (0..CARERS).map(|_| OrganisationId::generate()).collect(),
    };
    let carer = *row.carers.last().context("a carer")?;
    let callers = [
        caller(Party::Resident(row.resident), None, &[Role::Resident]),
        caller(Party::Client("desk".to_owned()), Some(carer), &[Role::ClinicClerk, Role::Clinician]),
        caller(Party::Client("other".to_owned()), Some(OrganisationId::generate()), &[Role::Operator]),
    ];

    let (mut decisions, mut allowed) = (0_u32, 0_u32);
    let begun_at = Instant::now();
    while decisions < ROUNDS {
        for (policies, method) in &methods {
            for caller in &callers {
                let policy = policies.get(black_box(method)).context("a method without a policy")?;
                let is_allowed = policy.admits(caller, None) && policy.allows(caller, &row);
                allowed += u32::from(black_box(is_allowed));
                decisions += 1;
            }
        }
    }
    let nanos = i64::try_from(begun_at.elapsed().as_nanos())?;
    ensure!(allowed > 0 && allowed < decisions, "every decision was the same");
    let micros = Decimal::new(nanos, 3).checked_div(Decimal::from(decisions)).context("no decision was made")?;
    Ok(Figure {
        bench: "decision".to_owned(),
        ours: micros.round_dp(3),
        reference: None,
        unit: "µs",
        goal: Some(Goal::AtMost(Decimal::from(GOAL_US))),
    })
}

fn caller(subject: Party, organisation: Option<OrganisationId>, roles: &[Role]) -> Caller {
    Caller {
        organisation,
        roles: roles.iter().cloned().collect::<BTreeSet<_>>(),
        ..Caller::new(subject, RegionCode::BEIJING)
    }
}
