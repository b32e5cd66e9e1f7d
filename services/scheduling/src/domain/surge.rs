//! Public-health surges: who is sent where (SC-12).

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    care::CareKind,
    ids::{OrganisationId, SessionId, SurgeId},
};

use super::{
    error::SchedulingError,
    session::{Span, slot_times},
};

/// Sessions of a surge are at most this long: a surge goes on by being opened for the next days.
const LENGTH_MAX: TimeDelta = TimeDelta::hours(24);
/// How many slots of a clinic one call opens.
const SLOTS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surge {
    pub id: SurgeId,
    pub name: String,
    pub kind: CareKind,
    /// ICD-10 prefixes.
    pub symptoms: Vec<String>,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub clinics: Vec<Clinic>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clinic {
    pub organisation: OrganisationId,
    pub session: SessionId,
    /// To come.
    pub places: i64,
    pub taken: i64,
    pub is_open: bool,
    /// Once that is settled of all of them.
    pub became: Option<Became>,
}

/// What became of the bookings to come in a clinic that closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Became {
    /// Seen where they booked.
    pub kept: i32,
    /// The same time elsewhere at the same provider.
    pub moved: i32,
    /// Another time or clinic is kept for them until they confirm.
    pub displaced: i32,
    /// The last of them at the latest until then.
    pub displaced_until: Option<DateTime<Utc>>,
}

impl Surge {
    /// Each is a clinic of it, whether still open or not.
    pub fn check_clinics(&self, organisations: &[OrganisationId]) -> Result<(), SchedulingError> {
        let is_of_it = |organisation| self.clinics.iter().any(|clinic| clinic.organisation == organisation);
        match organisations.iter().position(|organisation| !is_of_it(*organisation)) {
            Some(index) => {
                let field = format!("provider_organisation_ids[{index}]");
                Err(SchedulingError::field(field, "is no clinic of this surge"))
            }
            None => Ok(()),
        }
    }
}

/// The slots that every clinic opens.
pub fn opening(
    (starts_at, ends_at): Span,
    slot_length_minutes: u16,
    now: DateTime<Utc>,
) -> Result<Vec<Span>, SchedulingError> {
    if ends_at <= now || ends_at - starts_at > LENGTH_MAX {
        return Err(SchedulingError::field("ends_at", "must be in the future, at most 24 hours after starts_at"));
    }
    let times: Vec<Span> =
        slot_times(starts_at, ends_at, slot_length_minutes)?.into_iter().filter(|(from, _)| *from > now).collect();
    if times.is_empty() || times.len() > SLOTS_MAX {
        return Err(SchedulingError::field("slot_length_minutes", format!("makes no slot, or more than {SLOTS_MAX}")));
    }
    Ok(times)
}

/// Which of the open surges takes a symptom: the one that names it most exactly.
pub fn divert<'a>(open: &'a [Surge], symptom: &str) -> Option<&'a Surge> {
    let exactness = |surge: &Surge| {
        surge.symptoms.iter().filter(|prefix| symptom.starts_with(prefix.as_str())).map(String::len).max()
    };
    let taking = open.iter().filter_map(|surge| Some((exactness(surge)?, surge)));
    taking.max_by_key(|(length, surge)| (*length, surge.opened_at)).map(|(_, surge)| surge)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn surge(name: &str, symptoms: &[&str]) -> Surge {
        Surge {
            id: SurgeId::from_uuid(Uuid::from_u128(7)),
            name: name.to_owned(),
            kind: CareKind::Outpatient,
            symptoms: symptoms.iter().map(|symptom| (*symptom).to_owned()).collect(),
            opened_at: at(0),
            closed_at: None,
            clinics: vec![],
        }
    }

    #[test]
    fn sc_12_a_symptom_goes_to_the_surge_that_names_it_most_exactly() {
        let open = [surge("fever", &["R50", "J1"]), surge("flu", &["J10", "J11"]), surge("vaccination", &[])];
        let sent = |symptom: &str| divert(&open, symptom).map(|surge| surge.name.as_str());
        assert_eq!(sent("R50.9"), Some("fever"));
        assert_eq!(sent("J10.1"), Some("flu"));
        assert_eq!(sent("J12.9"), Some("fever"));
        assert_eq!(sent("I25.103"), None);
    }

    #[test]
    fn sc_12_what_a_surge_opens_is_to_come_and_bounded() {
        assert_eq!(opening((at(1), at(3)), 60, at(0)).unwrap().len(), 2);
        assert_eq!(opening((at(-1), at(3)), 60, at(0)).unwrap().len(), 2, "what has begun is not opened");
        let named = |span: Span, length: u16| match opening(span, length, at(0)) {
            Err(SchedulingError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(named((at(1), at(26)), 60), "ends_at");
        assert_eq!(named((at(-3), at(0)), 60), "ends_at");
        assert_eq!(named((at(1), at(3)), 50), "slot_length_minutes");
        assert_eq!(named((at(1), at(24)), 5), "slot_length_minutes");
    }
}
