//! Very many residents, made in the database itself: one is registered through the API, and its row is copied with other ids and
//! with the blind indexes of other numbers, under the mesh's own key. Never of a mesh that is kept.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use chassis::Credentials;
use chassis::channel::Channel;
use chrono::{Days, NaiveDate};
use devstack::{Mesh, callers};
use postgres::audit::AuditConfig;
use postgres::vault::VaultConfig;
use postgres::{Database, PostgresConfig, Scope};
use proto::anjia::identity::v1::RegisterResidentRequest;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use sqlx::{Connection, PgConnection};
use types::national_id::NationalId;
use types::region::RegionCode;
use uuid::Uuid;

use super::progress;
use super::town::{refused, request_id};

/// Registered through the API, so that they can be read.
pub(super) const REAL: u32 = 200;
/// Of the three digits that tell persons of one birth date apart.
const SERIALS: u32 = 1_000;
const COPIED_AT_ONCE: u32 = 20_000;

pub(super) struct Population {
    pub(super) identity: Channel,
    /// Growing takes longer than a token lasts.
    pub(super) worker: Credentials,
    /// Reached as identity reaches it.
    pub(super) db: Database,
    owner: PgConnection,
    template: Uuid,
    /// How many there are, the real ones included.
    pub(super) size: u32,
}

/// The number of somebody in the population.
pub(super) fn number(place: u32) -> Result<NationalId> {
    let first = NaiveDate::from_ymd_opt(1950, 1, 1).context("a day")?;
    let born = first + Days::new(u64::from(place / SERIALS));
    Ok(NationalId::from_parts(RegionCode::DEMONSTRATION, born, u16::try_from(place % SERIALS)?)?)
}

pub(super) fn home() -> Result<RegionCode> {
    Ok(callers::REGION.parse()?)
}

impl Population {
    pub(super) async fn begin(mesh: &Mesh) -> Result<Self> {
        progress("registering residents");
        let identity = mesh.fleet().channel("identity")?;
        let worker = mesh.fleet().credentials("worker")?;
        let context = worker.own().await.map_err(refused("ExchangeToken"))?;
        let urls = mesh.fleet().database("identity")?;
        let config = PostgresConfig {
            database_url: urls.service.clone(),
            worker_database_url: Some(urls.worker.clone()),
            pool_size: 4,
            statement_timeout_ms: 60_000,
            vault: VaultConfig {
                wrapping_key_file: Some(mesh.fleet().keys().secret("wrapping")?),
                ..VaultConfig::default()
            },
            audit: AuditConfig::default(),
            events: postgres::events::EventsConfig::default(),
        };
        let mut residents = ResidentServiceClient::new(identity.clone());
        let mut template = Uuid::nil();
        for place in 0..REAL {
            let message = RegisterResidentRequest {
                request_id: request_id(),
                national_id: number(place)?.expose().to_owned(),
                name: "陈测试".to_owned(),
                region_code: callers::REGION.to_owned(),
                community: "测试街道".to_owned(),
                ..RegisterResidentRequest::default()
            };
            let answer = residents.register_resident(context.request(message)).await;
            let resident = answer.map_err(refused("RegisterResident"))?.into_inner().resident;
            template = resident.context("a registration without a resident")?.resident_id.parse()?;
        }
        let owner = PgConnection::connect(&urls.owner).await?;
        Ok(Self { identity, worker, db: Database::connect(&config).await?, owner, template, size: REAL })
    }

    /// Copies until there are so many.
    pub(super) async fn grow(&mut self, size: u32) -> Result<()> {
        if size <= self.size {
            return Ok(());
        }
        progress(&format!("growing to {size} residents"));
        // The transaction brings the keys into memory.
        let tx = self.db.begin(Scope::Region(home()?)).await?;
        tx.commit().await?;
        sqlx::query("CREATE TEMPORARY TABLE IF NOT EXISTS copies (id uuid, number_index bytea)")
            .execute(&mut self.owner)
            .await?;
        while self.size < size {
            let until = size.min(self.size + COPIED_AT_ONCE);
            self.copy(until).await?;
            self.size = until;
        }
        sqlx::query("VACUUM (ANALYZE) residents, identifiers").execute(&mut self.owner).await?;
        Ok(())
    }

    async fn copy(&mut self, until: u32) -> Result<()> {
        let mut rows = String::new();
        for place in self.size..until {
            let index = self.db.vault().blind_index("identifiers.number", &indexed(place)?)?;
            writeln!(rows, "{}\t\\\\x{}", Uuid::now_v7(), hex::encode(index))?;
        }
        let mut copy = self.owner.copy_in_raw("COPY pg_temp.copies FROM STDIN").await?;
        copy.send(rows.into_bytes()).await?;
        copy.finish().await?;
        let residents = "INSERT INTO residents SELECT (jsonb_populate_record(template, jsonb_build_object('id', copies.id))).* \
             FROM pg_temp.copies, residents AS template WHERE template.id = $1";
        let identifiers = "INSERT INTO identifiers SELECT (jsonb_populate_record(template, jsonb_build_object('id', copies.id, \
                 'resident_id', copies.id, 'number_index', copies.number_index))).* \
             FROM pg_temp.copies, identifiers AS template WHERE template.resident_id = $1";
        for statement in [residents, identifiers] {
            sqlx::query(statement).bind(self.template).execute(&mut self.owner).await?;
        }
        sqlx::query("TRUNCATE pg_temp.copies").execute(&mut self.owner).await?;
        Ok(())
    }
}

/// What identity indexes the identity card of one of them by.
pub(super) fn indexed(place: u32) -> Result<String> {
    Ok(format!("ID_CARD||{}", number(place)?.expose()))
}
