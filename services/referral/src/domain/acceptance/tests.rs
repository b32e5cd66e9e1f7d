//! Single moves.

use types::ids::{OrganisationId, SagaId};

use super::{
    world::{plan, price},
    *,
};

const PLACE: HeldPlace = HeldPlace { from: DateTime::UNIX_EPOCH, until: DateTime::UNIX_EPOCH };

fn arranged(authorised: bool) -> Arranged {
    Arranged { place: PLACE, quoted: true, own_share: Some(price()), authorised }
}

#[test]
fn rf_04_steps_follow_each_other_to_booked() {
    let plan = plan(true, true);
    let mut state = State::Running(Step::Consent);
    let answers = [
        (Answer::Permitted, Some(Call::Hold)),
        (Answer::Held { place: PLACE, provider: plan.target }, Some(Call::Quote { on: PLACE.from })),
        (Answer::Quoted { own_share: Some(price()) }, Some(Call::Authorise { own_share: price() })),
        (Answer::Authorised, Some(Call::Confirm)),
        (Answer::Confirmed, None),
    ];
    for (answer, call) in answers {
        let (next, effects) = step(&plan, state, Event::Answered(answer));
        assert_eq!(effects, [call.map_or(Effect::Conclude, Effect::Call)], "after {answer:?}");
        state = next;
    }
    assert_eq!(state, State::Completed(arranged(true)));
}

#[test]
fn rf_04_without_lines_there_is_no_price_and_no_credit() {
    let held = Event::Answered(Answer::Held { place: PLACE, provider: plan(true, false).target });
    let (state, _) = step(&plan(true, false), State::Running(Step::Place), held);
    assert_eq!(state.call(), Some(Call::CancelAppointment), "another plan's target is another provider");
    let plan = plan(true, false);
    let held = Event::Answered(Answer::Held { place: PLACE, provider: plan.target });
    let (state, _) = step(&plan, State::Running(Step::Place), held);
    assert_eq!(state.call(), Some(Call::Confirm));
}

#[test]
fn rf_04_a_dearer_quote_than_mandated_stops_the_acceptance() {
    let dearer = Answer::Quoted { own_share: Some(price() + Money::from_fen(1)) };
    let (state, _) = step(&plan(true, true), State::Running(Step::Price { place: PLACE }), Event::Answered(dearer));
    assert_eq!(state, State::Compensating { undo: Undo::Place, refusal: Refusal::OwnShareAboveMandate });
}

#[test]
fn rf_04_at_the_desk_and_without_a_share_or_a_price_nothing_is_reserved() {
    for (credit, own_share) in [(false, Some(price())), (true, Some(Money::ZERO)), (true, None)] {
        let quoted = Event::Answered(Answer::Quoted { own_share });
        let (state, _) = step(&plan(credit, true), State::Running(Step::Price { place: PLACE }), quoted);
        assert_eq!(state.call(), Some(Call::Confirm), "{credit} {own_share:?}");
    }
}

#[test]
fn rf_04_a_slot_of_another_provider_is_given_back() {
    let elsewhere = Answer::Held { place: PLACE, provider: OrganisationId::generate() };
    let (state, _) = step(&plan(true, true), State::Running(Step::Place), Event::Answered(elsewhere));
    assert_eq!(state, State::Compensating { undo: Undo::Place, refusal: Refusal::SlotElsewhere });
}

#[test]
fn rf_04_once_the_confirmation_is_sent_only_its_expiry_undoes() {
    let plan = plan(true, true);
    let confirm = State::Running(Step::Confirm(arranged(true)));
    assert_eq!(step(&plan, confirm, Event::DueLate), (confirm, vec![Effect::Call(Call::Confirm)]));
    assert_eq!(step(&plan, confirm, Event::Lost), (confirm, vec![Effect::RetryLater]));
    let (expired, _) = step(&plan, confirm, Event::Refused(Refusal::HoldExpired));
    assert_eq!(expired, State::Compensating { undo: Undo::Credit, refusal: Refusal::HoldExpired });
    let (looking, _) = step(&plan, confirm, Event::Refused(Refusal::NoDelegation));
    assert_eq!(looking.call(), Some(Call::Inspect));
    let found = |place| step(&plan, looking, Event::Answered(Answer::Found(place)));
    assert_eq!(found(Whereabouts::Confirmed).0, State::Completed(arranged(true)));
    assert_eq!(found(Whereabouts::Held), (confirm, vec![Effect::RetryLater]));
    assert_eq!(found(Whereabouts::Cancelled).0.call(), Some(Call::CancelBill));
    let (stuck, effects) = step(&plan, looking, Event::Refused(Refusal::Unexpected));
    assert_eq!(stuck, State::NeedsHuman { refusal: Refusal::AppointmentUnknown });
    assert_eq!(effects, [Effect::Conclude]);
}

#[test]
fn rf_04_it_is_undone_in_reverse_order() {
    let plan = plan(true, true);
    let credit = State::Running(Step::Credit { place: PLACE, own_share: price() });
    let (state, effects) = step(&plan, credit, Event::Refused(Refusal::InsufficientCredit));
    assert_eq!(effects, [Effect::Call(Call::CancelBill)]);
    let (state, effects) = step(&plan, state, Event::Answered(Answer::Undone));
    assert_eq!(effects, [Effect::Call(Call::CancelAppointment)]);
    let (state, effects) = step(&plan, state, Event::Answered(Answer::Undone));
    assert_eq!((state, effects), (State::Compensated { refusal: Refusal::InsufficientCredit }, vec![Effect::Conclude]));
}

#[test]
fn rf_04_what_cannot_be_undone_needs_a_human() {
    for (undo, refusal) in [(Undo::Credit, Refusal::CreditNotReleased), (Undo::Place, Refusal::PlaceNotReleased)] {
        let compensating = State::Compensating { undo, refusal: Refusal::TimedOut };
        let (state, _) = step(&plan(true, true), compensating, Event::Refused(Refusal::Unexpected));
        assert_eq!(state, State::NeedsHuman { refusal });
    }
}

#[test]
fn an_end_is_an_end_and_a_late_answer_changes_nothing() {
    let plan = plan(true, true);
    let ended = State::Compensated { refusal: Refusal::SlotTaken };
    for event in [Event::Due, Event::DueLate, Event::Lost, Event::Answered(Answer::Confirmed)] {
        assert_eq!(step(&plan, ended, event), (ended, vec![]));
    }
    let placing = State::Running(Step::Place);
    assert_eq!(step(&plan, placing, Event::Answered(Answer::Permitted)), (placing, vec![]));
}

#[test]
fn request_ids_follow_from_saga_and_step() {
    let saga = SagaId::generate();
    assert_eq!(request_id(saga, Call::Hold), request_id(saga, Call::Hold));
    assert_ne!(request_id(saga, Call::Hold), request_id(saga, Call::Confirm));
    assert_ne!(request_id(saga, Call::Hold), request_id(SagaId::generate(), Call::Hold));
    assert_eq!(request_id(saga, Call::Hold).to_string().parse(), Ok(request_id(saga, Call::Hold)));
}
