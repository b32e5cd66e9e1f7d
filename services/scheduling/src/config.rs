//! Every setting, as `--help` prints it. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use chrono::TimeDelta;
use postgres::PostgresConfig;

use crate::{
    app::Times,
    domain::{limits::Rules, queue},
};

/// Care near home: sessions, slots, appointments, visits.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Redis for the slot cache, `redis://host:port`. Without it, or while it is away, searches are answered from Postgres.
    #[arg(long, env)]
    pub redis_url: Option<String>,
    /// Where identity is: residents, providers, delegations and the keys of tokens.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub identity_url: String,
    /// Where adjudication is, whose quotes are attached to appointments. Without it none are.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub adjudication_url: Option<String>,
    /// This service's Ed25519 private key (PKCS#8 PEM), registered at identity as client `scheduling`.
    #[arg(long, env)]
    pub client_key_file: PathBuf,
    /// How long a hold keeps a place where its caller does not say, in seconds.
    #[arg(long, env, default_value = "300", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub hold_duration_s: u32,
    /// How long a place that frees up is kept for whoever waited for it, in seconds.
    #[arg(long, env, default_value = "900", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub wait_list_offer_s: u32,
    #[command(flatten)]
    pub limits: LimitsConfig,
    #[command(flatten)]
    pub queue: QueueConfig,
}

impl Config {
    pub fn times(&self) -> Times {
        let seconds = |seconds: u32| TimeDelta::seconds(seconds.into());
        Times { hold: seconds(self.hold_duration_s), offer: seconds(self.wait_list_offer_s) }
    }
}

/// How much one person may book: as the Beijing platform has published, unless a city says otherwise. Referrals and emergencies are not
/// limited.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct LimitsConfig {
    /// Bookings of one person on a local day in one department of one provider.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_day_and_department, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_day_and_department_max: i32,
    /// Bookings of one person in a local week.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_week, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_week_max: i32,
    /// Bookings of one person in a month.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_month, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_month_max: i32,
    /// Bookings of one person in a quarter.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_quarter, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_quarter_max: i32,
    /// Bookings that one party makes for others on a local day.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_delegate_and_day, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_delegate_and_day_max: i32,
    /// Places of about the same time in one department that one person may give up, or let run out, before they have to cool off.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.given_up, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_given_up_max: i32,
    /// How long one cools off, in hours.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.cooling_off_hours, value_parser = clap::value_parser!(i32).range(1..=720))]
    pub cooling_off_h: i32,
}

impl LimitsConfig {
    pub const fn rules(&self) -> Rules {
        Rules {
            per_day_and_department: self.bookings_per_day_and_department_max,
            per_week: self.bookings_per_week_max,
            per_month: self.bookings_per_month_max,
            per_quarter: self.bookings_per_quarter_max,
            per_delegate_and_day: self.bookings_per_delegate_and_day_max,
            given_up: self.bookings_given_up_max,
            cooling_off_hours: self.cooling_off_h,
        }
    }
}

/// The order of queues on the day.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct QueueConfig {
    /// So many minutes after the start of their slot nobody is late.
    #[arg(long, env, default_value = "15", value_parser = clap::value_parser!(u32).range(0..=240))]
    pub queue_late_grace_min: u32,
    /// Who comes later than that is ordered like a walk-in. Otherwise they go behind those of their class who are there at that time.
    #[arg(long, env)]
    pub queue_late_by_arrival: bool,
    /// So often at most somebody is overtaken by other classes, emergencies apart.
    #[arg(long, env, default_value = "5", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub queue_overtaken_max: u16,
    /// Who was called and did not come waits behind so many of their class.
    #[arg(long, env, default_value = "3", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub queue_passed_behind: u16,
    /// And has left when that happens for this time.
    #[arg(long, env, default_value = "3", value_parser = clap::value_parser!(i32).range(1..=10))]
    pub queue_passes_max: i32,
}

impl QueueConfig {
    pub fn rules(&self) -> queue::Rules {
        queue::Rules {
            late_grace: TimeDelta::minutes(self.queue_late_grace_min.into()),
            late: if self.queue_late_by_arrival { queue::Late::ByArrival } else { queue::Late::BehindThoseThere },
            overtaken_max: self.queue_overtaken_max.into(),
            passed_behind: self.queue_passed_behind.into(),
            passes_max: self.queue_passes_max,
        }
    }
}
