//! The Helm chart as rendered: what it promises, held against the code and the contracts. Helm comes by `tools/chart.sh`.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bad_settings;
mod gateway;
mod monitoring;
mod network;
mod pods;
mod programs;
mod rendered;
mod settings;
mod starting;
mod upgrade;
mod values;
