//! The HTTP rule of a method: `google.api.http`, for as much of it as the contracts use.

use anyhow::{Context, Result, bail};
use prost_reflect::{DynamicMessage, MethodDescriptor};

const VERBS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// How a method is called by REST.
pub(super) struct Rule {
    /// The HTTP method, in small letters.
    pub(super) verb: &'static str,
    pub(super) path: String,
    /// Fields of the request that stand in the path, such as `community.community_code`.
    pub(super) bound: Vec<String>,
    /// Whether all the others stand in the body; else in the query.
    pub(super) has_body: bool,
}

impl Rule {
    /// `None` for a method that is gRPC only.
    pub(super) fn of(method: &MethodDescriptor) -> Result<Option<Self>> {
        let http = method.parent_pool().get_extension_by_name("google.api.http").context("annotations come along")?;
        let options = method.options();
        if !options.has_extension(&http) {
            return Ok(None);
        }
        let value = options.get_extension(&http);
        let rule = value.as_message().context("a rule is a message")?;
        let found = VERBS.into_iter().find_map(|verb| Some((verb, text(rule, verb)?)));
        let (verb, path) = found.with_context(|| format!("{} has a rule without a path", method.full_name()))?;
        let bound = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned());
        let bound = bound.collect();
        let has_body = match text(rule, "body").as_deref() {
            None => false,
            Some("*") => true,
            Some(other) => bail!("{}: body {other}: only * is known here", method.full_name()),
        };
        Ok(Some(Self { verb, path, bound, has_body }))
    }
}

fn text(rule: &DynamicMessage, field: &str) -> Option<String> {
    let value = rule.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
