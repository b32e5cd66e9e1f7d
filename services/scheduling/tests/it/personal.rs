//! Every table with data about a person is listed: they are shown it, and its keys can be replaced.

use scheduling::MIGRATOR;
use scheduling::app::{OPEN, PERSONAL};
use testkit::personal;

#[tokio::test]
async fn id_08_no_table_about_a_resident_is_left_out_of_export_and_rotation() {
    personal::every_table_is_listed(&MIGRATOR, PERSONAL).await;
}

#[tokio::test]
async fn id_08_every_table_can_be_asked_what_is_kept_of_it_and_what_has_had_its_time() {
    personal::every_table_can_be_asked(&MIGRATOR, "scheduling", PERSONAL, Some(OPEN)).await;
}
