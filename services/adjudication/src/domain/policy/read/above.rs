//! What pays above basic insurance: thresholds, bands without gap or overlap, nobody's group in two rows.

use std::collections::BTreeSet;

use types::money::Money;

use super::{
    super::{
        Account, Assistance, AssistanceRow, CoverAbove, CriticalIllness, Sourced, TopUp, Tranche, Voucher,
        document as doc,
    },
    Read, Sources, Span, amount, malformed, missing, present, span,
};
use crate::domain::circumstances::Group;

impl Sources<'_> {
    pub(super) fn critical_illness(&self, layer: doc::CriticalIllness) -> Read<CriticalIllness> {
        let everybody = present(layer.everybody, "critical_illness.everybody")?;
        if !everybody.groups.is_empty() {
            return Err(malformed("critical_illness.everybody.groups", &"everybody is in no group"));
        }
        let assisted = match layer.assisted {
            None => None,
            Some(assisted) => {
                let groups = some(&assisted.groups, "critical_illness.assisted.groups")?;
                Some((groups, self.cover_above(assisted, "critical_illness.assisted")?))
            }
        };
        Ok(CriticalIllness { everybody: self.cover_above(everybody, "critical_illness.everybody")?, assisted })
    }

    fn cover_above(&self, cover: doc::CoverAbove, path: &str) -> Read<Sourced<CoverAbove>> {
        let threshold = amount(&format!("{path}.threshold"), cover.threshold)?;
        let mut bands = Vec::with_capacity(cover.bands.len());
        let mut begins = Some(Money::ZERO);
        for (index, band) in cover.bands.into_iter().enumerate() {
            let path = format!("{path}.bands[{index}]");
            let Span { from, to } = span(&path, begins, band.from, band.to)?;
            let ratio = present(band.fund_ratio, &format!("{path}.fund_ratio"))?;
            begins = to;
            bands.push(Tranche { from, to, ratio });
        }
        if bands.last().ok_or_else(|| missing(&format!("{path}.bands")))?.to.is_some() {
            return Err(malformed(
                &format!("{path}.bands"),
                &"end neither open nor anywhere: the last one ends \"none\"",
            ));
        }
        let ceiling = present(cover.ceiling, &format!("{path}.ceiling"))?;
        self.sourced(path, CoverAbove { threshold, bands, ceiling }, cover.source)
    }

    pub(super) fn assistance(&self, layer: doc::MedicalAssistance) -> Read<Sourced<Assistance>> {
        let mut rows: Vec<AssistanceRow> = Vec::with_capacity(layer.rows.len());
        for (index, row) in layer.rows.into_iter().enumerate() {
            let path = format!("medical_assistance.rows[{index}]");
            let groups = some(&row.groups, &format!("{path}.groups"))?;
            if rows.iter().any(|earlier| !earlier.groups.is_disjoint(&groups)) {
                return Err(malformed(&format!("{path}.groups"), &"names a group that an earlier row names"));
            }
            let deductible = amount(&format!("{path}.deductible"), row.deductible)?;
            rows.push(AssistanceRow {
                groups,
                deductible,
                ratio: present(row.fund_ratio, &format!("{path}.fund_ratio"))?,
            });
        }
        if rows.is_empty() {
            return Err(missing("medical_assistance.rows"));
        }
        let ceiling = present(layer.ceiling, "medical_assistance.ceiling")?;
        self.sourced("medical_assistance", Assistance { rows, ceiling }, layer.source)
    }

    pub(super) fn top_up(&self, layer: doc::TopUp) -> Read<Sourced<TopUp>> {
        let top_up = TopUp {
            deductible: amount("top_up.deductible", layer.deductible)?,
            ratio: present(layer.ratio, "top_up.ratio")?,
            ceiling: present(layer.ceiling, "top_up.ceiling")?,
        };
        self.sourced("top_up", top_up, layer.source)
    }

    pub(super) fn voucher(&self, voucher: doc::Voucher) -> Read<Sourced<Voucher>> {
        let read = Voucher {
            per_year: amount("voucher.per_year", voucher.per_year)?,
            groups: some(&voucher.groups, "voucher.groups")?,
            kinds: some(&voucher.kinds, "voucher.kinds")?,
            tiers: some(&voucher.tiers, "voucher.tiers")?,
        };
        self.sourced("voucher", read, voucher.source)
    }

    pub(super) fn account(&self, account: doc::Account) -> Read<Sourced<Account>> {
        let read = Account {
            covers: some(&account.covers, "personal_account.covers")?,
            family_mutual_aid: present(account.family_mutual_aid, "personal_account.family_mutual_aid")?,
        };
        self.sourced("personal_account", read, account.source)
    }

    pub(super) fn some_groups(groups: &BTreeSet<Group>, path: &str) -> Read<BTreeSet<Group>> {
        some(groups, path)
    }
}

/// A list that says nothing is a list that is missing.
fn some<T: Clone + Ord>(listed: &BTreeSet<T>, path: &str) -> Read<BTreeSet<T>> {
    if listed.is_empty() { Err(missing(path)) } else { Ok(listed.clone()) }
}
