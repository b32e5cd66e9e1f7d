use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::bank_profile_service_server::BankProfileService;
use proto::convert::{self, FieldError, to_timestamp};
use tonic::{Request, Response, Status};

use super::{Grpc, answer};
use crate::app::NewBankProfile;
use crate::domain::bank_profile::{Algorithm, BankKey, BankProfile, is_key_id, network};

const NETWORKS_MAX: usize = 50;
const KEYS_MAX: usize = 20;
const PEM_LENGTH_MAX: usize = 1_000;

#[tonic::async_trait]
impl BankProfileService for Grpc {
    async fn set_bank_profile(
        &self,
        request: Request<wire::SetBankProfileRequest>,
    ) -> Result<Response<wire::SetBankProfileResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.BankProfileService/SetBankProfile";
        let call = Call::new(&ctx.caller, method, &message, |row| set(row).encode_to_vec()).map_err(error::invalid)?;
        let new = convert::required("profile", message.profile.as_ref())
            .and_then(|profile| new_profile(profile).map_err(|wrong| wrong.within("profile")))
            .map_err(error::invalid)?;
        let reply = self.0.set_bank_profile(&ctx, &call, new).await?;
        answer(reply, |row| set(&row))
    }

    async fn get_bank_profile(
        &self,
        request: Request<wire::GetBankProfileRequest>,
    ) -> Result<Response<wire::GetBankProfileResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("organisation_id", &request.get_ref().organisation_id).map_err(error::invalid)?;
        let profile = self.0.get_bank_profile(&ctx, id).await?;
        Ok(Response::new(wire::GetBankProfileResponse { profile: Some(to_profile(&profile)) }))
    }
}

fn set(profile: &Permitted<BankProfile>) -> wire::SetBankProfileResponse {
    wire::SetBankProfileResponse { profile: Some(to_profile(profile)) }
}

fn to_profile(profile: &Permitted<BankProfile>) -> wire::BankProfile {
    let key = |key: &BankKey| wire::BankKey {
        key_id: key.key_id.clone(),
        algorithm: match key.algorithm {
            Algorithm::Ed25519 => wire::BankKeyAlgorithm::Ed25519.into(),
            Algorithm::Sm2 => wire::BankKeyAlgorithm::Sm2.into(),
        },
        public_key_pem: key.public_key_pem.clone(),
        from: Some(to_timestamp(key.from)),
        until: key.until.map(to_timestamp),
    };
    wire::BankProfile {
        organisation_id: profile.organisation.to_string(),
        networks: profile.networks.iter().map(ToString::to_string).collect(),
        keys: profile.keys.iter().map(key).collect(),
        revision: profile.revision,
    }
}

fn new_profile(message: &wire::BankProfile) -> Result<NewBankProfile, FieldError> {
    let organisation = convert::id("organisation_id", &message.organisation_id)?;
    if !(1..=NETWORKS_MAX).contains(&message.networks.len()) {
        return Err(FieldError::new("networks", format!("must be 1 to {NETWORKS_MAX}")));
    }
    if !(1..=KEYS_MAX).contains(&message.keys.len()) {
        return Err(FieldError::new("keys", format!("must be 1 to {KEYS_MAX}")));
    }
    let networks = message.networks.iter().enumerate().map(|(place, text)| {
        let wrong = || FieldError::new(format!("networks[{place}]"), "must be a network such as 203.0.113.0/24");
        network(text).ok_or_else(wrong)
    });
    let keys = message.keys.iter().enumerate();
    let keys = keys.map(|(place, key)| bank_key(key).map_err(|wrong| wrong.within(&format!("keys[{place}]"))));
    if message.revision < 0 {
        return Err(FieldError::new("revision", "must be that of the profile, 0 for the first"));
    }
    Ok(NewBankProfile {
        organisation,
        networks: networks.collect::<Result<_, _>>()?,
        keys: keys.collect::<Result<_, _>>()?,
        revision: message.revision,
    })
}

fn bank_key(message: &wire::BankKey) -> Result<BankKey, FieldError> {
    if !is_key_id(&message.key_id) {
        return Err(FieldError::new("key_id", "must be 1 to 64 letters, digits, dots, underscores and hyphens"));
    }
    let algorithm = match message.algorithm() {
        wire::BankKeyAlgorithm::Ed25519 => Algorithm::Ed25519,
        wire::BankKeyAlgorithm::Sm2 => Algorithm::Sm2,
        wire::BankKeyAlgorithm::Unspecified => return Err(FieldError::new("algorithm", "is required")),
    };
    if !is_public_key(&message.public_key_pem) {
        return Err(FieldError::new("public_key_pem", "must be a SubjectPublicKeyInfo in PEM"));
    }
    Ok(BankKey {
        key_id: message.key_id.clone(),
        algorithm,
        public_key_pem: message.public_key_pem.trim().to_owned(),
        from: convert::timestamp("from", message.from.as_ref())?,
        until: convert::optional_timestamp("until", message.until.as_ref())?,
    })
}

/// The form only: whether the algorithm can use it, payment finds when it verifies.
fn is_public_key(pem: &str) -> bool {
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
    let bytes = body.map(|body| body.split_ascii_whitespace().collect::<String>());
    // A SubjectPublicKeyInfo is a DER sequence.
    pem.len() <= PEM_LENGTH_MAX
        && bytes
            .and_then(|text| STANDARD.decode(text).ok())
            .is_some_and(|der| der.first() == Some(&0x30) && der.len() > 40)
}
