//! Scheduling as its callers see it: the real binaries, a real Postgres and Redis, tokens that identity issued.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod audited;
mod town;

mod at_once;
mod book;
mod calendar;
mod cancel;
mod confirm;
mod delegated;
mod emergency;
mod erasure;
mod events;
mod fairness;
mod fees;
mod find;
mod hold;
mod in_line;
mod joint;
mod lists;
mod mandated;
mod many;
mod no_show;
mod own_events;
mod personal;
mod pools;
mod prices;
mod publish;
mod queue;
mod refusals;
mod replicas;
mod reschedule;
mod search;
mod see_calendar;

mod statistics;
mod stays;
mod stays_at_once;
mod surge;
mod visits;
mod waiting;
mod watch_queue;
