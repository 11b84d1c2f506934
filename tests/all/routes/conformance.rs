//! Schemathesis, an independent judge: what the routes answer to what their description allows and to what
//! it doesn't.

use super::collect::World;
use crate::support::tools;
use std::process::Command;

/// What an answer must hold to: no 5xx, and status, media type, shape and headers as described.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

#[tokio::test]
async fn what_is_answered_is_what_the_description_says() {
    let Some(schemathesis) = tools::schemathesis() else { return };
    let world = World::new(20).await;
    let (code, output, _) = crate::commands::run(&world.environment, &["collect"]).await;
    assert_eq!(code, Some(0), "{output}");
    let document = format!("http://127.0.0.1:{}/api/openapi.json", world.service.port);
    let place = world.folder.path().to_owned();

    let judged = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(schemathesis);
        command.current_dir(place).args(["run", &document, "--checks", CHECKS]);
        command.args(["--max-examples", "12", "--seed", "20261126", "--no-color"]);
        command.args(["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"]);
        command.output().unwrap()
    });
    let judged = judged.await.unwrap();

    let told = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{told}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(told.contains("Test cases:"), "{told}");
}
