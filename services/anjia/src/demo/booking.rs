//! Step 1: the community worker books for her, and the price follows the booking.

use anyhow::{Context, Result, bail};
use devstack::callers::{CLINIC, RESIDENT};
use proto::anjia::adjudication::v1::{GetQuoteRequest, Quote};
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::{DelegatedAction, DelegationBasis, GrantDelegationRequest, RevokeDelegationRequest};
use proto::anjia::scheduling::v1::book_result::Result as Booked;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, BookItem, BookRequest, CancelAppointmentRequest, Channel, GetAppointmentRequest,
    HoldSlotRequest, SearchSlotsRequest, SlotOffer,
};
use proto::convert::to_timestamp;
use types::ids::{DelegationId, ResidentId};

use super::calendar::Calendar;
use super::callers::{Caller, Stage, request_id};
use super::cast::{self, HOME};
use super::claims::Parts;
use super::lines::{self, Line};
use super::prices;
use super::story::Story;
use super::text::yuan;
use super::wait;

const DELEGATION_DAYS: i64 = 30;

pub(crate) async fn walk(stage: &Stage, story: &mut Story, calendar: &Calendar) -> Result<Appointment> {
    story.step(1, "社区代为预约", "The community books for her");
    story.act(&stage.resident, "lets Wang Min book for her, and see what comes of it, for 30 days");
    let actions = [DelegatedAction::Book, DelegatedAction::View];
    let worker = delegate(stage, calendar, &stage.worker, &actions).await?;

    story.act(&worker, "looks for care within 5 km of her home");
    let offers = search(stage, &worker).await?;
    for offer in first_of_each(&offers) {
        let reason = offer.reason.clone().unwrap_or_default();
        let place = cast::organisation_name(&offer.provider_organisation_id);
        story.tell(&format!("{}：{}", place.zh, reason.zh), &format!("{}: {}", place.en, reason.en));
    }
    take_back(stage, story, calendar, offers.last().context("no place near her home")?).await?;
    by_the_fee(stage, story, offers.last().context("no place near her home")?).await?;
    let best = offers.first().context("no place near her home")?;
    let best_place = cast::organisation_name(&best.provider_organisation_id);
    story.check("nearest care of the lowest tier:", cast::CLINIC.name.en, best_place.en);

    let figures = [("total", "240.00"), ("fund_total", "216.00"), ("person_total", "24.00")];
    prices::before_booking(stage, story, &worker, best, (lines::CLINIC_VISIT, &figures)).await?;

    story.act(&worker, "books the first place with the family doctor, with what is expected to be billed");
    let appointment = book(stage, (&worker, Channel::Desk), best, lines::CLINIC_VISIT).await?;
    story.check("appointment", "CONFIRMED", state_word(&appointment));

    let priced = priced(stage, &worker, &appointment).await?;
    story.toned(super::text::Tone::Faint, "    The price follows by event, seconds after the booking.");
    let quote = quote(stage, &worker, &priced.quote_id).await?;
    let parts = Parts::of(quote.division.as_ref())?;
    story.check_all(parts.checks(&figures)?);
    Ok(priced)
}

/// The resident lets somebody act for her; answers them, acting.
pub(crate) async fn delegate(
    stage: &Stage,
    calendar: &Calendar,
    to: &Caller,
    actions: &[DelegatedAction],
) -> Result<Caller> {
    let request = GrantDelegationRequest {
        request_id: request_id(),
        delegation_id: String::new(),
        resident_id: RESIDENT.to_string(),
        delegate: to.party(),
        basis: DelegationBasis::Granted.into(),
        actions: actions.iter().map(|action| (*action).into()).collect(),
        until: Some(to_timestamp(calendar.days_ahead(DELEGATION_DAYS))),
        evidence: "SELF".to_owned(),
        ..GrantDelegationRequest::default()
    };
    let grant = async |request| stage.delegations().grant_delegation(request).await;
    let delegation = stage.resident.call("GrantDelegation", request, grant).await?.delegation;
    let delegation: DelegationId = delegation.context("a grant without a delegation")?.delegation_id.parse()?;
    Ok(to.acting_for(ResidentId::from_uuid(RESIDENT), delegation))
}

/// What is held under a delegation goes with it.
async fn take_back(stage: &Stage, story: &mut Story, calendar: &Calendar, offer: &SlotOffer) -> Result<()> {
    story.act(&stage.resident, "lets Wang Min hold a place elsewhere, thinks better of it, and takes that back");
    let worker = delegate(stage, calendar, &stage.worker, &[DelegatedAction::Book]).await?;
    let wish = HoldSlotRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        slot_id: offer.slot.as_ref().map(|slot| slot.slot_id.clone()).unwrap_or_default(),
        kind: CareKind::Outpatient.into(),
        ..HoldSlotRequest::default()
    };
    let call = async |request| stage.appointments().hold_slot(request).await;
    let held = worker.call("HoldSlot", wish, call).await?.appointment.context("no appointment")?;
    let (_, delegation) = worker.acts_for().context("a delegate")?;
    let revocation = RevokeDelegationRequest { request_id: request_id(), delegation_id: delegation.to_string() };
    let revoke = async |request| stage.delegations().revoke_delegation(request).await;
    stage.resident.call("RevokeDelegation", revocation, revoke).await?;
    let freed = wait::until("the end of what was held under the delegation", async || {
        let found = get(stage, &stage.resident, &held.appointment_id).await?;
        Ok((found.state() != AppointmentState::Held).then_some(found))
    })
    .await?;
    story.check("the place held under it", "CANCELLED by PATIENT", ended(&freed));
    Ok(())
}

/// How an appointment ended, and by whom.
fn ended(appointment: &Appointment) -> String {
    let by = appointment.cancelled_by().as_str_name().trim_start_matches("CANCELLED_BY_");
    format!("{} by {by}", state_word(appointment))
}

/// The cache that answers searches may be a moment behind what was published.
async fn search(stage: &Stage, worker: &Caller) -> Result<Vec<SlotOffer>> {
    let request = SearchSlotsRequest {
        near: Some(HOME),
        radius_m: 5_000,
        kind: CareKind::Outpatient.into(),
        ..SearchSlotsRequest::default()
    };
    wait::until("a free place near her home", async || {
        let search = async |request| stage.sessions().search_slots(request).await;
        let offers = worker.call("SearchSlots", request.clone(), search).await?.offers;
        let is_complete = offers.iter().any(|offer| offer.provider_organisation_id == CLINIC.to_string());
        Ok(is_complete.then_some(offers))
    })
    .await
}

/// Who says nothing of what will be billed is quoted by the fee that the session states.
async fn by_the_fee(stage: &Stage, story: &mut Story, offer: &SlotOffer) -> Result<()> {
    story.act(
        &stage.resident,
        "books a specialist herself, saying nothing of what will be billed, and sees what it costs",
    );
    let appointment = book(stage, (&stage.resident, Channel::App), offer, &[]).await?;
    let priced = priced(stage, &stage.resident, &appointment).await?;
    let parts = Parts::of(quote(stage, &stage.resident, &priced.quote_id).await?.division.as_ref())?;
    story.check("total by the fee on the ticket", yuan(lines::total(lines::SPECIALIST_FEE)), yuan(parts.total));
    story.tell(
        &format!(
            "挂号即见：费用{}元，个人支付{}元；家附近更便宜，她退了号。",
            yuan(parts.total),
            yuan(parts.person_total)
        ),
        &format!(
            "Of {} she would pay {}; care near home is cheaper, so she gives it up.",
            yuan(parts.total),
            yuan(parts.person_total)
        ),
    );
    let request = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment.appointment_id,
        ..CancelAppointmentRequest::default()
    };
    let cancel = async |request| stage.appointments().cancel_appointment(request).await;
    stage.resident.call("CancelAppointment", request, cancel).await?;
    Ok(())
}

/// The appointment with the quote that follows it.
async fn priced(stage: &Stage, who: &Caller, appointment: &Appointment) -> Result<Appointment> {
    wait::until("the quote of the appointment", async || {
        let found = get(stage, who, &appointment.appointment_id).await?;
        Ok((!found.quote_id.is_empty()).then_some(found))
    })
    .await
}

async fn book(
    stage: &Stage,
    (who, channel): (&Caller, Channel),
    offer: &SlotOffer,
    expected: &[Line],
) -> Result<Appointment> {
    let item = BookItem {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        slot_id: offer.slot.as_ref().map(|slot| slot.slot_id.clone()).unwrap_or_default(),
        kind: CareKind::Outpatient.into(),
        channel: channel.into(),
        expected_lines: lines::expected(expected),
        ..BookItem::default()
    };
    let book = async |request| stage.appointments().book(request).await;
    let answer = who.call("Book", BookRequest { items: vec![item] }, book).await?;
    match answer.results.into_iter().next().and_then(|result| result.result) {
        Some(Booked::Appointment(appointment)) => Ok(appointment),
        Some(Booked::Refusal(refusal)) => bail!("Book refused {}: {}", cast::PATIENT.en, refusal.message),
        None => bail!("Book answered nothing"),
    }
}

pub(crate) async fn get(stage: &Stage, who: &Caller, appointment_id: &str) -> Result<Appointment> {
    let get = async |request| stage.appointments().get_appointment(request).await;
    let request = GetAppointmentRequest { appointment_id: appointment_id.to_owned() };
    who.call("GetAppointment", request, get).await?.appointment.context("no appointment")
}

pub(crate) async fn quote(stage: &Stage, who: &Caller, quote_id: &str) -> Result<Quote> {
    let get = async |request| stage.care_prices().get_quote(request).await;
    let request = GetQuoteRequest { quote_id: quote_id.to_owned() };
    who.call("GetQuote", request, get).await?.quote.context("no quote")
}

/// The best offer of each provider, in order.
fn first_of_each(offers: &[SlotOffer]) -> Vec<&SlotOffer> {
    let is_first = |(index, offer): &(usize, &SlotOffer)| {
        offers.iter().position(|other| other.provider_organisation_id == offer.provider_organisation_id) == Some(*index)
    };
    offers.iter().enumerate().filter(is_first).map(|(_, offer)| offer).collect()
}

/// `CONFIRMED` for `APPOINTMENT_STATE_CONFIRMED`.
pub(crate) fn state_word(appointment: &Appointment) -> &'static str {
    appointment.state().as_str_name().trim_start_matches("APPOINTMENT_STATE_")
}
