//! REST/JSON through a real Envoy, with the chart's own configuration. Skipped, with a line, where Envoy is not installed;
//! `make test` installs it, or fails.

mod bad_input;
mod callers;
mod edge;
mod feed;
mod journey;
