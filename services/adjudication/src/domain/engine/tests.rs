//! The engine against published arithmetic, at its edges, along referral chains, and for any input.

mod boundaries;
mod chains;
mod fixtures;
mod properties;
mod worked_examples;
