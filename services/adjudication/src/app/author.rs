//! In whose name something is written that follows from something else.

use chassis::Context;
use postgres::audit::Entry;
use types::caller::Caller;

/// Whoever asked for what it follows from, or the service where nobody did; and the trace that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Author<'a> {
    caller: Option<&'a Caller>,
    pub(super) traceparent: Option<String>,
}

impl<'a> Author<'a> {
    pub(super) fn of(ctx: &'a Context) -> Self {
        Self { caller: Some(&ctx.caller), traceparent: ctx.traceparent() }
    }

    /// Of work that nobody asked for.
    pub(super) const fn service(traceparent: Option<String>) -> Self {
        Self { caller: None, traceparent }
    }

    pub(super) fn entry(&self, action: &'static str) -> Entry {
        self.caller.map_or_else(|| Entry::by_service("adjudication", action), |caller| Entry::new(caller, action))
    }
}
