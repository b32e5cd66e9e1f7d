//! Scheduling as its callers see it: the real binaries, a real Postgres and Redis, tokens that identity issued.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod audited;
mod town;

mod book;
mod cancel;
mod confirm;
mod delegated;
mod erasure;
mod events;
mod hold;
mod lists;
mod mandated;
mod many;
mod own_events;
mod personal;
mod publish;
mod queue;
mod refusals;
mod replicas;
mod search;
mod statistics;
mod visits;
mod waiting;
mod watch_queue;
