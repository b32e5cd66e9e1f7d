//! A policy in words, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chassis::access::{Grant, Policy, Priority, Veil};
use serde::Serialize;
use types::caller::Role;

/// One RPC.
#[derive(Debug, Serialize)]
pub(super) struct Rpc {
    method: String,
    /// Needs no token.
    anonymous: bool,
    /// Who calls is named in no trace, no log and no recorded refusal.
    confidential: bool,
    priority: &'static str,
    long_poll: bool,
    roles: Vec<Seen>,
    /// Services whose certificate may call it, whatever token they carry.
    called_by: Vec<String>,
    /// Services that may go on with it in a resident's name, under a mandate.
    continued_by: Vec<String>,
    /// Fields of the answer that the contract masks, whatever the role, and what it says of them.
    masked_by_contract: BTreeMap<String, String>,
}

/// What a role sees of a method's rows.
#[derive(Debug, Serialize)]
struct Seen {
    role: String,
    /// The object rule as written.
    object: String,
    /// The object rule in words.
    rows: String,
    hidden: Vec<String>,
    masked: Vec<String>,
}

/// All that one role can call.
#[derive(Debug, Serialize)]
pub(super) struct Duties {
    role: String,
    methods: Vec<Duty>,
    /// Services only: what it may go on with in a resident's name.
    continues: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Duty {
    method: String,
    #[serde(flatten)]
    seen: Seen,
}

impl Rpc {
    pub(super) fn new(
        policy: &Policy,
        called_by: Vec<String>,
        continuations: &BTreeMap<String, BTreeSet<String>>,
        masked_by_contract: BTreeMap<String, String>,
    ) -> Self {
        let continued_by = continuations.iter().filter(|(_, methods)| methods.contains(&policy.method));
        Self {
            method: policy.method.clone(),
            anonymous: policy.anonymous,
            confidential: policy.confidential,
            priority: match policy.priority {
                Priority::New => "new",
                Priority::Complete => "complete",
            },
            long_poll: policy.long_poll,
            roles: policy.grants.iter().map(|(role, grant)| Seen::new(role, grant)).collect(),
            called_by,
            continued_by: continued_by.map(|(service, _)| service.clone()).collect(),
            masked_by_contract,
        }
    }
}

impl Seen {
    fn new(role: &Role, grant: &Grant) -> Self {
        let veiled = |by: Veil| {
            let fields = grant.veiled.iter().filter(|(_, veil)| **veil == by);
            fields.map(|(field, _)| field.clone()).collect()
        };
        Self {
            role: role.to_string(),
            object: grant.object.to_string(),
            rows: grant.object.described() + if grant.on_behalf { "; in a resident's name only" } else { "" },
            hidden: veiled(Veil::Hidden),
            masked: veiled(Veil::Masked),
        }
    }

    fn is_alike(&self, other: &Self) -> bool {
        (&self.rows, &self.hidden, &self.masked) == (&other.rows, &other.hidden, &other.masked)
    }
}

impl Duties {
    pub(super) fn new(role: &Role, all: &[&Policy], continuations: &BTreeMap<String, BTreeSet<String>>) -> Self {
        let granted = all.iter().filter_map(|policy| Some((policy, policy.grants.get(role)?)));
        let methods =
            granted.map(|(policy, grant)| Duty { method: policy.method.clone(), seen: Seen::new(role, grant) });
        let continues = match role {
            Role::Service(name) => continuations.get(name).into_iter().flatten().cloned().collect(),
            _ => vec![],
        };
        Self { role: role.to_string(), methods: methods.collect(), continues }
    }
}

impl fmt::Display for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.method)?;
        if self.anonymous {
            write!(f, "\n  anybody, without a token")?;
        }
        let mut told: Vec<&Seen> = vec![];
        for seen in &self.roles {
            if told.iter().any(|told| told.is_alike(seen)) {
                continue;
            }
            told.push(seen);
            let alike = self.roles.iter().filter(|other| other.is_alike(seen)).map(|other| other.role.as_str());
            write!(f, "\n  {}\n    see {}", alike.collect::<Vec<_>>().join(", "), seen.rows)?;
            veils(f, seen)?;
        }
        if !self.continued_by.is_empty() {
            write!(f, "\n  {}, in a resident's name under a mandate", self.continued_by.join(", "))?;
        }
        if !self.called_by.is_empty() {
            write!(f, "\n  of our services, over the certificate of: {}", self.called_by.join(", "))?;
        }
        if !self.masked_by_contract.is_empty() {
            write!(f, "\n  whoever calls, by the contract:")?;
        }
        self.masked_by_contract.iter().try_for_each(|(field, said)| write!(f, "\n    {field}: {said}"))?;
        if self.confidential {
            write!(f, "\n  who calls is named in no trace, no log and no recorded refusal")?;
        }
        let under_load = match (self.long_poll, self.priority) {
            (true, _) => "waits by design; does not count as work in flight",
            (false, "complete") => "finishes what was begun; has headroom above new work",
            _ => "new work; gives way first",
        };
        write!(f, "\n  under load: {under_load}")
    }
}

fn veils(f: &mut fmt::Formatter<'_>, seen: &Seen) -> fmt::Result {
    for (fields, word) in [(&seen.hidden, "without"), (&seen.masked, "masked:")] {
        if !fields.is_empty() {
            write!(f, "\n    {word} {}", fields.join(", "))?;
        }
    }
    Ok(())
}

impl fmt::Display for Duties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} can call {} RPCs", self.role, self.methods.len())?;
        for duty in &self.methods {
            write!(f, "\n  {}\n    sees {}", duty.method, duty.seen.rows)?;
            veils(f, &duty.seen)?;
        }
        if !self.continues.is_empty() {
            write!(f, "\n  in a resident's name, under a mandate:")?;
        }
        self.continues.iter().try_for_each(|method| write!(f, "\n    {method}"))
    }
}
