use std::time::Duration;

use proto::anjia::payment::v1::{self as pb, BillState};
use testkit::reason;
use tonic::{Code, Status};
use types::ids::ReceiptId;

use crate::world::{World, money, on_settlement};

async fn verify(
    world: &World,
    client: &str,
    receipt: Option<pb::Receipt>,
) -> Result<pb::VerifyReceiptResponse, Status> {
    let request = world.caller(client).request(pb::VerifyReceiptRequest { receipt }).await;
    Ok(world.bills().verify_receipt(request).await?.into_inner())
}

pub(crate) async fn receipt(world: &World, receipt_id: &str) -> Result<pb::Receipt, Status> {
    let message = pb::GetReceiptRequest { receipt_id: receipt_id.to_owned() };
    let request = world.caller("resident").request(message).await;
    Ok(world.bills().get_receipt(request).await?.into_inner().receipt.unwrap_or_default())
}

/// A receipt of hers, once it verifies against the sealed audit.
pub(crate) async fn sealed(world: &World, receipt_id: &str) -> pb::Receipt {
    let held = receipt(world, receipt_id).await.expect("hers");
    proof(world, &held).await;
    held
}

async fn proof(world: &World, held: &pb::Receipt) -> pb::VerifyReceiptResponse {
    let mut tries = 0;
    loop {
        match verify(world, "operator", Some(held.clone())).await {
            Ok(proof) => return proof,
            Err(status) if reason(&status) == "RECEIPT_NOT_SEALED" && tries < 50 => tries += 1,
            Err(status) => panic!("{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn py_09_a_receipt_verifies_against_the_sealed_audit_and_an_altered_one_does_not() {
    let world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.authorise("clinic", on_settlement(&settlement, vec![])).await.expect("authorised");
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    let bill = world.until(&bill.bill_id, BillState::Settled).await;
    let held = receipt(&world, &bill.receipt_id).await.expect("the resident's own");
    assert_eq!(
        (held.bill_id.as_str(), held.settlement_id.as_str()),
        (bill.bill_id.as_str(), bill.settlement_id.as_str())
    );
    assert_eq!(held.shares, bill.shares);

    let proof = proof(&world, &held).await;
    let mut owner = world.mesh.owner("payment").await;
    let stands: String = sqlx::query_scalar("SELECT encode(hash, 'hex') FROM audit_entries WHERE position = $1")
        .bind(proof.audit_position)
        .fetch_one(&mut owner)
        .await
        .expect("the entry");
    assert_eq!(proof.audit_hash, stands);

    for altered in [
        pb::Receipt { total: Some(money("24.00")), ..held.clone() },
        pb::Receipt { shares: vec![], ..held.clone() },
        pb::Receipt { hash: "0".repeat(64), ..held.clone() },
        pb::Receipt { hash: String::new(), ..held.clone() },
        pb::Receipt { resident_id: ReceiptId::generate().to_string(), ..held.clone() },
    ] {
        let differs = verify(&world, "operator", Some(altered)).await.expect_err("altered");
        assert_eq!((differs.code(), reason(&differs).as_str()), (Code::FailedPrecondition, "RECEIPT_DIFFERS"));
    }
    let nobodys = pb::Receipt { receipt_id: ReceiptId::generate().to_string(), ..held };
    let unknown = verify(&world, "operator", Some(nobodys)).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "RECEIPT_NOT_FOUND"));
    assert_eq!(verify(&world, "operator", None).await.expect_err("nothing").code(), Code::InvalidArgument);
    let unknown = receipt(&world, &ReceiptId::generate().to_string()).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "RECEIPT_NOT_FOUND"));
    let malformed = receipt(&world, "").await.expect_err("malformed");
    assert_eq!(malformed.code(), Code::InvalidArgument);
}
