use std::collections::BTreeSet;

use chassis::Context;
use chassis::auth::{AUDIENCE, Claims, ISSUER};
use types::caller::{Party, Role};
use uuid::Uuid;

use super::App;

const NAME: &str = "identity";

impl App {
    /// Identity's own name, to call with. It asks nobody for the token; `None` if one cannot be made.
    pub fn own_context(&self) -> Option<Context> {
        let now = self.now();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: Party::Service(NAME.to_owned()),
            aka: BTreeSet::new(),
            act: None,
            org: None,
            roles: vec![Role::Service(NAME.to_owned())],
            region: self.home,
            dlg: None,
            mandate: None,
            methods: None,
            events: vec![],
            cnf: None,
            client_id: None,
            via: vec![],
            jti: Uuid::now_v7().to_string(),
            iat: now.timestamp(),
            exp: (now + self.token_lifetime).timestamp(),
        };
        let token = self.signer.sign(&claims).ok()?;
        Context::issued(&claims, token)
    }
}
