//! The budget of work in flight. Past it a call is refused at once, while refusing is still cheap.
//!
//! Unary calls count while they are handled: `new` ones up to the limit, `complete` ones a quarter further, so that under load what
//! was begun gets finished. Long polls and server streams wait rather than work; they have a count of their own, and the queries
//! they make in between are too few to matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::KeyValue;
use postgres::metrics::meter;

use crate::access::{Policy, Priority};

#[derive(Debug)]
pub(super) struct Budget {
    new_max: usize,
    complete_max: usize,
    waiting_max: usize,
    in_flight: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

/// A place in the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Budget {
    pub(super) fn new(in_flight_max: usize, waiting_max: usize) -> Self {
        Self {
            new_max: in_flight_max,
            complete_max: in_flight_max + in_flight_max.div_ceil(4),
            waiting_max,
            in_flight: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Observed whenever somebody reads the metrics.
    pub(super) fn observed(self) -> Self {
        let kind = |kind: &'static str| [KeyValue::new("anjia.call.kind", kind)];
        let (in_flight, waiting) = (Arc::clone(&self.in_flight), Arc::clone(&self.waiting));
        let count = |count: &AtomicUsize| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let taken = meter().u64_observable_gauge("anjia.rpc.in_flight").with_unit("{call}");
        taken
            .with_description("Calls being served: that work, and that wait by design")
            .with_callback(move |observer| {
                observer.observe(count(&in_flight), &kind("working"));
                observer.observe(count(&waiting), &kind("waiting"));
            })
            .build();
        let limit = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let (working_max, waiting_max) = (limit(self.new_max), limit(self.waiting_max));
        let most = meter().u64_observable_gauge("anjia.rpc.in_flight.limit").with_unit("{call}");
        most.with_description("Calls at which new ones are shed")
            .with_callback(move |observer| {
                observer.observe(working_max, &kind("working"));
                observer.observe(waiting_max, &kind("waiting"));
            })
            .build();
        self
    }

    /// A place for a call of this method, if there is one left.
    pub(super) fn enter(&self, policy: &Policy) -> Option<Place> {
        let (count, limit) = match policy.priority {
            _ if policy.waits() => (&self.waiting, self.waiting_max),
            Priority::New => (&self.in_flight, self.new_max),
            Priority::Complete => (&self.in_flight, self.complete_max),
        };
        count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < limit).then_some(taken + 1))
            .ok()
            .map(|_| Place(Arc::clone(count)))
    }
}

impl Policy {
    /// Long polls and streams: they last by design.
    pub(super) fn waits(&self) -> bool {
        self.long_poll || self.shape.server_streaming
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::methods::Shape;

    fn policy(priority: Priority, long_poll: bool, server_streaming: bool) -> Policy {
        Policy {
            method: "a.B/C".to_owned(),
            grants: BTreeMap::new(),
            priority,
            anonymous: false,
            confidential: false,
            long_poll,
            shape: Shape { server_streaming, writes: false },
        }
    }

    #[test]
    fn completing_work_has_headroom_and_waiting_costs_nothing() {
        let (new, complete) = (policy(Priority::New, false, false), policy(Priority::Complete, false, false));
        let budget = Budget::new(4, 2);
        let _new: Vec<Place> = (0..4).map(|_| budget.enter(&new).unwrap()).collect();
        assert!(budget.enter(&new).is_none());

        let place = budget.enter(&complete).unwrap();
        assert!(budget.enter(&complete).is_none());
        drop(place);
        assert!(budget.enter(&complete).is_some());

        let _poll = budget.enter(&policy(Priority::New, true, false)).unwrap();
        let _stream = budget.enter(&policy(Priority::New, false, true)).unwrap();
        assert!(budget.enter(&policy(Priority::New, true, false)).is_none());
    }
}
