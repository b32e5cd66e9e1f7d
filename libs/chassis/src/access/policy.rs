//! `access.toml`, read and compared with the contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use types::caller::{Caller, Party, Role};

use super::peers::Peers;
use super::permit::Guarded;
use super::rule::ObjectRule;
use super::veil::{FieldMask, Path, Veil};
use crate::methods::{Fields, Methods, Shape};

/// What gives way first under load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Begins something.
    #[default]
    New,
    /// Finishes what was begun, and so has headroom above `new`.
    Complete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    roles: BTreeSet<Role>,
    object: Option<ObjectRule>,
    /// Roles with another object rule than the rest.
    object_for: BTreeMap<Role, ObjectRule>,
    /// Services that come in a resident's name only, under a mandate, and never in their own.
    on_behalf: BTreeSet<Role>,
    /// Fields of the answer that a role does not get, by path: `resident.mobile`.
    hidden_from: BTreeMap<Role, BTreeSet<String>>,
    /// Text fields of which a role sees the first character.
    masked_for: BTreeMap<Role, BTreeSet<String>>,
    priority: Priority,
    anonymous: bool,
    confidential: bool,
    long_poll: bool,
}

/// What a role may see of what a method shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub object: ObjectRule,
    /// A service that comes in a resident's name only, under a mandate.
    pub on_behalf: bool,
    /// Fields by path, as `access.toml` names them.
    pub veiled: BTreeMap<String, Veil>,
    mask: FieldMask,
}

/// The policy of one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `package.Service/Method`.
    pub method: String,
    /// Any one role suffices.
    pub grants: BTreeMap<Role, Grant>,
    pub priority: Priority,
    /// Needs no token: token exchange and keys only.
    pub anonymous: bool,
    /// Who calls is named in no trace, no line of the log and no recorded refusal.
    pub confidential: bool,
    /// Waits by design (`PullEvents`): does not count as work in flight, and is cut short by a drain.
    pub long_poll: bool,
    pub(crate) shape: Shape,
}

impl Policy {
    /// Whether the caller may call at all. `continued` are the only methods of a continuation token, `None` for every other.
    pub fn admits(&self, caller: &Caller, continued: Option<&[String]>) -> bool {
        self.grants_of(caller).next().is_some() && continued.is_none_or(|methods| methods.contains(&self.method))
    }

    /// Whether the caller may see this row.
    pub fn allows(&self, caller: &Caller, row: &impl Guarded) -> bool {
        self.lists_service(caller) || self.grants_of(caller).any(|grant| grant.object.allows(caller, row))
    }

    /// Whether any of the caller's roles leaves a field of the answer veiled.
    pub(crate) fn veils(&self, caller: &Caller) -> bool {
        self.grants_of(caller).any(|grant| !grant.mask.is_empty())
    }

    /// The fields of the answer that none of the caller's roles shows.
    pub(crate) fn mask(&self, caller: &Caller) -> FieldMask {
        FieldMask::of_all(self.grants_of(caller).map(|grant| &grant.mask)).unwrap_or_default()
    }

    /// The fields of a row that none of the roles shows by which the caller may see it.
    pub(crate) fn mask_of(&self, caller: &Caller, row: &impl Guarded) -> FieldMask {
        let opening = self.grants_of(caller).filter(|grant| grant.object.allows(caller, row));
        FieldMask::of_all(opening.map(|grant| &grant.mask)).unwrap_or_else(|| self.mask(caller))
    }

    fn grants_of(&self, caller: &Caller) -> impl Iterator<Item = &Grant> {
        let grants = caller.roles.iter().filter_map(|role| self.grants.get(role));
        grants.filter(|grant| !grant.on_behalf || caller.actor.is_some())
    }

    /// A service in its own name and nobody else's, on a method that lists it.
    fn lists_service(&self, caller: &Caller) -> bool {
        match (&caller.subject, &caller.actor) {
            (Party::Service(name), None) => {
                self.grants.get(&Role::Service(name.clone())).is_some_and(|grant| !grant.on_behalf)
            }
            _ => false,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("access.toml cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("access.toml and the contracts differ:\n{}", .0.join("\n"))]
    Differs(Vec<String>),
}

/// `access.toml` as it is written.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    peers: Peers,
    #[serde(flatten)]
    methods: BTreeMap<String, Entry>,
}

/// The policies of every method a server has, and which of our services calls which.
#[derive(Debug, Default)]
pub struct Policies {
    methods: BTreeMap<String, Arc<Policy>>,
    peers: Peers,
}

impl Policies {
    /// Reads `access.toml` and compares it both ways with the contracts of the `anjia.*` services that the server registers.
    pub fn check(text: &str, services: &[&str], methods: &Methods) -> Result<Self, AccessError> {
        let File { peers, methods: entries } = toml::from_str(text)?;
        let declared: BTreeSet<&str> = services.iter().flat_map(|service| methods.of_service(service)).collect();

        let undeclared = services
            .iter()
            .filter(|service| methods.of_service(service).next().is_none())
            .map(|service| format!("  {service}: registered, but not in the contracts"));
        let missing = declared
            .iter()
            .filter(|method| !entries.contains_key(**method))
            .map(|method| format!("  {method}: no entry in access.toml"));
        let foreign = entries
            .keys()
            .filter(|method| !declared.contains(method.as_str()))
            .map(|method| format!("  {method}: in access.toml, but not an RPC of this server"));
        let incomplete = entries.iter().filter_map(|(method, entry)| Some(format!("  {method}: {}", entry.fault()?)));
        let mut differences: Vec<String> =
            undeclared.chain(missing).chain(foreign).chain(incomplete).chain(peers.faults(&declared)).collect();

        let mut policies = BTreeMap::new();
        for (method, entry) in entries {
            let Some(shape) = methods.shape(&method) else { continue };
            match entry.policy(&method, shape) {
                Ok(policy) => drop(policies.insert(method, Arc::new(policy))),
                Err(unknown) => differences.extend(unknown.iter().map(|fault| format!("  {method}: {fault}"))),
            }
        }
        if differences.is_empty() {
            Ok(Self { methods: policies, peers })
        } else {
            Err(AccessError::Differs(differences))
        }
    }

    /// The policy of `package.Service/Method`.
    pub fn get(&self, method: &str) -> Option<&Arc<Policy>> {
        self.methods.get(method)
    }

    /// What our services may call here.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.methods.values().map(Arc::as_ref)
    }
}

impl Entry {
    fn fault(&self) -> Option<String> {
        let named = self.object_for.keys().chain(self.hidden_from.keys()).chain(self.masked_for.keys());
        let named = named.chain(&self.on_behalf);
        let stranger = named.into_iter().find(|role| !self.roles.contains(role));
        match (self.anonymous, self.roles.is_empty(), &self.object, stranger) {
            (true, false, _, _) => Some("anonymous methods have no roles".to_owned()),
            (false, true, _, _) => Some("names no role".to_owned()),
            (false, _, None, _) => Some("names no object rule".to_owned()),
            (.., Some(role)) => Some(format!("says what {role} sees, who may not call it")),
            _ => None,
        }
    }

    /// The policy, or every field path that is not one.
    fn policy(self, method: &str, shape: Shape) -> Result<Policy, Vec<String>> {
        let (mut grants, mut faults) = (BTreeMap::new(), Vec::new());
        for role in &self.roles {
            let Some(object) = self.object_for.get(role).or(self.object.as_ref()).cloned() else { continue };
            let (veiled, on_behalf) = (self.veiled(role), self.on_behalf.contains(role));
            match mask(method, &veiled) {
                Ok(mask) => drop(grants.insert(role.clone(), Grant { object, on_behalf, veiled, mask })),
                Err(unknown) => faults.extend(unknown),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let Self { priority, anonymous, confidential, long_poll, .. } = self;
        Ok(Policy { method: method.to_owned(), grants, priority, anonymous, confidential, long_poll, shape })
    }

    fn veiled(&self, role: &Role) -> BTreeMap<String, Veil> {
        let of = |fields: &BTreeMap<Role, BTreeSet<String>>, veil| {
            fields.get(role).into_iter().flatten().map(|field| (field.clone(), veil)).collect::<Vec<_>>()
        };
        let masked = of(&self.masked_for, Veil::Masked);
        masked.into_iter().chain(of(&self.hidden_from, Veil::Hidden)).collect()
    }
}

fn mask(method: &str, veiled: &BTreeMap<String, Veil>) -> Result<FieldMask, Vec<String>> {
    let (mut fields, mut faults) = (BTreeMap::<Path, Veil>::new(), Vec::new());
    for (path, veil) in veiled {
        match Fields::declared().resolve(method, path) {
            Some(field) if *veil == Veil::Masked && !field.is_text => faults.push(format!("{path} is no text to mask")),
            Some(field) => drop(fields.insert(field.numbers, *veil)),
            None => faults.push(format!("the answer has no field {path}")),
        }
    }
    if faults.is_empty() { Ok(FieldMask::new(fields)) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use types::ids::{OrganisationId, ResidentId};
    use types::region::RegionCode;

    use super::*;

    const SERVICE: &str = "anjia.identity.v1.TokenService";

    fn check(text: &str) -> Result<Policies, AccessError> {
        Policies::check(text, &[SERVICE], Methods::declared())
    }

    /// A file in which one entry has these lines.
    fn with(lines: &str) -> String {
        let others = ["ExchangeToken", "RevokeToken", "LiftRevocation", "PullRevocations"];
        let others: String = others.map(|name| format!("[\"{SERVICE}/{name}\"]\nanonymous = true\n")).concat();
        format!("{others}[\"{SERVICE}/GetKeys\"]\n{lines}")
    }

    #[test]
    fn a_complete_file_is_accepted() {
        let text = with(
            "roles = [\"resident\", \"service:referral\"]\nobject = \"subject\"\npriority = \"complete\"\n\
             object_for = { \"service:referral\" = \"subject_or_care\" }\nhidden_from = { resident = [\"keys.x\"] }\n\
             [peers]\nreferral = [\"anjia.identity.v1.TokenService/GetKeys\"]",
        );
        let policies = check(&text).unwrap();
        let policy = policies.get("anjia.identity.v1.TokenService/GetKeys").unwrap();
        assert_eq!(policy.priority, Priority::Complete);
        let rules: Vec<String> = policy.grants.values().map(|grant| grant.object.to_string()).collect();
        assert_eq!(rules, ["subject", "subject_or_care"]);
        assert_eq!(policy.grants[&Role::Resident].veiled, BTreeMap::from([("keys.x".to_owned(), Veil::Hidden)]));
        let may = |service, method| policies.peers().may(service, &format!("{SERVICE}/{method}"));
        let outcome = [may("referral", "GetKeys"), may("referral", "ExchangeToken"), may("payment", "GetKeys")];
        assert_eq!(outcome, [true, false, false]);
    }

    #[test]
    fn a_service_that_comes_on_behalf_of_residents_does_not_come_in_its_own_name() {
        let text = with(
            "roles = [\"service:referral\", \"service:payment\"]\nobject = \"subject\"\n\
             on_behalf = [\"service:referral\"]",
        );
        let policies = check(&text).unwrap();
        let policy = policies.get("anjia.identity.v1.TokenService/GetKeys").unwrap();
        let own = |name: &str| Caller {
            roles: BTreeSet::from([Role::Service(name.to_owned())]),
            ..Caller::new(Party::Service(name.to_owned()), RegionCode::BEIJING)
        };
        let resident = ResidentId::generate();
        let continuing = Caller {
            subject: Party::Resident(resident),
            actor: Some(Party::Service("referral".to_owned())),
            ..own("referral")
        };
        let admitted = [&own("referral"), &own("payment"), &continuing].map(|caller| policy.admits(caller, None));
        assert_eq!(admitted, [false, true, true]);
        let allowed =
            [&own("referral"), &own("payment"), &continuing].map(|caller| policy.allows(caller, &Of(resident)));
        assert_eq!(allowed, [false, true, true]);
    }

    /// A row of a resident.
    struct Of(ResidentId);

    impl Guarded for Of {
        fn resident(&self) -> Option<ResidentId> {
            Some(self.0)
        }

        fn organisations(&self) -> Vec<OrganisationId> {
            vec![]
        }
    }

    #[test]
    fn every_difference_is_named() {
        let error = check(
            r#"
            ["anjia.identity.v1.TokenService/GetKeys"]
            roles = []
            ["anjia.identity.v1.TokenService/Forge"]
            anonymous = true
            [peers]
            referral = ["anjia.identity.v1.TokenService/GetKeys", "anjia.identity.v1.TokenService/Guess"]
            "#,
        )
        .unwrap_err()
        .to_string();
        for difference in
            ["ExchangeToken: no entry", "Forge: in access.toml", "GetKeys: names no role", "Guess: listed for referral"]
        {
            assert!(error.contains(difference), "{error}");
        }
    }

    #[test]
    fn unknown_words_are_refused() {
        for line in ["roles = [\"root\"]", "object = \"everything\"", "priority = \"high\"", "anonymus = true"] {
            assert!(matches!(check(&with(line)), Err(AccessError::Syntax(_))), "{line}");
        }
    }

    #[test]
    fn a_mask_names_fields_that_the_contract_has_and_roles_that_may_call() {
        let named = "roles = [\"resident\"]\nobject = \"anyone\"\n";
        let refused = [
            ("hidden_from = { resident = [\"keys.secret\"] }", "the answer has no field keys.secret"),
            ("hidden_from = { resident = [\"keys.x.y\"] }", "the answer has no field keys.x.y"),
            ("masked_for = { resident = [\"keys\"] }", "keys is no text to mask"),
            ("masked_for = { auditor = [\"keys.x\"] }", "says what auditor sees, who may not call it"),
            ("object_for = { auditor = \"anyone\" }", "says what auditor sees, who may not call it"),
            ("on_behalf = [\"service:payment\"]", "says what service:payment sees, who may not call it"),
        ];
        for (line, expected) in refused {
            let error = check(&with(&format!("{named}{line}"))).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
