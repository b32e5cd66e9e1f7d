//! An answer without the fields that its caller's roles do not show: each message of the body in turn, by the rows opened until then.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::access::{FieldMask, Sight};
use crate::error;

/// gRPC's frame: a flag (compressed or not), the message's length, the message.
const HEAD: usize = 5;

pin_project_lite::pin_project! {
    pub(super) struct Veiled<B> {
        #[pin]
        body: B,
        sight: Arc<Sight>,
        // Not yet a whole message.
        pending: BytesMut,
        has_failed: bool,
    }
}

impl<B> Veiled<B> {
    pub(super) fn new(body: B, sight: Arc<Sight>) -> Self {
        Self { body, sight, pending: BytesMut::new(), has_failed: false }
    }
}

impl<B: Body<Data = Bytes>> Body for Veiled<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        if *this.has_failed {
            return Poll::Ready(None);
        }
        loop {
            let frame = match this.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            };
            this.pending.put(data);
            match whole_messages(&this.sight.mask(), this.pending) {
                Some(messages) if messages.is_empty() => {}
                Some(messages) => return Poll::Ready(Some(Ok(Frame::data(messages)))),
                None => {
                    *this.has_failed = true;
                    return Poll::Ready(Some(Ok(Frame::trailers(failure()))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_failed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Takes the whole messages out of `pending`, veiled and framed again; `None` if one cannot be read, and so must not be shown.
fn whole_messages(mask: &FieldMask, pending: &mut BytesMut) -> Option<Bytes> {
    let mut messages = BytesMut::new();
    while let Some((flag, length)) = head(pending) {
        if pending.len() < HEAD + length {
            break;
        }
        pending.advance(HEAD);
        let message = pending.split_to(length).freeze();
        // We compress nothing; what is compressed cannot be looked into.
        let veiled = if flag == 0 { mask.apply(message).ok()? } else { return None };
        messages.put_u8(0);
        messages.put_u32(u32::try_from(veiled.len()).ok()?);
        messages.put(veiled);
    }
    Some(messages.freeze())
}

fn head(pending: &BytesMut) -> Option<(u8, usize)> {
    let mut head = pending.get(..HEAD)?;
    let flag = head.get_u8();
    Some((flag, usize::try_from(head.get_u32()).ok()?))
}

fn failure() -> HeaderMap {
    tracing::error!("an answer with veiled fields cannot be read");
    let status = error::status(error::DOMAIN, tonic::Code::Internal, "INTERNAL", "internal error");
    let mut trailers = HeaderMap::new();
    // Without it the client sees a stream that has no status, which is an error, too.
    let _ = status.add_header(&mut trailers);
    trailers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use proto::anjia::identity::v1::{GetKeysResponse, Key};
    use types::caller::{Caller, Party, Role};
    use types::ids::{OrganisationId, ResidentId};
    use types::region::RegionCode;

    use super::*;
    use crate::access::{Guarded, Policies, Policy};
    use crate::methods::Methods;

    const ACCESS: &str = r#"
        ["anjia.identity.v1.TokenService/ExchangeToken"]
        anonymous = true
        ["anjia.identity.v1.TokenService/GetKeys"]
        roles = ["auditor", "operator"]
        object = "anyone"
        object_for = { operator = "organisation" }
        masked_for = { auditor = ["keys.key_id"] }
        hidden_from = { auditor = ["keys.x"] }
        ["anjia.identity.v1.TokenService/RevokeToken"]
        anonymous = true
        ["anjia.identity.v1.TokenService/LiftRevocation"]
        anonymous = true
        ["anjia.identity.v1.TokenService/PullRevocations"]
        anonymous = true
    "#;

    fn caller(roles: &[Role]) -> Caller {
        Caller {
            roles: roles.iter().cloned().collect::<BTreeSet<_>>(),
            ..Caller::new(Party::Client("desk".to_owned()), RegionCode::BEIJING)
        }
    }

    fn policy() -> Arc<Policy> {
        let policies = Policies::check(ACCESS, &["anjia.identity.v1.TokenService"], Methods::declared()).unwrap();
        Arc::clone(policies.get("anjia.identity.v1.TokenService/GetKeys").unwrap())
    }

    fn sight(roles: &[Role]) -> Arc<Sight> {
        Arc::new(Sight::new(&policy(), &caller(roles)))
    }

    /// A body in pieces of a few bytes.
    struct Pieces(Vec<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn framed(message: &impl Message, flag: u8) -> Vec<u8> {
        let body = message.encode_to_vec();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[flag], length.as_slice(), &body].concat()
    }

    async fn frames(bytes: &[u8], sight: Arc<Sight>) -> Vec<Frame<Bytes>> {
        let pieces = bytes.chunks(3).rev().map(Bytes::copy_from_slice).collect();
        let mut body = Box::pin(Veiled::new(Pieces(pieces), sight));
        let mut frames = vec![];
        while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            frames.push(frame.unwrap());
        }
        frames
    }

    fn keys() -> GetKeysResponse {
        GetKeysResponse { keys: vec![Key { key_id: "first".to_owned(), x: "secret".to_owned(), ..Key::default() }] }
    }

    #[tokio::test]
    async fn each_message_of_a_stream_is_veiled_however_it_is_cut() {
        let stream = [framed(&keys(), 0), framed(&GetKeysResponse::default(), 0), framed(&keys(), 0)].concat();
        let frames = frames(&stream, sight(&[Role::Auditor])).await;
        let bytes: Vec<u8> = frames.into_iter().flat_map(|frame| frame.into_data().unwrap()).collect();
        let veiled =
            GetKeysResponse { keys: vec![Key { key_id: "f**".to_owned(), x: String::new(), ..Key::default() }] };
        assert_eq!(bytes, [framed(&veiled, 0), framed(&GetKeysResponse::default(), 0), framed(&veiled, 0)].concat());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_shown() {
        let frames = frames(&framed(&keys(), 1), sight(&[Role::Auditor])).await;
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].trailers_ref().unwrap()["grpc-status"], "13");
    }

    #[test]
    fn whoever_has_a_role_that_shows_it_sees_it() {
        assert!(!sight(&[Role::Operator]).is_veiled());
        assert!(sight(&[Role::Auditor, Role::Operator]).mask().is_empty());
        assert!(!sight(&[Role::Auditor]).mask().is_empty());
    }

    /// A row of one organisation.
    struct Row(OrganisationId);

    impl Guarded for Row {
        fn resident(&self) -> Option<ResidentId> {
            None
        }

        fn organisations(&self) -> Vec<OrganisationId> {
            vec![self.0]
        }
    }

    /// Auditors open every row, veiled; operators those of their organisation, whole.
    #[test]
    fn id_07_a_row_is_veiled_as_the_role_that_opened_it_says() {
        let own = OrganisationId::generate();
        let (policy, both) = (policy(), caller(&[Role::Auditor, Role::Operator]));
        let both = Caller { organisation: Some(own), ..both };
        let sight = Sight::new(&policy, &both);
        sight.open(&policy, &both, &Row(own));
        assert!(sight.mask().is_empty());
        // One row that only the auditor opens, and the answer is an auditor's.
        sight.open(&policy, &both, &Row(OrganisationId::generate()));
        let auditors = Sight::new(&policy, &caller(&[Role::Auditor])).mask();
        assert_eq!(sight.mask(), auditors);
        sight.open(&policy, &both, &Row(own));
        assert_eq!(sight.mask(), auditors);
    }
}
