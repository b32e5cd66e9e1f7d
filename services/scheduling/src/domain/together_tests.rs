use types::ids::SlotId;

use super::*;

fn nine() -> DateTime<Utc> {
    "2026-03-02T01:00:00Z".parse().unwrap()
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    nine() + TimeDelta::minutes(minutes)
}

/// An hour from nine on, in places of so many minutes.
fn hour(length: i64, free_places: u16, practitioner: Option<PractitionerId>) -> Vec<OpenSlot> {
    let session = SessionId::generate();
    let open = |number| OpenSlot {
        slot: SlotId::generate(),
        session,
        starts_at: minutes(number * length),
        ends_at: minutes((number + 1) * length),
        department: None,
        practitioner,
        capabilities: vec![],
        is_for_symptoms: false,
        free_places,
        places: free_places,
    };
    (0..60 / length).map(open).collect()
}

fn party(organisation: OrganisationId, practitioner: Option<PractitionerId>) -> Party {
    Party { organisation, department: None, practitioner }
}

fn query(parties: Vec<Party>, consecutive: usize, lasts_minutes: i64) -> Query {
    Query {
        parties,
        kind: CareKind::Outpatient,
        pool: Pool::Public,
        consecutive,
        lasts: TimeDelta::minutes(lasts_minutes),
        from: nine(),
        until: nine() + TimeDelta::days(1),
        limit: 100,
    }
}

fn starts(offers: &[Offer]) -> Vec<i64> {
    offers.iter().map(|offer| (offer.span.0 - nine()).num_minutes()).collect()
}

fn before() -> DateTime<Utc> {
    minutes(-60)
}

#[test]
fn sc_10_two_sessions_of_five_minutes_offer_two_in_a_row_twice_at_every_start_but_the_last() {
    let query = query(vec![party(OrganisationId::generate(), None)], 2, 0);
    let both = [hour(5, 1, None), hour(5, 1, None)].concat();
    let offers = query.offers(&[both], before());
    assert_eq!(starts(&offers), (0..=50).step_by(5).collect::<Vec<_>>(), "none at 09:55");
    for offer in &offers {
        assert_eq!((offer.free_places, offer.runs.len()), (2, 2));
        assert_eq!(offer.span.1 - offer.span.0, TimeDelta::minutes(10));
    }
}

#[test]
fn sc_10_a_run_is_as_free_as_its_fullest_place_and_has_no_gap() {
    let query = query(vec![party(OrganisationId::generate(), None)], 2, 0);
    let mut open = hour(10, 3, None);
    open[1].free_places = 1;
    open.remove(3);
    let offers = query.offers(&[open], before());
    assert_eq!(starts(&offers), [0, 10, 40]);
    assert_eq!(offers.iter().map(|offer| offer.free_places).collect::<Vec<_>>(), [1, 1, 3]);
}

#[test]
fn sc_10_several_doctors_are_offered_at_the_times_they_share() {
    let (one, other) = (PractitionerId::generate(), PractitionerId::generate());
    let (here, there) = (OrganisationId::generate(), OrganisationId::generate());
    let parties = vec![party(here, Some(one)), party(there, Some(other))];
    let query = query(parties, 1, 30);
    // Of the first doctor three places of ten minutes make half an hour, of the second one.
    let offers = query.offers(&[hour(10, 2, Some(one)), hour(30, 1, Some(other))], before());
    assert_eq!(starts(&offers), [0, 30]);
    let slots: Vec<usize> = offers[0].runs.iter().map(|run| run.slots.len()).collect();
    assert_eq!((offers[0].free_places, slots), (1, vec![3, 1]));
    let nobody: Vec<OpenSlot> = vec![];
    assert_eq!(query.offers(&[hour(10, 2, Some(one)), nobody], before()), []);
}

#[test]
fn sc_10_nobody_competes_with_another_of_the_same_search() {
    let here = OrganisationId::generate();
    let (one, other) = (PractitionerId::generate(), PractitionerId::generate());
    query(vec![party(here, Some(one)), party(here, Some(other))], 1, 0).check().unwrap();
    for second in [party(here, None), party(here, Some(one))] {
        let refused = query(vec![party(here, Some(one)), second], 1, 0).check();
        assert!(matches!(&refused, Err(SchedulingError::Field { field, .. }) if field == "parties[1]"), "{refused:?}");
    }
}

#[test]
fn sc_10_places_of_one_booking_are_in_a_row_or_begin_together() {
    let slots = |open: &[OpenSlot]| -> Vec<Slot> {
        let slot = |open: &OpenSlot| {
            let OpenSlot { slot, session, starts_at, ends_at, .. } = *open;
            Slot { id: slot, session, starts_at, ends_at }
        };
        open.iter().map(slot).collect()
    };
    let (tens, halves) = (slots(&hour(10, 1, None)), slots(&hour(30, 1, None)));
    assert_eq!(whole(&[tens[1], tens[0]]).unwrap(), (nine(), minutes(20)));
    assert_eq!(whole(&[tens[0], halves[0]]).unwrap(), (nine(), minutes(30)));
    for wrong in [vec![tens[0], tens[2]], vec![tens[0], tens[0]], vec![tens[0], halves[1]], vec![]] {
        assert!(matches!(whole(&wrong), Err(SchedulingError::Field { field, .. }) if field == "slot_ids"));
    }
}
