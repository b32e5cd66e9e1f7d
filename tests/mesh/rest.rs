//! REST/JSON through a real Envoy, with the chart's own configuration. Skipped, with a line, where Envoy is not installed,
//! which fails where `CI` is set.

mod bad_input;
mod callers;
mod journey;
