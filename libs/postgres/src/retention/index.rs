//! Whether retention goes through tables by index: one that goes through a table of years from end to end is found before it is slow.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::Error;

/// Tables through which retention cannot look by an index alone, or that cannot be looked up by their date in the index on it,
/// `<table>_dated`. `owner` is the owner's; what they explain is not done.
pub async fn without_index(owner: &mut PgConnection) -> Result<Vec<String>, Error> {
    sqlx::raw_sql("SET enable_seqscan = off").execute(&mut *owner).await?;
    let looks: Vec<(String, String, String, bool, String)> = sqlx::query_as(
        "SELECT name, rule, dated, appraised, CASE WHEN appraised THEN overdue_count(list) ELSE retention_page(list) END \
         FROM personal_tables AS list WHERE dated IS NOT NULL ORDER BY 1, 2",
    )
    .fetch_all(&mut *owner)
    .await?;
    let mut found = vec![];
    for (name, rule, dated, is_appraised, look) in looks {
        let (parameters, given) = if is_appraised {
            ("text, bigint, timestamptz", "'110000', 9, now()")
        } else {
            ("text, timestamptz, text, integer, timestamptz", "'110000', '2000-01-01', '', 9, now()")
        };
        let prepare = format!("PREPARE look ({parameters}) AS {look}");
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *owner).await?;
        let plan = explained(owner, &format!("EXECUTE look ({given})")).await?;
        sqlx::raw_sql("DEALLOCATE look").execute(&mut *owner).await?;
        if plan.contains("Seq Scan") {
            found.push(format!("{name} by {rule}: {plan}"));
        } else if let Some(why) = without_date(owner, &name, &dated).await? {
            found.push(format!("{name} by {rule}: {why}"));
        }
    }
    sqlx::raw_sql("RESET enable_seqscan").execute(owner).await?;
    Ok(found)
}

/// Why rows of a table are not found between two dates by the index on its date. Asked of a table like it that has no other index: which
/// one is taken where there are several depends on what stands in them.
async fn without_date(owner: &mut PgConnection, name: &str, dated: &str) -> Result<Option<String>, Error> {
    let index: Option<String> = sqlx::query_scalar(
        "SELECT regexp_replace(pg_get_indexdef(to_regclass(quote_ident($1 || '_dated'))), '^CREATE INDEX .* ON .* USING', \
             'CREATE INDEX ON pg_temp.alike USING')",
    )
    .bind(name)
    .fetch_one(&mut *owner)
    .await?;
    let Some(index) = index else { return Ok(Some(format!("there is no index {name}_dated"))) };
    let alike = format!("CREATE TEMPORARY TABLE alike (LIKE {name}); {index}");
    sqlx::raw_sql(AssertSqlSafe(alike)).execute(&mut *owner).await?;
    let look = format!("SELECT FROM pg_temp.alike AS t WHERE t.region = '110000' AND {dated} < now()");
    let plan = explained(owner, &look).await?;
    sqlx::raw_sql("DROP TABLE pg_temp.alike").execute(&mut *owner).await?;
    let is_by_date = plan.lines().any(|line| line.trim_start().starts_with("Index Cond:") && line.contains(" < "));
    Ok((!is_by_date).then_some(plan))
}

async fn explained(owner: &mut PgConnection, statement: &str) -> Result<String, Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {statement}"))).fetch_all(owner).await?;
    let plan: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(plan.join("\n"))
}
