//! From a document to a policy: everything present, everything sourced, everybody's ratio exactly once.

mod above;
mod care;
mod dues;

use std::collections::BTreeMap;

use types::{care::CareKind, money::Money};

use super::{Above, ByStatus, Dues, Policy, PolicyError, Problem, Sourced, document as doc, limit::Limit};
use crate::domain::{document::in_words, localized::Localized};

/// Where ratios are checked for everybody; nobody insured is older.
const AGE_MAX: u32 = 150;

type Read<T> = Result<T, PolicyError>;

pub(super) fn policy(text: &str) -> Read<Policy> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| malformed("", &error))?;
    refuse_nulls(&json, "")?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document: doc::Document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| malformed(&error.path().to_string(), &in_words(error.inner())))?;

    let sources = Sources(&document.sources);
    sources.check("rounding", &document.rounding.source)?;
    let effective_from = present(document.effective.from, "effective.from")?;
    if document.effective.to.is_some_and(|to| to < effective_from) {
        return Err(malformed("effective.to", &"ends before it begins"));
    }
    if document.id.is_empty() {
        return Err(malformed("id", &"is empty"));
    }
    let outpatient =
        document.outpatient.map(|care| sources.care(care, "outpatient", CareKind::Outpatient)).transpose()?;
    let inpatient = document.inpatient.map(|care| sources.care(care, "inpatient", CareKind::Inpatient)).transpose()?;
    match (&outpatient, &inpatient) {
        (None, None) => return Err(missing("outpatient")),
        (Some(outpatient), Some(inpatient)) if !outpatient.kinds.is_disjoint(&inpatient.kinds) => {
            return Err(malformed("inpatient.kinds", &"names a kind of care that outpatient.kinds names, too"));
        }
        _ => {}
    }
    let above = Above {
        critical_illness: document.critical_illness.map(|layer| sources.critical_illness(layer)).transpose()?,
        assistance: document.medical_assistance.map(|layer| sources.assistance(layer)).transpose()?,
        top_up: document.top_up.map(|layer| sources.top_up(layer)).transpose()?,
        voucher: document.voucher.map(|voucher| sources.voucher(voucher)).transpose()?,
        account: document.personal_account.map(|account| sources.account(account)).transpose()?,
    };
    let dues = Dues {
        contribution: document.contribution.map(|contribution| sources.contribution(contribution)).transpose()?,
        premium: document.premium.map(|premium| sources.premium(premium)).transpose()?,
        account_credit: document.account_credit.map(|credit| sources.credit(credit)).transpose()?,
        waiting_months: document.waiting_months.map(|waiting| sources.waiting(waiting)).transpose()?,
    };
    let mut stated = Vec::with_capacity(document.stated.len());
    for (index, text) in document.stated.into_iter().enumerate() {
        stated.push(sources.sourced(&format!("stated[{index}]"), Localized::new(text.zh, text.en), text.source)?);
    }
    let doc::Format::V1 = document.format;
    Ok(Policy {
        id: document.id,
        region: document.region,
        scheme: document.scheme,
        name: document.name,
        demonstration: document.demonstration,
        effective_from,
        effective_to: document.effective.to,
        judged_on: document.judged_on,
        sources: document.sources,
        outpatient,
        inpatient,
        above,
        dues,
        stated,
    })
}

/// `null` says "not known", and an unknown number must not reach a calculation. Only an open end may be null.
fn refuse_nulls(json: &serde_json::Value, path: &str) -> Read<()> {
    match json {
        serde_json::Value::Null if path != "effective.to" => Err(missing(path)),
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

/// The legal sources that the document lists.
struct Sources<'a>(&'a BTreeMap<String, Localized>);

impl Sources<'_> {
    fn check(&self, path: &str, cited: &[String]) -> Read<()> {
        let path = format!("{path}.source");
        if cited.is_empty() {
            return Err(error(&path, Problem::NoSource));
        }
        if cited.iter().any(|key| !self.0.contains_key(key)) {
            return Err(error(&path, Problem::UnknownSource));
        }
        Ok(())
    }

    fn sourced<T>(&self, path: &str, value: T, sources: Vec<String>) -> Read<Sourced<T>> {
        self.check(path, &sources)?;
        Ok(Sourced { value, sources })
    }

    fn value<T>(&self, path: &str, value: Option<doc::Value<T>>) -> Read<Sourced<T>> {
        let value = present(value, path)?;
        self.sourced(path, present(value.value, &format!("{path}.value"))?, value.source)
    }
}

/// One place on an axis of amounts.
struct Span {
    from: Money,
    to: Option<Money>,
}

/// A band begins where the one before ends, `begins`, and ends above its beginning; none follows an open one.
fn span(path: &str, begins: Option<Money>, from: Option<Money>, to: Option<Limit>) -> Read<Span> {
    let from = present(from, &format!("{path}.from"))?;
    let expected = begins.ok_or_else(|| malformed(path, &"follows a band that is open at the top"))?;
    if from != expected {
        return Err(error(&format!("{path}.from"), Problem::NotContiguous { expected }));
    }
    let to = match present(to, &format!("{path}.to"))? {
        Limit::Amount(to) if to > from => Some(to),
        Limit::Amount(_) => return Err(malformed(&format!("{path}.to"), &"is not above its beginning")),
        Limit::None => None,
        Limit::NotPublished => return Err(missing(&format!("{path}.to"))),
    };
    Ok(Span { from, to })
}

/// An amount that is stated and not negative.
fn amount(path: &str, amount: Option<Money>) -> Read<Money> {
    let amount = present(amount, path)?;
    if amount.is_negative() {
        return Err(malformed(path, &"is negative"));
    }
    Ok(amount)
}

fn by_status<T>(path: &str, value: Option<doc::ByStatus<T>>) -> Read<ByStatus<T>> {
    let value = present(value, path)?;
    Ok(ByStatus {
        active: present(value.active, &format!("{path}.active"))?,
        retired: present(value.retired, &format!("{path}.retired"))?,
    })
}

fn amounts(path: &str, value: Option<doc::ByStatus<Money>>) -> Read<ByStatus<Money>> {
    let amounts = by_status(path, value)?;
    if amounts.active.is_negative() || amounts.retired.is_negative() {
        return Err(malformed(path, &"a deductible is not negative"));
    }
    Ok(amounts)
}

fn present<T>(value: Option<T>, path: &str) -> Read<T> {
    value.ok_or_else(|| missing(path))
}

fn missing(path: &str) -> PolicyError {
    error(path, Problem::Missing)
}

fn malformed(path: &str, what: &dyn ToString) -> PolicyError {
    error(path, Problem::Malformed(what.to_string()))
}

fn error(path: &str, problem: Problem) -> PolicyError {
    // The root, as serde_path_to_error writes it.
    let path = if path.is_empty() { "." } else { path };
    PolicyError { path: path.to_owned(), problem }
}
