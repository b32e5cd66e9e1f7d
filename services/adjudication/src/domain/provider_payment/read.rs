//! From a document to terms: everything present, everything sourced, no care paid twice.

use std::collections::{BTreeMap, BTreeSet};

use drg::payment::{TermsError, present};
use types::money::Ratio;
use types::tier::Tier;

use super::document as doc;
use super::{MethodRule, Part, Pay, PaymentTerms, capitation, dip, per_unit, quality};
use crate::domain::document::in_words;
use crate::domain::localized::Localized;

type Read<T> = Result<T, TermsError>;

pub(super) fn terms(text: &str) -> Read<PaymentTerms> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| TermsError::malformed(".", error.to_string()))?;
    refuse_nulls(&json, "")?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document: doc::Document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| TermsError::malformed(error.path().to_string(), in_words(error.inner())))?;
    let (doc::Format::V1, doc::Rounding::HalfUpToFen) = (document.format, document.rounding);

    let effective_from = present(document.effective.from, "effective.from")?;
    if document.effective.to.is_some_and(|to| to < effective_from) {
        return Err(TermsError::malformed("effective.to", "ends before it begins"));
    }
    if document.id.is_empty() {
        return Err(TermsError::malformed("id", "is empty"));
    }
    let quality = match document.value_based {
        Some(quality) => {
            cited(&document.sources, "value_based", &quality.source)?;
            Some(quality::read(quality, "value_based")?)
        }
        None => None,
    };
    Ok(PaymentTerms {
        id: document.id,
        region: document.region,
        scheme: document.scheme,
        name: document.name,
        demonstration: document.demonstration,
        effective_from,
        effective_to: document.effective.to,
        judged_on: document.judged_on,
        may_be_negative: present(document.may_be_negative, "may_be_negative")?,
        methods: methods(document.methods, &document.sources)?,
        sources: document.sources,
        quality,
    })
}

/// `null` says "not known", and an unknown number must not reach a calculation. Only an open end may be null.
fn refuse_nulls(json: &serde_json::Value, path: &str) -> Read<()> {
    match json {
        serde_json::Value::Null if path != "effective.to" => Err(TermsError::missing(path)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| refuse_nulls(item, &format!("{path}[{index}]")))
        }
        serde_json::Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let separator = if path.is_empty() { "" } else { "." };
            refuse_nulls(value, &format!("{path}{separator}{name}"))
        }),
        _ => Ok(()),
    }
}

fn cited(sources: &BTreeMap<String, Localized>, path: &str, keys: &[String]) -> Read<()> {
    let path = format!("{path}.source");
    if keys.is_empty() {
        return Err(TermsError::malformed(path, "names no source"));
    }
    if keys.iter().any(|key| !sources.contains_key(key)) {
        return Err(TermsError::malformed(path, "names a source that the document does not list"));
    }
    Ok(())
}

fn methods(written: Vec<doc::MethodDocument>, sources: &BTreeMap<String, Localized>) -> Read<Vec<MethodRule>> {
    if written.is_empty() {
        return Err(TermsError::missing("methods"));
    }
    let mut read: Vec<MethodRule> = Vec::with_capacity(written.len());
    for (index, method) in written.into_iter().enumerate() {
        let path = format!("methods[{index}]");
        cited(sources, &path, &method.source)?;
        if method.kinds.is_empty() {
            return Err(TermsError::missing(format!("{path}.kinds")));
        }
        if method.tiers.is_empty() {
            return Err(TermsError::missing(format!("{path}.tiers")));
        }
        let is_taken = |earlier: &MethodRule| {
            !earlier.kinds.is_disjoint(&method.kinds) && !earlier.tiers.is_disjoint(&method.tiers)
        };
        if let Some(earlier) = read.iter().find(|earlier| is_taken(earlier)) {
            return Err(TermsError::malformed(path, format!("pays for care that {} pays for", earlier.path)));
        }
        let pay = pay(present(method.pay, &format!("{path}.pay"))?, &method.tiers, &format!("{path}.pay"))?;
        read.push(MethodRule { kinds: method.kinds, tiers: method.tiers, pay, path, sources: method.source });
    }
    Ok(read)
}

fn pay(written: doc::PayDocument, tiers: &BTreeSet<Tier>, path: &str) -> Read<Pay> {
    use doc::PayDocument as D;
    Ok(match written {
        D::FeeForService(fee) => {
            Pay::FeeForService(present(fee.cost_ratio, &format!("{path}.fee_for_service.cost_ratio"))?)
        }
        D::Drg(terms) => Pay::Drg(Box::new(terms.terms(tiers, &format!("{path}.drg"))?)),
        D::Dip(terms) => Pay::Dip(Box::new(dip::read(*terms, tiers, &format!("{path}.dip"))?)),
        D::Capitation(terms) => Pay::Capitation(capitation::read(terms, &format!("{path}.capitation"))?),
        D::PerUnit(terms) => Pay::PerUnit(per_unit::read(terms, tiers, &format!("{path}.per_unit"))?),
        D::Mixture(parts) => Pay::Mixture(mixture(parts, tiers, &format!("{path}.mixture"))?),
    })
}

fn mixture(written: Vec<doc::PartDocument>, tiers: &BTreeSet<Tier>, path: &str) -> Read<Vec<Part>> {
    let mut parts = Vec::with_capacity(written.len());
    for (index, part) in written.into_iter().enumerate() {
        let share = present(part.share, &format!("{path}[{index}].share"))?;
        let path = format!("{path}[{index}].pay");
        let pay = match present(part.pay, &path)? {
            doc::PayDocument::Mixture(_) => return Err(TermsError::malformed(path, "a mixture has no mixture in it")),
            single => pay(single, tiers, &path)?,
        };
        parts.push(Part { share, pay });
    }
    let whole: rust_decimal::Decimal = parts.iter().map(|part| part.share.decimal()).sum();
    if whole != Ratio::ONE.decimal() {
        return Err(TermsError::malformed(path, format!("the shares add up to {whole}, not to 1")));
    }
    Ok(parts)
}
