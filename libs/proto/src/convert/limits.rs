//! Limits of delegations, which every service under whose roof somebody acts for another must read alike.

use std::collections::BTreeSet;

use types::delegation::Limits;

use super::{FieldError, care_kind, id, money, to_care_kind, to_money};
use crate::anjia::identity::v1 as wire;

/// Most providers a delegation names.
const ORGANISATIONS_MAX: usize = 50;
/// Most uses it counts.
const USES_MAX: i32 = 1_000;

/// Limits as they are said; none said limits nothing.
pub fn limits(field: &str, value: Option<&wire::DelegationLimits>) -> Result<Limits, FieldError> {
    value.map_or_else(|| Ok(Limits::default()), |value| parse(value).map_err(|wrong| wrong.within(field)))
}

fn parse(value: &wire::DelegationLimits) -> Result<Limits, FieldError> {
    let kinds = value.care_kinds.iter().enumerate();
    let organisations = value.organisation_ids.iter().enumerate();
    if value.organisation_ids.len() > ORGANISATIONS_MAX {
        return Err(FieldError::new("organisation_ids", format!("must be at most {ORGANISATIONS_MAX}")));
    }
    let uses_max = match value.uses_max {
        0 => None,
        uses @ 1..=USES_MAX => u32::try_from(uses).ok(),
        _ => return Err(FieldError::new("uses_max", format!("must be 1 to {USES_MAX}, or 0 for no limit"))),
    };
    let amount_max = value.amount_max.as_ref().map(|amount| money("amount_max", Some(amount))).transpose()?;
    if amount_max.is_some_and(|amount| !amount.is_positive()) {
        return Err(FieldError::new("amount_max", "must be more than nothing"));
    }
    Ok(Limits {
        care_kinds: kinds
            .map(|(index, kind)| care_kind(&format!("care_kinds[{index}]"), *kind))
            .collect::<Result<BTreeSet<_>, _>>()?,
        organisations: organisations
            .map(|(index, text)| id(&format!("organisation_ids[{index}]"), text))
            .collect::<Result<BTreeSet<_>, _>>()?,
        uses_max,
        amount_max,
    })
}

/// The same on the wire; unset where nothing is limited.
pub fn to_limits(limits: &Limits) -> Option<wire::DelegationLimits> {
    (*limits != Limits::default()).then(|| wire::DelegationLimits {
        care_kinds: limits.care_kinds.iter().map(|kind| to_care_kind(*kind)).collect(),
        organisation_ids: limits.organisations.iter().map(ToString::to_string).collect(),
        uses_max: limits.uses_max.and_then(|uses| i32::try_from(uses).ok()).unwrap_or_default(),
        amount_max: limits.amount_max.map(to_money),
    })
}
