//! Supervision of the fund: balances, outliers, assessments and reports of abuse.

use std::time::Duration;

use chassis::channel::Channel;
use proto::anjia::adjudication::v1::supervision_service_client::SupervisionServiceClient;
use proto::anjia::adjudication::v1::{self as wire, FindingDecision as Decision, FindingState};
use proto::anjia::common::v1::Scheme;
use proto::convert::{to_date, to_money};
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::inspection::document;
use crate::world::{World, money, today};

impl World {
    fn supervision(&self) -> SupervisionServiceClient<Channel> {
        SupervisionServiceClient::new(self.mesh.channel("adjudication"))
    }

    pub(crate) async fn fund(&self) -> Vec<wire::FundMonth> {
        self.fund_since(today()).await
    }

    pub(crate) async fn fund_since(&self, from: chrono::NaiveDate) -> Vec<wire::FundMonth> {
        let message = wire::GetFundRequest { from: Some(to_date(from)), until: Some(to_date(today())) };
        let request = self.caller("operator").request(message).await;
        self.supervision().get_fund(request).await.expect("the fund").into_inner().months
    }
}

#[tokio::test]
async fn ad_09_the_balance_is_what_came_in_less_what_was_paid_and_keeps_what_was_cut() {
    let world = World::with_rules().await;
    let income = wire::RecordFundIncomeRequest {
        request_id: request_id(),
        scheme: Scheme::Employee.into(),
        on: Some(to_date(today())),
        kind: wire::FundIncomeKind::Contribution.into(),
        amount: Some(to_money(money("10000.00"))),
        reference: "2026-征缴-001".to_owned(),
    };
    let officer = world.caller("insurer-proposer");
    let first = officer.request(income.clone()).await;
    world.supervision().record_fund_income(first).await.expect("recorded");
    let repeated = officer.request(income).await;
    world.supervision().record_fund_income(repeated).await.expect("the same answer");

    world.settle("1500.00").await;
    let months = world.fund().await;
    assert_eq!(months.len(), 1);
    // 1500 less the deductible of 1300 at 90 %: 180 from the pool.
    let month = &months[0];
    assert_eq!(
        (month.income.clone(), month.pooled_fund.clone()),
        (Some(to_money(money("10000.00"))), Some(to_money(money("180.00"))))
    );
    assert_eq!((month.settlements, month.persons), (1, 1));
    assert_eq!(month.withheld, Some(to_money(money("180.00"))), "never more than the fund pays");
    assert_eq!(month.balance, Some(to_money(money("9820.00"))));

    let reviewer = world.reviewer("reviewer").await;
    let finding = world.findings(&reviewer, FindingState::Open).await.remove(0);
    world.decide(&reviewer, &finding.finding_id, Decision::Cut, Some("100.00")).await.expect("cut");
    let month = world.fund().await.remove(0);
    assert_eq!((month.withheld, month.cut), (Some(to_money(money("0"))), Some(to_money(money("100.00")))));
    assert_eq!(month.balance, Some(to_money(money("9920.00"))));
}

#[tokio::test]
async fn ad_09_outliers_want_a_configured_limit() {
    let world = World::new().await;
    let message = wire::GetOutliersRequest {
        subject: wire::OutlierSubject::Provider.into(),
        from: Some(to_date(today())),
        until: Some(to_date(today())),
    };
    let reviewer = world.reviewer("reviewer").await;
    let refused = world.supervision().get_outliers(reviewer.request(message).await).await.expect_err("no limit");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "RULES_NOT_CONFIGURED"));

    let world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;
    world.settle("50.00").await;
    for subject in [wire::OutlierSubject::Provider, wire::OutlierSubject::Person] {
        let message = wire::GetOutliersRequest { subject: subject.into(), ..message };
        let answer = world.supervision().get_outliers(reviewer.request(message).await).await.expect("figures");
        let answer = answer.into_inner();
        assert_eq!((answer.outliers.len(), answer.score_min.as_str()), (0, "3.5"), "one alone is out of no line");
    }
}

impl World {
    /// Copies the one settled claim there is: for another provider or person, so many times, of another cost each.
    async fn settled_likewise(&self, provider: Uuid, resident: Uuid, total: i64) {
        let mut owner = self.mesh.owner("adjudication").await;
        let (claim, settlement) = (Uuid::now_v7(), Uuid::now_v7());
        let changed = serde_json::json!({"provider_organisation_id": provider, "resident_id": resident});
        for (table, own) in [
            ("claims", serde_json::json!({"id": claim, "settlement_id": settlement, "visit_id": claim})),
            (
                "settlements",
                serde_json::json!({"id": settlement, "claim_id": claim, "bill_id": claim, "total": total, "fully_own": total,
                "in_scope": 0, "deductible": 0, "pooled_fund": 0, "pooled_own": 0, "beyond_cover": 0}),
            ),
        ] {
            let sql = format!(
                "INSERT INTO {table} SELECT (jsonb_populate_record(model, $1 || $2)).* FROM {table} AS model ORDER BY id LIMIT 1"
            );
            let copied = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&changed).bind(own);
            copied.execute(&mut owner).await.expect(table);
        }
    }

    async fn outliers(&self, subject: wire::OutlierSubject) -> Vec<wire::Outlier> {
        let message = wire::GetOutliersRequest {
            subject: subject.into(),
            from: Some(to_date(today())),
            until: Some(to_date(today())),
        };
        let reviewer = self.reviewer(&format!("reviewer-{}", Uuid::now_v7().simple())).await;
        let answer = self.supervision().get_outliers(reviewer.request(message).await).await;
        answer.expect("figures").into_inner().outliers
    }
}

#[tokio::test]
async fn ad_09_a_provider_and_a_person_far_above_the_others_are_found_furthest_first() {
    let world = World::with_rules().await;
    world.settle("50.00").await;
    let far = Uuid::from_u128(0xfa);
    // Six other providers at about 50, one at 5,000; each of another person.
    for (provider, total) in [(0xa1, 48), (0xa2, 49), (0xa3, 51), (0xa4, 52), (0xa5, 50), (0xa6, 47)] {
        world.settled_likewise(Uuid::from_u128(provider), Uuid::from_u128(provider), total).await;
    }
    world.settled_likewise(far, far, 5_000).await;
    let [found]: [_; 1] = world.outliers(wire::OutlierSubject::Provider).await.try_into().expect("one provider");
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().expect("a number");
    assert_eq!(found.subject_id, far.to_string());
    assert_eq!((number(&found.figure), number(&found.median)), (5_000.into(), 50.into()));

    // Persons by their claims: two have some more than others, one has many more.
    for (person, claims) in [(0xa1, 1), (0xa2, 1), (0xa3, 2), (0xa4, 2), (0xb0, 9), (0xb1, 30)] {
        for _ in 0..claims {
            world.settled_likewise(Uuid::from_u128(person), Uuid::from_u128(person), 50).await;
        }
    }
    let found = world.outliers(wire::OutlierSubject::Person).await;
    let persons: Vec<_> = found.iter().map(|outlier| (outlier.subject_id.clone(), number(&outlier.figure))).collect();
    let of = |person: u128, claims: &str| (Uuid::from_u128(person).to_string(), number(claims));
    assert_eq!(persons, [of(0xb1, "30"), of(0xb0, "9")]);
    assert_eq!(world.count("audit_entries WHERE action = 'adjudication.outlier.read'").await, 2);
}

#[tokio::test]
async fn ad_09_a_providers_share_of_some_items_is_held_against_the_regions_limit() {
    let world = World::with_rules().await;
    world.settle("50.00").await;
    let message = wire::GetProviderStatisticsRequest { from: Some(to_date(today())), until: Some(to_date(today())) };
    let reviewer = world.reviewer("reviewer").await;
    let answer = world.supervision().get_provider_statistics(reviewer.request(message).await).await.expect("figures");
    let expected = wire::ProviderStatistic {
        rule: "N25-056".to_owned(),
        provider_organisation_id: callers::CLINIC.to_string(),
        figure: "1".to_owned(),
        most: "0.45".to_owned(),
        is_above: true,
    };
    // Nobody was admitted: no rate of readmissions.
    assert_eq!(answer.into_inner().statistics, [expected]);
}

#[tokio::test]
async fn ad_11_a_contracts_year_is_assessed_from_its_figures() {
    let world = World::with_rules().await;
    world.settle("1500.00").await;
    let reviewer = world.reviewer("reviewer").await;
    let finding = world.findings(&reviewer, FindingState::Open).await.remove(0);
    world.decide(&reviewer, &finding.finding_id, Decision::Cut, Some("90.00")).await.expect("cut");
    let message = wire::AssessProviderRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        year: chrono::Datelike::year(&today()),
    };
    let request = world.caller("insurer-proposer").request(message).await;
    let answer = world.supervision().assess_provider(request).await.expect("assessed").into_inner();
    let assessment = answer.assessment.unwrap_or_default();
    let scores: Vec<_> = assessment
        .scores
        .iter()
        .map(|score| (score.criterion.as_str(), score.figure.as_str(), score.points.as_str()))
        .collect();
    // 90 of 180 cut; the only claim upheld; 1320 of 1500 borne by the person; no stays.
    let expected = [
        ("CUT_RATIO", "0.5", "0"),
        ("UPHELD_CLAIM_RATIO", "1", "0"),
        ("OWN_SHARE_RATIO", "0.88", "0"),
        ("READMISSION_RATIO", "", "20"),
    ];
    assert_eq!(scores, expected);
    assert_eq!((assessment.points.as_str(), assessment.is_passed, assessment.claims), ("20", false, 1));
}

#[tokio::test]
async fn ad_11_a_year_is_assessed_by_its_own_standards_and_only_where_there_was_a_contract() {
    let world = World::with_rules().await;
    let year = chrono::Datelike::year(&today());
    let assess = async |provider: String, year: i32| {
        let message =
            wire::AssessProviderRequest { request_id: request_id(), provider_organisation_id: provider, year };
        let request = world.caller("insurer-proposer").request(message).await;
        world.supervision().assess_provider(request).await.map(|answer| answer.into_inner().assessment)
    };
    // Suspended today, it had a contract when the year began.
    let suspended = world.suspended_hospital().await;
    assess(suspended, year).await.expect("it was designated");
    // Other standards hold from today on.
    let mut newer = document();
    newer["effective_from"] = serde_json::json!(today().to_string());
    let newer = world.propose_rules(&newer).await.expect("the document is complete");
    world.release_rules("insurer-releaser", &newer.rule_book_id).await.expect("another officer releases it");
    for year in [year - 1, year] {
        assess(callers::CLINIC.to_string(), year).await.expect("it was designated");
    }
    let by = "SELECT array_agg(rule_book_id = $1::uuid ORDER BY year) FROM provider_assessments WHERE provider_organisation_id = $2";
    let is_by_newer: Vec<bool> = sqlx::query_scalar(by)
        .bind(&newer.rule_book_id)
        .bind(callers::CLINIC)
        .fetch_one(&mut world.mesh.owner("adjudication").await)
        .await
        .expect("both are kept");
    assert_eq!(is_by_newer, [false, true], "each year by its own");
    // The clinic's contract began in 2020.
    let before = assess(callers::CLINIC.to_string(), 2019).await.expect_err("no contract then");
    assert_eq!((before.code(), reason(&before).as_str()), (Code::FailedPrecondition, "NOT_DESIGNATED"));
}

#[tokio::test]
async fn ad_09_a_report_is_rewarded_and_who_made_it_stays_sealed() {
    let world = World::with_rules().await;
    let report = wire::ReportAbuseRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        text: "未做检查却收费".to_owned(),
        contact: "13800000000".to_owned(),
    };
    let request = world.caller("clinic").request(report).await;
    let id = world.supervision().report_abuse(request).await.expect("taken").into_inner().abuse_report_id;

    let reviewer = world.reviewer("reviewer").await;
    let list = wire::ListAbuseReportsRequest { state: wire::AbuseReportState::Open.into(), page: None };
    let answer = world.supervision().list_abuse_reports(reviewer.request(list).await).await.expect("a list");
    let listed = answer.into_inner().reports.remove(0);
    assert_eq!((listed.text.as_str(), listed.has_contact), ("未做检查却收费", true));

    let close = |amount: &str| wire::CloseAbuseReportRequest {
        request_id: request_id(),
        abuse_report_id: id.clone(),
        is_confirmed: true,
        recovered: Some(to_money(money(amount))),
    };
    let request = reviewer.request(close("100000.00")).await;
    let answer = world.supervision().close_abuse_report(request).await.expect("closed").into_inner();
    assert_eq!(answer.report.unwrap_or_default().reward, Some(to_money(money("3000.00"))));
    let request = reviewer.request(close("1.00")).await;
    let refused = world.supervision().close_abuse_report(request).await.expect_err("closed already");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "ABUSE_REPORT_CLOSED"));

    let mut owner = world.mesh.owner("adjudication").await;
    let actor: String =
        sqlx::query_scalar("SELECT actor FROM audit_entries WHERE action = 'adjudication.abuse.report'")
            .fetch_one(&mut owner)
            .await
            .expect("an entry");
    assert_eq!(actor, "service:adjudication", "the audit does not name the reporter either");
    let in_clear: i64 =
        sqlx::query_scalar("SELECT count(*) FROM abuse_reports WHERE position('138'::bytea in reporter_sealed) > 0")
            .fetch_one(&mut owner)
            .await
            .expect("a count");
    assert_eq!(in_clear, 0);
}

/// Tables of the database in which this text stands anywhere.
async fn naming(owner: &mut PgConnection, text: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(&mut *owner)
    .await
    .expect("the tables");
    let mut naming = vec![];
    for table in tables {
        let search = format!("SELECT count(*) FROM {table} AS t WHERE strpos(t::text, $1) > 0");
        let found: i64 =
            sqlx::query_scalar(AssertSqlSafe(search)).bind(text).fetch_one(&mut *owner).await.expect("rows");
        naming.extend((found > 0).then_some(table));
    }
    naming
}

#[tokio::test]
async fn ad_09_nothing_that_is_kept_names_who_reported_not_even_for_repetitions() {
    let world = World::with_rules().await;
    let witness = ResidentId::generate();
    let caller = world.resident_caller("whistle-blower", witness).await;
    let report = wire::ReportAbuseRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        text: "未做检查却收费".to_owned(),
        contact: "13800000000".to_owned(),
    };
    let mut told = vec![];
    for _ in 0..2 {
        let request = caller.request(report.clone()).await;
        told.push(world.supervision().report_abuse(request).await.expect("taken").into_inner().abuse_report_id);
    }
    assert_eq!(told[0], told[1], "a repetition is known");
    let empty = wire::ReportAbuseRequest { text: String::new(), request_id: request_id(), ..report.clone() };
    let request = caller.request(empty).await;
    assert_eq!(reason(&world.supervision().report_abuse(request).await.expect_err("nothing said")), "INVALID_FIELD");

    let mut owner = world.mesh.owner("adjudication").await;
    let refused = "SELECT actor FROM refusals WHERE method LIKE '%/ReportAbuse'";
    let actor: Option<String> = loop {
        // Written once a second.
        match sqlx::query_scalar(refused).fetch_optional(&mut owner).await.expect("refusals") {
            Some(actor) => break actor,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(actor, None);
    let kept: String = sqlx::query_scalar("SELECT subject FROM requests WHERE method LIKE '%/ReportAbuse'")
        .fetch_one(&mut owner)
        .await
        .expect("one answer for both");
    assert_eq!(kept, "confidential");
    for text in [witness.to_string(), report.request_id, "whistle-blower".to_owned()] {
        assert_eq!(naming(&mut owner, &text).await, Vec::<String>::new(), "{text}");
    }
    assert_eq!(naming(&mut owner, &told[0]).await, ["abuse_reports", "audit_entries"], "and the search finds");
}
