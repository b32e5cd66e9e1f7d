//! Who calls: tokens verified on the way in, the service's own tokens obtained for the way out.

mod binding;
mod claims;
mod credentials;
mod follow;
mod keys;
mod revocations;
mod verifier;

pub(crate) use binding::{Shown, check as check_binding};
pub use claims::{AUDIENCE, AUDIENCE_IDENTITY, Actor, Assertion, Claims, Confirmation, ISSUER};
pub use credentials::{Credentials, CredentialsError, Mandate, Own};
pub use keys::{InvalidKey, KeySet, Keys};
pub use revocations::{Revocation, Revocations, Revoked};
pub(crate) use verifier::missing;
pub use verifier::{Verified, Verifier};
