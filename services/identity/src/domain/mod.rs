//! Who is who and who may act for whom: values and rules. Pure: time and randomness are passed in.

pub mod alliance;
pub mod bank_profile;
pub mod break_glass;
pub mod care;
pub mod change;
pub mod client;
pub mod community;
pub mod consent;
pub mod continuation;
pub mod contribution;
pub mod delegation;
pub mod designation;
pub mod duplicate;
pub mod enrolment;
pub mod erasure;
pub mod error;
pub mod family_doctor;
pub mod guardianship;
pub mod household;
pub mod identifier;
pub mod import;
pub mod jwks;
pub mod link;
pub mod login;
pub mod mandate;
pub mod merge;
pub mod organisation;
pub mod practitioner;
pub mod provider;
pub mod remote_care;
pub mod resident;
pub mod revocation;
pub mod signature;
pub mod token;
pub mod unique;
pub mod vulnerability;
mod word;

pub use error::IdentityError;

use chrono::{DateTime, TimeDelta, Utc};
use proto::convert::FieldError;

/// Permission given once may not last for ever: at most a year, leap years included.
const TERM_MAX: TimeDelta = TimeDelta::days(366);

/// The term of a delegation or consent: it ends after it begins, ahead, and at most a year ahead.
pub(crate) fn check_term(from: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), FieldError> {
    if until <= now {
        return Err(FieldError::new("until", "must lie ahead"));
    }
    if until <= from {
        return Err(FieldError::new("until", "must be later than `from`"));
    }
    if until > now + TERM_MAX {
        return Err(FieldError::new("until", "must be at most a year ahead"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_lies_ahead_and_lasts_a_year_at_most() {
        let now = DateTime::UNIX_EPOCH;
        let tick = TimeDelta::microseconds(1);
        assert!(check_term(now, now, now).is_err());
        assert!(check_term(now, now + tick, now).is_ok());
        assert!(check_term(now + tick, now + tick, now).is_err());
        assert!(check_term(now, now + TERM_MAX, now).is_ok());
        assert!(check_term(now, now + TERM_MAX + tick, now).is_err());
    }
}
