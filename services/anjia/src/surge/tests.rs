use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const CLINIC: &str = "01930000-0000-7000-8000-00000000c001";

#[test]
fn sc_12_one_command_names_the_clinics_and_the_symptoms() {
    let line =
        Line::parse_from(["surge", "open", "fever", "--clinics", CLINIC, "--symptoms", "R50,J1", "--hours", "2"]);
    let Command::Open(open) = &line.args.command else { panic!("{:?}", line.args.command) };
    let request = opening(open, "r-1".to_owned(), DateTime::UNIX_EPOCH);
    assert_eq!(request.provider_organisation_ids, [CLINIC]);
    assert_eq!((request.symptoms, request.places), (vec!["R50".to_owned(), "J1".to_owned()], 4));
    assert_eq!(request.ends_at.unwrap().seconds, 2 * 60 * 60);
    let close = Line::parse_from(["surge", "close", CLINIC, "--honour-booked"]);
    let Command::Close(close) = &close.args.command else { panic!("{:?}", close.args.command) };
    let request = closing(close, "r-2".to_owned());
    assert!(request.honour_booked && request.provider_organisation_ids.is_empty() && !request.reason.is_empty());
    let line = Line::parse_from(["surge", "close", CLINIC, "--request-id", CLINIC, "--root", "elsewhere"]);
    let Command::Close(close) = &line.args.command else { panic!("{:?}", line.args.command) };
    assert_eq!((close.once.request_id().as_str(), line.args.root.root.to_str()), (CLINIC, Some("elsewhere")));
    let read = Line::try_parse_from(["surge", "show", CLINIC, "--request-id", CLINIC]);
    assert!(read.is_err(), "what only reads happens as often as one likes");
}

#[test]
fn sc_12_how_full_each_clinic_is_is_printed_for_people_and_for_programs() {
    let clinic = SurgeClinic {
        provider_organisation_id: CLINIC.to_owned(),
        places: 8,
        taken: 3,
        is_open: true,
        ..Default::default()
    };
    let surge = Surge {
        surge_id: "s-1".to_owned(),
        name: "fever".to_owned(),
        symptoms: vec!["R50".to_owned()],
        clinics: vec![clinic],
        ..Default::default()
    };
    assert_eq!(text(&surge, None), format!("s-1 fever OPEN R50\n  {CLINIC} OPEN   3 of 8 places taken"));
    let document = document(&surge, None);
    assert_eq!(document["clinics"][0]["taken"], 3);
    assert!(document["became"].is_null() && document["settled"].is_null());
}

#[test]
fn sc_12_closing_says_how_many_are_seen_and_how_many_are_offered_another_place_until_when() {
    let clinic = |bookings: SurgeBookings| SurgeClinic {
        provider_organisation_id: CLINIC.to_owned(),
        became: Some(bookings),
        ..Default::default()
    };
    let until = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let first = SurgeBookings { kept: 2, moved: 1, displaced: 3, displaced_until: until(3_600) };
    let second = SurgeBookings { displaced: 1, displaced_until: until(60), ..Default::default() };
    let third = SurgeBookings { kept: 4, ..Default::default() };
    let surge = Surge { clinics: [first, second, third].map(clinic).to_vec(), ..Default::default() };
    let text = text(&surge, Some(true));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[3].ends_with("; 4 kept, 0 moved, 0 displaced"), "{text}");
    let total = "6 kept, 1 moved, 4 displaced, who confirm by 1970-01-01T01:00:00Z";
    assert_eq!(lines[4], format!("  bookings where it closed: {total}"));
    let document = document(&surge, Some(true));
    assert_eq!(document["became"]["displaced_until"], "1970-01-01T01:00:00Z");
    assert_eq!((&document["became"]["kept"], &document["clinics"][0]["became"]["moved"]), (&json!(6), &json!(1)));
    assert!(document["clinics"][2]["became"]["displaced_until"].is_null());
}

#[test]
fn sc_12_what_this_call_closed_is_waited_for_and_what_is_not_settled_in_time_is_said() {
    let clinic = |session_id: &str, is_open, became: Option<SurgeBookings>| SurgeClinic {
        provider_organisation_id: CLINIC.to_owned(),
        session_id: session_id.to_owned(),
        is_open,
        became,
        ..Default::default()
    };
    let surge =
        |clinics: [SurgeClinic; 2]| Surge { surge_id: "s-1".to_owned(), clinics: clinics.into(), ..Default::default() };
    let close = |more: &[&str]| {
        let line = Line::parse_from([&["surge", "close", CLINIC][..], more].concat());
        let Command::Close(close) = line.args.command else { panic!("{:?}", line.args.command) };
        close
    };
    let before = surge([clinic("long-closed", false, None), clinic("open", true, None)]);
    let ours = meant(&close(&["--clinics", CLINIC]), &before);
    assert_eq!(ours, ["open"]);
    assert_eq!(meant(&close(&["--request-id", CLINIC]), &before), ["long-closed", "open"], "it may be said again");

    let closing = surge([clinic("long-closed", false, None), clinic("open", false, None)]);
    assert!(!is_settled(&closing, &ours));
    assert!(text(&closing, Some(false)).ends_with("not settled yet; see: anjia surge show s-1"));
    assert_eq!(document(&closing, Some(false))["settled"], false);
    let became = Some(SurgeBookings::default());
    let closed = surge([clinic("long-closed", false, None), clinic("open", false, became)]);
    assert!(is_settled(&closed, &ours) && !text(&closed, Some(true)).contains("not settled"));
}
