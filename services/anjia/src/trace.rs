//! Traces as the services send them: received by OTLP over gRPC, put together by trace, drawn in the terminal.

mod receiver;
mod waterfall;

use std::collections::BTreeSet;

pub(crate) use self::receiver::Receiver;
pub(crate) use self::waterfall::waterfall;

/// All spans of one trace that have arrived, by start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) spans: Vec<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// 16 hexadecimal digits.
    pub(crate) id: String,
    /// The span that caused it, whether or not that one has arrived.
    pub(crate) parent: Option<String>,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Since 1970.
    pub(crate) start_ns: u64,
    pub(crate) duration_ns: u64,
    pub(crate) status: Status,
    /// Other traces it belongs together with.
    pub(crate) links: Vec<Link>,
    /// The episode of care it belongs to.
    pub(crate) journey: Option<String>,
}

/// Which side of a call it is, if either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    Server,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Unset,
    Ok,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
}

impl Trace {
    /// Names of the services that took part, in alphabetical order.
    pub(crate) fn services(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.spans.iter().map(|span| span.service.as_str()).collect();
        names.into_iter().collect()
    }

    /// Whether a span has this name, such as `anjia.referral.v1.ReferralService/AcceptReferral`.
    pub(crate) fn has_span(&self, name: &str) -> bool {
        self.spans.iter().any(|span| span.name == name)
    }

    /// The episode of care it belongs to, if a span says so.
    pub(crate) fn journey(&self) -> Option<&str> {
        self.spans.iter().find_map(|span| span.journey.as_deref())
    }
}

impl Span {
    fn end_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.duration_ns)
    }
}
