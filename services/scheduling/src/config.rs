//! Every setting, as `--help` prints it. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use chrono::TimeDelta;
use postgres::PostgresConfig;

use crate::{
    app::Times,
    domain::{absence, limits::Rules, suspicion},
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
    /// How long another time is kept for somebody whose place was taken back, in seconds.
    #[arg(long, env, default_value = "86400", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub displaced_offer_s: u32,
    /// How many days ahead sessions are made of weekly templates.
    #[arg(long, env, default_value = "28", value_parser = clap::value_parser!(u64).range(1..=120))]
    pub sessions_ahead_days: u64,
    #[command(flatten)]
    pub limits: LimitsConfig,
}

impl Config {
    pub fn times(&self) -> Times {
        let seconds = |seconds: u32| TimeDelta::seconds(seconds.into());
        Times {
            hold: seconds(self.hold_duration_s),
            offer: seconds(self.wait_list_offer_s),
            displaced: seconds(self.displaced_offer_s),
            days_ahead: self.sessions_ahead_days,
        }
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
    /// Bookings asked for from one device on a local day, where the app says which it is.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.per_device_and_day, value_parser = clap::value_parser!(i32).range(1..))]
    pub bookings_per_device_and_day_max: i32,
    /// How often one appointment may be moved.
    #[arg(long, env, default_value_t = Rules::PUBLISHED.moves, value_parser = clap::value_parser!(i32).range(1..))]
    pub appointment_moves_max: i32,
    #[command(flatten)]
    pub absence: AbsenceConfig,
}

/// What follows when somebody does not come, and what looks like scalping. Referrals and emergencies are neither counted nor refused.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct AbsenceConfig {
    /// How long after the start of an appointment its provider may say that the patient did not come, in minutes.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.grace_minutes, value_parser = clap::value_parser!(i32).range(1..=1440))]
    pub no_show_grace_min: i32,
    /// Missed appointments that suspend online booking.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.most, value_parser = clap::value_parser!(i32).range(1..))]
    pub no_shows_max: i32,
    /// Within how many days they are counted.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.within_days, value_parser = clap::value_parser!(i32).range(1..=366))]
    pub no_shows_within_d: i32,
    /// For how many days online booking is suspended then.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.suspended_days, value_parser = clap::value_parser!(i32).range(1..=3660))]
    pub suspension_d: i32,
    /// Missed appointments of a calendar year after which a suspension is longer.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.most_in_year, value_parser = clap::value_parser!(i32).range(1..))]
    pub no_shows_per_year_max: i32,
    /// For how many days it is then.
    #[arg(long, env, default_value_t = absence::Rules::PUBLISHED.suspended_again_days, value_parser = clap::value_parser!(i32).range(1..=3660))]
    pub suspension_again_d: i32,
    /// A suspension is of every channel, and not of online booking alone.
    #[arg(long, env, default_value_t = false, action = clap::ArgAction::Set)]
    pub suspension_of_every_channel: bool,
    /// Persons for whom one party, or one device, took places on a day and let them go, from which on that is reported,
    #[arg(long, env, default_value_t = suspicion::Rules::USUAL.persons, value_parser = clap::value_parser!(i32).range(2..))]
    pub suspicious_persons_min: i32,
    /// and such places.
    #[arg(long, env, default_value_t = suspicion::Rules::USUAL.given_up, value_parser = clap::value_parser!(i32).range(2..))]
    pub suspicious_given_up_min: i32,
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
            per_device_and_day: self.bookings_per_device_and_day_max,
            moves: self.appointment_moves_max,
            absence: absence::Rules {
                grace_minutes: self.absence.no_show_grace_min,
                most: self.absence.no_shows_max,
                within_days: self.absence.no_shows_within_d,
                suspended_days: self.absence.suspension_d,
                most_in_year: self.absence.no_shows_per_year_max,
                suspended_again_days: self.absence.suspension_again_d,
                is_of_every_channel: self.absence.suspension_of_every_channel,
            },
            suspicion: suspicion::Rules {
                persons: self.absence.suspicious_persons_min,
                given_up: self.absence.suspicious_given_up_min,
            },
        }
    }
}
