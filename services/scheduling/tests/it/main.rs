//! Scheduling as its callers see it: the real binaries, a real Postgres and Redis, tokens that identity issued.

mod town;

mod book;
mod cancel;
mod confirm;
mod events;
mod hold;
mod lists;
mod publish;
mod refusals;
mod search;
mod visits;
