//! `anjia access`: who may call what, and which rows and fields they see, as the services' own `access.toml` say. Needs no mesh: the
//! files are those this program was built with.

mod contract;
mod explain;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use chassis::access::{Policies, Policy};
use chassis::methods::Methods;
use clap::Subcommand;
use serde_json::Value;
use types::caller::Role;

use crate::print;

/// Wrong arguments, as clap itself says.
const EXIT_USAGE: u8 = 2;
const SUGGESTIONS_MAX: usize = 5;
/// By Jaro-Winkler; less alike than this suggests nothing.
const ALIKE_ENOUGH: f64 = 0.75;

const FILES: [(&str, &str); 5] = [
    ("identity", include_str!("../../identity/access.toml")),
    ("scheduling", include_str!("../../scheduling/access.toml")),
    ("referral", include_str!("../../referral/access.toml")),
    ("adjudication", include_str!("../../adjudication/access.toml")),
    ("payment", include_str!("../../payment/access.toml")),
];
const CONTINUATIONS: &str = include_str!("../../identity/continuations.toml");

/// Explain who may call what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    WhoCan(WhoCan),
}

/// Who can call an RPC and what they see of its rows; or, with `--role`, all that a role can call.
///
/// Exit codes: 0 answered, 2 no such RPC or role.
#[derive(Debug, clap::Args)]
struct WhoCan {
    /// The RPC: `GetResident`, `ResidentService/GetResident` or its full name.
    #[arg(required_unless_present = "role")]
    rpc: Option<String>,
    /// A role, such as `clinician` or `service:referral`.
    #[arg(long, conflicts_with = "rpc")]
    role: Option<String>,
    /// Print one document of JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Question::WhoCan(asked) = &args.question;
    let policies = policies()?;
    let all: Vec<&Policy> = policies.iter().flat_map(|(_, policies)| policies.iter()).collect();
    let continuations = continuations()?;
    let contracts = contract::Contracts::read()?;
    match (&asked.rpc, &asked.role) {
        (Some(rpc), _) => match matching(&all, rpc).as_slice() {
            [] => Ok(unknown("RPC", rpc, all.iter().map(|policy| short(&policy.method)))),
            found => {
                let explain = |policy: &&Policy| {
                    let masked = contracts.masked(&policy.method);
                    explain::Rpc::new(policy, callers(&policies, policy), &continuations, masked)
                };
                let explained: Vec<_> = found.iter().map(explain).collect();
                answer(asked.json, &explained)
            }
        },
        (None, Some(name)) => {
            let known: BTreeSet<&Role> = all.iter().flat_map(|policy| policy.grants.keys()).collect();
            match known.iter().find(|role| role.to_string() == *name) {
                None => Ok(unknown("role", name, known.iter().map(ToString::to_string))),
                Some(role) => answer(asked.json, &[explain::Duties::new(role, &all, &continuations)]),
            }
        }
        (None, None) => bail!("neither an RPC nor a role is named"),
    }
}

/// The policies of every service, checked against the contracts as the services check them when they start.
pub(crate) fn policies() -> Result<Vec<(&'static str, Policies)>> {
    let methods = Methods::declared();
    let checked = FILES.into_iter().map(|(service, text)| {
        let services = methods.services_of(&format!("anjia.{service}.v1"));
        let policies = Policies::check(text, &services, methods);
        Ok((service, policies.with_context(|| format!("the access.toml of {service}"))?))
    });
    checked.collect()
}

/// The services whose certificate may call a method.
fn callers(policies: &[(&str, Policies)], policy: &Policy) -> Vec<String> {
    let callers = policies.iter().flat_map(|(_, policies)| policies.peers().callers_of(&policy.method));
    callers.map(str::to_owned).collect()
}

/// Methods by the service that may go on with them under a mandate.
fn continuations() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let by_ground: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> =
        toml::from_str(CONTINUATIONS).context("continuations.toml")?;
    Ok(by_ground.into_iter().map(|(service, methods)| (service, methods.into_values().flatten().collect())).collect())
}

/// Every method that a name can mean: `PullEvents` is one of each service.
fn matching<'a>(all: &[&'a Policy], name: &str) -> Vec<&'a Policy> {
    let name = name.trim_start_matches('/');
    let ends_with = |method: &str| {
        let rest = method.strip_suffix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '/']))
    };
    all.iter().copied().filter(|policy| ends_with(&policy.method)).collect()
}

/// `package.v1.ResidentService/GetResident` without its package.
fn short(method: &str) -> String {
    method.rsplit('.').next().unwrap_or(method).to_owned()
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>) -> ExitCode {
    let alike = |candidate: &String| {
        let last = candidate.rsplit('/').next().unwrap_or(candidate);
        strsim::jaro_winkler(name, candidate).max(strsim::jaro_winkler(name, last))
    };
    let mut suggestions: Vec<(f64, String)> = known.map(|candidate| (alike(&candidate), candidate)).collect();
    suggestions.retain(|(likeness, _)| *likeness >= ALIKE_ENOUGH);
    suggestions.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names: Vec<String> = suggestions.into_iter().map(|(_, name)| name).take(SUGGESTIONS_MAX).collect();
    eprintln!("anjia: no {what} is called `{name}`");
    if !names.is_empty() {
        eprintln!("  did you mean: {}", names.join(", "));
    }
    ExitCode::from(EXIT_USAGE)
}

fn answer<T: std::fmt::Display + serde::Serialize>(as_json: bool, explained: &[T]) -> Result<ExitCode> {
    if as_json {
        let values = explained.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
        print(&Value::from(values).to_string())?;
    } else {
        let texts: Vec<String> = explained.iter().map(ToString::to_string).collect();
        print(&texts.join("\n\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(rpc: &str) -> Vec<explain::Rpc> {
        let (policies, continuations) = (policies().unwrap(), continuations().unwrap());
        let all: Vec<&Policy> = policies.iter().flat_map(|(_, policies)| policies.iter()).collect();
        let contracts = contract::Contracts::read().unwrap();
        let explain = |policy: &&Policy| {
            let masked = contracts.masked(&policy.method);
            explain::Rpc::new(policy, callers(&policies, policy), &continuations, masked)
        };
        matching(&all, rpc).iter().map(explain).collect()
    }

    #[test]
    fn an_rpc_is_found_by_any_of_its_names_and_not_by_a_part_of_one() {
        let full = "anjia.identity.v1.ResidentService/GetResident";
        for name in
            ["GetResident", "ResidentService/GetResident", full, "/anjia.identity.v1.ResidentService/GetResident"]
        {
            assert_eq!(explained(name).len(), 1, "{name}");
        }
        assert!(explained("Resident").is_empty());
        assert_eq!(explained("PullEvents").len(), FILES.len());
    }

    #[test]
    fn id_07_an_rpc_says_who_can_call_it_and_what_they_see() {
        let text = explained("GetResident")[0].to_string();
        for part in ["clinic_clerk", "rows of the resident in whose name the call is made", "gives way first"] {
            assert!(text.contains(part), "{text}");
        }
        let name = "resident.display_name: Name, masked (`陈**`) unless the caller is the resident";
        assert!(text.contains(name), "what nobody else sees: {text}");
        let hold = explained("HoldSlot")[0].to_string();
        assert!(hold.contains("referral, in a resident's name under a mandate"), "{hold}");
        assert!(hold.contains("over the certificate of: referral"), "{hold}");
        let keys = explained("GetKeys")[0].to_string();
        assert!(keys.contains("anybody, without a token"), "{keys}");
    }

    #[test]
    fn id_07_what_a_service_may_go_on_with_lets_it_in() {
        let policies = policies().unwrap();
        let all: Vec<&Policy> = policies.iter().flat_map(|(_, policies)| policies.iter()).collect();
        for (service, methods) in continuations().unwrap() {
            for method in methods {
                let policy = all.iter().find(|policy| policy.method == method).expect("a method of the contracts");
                let is_let_in = policy.grants.contains_key(&Role::Service(service.clone()));
                assert!(is_let_in, "{service} may go on with {method}, which does not let it in");
            }
        }
    }

    #[test]
    fn id_07_a_role_says_all_it_can_call() {
        let (policies, continuations) = (policies().unwrap(), continuations().unwrap());
        let all: Vec<&Policy> = policies.iter().flat_map(|(_, policies)| policies.iter()).collect();
        let bank = explain::Duties::new(&Role::Bank, &all, &continuations).to_string();
        assert!(bank.contains("payment.v1.BankService/GrantCreditLine"), "{bank}");
        assert!(!bank.contains("ReleasePolicy"), "{bank}");
    }
}
