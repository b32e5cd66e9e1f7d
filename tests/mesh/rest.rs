//! REST/JSON through a real Envoy, with the chart's own configuration. Skipped, with a line, where Envoy is not installed.

mod bad_input;
mod callers;
mod journey;
