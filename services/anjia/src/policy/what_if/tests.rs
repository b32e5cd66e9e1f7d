//! Replays on the engine that settles claims, with the documents that ship.

mod settled;

use std::fs;
use std::path::PathBuf;

use types::scheme::Scheme;
use types::tier::Tier;

use super::axis::{Axis as _, Income};
use super::fen::{Fen, Pair};
use super::policies::Judging;
use super::progress::Progress;
use super::report::{Claims, Report, merge};
use super::shard::Shard;
use super::synthetic::Population;
use super::tally::Tally;
use super::{file, page, run, text};

const DEMONSTRATION: &str = include_str!("../../../../adjudication/policies/demonstration-city.json");
const BEIJING: &str = include_str!("../../../../adjudication/policies/beijing-employee.json");

/// The demonstration city, and the same with another ratio at the community clinic.
fn better_at_the_clinic() -> Pair<Judging> {
    let proposed = DEMONSTRATION.replace(r#""COMMUNITY": "0.85""#, r#""COMMUNITY": "0.90""#);
    assert_ne!(proposed, DEMONSTRATION);
    Pair::new(Judging::read(DEMONSTRATION).unwrap(), Judging::read(&proposed).unwrap())
}

/// Beijing, and the same with a higher deductible of the year.
fn dearer_in_beijing() -> Pair<Judging> {
    let proposed = BEIJING.replace(r#""active": "1800.00""#, r#""active": "2500.00""#);
    assert_ne!(proposed, BEIJING);
    Pair::new(Judging::read(BEIJING).unwrap(), Judging::read(&proposed).unwrap())
}

fn population(persons: u64, scheme: Scheme) -> Population {
    Population { persons, seed: 42, lines: 5, year: 2026, scheme }
}

fn synthetic(population: Population, policies: &Pair<Judging>, shard: Shard, threads: usize) -> Report {
    let judging = policies.as_ref().map(|judging| &judging.policy);
    let tally = run::synthetic(population, judging, shard, threads, &Progress::default()).unwrap();
    let Population { persons, seed, lines: lines_per_claim, year, .. } = population;
    Report::new(shard, Claims::Synthetic { persons, seed, lines_per_claim, year }, policies, tally)
}

struct ClaimsFile {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn claims_file(lines: &[String]) -> ClaimsFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    ClaimsFile { path, _folder: folder }
}

fn replayed(lines: &[String], policies: &Pair<Judging>, shard: Shard) -> Result<Report, String> {
    let file = claims_file(lines);
    let judging = policies.as_ref().map(|judging| &judging.policy);
    let replayed = file::replay(&file.path, judging, shard, 2, &Progress::default());
    let (tally, sha256) =
        replayed.map_err(|error| format!("{error:#}").replace(&file.path.display().to_string(), ""))?;
    Ok(Report::new(shard, Claims::File { sha256 }, policies, tally))
}

fn claim(household: &str, person: &str, day: &str, amount: &str) -> String {
    format!(
        r#"{{"household":"{household}","person":"{person}","birth_date":"1960-05-01","income_group":"LOW","household_income":"30000.00","tier":"COMMUNITY","kind":"OUTPATIENT","from":"{day}","lines":[{{"class":"A","amount":"{amount}"}}]}}"#
    )
}

#[test]
fn ad_10_merging_all_shards_gives_the_whole_bit_for_bit() {
    for policies in [better_at_the_clinic(), dearer_in_beijing()] {
        let people = population(900, policies.proposed.policy.scheme);
        let whole = synthetic(people, &policies, Shard::WHOLE, 2).json().unwrap();
        for shards in [2, 5] {
            let parts = (0..shards).rev().map(|number| {
                let part = synthetic(people, &policies, Shard::new(number, shards).unwrap(), 1);
                assert!(part.result.effect.claims > 0);
                Report::read(&part.json().unwrap()).unwrap()
            });
            assert_eq!(merge(parts.collect()).unwrap().json().unwrap(), whole);
        }
    }
}

#[test]
fn ad_10_the_same_seed_gives_the_same_bytes_whatever_the_threads() {
    let policies = better_at_the_clinic();
    let people = population(1_500, Scheme::Resident);
    let one = synthetic(people, &policies, Shard::WHOLE, 1).json().unwrap();
    assert_eq!(synthetic(people, &policies, Shard::WHOLE, 3).json().unwrap(), one);
    let other = Population { seed: 43, ..people };
    assert_ne!(synthetic(other, &policies, Shard::WHOLE, 1).result, Report::read(&one).unwrap().result);
}

#[test]
fn ad_10_parts_of_different_replays_do_not_merge() {
    let policies = better_at_the_clinic();
    let people = population(60, Scheme::Resident);
    let part = |number| synthetic(people, &policies, Shard::new(number, 2).unwrap(), 1);
    let refused = |parts: Vec<Report>| merge(parts).unwrap_err().to_string();
    assert!(refused(vec![part(0)]).contains("1/2 is missing"));
    assert!(refused(vec![part(0), part(0)]).contains("twice"));
    assert!(refused(vec![synthetic(people, &policies, Shard::WHOLE, 1)]).contains("no part"));
    let other = synthetic(Population { seed: 1, ..people }, &policies, Shard::new(1, 2).unwrap(), 1);
    assert!(refused(vec![part(0), other]).contains("different claims"));
    let other = Pair::new(Judging::read(DEMONSTRATION).unwrap(), Judging::read(DEMONSTRATION).unwrap());
    let other = synthetic(people, &other, Shard::new(1, 2).unwrap(), 1);
    assert!(refused(vec![part(0), other]).contains("different policies"));
}

#[test]
fn ad_10_every_way_of_grouping_adds_up_to_the_whole() {
    let policies = dearer_in_beijing();
    let tally = synthetic(population(1_200, Scheme::Employee), &policies, Shard::WHOLE, 2).result;
    let whole = tally.effect;
    let sums = |own: Vec<Pair<Fen>>| {
        own.into_iter().fold(Pair::<Fen>::default(), |mut sum, own| {
            sum += own;
            sum
        })
    };
    assert_eq!(sums(tally.by_tier.iter().map(|(_, effect)| effect.own).collect()), whole.own);
    assert_eq!(sums(tally.by_kind.iter().map(|(_, effect)| effect.own).collect()), whole.own);
    assert_eq!(sums(tally.by_income.iter().map(|(_, effect)| effect.own).collect()), whole.own);
    assert_eq!(sums(tally.by_age.iter().map(|(_, effect)| effect.own).collect()), whole.own);
    assert_eq!(sums(tally.by_month.iter().map(|(_, effect)| effect.own).collect()), whole.own);
    assert_eq!(sums(tally.by_layer.iter().map(|(_, paid)| *paid).collect()), whole.fund);
    assert_eq!(sums(tally.households.iter().map(|(_, burden)| burden.own).collect()), whole.own);
    assert_eq!(whole.fund.against + whole.own.against, whole.billed);
    assert_eq!(whole.fund.proposed + whole.own.proposed, whole.billed);
    let fortunes = tally.fortunes_by_income.iter().map(|(_, fortunes)| fortunes);
    let (gained, lost) = fortunes.fold((Fen(0), Fen(0)), |(gained, lost), one| (gained + one.gained, lost + one.lost));
    assert_eq!(lost - gained, whole.own.change());
    assert_eq!(tally.changes.iter().map(|(_, persons)| persons).sum::<u64>(), tally.persons);
}

#[test]
fn ad_10_a_higher_ratio_at_the_clinic_costs_the_fund_exactly_what_people_gain() {
    let tally = synthetic(population(800, Scheme::Resident), &better_at_the_clinic(), Shard::WHOLE, 1).result;
    let change = tally.effect.fund.change();
    assert!(change > Fen(0));
    assert_eq!(tally.effect.own.change(), Fen(-change.0));
    for (tier, effect) in tally.by_tier.iter().filter(|(tier, _)| *tier != Tier::Community) {
        // Medical assistance goes by the year: where it stands otherwise, a claim's part of it may round to the next fen.
        let rounding = i128::from(effect.claims);
        assert!(effect.fund.change().0.abs() < rounding / 100, "{}: {:?}", tier.word(), effect.fund);
    }
    assert!(tally.largest_losses.is_empty() && !tally.largest_gains.is_empty());
    // Its rules for stays are not there.
    assert!(tally.not_covered.against > 0 && tally.not_covered.against == tally.not_covered.proposed);
}

#[test]
fn ad_10_claims_of_a_file_are_replayed_in_order_of_service_with_the_year_carried() {
    // Beijing's deductible of the year, 1800 and proposed 2500, is borne by the first claims in order of service: at 90 % of the rest.
    let lines = [claim("h", "a", "2026-06-01", "1000.00"), claim("h", "a", "2026-01-05", "2000.00")];
    let tally = replayed(&lines, &dearer_in_beijing(), Shard::WHOLE).unwrap().result;
    let fund = |against, proposed| Pair::new(Fen(against), Fen(proposed));
    assert_eq!(tally.effect.fund, fund(108_000, 45_000));
    let january = tally.by_month.iter().next().unwrap().1;
    assert_eq!((january.fund, january.claims), (fund(18_000, 0), 1));
    let low = tally.households.iter().find(|(income, _)| *income == Income::Low).unwrap().1;
    assert_eq!((low.households, low.income, low.above_tenth), (1, Fen(3_000_000), Pair::new(0, 0)));
    assert_eq!((tally.persons, tally.lines), (1, 2));
}

#[test]
fn ad_10_shards_of_a_file_merge_to_the_whole() {
    let policies = dearer_in_beijing();
    let lines: Vec<String> = (0..40)
        .flat_map(|household| {
            let id = format!("h{household}");
            ["a", "b", "a"].map(|person| claim(&id, &format!("{id}{person}"), "2026-02-03", "1234.56"))
        })
        .collect();
    let whole = replayed(&lines, &policies, Shard::WHOLE).unwrap();
    let parts = (0..3).map(|number| replayed(&lines, &policies, Shard::new(number, 3).unwrap()).unwrap());
    assert_eq!(merge(parts.collect()).unwrap().json().unwrap(), whole.json().unwrap());
    assert_eq!((whole.result.persons, whole.result.effect.claims), (80, 120));
}

#[test]
fn ad_10_a_bad_line_is_named_and_a_bad_claim_is_left_out_and_counted() {
    let policies = dearer_in_beijing();
    let good = claim("h", "a", "2026-01-05", "2000.00");
    let refused = |lines: &[String]| replayed(lines, &policies, Shard::WHOLE).unwrap_err();
    assert!(refused(&[good.clone(), good.replace("COMMUNITY", "VILLAGE")]).starts_with(":2: "));
    assert!(refused(&[good.replace(r#""class":"A""#, r#""class":"B""#)]).contains("first_self_pay"));
    assert!(refused(&[good.clone(), good.replace("30000.00", "1.00")]).contains(":2: states another income"));
    let torn = [good.clone(), claim("x", "b", "2026-01-05", "1.00"), good.clone()];
    assert!(refused(&torn).contains(":3: this household stood further up"));

    let unsummed = good.replace(r#""lines""#, r#""total":"1.00","lines""#);
    let other = good.replace(r#""retired""#, "").replace(r#""person""#, r#""scheme":"RESIDENT","person""#);
    let tally = replayed(&[good, unsummed, other], &policies, Shard::WHOLE).unwrap().result;
    let left_out: Vec<(&str, u64)> = tally.left_out.iter().map(|(reason, claims)| (reason.as_str(), *claims)).collect();
    assert_eq!(left_out, [("LINES_DO_NOT_SUM", 1), ("OTHER_SCHEME", 1)]);
    assert_eq!(tally.effect.claims, 1);
}

#[test]
fn ad_10_a_large_file_is_cut_between_households_only() {
    let policies = better_at_the_clinic();
    let lines: Vec<String> = (0..3000)
        .flat_map(|household| {
            let id = format!("household-{household}");
            ["a", "b"].map(|person| claim(&id, &format!("{id}{person}"), "2026-02-03", "100.00"))
        })
        .collect();
    assert!(lines.iter().map(String::len).sum::<usize>() > 1 << 20, "one block would do");
    let tally: Tally = replayed(&lines, &policies, Shard::WHOLE).unwrap().result;
    let households: u64 = tally.households.iter().map(|(_, burden)| burden.households).sum();
    assert_eq!((households, tally.persons, tally.effect.claims), (3000, 6000, 6000));
    assert_eq!(tally.effect.fund, Pair::new(Fen(6_000 * 8_500), Fen(6_000 * 9_000)));
}

#[test]
fn ad_10_the_report_is_a_page_with_charts_and_a_summary() {
    let report = synthetic(population(300, Scheme::Resident), &better_at_the_clinic(), Shard::WHOLE, 1);
    let page = page::render(&report);
    for part in [
        "<svg",
        "受益与受损",
        "Winners and losers",
        "演示政策",
        "low income",
        "community",
        "synthetic population of 300",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), 6);
    assert!(!page.contains("http"), "nothing is loaded from elsewhere");
    let text = text::text(&report);
    assert!(text.contains("基金支付 funds pay") && text.contains("winners and losers by income"), "{text}");
}

#[test]
fn ad_10_the_population_is_about_as_it_is_described() {
    let people = population(6_000, Scheme::Resident);
    let (households, last) = people.households();
    assert!((2_100..2_550).contains(&households) && last >= 1, "{households}");
    let tally = synthetic(people, &better_at_the_clinic(), Shard::WHOLE, 2).result;
    let per_thousand = |claims: u64| claims * 1000 / 6_000;
    let by_kind: Vec<u64> = tally.by_kind.iter().map(|(_, effect)| per_thousand(effect.claims)).collect();
    assert!((5_500..7_500).contains(&by_kind[0]), "visits {}", by_kind[0]);
    assert!((170..270).contains(&by_kind[1]), "stays {}", by_kind[1]);
    let community = tally.by_tier.iter().next().unwrap().1.claims * 1000 / tally.effect.claims;
    assert!((480..540).contains(&community), "{community}");
    assert_eq!(tally.by_income.iter().filter(|(_, effect)| effect.claims > 0).count(), 5);
}
