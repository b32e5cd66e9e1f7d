use std::{path::PathBuf, sync::Arc};

use types::setting::{BadSetting, OfSetting as _};

use super::{FileKeys, HttpKms, KeyProvider, KmsConfig, ProviderError};

/// Who wraps the keys of personal data: a file while developing, a key management service in production.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct VaultConfig {
    /// File of wrapping keys, for development: 32 bytes in hexadecimal, one to a line. The last one wraps; add a line and run
    /// `data-keys rewrap` to replace it.
    #[arg(long, env, conflicts_with = "kms_url")]
    pub wrapping_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub kms: KmsConfig,
}

impl VaultConfig {
    /// The provider these settings name. Asks it nothing yet.
    pub fn provider(&self) -> Result<Arc<dyn KeyProvider>, BadSetting> {
        match (&self.wrapping_key_file, &self.kms.kms_url) {
            (Some(file), None) => Ok(Arc::new(FileKeys::load(file).of_setting("WRAPPING_KEY_FILE")?)),
            (None, Some(_)) => Ok(Arc::new(HttpKms::new(&self.kms).of_setting("KMS_URL")?)),
            _ => Err(BadSetting::new("WRAPPING_KEY_FILE", ProviderError::NotSet)),
        }
    }
}
