use testkit::Mesh;

#[tokio::test]
async fn id_07_a_client_gets_a_token() {
    let mesh = Mesh::start(&["identity"]).await;
    let ctx = mesh.caller("worker").context().await.unwrap();
    assert_eq!(ctx.caller.subject.to_string(), mesh.caller("worker").party());
}
