//! Settings that every service has.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use types::region::RegionCode;

use crate::tls::TlsConfig;

/// No deadline or drain is longer than ten minutes, in milliseconds.
const MS_MAX: u64 = 600_000;

/// How a server listens, limits and ends.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerConfig {
    #[command(flatten)]
    pub tls: TlsConfig,
    /// Where gRPC is served; beyond loopback by mutual TLS only.
    #[arg(long, env, default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// Where probes are answered, in plain HTTP.
    #[arg(long, env, default_value = "127.0.0.1:9090")]
    pub ops_listen: SocketAddr,
    /// Region of the installation (GB/T 2260): what belongs to no caller, such as a refusal of nobody known, is recorded here.
    #[arg(long, env, default_value = "110000")]
    pub region: RegionCode,
    /// Threads that run the service; an idle service stays small with few.
    #[arg(long, env, default_value = "2", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub worker_threads: u8,
    /// Calls in flight at which new work is shed; calls that complete work have a quarter more.
    #[arg(long, env, default_value = "256", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub in_flight_max: usize,
    /// Long polls and streams held open at most; they wait, so they do not count as calls in flight.
    #[arg(long, env, default_value = "2048", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub waiting_max: usize,
    /// Deadline of a call that names none, in milliseconds.
    #[arg(long, env, default_value = "10000", value_parser = clap::value_parser!(u64).range(1..=MS_MAX))]
    pub deadline_default_ms: u64,
    /// Longest deadline that is granted to a unary call, in milliseconds.
    #[arg(long, env, default_value = "30000", value_parser = clap::value_parser!(u64).range(1..=MS_MAX))]
    pub deadline_max_ms: u64,
    /// How long a draining server still takes calls after it says `NOT_SERVING`, in milliseconds: clients look again in this time.
    #[arg(long, env, default_value = "5000", value_parser = clap::value_parser!(u64).range(..=MS_MAX))]
    pub drain_notice_ms: u64,
    /// How long calls and background work may take to finish after that, in milliseconds.
    #[arg(long, env, default_value = "20000", value_parser = clap::value_parser!(u64).range(1..=MS_MAX))]
    pub drain_max_ms: u64,
}

impl ServerConfig {
    pub(crate) fn deadline_default(&self) -> Duration {
        Duration::from_millis(self.deadline_default_ms)
    }

    pub(crate) fn deadline_max(&self) -> Duration {
        Duration::from_millis(self.deadline_max_ms)
    }

    pub(crate) fn drain_notice(&self) -> Duration {
        Duration::from_millis(self.drain_notice_ms)
    }

    pub(crate) fn drain_max(&self) -> Duration {
        Duration::from_millis(self.drain_max_ms)
    }
}

/// So many tasks are polled before a thread looks whether something has arrived: most of them wait for the database's answer, which would
/// wait in turn behind whoever is ready.
const POLLS_BETWEEN_LOOKS: u32 = 11;

/// The runtime of a service: few threads, and few for blocking work, so that an idle service stays small.
pub fn runtime(config: &ServerConfig) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(config.worker_threads))
        .max_blocking_threads(8)
        .event_interval(POLLS_BETWEEN_LOOKS)
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::TelemetryConfig;

    /// The service's own words.
    #[derive(clap::Parser)]
    struct Config {
        #[command(flatten)]
        _server: ServerConfig,
        #[command(flatten)]
        _telemetry: TelemetryConfig,
    }

    #[test]
    fn shared_settings_do_not_replace_what_a_service_says_of_itself() {
        let command = Config::command();
        assert_eq!(command.get_about().map(ToString::to_string).as_deref(), Some("The service's own words"));
        command.debug_assert();
    }
}
