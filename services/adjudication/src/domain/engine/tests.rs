//! The engine against published arithmetic, at its edges, along referral chains, and for any input.

mod above;
mod areas;
mod boundaries;
mod chains;
mod cover;
mod edges;
mod fixtures;
mod limits;
mod parts;
mod properties;
mod worked_examples;
