use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;

const TIANANMEN: Place = Place { latitude: 39.908_7, longitude: 116.397_5 };

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

fn query() -> Query {
    Query {
        near: TIANANMEN,
        radius_m: 10_000,
        kind: CareKind::Outpatient,
        tier: None,
        organisation: None,
        department: None,
        practitioner: None,
        pool: Pool::Public,
        from: at(0),
        until: at(48),
        capability: None,
    }
}

fn provider(number: u128, tier: Tier, latitude: f64) -> Provider {
    let organisation = OrganisationId::from_uuid(Uuid::from_u128(number));
    Provider { organisation, tier, place: Place { latitude, ..TIANANMEN }, symptoms: vec![] }
}

fn open(number: u128, hours: i64) -> OpenSlot {
    OpenSlot {
        slot: SlotId::from_uuid(Uuid::from_u128(number)),
        session: SessionId::from_uuid(Uuid::from_u128(1)),
        starts_at: at(hours),
        ends_at: at(hours + 1),
        department: None,
        practitioner: None,
        capabilities: vec!["I25".to_owned()],
        is_for_symptoms: false,
        free_places: 2,
        places: 2,
    }
}

fn best(query: &Query, nearby: &Nearby, open: &[OpenSlot]) -> Vec<Offer> {
    query.best(&[(nearby.clone(), Arc::new(open.to_vec()))], None, 20, at(2))
}

#[test]
fn sc_03_pages_follow_each_other_without_gap_or_repetition() {
    let providers: Vec<Provider> = (1..=4).map(|number| provider(number, Tier::Community, 39.908_7)).collect();
    let all_open: Vec<OpenSlot> = (1..=9).map(|number| open(number, i64::try_from(number).unwrap() / 2 + 3)).collect();
    let query = query();
    let found = |after: Option<&Rank>| -> Vec<(Nearby, Arc<Vec<OpenSlot>>)> {
        let shares = query.reachable(&providers, after).into_iter().zip(all_open.chunks(3));
        shares.map(|(nearby, open)| (nearby, Arc::new(open.to_vec()))).collect()
    };
    let whole: Vec<Rank> = query.best(&found(None), None, 20, at(2)).iter().map(Offer::rank).collect();
    assert_eq!(whole.len(), 9);
    assert!(whole.is_sorted());
    let (mut paged, mut after): (Vec<Rank>, Option<Rank>) = (vec![], None);
    loop {
        let there = found(after.as_ref());
        let page: Vec<Rank> = query.best(&there, after.as_ref(), 2, at(2)).iter().map(Offer::rank).collect();
        let count = there.iter().flat_map(|(nearby, open)| query.count(nearby, open, after.as_ref(), 20, at(2)));
        assert_eq!(count.map(|(_, count)| count).sum::<usize>(), whole.len() - paged.len());
        let Some(last) = page.last() else { break };
        after = Some(*last);
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    let counted =
        found(None).iter().map(|(nearby, open)| query.count(nearby, open, None, 1, at(2))).collect::<Vec<_>>();
    assert!(counted.iter().all(|[symptoms, ordinary]| (symptoms.1, ordinary.1) == (0, 1)), "{counted:?}");
    let farther = (true, Tier::District, 0, at(0), SlotId::from_uuid(Uuid::nil()));
    assert!(query.reachable(&providers, Some(&farther)).is_empty(), "what ranks before is not looked at again");
}

#[test]
fn sc_03_distances_are_whole_metres_on_the_ground() {
    let summer_palace = Place { latitude: 39.999_8, longitude: 116.275_5 };
    assert_eq!(TIANANMEN.distance_m(TIANANMEN), 0);
    assert!((14_400..14_600).contains(&TIANANMEN.distance_m(summer_palace)));
    let date_line = |longitude| Place { latitude: 0.0, longitude };
    assert!(date_line(179.9).distance_m(date_line(-179.9)) < 23_000);
}

#[test]
fn sc_03_the_lowest_tier_comes_first_then_the_nearest() {
    let providers = vec![
        provider(1, Tier::Tertiary, 39.908_7),
        provider(2, Tier::Community, 39.938_7),
        provider(3, Tier::Community, 39.918_7),
        provider(4, Tier::Community, 40.108_7),
    ];
    let order: Vec<u128> =
        query().reachable(&providers, None).iter().map(|nearby| nearby.organisation.uuid().as_u128()).collect();
    assert_eq!(order, [3, 2, 1], "the fourth is 22 km away");
}

#[test]
fn sc_03_only_suitable_slots_to_come_are_offered() {
    let nearby = query().reachable(&[provider(1, Tier::Community, 39.908_7)], None).remove(0);
    let full = OpenSlot { free_places: 0, ..open(4, 5) };
    let slots = [open(1, 1), open(2, 5), open(3, 49), full];
    let offered = |query: Query| -> Vec<u128> {
        best(&query, &nearby, &slots).iter().map(|offer| offer.slot.id.uuid().as_u128()).collect()
    };
    assert_eq!(offered(query()), [2]);
    assert_eq!(offered(Query { capability: Some("I25.103".to_owned()), ..query() }), [2]);
    assert!(offered(Query { capability: Some("J44".to_owned()), ..query() }).is_empty());
    let other = Some(DepartmentId::from_uuid(Uuid::from_u128(9)));
    assert!(offered(Query { department: other, ..query() }).is_empty());
}

#[test]
fn sc_12_places_for_a_symptom_are_found_by_who_names_it_and_then_come_first() {
    let far = Provider { symptoms: vec!["R50".to_owned()], ..provider(2, Tier::Tertiary, 39.938_7) };
    let providers = [provider(1, Tier::Community, 39.908_7), far];
    let fever = OpenSlot { capabilities: vec!["R50".to_owned()], is_for_symptoms: true, ..open(9, 5) };
    let anything = |number| OpenSlot { capabilities: vec![], ..open(number, 5) };
    let offered = |query: &Query, after: Option<&Rank>| -> Vec<(u128, Rank)> {
        let open_at = |nearby: &Nearby| match nearby.organisation.uuid().as_u128() {
            1 => vec![anything(1)],
            _ => vec![anything(2), fever.clone()],
        };
        let nearby = query.reachable(&providers, after).into_iter();
        let found: Vec<(Nearby, Arc<Vec<OpenSlot>>)> = nearby.map(|it| (it.clone(), Arc::new(open_at(&it)))).collect();
        assert!(found.is_sorted_by_key(|(nearby, _)| nearby.front()));
        let offers = query.best(&found, after, 20, at(2));
        offers.iter().map(|offer| (offer.slot.id.uuid().as_u128(), offer.rank())).collect()
    };
    let numbers = |offers: &[(u128, Rank)]| offers.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(numbers(&offered(&query(), None)), [1, 2]);
    let feverish = Query { capability: Some("R50.9".to_owned()), ..query() };
    let offers = offered(&feverish, None);
    assert_eq!(numbers(&offers), [9, 1, 2]);
    assert_eq!(numbers(&offered(&feverish, Some(&offers[0].1))), [1, 2], "the page after goes back to who is near");
    assert_eq!(numbers(&offered(&feverish, Some(&offers[1].1))), [2]);
    let other = Query { capability: Some("I25".to_owned()), ..query() };
    assert_eq!(numbers(&offered(&other, None)), [1, 2]);
}

#[test]
fn sc_12_a_provider_comes_to_the_front_for_its_own_symptoms_alone() {
    let symptoms = vec!["J1".to_owned(), "R50".to_owned()];
    let providers =
        [provider(1, Tier::Community, 39.908_7), Provider { symptoms, ..provider(2, Tier::Tertiary, 39.938_7) }];
    let order = |capability: Option<&str>| -> Vec<u128> {
        let query = Query { capability: capability.map(str::to_owned), ..query() };
        query.reachable(&providers, None).iter().map(|nearby| nearby.organisation.uuid().as_u128()).collect()
    };
    assert_eq!(order(Some("R50.9")), [2, 1]);
    assert_eq!(order(Some("J11")), [2, 1]);
    assert_eq!(order(Some("I25.103")), [1, 2]);
    assert_eq!(order(None), [1, 2]);
}

#[test]
fn sc_03_an_offer_tells_how_long_one_waits_for_it_and_at_it() {
    let nearby = query().reachable(&[provider(1, Tier::Community, 39.908_7)], None).remove(0);
    let half_full = OpenSlot { places: 5, ..open(2, 7) };
    let offers = best(&query(), &nearby, &[open(1, 5), half_full]);
    assert!(offers.iter().all(|offer| offer.earliest_at == at(5)));
    let of = |offer: &Offer| (offer.booked_percent, offer.wait_minutes);
    assert_eq!((of(&offers[1]), of(&offers[0])), ((60, 36), (0, 0)), "three of five in an hour come before");
}

#[test]
fn sc_03_the_reason_says_tier_distance_and_local_time() {
    let nearby =
        Nearby { distance_m: 850, ..query().reachable(&[provider(1, Tier::Community, 39.908_7)], None).remove(0) };
    let fever = OpenSlot { is_for_symptoms: true, ..open(1, 1) };
    let reason_of_fever = reason(&nearby, &fever);
    assert!(reason_of_fever.en.starts_with("Opened for such symptoms, so it comes first; 850 m away"));
    let reason = reason(&nearby, &open(1, 1));
    assert_eq!(reason.en, "Community clinics come first; 850 m away; 1 Jan 09:00 with 2 free");
    assert_eq!(reason.zh, "社区（一级）机构优先；距离 850 米；1月1日 09:00 余号 2 个");
}
