//! Scheduling as its callers see it: the real binaries, a real Postgres and Redis, tokens that identity issued.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod audited;
mod town;

mod book;
mod calendar;
mod cancel;
mod confirm;
mod delegated;
mod erasure;
mod events;
mod hold;
mod lists;
mod mandated;
mod many;
mod personal;
mod pools;
mod publish;
mod refusals;
mod replicas;
mod search;
mod surge;
mod visits;
mod waiting;
